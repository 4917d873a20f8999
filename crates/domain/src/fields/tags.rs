//! The tags of a record.

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::text::Line;

/// A tag that a client named: by id, or by name (one that does not exist is made).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagPick {
    /// An existing tag.
    Id(Uuid),
    /// A tag of that name.
    Name(Line<50>),
}

/// Tags: ids once they are stored, picks while they are being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Tags that are known by their ids, in order.
    pub ids: Vec<Uuid>,
    /// Tags to add that are known by name only; empty once stored.
    pub named: Vec<Line<50>>,
    /// Names to take away; empty once stored.
    pub unnamed: Vec<Line<50>>,
}

/// The most tags that one record may have.
const MAX: usize = 100;

impl Tags {
    fn pick(json: &Value, reader: &mut Reader<'_>) -> Option<TagPick> {
        let raw = match json {
            Value::Object(tag) => tag.get("id").or_else(|| tag.get("name")).unwrap_or(&Value::Null),
            other => other,
        };
        let raw = reader.text(raw)?;
        match Uuid::parse_str(raw) {
            Ok(id) if raw.len() == 36 => Some(TagPick::Id(id)),
            _ => reader.keep(Line::parse(raw)).map(TagPick::Name),
        }
    }

    fn picks(json: &Value, reader: &mut Reader<'_>) -> Option<Vec<TagPick>> {
        let items = reader.typed(json.as_array(), "a list of names or ids", "名称或编号的列表")?;
        let picks: Vec<Option<TagPick>> =
            items.iter().enumerate().map(|(at, item)| reader.inside(at, |reader| Self::pick(item, reader))).collect();
        picks.into_iter().collect()
    }

    fn add(&mut self, pick: TagPick) {
        match pick {
            TagPick::Id(id) if !self.ids.contains(&id) => self.ids.push(id),
            TagPick::Name(name) if !self.named.contains(&name) => self.named.push(name),
            _ => {}
        }
    }

    fn remove(&mut self, pick: TagPick) {
        match pick {
            TagPick::Id(id) => self.ids.retain(|known| *known != id),
            TagPick::Name(name) => self.unnamed.push(name),
        }
    }
}

impl FieldValue for Tags {
    const SHAPE: Shape = Shape::Tags;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let tags = match json {
            Value::Object(change) => {
                let mut tags = old.cloned().unwrap_or_default();
                for (name, list) in change {
                    let picks = reader.inside(name, |reader| match name.as_str() {
                        "add" | "remove" => Self::picks(list, reader),
                        _ => {
                            reader.flaw(
                                Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "add, remove"),
                            );
                            None
                        }
                    })?;
                    picks.into_iter().for_each(|pick| if name == "add" { tags.add(pick) } else { tags.remove(pick) });
                }
                tags
            }
            _ => {
                let mut tags = Self::default();
                Self::picks(json, reader)?.into_iter().for_each(|pick| tags.add(pick));
                tags
            }
        };
        if tags.ids.len() + tags.named.len() > MAX {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX));
            return None;
        }
        Some(tags)
    }
    fn show(&self, out: &mut Out, _: Sight, view: &dyn View) {
        out.array(|out| {
            for id in &self.ids {
                // A tag without a name was deleted; the journal, which knows no names, keeps the ids.
                match view.name(*id) {
                    Some(name) => out.object(|out| {
                        out.key("id").plain(id);
                        out.key("name").text(&name.name);
                        out.key("color").text_or_null(name.color.as_deref().filter(|_| view.shows_colors()));
                    }),
                    None if view.names_ids() => out.object(|out| {
                        out.key("id").plain(id);
                    }),
                    None => {}
                }
            }
        });
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        ids.extend_from_slice(&self.ids);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::Several(self.ids.iter().copied().map(Scalar::Id).collect())
    }
}
