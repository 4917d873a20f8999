//! Rights about fields that an organisation adds. A role says something of one by its name, `custom.annual_output`,
//! whether there is such a field or not: what it says counts from the day on that there is.

use crate::custom::CustomField;
use crate::field::{Group, Sight};

use super::{Relation, Rights, Sights};

/// The name by which a key that is limited to fields may have all that the organisation added to a kind.
pub const CUSTOM: &str = "custom";

/// What is said of custom fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CustomRights {
    /// What a role says of single ones.
    said: Vec<Said>,
    /// Kinds of which none is seen or written.
    without: Vec<&'static str>,
}

/// What is said of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: &'static str,
    /// With its `custom.`.
    pub(super) name: String,
    pub(super) sights: Option<Sights>,
    /// Whether what its group shows is shown at least: another role beside says nothing of it.
    pub(super) or_usual: bool,
    pub(super) writes: bool,
}

impl CustomRights {
    fn of(&self, kind: &str, name: &str) -> Option<&Said> {
        self.said.iter().find(|known| known.kind == kind && known.name == name)
    }

    /// What a role says of a field; the last word counts.
    pub(super) fn say(&mut self, said: Said) {
        self.said.retain(|known| known.kind != said.kind || known.name != said.name);
        self.said.push(said);
    }

    /// All that a role says.
    pub(super) fn said_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Said> {
        self.said.iter().filter(move |known| known.kind == kind)
    }

    pub(super) fn limit(&mut self, kinds: impl Iterator<Item = &'static str>) {
        for kind in kinds.filter(|kind| !self.without.contains(kind)).collect::<Vec<_>>() {
            self.without.push(kind);
        }
    }
}

impl Said {
    fn sights(&self, usual: Sights) -> Sights {
        match self.sights {
            Some(sights) if self.or_usual => sights.most(usual),
            Some(sights) => sights,
            None => usual,
        }
    }
}

/// What is usual of a field, where no role says anything of it: sensitive ones are shown as contact data is.
fn usual_group(sensitive: bool) -> Group {
    if sensitive { Group::Contact } else { Group::General }
}

impl Rights {
    /// How much of a custom field of a kind is seen.
    #[must_use]
    pub fn custom_sights(&self, kind: &str, field: &CustomField) -> Sights {
        self.custom_sights_of(kind, &field.name, field.sensitive)
    }

    fn custom_sights_of(&self, kind: &str, name: &str, sensitive: bool) -> Sights {
        if self.custom.without.contains(&kind) {
            return Sights::all(Sight::Hidden);
        }
        let usual = self.sights_of(usual_group(sensitive));
        let sights = self.custom.of(kind, name).map_or(usual, |said| said.sights(usual));
        // A mask is a sealed value's: of what is not sealed there is none.
        if sensitive { sights } else { sights.without_masks() }
    }

    /// How much of a custom field is seen, of a record that stands so to the caller.
    #[must_use]
    pub fn sees_custom(&self, kind: &str, field: &CustomField, relation: Relation) -> Sight {
        self.custom_sights(kind, field).of(relation)
    }

    /// Whether a custom field of a kind may be written by whoever may write the record.
    #[must_use]
    pub fn writes_custom(&self, kind: &str, name: &str) -> bool {
        !self.custom.without.contains(&kind) && self.custom.of(kind, name).is_none_or(|said| said.writes)
    }

    /// What both say together of custom fields: as for other fields, the more generous word counts.
    pub(super) fn custom_with(&self, other: &Self) -> CustomRights {
        let sides = [self, other];
        let without = |kind: &&'static str| {
            let mut readers = sides.iter().filter(|side| side.reads(kind)).peekable();
            readers.peek().is_some() && readers.all(|side| side.custom.without.contains(kind))
        };
        let mut both = CustomRights {
            said: Vec::new(),
            without: self.custom.without.iter().chain(&other.custom.without).copied().filter(without).collect(),
        };
        both.without.sort_unstable();
        both.without.dedup();
        for said in sides.iter().flat_map(|side| &side.custom.said) {
            if both.of(said.kind, &said.name).is_some() {
                continue;
            }
            let readers = || sides.iter().filter(|side| side.reads(said.kind));
            let of = |side: &Self| side.custom.of(said.kind, &said.name).cloned();
            let words: Vec<Said> = readers().filter_map(|side| of(side)).collect();
            let sights = words.iter().filter_map(|word| word.sights).reduce(Sights::most);
            let silent = readers().any(|side| of(side).is_none_or(|word| word.sights.is_none() || word.or_usual));
            let mut writers = sides.iter().filter(|side| side.changes(said.kind)).peekable();
            let writes = writers.peek().is_none() || writers.any(|side| side.writes_custom(said.kind, &said.name));
            both.said.push(Said { sights, or_usual: silent, writes, ..said.clone() });
        }
        both
    }

    /// Whether both say the same of custom fields, whether these are sensitive or not.
    pub(super) fn custom_says_as_much_as(&self, other: &Self) -> bool {
        let named = self.custom.said.iter().chain(&other.custom.said).map(|said| (said.kind, said.name.as_str()));
        let kinds = self.custom.without.iter().chain(&other.custom.without).map(|kind| (*kind, ""));
        named.chain(kinds).all(|(kind, name)| {
            let sights = |rights: &Self| [true, false].map(|kept| rights.custom_sights_of(kind, name, kept));
            sights(self) == sights(other) && self.writes_custom(kind, name) == other.writes_custom(kind, name)
        })
    }
}

impl Sights {
    /// The same, where nothing has a mask: what would be masked is hidden.
    fn without_masks(self) -> Self {
        let plain = |sight| if sight == Sight::Masked { Sight::Hidden } else { sight };
        Self { own: plain(self.own), team: plain(self.team), other: plain(self.other) }
    }
}
