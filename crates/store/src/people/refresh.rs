//! Staying signed in: a refresh token is good once and gives its successor. The last one may be shown again for a
//! moment (two tabs, an answer that was lost); an older one was stolen or copied, and ends the session for both.

use chrono::Duration;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use zeroize::Zeroizing;

use crate::crypto::token::{FamilyKey, RefreshToken, refresh_token};
use crate::engine::EngineError;
use crate::entities::{session, user};
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate, RequestInfo, Verified};
use crate::journal::{Entry, Outcome};
use crate::sealed::session::FAMILY_KEY;
use crate::tx::Tx;

use super::presence::{self, Through, Times};
use super::sessions;
use super::sign_in::SignedIn;
use super::told::Before;

/// How long the previous token gives the same successor again, until that one is used.
const GRACE: Duration = Duration::seconds(30);

const ENDED: Failure = Failure::SignIn(SignInFailure::SessionEnded);

/// What a token is worth. Its session was ended where it is worth nothing, and that must be committed.
enum Worth {
    Next(SignedIn),
    Nothing(Failure),
}

impl Gate {
    /// The successor of a refresh token, and whom the next access token is to speak for.
    ///
    /// # Errors
    /// [`Failure::SignIn`]: the session has ended (also for whatever is no token of ours), or the account is disabled.
    pub async fn refresh(&self, token: &str, request: RequestInfo) -> Result<SignedIn, Failure> {
        let token = RefreshToken::parse(token).ok_or(ENDED)?;
        let caller = self.system(token.org, request).await.map_err(|failure| match failure {
            Failure::NotFound => ENDED,
            other => other,
        })?;
        // Read first: what is no token of ours takes no turn at writing.
        let row = session::Entity::find_by_id((token.org, token.session)).one(self.engine()).await?.ok_or(ENDED)?;
        if !token.verify(&family_key(&caller, &row)?) {
            return Err(ENDED);
        }
        presence::check_address(&caller, row.user_id, Through::Session(row.id)).await?;
        match caller.write(async move |tx: &Tx<'_>| worth(tx, &token).await).await? {
            Worth::Next(signed_in) => Ok(signed_in),
            Worth::Nothing(failure) => Err(failure),
        }
    }
}

impl Gate {
    /// Ends the session that a refresh token belongs to, whichever of its family it is; does nothing for what is no token
    /// of ours, nor where the session has ended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn sign_out_by(&self, token: &str, request: RequestInfo) -> Result<(), Failure> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(()) };
        let caller = match self.system(token.org, request.clone()).await {
            Err(Failure::NotFound) => return Ok(()),
            caller => caller?,
        };
        let row = session::Entity::find_by_id((token.org, token.session)).one(self.engine()).await?;
        let Some(row) = row else { return Ok(()) };
        if !token.verify(&family_key(&caller, &row)?) {
            return Ok(());
        }
        self.sign_out(Verified { org: token.org, user: row.user_id, session: row.id }, request).await
    }
}

fn family_key(caller: &Caller, row: &session::Model) -> Result<FamilyKey, Failure> {
    let bytes = caller.ring().open(FAMILY_KEY, row.id, &row.family_key)?;
    FamilyKey::from_bytes(&bytes)
        .ok_or_else(|| Failure::Internal(format!("the family key of session {} is none", row.id)))
}

async fn worth(tx: &Tx<'_>, token: &RefreshToken) -> Result<Worth, Failure> {
    let row = session::Entity::find_by_id((tx.org_id(), token.session)).lock_exclusive().one(tx.db()).await?;
    let Some(row) = row else { return Err(ENDED) };
    let family = family_key(tx.caller(), &row)?;
    if !token.verify(&family) {
        return Err(ENDED);
    }
    let person = user::Entity::find_by_id((tx.org_id(), row.user_id)).one(tx.db()).await?;
    if person.is_none_or(|person| person.disabled || person.deleted_at.is_some()) {
        return Err(Failure::SignIn(SignInFailure::AccountDisabled));
    }
    if row.ended_at.is_some() || presence::ends_at(tx.caller().org(), Times::of(&row)) <= tx.now() {
        return Err(ENDED);
    }
    let current = u64::try_from(row.counter).unwrap_or_default();
    let counter = if token.counter == current {
        rotate(tx, &row).await?;
        current + 1
    } else if token.counter.checked_add(1) == Some(current) && tx.now() - row.rotated_at <= GRACE {
        current
    } else {
        return reused(tx, &row).await;
    };
    let refresh_token: Zeroizing<String> = refresh_token(tx.org_id(), row.id, &family, counter);
    let verified = Verified { org: tx.org_id(), user: row.user_id, session: row.id };
    Ok(Worth::Next(SignedIn { verified, refresh_token, before: Before::of(tx.caller(), &row)? }))
}

/// The token was the current one: its successor is.
async fn rotate(tx: &Tx<'_>, row: &session::Model) -> Result<(), Failure> {
    use session::Column as C;
    let done = session::Entity::update_many()
        .col_expr(C::Counter, Expr::value(row.counter + 1))
        .col_expr(C::RotatedAt, Expr::value(tx.now()))
        .col_expr(C::LastSeenAt, Expr::value(tx.now()))
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.eq(row.id))
        .filter(C::Counter.eq(row.counter))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(EngineError::Busy.into()) }
}

/// A token that was used before, too long ago: one of two who have it is not the user, and nobody knows which.
async fn reused(tx: &Tx<'_>, row: &session::Model) -> Result<Worth, Failure> {
    sessions::end(tx, &[row.id]).await?;
    let mut entry = Entry::security("session.token_reused", Outcome::Denied, Some(row.user_id));
    entry.body = serde_json::json!({ "session": row.id }).to_string();
    tx.log(entry);
    Ok(Worth::Nothing(ENDED))
}
