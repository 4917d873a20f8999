//! The questions that each kind lists as fast, as each of the three people, and what screens ask for besides.

use anyhow::Result;
use serde_json::Value;

use super::{Ask, Asker, LISTED, Weight, filter};
use crate::client::Connection;
use crate::core::{SOURCES, STAGES, TAGS, ours};
use crate::million::cast::{EVERYBODY, LED, Who};
use crate::million::items::{CHANNELS, FIELD};
use crate::wire::Call;

/// Kinds of which there are many records, and the heading over each.
const KINDS: [(&str, &str, &str); 3] = [
    ("customer", "customers", "Lists of customers"),
    ("contact", "contacts", "Lists of contacts"),
    ("follow_up", "follow_ups", "Lists of follow-ups"),
];
/// What screens ask of customers, whether it is listed or not.
const SCREENS: &[(&[&str], &str)] = &[
    (&["owner_id"], "-updated_at"),
    (&["owner_id"], "next_follow_up_at"),
    (&["owner_id", "stage"], "-updated_at"),
    (&["team_id"], "-updated_at"),
    (&["stage"], "-updated_at"),
    (&["tags"], "-updated_at"),
    (&["grade"], "-updated_at"),
    (&["source"], "-updated_at"),
    (&[], "next_follow_up_at"),
    (&[], "-created_at"),
    (&[], "-updated_at"),
    (&[], "-last_follow_up_at"),
    (&[], "name"),
];

/// Members, each equal to a value, and an order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    equal: Vec<String>,
    sort: String,
}

/// The lists of all kinds.
///
/// # Errors
/// The server does not say which are fast.
pub(super) fn all(base: &str, token: &str) -> Result<Vec<Ask>> {
    let mut connection = Connection::open(base)?;
    let mut asks = Vec::new();
    for (kind, path, group) in KINDS {
        let call =
            Call { method: "GET", path: format!("/v1/schema/{kind}"), token: token.to_owned(), ..Call::default() };
        let schema = connection.ask(&call)?;
        let listed = listed(&schema);
        let mut shapes: Vec<(Shape, bool)> = listed.iter().cloned().map(|shape| (shape, true)).collect();
        if kind == "customer" {
            let screens = SCREENS.iter().map(|(equal, sort)| Shape {
                equal: equal.iter().map(|member| (*member).to_owned()).collect(),
                sort: (*sort).to_owned(),
            });
            shapes.extend(screens.filter(|shape| !listed.contains(shape)).map(|shape| (shape, false)));
        }
        for (shape, listed) in shapes {
            asks.extend(EVERYBODY.into_iter().filter_map(|who| ask(group, path, &shape, listed, who)));
        }
    }
    Ok(asks)
}

/// What the description of a kind says is fast, as far as an order belongs to it: single records are asked for
/// elsewhere.
fn listed(schema: &Value) -> Vec<Shape> {
    let texts = |value: &Value, name: &str| -> Vec<String> {
        let list = value.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let fast = schema.get("fast").and_then(Value::as_array).into_iter().flatten();
    let shapes = fast.flat_map(|shape| {
        let equal = texts(shape, "equal");
        texts(shape, "sort").into_iter().map(move |sort| Shape { equal: equal.clone(), sort: way(&sort) })
    });
    shapes.collect()
}

/// The way round in which a screen shows an order: the latest first, names and what is due from the front.
fn way(sort: &str) -> String {
    if sort.ends_with("_at") && !sort.starts_with("next_") { format!("-{sort}") } else { sort.to_owned() }
}

fn ask(group: &'static str, path: &'static str, shape: &Shape, listed: bool, who: Who) -> Option<Ask> {
    let known = shape.equal.iter().all(|member| KNOWN.contains(&member.as_str()));
    // One member alone is not worth a screen of somebody who has but one value of it.
    let shape = known.then(|| shape.clone())?;
    let by = if shape.equal.is_empty() { String::new() } else { format!("by {}, ", shape.equal.join(" and ")) };
    let name = format!("{by}sort={}{}", shape.sort, if listed { "" } else { " (not listed)" });
    let make = move |asker: &mut Asker<'_>, _: usize| {
        let paths = paths(asker, path, &shape);
        asker.pages(&paths)
    };
    Some(Ask::new(group, name, who, make).aim(listed.then_some(LISTED)).weight(Weight::Short))
}

/// Members of which there are values here.
const KNOWN: &[&str] =
    &["stage", "owner_id", "team_id", "grade", "source", "tags", "customer_id", "custom.channel", "kind"];

fn values(asker: &mut Asker<'_>, path: &str, member: &str) -> Vec<String> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    match member {
        "stage" => {
            let mut stages: Vec<String> = STAGES.iter().map(|stage| ours(stage).to_owned()).collect();
            stages.dedup();
            stages
        }
        "owner_id" => asker.owners(),
        "team_id" => {
            let many = match asker.who {
                Who::Administrator => usize::MAX,
                Who::Manager => LED,
                Who::Salesperson => 1,
            };
            asker.place.cast.teams.iter().take(many).cloned().collect()
        }
        "grade" => texts(&["vip", "a", "b", "c"]),
        "source" => texts(SOURCES),
        "tags" => texts(TAGS),
        "customer_id" => (0..60).map(|_| asker.id()).collect(),
        "kind" if path == "follow_ups" => texts(&["call", "visit", "email", "message"]),
        "kind" => texts(&["company"]),
        _ if member.strip_prefix("custom.") == Some(FIELD) => texts(&CHANNELS),
        _ => Vec::new(),
    }
}

/// A list for every combination of values.
fn paths(asker: &mut Asker<'_>, path: &str, shape: &Shape) -> Vec<String> {
    let mut filters = vec![String::new()];
    for member in &shape.equal {
        let values = values(asker, path, member);
        let with = |before: &String| -> Vec<String> {
            values.iter().map(|value| format!("{before}{}&", filter(member, value))).collect()
        };
        filters = filters.iter().flat_map(with).collect();
    }
    filters.into_iter().map(|filters| format!("/v1/{path}?{filters}sort={}&limit=50", shape.sort)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_listed_becomes_an_order_each() {
        let schema = json!({ "fast": [
            { "equal": ["owner_id"], "sort": ["updated_at", "next_follow_up_at"] }, { "equal": ["phone"], "sort": [] },
        ]});
        let sorts: Vec<String> = listed(&schema).into_iter().map(|shape| shape.sort).collect();
        assert_eq!(sorts, ["-updated_at", "next_follow_up_at"]);
    }

    #[test]
    fn an_unknown_member_is_not_asked_for() {
        let shape = |member: &str| Shape { equal: vec![member.to_owned()], sort: "name".to_owned() };
        assert!(ask("g", "customers", &shape("stage"), true, Who::Manager).is_some());
        assert!(ask("g", "customers", &shape("number"), true, Who::Manager).is_none());
    }
}
