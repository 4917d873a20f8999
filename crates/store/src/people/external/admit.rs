//! Letting somebody in whom a provider vouches for: who it is here, with which role, and the session that begins.
//!
//! A person is known by what its provider calls it, and by nothing else. One that is not known yet is taken for the
//! user who signs in by the same e-mail only where the provider says that the address is confirmed; otherwise anybody
//! could take a colleague's account over by typing an address into a profile.

use kehu_domain::codes;
use kehu_domain::identity_provider::IdentityProvider;
use kehu_domain::rights::RIGHTS;
use kehu_domain::value::{LoginKind, LoginName};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::new_id;
use crate::crypto::token::{FamilyKey, refresh_token};
use crate::entities::{identity, identity_provider, session, user};
use crate::failure::{ExternalFailure, Failure, SignInFailure};
use crate::gate::{Caller, Gate, RequestInfo, Verified, worth_another_try};
use crate::journal::{Entry, Outcome};
use crate::machine::{Change, Draft};
use crate::ops::roles;
use crate::people::presence::Through;
use crate::people::sign_in::{SignedIn, candidates, session_row};
use crate::people::told::Before;
use crate::people::users::users;
use crate::people::{locks, presence, sessions};
use crate::sealed::user::LAST_LOGIN_ADDRESS;
use crate::tx::Tx;

use super::{Taken, kept, subject_hash};

/// How many times a sign-in is tried that another one got in the way of: the first of two makes the user.
const TRIES: u32 = 3;
/// How many failures of a provider and an hour each server journals.
const TOLD: u32 = 60;
/// The longest name of a user, in characters.
const NAME: usize = 100;

/// What a provider says of somebody, after all of it was checked.
#[derive(Clone, Debug)]
pub struct ExternalPerson {
    /// What it calls the person; it calls nobody else so.
    pub subject: String,
    /// The e-mail, where the provider says that it is confirmed.
    pub email: Option<String>,
    /// What people call the person.
    pub name: Option<String>,
    /// The person's groups.
    pub groups: Vec<String>,
}

/// Who it is here.
enum Who {
    /// A user, and whether the provider's name for it is known.
    User(Uuid, bool),
    /// Somebody who becomes a user.
    New(Draft),
}

impl Gate {
    /// Begins a session for whom a provider vouches for. No second factor is asked for: who signs in with what is the
    /// provider's to say.
    ///
    /// # Errors
    /// [`Failure::SignIn`]: the account is disabled; or why a person is nobody here ([`ExternalFailure`]).
    pub async fn sign_in_external(
        &self,
        taken: &Taken,
        person: &ExternalPerson,
        request: RequestInfo,
    ) -> Result<SignedIn, Failure> {
        let caller = self.system(taken.connection.org, request).await?;
        let mut tries = 1;
        loop {
            match admit(&caller, taken, person).await {
                Err(failure) if passing(&failure) && tries < TRIES => {
                    self.forget_org(taken.connection.org);
                    tries += 1;
                }
                Err(Failure::SignIn(why)) => {
                    note(&caller, taken, &why.to_string()).await;
                    return Err(Failure::SignIn(why));
                }
                // No user can be made so; the client can mend nothing of it.
                Err(Failure::Refused(findings)) => {
                    let place = findings.first().map(|finding| finding.pointer.clone()).unwrap_or_default();
                    note(&caller, taken, &format!("no user can be made: {place}")).await;
                    return Err(ExternalFailure::NoAccount.failure());
                }
                admitted => return admitted,
            }
        }
    }

    /// Tells the journal that a provider's word was not believed; gives what to answer.
    pub async fn external_refused(&self, taken: &Taken, why: &str, request: RequestInfo) -> Failure {
        match self.system(taken.connection.org, request).await {
            Ok(caller) => {
                note(&caller, taken, why).await;
                ExternalFailure::NotBelieved.failure()
            }
            Err(failure) => failure,
        }
    }
}

/// Whether it may be otherwise in a moment: somebody else made the same user, or the same identity.
fn passing(failure: &Failure) -> bool {
    worth_another_try(failure) || matches!(failure, Failure::Refused(_))
}

/// Journals a failure. Anybody may begin a sign-in, so what is written must not grow with them.
async fn note(caller: &Caller, taken: &Taken, why: &str) {
    const EVENT: &str = "sign_in.external_failed";
    let provider = taken.connection.id;
    let count = caller.gate().sign_ins().count((EVENT, provider.as_bytes().to_vec()), caller.gate().now());
    if count <= TOLD {
        let entry = Entry::security(EVENT, Outcome::Failed, None);
        let entry = entry.saying(&json!({ "provider": provider, "why": why, "last_recorded": count == TOLD }));
        crate::refusals::write(caller, entry).await;
    }
}

async fn admit(caller: &Caller, taken: &Taken, person: &ExternalPerson) -> Result<SignedIn, Failure> {
    let (org, provider) = (taken.connection.org, taken.connection.id);
    let row = identity_provider::Entity::find_by_id((org, provider)).one(caller.gate().engine()).await?;
    let row = unchanged(row, taken.connection.version)?;
    let settings = super::settings(&row)?;
    let hash = subject_hash(caller, &row, &person.subject)?;
    // Judged as the address of any user is: by syntax alone.
    let email = person.email.as_deref().and_then(|text| LoginName::parse(text, &caller.org().region).ok());
    let email = email.filter(|email| email.kind() == LoginKind::Email);
    if !settings.admits(email.as_ref().map(LoginName::as_str)) {
        return Err(ExternalFailure::EmailDomain.failure());
    }
    let who = who(caller, &settings, (&row, &hash), email.as_ref(), person).await?;
    let role = match (&who, settings.maps_roles()) {
        (Who::User(..), false) => None,
        (..) => Some(role_of(&settings, person)?),
    };
    begin(caller, taken, who, (hash, role.map(str::to_owned))).await
}

/// The provider, if it is the one that was asked: there, enabled, and not changed since.
fn unchanged(row: Option<identity_provider::Model>, version: i64) -> Result<identity_provider::Model, Failure> {
    let unknown = || ExternalFailure::StateUnknown.failure();
    let row = row.filter(|row| row.version == version).ok_or_else(unknown)?;
    if super::settings(&row)?.enabled { Ok(row) } else { Err(unknown()) }
}

fn role_of<'a>(settings: &'a IdentityProvider, person: &ExternalPerson) -> Result<&'a str, Failure> {
    settings.role_for(&person.groups).ok_or(ExternalFailure::NoRole.failure())
}

/// Whom the person is here.
async fn who(
    caller: &Caller,
    settings: &IdentityProvider,
    (row, hash): (&identity_provider::Model, &[u8]),
    email: Option<&LoginName>,
    person: &ExternalPerson,
) -> Result<Who, Failure> {
    let gate = caller.gate();
    let key = (row.org_id, row.id, hash.to_vec());
    if let Some(known) = identity::Entity::find_by_id(key).one(gate.engine()).await? {
        return Ok(Who::User(known.user_id, true));
    }
    if let Some(email) = email
        && let Some(found) = candidates(gate, email, Some(&caller.org().slug)).await?.first()
    {
        return Ok(Who::User(found.user, false));
    }
    if !settings.just_in_time {
        return Err(ExternalFailure::NoAccount.failure());
    }
    let email = email.ok_or(ExternalFailure::EmailUnverified.failure())?;
    let body = json!({ "name": name_of(person, email), "email": email.as_str(), "role": role_of(settings, person)? });
    let draft = users()?.draft(caller, body).map_err(|failure| match failure {
        Failure::Refused(_) => ExternalFailure::NoAccount.failure(),
        other => other,
    })?;
    Ok(Who::New(draft))
}

/// The name that the provider gives, or the beginning of the address.
fn name_of(person: &ExternalPerson, email: &LoginName) -> String {
    let said = person.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let name = said.unwrap_or_else(|| email.as_str().split('@').next().unwrap_or_default());
    name.chars().filter(|c| !c.is_control()).take(NAME).collect()
}

async fn begin(
    caller: &Caller,
    taken: &Taken,
    who: Who,
    (subject_hash, role): (Vec<u8>, Option<String>),
) -> Result<SignedIn, Failure> {
    let (org, provider, version) = (taken.connection.org, taken.connection.id, taken.connection.version);
    let session = new_id(caller.gate().now());
    let family = FamilyKey::generate().map_err(|error| Failure::Internal(error.to_string()))?;
    let refresh_token = refresh_token(org, session, &family, 1);
    let device = (taken.client, taken.device_name.clone());
    match &who {
        Who::User(user, _) => presence::check_address(caller, *user, Through::SignIn).await?,
        // Refused before the user is made, by the addresses of the role that it is to have.
        Who::New(_) => presence::check_roles(caller, None, role.as_slice(), Through::SignIn).await?,
    }
    let (user, before) = caller
        .write(async move |tx: &Tx<'_>| {
            // Whoever changes or deletes the provider waits for this, or is seen here: nobody is let in by one that does
            // not count any more.
            let row = identity_provider::Entity::find_by_id((org, provider)).lock_shared().one(tx.db()).await?;
            let trusted = unchanged(row, version)?;
            let (user, known) = match who {
                Who::User(user, known) => {
                    set_role(tx, user, role).await?;
                    (user, known)
                }
                Who::New(draft) => {
                    let made = users()?.insert(tx, draft, false).await?.base().id;
                    tx.log(Entry::admin("user.made_at_sign_in", Some(("user", made))).saying(&told(provider, session)));
                    (made, false)
                }
            };
            refuse_beyond(tx, &trusted, user).await?;
            if !known {
                link(tx, provider, subject_hash, user).await?;
            }
            let before = Before::read(tx, user).await?;
            touch(tx, user).await?;
            locks::forget(tx, user).await?;
            sessions::make_room(tx, user).await?;
            let mut row = session_row(tx, (user, session), &family, device, &before)?;
            row.provider_id = Some(provider);
            session::Entity::insert(row.into_active_model()).exec_without_returning(tx.db()).await?;
            let entry = Entry::security("sign_in.succeeded", Outcome::Ok, Some(user));
            tx.log(entry.saying(&told(provider, session)));
            Ok((user, before))
        })
        .await?;
    Ok(SignedIn { verified: Verified { org, user, session }, refresh_token, before })
}

/// Refuses people who have rights about no record, unless whoever laid the provider down could have given them.
async fn refuse_beyond(tx: &Tx<'_>, provider: &identity_provider::Model, user: Uuid) -> Result<(), Failure> {
    if kept(provider)?.vouched {
        return Ok(());
    }
    let row = user::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
    let row = row.ok_or(Failure::SignIn(SignInFailure::AccountDisabled))?;
    let rights = roles::rights_of_row(tx, &row).await?;
    let beyond = RIGHTS.iter().any(|(right, _)| rights.grants(*right));
    if beyond { Err(ExternalFailure::NotVouched.failure()) } else { Ok(()) }
}

fn told(provider: Uuid, session: Uuid) -> Value {
    json!({ "provider": provider, "session": session })
}

/// Sets the role that the provider's groups say, where it is another one: a change of a user like any. A user without
/// any role keeps none, whatever the groups say: somebody took it, and a sign-in must not undo that.
async fn set_role(tx: &Tx<'_>, user: Uuid, role: Option<String>) -> Result<(), Failure> {
    let row = user::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
    let row = row.filter(|row| !row.disabled && row.deleted_at.is_none());
    let row = row.ok_or(Failure::SignIn(SignInFailure::AccountDisabled))?;
    let Some(role) = role.filter(|role| Some(role) != row.role.as_ref()) else { return Ok(()) };
    if row.role.is_none() && row.other_roles.trim().is_empty() {
        return Err(ExternalFailure::NoRole.failure());
    }
    let change = Change { id: user, body: json!({ "role": role }), expected: None, allow_duplicate: false };
    match tx.attempt(async || users()?.change(tx, change).await.map(drop)).await {
        // The last administrator stays one, whatever the groups say: otherwise nobody could mend them.
        Err(Failure::Refused(findings)) if findings.iter().all(|one| one.flaw.code == &codes::LAST_ADMINISTRATOR) => {
            Ok(())
        }
        // A role that is not there any more, or may not be given beside another.
        Err(Failure::Refused(_)) => Err(ExternalFailure::NoRole.failure()),
        done => done,
    }
}

/// Remembers what the provider calls the user.
async fn link(tx: &Tx<'_>, provider: Uuid, subject_hash: Vec<u8>, user: Uuid) -> Result<(), Failure> {
    let row = identity::ActiveModel {
        org_id: Set(tx.org_id()),
        provider_id: Set(provider),
        subject_hash: Set(subject_hash),
        user_id: Set(user),
        created_at: Set(tx.now()),
    };
    identity::Entity::insert(row).exec_without_returning(tx.db()).await?;
    let entry = Entry::security("identity.linked", Outcome::Ok, Some(user));
    tx.log(entry.saying(&json!({ "provider": provider })));
    Ok(())
}

/// Writes when and from where the user signed in. The version stays: nobody's work conflicts with it.
async fn touch(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    use user::Column as C;
    let caller = tx.caller();
    let address = caller.request().address.as_deref();
    let address = address.map(|text| caller.ring().seal(LAST_LOGIN_ADDRESS, user, text.as_bytes())).transpose()?;
    let update = user::Entity::update_many()
        .col_expr(C::LastLoginAt, Expr::value(Some(tx.now())))
        .col_expr(C::LastLoginAddress, Expr::value(address))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.eq(user))
        .filter(C::Disabled.eq(false));
    let done = update.exec(tx.db()).await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(Failure::SignIn(SignInFailure::AccountDisabled)) }
}
