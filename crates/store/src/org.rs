//! What every request needs to know of its organisation: settings, people, roles, teams, tags, custom fields. Kept in
//! memory, at most a second old: a number in the organisation's row rises with every change of them, on whichever server.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kehu_domain::custom::CustomFields;
use kehu_domain::entry_rule::Rule;
use kehu_domain::kinds::kind_named;
use kehu_domain::organisation::NUMBERS;
use kehu_domain::rights::{Rights, RoleRights, built_in};
use kehu_domain::settings::Settings;
use kehu_domain::show::Name;
use moka::sync::Cache;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::clock::Clock;
use crate::entities::{entry_rule, organisation, role, second_factor, tag, team, user};
use crate::failure::Failure;
use crate::journal::anchor;
use crate::ops::fields;
use crate::rows;

/// The installation itself: its roots find sign-in names and seal the keys that sign tokens.
pub const INSTALLATION: Uuid = Uuid::nil();

/// How long what is known counts without asking again, milliseconds.
pub(crate) const FRESH: i64 = 1000;

/// An organisation as requests see it.
#[derive(Debug)]
pub struct Org {
    /// Its id.
    pub id: Uuid,
    /// Its short name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Its language, `zh-CN`.
    pub locale: String,
    /// Where its days and years begin.
    pub time_zone: Tz,
    /// Its currency, ISO 4217.
    pub currency: String,
    /// Its region: phone numbers without a country code belong there.
    pub region: String,
    /// What it lays down for itself.
    pub settings: Settings,
    /// Whether customers were numbered by other rules before: numbers of then may stand in the way of new ones.
    pub numbers_changed: bool,
    /// Since when the idleness of sessions counts that nobody noted before.
    pub settings_at: Option<DateTime<Utc>>,
    /// Its people.
    pub users: HashMap<Uuid, Person>,
    /// Roles that it made, by key.
    roles: HashMap<String, OwnRole>,
    teams: HashMap<Uuid, TeamNode>,
    tags: HashMap<Uuid, Name>,
    tags_by_name: HashMap<String, Uuid>,
    /// Rules that hold for what is entered, by kind, each in its place.
    entry_rules: HashMap<&'static str, Vec<Rule>>,
    custom: HashMap<String, CustomFields>,
    no_custom: CustomFields,
    state: i64,
    /// Entries of the journal up to this place are older than its chain.
    pub(crate) chain_begins: i64,
}

/// A user, as rights and answers need it.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name.
    pub name: Name,
    /// Keys of the roles.
    pub roles: Vec<String>,
    /// What they give together.
    pub rights: Arc<Rights>,
    /// The team.
    pub team_id: Option<Uuid>,
    /// Whether the user may not sign in.
    pub disabled: bool,
    /// Whether signing in asks for a second factor.
    pub second_factor: bool,
}

/// A role that an organisation made.
#[derive(Clone, Debug)]
struct OwnRole {
    name: String,
    rights: Arc<Rights>,
}

/// Somebody who has a second factor.
#[derive(FromQueryResult)]
struct Enrolled {
    user_id: Uuid,
}

#[derive(Clone, Debug)]
struct TeamNode {
    name: Name,
    parent_id: Option<Uuid>,
}

impl Org {
    /// Counts the changes of people, teams, tags and keys.
    pub(crate) fn state(&self) -> i64 {
        self.state
    }

    /// The name of a user, a team or a tag.
    #[must_use]
    pub fn name_of(&self, id: Uuid) -> Option<&Name> {
        let person = || self.users.get(&id).map(|person| &person.name);
        self.tags.get(&id).or_else(person).or_else(|| self.teams.get(&id).map(|team| &team.name))
    }

    /// Whether a role of the user needs a second factor.
    #[must_use]
    pub fn requires_second_factor(&self, user: Uuid) -> bool {
        let needing = &self.settings.second_factor.required_roles;
        self.users.get(&user).is_some_and(|person| person.roles.iter().any(|role| needing.contains(role)))
    }

    /// Whether a role of the user needs a second factor, and there is none yet.
    #[must_use]
    pub fn must_enrol(&self, user: Uuid) -> bool {
        self.requires_second_factor(user) && self.users.get(&user).is_some_and(|person| !person.second_factor)
    }

    /// Whether there is such a team.
    #[must_use]
    pub fn has_team(&self, id: Uuid) -> bool {
        self.teams.contains_key(&id)
    }

    /// Whether there is such a tag.
    #[must_use]
    pub fn has_tag(&self, id: Uuid) -> bool {
        self.tags.contains_key(&id)
    }

    /// The tag of that normalised name.
    #[must_use]
    pub fn tag_named(&self, norm: &str) -> Option<Uuid> {
        self.tags_by_name.get(norm).copied()
    }

    /// The custom fields of a kind.
    #[must_use]
    pub fn custom(&self, kind: &str) -> &CustomFields {
        self.custom.get(kind).unwrap_or(&self.no_custom)
    }

    /// The rules for what is entered of a kind, in their order.
    #[must_use]
    pub fn entry_rules(&self, kind: &str) -> &[Rule] {
        self.entry_rules.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether there is a rule for anything that is entered.
    pub(crate) fn has_entry_rules(&self) -> bool {
        !self.entry_rules.is_empty()
    }

    /// The keys of the roles that the organisation made.
    pub(crate) fn role_keys(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// What a role is called, where the organisation made it.
    #[must_use]
    pub fn role_name(&self, key: &str) -> Option<&str> {
        self.roles.get(key).map(|role| role.name.as_str())
    }

    /// A team and every team below it.
    #[must_use]
    pub fn team_and_below(&self, team: Uuid) -> Vec<Uuid> {
        let mut found = vec![team];
        let mut at = 0;
        while let Some(parent) = found.get(at).copied() {
            let below = self.teams.iter().filter(|(id, node)| node.parent_id == Some(parent) && !found.contains(id));
            let below: Vec<Uuid> = below.map(|(id, _)| *id).collect();
            found.extend(below);
            at += 1;
        }
        found
    }

    /// An organisation without anybody in it: one that is being made.
    ///
    /// # Errors
    /// Its settings cannot be read: a policy that is not understood is not taken for none.
    pub(crate) fn new(row: organisation::Model) -> Result<Self, Failure> {
        let settings = settings_of(&row)?;
        let numbers_changed = touched_of(&row).contains_key(NUMBERS);
        Ok(Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            locale: row.locale,
            time_zone: row.time_zone.parse().unwrap_or(Tz::Asia__Shanghai),
            currency: row.currency,
            region: row.region,
            settings,
            numbers_changed,
            settings_at: row.settings_at,
            users: HashMap::new(),
            roles: HashMap::new(),
            teams: HashMap::new(),
            tags: HashMap::new(),
            tags_by_name: HashMap::new(),
            entry_rules: HashMap::new(),
            custom: HashMap::new(),
            no_custom: CustomFields::default(),
            state: row.state,
            chain_begins: 0,
        })
    }

    async fn load(db: &impl ConnectionTrait, row: organisation::Model) -> Result<Self, Failure> {
        let people = user::Entity::find().filter(user::Column::OrgId.eq(row.id)).all(db).await?;
        let teams = team::Entity::find()
            .filter(team::Column::OrgId.eq(row.id))
            .filter(team::Column::DeletedAt.is_null())
            .all(db)
            .await?;
        let tags = tag::Entity::find()
            .filter(tag::Column::OrgId.eq(row.id))
            .filter(tag::Column::DeletedAt.is_null())
            .all(db)
            .await?;
        let factors = second_factor::Entity::find()
            .select_only()
            .column(second_factor::Column::UserId)
            .filter(second_factor::Column::OrgId.eq(row.id))
            .filter(second_factor::Column::ConfirmedAt.is_not_null())
            .into_model::<Enrolled>()
            .all(db)
            .await?;
        let factors: HashSet<Uuid> = factors.into_iter().map(|enrolled| enrolled.user_id).collect();
        let roles = role::Entity::find()
            .filter(role::Column::OrgId.eq(row.id))
            .filter(role::Column::DeletedAt.is_null())
            .all(db)
            .await?;
        let roles = roles.into_iter().map(OwnRole::of).collect();
        let custom = fields::all(db, row.id, &row.region).await?;
        let rules = entry_rule::Entity::find()
            .filter(entry_rule::Column::OrgId.eq(row.id))
            .filter(entry_rule::Column::Active.eq(true))
            .filter(entry_rule::Column::DeletedAt.is_null())
            .all(db)
            .await?;
        let chain_begins = anchor::begins(db, row.id).await?;
        let plain = |name: String| Name { name, color: None };
        Ok(Self {
            chain_begins,
            users: people
                .into_iter()
                .map(|user| {
                    let keys: Vec<String> = user.roles().map(str::to_owned).collect();
                    let person = Person {
                        name: plain(user.name),
                        disabled: user.disabled || user.deleted_at.is_some(),
                        second_factor: factors.contains(&user.id),
                        rights: together(&roles, keys.iter().map(String::as_str)),
                        roles: keys,
                        team_id: user.team_id,
                    };
                    (user.id, person)
                })
                .collect(),
            teams: teams
                .into_iter()
                .map(|team| (team.id, TeamNode { name: plain(team.name), parent_id: team.parent_id }))
                .collect(),
            tags_by_name: tags.iter().map(|tag| (tag.name_norm.clone(), tag.id)).collect(),
            tags: tags.into_iter().map(|tag| (tag.id, Name { name: tag.name, color: tag.color })).collect(),
            roles,
            custom,
            entry_rules: rules_by_kind(&rules),
            ..Self::new(row)?
        })
    }
}

/// Rules by kind, each list in its order, the older first where two say the same place.
/// One that cannot be read refuses nothing: nobody could mend it if the organisation were not there for it.
fn rules_by_kind(rows: &[entry_rule::Model]) -> HashMap<&'static str, Vec<Rule>> {
    let mut by_kind: HashMap<&'static str, Vec<Rule>> = HashMap::new();
    for row in rows {
        let rule = match rows::entry_rule::of_row(row) {
            Ok(rule) => rule,
            Err(error) => {
                tracing::error!(org = %row.org_id, rule = %row.id, %error, "an entry rule cannot be read");
                continue;
            }
        };
        let kind = rule.kind.key();
        let field = kind_named(kind).and_then(|kind| kind.field(rule.field.as_str()));
        let name = |label: Option<&str>| label.unwrap_or(rule.field.as_str()).to_owned();
        let (zh, en) = (name(field.map(|field| field.zh)), name(field.map(|field| field.en)));
        by_kind.entry(kind).or_default().push(Rule { id: row.id, rule, zh, en });
    }
    by_kind.values_mut().for_each(|rules| rules.sort_by_key(|rule| (rule.rule.order, rule.id)));
    by_kind
}

impl OwnRole {
    fn of(row: role::Model) -> (String, Self) {
        // Rights that cannot be read give nothing.
        let rights = RoleRights::from_stored(&row.rights).map(|rights| rights.0).unwrap_or_default();
        (row.key, Self { name: row.name, rights })
    }
}

/// What roles give together. One that is not there gives nothing.
fn together<'k>(own: &HashMap<String, OwnRole>, keys: impl Iterator<Item = &'k str>) -> Arc<Rights> {
    let rights = keys.filter_map(|key| match built_in(key) {
        Some(role) => Some(role.rights.clone()),
        None => own.get(key).map(|role| role.rights.clone()),
    });
    rights.reduce(|one, other| Arc::new(one.with(&other))).unwrap_or_default()
}

/// The rights of one role of an organisation, as it is known.
pub(crate) fn rights_of(org: &Org, key: &str) -> Option<Arc<Rights>> {
    match built_in(key) {
        Some(role) => Some(role.rights.clone()),
        None => org.roles.get(key).map(|role| role.rights.clone()),
    }
}

/// The settings of a row.
pub(crate) fn settings_of(row: &organisation::Model) -> Result<Settings, Failure> {
    let unreadable = || Failure::Internal(format!("the settings of the organisation {} cannot be read", row.id));
    Settings::from_stored(&row.settings).ok_or_else(unreadable)
}

/// In which version which part of an organisation was last changed.
pub(crate) fn touched_of(row: &organisation::Model) -> BTreeMap<String, i64> {
    serde_json::from_str(&row.touched).unwrap_or_default()
}

struct Known {
    org: Arc<Org>,
    checked: AtomicI64,
}

/// Organisations that are in use.
#[derive(Clone)]
pub(crate) struct Orgs {
    known: Cache<Uuid, Arc<Known>>,
    clock: Clock,
}

impl Orgs {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { known: Cache::new(10_000), clock }
    }

    /// The organisation, at most a second old.
    pub(crate) async fn get(&self, db: &impl ConnectionTrait, id: Uuid) -> Result<Arc<Org>, Failure> {
        let now = self.clock.now().timestamp_millis();
        let known = self.known.get(&id);
        if let Some(known) = &known
            && (now - known.checked.load(Ordering::Relaxed)).abs() < FRESH
        {
            return Ok(known.org.clone());
        }
        let row = organisation::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
        if let Some(known) = known.filter(|known| known.org.state == row.state) {
            known.checked.store(now, Ordering::Relaxed);
            return Ok(known.org.clone());
        }
        let org = Arc::new(Org::load(db, row).await?);
        self.known.insert(id, Arc::new(Known { org: org.clone(), checked: AtomicI64::new(now) }));
        Ok(org)
    }

    /// Asks again at the next request: something was changed here.
    pub(crate) fn forget(&self, id: Uuid) {
        self.known.invalidate(&id);
    }
}

#[cfg(test)]
#[path = "org_tests.rs"]
mod tests;
