//! Who may do what. A role is data: reach per kind and action, sight per field, and rights that are about no record.
//! Built-in roles and those that an organisation makes are the same data, and every door asks the same questions of it.

mod built_in;
mod custom;
mod matrix;
mod reach;
mod read;

use crate::field::{Field, Group, Sight};
use crate::kinds::KINDS;
use crate::record::Kind;

pub use built_in::{BUILT_IN, BuiltIn, built_in};
pub use custom::CUSTOM;
use custom::CustomRights;
pub use matrix::matrix;
pub use reach::{Access, Reach, Relation, Standing};
pub use read::RoleRights;

/// What can be done to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make one.
    Create,
    /// See it.
    Read,
    /// Change it.
    Update,
    /// Delete it, see deleted ones, and restore them.
    Delete,
    /// Change its owner or team.
    Transfer,
    /// See in clear, with a reason, what is sealed.
    Reveal,
}

/// Every action, in the order of the matrix.
pub const ACTIONS: [(Action, &str); 6] = [
    (Action::Create, "create"),
    (Action::Read, "read"),
    (Action::Update, "update"),
    (Action::Delete, "delete"),
    (Action::Transfer, "transfer"),
    (Action::Reveal, "reveal"),
];

/// A right that is about no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read the organisation's journal.
    AuditRead,
    /// Erase persons and companies for good.
    DataPurge,
    /// Make roles, and give them to users.
    RightsGrant,
    /// Change what the organisation lays down for itself.
    SettingsManage,
    /// Make and revoke keys of programs.
    KeysManage,
}

/// Every right that is about no record, in the order of the matrix.
pub const RIGHTS: [(Right, &str); 5] = [
    (Right::AuditRead, "audit.read"),
    (Right::DataPurge, "data.purge"),
    (Right::RightsGrant, "rights.grant"),
    (Right::SettingsManage, "settings.manage"),
    (Right::KeysManage, "keys.manage"),
];

/// How much is seen of a field, by how the record stands to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sights {
    /// Of one's own records, and those that are shared with one.
    pub own: Sight,
    /// Of those of one's team and the teams below.
    pub team: Sight,
    /// Of every other record.
    pub other: Sight,
}

impl Sights {
    /// The same of every record.
    #[must_use]
    pub const fn all(sight: Sight) -> Self {
        Self { own: sight, team: sight, other: sight }
    }

    /// Of a record that stands so.
    #[must_use]
    pub fn of(self, relation: Relation) -> Sight {
        match relation {
            Relation::Own => self.own,
            Relation::Team => self.team,
            Relation::Other => self.other,
        }
    }

    fn most(self, other: Self) -> Self {
        Self { own: self.own.max(other.own), team: self.team.max(other.team), other: self.other.max(other.other) }
    }
}

/// What a role may do with records of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KindRights {
    kind: &'static str,
    /// In the order of [`ACTIONS`].
    reach: [Reach; ACTIONS.len()],
}

/// What a role may do with one field, where it differs from what its group says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRights {
    kind: &'static str,
    field: &'static str,
    sights: Option<Sights>,
    writes: bool,
}

/// What a role may do, or several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    kinds: Vec<KindRights>,
    /// Sight of contact data.
    contact: Sights,
    /// Sight of ID numbers and bank accounts.
    identity: Sights,
    fields: Vec<FieldRights>,
    /// What is said of fields that the organisation added.
    custom: CustomRights,
    besides: Vec<Right>,
}

impl Default for Rights {
    /// No rights at all.
    fn default() -> Self {
        let hidden = Sights::all(Sight::Hidden);
        Self {
            kinds: Vec::new(),
            contact: hidden,
            identity: hidden,
            fields: Vec::new(),
            custom: CustomRights::default(),
            besides: Vec::new(),
        }
    }
}

impl Rights {
    /// How far an action on a kind reaches.
    #[must_use]
    pub fn reach(&self, action: Action, kind: &str) -> Reach {
        let known = self.kinds.iter().find(|known| known.kind == kind);
        let at = ACTIONS.iter().position(|(known, _)| *known == action);
        let reach = known.zip(at).and_then(|(known, at)| known.reach.get(at));
        reach.copied().unwrap_or(Reach::NONE)
    }

    /// Whether a right that is about no record is given.
    #[must_use]
    pub fn grants(&self, right: Right) -> bool {
        self.besides.contains(&right)
    }

    /// How much of a field of a kind is seen.
    #[must_use]
    pub fn sights(&self, kind: &str, field: &Field) -> Sights {
        match self.own_of(kind, field.name).and_then(|known| known.sights) {
            Some(sights) => sights,
            None => self.sights_of(field.group),
        }
    }

    /// How much of a field is seen, of a record that stands so to the caller.
    #[must_use]
    pub fn sees(&self, kind: &str, field: &Field, relation: Relation) -> Sight {
        self.sights(kind, field).of(relation)
    }

    /// How much of the fields of a group is seen, where a role says nothing else of one of them.
    #[must_use]
    pub fn sights_of(&self, group: Group) -> Sights {
        match group {
            Group::General => Sights::all(Sight::Full),
            Group::Contact => self.contact,
            Group::Identity => self.identity,
        }
    }

    /// Whether a field of a kind may be written by whoever may write the record.
    #[must_use]
    pub fn writes(&self, kind: &str, field: &str) -> bool {
        self.own_of(kind, field).is_none_or(|known| known.writes)
    }

    fn reads(&self, kind: &str) -> bool {
        !self.reach(Action::Read, kind).is_none()
    }

    fn changes(&self, kind: &str) -> bool {
        [Action::Create, Action::Update].into_iter().any(|action| !self.reach(action, kind).is_none())
    }

    fn own_of(&self, kind: &str, field: &str) -> Option<&FieldRights> {
        // Most roles say nothing of single fields.
        self.fields.iter().find(|known| known.field == field && known.kind == kind)
    }

    /// The rights of somebody who has both: each action reaches, and each field shows, as far as the more generous of
    /// the two says.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for theirs in &other.kinds {
            match both.kinds.iter_mut().find(|own| own.kind == theirs.kind) {
                Some(own) => {
                    own.reach.iter_mut().zip(theirs.reach).for_each(|(own, theirs)| *own = own.with(theirs));
                }
                None => both.kinds.push(theirs.clone()),
            }
        }
        // A role that may not read a kind says nothing of how its fields are seen, and one that may not write it nothing
        // of how they are written.
        let readers = |kind: &'static str| [self, other].into_iter().filter(move |side| side.reads(kind));
        let writers = |kind: &'static str| [self, other].into_iter().filter(move |side| side.changes(kind));
        let of_customers = |group: Group| readers("customer").map(|side| side.sights_of(group)).reduce(Sights::most);
        both.contact = of_customers(Group::Contact).unwrap_or(self.contact.most(other.contact));
        both.identity = of_customers(Group::Identity).unwrap_or(self.identity.most(other.identity));
        both.fields.clear();
        for (kind, field) in KINDS.iter().flat_map(|kind| kind.fields.iter().map(move |field| (kind.name, field))) {
            let usual = both.sights_of(field.group);
            let sights = readers(kind).map(|side| side.sights(kind, field)).reduce(Sights::most);
            let sights = sights.filter(|sights| *sights != usual);
            let mut writes = writers(kind).map(|side| side.writes(kind, field.name)).peekable();
            let writes = writes.peek().is_none() || writes.any(|writes| writes);
            if sights.is_some() || !writes {
                both.fields.push(FieldRights { kind, field: field.name, sights, writes });
            }
        }
        both.custom = self.custom_with(other);
        for right in &other.besides {
            if !both.grants(*right) {
                both.besides.push(*right);
            }
        }
        both
    }

    /// The same rights, of which no field shows or takes anything but those that are named: `("customer", "phones")`.
    #[must_use]
    pub fn limited_to(&self, allowed: impl Fn(&str, &str) -> bool) -> Self {
        let mut limited = self.clone();
        limited.custom.limit(KINDS.iter().map(|kind| kind.name).filter(|kind| !allowed(kind, CUSTOM)));
        for (kind, field) in KINDS.iter().flat_map(|kind| kind.fields.iter().map(move |f| (*kind, f))) {
            if allowed(kind.name, field.name) {
                continue;
            }
            limited.fields.retain(|known| known.kind != kind.name || known.field != field.name);
            let hidden = field.can_be_hidden().then(|| Sights::all(Sight::Hidden));
            limited.fields.push(FieldRights { kind: kind.name, field: field.name, sights: hidden, writes: false });
        }
        limited
    }

    /// Whether the other rights hold all of these: nothing is gained by having these beside them.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        other.with(self).says_as_much_as(other)
    }

    /// Whether both say the same, whatever the order.
    fn says_as_much_as(&self, other: &Self) -> bool {
        let reaches = |kind: &str| ACTIONS.map(|(action, _)| (self.reach(action, kind), other.reach(action, kind)));
        let kinds = self.kinds.iter().all(|known| reaches(known.kind).iter().all(|(one, two)| one == two));
        let fields = KINDS.iter().all(|kind| {
            kind.fields.iter().all(|field| {
                self.sights(kind.name, field) == other.sights(kind.name, field)
                    && self.writes(kind.name, field.name) == other.writes(kind.name, field.name)
            })
        });
        kinds && fields && self.custom_says_as_much_as(other) && self.besides.iter().all(|right| other.grants(*right))
    }
}

/// Jobs are no kind of record, and have rights of their own.
pub const JOB: &str = "job";

/// Every name that rights are given by: kinds of records, and jobs.
pub fn kind_names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name).chain([JOB])
}

/// What can be done to records of a kind at all.
#[must_use]
pub fn actions_of(kind: &str) -> &'static [Action] {
    use Action::{Create, Delete, Read, Reveal, Transfer, Update};
    match kind {
        "customer" => &[Create, Read, Update, Delete, Transfer, Reveal],
        // What hangs on a customer goes with it.
        "contact" => &[Create, Read, Update, Delete, Reveal],
        "follow_up" | "note" | "attachment" | "tag" | "form" | "role" | "entry_rule" | "field" => {
            &[Create, Read, Update, Delete]
        }
        "user" => &[Create, Read, Update, Reveal],
        "team" => &[Create, Read, Update],
        "segment" => &[Create, Read, Update, Delete],
        JOB => &[Read, Update],
        _ => &[],
    }
}

/// How far actions on records of a kind can reach at all.
#[must_use]
pub fn reach_of(kind: &str) -> Reach {
    match kind {
        // One's own; those that are shared with the team, or with everybody; and all but those that others keep to
        // themselves. To make one with the reach of the team or of all is to share it so.
        "customer" | "contact" | "follow_up" | "note" | "attachment" | "segment" => {
            Reach { own: true, team: true, shared: true, all: true }
        }
        // A user is his own.
        "user" => Reach { own: true, team: true, shared: false, all: true },
        JOB => Reach { own: true, team: false, shared: false, all: true },
        _ => Reach { own: false, team: false, shared: false, all: true },
    }
}

impl Kind {
    /// Whether records of this kind can stand nearer to one user than to another.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        reach_of(self.name).own
    }
}
