//! Signing in: who it is, whether the password is right, and the session that begins.

use chrono::Duration;
use kehu_domain::kinds::{User, login_names};
use kehu_domain::value::LoginName;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::new_id;
use crate::crypto::password::needs_rehash;
use crate::crypto::token::{FamilyKey, refresh_token};
use crate::entities::{organisation, session, user};
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate, Principal, RequestInfo, Verified};
use crate::journal::{Entry, Outcome};
use crate::ops::logins::{self, REGION};
use crate::rows::Rows;
use crate::sealed::session::FAMILY_KEY;
use crate::sealed::user::LAST_LOGIN_ADDRESS;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::failures::{self, Failed};
use super::hashing::Password;
use super::presence::Through;
use super::second_factor;
use super::throttle::{self, Pair};
use super::told::Before;
use super::{locks, passwords, presence, renewal, sessions};

/// Counter of the first refresh token of a session.
const FIRST: i64 = 1;

/// What signs in; it decides how long the session may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A page in a browser: 12 hours.
    Web,
    /// An app on a phone: 30 days.
    Mobile,
    /// A mini-program: 30 days.
    MiniProgram,
    /// Another server: 12 hours.
    Server,
}

impl Client {
    /// Every client.
    pub(super) const ALL: [Self; 4] = [Self::Web, Self::Mobile, Self::MiniProgram, Self::Server];

    /// Its key, as stored and shown.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
            Self::MiniProgram => "mini_program",
            Self::Server => "server",
        }
    }

    /// The client of that key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.key() == key)
    }

    /// How long a session lasts at most.
    fn lifetime(self) -> Duration {
        match self {
            Self::Web | Self::Server => Duration::hours(12),
            Self::Mobile | Self::MiniProgram => Duration::days(30),
        }
    }
}

/// What somebody says who signs in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// An e-mail, a mobile number or a user name, as typed.
    pub login: String,
    /// The password.
    pub password: Password,
    /// The one that takes its place, where it must be changed or is to be.
    pub new_password: Option<Password>,
    /// The short name of the organisation; needed only where the name belongs to several.
    pub organisation: Option<String>,
    /// The code of the second factor, or a recovery code.
    pub otp: Option<Password>,
    /// What signs in.
    pub client: Client,
    /// What the user calls the device.
    pub device_name: Option<String>,
    /// Whether failures are counted and slow down who guesses.
    pub throttled: bool,
}

/// Somebody who signed in, or stayed signed in.
pub struct SignedIn {
    /// Whom an access token is to speak for.
    pub verified: Verified,
    /// The refresh token that the client uses next.
    pub refresh_token: Zeroizing<String>,
    /// The sign-in before the one that began the session.
    pub before: Before,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("verified", &self.verified).finish_non_exhaustive()
    }
}

/// A user that the name belongs to.
pub(super) struct Candidate {
    org: Uuid,
    pub(super) user: Uuid,
    hash: Option<String>,
    pub(super) disabled: bool,
}

impl Gate {
    /// Begins a session for whoever knows the name and its password.
    ///
    /// # Errors
    /// [`Failure::SignIn`]: credentials wrong (the same answer, after the same time, for a name that nobody has), the
    /// account disabled, a second factor to be shown or wrong (only after the right password), an organisation to be
    /// named, a password to be changed, an address that is not allowed, or too many failures before. A locked account
    /// is answered like a wrong password. [`Failure::Refused`] for a new password that breaks the rules.
    pub async fn sign_in(&self, said: SignIn, request: RequestInfo) -> Result<SignedIn, Failure> {
        let name = LoginName::parse(&said.login, REGION).ok();
        let account = name.as_ref().map_or_else(|| said.login.trim().to_lowercase(), LoginName::index_form);
        let pair = Pair::new(self, &account, request.address.as_deref())?;
        let candidates = match &name {
            Some(name) => candidates(self, name, said.organisation.as_deref()).await?,
            None => Vec::new(),
        };

        let known: Vec<(Uuid, Uuid)> = candidates.iter().map(|candidate| (candidate.org, candidate.user)).collect();
        let turn = self.hashing().turn().await?;
        if said.throttled {
            // Asked when it is one's turn, so that many attempts at once do not all count as the first.
            failures::turn_away(self, &known, &pair, &request).await?;
        }
        // So is a lock.
        let locked = locked(self, &candidates).await?;
        let hashes = candidates.iter().map(|candidate| candidate.hash.clone()).collect();
        let fits = self.hashing().verify(turn, &said.password, hashes).await?;
        let let_in = |((candidate, fits), locked): ((Candidate, bool), bool)| (fits && !locked).then_some(candidate);
        let right: Vec<Candidate> = candidates.into_iter().zip(fits).zip(locked).filter_map(let_in).collect();

        match one_of(right) {
            Ok(candidate) => begin(self, &said, candidate, pair, request).await,
            Err(failure) => {
                let wrong = failure == SignInFailure::CredentialsWrong;
                if wrong || failure == SignInFailure::AccountDisabled {
                    let failed = Failed { known, pair, wrong, counted: wrong && said.throttled };
                    failures::note(self, failed, request).await?;
                }
                Err(Failure::SignIn(failure))
            }
        }
    }
}

/// Living users of that name, in that organisation or in any.
pub(super) async fn candidates(gate: &Gate, name: &LoginName, slug: Option<&str>) -> Result<Vec<Candidate>, Failure> {
    let mut found = logins::find(gate.engine(), &*gate.installation_ring()?, name).await?;
    if let Some(slug) = slug {
        let slug = slug.trim().to_lowercase();
        let named = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(gate.engine()).await?;
        found.retain(|(org, _)| named.as_ref().is_some_and(|named| named.id == *org));
    }
    let mut candidates = Vec::new();
    for (org, id) in found {
        let Some(row) = user::Entity::find_by_id((org, id)).one(gate.engine()).await? else { continue };
        let (hash, disabled, deleted) = (row.password_hash.clone(), row.disabled, row.deleted_at.is_some());
        let ring = gate.ring(org).await?;
        let (stored, _) = User::from_row(row, &Opener(&ring))?;
        // The index holds a few bytes of a hash: what it found is opened and compared.
        let same = |(_, raw): (_, String)| {
            LoginName::parse(&raw, REGION).is_ok_and(|own| own.index_form() == name.index_form())
        };
        if !deleted && login_names(&stored.data).into_iter().any(same) {
            candidates.push(Candidate { org, user: id, hash, disabled });
        }
    }
    Ok(candidates)
}

/// Which of them are locked.
async fn locked(gate: &Gate, candidates: &[Candidate]) -> Result<Vec<bool>, Failure> {
    let mut locked = Vec::with_capacity(candidates.len());
    for Candidate { org, user, .. } in candidates {
        let lockable = gate.org(*org).await?.settings.passwords.lock.is_some();
        locked.push(lockable && locks::is_locked(gate.engine(), (*org, *user), gate.now()).await?);
    }
    Ok(locked)
}

/// The one that signs in, of those whose password it is.
fn one_of(right: Vec<Candidate>) -> Result<Candidate, SignInFailure> {
    if right.is_empty() {
        return Err(SignInFailure::CredentialsWrong);
    }
    let mut enabled = right.into_iter().filter(|candidate| !candidate.disabled);
    match (enabled.next(), enabled.next()) {
        (None, _) => Err(SignInFailure::AccountDisabled),
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(SignInFailure::OrganisationRequired),
    }
}

/// Begins the session of whoever knows the password, once the second factor was shown.
async fn begin(
    gate: &Gate,
    said: &SignIn,
    candidate: Candidate,
    pair: Pair,
    request: RequestInfo,
) -> Result<SignedIn, Failure> {
    let Candidate { org, user, hash, .. } = candidate;
    let hash = hash.ok_or(Failure::SignIn(SignInFailure::CredentialsWrong))?;
    let session = new_id(gate.now());
    let caller = newcomer(gate, org, user, session, request).await?;
    presence::check_address(&caller, user, Through::SignIn).await?;
    // Asked before anything is told of the password and of earlier ones: who has it alone learns nothing more.
    let begun = match second_factor::check(&caller, user, said.otp.as_ref()).await {
        Ok(()) => write_session(&caller, said, (user, session), hash, pair.clone()).await,
        Err(failure) => Err(failure),
    };
    if let Err(Failure::SignIn(why)) = &begun {
        let system = gate.system(org, caller.request().clone()).await?;
        second_factor::not_shown(&system, user, (pair, said.throttled), why).await?;
    }
    let (refresh_token, before) = begun?;
    Ok(SignedIn { verified: Verified { org, user, session }, refresh_token, before })
}

/// Uses the code up and writes the session, with the password that takes the other's place; its first refresh token.
async fn write_session(
    caller: &Caller,
    said: &SignIn,
    (user, session): (Uuid, Uuid),
    hash: String,
    pair: Pair,
) -> Result<(Zeroizing<String>, Before), Failure> {
    let (gate, org) = (caller.gate(), caller.org().id);
    let renewed = renewal::prepare(caller, user, (&said.password, said.new_password.as_ref())).await?;
    let stronger =
        if renewed.is_none() && needs_rehash(&hash) { Some(gate.hashing().hash(&said.password).await?) } else { None };
    let family = FamilyKey::generate().map_err(|error| Failure::Internal(error.to_string()))?;
    let first = u64::try_from(FIRST).unwrap_or_default();
    let refresh_token = refresh_token(org, session, &family, first);
    let (client, device_name, otp) = (said.client, said.device_name.clone(), said.otp.clone());
    let before = caller
        .write(async move |tx: &Tx<'_>| {
            second_factor::pass(tx, user, otp.as_ref()).await?;
            let before = Before::read(tx, user).await?;
            let row = session_row(tx, (user, session), &family, (client, device_name), &before)?;
            touch_user(tx, user, &hash, stronger).await?;
            locks::forget(tx, user).await?;
            if let Some(renewed) = renewed {
                passwords::set(tx, user, renewed, None).await?;
            }
            sessions::make_room(tx, user).await?;
            session::Entity::insert(row.into_active_model()).exec_without_returning(tx.db()).await?;
            throttle::clear(tx.db(), &pair).await?;
            tx.log(Entry::security("sign_in.succeeded", Outcome::Ok, Some(user)));
            Ok(before)
        })
        .await?;
    Ok((refresh_token, before))
}

/// The user as a caller, in the session that begins. Another server may have made the user a moment ago: then what is
/// in memory is too old.
async fn newcomer(gate: &Gate, org: Uuid, user: Uuid, session: Uuid, request: RequestInfo) -> Result<Caller, Failure> {
    let mut known = gate.org(org).await?;
    if !known.users.contains_key(&user) {
        gate.forget_org(org);
        known = gate.org(org).await?;
    }
    let person = known.users.get(&user).ok_or(Failure::SignIn(SignInFailure::CredentialsWrong))?;
    let rights = person.rights.clone();
    gate.caller(known, Principal::User { id: user, session }, rights, Vec::new(), request).await
}

/// The row of a session that begins.
pub(super) fn session_row(
    tx: &Tx<'_>,
    (user, id): (Uuid, Uuid),
    family: &FamilyKey,
    (client, device_name): (Client, Option<String>),
    before: &Before,
) -> Result<session::Model, Failure> {
    let now = tx.now();
    let ends = now + client.lifetime();
    Ok(session::Model {
        org_id: tx.org_id(),
        id,
        user_id: user,
        client: client.key().to_owned(),
        device_name,
        family_key: tx.caller().ring().seal(FAMILY_KEY, id, family.as_bytes())?,
        counter: FIRST,
        rotated_at: now,
        created_at: now,
        last_seen_at: now,
        idle_expires_at: ends,
        absolute_expires_at: ends,
        ended_at: None,
        previous_at: before.at,
        previous_address: before.sealed_address(tx, id)?,
        failures_before: before.failures,
        provider_id: None,
    })
}

/// Writes when and from where the user signed in. The version stays: nobody's work conflicts with it. Fails if the user
/// was disabled or the password changed since it was checked.
async fn touch_user(tx: &Tx<'_>, user: Uuid, hash: &str, stronger: Option<String>) -> Result<(), Failure> {
    use user::Column as C;
    let caller = tx.caller();
    let address = caller.request().address.as_deref();
    let address = address.map(|text| caller.ring().seal(LAST_LOGIN_ADDRESS, user, text.as_bytes())).transpose()?;
    let mut update = user::Entity::update_many()
        .col_expr(C::LastLoginAt, Expr::value(Some(tx.now())))
        .col_expr(C::LastLoginAddress, Expr::value(address))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.eq(user))
        .filter(C::Disabled.eq(false))
        .filter(C::PasswordHash.eq(hash));
    if let Some(stronger) = stronger {
        update = update.col_expr(C::PasswordHash, Expr::value(Some(stronger)));
    }
    let done = update.exec(tx.db()).await?;
    if done.rows_affected == 0 { Err(Failure::SignIn(SignInFailure::CredentialsWrong)) } else { Ok(()) }
}
