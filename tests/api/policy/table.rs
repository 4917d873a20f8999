//! What the policy says, told without the program: the committed table of the built-in roles, and roles of this test's
//! own that are written down in the same form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What a role can do to records, in the order of the table's columns.
pub(super) const ACTIONS: [&str; 6] = ["create", "read", "update", "delete", "transfer", "reveal"];

/// Fields that `contact_data` of a role covers, and those of `identity`: what the table lists of every role.
const CONTACT: [&str; 7] = ["phones", "emails", "wechat", "address", "birthday", "email", "mobile"];
const IDENTITY: [&str; 2] = ["id_number", "bank_accounts"];

/// Roles that an organisation makes: what is rare is what goes wrong.
const OWN_ROLES: &str = "
# The team alone: one's own records are within reach where they are the team's, and are seen as one's own.
c_team customer: team / team / team / team / - / team
c_team contact: team / team / team / - / - / team
c_team follow_up: team / team / team / - / - / -
c_team note: team / team / team / - / - / -
c_team attachment: team / team / team / - / - / -
c_team tag: - / all / - / - / - / -
c_team user: - / all / - / - / - / -
c_team team: - / all / - / - / - / -
c_team segment: own / team shared / own / own / - / -
c_team customer.phones: masked / full / hidden
c_team customer.emails: masked / full / hidden
c_team customer.wechat: masked / full / hidden
c_team customer.address: masked / full / hidden
c_team customer.id_number: hidden / masked / hidden
c_team customer.bank_accounts: hidden / masked / hidden
c_team contact.phones: masked / full / hidden
c_team contact.emails: masked / full / hidden
c_team contact.wechat: masked / full / hidden
c_team contact.birthday: masked / full / hidden
c_team contact.id_number: hidden / masked / hidden
c_team user.email: masked / full / hidden
c_team user.mobile: masked / full / hidden
c_team customer.remark: hidden / full / hidden
c_team customer.grade: hidden / full / full
c_team customer.next_follow_up_at: hidden / full / full
c_team contact.position: hidden / full / full
c_team follow_up.happened_at: hidden / full / full
c_team tag.color: hidden / hidden / hidden
# What is shared, and the log.
c_shared customer: - / shared / shared / - / - / shared
c_shared contact: shared / shared / shared / - / - / -
c_shared follow_up: shared / shared / shared / - / - / -
c_shared note: shared / shared / shared / - / - / -
c_shared attachment: - / shared / - / - / - / -
c_shared tag: - / all / - / - / - / -
c_shared user: - / own / - / - / - / -
c_shared job: - / own / own / - / - / -
c_shared customer.phones: full / masked / hidden
c_shared customer.emails: full / masked / hidden
c_shared customer.wechat: full / masked / hidden
c_shared customer.address: full / masked / hidden
c_shared customer.id_number: hidden / hidden / hidden
c_shared customer.bank_accounts: hidden / hidden / hidden
c_shared contact.phones: full / masked / hidden
c_shared contact.emails: full / masked / hidden
c_shared contact.wechat: full / masked / hidden
c_shared contact.birthday: full / masked / hidden
c_shared contact.id_number: hidden / hidden / hidden
c_shared user.email: full / masked / hidden
c_shared user.mobile: full / masked / hidden
c_shared follow_up.summary: hidden / hidden / hidden
c_shared customer.credit_code: hidden / full / full
c_shared: audit.read
# Everything, of which much is only read.
c_reader customer: all / all / all / - / - / -
c_reader contact: all / all / all / all / - / -
c_reader follow_up: all / all / all / all / - / -
c_reader note: all / all / all / all / - / -
c_reader attachment: all / all / all / all / - / -
c_reader tag: all / all / all / - / - / -
c_reader user: - / all / all / - / - / -
c_reader team: - / all / all / - / - / -
c_reader role: - / all / - / - / - / -
c_reader form: all / all / all / all / - / -
c_reader customer.phones: full / full / full, read-only
c_reader customer.emails: full / full / full
c_reader customer.wechat: full / full / full
c_reader customer.address: full / full / full
c_reader customer.id_number: masked / masked / masked, read-only
c_reader customer.bank_accounts: masked / masked / masked
c_reader contact.phones: full / full / full
c_reader contact.emails: full / full / full, read-only
c_reader contact.wechat: full / full / full
c_reader contact.birthday: hidden / hidden / hidden
c_reader contact.id_number: masked / masked / masked
c_reader user.email: full / full / full
c_reader user.mobile: full / full / full
c_reader customer.remark: full / full / full, read-only
c_reader customer.stage: full / full / full, read-only
c_reader customer.tags: hidden / hidden / hidden
c_reader contact.position: full / full / full, read-only
c_reader follow_up.next_step: full / full / full, read-only
c_reader tag.group: full / full / full, read-only
c_reader user.name: full / full / full, read-only
c_reader user.user_name: hidden / hidden / hidden
c_reader role.description: hidden / hidden / hidden
c_reader form.public_key: hidden / hidden / hidden
c_reader form.consent_text: full / full / full, read-only
c_reader: settings.manage
# Near things in full, and the rest not at all.
c_near customer: own / all / own / own / own / own
c_near contact: own / all / own / own / - / all
c_near follow_up: own / all / own / own / - / -
c_near note: own / all / own / own / - / -
c_near attachment: own / all / own / own / - / -
c_near tag: - / all / - / - / - / -
c_near user: - / own team / - / - / - / own team
c_near team: - / all / - / - / - / -
c_near segment: own / own / own / own / - / -
c_near customer.phones: full / hidden / hidden
c_near customer.emails: full / hidden / hidden
c_near customer.wechat: full / hidden / hidden
c_near customer.address: full / hidden / hidden
c_near customer.id_number: masked / masked / hidden
c_near customer.bank_accounts: masked / masked / hidden
c_near contact.phones: full / hidden / hidden
c_near contact.emails: full / hidden / hidden
c_near contact.wechat: full / hidden / hidden
c_near contact.birthday: full / hidden / hidden
c_near contact.id_number: masked / masked / hidden
c_near user.email: full / hidden / hidden
c_near user.mobile: full / hidden / hidden
c_near customer.remark: full / full / hidden
c_near customer.external_ids: full / full / hidden
c_near note.external_ids: full / hidden / hidden
c_near follow_up.next_step: full / hidden / hidden
c_near note.body: full / hidden / hidden
# Customers without those who work there.
c_firms customer: all / all / all / - / - / all
c_firms tag: - / all / - / - / - / -
c_firms customer.phones: full / full / full
c_firms customer.emails: full / full / full
c_firms customer.wechat: full / full / full
c_firms customer.address: full / full / full
c_firms customer.id_number: masked / masked / masked
c_firms customer.bank_accounts: masked / masked / masked
c_firms: data.purge
";

/// How much is seen of a field; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sight {
    Hidden,
    Masked,
    Full,
}

impl Sight {
    fn of(word: &str) -> Self {
        match word.trim() {
            "hidden" => Self::Hidden,
            "masked" => Self::Masked,
            "full" => Self::Full,
            other => panic!("“{other}” is no sight"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Masked => "masked",
            Self::Full => "full",
        }
    }
}

/// How near a record stands: one's own (or shared with one), the team's, any other.
pub(super) type Relation = usize;

/// How a record stands to somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    pub(super) own: bool,
    pub(super) team: bool,
    /// Shared to be read, and perhaps (`true`) to be changed.
    pub(super) shared: Option<bool>,
}

impl Standing {
    pub(super) fn relation(self) -> Relation {
        if self.own || self.shared.is_some() { 0 } else { 2 - usize::from(self.team) }
    }
}

/// What a role may do.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    reach: BTreeMap<(String, String), BTreeSet<String>>,
    sights: BTreeMap<(String, String), [Sight; 3]>,
    read_only: BTreeSet<(String, String)>,
    besides: BTreeSet<String>,
}

fn key(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

impl Policy {
    /// How far an action reaches: words of the table.
    pub(super) fn reach(&self, action: &str, kind: &str) -> BTreeSet<&str> {
        self.reach.get(&key(kind, action)).into_iter().flatten().map(String::as_str).collect()
    }

    pub(super) fn can(&self, action: &str, kind: &str) -> bool {
        !self.reach(action, kind).is_empty()
    }

    /// Whether an action covers a record that stands so.
    pub(super) fn covers(&self, action: &str, kind: &str, standing: Standing) -> bool {
        let shared = match (action, standing.shared) {
            (_, None) | ("delete" | "transfer", _) => false,
            ("read" | "reveal", Some(_)) => true,
            (_, Some(writes)) => writes,
        };
        self.reach(action, kind).into_iter().any(|word| match word {
            "all" => true,
            "own" => standing.own,
            "team" => standing.team,
            "shared" => shared,
            other => panic!("“{other}” is no reach"),
        })
    }

    pub(super) fn sight(&self, kind: &str, field: &str, relation: Relation) -> Sight {
        self.sights.get(&key(kind, field)).map_or(Sight::Full, |sights| sights[relation])
    }

    pub(super) fn writes(&self, kind: &str, field: &str) -> bool {
        !self.read_only.contains(&key(kind, field))
    }

    pub(super) fn grants(&self, right: &str) -> bool {
        self.besides.contains(right)
    }

    /// How near the records may stand that an action covers.
    fn relations(&self, action: &str, kind: &str) -> BTreeSet<Relation> {
        let standings = [(true, false, None), (true, true, None), (false, true, None), (false, false, None)]
            .into_iter()
            .chain([(false, false, Some(true)), (false, true, Some(true)), (false, false, Some(false))]);
        let standings = standings.map(|(own, team, shared)| Standing { own, team, shared });
        standings.filter(|one| self.covers(action, kind, *one)).map(Standing::relation).collect()
    }

    /// Whether a field is hidden of some record that an action covers.
    pub(super) fn hides_some(&self, action: &str, kind: &str, field: &str) -> bool {
        self.relations(action, kind).iter().any(|how| self.sight(kind, field, *how) == Sight::Hidden)
    }

    /// Whether a field is hidden of every record that an action covers.
    pub(super) fn hides_all(&self, action: &str, kind: &str, field: &str) -> bool {
        self.relations(action, kind).iter().all(|how| self.sight(kind, field, *how) == Sight::Hidden)
    }

    /// The `rights` by which such a role is made.
    pub(super) fn to_json(&self) -> Value {
        let mut kinds: Map<String, Value> = Map::new();
        for ((kind, action), words) in self.reach.iter().filter(|(_, words)| !words.is_empty()) {
            kinds.entry(kind.clone()).or_insert_with(|| json!({}))[action] = json!(words);
        }
        let group = |names: &[&str]| self.sights.iter().find(|((_, field), _)| names.contains(&field.as_str()));
        let said =
            |sights: [Sight; 3]| json!({"own": sights[0].word(), "team": sights[1].word(), "other": sights[2].word()});
        let of = |names: &[&str]| group(names).map(|(_, sights)| *sights);
        let (contact, identity) = (of(&CONTACT), of(&IDENTITY));
        let named: BTreeSet<&(String, String)> = self.sights.keys().chain(&self.read_only).collect();
        for (kind, field) in named {
            let sights = self.sights.get(&key(kind, field)).copied().unwrap_or([Sight::Full; 3]);
            let by_group = match field.as_str() {
                field if CONTACT.contains(&field) => contact,
                field if IDENTITY.contains(&field) => identity,
                _ => Some([Sight::Full; 3]),
            };
            let mut rights = Map::new();
            if by_group != Some(sights) {
                rights.insert("sees".to_owned(), said(sights));
            }
            if !self.writes(kind, field) {
                rights.insert("writes".to_owned(), json!(false));
            }
            if !rights.is_empty() {
                let kind = kinds.entry(kind.clone()).or_insert_with(|| json!({}));
                kind["fields"][field] = rights.into();
            }
        }
        let mut all = json!({"kinds": kinds, "besides": self.besides});
        for (name, sights) in [("contact_data", contact), ("identity", identity)] {
            if let Some(sights) = sights {
                all[name] = said(sights);
            }
        }
        all
    }
}

/// Every role of a table, in its order.
fn parse(text: &str) -> Vec<(String, Policy)> {
    let mut roles: Vec<(String, Policy)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (head, said) = line.split_once(": ").unwrap_or_else(|| panic!("no colon in “{line}”"));
        let (role, what) = head.split_once(' ').map_or((head, None), |(role, what)| (role, Some(what)));
        if roles.iter().all(|(known, _)| known != role) {
            roles.push((role.to_owned(), Policy::default()));
        }
        let policy = &mut roles.iter_mut().find(|(known, _)| known == role).unwrap().1;
        let words = |text: &str| text.split_whitespace().filter(|word| *word != "-").map(str::to_owned).collect();
        match what.map(|what| what.split_once('.').ok_or(what)) {
            None => policy.besides = words(said),
            Some(Err(kind)) => {
                let reaches: Vec<&str> = said.split('/').collect();
                assert_eq!(reaches.len(), ACTIONS.len(), "{line}");
                for (action, reach) in ACTIONS.iter().zip(reaches) {
                    policy.reach.insert(key(kind, action), words(reach));
                }
            }
            Some(Ok((kind, field))) => {
                let (sights, read_only) = match said.strip_suffix(", read-only") {
                    Some(sights) => (sights, true),
                    None => (said, false),
                };
                let sights: Vec<Sight> = sights.split('/').map(Sight::of).collect();
                policy.sights.insert(key(kind, field), sights.try_into().unwrap());
                if read_only {
                    policy.read_only.insert(key(kind, field));
                }
            }
        }
    }
    roles
}

/// The built-in roles, as the committed table has them.
pub(super) fn built_in() -> Vec<(String, Policy)> {
    parse(include_str!("../../../openapi/rights.txt"))
}

/// The roles of this test.
pub(super) fn own_roles() -> Vec<(String, Policy)> {
    parse(OWN_ROLES)
}

#[test]
fn a_table_is_read_as_it_is_meant() {
    let roles = built_in();
    assert_eq!(roles.len(), 9);
    let of = |name: &str| &roles.iter().find(|(role, _)| role == name).unwrap().1;
    let (manager, finance) = (of("manager"), of("finance"));
    let team = Standing { team: true, ..Standing::default() };
    assert!(manager.covers("delete", "customer", team) && !manager.covers("read", "customer", Standing::default()));
    assert!(!manager.covers("delete", "customer", Standing { shared: Some(true), ..Standing::default() }));
    assert!(manager.covers("update", "contact", Standing { shared: Some(true), ..Standing::default() }));
    assert_eq!(
        [0, 1, 2].map(|how| manager.sight("customer", "phones", how)),
        [Sight::Full, Sight::Full, Sight::Masked]
    );
    assert!(finance.hides_all("read", "contact", "birthday") && !finance.can("create", "customer"));
    assert!(of("security_admin").grants("rights.grant") && !of("security_admin").writes("user", "email"));
}
