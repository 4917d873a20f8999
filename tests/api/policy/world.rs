//! A small organisation in which every record stands to everybody in a known way, with a value of its own in each field.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kehu_tests::{Engine, Org, PASSWORD, Session};
use serde_json::{Map, Value, json};

use super::canary::{Forbidden, letters, value, words};
use super::description::{Door, Kind, doors, kinds};
use super::table::{Policy, Sight, Standing, built_in, own_roles};

/// A record, and how it stands.
pub(super) struct Rec {
    pub(super) kind: String,
    pub(super) id: String,
    owner: Option<String>,
    team: Option<String>,
    /// Users whom it is shared with, and whether they may change it.
    shared: HashMap<String, bool>,
    /// What the administrator is shown.
    pub(super) view: Value,
    /// What was brought when it was made.
    pub(super) brought: Map<String, Value>,
    /// The customer that it hangs on, or itself.
    pub(super) customer: Option<String>,
    /// Words of each field, old ones too.
    secrets: Vec<(String, String)>,
}

/// Somebody whose role is looked at.
pub(super) struct Subject {
    pub(super) role: String,
    pub(super) policy: Policy,
    pub(super) id: String,
    pub(super) session: Session,
    teams: BTreeSet<String>,
}

/// The organisation.
pub(super) struct World {
    pub(super) org: Org,
    pub(super) kinds: Vec<Kind>,
    pub(super) doors: BTreeSet<Door>,
    pub(super) subjects: Vec<Subject>,
    pub(super) records: Vec<Rec>,
    /// Colleagues of nobody: whom a customer can be given to.
    pub(super) colleague: String,
    /// Ids in the administrator's order, by kind and order.
    pub(super) orders: BTreeMap<(String, String), Vec<String>>,
    /// A form that took a submission, the submission, and words of what was sent.
    pub(super) submission: (String, String, Vec<String>),
    /// A job that the administrator asked for.
    pub(super) job: String,
    /// A segment of every customer, which everybody may use.
    pub(super) everything: String,
}

impl Subject {
    /// How a record stands to the subject.
    pub(super) fn standing(&self, rec: &Rec) -> Standing {
        Standing {
            own: rec.owner.as_ref() == Some(&self.id) || rec.id == self.id,
            team: rec.team.as_ref().is_some_and(|team| self.teams.contains(team)),
            shared: rec.shared.get(&self.id).copied(),
        }
    }

    /// Whether an action covers a record.
    pub(super) fn may(&self, action: &str, rec: &Rec) -> bool {
        self.policy.covers(action, &rec.kind, self.standing(rec))
    }

    /// How much the subject sees of a field of a record that is within reach.
    pub(super) fn sight(&self, rec: &Rec, field: &str) -> Sight {
        self.policy.sight(&rec.kind, field, self.standing(rec).relation())
    }
}

impl World {
    pub(super) fn kind(&self, name: &str) -> &Kind {
        self.kinds.iter().find(|kind| kind.name == name).unwrap()
    }

    pub(super) fn of<'w>(&'w self, kind: &str) -> impl Iterator<Item = &'w Rec> {
        self.records.iter().filter(move |rec| rec.kind == kind)
    }

    pub(super) fn rec(&self, id: &str) -> Option<&Rec> {
        self.records.iter().find(|rec| rec.id == id)
    }

    /// One record of a kind for each way in which any stands to a subject.
    pub(super) fn samples<'w>(&'w self, subject: &Subject, kind: &str) -> Vec<&'w Rec> {
        let mut found = BTreeMap::new();
        // Spare ones come last: nobody has that role, and nothing names that tag.
        for rec in self.of(kind) {
            found.insert(subject.standing(rec), rec);
        }
        found.into_values().collect()
    }

    /// Every word that a subject must not be told.
    pub(super) fn forbidden(&self, subject: &Subject) -> Forbidden {
        let mut forbidden = Forbidden::default();
        for rec in &self.records {
            for (field, word) in &rec.secrets {
                let seen = subject.may("read", rec) && subject.sight(rec, field) == Sight::Full;
                if !seen && !self.is_summed_up(subject, rec, field) {
                    forbidden.add(word, &format!("{}.{field} of {}", rec.kind, rec.id));
                }
            }
        }
        if !subject.policy.can("update", "form") {
            self.submission.2.iter().for_each(|word| forbidden.add(word, "what was sent to a form"));
        }
        forbidden
    }

    /// Whether a customer says itself when somebody last met it, and when the next step is due.
    fn is_summed_up(&self, subject: &Subject, rec: &Rec, field: &str) -> bool {
        let summary = match (rec.kind.as_str(), field) {
            ("follow_up", "happened_at") => "last_follow_up_at",
            ("follow_up", "next_due_at") => "next_follow_up_at",
            _ => return false,
        };
        let customer = rec.customer.as_deref().and_then(|id| self.rec(id));
        customer.is_some_and(|one| subject.may("read", one) && subject.sight(one, summary) == Sight::Full)
    }

    /// The subject's own words: what one signs in with.
    pub(super) fn own_words(&self, subject: &Subject) -> Vec<&str> {
        let own = self.records.iter().filter(|rec| rec.id == subject.id);
        own.flat_map(|rec| &rec.secrets).map(|(_, word)| word.as_str()).collect()
    }
}

/// Makes things as the administrator.
struct Maker<'a> {
    org: &'a Org,
    kinds: &'a [Kind],
    records: Vec<Rec>,
}

impl Maker<'_> {
    /// A record with a value in every field that takes one; `said` goes before.
    fn make(&mut self, kind: &str, said: &Value) -> String {
        let known = self.kinds.iter().find(|known| known.name == kind).unwrap();
        let mut body = Map::new();
        for field in known.fields.iter().filter(|field| field.write != "never") {
            let value = value(kind, &field.name);
            if !value.is_null() {
                body.insert(field.name.clone(), value);
            }
        }
        body.extend(said.as_object().unwrap().clone());
        body.retain(|_, value| !value.is_null());
        let said = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let made = if kind == "attachment" {
            self.org.admin.attach(said("record_kind"), said("record_id"), said("name"), b"text")
        } else {
            self.org.admin.post(&known.path, &Value::Object(body.clone()))
        };
        let made = made.expect(201);
        let id = made.id();
        body.remove("password");
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let of_customer = text("customer_id").or_else(|| text("record_id"));
        let customer = of_customer.clone().or_else(|| (kind == "customer").then(|| id.clone()));
        let parent = of_customer.and_then(|id| self.records.iter().find(|rec| rec.id == id));
        let shared = body.get("collaborators").and_then(Value::as_array).into_iter().flatten();
        let shared = shared.map(|one| (one["user_id"].as_str().unwrap().to_owned(), one["access"] == "write"));
        // What is shared with everybody is read by each.
        let everybody = body.get("shared").is_some_and(|how| how == "everybody");
        let everybody = self.records.iter().filter(|rec| everybody && rec.kind == "user");
        let everybody: Vec<(String, bool)> = everybody.map(|user| (user.id.clone(), false)).collect();
        let shared = shared.chain(everybody);
        let (owner, team, shared) = match parent {
            Some(parent) => (parent.owner.clone(), parent.team.clone(), parent.shared.clone()),
            None => (text("owner_id"), text("team_id"), shared.collect()),
        };
        let mut rec = Rec {
            kind: kind.to_owned(),
            id: id.clone(),
            owner,
            team,
            shared,
            view: Value::Null,
            brought: body,
            customer,
            secrets: Vec::new(),
        };
        let named =
            |name: &str| matches!(name, "name" | "key") && !matches!(kind, "customer" | "contact" | "attachment");
        for (field, value) in
            rec.brought.iter().filter(|(name, _)| known.fields.iter().any(|f| f.name == **name) && !named(name))
        {
            let mut found = Vec::new();
            words(value, &mut found);
            // Names of tags and roles are seen wherever they stand.
            if !matches!(
                field.as_str(),
                "tags"
                    | "role"
                    | "team_id"
                    | "owner_id"
                    | "customer_id"
                    | "contact_id"
                    | "record_id"
                    | "collaborators"
                    | "parent_id"
            ) {
                rec.secrets.extend(found.into_iter().map(|word| (field.clone(), word)));
            }
        }
        self.records.push(rec);
        id
    }

    /// A customer with a contact, a follow-up, a note and an attachment, and with a street that it has no longer.
    fn customer(&mut self, said: &Value) {
        let id = self.make("customer", said);
        let street = value("customer", "address");
        let _ = self.org.admin.patch(&format!("/v1/customers/{id}"), &json!({"address": street})).expect(200);
        let rec = self.records.last_mut().unwrap();
        let mut found = Vec::new();
        words(&street, &mut found);
        rec.secrets.extend(found.into_iter().map(|word| ("address".to_owned(), word)));
        rec.brought.insert("address".to_owned(), street);
        let contact = self.make("contact", &json!({"customer_id": id}));
        let _ = self.make("follow_up", &json!({"customer_id": id, "contact_id": contact}));
        for kind in ["note", "attachment"] {
            let _ = self.make(kind, &json!({"record_kind": "customer", "record_id": id}));
        }
    }
}

/// A form with a submission that was sent to it.
fn submission(org: &Org, maker: &mut Maker<'_>) -> (String, String, Vec<String>) {
    let form = maker.make("form", &json!({"paused": false, "honeypot": null, "origins": null, "source_id": null}));
    let key = org.admin.get(&format!("/v1/forms/{form}")).expect(200).json()["public_key"].as_str().unwrap().to_owned();
    let (who, phone) = (letters(), value("contact", "mobile"));
    let sent = json!({"values": {"who": who, "tel": phone}, "test": true});
    let visitor = org.admin.with_token(Some(&key));
    let id = visitor.post(&format!("/v1/forms/{form}/submissions"), &sent).expect(202).id();
    let mut found = vec![who];
    words(&phone, &mut found);
    (form, id, found)
}

/// Makes the organisation.
pub(super) fn build(engine: Engine) -> World {
    let org = Org::new(engine);
    let document = org.admin.get("/openapi.json").expect(200).json();
    let (kinds, doors) = (kinds(&document), doors(&document));
    let mut maker = Maker { org: &org, kinds: &kinds, records: Vec::new() };
    let team = |maker: &mut Maker<'_>, parent: Option<&String>| {
        maker.make("team", &json!({"name": format!("团队{}", letters()), "parent_id": parent}))
    };
    let top = team(&mut maker, None);
    let middle = team(&mut maker, Some(&top));
    let below = team(&mut maker, Some(&middle));
    let aside = team(&mut maker, None);
    let person = |maker: &mut Maker<'_>, team: &str| {
        maker.make("user", &json!({"role": "salesperson", "team_id": team, "other_roles": null, "disabled": null}))
    };
    let [above, beside, under, other] = [&top, &middle, &below, &aside].map(|team| person(&mut maker, team));
    let mut subjects = Vec::new();
    let own = own_roles();
    for (role, policy) in &own {
        let _ = maker.make("role", &json!({"key": role, "rights": policy.to_json()}));
    }
    for (role, policy) in built_in().into_iter().chain(own) {
        let login = format!("{}@canary.cn", letters());
        let body = json!({"role": role, "team_id": middle, "email": login, "password": PASSWORD});
        let id = maker.make("user", &body);
        let session = Session::login(org.admin.base(), &login, PASSWORD, None);
        let teams = [&middle, &below].map(Clone::clone).into();
        subjects.push(Subject { role, policy, id, session, teams });
    }
    for (owner, team) in [(&above, &top), (&beside, &middle), (&under, &below), (&other, &aside)] {
        maker.customer(&json!({"owner_id": owner, "team_id": team}));
    }
    for access in ["read", "write"] {
        let all: Vec<Value> = subjects.iter().map(|one| json!({"user_id": one.id, "access": access})).collect();
        maker.customer(&json!({"owner_id": other, "team_id": aside, "collaborators": all}));
    }
    for subject in &subjects {
        for team in [&middle, &aside] {
            maker.customer(&json!({"owner_id": subject.id, "team_id": team}));
        }
    }
    let submission = submission(&org, &mut maker);
    for kind in ["tag", "form", "role", "field", "field", "entry_rule"] {
        let _ = maker.make(kind, &json!({}));
    }
    let _ = maker.make("segment", &json!({"shared": "everybody"}));
    let all = json!({"field": "id", "op": "is_null", "value": false});
    let everything = maker.make("segment", &json!({"shared": "everybody", "where": all}));
    let job = org.admin.post("/v1/audit/verify", &json!({})).expect(202).id();
    let mut records = maker.records;
    let mut orders = BTreeMap::new();
    for kind in &kinds {
        views(&org, kind, &mut records);
        for sort in &kind.sorts {
            let page = org.admin.get(&format!("{}?limit=500&sort={sort}&fields=id", kind.path)).expect(200).data();
            let ids = page.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
            orders.insert((kind.name.clone(), sort.clone()), ids);
        }
    }
    World { org, kinds, doors, subjects, records, colleague: other, orders, submission, job, everything }
}

/// Takes down what the administrator is shown, of records too that came by themselves: tags that were named, the first
/// administrator.
fn views(org: &Org, kind: &Kind, records: &mut Vec<Rec>) {
    for view in org.admin.get(&format!("{}?limit=500", kind.path)).expect(200).data() {
        let id = view["id"].as_str().unwrap().to_owned();
        if let Some(rec) = records.iter_mut().find(|rec| rec.id == id) {
            rec.view = view;
            continue;
        }
        let team = view["team_id"].as_str().map(str::to_owned);
        // Before those that were made on purpose: samples are the last of their sort.
        let rec = Rec {
            kind: kind.name.clone(),
            id,
            owner: None,
            team,
            shared: HashMap::new(),
            view,
            brought: Map::new(),
            customer: None,
            secrets: Vec::new(),
        };
        records.insert(0, rec);
    }
}
