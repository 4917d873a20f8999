//! Facets and counts, in the description.

use kehu_domain::kinds::KINDS;
use kehu_domain::record::Kind;
use kehu_store::machine::groupings;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const JSON: &[&str] = &["application/json"];

/// Grouping the records of a kind.
pub(super) fn facets(kind: &'static Kind) -> Operation {
    let text = "How many records there are of each value of a field, of those that `where` and `q` select and the caller \
                may read. A field that is hidden or masked of one of them is as unknown as one that does not exist. Dates \
                are grouped by `day`, `week`, `month`, `quarter` or `year` in the organisation's time zone: \
                `created_at.month`.";
    let path = format!("/v1/{}/facets", kind.path);
    let mut facets = Operation::new("post", path, format!("{}_facets", kind.path), kind.path);
    facets.summary = format!("Count {} by the values of fields", kind.path.replace('_', "-"));
    facets.description = text.to_owned();
    facets.body = Some((JSON, schema_ref(&format!("{}Facets", kind.schema))));
    facets.example = Some(json!({ "by": ["created_at.month"], "top": 12 }));
    facets.answers = vec![Answer::json(200, "The groups of each field.", schema_ref("Facets"))];
    facets.problems = vec![&codes::FORBIDDEN, &codes::TOO_EXPENSIVE, &codes::COMPARE_LIMIT];
    facets.asks = true;
    facets
}

/// Counting what several questions select.
pub(super) fn operations() -> Vec<Operation> {
    let text = "How many records each of up to 20 questions selects, of those that the caller may read, all of one \
                moment. The names are the caller's own. Each count stops at 10,000 (`at_least`). Where \
                one is too expensive, the problem's `pointer` names it.";
    let mut counts = Operation::new("post", "/v1/counts", "counts", "counts");
    (counts.summary, counts.description) = ("Count what several questions select".to_owned(), text.to_owned());
    counts.body = Some((JSON, schema_ref("CountsAsked")));
    counts.example = Some(json!({
        "overdue": { "kind": "customer", "where": { "field": "next_follow_up_at", "op": "lt", "value": "2026-11-26" } },
        "new": { "kind": "customer", "where": { "field": "created_at", "op": "within_last", "value": 7 } },
    }));
    counts.answers = vec![Answer::json(200, "The counts, by the names that were asked.", schema_ref("Counts"))];
    counts.problems = vec![&codes::FORBIDDEN, &codes::TOO_EXPENSIVE, &codes::COMPARE_LIMIT];
    counts.asks = true;
    vec![counts]
}

/// Schemas of bodies and answers.
pub(super) fn schemas() -> Map<String, Value> {
    let mut question: Map<String, Value> = [where_member(), q_member()].into_iter().collect();
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    question.insert("kind".into(), described(json!({ "type": "string", "enum": kinds }), "The kind of record."));
    let question = object("A question to one kind of record.", question, &["kind"], true);
    let counts = |doc: &str, item: Value| json!({ "type": "object", "description": doc, "minProperties": 1, "maxProperties": 20, "additionalProperties": item });
    [
        ("Facet", facet()),
        ("FacetGroup", group()),
        (
            "Facets",
            whole(
                "Groups, by the fields that were asked for.",
                json!({ "data": {
                    "type": "object", "description": "The groups of each field, under its name in `by`.",
                    "additionalProperties": schema_ref("Facet"),
                } }),
            ),
        ),
        ("CountsAsked", counts("Questions, by names of the caller's own.", question)),
        ("Counts", counts("Counts, by the names that were asked.", schema_ref("Counted"))),
        (
            "Counted",
            whole(
                "A count.",
                json!({
                    "count": { "type": "integer", "minimum": 0, "description": "How many records there are." },
                    "count_is": {
                        "type": "string", "enum": ["exact", "at_least"],
                        "description": "What `count` says: it stops at 10,000.",
                    },
                }),
            ),
        ),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

fn where_member() -> (String, Value) {
    let filter = or_null(schema_ref("Filter"));
    ("where".to_owned(), described(filter, "What the records must be like; absent: anything."))
}

fn q_member() -> (String, Value) {
    let q = json!({ "type": ["string", "null"] });
    ("q".to_owned(), described(q, "Words that stand in the record; of kinds that have a name."))
}

/// By what records of a kind are grouped, and which of them. `asked`: the members that its search lists.
pub(super) fn facets_schema(kind: &'static Kind, asked: Value) -> Value {
    let mut members: Map<String, Value> = [where_member()].into_iter().collect();
    members.extend(kind.field("name").map(|_| q_member()));
    let custom =
        json!({ "type": "string", "pattern": "^custom\\.[a-z][a-z0-9_]{0,39}(\\.(day|week|month|quarter|year))?$" });
    let name = json!({ "anyOf": [{ "type": "string", "enum": groupings(kind) }, custom] });
    let by = json!({ "type": "array", "minItems": 1, "maxItems": 5, "items": name });
    members.insert("by".into(), described(by, "By which fields."));
    let top = json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 400, "default": 20 });
    members.insert("top".into(), described(top, "How many groups of each field are told."));
    let doc = format!("By what to group which {}.", kind.path.replace('_', "-"));
    let mut schema = object(&doc, members, &["by"], true);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("x-filter-fields".into(), asked);
    }
    schema
}

fn facet() -> Value {
    let groups = json!({ "type": "array", "items": schema_ref("FacetGroup") });
    let doc = "The groups with the most records, the largest first; periods from the latest on, and what has no date \
               last.";
    let other = json!({ "type": "integer", "minimum": 0 });
    whole(
        "How many records there are of each value of a field.",
        json!({
            "groups": described(groups, doc),
            "other": described(other, "How many are in groups that are not told; a record with several values counts in each."),
        }),
    )
}

fn group() -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value, doc: &str| {
        members.insert(name.to_owned(), described(schema, doc));
    };
    let value = json!({ "type": ["string", "integer", "boolean", "null"] });
    add("value", value, "The value, as a filter takes it; the name of a period: `2026-11`, `2026-W48`, `2026-Q4`.");
    add("count", json!({ "type": "integer", "minimum": 0 }), "How many records have it.");
    let label = json!({ "type": ["object", "null"], "additionalProperties": { "type": "string" } });
    add("label", label, "Of a key: what people call it, by language.");
    add("industry", or_null(schema_ref("Industry")), "Of an industry: its code and name.");
    add("region", or_null(schema_ref("Region")), "Of a region: its code and names.");
    let day = || json!({ "type": ["string", "null"], "format": "date" });
    add("from", day(), "Of a period: its first day.");
    add("until", day(), "Of a period: the first day of the next one.");
    let doc = "How many records have a value, and what it is called; a reference has the record beside it, under the \
               name that it has in answers (`owner`, `team`, `customer`, `tag`).";
    let mut schema = object(doc, members, &["value", "count"], false);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("additionalProperties".into(), or_null(schema_ref("Reference")));
    }
    schema
}
