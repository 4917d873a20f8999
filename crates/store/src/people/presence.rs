//! Whether a session may be used now, and from where: what the organisation lays down is asked at every request, so that
//! it holds for the sessions that there are.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::engine;
use crate::entities::session;
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Principal, SessionState};
use crate::journal::{Entry, Outcome};
use crate::org::Org;
use crate::refusals;

/// How often at most the use of a session is noted: a read must not become a write each time.
const NOTED: Duration = Duration::seconds(60);

/// The times of a session.
#[derive(Clone, Copy)]
pub(crate) struct Times<'a> {
    pub(crate) client: &'a str,
    pub(crate) created: DateTime<Utc>,
    pub(crate) last_seen: DateTime<Utc>,
    /// When it ends whatever the organisation says.
    pub(crate) ends: DateTime<Utc>,
}

impl<'a> Times<'a> {
    /// Those of a row.
    pub(crate) fn of(row: &'a session::Model) -> Self {
        Self {
            client: &row.client,
            created: row.created_at,
            last_seen: row.last_seen_at,
            ends: row.absolute_expires_at.min(row.idle_expires_at),
        }
    }
}

/// When a session ends if nothing uses it any more.
pub(crate) fn ends_at(org: &Org, times: Times<'_>) -> DateTime<Utc> {
    let policy = org.settings.sessions.of(times.client);
    let absolute = policy.absolute_hours.map(|hours| times.created + Duration::hours(hours.into()));
    // Use is not noted while nobody asks for it: a policy begins to count when it is laid down.
    let used = org.settings_at.map_or(times.last_seen, |at| at.max(times.last_seen));
    let idle = policy.idle_minutes.map(|minutes| used + Duration::minutes(minutes.into()));
    [absolute, idle].into_iter().flatten().fold(times.ends, DateTime::min)
}

/// Lets a request of a session in, and notes that the session is used.
///
/// # Errors
/// [`Failure::SignIn`]: the session has ended.
pub(crate) async fn admit(caller: &Caller, state: &Arc<SessionState>) -> Result<(), Failure> {
    let principal = caller.principal();
    let Some(session) = principal.session() else { return Ok(()) };
    let now = caller.gate().now();
    let millis = state.last_seen.load(Ordering::Relaxed);
    let last_seen = DateTime::from_timestamp_millis(millis).unwrap_or(state.created);
    let times = Times { client: &state.client, created: state.created, last_seen, ends: state.expires };
    if ends_at(caller.org(), times) <= now {
        return Err(Failure::SignIn(SignInFailure::SessionEnded));
    }
    let counts = caller.org().settings.sessions.of(&state.client).idle_minutes.is_some();
    if counts && now - last_seen >= NOTED {
        note(caller, session, now).await;
        state.last_seen.store(now.timestamp_millis(), Ordering::Relaxed);
    }
    Ok(())
}

/// Writes that a session is used. Where that cannot be written the request goes on: reading outlives a full disk.
async fn note(caller: &Caller, id: Uuid, now: DateTime<Utc>) {
    let org = caller.org().id;
    let job = async move |db: &engine::Tx| -> Result<(), Failure> {
        session::Entity::update_many()
            .col_expr(session::Column::LastSeenAt, Expr::value(now))
            .filter(session::Column::OrgId.eq(org))
            .filter(session::Column::Id.eq(id))
            .filter(session::Column::LastSeenAt.lt(now))
            .exec(db)
            .await?;
        Ok(())
    };
    if let Err(failure) = caller.gate().write_raw(job).await {
        tracing::warn!(cause = %failure, "the use of a session was not noted");
    }
}

/// By what a user comes in.
#[derive(Clone, Copy)]
pub(crate) enum Through {
    /// A password, or a provider's word: a session is about to begin.
    SignIn,
    /// A session.
    Session(Uuid),
    /// A personal token, or the key of a program.
    Token(Uuid),
}

impl Through {
    /// What somebody acts by who was let in already.
    pub(crate) fn of(principal: Principal) -> Self {
        match principal {
            Principal::User { session, .. } => Self::Session(session),
            Principal::Personal { key, .. } => Self::Token(key),
            _ => Self::SignIn,
        }
    }
}

/// Refuses an address that the organisation, or a role of the user, does not allow. Told to the journal once an hour for
/// each session, token or user, on each server.
///
/// # Errors
/// [`SignInFailure::AddressNotAllowed`].
pub(crate) async fn check_address(caller: &Caller, user: Uuid, through: Through) -> Result<(), Failure> {
    check_roles(caller, Some(user), &roles_of(caller.org(), user), through).await
}

/// The same for whoever has these roles.
///
/// # Errors
/// As [`check_address`].
pub(crate) async fn check_roles(
    caller: &Caller,
    user: Option<Uuid>,
    roles: &[String],
    through: Through,
) -> Result<(), Failure> {
    let policy = &caller.org().settings.addresses;
    let roles = || roles.iter().map(String::as_str);
    if !policy.limits(roles()) {
        return Ok(());
    }
    let address: Option<IpAddr> = caller.request().address.as_deref().and_then(|address| address.parse().ok());
    if policy.admits(roles(), address) {
        return Ok(());
    }
    let gate = caller.gate();
    let (event, which, told) = match through {
        Through::SignIn => ("sign_in.address_refused", user.unwrap_or_default(), json!({})),
        Through::Session(id) => ("session.address_refused", id, json!({ "session": id })),
        Through::Token(id) => ("key.address_refused", id, json!({ "key": id })),
    };
    if gate.sign_ins().count((event, which.as_bytes().to_vec()), gate.now()) == 1 {
        let entry = Entry::security(event, Outcome::Denied, user);
        refusals::write(caller, entry.saying(&told)).await;
    }
    Err(Failure::SignIn(SignInFailure::AddressNotAllowed))
}

/// Keys of the roles that a user has.
pub(crate) fn roles_of(org: &Org, user: Uuid) -> Vec<String> {
    org.users.get(&user).map(|person| person.roles.clone()).unwrap_or_default()
}
