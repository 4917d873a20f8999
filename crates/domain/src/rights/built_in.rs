//! The roles that every organisation has.

use std::sync::{Arc, LazyLock};

use crate::field::Sight;

use super::{FieldRights, KindRights, Reach, Right, Rights, Sights, actions_of, kind_names, reach_of};

/// A role that every organisation has.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its key.
    pub key: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
    /// What it may do.
    pub rights: Arc<Rights>,
}

const NONE: Reach = Reach::NONE;
const OWN: Reach = Reach::OWN;
const SHARED: Reach = Reach::SHARED;
const TEAM: Reach = Reach::TEAM;
const ALL: Reach = Reach::ALL;

/// No action reaches anything.
const NOTHING: [Reach; 6] = [NONE; 6];
/// Everything can be done.
const WHOLE: [Reach; 6] = [ALL; 6];
/// Everything is read, nothing written.
const READ: [Reach; 6] = [NONE, ALL, NONE, NONE, NONE, NONE];
/// Keeps segments to itself, and uses those that are shared with it.
const ITS_OWN_SEGMENTS: [Reach; 6] = [OWN, TEAM, OWN, OWN, NONE, NONE];

/// Reach per action (create, read, update, delete, transfer, reveal) over kinds that go together.
struct Plan {
    customers: [Reach; 6],
    follow_ups: [Reach; 6],
    tags: [Reach; 6],
    users: [Reach; 6],
    teams: [Reach; 6],
    roles: [Reach; 6],
    forms: [Reach; 6],
    entry_rules: [Reach; 6],
    fields: [Reach; 6],
    segments: [Reach; 6],
    jobs: [Reach; 6],
    contact: Sights,
    identity: Sight,
    /// Fields of users that are only read.
    read_only: &'static [&'static str],
    besides: &'static [Right],
}

/// What a role that looks after no customers begins with: it knows its colleagues and its own jobs.
const PLAIN: Plan = Plan {
    customers: NOTHING,
    follow_ups: NOTHING,
    tags: READ,
    users: READ,
    teams: READ,
    roles: NOTHING,
    forms: NOTHING,
    entry_rules: NOTHING,
    // Forms are drawn from them.
    fields: READ,
    segments: NOTHING,
    jobs: [NONE, OWN, OWN, NONE, NONE, NONE],
    contact: Sights::all(Sight::Masked),
    identity: Sight::Hidden,
    read_only: &[],
    besides: &[],
};

const ADMINISTRATOR: Plan = Plan {
    customers: WHOLE,
    follow_ups: WHOLE,
    tags: WHOLE,
    users: WHOLE,
    teams: WHOLE,
    roles: WHOLE,
    forms: WHOLE,
    entry_rules: WHOLE,
    fields: WHOLE,
    segments: WHOLE,
    jobs: WHOLE,
    contact: Sights::all(Sight::Full),
    identity: Sight::Masked,
    read_only: &[],
    besides: &[Right::AuditRead, Right::DataPurge, Right::RightsGrant, Right::SettingsManage, Right::KeysManage],
};

/// Runs the system and its accounts; gives nobody a right, and sees no customer.
const SYSTEM_ADMIN: Plan = Plan {
    users: [ALL, ALL, ALL, NONE, NONE, NONE],
    entry_rules: WHOLE,
    fields: WHOLE,
    jobs: WHOLE,
    contact: Sights::all(Sight::Full),
    read_only: &["role", "other_roles", "team_id"],
    besides: &[Right::SettingsManage],
    ..PLAIN
};

/// Says who may do what; runs nothing, and sees no customer.
const SECURITY_ADMIN: Plan = Plan {
    users: [NONE, ALL, ALL, NONE, NONE, NONE],
    teams: WHOLE,
    roles: WHOLE,
    read_only: &["name", "email", "mobile", "user_name"],
    besides: &[Right::RightsGrant, Right::KeysManage],
    ..PLAIN
};

/// Reads everything, the log too, and changes nothing.
const AUDITOR: Plan = Plan {
    customers: READ,
    follow_ups: READ,
    roles: READ,
    forms: READ,
    entry_rules: READ,
    segments: READ,
    jobs: READ,
    besides: &[Right::AuditRead],
    ..PLAIN
};

const MANAGER: Plan = Plan {
    customers: [TEAM; 6],
    follow_ups: [TEAM; 6],
    tags: WHOLE,
    users: [NONE, ALL, NONE, NONE, NONE, TEAM],
    forms: READ,
    segments: [TEAM; 6],
    contact: Sights { own: Sight::Full, team: Sight::Full, other: Sight::Masked },
    identity: Sight::Masked,
    ..PLAIN
};

const SALESPERSON: Plan = Plan {
    customers: [SHARED, SHARED, SHARED, NONE, NONE, NONE],
    follow_ups: [SHARED, SHARED, SHARED, NONE, NONE, NONE],
    tags: [ALL, ALL, NONE, NONE, NONE, NONE],
    segments: ITS_OWN_SEGMENTS,
    contact: Sights { own: Sight::Full, team: Sight::Masked, other: Sight::Masked },
    identity: Sight::Masked,
    ..PLAIN
};

/// Sees everybody who may call, and writes down what was said.
const SERVICE: Plan = Plan {
    customers: READ,
    follow_ups: [ALL, ALL, ALL, NONE, NONE, NONE],
    segments: ITS_OWN_SEGMENTS,
    contact: Sights::all(Sight::Full),
    identity: Sight::Masked,
    ..PLAIN
};

/// Picks whom to address, for everybody.
const MARKETING: Plan =
    Plan { customers: READ, follow_ups: READ, forms: READ, segments: [ALL, TEAM, OWN, OWN, NONE, NONE], ..PLAIN };

/// Sees whom to invoice, and the account; not how to call.
const FINANCE: Plan = Plan {
    customers: [NONE, ALL, NONE, NONE, NONE, ALL],
    follow_ups: READ,
    segments: ITS_OWN_SEGMENTS,
    contact: Sights::all(Sight::Hidden),
    identity: Sight::Masked,
    ..PLAIN
};

/// Forms, jobs and the command line act for the organisation itself, and answer nobody.
const SYSTEM: Plan = Plan { identity: Sight::Full, ..ADMINISTRATOR };

fn rights(plan: &Plan) -> Arc<Rights> {
    let kinds = kind_names().map(|kind| {
        let reach = match kind {
            "customer" | "contact" | "attachment" => plan.customers,
            "follow_up" | "note" => plan.follow_ups,
            "tag" => plan.tags,
            "user" => plan.users,
            "team" => plan.teams,
            "role" => plan.roles,
            "form" => plan.forms,
            "entry_rule" => plan.entry_rules,
            "field" => plan.fields,
            "segment" => plan.segments,
            super::JOB => plan.jobs,
            _ => NOTHING,
        };
        KindRights { kind, reach: possible(kind, reach) }
    });
    Arc::new(Rights {
        kinds: kinds.collect(),
        contact: plan.contact,
        identity: Sights::all(plan.identity),
        fields: plan.read_only.iter().map(|field| read_only("user", field)).collect(),
        custom: super::custom::CustomRights::default(),
        besides: plan.besides.to_vec(),
    })
}

fn read_only(kind: &'static str, field: &'static str) -> FieldRights {
    FieldRights { kind, field, sights: None, writes: false }
}

/// Of the reach of each action, what the kind knows.
fn possible(kind: &str, reach: [Reach; 6]) -> [Reach; 6] {
    let (known, far) = (actions_of(kind), reach_of(kind));
    let mut actions = super::ACTIONS.iter();
    reach.map(|reach| match actions.next() {
        Some((action, _)) if known.contains(action) => reach.and(far),
        _ => NONE,
    })
}

/// Every built-in role, the most powerful first.
pub static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    let plans: [(&str, &str, &str, &Plan); 9] = [
        ("administrator", "管理员", "Administrator", &ADMINISTRATOR),
        ("system_admin", "系统管理员", "System administrator", &SYSTEM_ADMIN),
        ("security_admin", "安全管理员", "Security administrator", &SECURITY_ADMIN),
        ("auditor", "审计员", "Auditor", &AUDITOR),
        ("manager", "经理", "Manager", &MANAGER),
        ("salesperson", "销售", "Salesperson", &SALESPERSON),
        ("service", "客服", "Service", &SERVICE),
        ("marketing", "市场", "Marketing", &MARKETING),
        ("finance", "财务", "Finance", &FINANCE),
    ];
    plans.into_iter().map(|(key, zh, en, plan)| BuiltIn { key, zh, en, rights: rights(plan) }).collect()
});

static OF_THE_SYSTEM: LazyLock<Arc<Rights>> = LazyLock::new(|| rights(&SYSTEM));

/// The built-in role of that key.
#[must_use]
pub fn built_in(key: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|role| role.key == key)
}

impl Rights {
    /// The rights of what acts for the organisation itself and answers nobody: a form, a job, the command line.
    #[must_use]
    pub fn system() -> Arc<Self> {
        OF_THE_SYSTEM.clone()
    }

    /// The rights of a built-in role; none at all for a key that is none.
    #[must_use]
    pub fn of(role: &str) -> Arc<Self> {
        built_in(role).map(|role| role.rights.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Contact, Customer, User};
    use crate::record::Record;
    use crate::rights::{Action, RIGHTS, Relation};

    fn sees(role: &str, field: &str, relation: Relation) -> Sight {
        let kind = Customer::KIND;
        Rights::of(role).sees("customer", kind.field(field).unwrap(), relation)
    }

    #[test]
    fn contact_data_and_identity_are_seen_as_the_table_says() {
        use Sight::{Full, Hidden, Masked};
        for (role, contact, identity) in [
            ("administrator", [Full, Full, Full], Masked),
            ("manager", [Full, Full, Masked], Masked),
            ("salesperson", [Full, Masked, Masked], Masked),
            ("service", [Full, Full, Full], Masked),
            ("marketing", [Masked; 3], Hidden),
            ("finance", [Hidden; 3], Masked),
            ("auditor", [Masked; 3], Hidden),
        ] {
            let relations = [Relation::Own, Relation::Team, Relation::Other];
            assert_eq!(relations.map(|relation| sees(role, "phones", relation)), contact, "{role}");
            assert_eq!(relations.map(|relation| sees(role, "id_number", relation)), [identity; 3], "{role}");
        }
    }

    #[test]
    fn no_role_sees_identity_in_full_without_a_reason() {
        for role in BUILT_IN.iter() {
            let field = Contact::KIND.field("id_number").unwrap();
            assert!(role.rights.sees("contact", field, Relation::Own) < Sight::Full, "{}", role.key);
        }
    }

    #[test]
    fn reveal_is_for_those_who_lead_and_for_finance() {
        let reach = |role, kind| Rights::of(role).reach(Action::Reveal, kind);
        assert_eq!(reach("administrator", "contact"), Reach::ALL);
        assert_eq!(reach("manager", "customer"), Reach::TEAM);
        assert_eq!(reach("finance", "customer"), Reach::ALL);
        assert!(reach("salesperson", "customer").is_none());
        assert!(reach("administrator", "tag").is_none(), "nothing of a tag is masked");
    }

    #[test]
    fn the_three_who_administer_are_apart_and_the_administrator_is_all_of_them() {
        let [system, security, auditor] = ["system_admin", "security_admin", "auditor"].map(Rights::of);
        for (right, name) in RIGHTS {
            let holders = [&system, &security, &auditor].iter().filter(|rights| rights.grants(right)).count();
            assert!(holders <= 1, "{name}");
            assert!(Rights::of("administrator").grants(right), "{name}");
        }
        for (one, writes) in [(&system, "role"), (&security, "user"), (&auditor, "user")] {
            assert!(one.reach(Action::Create, writes).is_none(), "{writes}");
        }
        let union = system.with(&security).with(&auditor);
        assert!(union.within(&Rights::of("administrator")));
        assert!(!Rights::of("administrator").within(&union));
        assert!(security.reach(Action::Read, "customer").is_none() && system.reach(Action::Read, "customer").is_none());
    }

    #[test]
    fn two_roles_together_reach_as_far_as_either() {
        let both = Rights::of("salesperson").with(&Rights::of("finance"));
        assert_eq!(both.reach(Action::Read, "customer"), Reach::ALL);
        assert_eq!(both.reach(Action::Update, "customer"), Reach::SHARED);
        let phones = Customer::KIND.field("phones").unwrap();
        assert_eq!(both.sees("customer", phones, Relation::Own), Sight::Full);
        assert_eq!(both.sees("customer", phones, Relation::Other), Sight::Masked);
    }

    #[test]
    fn a_role_that_reads_no_customers_shows_nothing_of_them() {
        for (role, sight) in [("finance", Sight::Hidden), ("marketing", Sight::Masked), ("auditor", Sight::Masked)] {
            let both = Rights::of(role).with(&Rights::of("system_admin"));
            let phones = Customer::KIND.field("phones").unwrap();
            let email = User::KIND.field("email").unwrap();
            for relation in [Relation::Own, Relation::Team, Relation::Other] {
                assert_eq!(both.sees("customer", phones, relation), sight, "{role}");
                assert_eq!(both.sees("user", email, relation), Sight::Full, "{role}");
            }
            let again = Rights::of("system_admin").with(&Rights::of(role));
            assert!(again.within(&both) && both.within(&again), "{role}: the order says nothing");
        }
    }

    #[test]
    fn nobody_without_a_role_may_do_anything() {
        let none = Rights::of("no_such_role");
        assert!(kind_names().all(|kind| none.reach(Action::Read, kind).is_none()));
        assert_eq!(none.sees("user", User::KIND.field("email").unwrap(), Relation::Own), Sight::Hidden);
    }
}
