//! Schemas of a kind of record: what answers hold, what a create and a merge patch take, lists, searches, batches.

use kehu_domain::field::Field;
use kehu_domain::filter::{self, sorts};
use kehu_domain::kinds::kind_named;
use kehu_domain::record::Kind;
use kehu_domain::rights::{ACTIONS, Action, CUSTOM, actions_of};
use kehu_store::machine::{EXPANSIONS, Expansion, Resource, expansion_paths, resource};
use serde_json::{Map, Value, json};

use super::conditions;
use super::counting;
use super::keyed;
use super::reveal;
use super::shapes::{Form, described, field_schema, is_read_only, null_in_answers, object, or_null, schema_ref};
use super::shared::{DELETED, WORDS};
use super::{bulk, people};

/// The most records of an expanded relation.
const EXPANDED: usize = 100;
/// The most records that a create may bring along.
const ALONG: usize = 100;
/// The most items of a batch.
const BATCH: usize = 1000;
/// The most records of a page.
pub(super) const PAGE: usize = 500;

/// Kinds whose records a create of another kind may bring along, and the field that then needs no saying.
pub(super) const BROUGHT_ALONG: &[(&str, &str, &str)] = &[("customer", "contact", "customer_id")];

/// What `expand` can bring along with records of a kind.
pub(crate) fn expansions(kind: &'static Kind) -> impl Iterator<Item = &'static Expansion> {
    EXPANSIONS.iter().filter(|expansion| expansion.of == kind.name)
}

/// Every order of a list of a kind, each also turned round by a leading `-`.
pub(super) fn orders(kind: &Kind) -> Vec<String> {
    sorts(kind).flat_map(|name| [name.to_owned(), format!("-{name}")]).collect()
}

/// Every member of an answer that `fields` can ask for.
pub(super) fn member_names(kind: &'static Kind) -> Vec<&'static str> {
    let fields = kind.fields.iter().flat_map(|field| [Some(field.name), field.display_name()]).flatten();
    let base = ["id", "version", "created_at", "updated_at", "created_by"].into_iter();
    let deleted = can_be_deleted(kind).then_some("deleted_at");
    base.chain(fields).chain([CUSTOM, "hidden", "masked", "can"]).chain(deleted).collect()
}

/// Whether its records can be deleted, and asked for then.
pub(super) fn can_be_deleted(kind: &Kind) -> bool {
    resource(kind.name).is_some_and(Resource::removable)
}

/// When a record was deleted.
fn deleted_at(kind: &Kind) -> Option<(String, Value)> {
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let doc = "When it was deleted; with `deleted=include`, and where `fields` names it.";
    can_be_deleted(kind).then(|| ("deleted_at".to_owned(), described(time, doc)))
}

/// The name of a member of an answer, one of a field that the organisation added too.
pub(super) fn member_schema(kind: &'static Kind) -> Value {
    let custom = json!({ "type": "string", "pattern": "^custom\\.[a-z][a-z0-9_]{0,39}$" });
    json!({ "anyOf": [{ "type": "string", "enum": member_names(kind) }, custom] })
}

/// An order of a list of a kind.
pub(super) fn order_schema(kind: &Kind) -> Value {
    let custom = json!({ "type": "string", "pattern": "^-?custom\\.[a-z][a-z0-9_]{0,39}$" });
    json!({ "anyOf": [{ "type": "string", "enum": orders(kind) }, custom] })
}

/// Values of the fields that the organisation added.
fn custom_values(doc: &str) -> Value {
    described(json!({ "type": "object", "additionalProperties": true }), doc)
}

/// All schemas of a kind, by name.
pub(super) fn schemas(kind: &'static Kind) -> Vec<(String, Value)> {
    let name = kind.schema;
    let mut all = vec![
        (name.to_owned(), answer(kind)),
        (format!("{name}Patch"), patch(kind)),
        (format!("{name}Part"), part(kind)),
        (format!("{name}Page"), page(kind)),
        (format!("{name}Search"), search(kind)),
        (format!("{name}Facets"), counting::facets_schema(kind, asked_by(kind))),
        (format!("{name}Filter"), conditions::flat_filter(kind)),
    ];
    // What comes with a file comes as a form.
    if !resource(kind.name).is_some_and(Resource::uploaded) {
        all.insert(1, (format!("{name}Input"), input(kind, None)));
    }
    for (_, child, field) in along(kind) {
        all.push((format!("{name}{}Input", child.schema), input(child, Some(field))));
    }
    if resource(kind.name).is_some_and(Resource::batched) {
        all.push((format!("{name}Batch"), batch(kind)));
        all.push((format!("{name}Bulk"), bulk::schema(kind)));
    }
    if keyed::is_keyed(kind) {
        all.extend(keyed::schemas_of(kind, &input(kind, None)));
    }
    all.extend(reveal::schemas(kind));
    people::extend(kind, &mut all);
    all
}

pub(super) fn along(kind: &Kind) -> impl Iterator<Item = (&'static str, &'static Kind, &'static str)> {
    BROUGHT_ALONG
        .iter()
        .filter(|(parent, ..)| *parent == kind.name)
        .filter_map(|(parent, child, field)| kind_named(child).map(|child| (*parent, child, *field)))
}

fn base() -> Map<String, Value> {
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value, title: &str, zh: &str, doc: &str| {
        let mut schema = described(schema, doc);
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("title".into(), title.into());
            schema.insert("x-label".into(), json!({ "zh-CN": zh, "en": title }));
        }
        members.insert(name.into(), schema);
    };
    let time = || json!({ "type": "string", "format": "date-time" });
    add("id", json!({ "type": "string", "format": "uuid" }), "Id", "编号", "UUIDv7, never changed.");
    add(
        "version",
        json!({ "type": "integer", "format": "int64", "minimum": 1 }),
        "Version",
        "版本",
        "Rises with every change of the answer.",
    );
    add("created_at", time(), "Created at", "创建时间", "When it was made.");
    add("updated_at", time(), "Updated at", "更新时间", "When it was last changed.");
    let by = json!({ "type": ["string", "null"], "format": "uuid" });
    add("created_by", by, "Created by", "创建人", "The user who made it; null for what came through a form.");
    members
}

fn veiled() -> [(&'static str, Value); 2] {
    let names = || json!({ "type": "array", "items": { "type": "string" } });
    [
        ("hidden", described(names(), "Names of fields that are null because the caller may not see them.")),
        ("masked", described(names(), "Names of fields that are shown as a mask.")),
    ]
}

/// What the caller may do to a record.
fn can(kind: &Kind) -> Value {
    let known = ACTIONS.iter().filter(|(action, _)| !matches!(action, Action::Create | Action::Read));
    let known = known.filter(|(action, _)| actions_of(kind.name).contains(action));
    let words: Vec<&str> = known.map(|(_, word)| *word).collect();
    let list = json!({ "type": "array", "items": { "type": "string", "enum": words } });
    described(list, "What the caller may do to the record; lists tell it with `can=true` alone.")
}

/// The member beside a reference that shows what it points to: its name, or the whole record where `expand` asked.
fn display(kind: &'static Kind, field: &Field, null: bool) -> Option<(String, Value)> {
    let name = field.display_name()?;
    let expansion = expansions(kind).find(|expansion| expansion.by == Some(field.name));
    let whole = expansion.and_then(|expansion| kind_named(expansion.to));
    let schema = match whole {
        Some(to) => json!({ "anyOf": [schema_ref("Reference"), schema_ref(to.schema), { "type": "null" }] }),
        None if null => or_null(schema_ref("Reference")),
        None => schema_ref("Reference"),
    };
    let doc = match whole {
        Some(_) => {
            format!("{} by name, for display; with `expand={name}` the whole record, null out of reach.", field.en)
        }
        None => format!("{} by name, for display.", field.en),
    };
    Some((name.to_owned(), described(schema, &doc)))
}

/// Lists that stand in an answer only where `expand` asked for them.
fn expanded(kind: &'static Kind) -> Vec<(String, Value)> {
    let lists = expansions(kind).filter(|expansion| expansion.by.is_none());
    lists
        .filter_map(|expansion| Some((expansion.name, kind_named(expansion.to)?)))
        .flat_map(|(name, to)| {
            let list = json!({ "type": "array", "maxItems": EXPANDED, "items": schema_ref(to.schema) });
            let list_doc = format!("With `expand={name}`: {EXPANDED} at most.");
            let more_doc = format!("With `expand={name}`: whether there are more than `{name}` shows.");
            [
                (name.to_owned(), described(list, &list_doc)),
                (format!("{name}_has_more"), described(json!({ "type": "boolean" }), &more_doc)),
            ]
        })
        .collect()
}

fn answer(kind: &'static Kind) -> Value {
    let mut members = base();
    for field in kind.fields {
        members.insert(field.name.into(), field_schema(field, Form::Answer));
        members.extend(display(kind, field, null_in_answers(field)));
    }
    let doc = "The values of fields that the organisation added, by their keys: `GET /v1/fields`.";
    members.insert(CUSTOM.into(), custom_values(doc));
    members.extend(veiled().map(|(name, schema)| (name.to_owned(), schema)));
    let required: Vec<String> = members.keys().cloned().collect();
    let required: Vec<&str> = required.iter().map(String::as_str).collect();
    members.insert("can".into(), can(kind));
    members.extend(deleted_at(kind));
    members.extend(expanded(kind));
    titled(object(kind.doc.trim(), members, &required, false), kind)
}

/// What an answer holds where `fields` chose: some of the members.
fn part(kind: &'static Kind) -> Value {
    let mut part = answer(kind);
    if let Some(members) = part.as_object_mut() {
        members.shift_remove("required");
        members.shift_remove("title");
        let doc = format!("With `fields`: the members that were asked for, of {}.", kind.path.replace('_', "-"));
        members.insert("description".into(), doc.into());
        members.insert("additionalProperties".into(), false.into());
    }
    part
}

/// A record, or what `fields` chose of it.
pub(super) fn shown(kind: &Kind) -> Value {
    json!({ "anyOf": [schema_ref(kind.schema), schema_ref(&format!("{}Part", kind.schema))] })
}

fn input(kind: &Kind, without: Option<&str>) -> Value {
    let said = kind.fields.iter().filter(|field| !is_read_only(field, Form::Input) && Some(field.name) != without);
    let mut members: Map<String, Value> =
        said.clone().map(|field| (field.name.to_owned(), field_schema(field, Form::Input))).collect();
    for (_, child, _) in along(kind).filter(|_| without.is_none()) {
        let item = schema_ref(&format!("{}{}Input", kind.schema, child.schema));
        let list = json!({ "type": ["array", "null"], "maxItems": ALONG, "items": item });
        let doc = format!("{} made with it, in the same transaction.", child.path.replace('_', "-"));
        members.insert(child.path.into(), described(list, &doc));
    }
    if without.is_none() && keyed::is_keyed(kind) {
        let own = json!({ "type": ["string", "null"], "format": "uuid" });
        members.insert("id".into(), described(own, "A UUIDv7 that the client made; absent: the system makes one."));
    }
    members
        .insert(CUSTOM.into(), or_null(custom_values("Values of fields that the organisation added, by their keys.")));
    let required: Vec<&str> = said.filter(|field| field.required).map(|field| field.name).collect();
    let doc = match without {
        None => format!("{} What a client says of a new one.", kind.doc.trim()),
        Some(_) => format!("{} What a client says of a new one that is made with its parent.", kind.doc.trim()),
    };
    object(&doc, members, &required, true)
}

fn patch(kind: &'static Kind) -> Value {
    let read_only = |mut schema: Value| {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("readOnly".into(), true.into());
        }
        schema
    };
    let mut members: Map<String, Value> = base().into_iter().map(|(name, schema)| (name, read_only(schema))).collect();
    for field in kind.fields {
        members.insert(field.name.into(), field_schema(field, Form::Patch));
        members.extend(display(kind, field, true).map(|(name, schema)| (name, read_only(schema))));
    }
    let doc = "Values of fields that the organisation added: what is absent stays, null clears.";
    members.insert(CUSTOM.into(), or_null(custom_values(doc)));
    members.extend(veiled().map(|(name, schema)| (name.to_owned(), read_only(schema))));
    members.insert("can".into(), read_only(can(kind)));
    members.extend(deleted_at(kind).map(|(name, schema)| (name, read_only(schema))));
    members.extend(expanded(kind).into_iter().map(|(name, schema)| (name, read_only(schema))));
    let warned = json!({ "type": "array", "items": schema_ref("ProblemError") });
    members.insert("warnings".into(), read_only(described(warned, "What the answer to a write told; it is not read.")));
    let doc = format!(
        "{} A merge patch (RFC 7396): what is absent stays, null clears. What was read may be sent back whole; \
         `version` then stands for If-Match.",
        kind.doc.trim()
    );
    object(&doc, members, &[], true)
}

fn page(kind: &Kind) -> Value {
    let mut members = Map::new();
    let list = json!({ "type": "array", "items": shown(kind) });
    members.insert("data".into(), described(list, "The records, in the order that was asked for."));
    members.insert("page".into(), schema_ref("PageInfo"));
    object(&format!("A page of a list of {}.", kind.path.replace('_', "-")), members, &["data", "page"], false)
}

fn search(kind: &'static Kind) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value, doc: &str| {
        members.insert(name.to_owned(), described(or_null(schema), doc));
    };
    let list = |names: &[&str]| json!({ "type": "array", "items": { "type": "string", "enum": names } });
    let order = order_schema(kind);
    let one_order = json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": order });
    add("where", schema_ref("Filter"), "What the records must be like; absent: anything.");
    add("sort", json!({ "anyOf": [order, one_order] }), "In which order; a leading `-` turns it round.");
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": PAGE, "default": 50 });
    add("limit", limit, "How many records a page has.");
    add("after", json!({ "type": "string" }), "Cursor of the page: `page.next` or `page.prev` of an answer.");
    add("fields", json!({ "type": "array", "items": member_schema(kind) }), "Which members to show; absent: all.");
    let related = expansion_paths(kind.name);
    if !related.is_empty() {
        let related: Vec<&str> = related.iter().map(String::as_str).collect();
        add("expand", list(&related), "Which related records to bring along; theirs behind a dot.");
    }
    if kind.takes_words() {
        let into: Vec<&str> = kind.fields.iter().filter(|field| field.searched).map(|field| field.name).collect();
        let into = if into.is_empty() { "name".to_owned() } else { into.join(", ") };
        add(
            "q",
            json!({ "type": "string" }),
            &format!("{WORDS} It looks into {into}, and searchable fields of the organisation."),
        );
    }
    let count = json!({ "type": "string", "enum": ["none", "estimate", "exact"], "default": "none" });
    add("count", count, "Whether to count the records.");
    let number = json!({ "type": "integer", "minimum": 1, "maximum": 10_000 });
    add("page", number, "The number of the page, from 1, instead of `after`: up to 10,000 rows.");
    add(
        "can",
        json!({ "type": "boolean", "default": false }),
        "Whether each record says what the caller may do to it.",
    );
    if can_be_deleted(kind) {
        add("deleted", json!({ "type": "string", "enum": ["include"] }), DELETED);
    }
    let mut schema = object(&format!("A question to the {}.", kind.path.replace('_', "-")), members, &[], true);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("x-filter-fields".into(), asked_by(kind));
        schema.insert("x-filter-related".into(), conditions::related(kind));
        schema.insert("x-fast-shapes".into(), conditions::fast(kind));
    }
    schema
}

/// The members that a kind can be asked by, each with its operators.
fn asked_by(kind: &'static Kind) -> Value {
    let asked: Map<String, Value> = filter::members(kind)
        .map(|member| {
            let ops: Vec<&str> = member.class.ops().iter().map(|op| op.key()).collect();
            (member.name.to_owned(), json!(ops))
        })
        .collect();
    asked.into()
}

fn batch(kind: &Kind) -> Value {
    let items = json!({ "type": "array", "maxItems": BATCH, "items": schema_ref(&format!("{}Input", kind.schema)) });
    let mut members = Map::new();
    let atomic = json!({ "type": "boolean", "default": false });
    members.insert("atomic".into(), described(atomic, "Whether all are made or none; at most 200 items then."));
    members.insert("items".into(), described(items, "The new records."));
    object(&format!("Several new {} in one request.", kind.path.replace('_', "-")), members, &["items"], true)
}

fn titled(mut schema: Value, kind: &Kind) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert("title".into(), kind.en.into());
        members.insert("x-label".into(), json!({ "zh-CN": kind.zh, "en": kind.en }));
    }
    schema
}
