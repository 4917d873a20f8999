//! Sessions: a user's list of them, and their end.

use chrono::{DateTime, Utc};
use kehu_domain::rights::Rights;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::entities::session;
use crate::failure::Failure;
use crate::gate::{Caller, Gate, Principal, RequestInfo, Verified};
use crate::journal::{Entry, Outcome};
use crate::pii::padded;
use crate::tx::Tx;

use super::presence::{self, Times};

/// The most sessions of one user that are listed, the newest first.
const LISTED: u64 = 500;

/// A living session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: Uuid,
    /// What signed in: `web`, `mobile`, `mini_program`, `server`.
    pub client: String,
    /// What the user calls the device.
    pub device_name: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed, or used, where the organisation counts use.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The caller's own living sessions, the newest first.
///
/// # Errors
/// [`Failure::Forbidden`] for who is no user.
pub async fn sessions(caller: &Caller) -> Result<Vec<SessionInfo>, Failure> {
    let user = caller.principal().user().ok_or(Failure::Forbidden)?;
    of_user(caller, user).await
}

/// The living sessions of a user, the newest first.
pub(super) async fn of_user(caller: &Caller, user: Uuid) -> Result<Vec<SessionInfo>, Failure> {
    let rows = session::Entity::find()
        .filter(living(caller.org().id, caller.gate().now()))
        .filter(session::Column::UserId.eq(user))
        .order_by_desc(session::Column::CreatedAt)
        .limit(LISTED)
        .all(caller.db())
        .await?;
    let now = caller.gate().now();
    Ok(rows.into_iter().map(|row| info(caller, row)).filter(|session| session.expires_at > now).collect())
}

pub(super) fn info(caller: &Caller, row: session::Model) -> SessionInfo {
    SessionInfo {
        current: caller.principal().session() == Some(row.id),
        expires_at: presence::ends_at(caller.org(), Times::of(&row)),
        id: row.id,
        client: row.client,
        device_name: row.device_name,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
    }
}

fn living(org: Uuid, now: DateTime<Utc>) -> Condition {
    use session::Column as C;
    Condition::all()
        .add(C::OrgId.eq(org))
        .add(C::EndedAt.is_null())
        .add(C::IdleExpiresAt.gt(now))
        .add(C::AbsoluteExpiresAt.gt(now))
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// [`Failure::NotFound`] where it is none, or has ended.
pub async fn end_session(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    let (user, _) = caller.signed_in()?;
    end_of_user(caller, user, id).await
}

/// Ends the caller's own sessions, but for the one that asks.
///
/// # Errors
/// [`Failure::Forbidden`] for who is not signed in.
pub async fn end_other_sessions(caller: &Caller) -> Result<(), Failure> {
    let (user, _) = caller.signed_in()?;
    end_all_of_user(caller, user).await
}

/// Ends one of a user's sessions, and tells the journal.
pub(super) async fn end_of_user(caller: &Caller, user: Uuid, id: Uuid) -> Result<(), Failure> {
    caller
        .write(async move |tx: &Tx<'_>| {
            let row = session::Entity::find()
                .filter(living(tx.org_id(), tx.now()))
                .filter(session::Column::Id.eq(id))
                .filter(session::Column::UserId.eq(user))
                .one(tx.db())
                .await?;
            row.ok_or(Failure::NotFound)?;
            end(tx, &[id]).await?;
            tx.log(ended(user, id));
            Ok(())
        })
        .await
}

impl Gate {
    /// Ends the session that a checked token speaks for; does nothing where it has ended already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sign_out(&self, verified: Verified, request: RequestInfo) -> Result<(), Failure> {
        let Verified { org, user, session } = verified;
        let principal = Principal::User { id: user, session };
        let done = async {
            let org = self.org(org).await?;
            let caller = self.caller(org, principal, Rights::system(), Vec::new(), request).await?;
            end_session(&caller, session).await
        };
        match done.await {
            Err(Failure::NotFound) => Ok(()),
            done => done,
        }
    }
}

fn ended(user: Uuid, session: Uuid) -> Entry {
    let mut entry = Entry::security("session.ended", Outcome::Ok, Some(user));
    entry.body = serde_json::json!({ "session": session }).to_string();
    entry
}

/// Ends sessions; their tokens are refused at once here, and within a second by other servers.
pub(crate) async fn end(tx: &Tx<'_>, ids: &[Uuid]) -> Result<(), Failure> {
    use session::Column as C;
    if ids.is_empty() {
        return Ok(());
    }
    session::Entity::update_many()
        .col_expr(C::EndedAt, Expr::value(Some(tx.now())))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.is_in(padded(ids.to_vec())))
        .filter(C::EndedAt.is_null())
        .exec(tx.db())
        .await?;
    let (gate, ids) = (tx.caller().gate().clone(), ids.to_vec());
    tx.after_commit(move || ids.into_iter().for_each(|id| gate.forget_session(id)));
    Ok(())
}

/// Ends the oldest sessions of a user, so that one more is not too many. Whoever signs in holds the user's row: of two
/// at once, one waits.
pub(in crate::people) async fn make_room(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    let Some(most) = tx.caller().org().settings.sessions.max_sessions else { return Ok(()) };
    let rows = session::Entity::find()
        .filter(living(tx.org_id(), tx.now()))
        .filter(session::Column::UserId.eq(user))
        .order_by_desc(session::Column::CreatedAt)
        .order_by_desc(session::Column::Id)
        .all(tx.db())
        .await?;
    let others = usize::try_from(most.saturating_sub(1)).unwrap_or(usize::MAX);
    let living = rows.into_iter().filter(|row| presence::ends_at(tx.caller().org(), Times::of(row)) > tx.now());
    let ids: Vec<Uuid> = living.skip(others).map(|row| row.id).collect();
    for part in ids.chunks(100) {
        end(tx, part).await?;
    }
    ids.into_iter().for_each(|id| tx.log(ended(user, id)));
    Ok(())
}

/// Ends the sessions of a user, but for the one that asks for it, and tells the journal of each.
pub(super) async fn end_all_of_user(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    caller
        .write(async move |tx: &Tx<'_>| {
            for id in end_all(tx, user).await? {
                tx.log(ended(user, id));
            }
            Ok(())
        })
        .await
}

/// Ends the sessions of a user, but for the one that asks for it; which they were.
pub(crate) async fn end_all(tx: &Tx<'_>, user: Uuid) -> Result<Vec<Uuid>, Failure> {
    let own = tx.caller().principal().session();
    let rows = session::Entity::find()
        .filter(living(tx.org_id(), tx.now()))
        .filter(session::Column::UserId.eq(user))
        .all(tx.db())
        .await?;
    let ids: Vec<Uuid> = rows.into_iter().map(|row| row.id).filter(|id| Some(*id) != own).collect();
    for part in ids.chunks(100) {
        end(tx, part).await?;
    }
    Ok(ids)
}
