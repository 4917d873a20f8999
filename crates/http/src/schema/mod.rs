//! What a front end needs to know of a kind of record to draw its form, as one caller may use it: made of the same
//! declarations that bodies are read by and answers written with.

mod codes;
mod custom;
mod field;
mod rule;

use kehu_domain::filter::{relations, sorts};
use kehu_domain::kinds::KINDS;
use kehu_domain::record::Kind;
use kehu_domain::rights::{ACTIONS, Action, actions_of};
use kehu_store::Caller;
use kehu_store::machine::{Resource, resource};
use kehu_store::shapes::shapes;
use serde_json::{Map, Value, json};

use crate::openapi::expansions;

/// Both labels of something.
fn label(zh: &str, en: &str) -> Value {
    json!({ "zh-CN": zh, "en": en })
}

/// The kind of a name in the singular or the plural.
pub(crate) fn kind_of(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name || kind.path == name)
}

/// How far the caller's actions on a kind reach: `{"create": ["own"], …}`.
fn can(caller: &Caller, kind: &Kind) -> Value {
    let known = ACTIONS.iter().filter(|(action, _)| actions_of(kind.name).contains(action));
    let reach = known.map(|(action, word)| ((*word).to_owned(), caller.rights().reach(*action, kind.name).words()));
    reach.map(|(word, reach)| (word, json!(reach))).collect::<Map<_, _>>().into()
}

fn head(caller: &Caller, kind: &Kind) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("kind".into(), kind.name.into());
    head.insert("path".into(), kind.path.into());
    head.insert("label".into(), label(kind.zh, kind.en));
    head.insert("doc".into(), kind.doc.trim().into());
    head.insert("can".into(), can(caller, kind));
    head
}

/// Every kind, in a line each.
pub(crate) fn all(caller: &Caller) -> Value {
    let kinds = KINDS.iter().filter(|kind| resource(kind.name).is_some()).map(|kind| {
        let mut head = head(caller, kind);
        head.insert("schema".into(), format!("/v1/schema/{}", kind.path).into());
        Value::Object(head)
    });
    json!({ "data": kinds.collect::<Vec<_>>() })
}

/// What can be asked of records of a kind beside reading and writing them one by one.
fn verbs(kind: &Kind) -> Vec<&'static str> {
    let of = |is: fn(Resource) -> bool| resource(kind.name).is_some_and(is);
    let known = [
        (true, "search"),
        (of(Resource::uploaded), "upload"),
        (of(Resource::batched), "batch"),
        (of(Resource::batched), "validate"),
        (of(Resource::removable), "delete"),
        (of(Resource::removable), "restore"),
        (kind.has_masked(), "reveal"),
        (of(Resource::erasable), "erase"),
        (true, "history"),
        (true, "access"),
    ];
    known.into_iter().filter(|(is, _)| *is).map(|(_, verb)| verb).collect()
}

/// The relations along which lists can be asked: of those to kinds that the caller reads.
fn related(caller: &Caller, kind: &Kind) -> Value {
    let reads = |kind: &Kind| !caller.rights().reach(Action::Read, kind.name).is_none();
    let readable = relations(kind).filter(|relation| reads(relation.to));
    readable
        .map(|relation| json!({ "name": relation.name, "kind": relation.to.name, "many": relation.by.is_none() }))
        .collect()
}

/// Everything about one kind.
pub(crate) fn one(caller: &Caller, kind: &'static Kind) -> Value {
    let mut schema = head(caller, kind);
    let rules = caller.org().entry_rules(kind.name);
    schema.insert("verbs".into(), json!(verbs(kind)));
    let fields = kind.fields.iter().map(|field| field::described(caller, kind, field, rules));
    schema.insert("fields".into(), fields.collect());
    let custom = caller.org().custom(kind.name).iter();
    schema.insert("custom".into(), custom.map(|field| custom::described(caller, kind, field, rules)).collect());
    schema.insert("rules".into(), rules.iter().map(rule::described).collect());
    schema.insert("sorts".into(), json!(sorts(kind).collect::<Vec<_>>()));
    schema.insert("expand".into(), json!(expansions(kind).map(|expansion| expansion.name).collect::<Vec<_>>()));
    schema.insert("related".into(), related(caller, kind));
    let fast = shapes(kind).map(|shape| json!({ "equal": shape.equal, "sort": shape.sorts }));
    schema.insert("fast".into(), fast.collect());
    schema.insert("codes".into(), codes::of(kind));
    schema.into()
}
