//! What is told of the kinds of record to whoever draws forms.

use kehu_domain::custom::CustomType;
use kehu_domain::kinds::{KINDS, Severity, Stage};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, schema_ref, whole};
use crate::problem_codes as codes;

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let kept = &["ETag", "Cache-Control"];
    let operation = |path: &str, id: &str, summary: &str, description: &str, schema: &str| Operation {
        summary: summary.to_owned(),
        description: description.to_owned(),
        answers: vec![
            Answer::json(200, "As the caller may use it.", schema_ref(schema)).with_headers(kept),
            Answer::empty(304, "It is what the given ETag stands for.").with_headers(kept),
        ],
        parameters: vec![parameter_ref("IfNoneMatch")],
        ..Operation::new("get", path, id, "schema")
    };
    let list = "Every kind of record, and how far the caller's actions on it reach.";
    let one = "Enough to draw a form from it alone: fields in their order with labels, types, limits and choices, the rules \
               of the organisation, what the caller sees and writes, and the codes that may come back.";
    let mut get =
        operation("/v1/schema/{resource}", "schema_get", "What is a kind of record made of?", one, "KindSchema");
    let names: Vec<&str> = KINDS.iter().flat_map(|kind| [kind.path, kind.name]).collect();
    get.parameters.push(json!({
        "name": "resource", "in": "path", "required": true, "schema": { "type": "string", "enum": names },
        "description": "The kind, in the plural or the singular.",
    }));
    get.problems = vec![&codes::NOT_FOUND];
    vec![operation("/v1/schema", "schema_list", "Which kinds of record are there?", list, "KindList"), get]
}

fn text(doc: &str) -> Value {
    json!({ "type": "string", "description": doc })
}

fn flag(doc: &str) -> Value {
    json!({ "type": "boolean", "description": doc })
}

fn texts(doc: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": doc })
}

fn list(items: &Value, doc: &str) -> Value {
    json!({ "type": "array", "items": items, "description": doc })
}

fn head() -> Map<String, Value> {
    let reach = json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } });
    let members = json!({
        "kind": text("Its name in the singular, in bodies."),
        "path": text("Its name in the plural, in addresses."),
        "label": schema_ref("Label"),
        "doc": text("What it is."),
        "can": described(reach, "How far each of the caller's actions reaches; empty: not at all."),
    });
    members.as_object().cloned().unwrap_or_default()
}

const TYPES: [&str; 24] = [
    "line",
    "text",
    "choice",
    "choices",
    "lines",
    "flag",
    "integer",
    "instant",
    "date",
    "birthday",
    "quarter",
    "budget",
    "id_number",
    "word",
    "id",
    "reference",
    "industry",
    "region",
    "phones",
    "emails",
    "bank_accounts",
    "tags",
    "words",
    "data",
];

fn field() -> Value {
    let seen = |doc: &str| json!({ "type": "string", "enum": ["hidden", "masked", "full"], "description": doc });
    let sees = whole(
        "How much of it the caller sees.",
        json!({
            "own": seen("Of one's own records, and those shared with one."),
            "team": seen("Of those of one's team and the teams below."),
            "other": seen("Of every other record."),
        }),
    );
    let filter = whole(
        "A member of conditions.",
        json!({ "member": text("The member of a condition."), "operators": texts("The operators that it knows.") }),
    );
    let choice = whole("One choice.", json!({ "key": text("What is written."), "label": schema_ref("Label") }));
    let always = json!({
        "name": text("The member of the record."),
        "label": schema_ref("Label"),
        "doc": text("What it is."),
        "type": { "type": "string", "x-extensible-enum": TYPES, "description": "What it holds, in a word that stays." },
        "nullable": flag("Whether it may be null."),
        "required": flag("Whether a create must bring it, whatever the rules say."),
        "required_at": texts("Stages at which a rule refuses a record without it; of a kind without stages, all of them."),
        "write": { "type": "string", "enum": ["always", "create", "transfer", "never"], "description": "When it is said." },
        "writes": flag("Whether the caller may say it."),
        "sees": sees,
        "sealed": flag("Whether it is sealed before it is stored."),
        "data_class": { "type": "string", "enum": ["general", "contact_data", "identity"], "description": "What personal data it is." },
        "sortable": flag("Whether lists are ordered by it."),
        "filters": list(&filter, "How lists are asked for it; none where they are not."),
        "example": { "description": "A value that a create takes; null where there is no better one than the type says." },
        "codes": texts("Codes that its values are refused with."),
    });
    let mut schema = whole("A field, in the order of the form.", always);
    let more = json!({
        "max_length": { "type": "integer", "description": "Of a text: the most characters." },
        "max_items": { "type": "integer", "description": "Of a list: the most elements." },
        "choices": list(&choice, "Of a choice: what there is to choose from, in order."),
        "kind": text("Of a reference: the kind that it points to."),
        "data": text("Of structured data: the name of its schema in the description of the API."),
        "json_schema": { "type": "object", "description": "Of structured data: its schema, whole." },
    });
    if let (Some(Value::Object(known)), Value::Object(more)) = (schema.get_mut("properties"), more) {
        known.extend(more);
    }
    schema
}

/// A field that the organisation added.
fn custom_field() -> Value {
    let mut schema = field();
    let anything = |doc: &str| json!({ "description": doc });
    let or_null = |name: &str| json!({ "anyOf": [schema_ref(name), { "type": "null" }] });
    let text_or_null = |doc: &str| json!({ "type": ["string", "null"], "description": doc });
    let own = json!({
        "key": text("The member of `custom`."),
        "name": text("Its name among the members of a record: `custom.<key>`."),
        "help": described(or_null("Label"), "What to write there."),
        "group": text_or_null("The group that a form shows it in."),
        "order": { "type": "integer", "description": "Its place in a form." },
        "type": { "type": "string", "x-extensible-enum": keys(CustomType::VOCABULARY.items), "description": "What it holds." },
        "required": flag("Whether a record must have it."),
        "unique": flag("Whether no two records may have the same value."),
        "default": anything("The value of a new record that says none."),
        "min": anything("The least value, the fewest characters or items."),
        "max": anything("The greatest value, the most characters or items."),
        "pattern": text_or_null("What a text must match as a whole."),
        "currency": text_or_null("The currency of money."),
        "kind": text_or_null("Of a reference: the kind that it points to."),
        "searchable": flag("Whether `q` finds its text."),
        "json_schema": { "type": "object", "description": "What a value is." },
    });
    let gone = ["doc", "nullable", "write", "example", "codes", "max_length", "max_items", "data"];
    if let (Some(schema), Value::Object(own)) = (schema.as_object_mut(), own) {
        schema.insert("description".into(), "A field that the organisation added.".into());
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(own);
            properties.retain(|name, _| !gone.contains(&name.as_str()));
            let names: Vec<String> = properties.keys().cloned().collect();
            schema.insert("required".into(), json!(names));
        }
    }
    schema
}

fn keys(items: &[(&str, &str, &str)]) -> Vec<String> {
    items.iter().map(|(key, ..)| (*key).to_owned()).collect()
}

/// Schemas of the answers.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    let label = json!({ "zh-CN": text("In Chinese."), "en": text("In English.") });
    all.insert("Label".into(), whole("What people call it.", label));
    let mut kind = head();
    kind.insert("schema".into(), text("Where the rest of it is told."));
    let data = list(&whole("A kind of record.", kind.into()), "Every kind.");
    all.insert("KindList".into(), whole("The kinds of record.", json!({ "data": data })));
    all.insert("KindField".into(), field());
    all.insert("KindCustomField".into(), custom_field());
    let stages = keys(Stage::VOCABULARY.items);
    let rule = whole(
        "A rule of the organisation.",
        json!({
            "id": { "type": "string", "format": "uuid", "description": "Its id: `params.rule` of what it says." },
            "field": text("The field."),
            "stages": { "type": ["array", "null"], "items": { "type": "string", "enum": stages }, "description": "When it holds; null: always." },
            "check": schema_ref("EntryCheck"),
            "severity": { "type": "string", "enum": keys(Severity::VOCABULARY.items), "description": "Whether it refuses or warns." },
            "message": { "anyOf": [schema_ref("Label"), { "type": "null" }], "description": "What it says; null: a sentence of the program." },
        }),
    );
    let code = whole(
        "A code of an error.",
        json!({
            "code": text("What programs compare."),
            "status": { "type": "integer", "description": "The status of the answer." },
            "label": schema_ref("Label"),
        }),
    );
    let related = whole(
        "A relation.",
        json!({
            "name": text("What stands before the dot."),
            "kind": text("The kind of the related records."),
            "many": { "type": "boolean", "description": "Whether there may be several, of which one must fit." },
        }),
    );
    let fast = whole(
        "A question that is fast at any size.",
        json!({
            "equal": texts("Members that are equal to one value each."),
            "sort": texts("Orders, either way round; empty where any will do."),
        }),
    );
    let mut one = head();
    let more = json!({
        "verbs": texts("What can be done with it beside reading and writing records one by one."),
        "fields": list(&schema_ref("KindField"), "Its fields, in the order of a form."),
        "custom": list(&schema_ref("KindCustomField"), "Fields that the organisation added, in the order of a form."),
        "rules": list(&rule, "What the organisation asks of its fields, in order."),
        "sorts": texts("What lists can be ordered by, also turned round by a leading `-`."),
        "expand": texts("Related records that `expand` brings along."),
        "related": list(&related, "Relations along which lists can be asked: `contacts.position`."),
        "fast": list(&fast, "Questions that are fast at any size: members that are equal to one value each, and orders."),
        "codes": list(&code, "Codes that its doors answer with."),
    });
    one.extend(more.as_object().cloned().unwrap_or_default());
    all.insert("KindSchema".into(), whole("What a kind of record is made of, for one caller.", one.into()));
    all
}
