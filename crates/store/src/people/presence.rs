//! Whether a session may be used now, and from where: what the organisation lays down is asked at every request, so that
//! it holds for the sessions that there are.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Duration, Utc};
use kehu_domain::address::Networks;
use kehu_domain::settings::SessionPolicy;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::engine;
use crate::entities::session;
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Principal, SessionState};
use crate::journal::{Entry, Outcome};
use crate::org::Org;
use crate::refusals;
use crate::tx::Tx;

use super::sessions;
use super::sign_in::Client;

/// How often at most the use of a session is noted: a read must not become a write each time.
const NOTED: Duration = Duration::seconds(60);
/// Sessions that are looked at at once.
const TOGETHER: u64 = 500;

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
    ends_by(&org.settings.sessions, org.settings_at, times)
}

/// The same by what was laid down, and when idleness began to count.
fn ends_by(policy: &SessionPolicy, counts_since: Option<DateTime<Utc>>, times: Times<'_>) -> DateTime<Utc> {
    let policy = policy.of(times.client);
    let absolute = policy.absolute_hours.map(|hours| times.created + Duration::hours(hours.into()));
    // Use is not noted while nobody asks for it: idleness begins to count when it is first laid down.
    let used = counts_since.map_or(times.last_seen, |at| at.max(times.last_seen));
    let idle = policy.idle_minutes.map(|minutes| used + Duration::minutes(minutes.into()));
    [absolute, idle].into_iter().flatten().fold(times.ends, DateTime::min)
}

/// Whether the idleness of some client begins to count: nobody noted the use of such sessions before.
pub(crate) fn idleness_begins(before: &SessionPolicy, after: &SessionPolicy) -> bool {
    let counts = |policy: &SessionPolicy, client: Client| policy.of(client.key()).idle_minutes.is_some();
    Client::ALL.into_iter().any(|client| !counts(before, client) && counts(after, client))
}

/// Ends the sessions for good that have ended by what the organisation laid down until now, before that changes: none
/// comes alive again by another policy.
pub(crate) async fn end_outlived(
    tx: &Tx<'_>,
    before: &SessionPolicy,
    counts_since: Option<DateTime<Utc>>,
) -> Result<(), Failure> {
    use session::Column as C;
    let mut after = Uuid::nil();
    loop {
        let rows = session::Entity::find()
            .filter(C::OrgId.eq(tx.org_id()))
            .filter(C::EndedAt.is_null())
            .filter(C::Id.gt(after))
            .order_by_asc(C::Id)
            .limit(TOGETHER)
            .all(tx.db())
            .await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(()) };
        after = last;
        let ended = rows.iter().filter(|row| ends_by(before, counts_since, Times::of(row)) <= tx.now());
        let ids: Vec<Uuid> = ended.map(|row| row.id).collect();
        for part in ids.chunks(100) {
            sessions::end(tx, part).await?;
        }
    }
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
    if policy.admits(roles(), address_of(caller)) { Ok(()) } else { Err(refused(caller, user, through).await) }
}

/// Refuses an address that a key's own list does not have.
///
/// # Errors
/// As [`check_address`].
pub(crate) async fn check_own_list(caller: &Caller, own: &Networks, key: Uuid) -> Result<(), Failure> {
    if address_of(caller).is_some_and(|address| own.contains(address)) {
        return Ok(());
    }
    Err(refused(caller, caller.principal().user(), Through::Token(key)).await)
}

fn address_of(caller: &Caller) -> Option<IpAddr> {
    caller.request().address.as_deref().and_then(|address| address.parse().ok())
}

/// What is answered, once an hour with an entry.
async fn refused(caller: &Caller, user: Option<Uuid>, through: Through) -> Failure {
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
    Failure::SignIn(SignInFailure::AddressNotAllowed)
}

/// Keys of the roles that a user has.
pub(crate) fn roles_of(org: &Org, user: Uuid) -> Vec<String> {
    org.users.get(&user).map(|person| person.roles.clone()).unwrap_or_default()
}
