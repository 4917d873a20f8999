//! Conditions on records of a kind, as an address can hold them, and what is told of those that a search can.

use kehu_domain::field::Shape;
use kehu_domain::filter::{self, Class, Member, Op, relations};
use kehu_domain::record::Kind;
use kehu_store::shapes::shapes;
use serde_json::{Map, Value, json};

use super::keyed;
use super::shapes::{described, object};

/// The relations along which records are asked for, each with its kind.
pub(super) fn related(kind: &Kind) -> Value {
    let related = relations(kind).map(|relation| (relation.name.to_owned(), relation.to.name.into()));
    Value::Object(related.collect())
}

/// The questions that are fast at any size.
pub(super) fn fast(kind: &Kind) -> Value {
    shapes(kind).map(|shape| json!({ "equal": shape.equal, "sort": shape.sorts })).collect()
}

/// The conditions that an address can hold: `filter[stage]`, `filter[updated_at.gte]`. Never a sealed member.
pub(super) fn flat_filter(kind: &'static Kind) -> Value {
    let open = filter::members(kind).filter(|member| !matches!(member.class, Class::Sealed(_)));
    let conditions: Map<String, Value> = open
        .flat_map(|member| {
            member.class.ops().iter().map(move |op| {
                let name = if *op == Op::Eq { member.name.to_owned() } else { format!("{}.{}", member.name, op.key()) };
                (name, operand(kind, member, *op))
            })
        })
        .collect();
    let mut schema = object("Conditions that must all hold, one member each.", conditions, &[], true);
    if let Some(schema) = schema.as_object_mut() {
        let doc =
            "A condition on a filterable field that the organisation added: `custom.key` or `custom.key.operator`.";
        let custom = described(json!({ "type": "string" }), doc);
        let mut patterns = Map::from_iter([("^custom\\.".to_owned(), custom)]);
        if keyed::is_keyed(kind) {
            let doc = "The id of a source: `external_ids.shop`, `external_ids.shop.ne`, `external_ids.shop.in`.";
            patterns.insert("^external_ids\\.".to_owned(), described(json!({ "type": "string" }), doc));
        }
        for relation in relations(kind) {
            let open = filter::members(relation.to)
                .filter(|member| !matches!(member.class, Class::Sealed(_) | Class::Segment));
            let names: Vec<&str> = open.map(|member| member.name).chain(["custom\\.[a-z0-9_]+"]).collect();
            let pattern = format!("^{}\\.({})(\\.[a-z_]+)?$", relation.name, names.join("|"));
            let doc = match relation.by {
                Some(_) => format!("A condition on its {}.", relation.name),
                None => format!("A condition that one of its {} fits.", relation.name.replace('_', "-")),
            };
            patterns.insert(pattern, described(json!({ "type": "string" }), &doc));
        }
        schema.insert("patternProperties".into(), patterns.into());
    }
    schema
}

fn operand(kind: &Kind, member: Member, op: Op) -> Value {
    let name = match member.class {
        Class::Segment => "A segment that the record is in",
        _ => kind.field(member.name).map_or(member.name, |field| field.en),
    };
    let (schema, doc) = match op {
        Op::Eq if is_nested(member) => (value(kind, member), format!("{name} is this, or lies in it.")),
        Op::Ne if is_nested(member) => (value(kind, member), format!("{name} is not this and does not lie in it.")),
        Op::In if is_nested(member) => (list(), format!("{name} is or lies in one of these, separated by commas.")),
        Op::Nin if is_nested(member) => (list(), format!("{name} is and lies in none of these, separated by commas.")),
        Op::IsNull => (json!({ "type": "boolean" }), format!("{name} is missing (true) or not (false).")),
        Op::WithinLast => (days(), format!("{name} lies within the last so many days, up to now.")),
        Op::NotWithinLast => (days(), format!("{name} is missing, lies further back than so many days, or ahead.")),
        Op::WithinNext => (days(), format!("{name} lies within the next so many days.")),
        Op::NotWithinNext => (days(), format!("{name} is missing, past, or lies further ahead than so many days.")),
        Op::In => (list(), format!("{name} is one of these, separated by commas.")),
        Op::Nin => (list(), format!("{name} is none of these, separated by commas.")),
        Op::HasAny => (list(), format!("{name}: at least one of these, separated by commas.")),
        Op::HasAll => (list(), format!("{name}: all of these, separated by commas.")),
        Op::Between => (list(), format!("{name} lies between these two, separated by a comma.")),
        Op::Contains => (json!({ "type": "string" }), format!("{name} contains this.")),
        Op::StartsWith => (json!({ "type": "string" }), format!("{name} starts with this.")),
        Op::Eq => (value(kind, member), format!("{name} is this.")),
        Op::Ne => (value(kind, member), format!("{name} is not this.")),
        Op::Lt => (value(kind, member), format!("{name} is less than this.")),
        Op::Lte => (value(kind, member), format!("{name} is this or less.")),
        Op::Gt => (value(kind, member), format!("{name} is more than this.")),
        Op::Gte => (value(kind, member), format!("{name} is this or more.")),
    };
    described(schema, &doc)
}

/// Whether values lie in each other: a district in its city and its province, a division in its section.
fn is_nested(member: Member) -> bool {
    matches!(member.class, Class::Region | Class::Industry)
}

fn days() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 36500 })
}

fn list() -> Value {
    json!({ "type": "string" })
}

fn value(kind: &Kind, member: Member) -> Value {
    match member.class {
        Class::Choice | Class::Choices => match kind.field(member.name).map(|field| field.shape) {
            Some(Shape::Choice(vocabulary) | Shape::Choices(vocabulary)) => {
                let keys: Vec<&str> = vocabulary.items.iter().map(|(key, ..)| *key).collect();
                json!({ "type": "string", "enum": keys })
            }
            _ => json!({ "type": "string" }),
        },
        Class::Time | Class::Day => json!({
            "type": "string", "examples": ["2026-11-22", "today", "last_month"],
        }),
        Class::Id | Class::Segment => json!({ "type": "string", "format": "uuid" }),
        Class::Int => json!({ "type": "integer", "format": "int64" }),
        Class::Flag => json!({ "type": "boolean" }),
        _ => json!({ "type": "string" }),
    }
}
