//! Writing groups, each with what its value is called.

use kehu_domain::field::Sight;
use kehu_domain::record::FieldValue as _;
use kehu_domain::show::{Name, Out, Plain};
use kehu_domain::value::{Industry, Region};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::names::{Known, names_of};

use super::grouping::{Grouping, Show};
use super::groups::{Group, Groups, Value};

/// The names of the records that groups point to.
pub(super) async fn names(caller: &Caller, by: &[Grouping], all: &[Groups]) -> Result<Known, Failure> {
    let references = by.iter().zip(all).filter(|(grouping, _)| matches!(grouping.show, Show::Reference { .. }));
    let ids = references.flat_map(|(_, groups)| groups.groups.iter().filter_map(|group| id_of(group.value.as_ref()?)));
    names_of(caller.db(), caller, ids.collect()).await
}

/// The record that a value points to.
fn id_of(value: &Value) -> Option<Uuid> {
    match value {
        Value::Id(id) => Some(*id),
        Value::Text(text) => Uuid::parse_str(text).ok(),
        _ => None,
    }
}

/// The groups of one field.
pub(super) fn groups(out: &mut Out, caller: &Caller, grouping: &Grouping, groups: &Groups, names: &Known) {
    out.key("groups").array(|out| {
        for group in &groups.groups {
            out.object(|out| one(out, caller, &grouping.show, group, names));
        }
    });
    out.key("other").number(groups.other);
}

fn one(out: &mut Out, caller: &Caller, show: &Show, group: &Group, names: &Known) {
    out.key("value");
    match (&group.value, show) {
        (None, _) => out.null(),
        (Some(Value::Number(number)), Show::Flag) => out.flag(*number != 0),
        (Some(Value::Day(begin)), Show::Period(period)) => out.text(&period.name(*begin)),
        (Some(Value::Day(day)), _) => out.plain(day),
        (Some(Value::Text(text)), _) => out.text(text),
        (Some(Value::Number(number)), _) => out.number(*number),
        (Some(Value::Flag(flag)), _) => out.flag(*flag),
        (Some(Value::Id(id)), _) => out.id(*id),
    }
    out.key("count").number(group.count);
    beside(out, caller, show, group.value.as_ref(), names);
}

/// What stands beside a value: labels, a name, days.
fn beside(out: &mut Out, caller: &Caller, show: &Show, value: Option<&Value>, names: &Known) {
    let text = match value {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    match show {
        Show::Plain | Show::Flag => {}
        Show::Vocabulary(vocabulary) => {
            let known = vocabulary.items.iter().find(|(key, ..)| Some(*key) == text);
            label(out, known.map(|(_, zh, en)| (*zh, *en)));
        }
        Show::Choices(field) => {
            let known = field.choices.iter().find(|item| Some(item.key.as_str()) == text);
            label(out, known.map(|item| (item.zh.as_str(), item.en.as_str())));
        }
        Show::Reference { under, told } => {
            out.key(under);
            match value.and_then(id_of) {
                Some(id) => {
                    let name = names.names.get(&id).filter(|_| !told || names.is_told(id));
                    let name = name.or_else(|| caller.org().name_of(id));
                    reference(out, id, name);
                }
                None => out.null(),
            }
        }
        Show::Industry => {
            out.key("industry");
            match text {
                Some(code) => Industry::from_stored(code.to_owned()).show(out, Sight::Full, &Plain),
                None => out.null(),
            }
        }
        Show::Region => {
            out.key("region");
            match text {
                Some(code) => Region::from_stored(code.to_owned()).show(out, Sight::Full, &Plain),
                None => out.null(),
            }
        }
        Show::Period(period) => {
            let begin = match value {
                Some(Value::Day(begin)) => Some(*begin),
                _ => None,
            };
            let days = [("from", begin), ("until", begin.map(|begin| period.next(begin)))];
            for (name, day) in days {
                out.key(name).text_or_null(day.map(|day| day.to_string()).as_deref());
            }
        }
    }
}

fn label(out: &mut Out, words: Option<(&str, &str)>) {
    out.key("label");
    match words {
        Some((zh, en)) => out.object(|out| {
            out.key("zh-CN").text(zh);
            out.key("en").text(en);
        }),
        None => out.null(),
    }
}

fn reference(out: &mut Out, id: Uuid, name: Option<&Name>) {
    out.object(|out| {
        out.key("id").id(id);
        out.key("name").text_or_null(name.map(|name| name.name.as_str()));
    });
}
