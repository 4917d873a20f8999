//! Tags in a filter that is kept: stored by their ids, shown by their names.

use serde_json::Value;
use uuid::Uuid;

use crate::filter::RELATIONS;
use crate::show::View;

use super::Where;

/// The name by which tags are asked for.
const TAGS: &str = "tags";

/// A tag that a filter names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidTag {
    /// Where it stands in the filter.
    pub at: String,
    /// Its id, or its name.
    pub said: String,
}

impl SaidTag {
    /// Its id, where it is said by that.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        id_of(&self.said)
    }
}

fn id_of(said: &str) -> Option<Uuid> {
    Uuid::parse_str(said).ok()
}

impl Where {
    /// The tags that it names, in their order, each as often as it is named.
    #[must_use]
    pub fn tags(&self) -> Vec<SaidTag> {
        let mut tags = Vec::new();
        let mut node = self.json().clone();
        each(&mut node, "", &mut |at, value| {
            if let Value::String(said) = value {
                tags.push(SaidTag { at: at.to_owned(), said: said.clone() });
            }
        });
        tags
    }

    /// The same filter with its tags named as they are told; those of which nothing is told stay.
    #[must_use]
    pub fn with_tags(&self, told: impl Fn(&str) -> Option<String>) -> Self {
        let mut node = self.json().clone();
        each(&mut node, "", &mut |_, value| {
            if let Some(other) = value.as_str().and_then(&told) {
                *value = Value::String(other);
            }
        });
        Self::of(node)
    }

    /// The same filter with its tags by their names of now, as far as whoever looks at it is told them. One that was
    /// deleted has none, and keeps its id.
    #[must_use]
    pub fn shown(&self, view: &dyn View) -> Self {
        self.with_tags(|said| {
            let name = &view.name(id_of(said)?)?.name;
            // What looks like an id is read as one.
            id_of(name).is_none().then(|| name.clone())
        })
    }
}

/// Every tag of a filter, with its place. In a list none stands twice afterwards.
fn each(node: &mut Value, at: &str, told: &mut impl FnMut(&str, &mut Value)) {
    let Some(members) = node.as_object_mut() else { return };
    if let Some(field) = members.get("field").and_then(Value::as_str) {
        if !asks_tags(field) {
            return;
        }
        match members.get_mut("value") {
            Some(Value::Array(items)) => {
                for (place, item) in items.iter_mut().enumerate() {
                    told(&format!("{at}/value/{place}"), item);
                }
                let mut once: Vec<Value> = Vec::with_capacity(items.len());
                for item in items.drain(..) {
                    if !once.contains(&item) {
                        once.push(item);
                    }
                }
                *items = once;
            }
            Some(value) => told(&format!("{at}/value"), value),
            None => {}
        }
        return;
    }
    for (name, part) in members.iter_mut() {
        match part {
            Value::Array(parts) => {
                for (place, part) in parts.iter_mut().enumerate() {
                    each(part, &format!("{at}/{name}/{place}"), told);
                }
            }
            part => each(part, &format!("{at}/{name}"), told),
        }
    }
}

/// Whether a condition is on tags: of the record, or of related ones.
fn asks_tags(field: &str) -> bool {
    let of_related = field.split_once('.').filter(|(name, _)| RELATIONS.iter().any(|relation| relation.name == *name));
    of_related.map_or(field, |(_, member)| member) == TAGS
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::{Field, Sight};
    use crate::show::Name;

    struct Known(Uuid, Name);

    impl View for Known {
        fn sight(&self, _: &Field) -> Sight {
            Sight::Full
        }
        fn name(&self, id: Uuid) -> Option<&Name> {
            (id == self.0).then_some(&self.1)
        }
        fn wants(&self, _: &str) -> bool {
            true
        }
    }

    fn filter(first: &str, others: &Value) -> Where {
        Where::of(json!({"and": [
            {"field": "tags", "value": first},
            {"field": "custom.tags", "value": first},
            {"field": "tags", "op": "is_null", "value": false},
            {"not": {"or": [{"field": "contacts.tags", "op": "in", "value": others}]}},
            {"related": "contacts", "where": {"field": "tags", "value": first}},
        ]}))
    }

    #[test]
    fn tags_are_found_wherever_they_stand() {
        let said = filter("VIP", &json!(["VIP", "华东"]));
        let tags: Vec<(String, String)> = said.tags().into_iter().map(|tag| (tag.at, tag.said)).collect();
        let place = |at: &str, said: &str| (at.to_owned(), said.to_owned());
        assert_eq!(
            tags,
            [
                place("/and/0/value", "VIP"),
                place("/and/3/not/or/0/value/0", "VIP"),
                place("/and/3/not/or/0/value/1", "华东"),
                place("/and/4/where/value", "VIP"),
            ]
        );
    }

    #[test]
    fn tags_are_named_otherwise_and_nothing_else_is() {
        let told = filter("VIP", &json!(["VIP", "vip", "x"])).with_tags(|said| {
            let vip = said.eq_ignore_ascii_case("vip");
            vip.then(|| "重点".to_owned())
        });
        let mut expected = filter("重点", &json!(["重点", "x"])).json().clone();
        expected["and"][1]["value"] = json!("VIP");
        assert_eq!(told.json(), &expected);
    }

    #[test]
    fn a_tag_is_shown_by_its_name_if_that_is_read_as_one() {
        let (id, gone) = (Uuid::from_u128(7), Uuid::from_u128(8).to_string());
        let kept = Where::of(json!({"field": "tags", "op": "in", "value": [id, gone]}));
        let name = |name: &str| Known(id, Name { name: name.to_owned(), color: None });
        assert_eq!(kept.shown(&name("VIP")).json()["value"], json!(["VIP", gone]));
        assert_eq!(kept.shown(&name("0123456789abcdef0123456789abcdef")), kept);
    }
}
