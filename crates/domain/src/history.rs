//! What a change did to a record, told to one reader: the values that an entry of the journal keeps, each shown, masked
//! or left out as the reader may see its field today. A field that the kind has no longer is named and not shown, and a
//! value whose shape is not the field's any more is shown as it was kept, or masked whole.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::custom::{CustomFields, CustomType};
use crate::field::{Element, Field, Shape, Sight};
use crate::fields::ElementValue;
use crate::flaw::Lang;
use crate::mask::{self, STARS};
use crate::record::{FieldName, Kind};
use crate::segment::Where;
use crate::show::{Out, View};
use crate::value::{BankAccount, Email, Phone};

/// Names of fields of a change that are not told in full.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Withheld {
    /// Told as masks.
    pub masked: Vec<FieldName>,
    /// Not told: the reader may not see them, or the kind has no such field.
    pub hidden: Vec<String>,
}

/// A record before and after a change: the fields that changed, or all of one that was made or deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct States<'a> {
    before: Option<&'a Map<String, Value>>,
    after: Option<&'a Map<String, Value>>,
}

impl<'a> States<'a> {
    /// The states in the body of an entry.
    #[must_use]
    pub fn of(body: &'a Value) -> Self {
        let state = |name: &str| body.get(name).and_then(Value::as_object);
        Self { before: state("before"), after: state("after") }
    }

    /// A field's value before and after; nothing where the change is not about it.
    fn values(self, name: &str) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
        let value = |state: Option<&'a Map<String, Value>>| state.and_then(|state| state.get(name));
        let (before, after) = (value(self.before), value(self.after));
        let whole = self.before.is_some() && self.after.is_some();
        // What was made or deleted has all its fields here: those that say nothing are not told.
        let told = if whole { before.or(after).is_some() } else { before.or(after).is_some_and(says_something) };
        told.then_some((before, after))
    }

    /// The changes of fields that the organisation added.
    fn show_custom(self, out: &mut Out, custom: &CustomFields, view: &dyn View, lang: Lang, withheld: &mut Withheld) {
        for field in custom.iter() {
            let Some((from, to)) = self.values(&field.name) else { continue };
            let sight = view.custom_sight(field);
            match sight {
                Sight::Hidden => {
                    withheld.hidden.push(field.name.clone());
                    continue;
                }
                Sight::Masked => withheld.masked.push(field.name.clone().into()),
                Sight::Full => {}
            }
            let tell = |out: &mut Out, value: Option<&Value>| match value.filter(|value| !value.is_null()) {
                None => out.null(),
                Some(_) if sight != Sight::Full => out.text(STARS),
                Some(value) if field.holds == CustomType::Reference => reference(out, value, view),
                Some(value) => out.raw(&value.to_string()),
            };
            out.object(|out| {
                out.key("field").text(&field.name);
                out.key("label").text(if lang == Lang::Zh { &field.zh } else { &field.en });
                out.key("from");
                tell(out, from);
                out.key("to");
                tell(out, to);
            });
        }
    }

    /// Ids whose names [`show`](Self::show) tells.
    pub fn refs(self, kind: &Kind, custom: &CustomFields, ids: &mut Vec<Uuid>) {
        for field in custom.iter().filter(|field| field.holds == CustomType::Reference) {
            let values = [self.before, self.after].into_iter().flatten().filter_map(|state| state.get(&field.name));
            ids.extend(values.filter_map(id_of));
        }
        for field in kind.fields {
            let values = [self.before, self.after].into_iter().flatten().filter_map(|state| state.get(field.name));
            match field.shape {
                Shape::Ref(_) => ids.extend(values.filter_map(id_of)),
                Shape::Tags => {
                    let tags = values.filter_map(Value::as_array).flatten();
                    ids.extend(tags.filter_map(|tag| tag.get("id")).filter_map(id_of));
                }
                Shape::Data(Where::SCHEMA) => {
                    let tags = values.flat_map(|value| Where::of(value.clone()).tags());
                    ids.extend(tags.filter_map(|tag| tag.id()));
                }
                _ => {}
            }
        }
    }

    /// Writes the list of changes, `[{"field", "label", "from", "to"}]`, in the order of the kind's fields. `named` are
    /// the fields that the entry's header names; an unknown kind has none that could be told.
    pub fn show(
        self,
        out: &mut Out,
        (kind, custom): (Option<&Kind>, &CustomFields),
        named: &[&str],
        view: &dyn View,
        lang: Lang,
    ) -> Withheld {
        let fields = kind.map_or(&[][..], |kind| kind.fields);
        let mut withheld = Withheld::default();
        out.array(|out| {
            for field in fields {
                let Some((from, to)) = self.values(field.name) else { continue };
                let sight = view.sight(field);
                match sight {
                    Sight::Hidden => {
                        withheld.hidden.push(field.name.to_owned());
                        continue;
                    }
                    Sight::Masked => withheld.masked.push(field.name.into()),
                    Sight::Full => {}
                }
                out.object(|out| {
                    out.key("field").plain(&field.name);
                    out.key("label").text(label(field, lang));
                    out.key("from");
                    tell(out, field, from, sight, view);
                    out.key("to");
                    tell(out, field, to, sight, view);
                });
            }
            self.show_custom(out, custom, view, lang, &mut withheld);
        });
        let kept = [self.before, self.after].into_iter().flatten().flat_map(Map::keys).map(String::as_str);
        for name in named.iter().copied().chain(kept) {
            let known = fields.iter().any(|field| field.name == name) || custom.by_name(name).is_some();
            if !known && !withheld.hidden.iter().any(|hidden| hidden == name) {
                withheld.hidden.push(name.to_owned());
            }
        }
        withheld
    }
}

fn label(field: &Field, lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => field.zh,
        Lang::En => field.en,
    }
}

/// Whether a value is more than what stands where nobody said anything.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn id_of(value: &Value) -> Option<Uuid> {
    value.as_str().and_then(|text| Uuid::parse_str(text).ok())
}

/// Writes one value. Masked, nothing of it is written that its mask does not hold, whatever its shape was.
fn tell(out: &mut Out, field: &Field, value: Option<&Value>, sight: Sight, view: &dyn View) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return out.null() };
    match (sight, field.shape) {
        (Sight::Hidden, _) => out.null(),
        (Sight::Masked, Shape::Elements(element)) => masked_elements(out, element, value),
        (Sight::Masked, Shape::IdNumber) => out.text(&value.as_str().map_or_else(|| STARS.to_owned(), mask::id_number)),
        (Sight::Masked, _) => out.text(STARS),
        (Sight::Full, Shape::Ref(_)) => reference(out, value, view),
        (Sight::Full, Shape::Tags) => match value.as_array() {
            Some(tags) => out.array(|out| {
                for tag in tags {
                    reference(out, tag.get("id").unwrap_or(tag), view);
                }
            }),
            None => out.raw(&value.to_string()),
        },
        (Sight::Full, Shape::Data(Where::SCHEMA)) => out.raw(&Where::of(value.clone()).shown(view).to_stored()),
        (Sight::Full, _) => out.raw(&value.to_string()),
    }
}

/// An id with the name that what it points to has now.
fn reference(out: &mut Out, value: &Value, view: &dyn View) {
    match id_of(value) {
        Some(id) => out.object(|out| {
            out.key("id").id(id);
            out.key("name").text_or_null(view.name(id).map(|name| name.name.as_str()));
        }),
        None => out.raw(&value.to_string()),
    }
}

/// Phones, e-mails or bank accounts as the record's own answer masks them.
fn masked_elements(out: &mut Out, element: Element, value: &Value) {
    let Some(items) = value.as_array() else { return out.text(STARS) };
    out.array(|out| {
        for item in items {
            let text = |name: &str| item.get(name).and_then(Value::as_str);
            out.object(|out| {
                out.key("id").id_or_null(item.get("id").and_then(id_of));
                out.key("value").text(&text("value").map_or_else(|| STARS.to_owned(), |value| mask_of(element, value)));
                out.key("label").text_or_null(text("label"));
                if element == Element::BankAccount {
                    out.key("bank").text_or_null(text("bank"));
                }
                out.key("primary").flag(item.get("primary").and_then(Value::as_bool).unwrap_or_default());
                out.key("verified_at").text_or_null(text("verified_at"));
            });
        }
    });
}

fn mask_of(element: Element, value: &str) -> String {
    let stored = value.to_owned();
    match element {
        Element::Phone => <Phone as ElementValue>::from_stored(stored, String::new()).mask(),
        Element::Email => <Email as ElementValue>::from_stored(stored, String::new()).mask(),
        Element::BankAccount => <BankAccount as ElementValue>::from_stored(stored, String::new()).mask(),
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
