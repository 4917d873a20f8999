//! Organisations: the first one, made at the first start, and those that are added later.

use std::fmt;

use kehu_domain::codes;
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::clock::new_id;
use crate::engine::{self, EngineError};
use crate::entities::organisation;
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::journal::Entry;
use crate::machine::Draft;
use crate::ops::installation;
use crate::org::{INSTALLATION, Org};
use crate::registry;
use crate::tx::{AfterCommit, Tx};

use super::hashing::Password;
use super::passwords;

/// Short name of the first organisation.
const FIRST_SLUG: &str = "main";
/// Its name, where none is configured.
const FIRST_NAME: &str = "我的公司";
/// Sign-in name of the first administrator, where no e-mail is configured.
const FIRST_LOGIN: &str = "admin";
/// What the first administrator is called, until somebody changes it.
const ADMINISTRATOR: &str = "管理员";

/// The unique rule of short names.
const SLUG_RULE: &str = "organisations_slug";

/// What is configured for the first start.
#[derive(Clone, Debug, Default)]
pub struct FirstAdmin {
    /// Name of the organisation.
    pub org_name: Option<String>,
    /// E-mail of its administrator; without one the user name is `admin`.
    pub email: Option<String>,
    /// Password of its administrator; without one a random one is made.
    pub password: Option<Password>,
}

/// An organisation that is to be made.
#[derive(Clone, Debug)]
pub struct NewOrg {
    /// Short name: 2 to 40 lower-case letters, digits and hyphens, beginning with a letter; no other organisation's.
    pub slug: String,
    /// Name.
    pub name: String,
    /// E-mail of its first administrator.
    pub admin_email: String,
    /// Password of its first administrator; without one a random one is made.
    pub admin_password: Option<Password>,
}

/// An organisation that was made just now, and how its administrator signs in.
pub struct Founded {
    /// The organisation.
    pub id: Uuid,
    /// Its short name.
    pub slug: String,
    /// The administrator's sign-in name.
    pub login: String,
    /// The administrator's password, if it was made here: to be shown once.
    pub generated_password: Option<Password>,
}

impl fmt::Debug for Founded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Founded").field("id", &self.id).field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl Gate {
    /// Short names and ids of every organisation, in order; the installation's own is `-`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn organisations(&self) -> Result<Vec<(String, Uuid)>, Failure> {
        let rows = organisation::Entity::find().order_by_asc(organisation::Column::Slug).all(self.engine()).await?;
        Ok(rows.into_iter().map(|row| (row.slug, row.id)).collect())
    }

    /// Makes the first organisation and its administrator, unless there is one. Of several servers that start at once
    /// one does.
    ///
    /// # Errors
    /// [`Failure::Refused`] with `/name`, `/email` or `/password`; the database is away.
    pub async fn first_start(&self, configured: FirstAdmin) -> Result<Option<Founded>, Failure> {
        if has_organisation(self.engine()).await? {
            return Ok(None);
        }
        let FirstAdmin { org_name, email, password } = configured;
        let (member, login) = match email {
            Some(email) => ("email", email),
            None => ("user_name", FIRST_LOGIN.to_owned()),
        };
        let name = org_name.unwrap_or_else(|| FIRST_NAME.to_owned());
        let plan = plan(self, FIRST_SLUG, &name, (member, login), password).await?;
        match plan.carry_out(self, true).await {
            Err(failure) if lost_race(&failure) => Ok(None),
            done => done,
        }
    }

    /// Makes an organisation and its first administrator.
    ///
    /// # Errors
    /// [`Failure::Refused`] with `/slug` (malformed, or taken), `/name`, `/email` or `/password`; the database is away.
    pub async fn create_org(&self, new: NewOrg) -> Result<Founded, Failure> {
        let NewOrg { slug, name, admin_email, admin_password } = new;
        check_slug(&slug)?;
        let taken = || Failure::refused("/slug", Flaw::new(&codes::NAME_TAKEN).with("value", &slug));
        let same = organisation::Entity::find().filter(organisation::Column::Slug.eq(&slug));
        if same.one(self.engine()).await?.is_some() {
            return Err(taken());
        }
        let plan = plan(self, &slug, &name, ("email", admin_email), admin_password).await?;
        match plan.carry_out(self, false).await {
            Ok(Some(founded)) => Ok(founded),
            Err(failure) if !lost_race(&failure) => Err(failure),
            _ => Err(taken()),
        }
    }
}

/// Another server made the organisation of that short name at the same moment.
fn lost_race(failure: &Failure) -> bool {
    matches!(failure, Failure::Engine(EngineError::Unique { constraint: Some(rule) }) if rule == SLUG_RULE)
}

fn check_slug(slug: &str) -> Result<(), Failure> {
    let plain = slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = slug.starts_with(|c: char| c.is_ascii_lowercase()) && !slug.ends_with('-');
    if (2..=40).contains(&slug.len()) && plain && ends {
        return Ok(());
    }
    let shown: String = slug.chars().take(50).collect();
    Err(Failure::refused("/slug", Flaw::new(&codes::SLUG_INVALID).with("value", shown)))
}

async fn has_organisation(db: &impl ConnectionTrait) -> Result<bool, Failure> {
    let others = organisation::Entity::find().filter(organisation::Column::Id.ne(INSTALLATION)).limit(1);
    Ok(others.one(db).await?.is_some())
}

/// Everything about an organisation that needs no transaction: checked, and the password hashed.
struct Plan {
    row: organisation::Model,
    roots: Vec<crate::entities::tenant_key::Model>,
    caller: crate::gate::Caller,
    draft: Draft,
    hash: String,
    login: String,
    generated: Option<Password>,
}

async fn plan(
    gate: &Gate,
    slug: &str,
    name: &str,
    (member, login): (&str, String),
    password: Option<Password>,
) -> Result<Plan, Failure> {
    let name = Line::<100>::parse(name).map_err(|flaw| Failure::refused("/name", flaw))?;
    let row = installation::row(new_id(gate.now()), slug, name.as_str(), gate.now());
    let roots = installation::roots(gate, row.id)?;
    let request = RequestInfo::of_program("command", gate.now());
    let caller = gate.founder(Org::new(row.clone())?, &roots, request)?;
    let machine = registry::machine("user").ok_or_else(|| Failure::Internal("there is no machine for users".into()))?;
    let draft = machine.draft(&caller, json!({ "name": ADMINISTRATOR, member: login, "role": "administrator" }))?;
    let (password, generated) = match password {
        Some(password) => {
            passwords::check(&caller, &password, std::slice::from_ref(&login), "/password")?;
            (password, None)
        }
        None => {
            let made = readable_password()?;
            (made.clone(), Some(made))
        }
    };
    let hash = gate.hashing().hash(&password).await?;
    Ok(Plan { row, roots, caller, draft, hash, login, generated })
}

impl Plan {
    /// Writes the organisation, its roots, and its administrator, in one transaction; nothing if it was to be the first
    /// and is not.
    async fn carry_out(self, gate: &Gate, only_first: bool) -> Result<Option<Founded>, Failure> {
        let Self { row, roots, caller, draft, hash, login, generated } = self;
        let founded = Founded { id: row.id, slug: row.slug.clone(), login, generated_password: generated };
        let now = gate.now();
        let done: Option<Vec<AfterCommit>> = gate
            .write_raw(async move |db: &engine::Tx| {
                if only_first && has_organisation(db).await? {
                    return Ok(None);
                }
                installation::insert(db, row, roots, caller.ring()).await?;
                let tx = Tx::new(db, caller, now);
                tx.log(Entry::admin(Entry::FOUNDED, None));
                let machine = registry::machine("user");
                let machine = machine.ok_or_else(|| Failure::Internal("there is no machine for users".into()))?;
                let user = machine.insert(&tx, draft, false).await?.base().id;
                passwords::set(&tx, user, hash, None).await?;
                tx.finish().await.map(Some)
            })
            .await?;
        let Some(after) = done else { return Ok(None) };
        after.into_iter().for_each(|act| act());
        Ok(Some(founded))
    }
}

/// Five groups of five characters that cannot be mistaken for each other: 125 random bits.
fn readable_password() -> Result<Password, Failure> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = zeroize::Zeroizing::new([0_u8; 25]);
    getrandom::fill(random.as_mut_slice()).map_err(|error| Failure::Internal(error.to_string()))?;
    let mut text = String::with_capacity(32);
    for group in random.chunks(5) {
        if !text.is_empty() {
            text.push('-');
        }
        text.extend(group.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|byte| char::from(*byte)));
    }
    Ok(Password::from(text))
}
