//! Who is let in by a session: what is known of it is looked at with every request, at most a second old.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::entities::session;
use crate::failure::{Failure, SignInFailure};
use crate::org::{FRESH, Org};
use crate::people::presence::{self, Through};

use super::{Caller, Gate, Principal, RequestInfo, Verified};

/// A session as it was read last.
pub(crate) struct SessionState {
    user: Uuid,
    ended: bool,
    /// Whether a provider vouched for the user.
    external: bool,
    pub(crate) client: String,
    pub(crate) created: DateTime<Utc>,
    /// When its use was noted last; milliseconds.
    pub(crate) last_seen: AtomicI64,
    /// When it ends whatever the organisation says.
    pub(crate) expires: DateTime<Utc>,
    checked: AtomicI64,
}

impl Gate {
    /// The user that a checked token speaks for.
    ///
    /// # Errors
    /// The session was ended or has expired, the account is disabled, the address is not allowed, the role needs a second
    /// factor that is not set up yet, or the database is away.
    pub async fn user(&self, verified: Verified, request: RequestInfo) -> Result<Caller, Failure> {
        let (caller, state) = self.admitted(verified, request).await?;
        // Who signs in by a provider has shown there what the provider asks for.
        if caller.org.must_enrol(verified.user) && !state.external {
            return Err(Failure::SignIn(SignInFailure::EnrolmentRequired));
        }
        Ok(caller)
    }

    /// The same, also where the role needs a second factor that is not set up yet: for what sets one up, and nothing
    /// else.
    ///
    /// # Errors
    /// As [`user`](Self::user), but for that.
    pub async fn user_to_enrol(&self, verified: Verified, request: RequestInfo) -> Result<Caller, Failure> {
        Ok(self.admitted(verified, request).await?.0)
    }

    async fn admitted(&self, verified: Verified, request: RequestInfo) -> Result<(Caller, Arc<SessionState>), Failure> {
        let ended = Failure::SignIn(SignInFailure::SessionEnded);
        let known = async || {
            self.org(verified.org).await.map_err(|failure| match failure {
                Failure::NotFound => ended.clone(),
                other => other,
            })
        };
        let mut org = known().await?;
        if !org.users.contains_key(&verified.user) {
            // Another server may have made the user a moment ago: then what is in memory is too old.
            self.forget_org(verified.org);
            org = known().await?;
        }
        // Disabling ends the sessions; what the user is told is the reason.
        let person = org.users.get(&verified.user).ok_or(ended.clone())?;
        if person.disabled {
            return Err(Failure::SignIn(SignInFailure::AccountDisabled));
        }
        let state = self.session(verified).await?;
        if state.ended || state.user != verified.user || state.expires <= self.now() {
            return Err(ended);
        }
        let principal = Principal::User { id: verified.user, session: verified.session };
        let caller = self.acting_for(org, verified.user, principal, request).await?;
        presence::admit(&caller, &state).await?;
        Ok((caller, state))
    }

    /// A user of an organisation, or what acts in the user's name, with what the user may do now.
    ///
    /// # Errors
    /// The account is disabled or gone, or the database is away.
    pub(crate) async fn acting_for(
        &self,
        org: Arc<Org>,
        user: Uuid,
        principal: Principal,
        request: RequestInfo,
    ) -> Result<Caller, Failure> {
        let person = org.users.get(&user).filter(|person| !person.disabled);
        let person = person.ok_or(Failure::SignIn(SignInFailure::AccountDisabled))?;
        let teams = person.team_id.map(|team| org.team_and_below(team)).unwrap_or_default();
        let rights = person.rights.clone();
        let caller = self.caller(org, principal, rights, teams, request).await?;
        presence::check_address(&caller, user, Through::of(principal)).await?;
        Ok(caller)
    }

    pub(crate) fn forget_session(&self, id: Uuid) {
        self.0.sessions.invalidate(&id);
    }

    /// When the session that a checked token speaks for ends by itself.
    ///
    /// # Errors
    /// It is gone, or the database is away.
    pub async fn session_ends(&self, verified: Verified) -> Result<DateTime<Utc>, Failure> {
        Ok(self.session(verified).await?.expires)
    }

    async fn session(&self, verified: Verified) -> Result<Arc<SessionState>, Failure> {
        let now = self.now().timestamp_millis();
        if let Some(state) = self.0.sessions.get(&verified.session)
            && (now - state.checked.load(Ordering::Relaxed)).abs() < FRESH
        {
            return Ok(state);
        }
        let row = session::Entity::find_by_id((verified.org, verified.session)).one(&self.0.engine).await?;
        let row = row.ok_or(Failure::SignIn(SignInFailure::SessionEnded))?;
        let state = Arc::new(SessionState {
            user: row.user_id,
            ended: row.ended_at.is_some(),
            created: row.created_at,
            last_seen: AtomicI64::new(row.last_seen_at.timestamp_millis()),
            external: row.provider_id.is_some(),
            expires: row.absolute_expires_at.min(row.idle_expires_at),
            client: row.client,
            checked: AtomicI64::new(now),
        });
        self.0.sessions.insert(verified.session, state.clone());
        Ok(state)
    }
}
