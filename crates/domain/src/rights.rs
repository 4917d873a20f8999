//! Who may do what: built-in roles as data, printed as a matrix.

use std::sync::Arc;

use crate::field::{Group, Sight};
use crate::kinds::{KINDS, RoleName, kind_named};
use crate::record::Kind;

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
    /// Change what the organisation lays down for itself.
    SettingsManage,
    /// Read the organisation's journal.
    AuditRead,
    /// Erase persons and companies for good.
    DataPurge,
}

/// Every right that is about no record, in the order of the matrix.
pub const RIGHTS: [(Right, &str); 3] =
    [(Right::SettingsManage, "settings.manage"), (Right::AuditRead, "audit.read"), (Right::DataPurge, "data.purge")];

/// How far an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Records that one owns.
    pub own: bool,
    /// Records of one's team and the teams below.
    pub team: bool,
    /// Every record of the organisation.
    pub all: bool,
}

impl Reach {
    /// Nothing.
    pub const NONE: Self = Self { own: false, team: false, all: false };
    /// One's own.
    pub const OWN: Self = Self { own: true, team: false, all: false };
    /// One's own, and the team's.
    pub const TEAM: Self = Self { own: true, team: true, all: false };
    /// Everything.
    pub const ALL: Self = Self { own: true, team: true, all: true };

    /// Whether it reaches nothing at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether it covers a record that stands so to the caller.
    #[must_use]
    pub fn covers(self, relation: Relation) -> bool {
        match relation {
            Relation::Own => self.own || self.all,
            Relation::Team => self.team || self.all,
            Relation::Other => self.all,
        }
    }
}

/// How a record stands to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The caller owns it.
    Own,
    /// It belongs to the caller's team or one below.
    Team,
    /// Neither.
    Other,
}

/// What a role may do. Built-in roles are constants of the same data that any role is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Reach over customers, contacts and follow-ups, per action in the order of [`ACTIONS`], but for the last.
    records: [Reach; 5],
    /// Reach over what an organisation shares, per action: tags.
    shared: [Reach; 5],
    /// Reach over people, per action: users, teams.
    people: [Reach; 5],
    /// Reach over forms and what came in through them, per action.
    forms: [Reach; 5],
    /// Reach over jobs, per action; one's own are those that one asked for.
    jobs: [Reach; 5],
    /// Sight of contact data of one's own, the team's and other records.
    contact_data: [Sight; 3],
    /// Sight of ID numbers and bank accounts.
    identity: Sight,
    /// Reach over records whose sealed fields may be revealed.
    reveals: Reach,
    /// What is about no record.
    besides: &'static [Right],
}

const NONE: Reach = Reach::NONE;
const OWN: Reach = Reach::OWN;
const TEAM: Reach = Reach::TEAM;
const ALL: Reach = Reach::ALL;

static ADMINISTRATOR: Rights = Rights {
    records: [ALL, ALL, ALL, ALL, ALL],
    shared: [ALL, ALL, ALL, ALL, NONE],
    people: [ALL, ALL, ALL, ALL, NONE],
    forms: [ALL, ALL, ALL, ALL, NONE],
    jobs: [NONE, ALL, ALL, NONE, NONE],
    contact_data: [Sight::Full, Sight::Full, Sight::Full],
    identity: Sight::Masked,
    reveals: ALL,
    besides: &[Right::SettingsManage, Right::AuditRead, Right::DataPurge],
};

static MANAGER: Rights = Rights {
    records: [TEAM, TEAM, TEAM, TEAM, TEAM],
    shared: [ALL, ALL, ALL, ALL, NONE],
    people: [NONE, ALL, NONE, NONE, NONE],
    forms: [NONE, ALL, NONE, NONE, NONE],
    jobs: [NONE, OWN, OWN, NONE, NONE],
    contact_data: [Sight::Full, Sight::Full, Sight::Masked],
    identity: Sight::Masked,
    reveals: TEAM,
    besides: &[],
};

static SALESPERSON: Rights = Rights {
    records: [OWN, OWN, OWN, NONE, NONE],
    shared: [ALL, ALL, NONE, NONE, NONE],
    people: [NONE, ALL, NONE, NONE, NONE],
    forms: [NONE, NONE, NONE, NONE, NONE],
    jobs: [NONE, OWN, OWN, NONE, NONE],
    contact_data: [Sight::Full, Sight::Masked, Sight::Masked],
    identity: Sight::Masked,
    reveals: NONE,
    besides: &[],
};

/// Forms, jobs and the command line act for the organisation itself.
static SYSTEM: Rights = Rights {
    records: [ALL, ALL, ALL, ALL, ALL],
    shared: [ALL, ALL, ALL, ALL, ALL],
    people: [ALL, ALL, ALL, ALL, ALL],
    forms: [ALL, ALL, ALL, ALL, ALL],
    jobs: [ALL, ALL, ALL, ALL, ALL],
    contact_data: [Sight::Full, Sight::Full, Sight::Full],
    identity: Sight::Full,
    reveals: NONE,
    besides: &[Right::SettingsManage, Right::AuditRead, Right::DataPurge],
};

impl Rights {
    /// The rights of what acts for the organisation itself and answers nobody: a form, a job, the command line.
    #[must_use]
    pub fn system() -> Arc<Self> {
        Arc::new(SYSTEM.clone())
    }

    /// The rights of a built-in role.
    #[must_use]
    pub fn of(role: RoleName) -> Arc<Self> {
        Arc::new(match role {
            RoleName::Administrator => ADMINISTRATOR.clone(),
            RoleName::Manager => MANAGER.clone(),
            RoleName::Salesperson => SALESPERSON.clone(),
        })
    }

    /// How far an action on a kind reaches.
    #[must_use]
    pub fn reach(&self, action: Action, kind: &str) -> Reach {
        let row = match kind {
            "customer" | "contact" | "follow_up" => &self.records,
            "tag" => &self.shared,
            "form" => &self.forms,
            "job" => &self.jobs,
            _ => &self.people,
        };
        let [create, read, update, delete, transfer] = *row;
        match action {
            Action::Create => create,
            Action::Read => read,
            Action::Update => update,
            Action::Delete => delete,
            Action::Transfer => transfer,
            Action::Reveal if kind_named(kind).is_some_and(Kind::has_masked) => self.reveals,
            Action::Reveal => NONE,
        }
    }

    /// Whether a right that is about no record is given.
    #[must_use]
    pub fn grants(&self, right: Right) -> bool {
        self.besides.contains(&right)
    }

    /// How much of a group of fields is seen, of a record that stands so to the caller.
    #[must_use]
    pub fn sees(&self, group: Group, relation: Relation) -> Sight {
        let [own, team, other] = self.contact_data;
        match (group, relation) {
            (Group::General, _) => Sight::Full,
            (Group::Contact, Relation::Own) => own,
            (Group::Contact, Relation::Team) => team,
            (Group::Contact, Relation::Other) => other,
            (Group::Identity, _) => self.identity,
        }
    }
}

fn reach_words(reach: Reach) -> &'static str {
    match reach {
        Reach { all: true, .. } => "all",
        Reach { team: true, .. } => "own team",
        Reach { own: true, .. } => "own",
        _ => "-",
    }
}

fn sight_words(sight: Sight) -> &'static str {
    match sight {
        Sight::Hidden => "hidden",
        Sight::Masked => "masked",
        Sight::Full => "full",
    }
}

/// The whole policy as a text: role by kind by action, role by kind by field, role by other rights.
#[must_use]
pub fn matrix() -> String {
    let mut lines = vec!["# role kind: create / read / update / delete / transfer / reveal".to_owned()];
    for (role, ..) in RoleName::VOCABULARY.items {
        let Some(rights) = RoleName::from_key(role).map(Rights::of) else { continue };
        for kind in KINDS.iter().map(|kind| kind.name).chain(["job"]) {
            let reaches: Vec<_> = ACTIONS.iter().map(|(action, _)| reach_words(rights.reach(*action, kind))).collect();
            lines.push(format!("{role} {kind}: {}", reaches.join(" / ")));
        }
    }
    lines.push(String::new());
    lines.push("# role kind.field: own / team / other (fields that are not listed are full)".to_owned());
    for (role, ..) in RoleName::VOCABULARY.items {
        let Some(rights) = RoleName::from_key(role).map(Rights::of) else { continue };
        for kind in KINDS {
            for field in kind.fields.iter().filter(|field| field.group != Group::General) {
                let sights = [Relation::Own, Relation::Team, Relation::Other]
                    .map(|relation| sight_words(rights.sees(field.group, relation)));
                lines.push(format!("{role} {}.{}: {}", kind.name, field.name, sights.join(" / ")));
            }
        }
    }
    lines.push(String::new());
    lines.push("# role: rights that are about no record".to_owned());
    for (role, ..) in RoleName::VOCABULARY.items {
        let Some(rights) = RoleName::from_key(role).map(Rights::of) else { continue };
        let given: Vec<&str> =
            RIGHTS.iter().filter(|(right, _)| rights.grants(*right)).map(|(_, name)| *name).collect();
        lines.push(format!("{role}: {}", if given.is_empty() { "-".to_owned() } else { given.join(" ") }));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_covers_what_it_says() {
        assert!(Reach::OWN.covers(Relation::Own) && !Reach::OWN.covers(Relation::Team));
        assert!(Reach::TEAM.covers(Relation::Team) && !Reach::TEAM.covers(Relation::Other));
        assert!(Reach::ALL.covers(Relation::Other));
        assert!(Reach::NONE.is_none());
    }

    #[test]
    fn a_salesperson_sees_colleagues_contact_data_masked_and_deletes_nothing() {
        let rights = Rights::of(RoleName::Salesperson);
        assert_eq!(rights.sees(Group::Contact, Relation::Team), Sight::Masked);
        assert_eq!(rights.sees(Group::Contact, Relation::Own), Sight::Full);
        assert!(rights.reach(Action::Delete, "customer").is_none());
        assert!(rights.reach(Action::Create, "user").is_none());
    }

    #[test]
    fn identity_is_masked_for_every_role_and_revealed_to_those_who_lead() {
        for (role, ..) in RoleName::VOCABULARY.items {
            let rights = Rights::of(RoleName::from_key(role).unwrap());
            for relation in [Relation::Own, Relation::Team, Relation::Other] {
                assert_eq!(rights.sees(Group::Identity, relation), Sight::Masked, "{role}");
            }
        }
        let reach = |role, kind| Rights::of(role).reach(Action::Reveal, kind);
        assert_eq!(reach(RoleName::Administrator, "contact"), Reach::ALL);
        assert_eq!(reach(RoleName::Manager, "customer"), Reach::TEAM);
        assert!(reach(RoleName::Salesperson, "customer").is_none());
        assert!(reach(RoleName::Administrator, "tag").is_none(), "nothing of a tag is masked");
    }

    #[test]
    fn the_administrator_alone_has_what_is_about_no_record() {
        for (right, name) in RIGHTS {
            let roles = RoleName::VOCABULARY.items.iter().filter_map(|(role, ..)| RoleName::from_key(role));
            let given: Vec<RoleName> = roles.filter(|role| Rights::of(*role).grants(right)).collect();
            assert_eq!(given, [RoleName::Administrator], "{name}");
        }
    }
}
