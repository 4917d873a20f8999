//! The only door to data. The gate owns the engine; only it makes a [`Caller`], and only a caller gets a transaction.

mod caller;
mod rings;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use kehu_domain::rights::Rights;
use moka::sync::Cache;
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::api_keys::InUse;
use crate::clock::Clock;
use crate::crypto::kek::KeyProvider;
use crate::crypto::roots::KeyRing;
use crate::engine::{Engine, EngineError, EngineOptions, EngineStats, Source};
use crate::entities::{job, session, tenant_key};
use crate::failure::{Failure, SignInFailure};
use crate::hourly::Hourly;
use crate::journal::Mark;
use crate::keys::SealCounts;
use crate::org::{FRESH, INSTALLATION, Org, Orgs};
use crate::people::hashing::Hashing;
use crate::people::presence::{self, Through};
use crate::queue::Board;
use crate::uses::Uses;

use rings::Rings;

pub use caller::{Caller, Principal, RequestInfo, Verified};
pub(crate) use rings::wrapped_root;

/// What the gate is opened with.
pub struct GateOptions {
    /// Where the data is.
    pub place: EngineOptions,
    /// Who wraps the roots of organisations.
    pub keys: Arc<dyn KeyProvider>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How many cells a root may seal before another takes its place; [`SEAL_LIMIT`](crate::keys::SEAL_LIMIT).
    pub seal_limit: u64,
    /// What a user may be told in an hour.
    pub limits: HourlyLimits,
}

/// What a user may be told in an hour; 0 is any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourlyLimits {
    /// Answers that tell of records out of reach; values that a field is compared with which is shown as a mask.
    pub reads: u32,
    /// Fields that are revealed.
    pub reveals: u32,
}

/// The door to data. Cloning is cheap.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    engine: Engine,
    keys: Arc<dyn KeyProvider>,
    clock: Clock,
    rings: Rings,
    seal_counts: SealCounts,
    orgs: Orgs,
    sessions: Cache<Uuid, Arc<SessionState>>,
    keys_in_use: InUse,
    hashing: Hashing,
    board: Board,
    limits: HourlyLimits,
    mark: Mark,
    /// Refusals by organisation and user.
    refusals: Hourly<(Uuid, Uuid)>,
    /// Questions to the journal by organisation, who asked, and a hash of the question.
    readings: Hourly<(Uuid, Option<Uuid>, [u8; 32])>,
    /// Sign-ins that did not work, by event and a keyed hash of where from.
    sign_ins: Hourly<(&'static str, Vec<u8>)>,
    uses: Uses,
}

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
    /// Migrates and opens.
    ///
    /// # Errors
    /// The database cannot be reached or migrated.
    pub async fn open(options: GateOptions) -> Result<Self, Failure> {
        let engine = Engine::open(options.place, |db| {
            Box::pin(async move { <kehu_migrations::Migrator as sea_orm_migration::MigratorTrait>::up(db, None).await })
        })
        .await?;
        let gate = Self(Arc::new(Inner {
            engine,
            keys: options.keys,
            orgs: Orgs::new(options.clock.clone()),
            clock: options.clock,
            rings: Rings::new(),
            seal_counts: SealCounts::new(options.seal_limit),
            sessions: Cache::new(100_000),
            keys_in_use: InUse::default(),
            hashing: Hashing::start()?,
            board: Board::default(),
            limits: options.limits,
            mark: Mark::default(),
            refusals: Hourly::default(),
            readings: Hourly::default(),
            sign_ins: Hourly::default(),
            uses: Uses::default(),
        }));
        crate::ops::installation::prepare(&gate).await?;
        gate.ring(INSTALLATION).await?;
        Ok(gate)
    }

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

    /// A form that takes a submission. The form was found by its key.
    ///
    /// # Errors
    /// The organisation is gone, or the database is away.
    pub(crate) async fn form(&self, org: Uuid, form: Uuid, request: RequestInfo) -> Result<Caller, Failure> {
        let org = self.org(org).await?;
        self.caller(org, Principal::Form(form), Rights::system(), Vec::new(), request).await
    }

    /// The system itself, in one organisation: signing in, a schedule, the command line.
    ///
    /// # Errors
    /// The organisation does not exist, or the database is away.
    pub(crate) async fn system(&self, org: Uuid, request: RequestInfo) -> Result<Caller, Failure> {
        let org = self.org(org).await?;
        self.caller(org, Principal::System, Rights::system(), Vec::new(), request).await
    }

    /// A job that a server claimed: it acts for the organisation itself, as long as it holds its lease.
    ///
    /// # Errors
    /// The organisation is gone, or the database is away.
    pub(crate) async fn job(&self, row: &job::Model, lease: Uuid) -> Result<Caller, Failure> {
        let org = self.org(row.org_id).await?;
        let request = RequestInfo { request_id: row.request_id.clone(), via: "job", ..RequestInfo::default() };
        let principal = Principal::Job { id: row.id, lease, asked_by: row.created_by };
        self.caller(org, principal, Rights::system(), Vec::new(), request).await
    }

    /// The system in an organisation that is being made: its rows are not written yet.
    pub(crate) fn founder(
        &self,
        org: Org,
        roots: &[tenant_key::Model],
        request: RequestInfo,
    ) -> Result<Caller, Failure> {
        let ring = Arc::new(self.unlock(org.id, roots)?);
        Ok(self.caller_with(Arc::new(org), ring, Principal::System, Rights::system(), Vec::new(), request))
    }

    /// Somebody of an organisation, whose right to act was checked.
    pub(crate) async fn caller(
        &self,
        org: Arc<Org>,
        principal: Principal,
        rights: Arc<Rights>,
        teams: Vec<Uuid>,
        request: RequestInfo,
    ) -> Result<Caller, Failure> {
        let ring = self.ring(org.id).await?;
        Ok(self.caller_with(org, ring, principal, rights, teams, request))
    }

    fn caller_with(
        &self,
        org: Arc<Org>,
        ring: Arc<KeyRing>,
        principal: Principal,
        rights: Arc<Rights>,
        teams: Vec<Uuid>,
        request: RequestInfo,
    ) -> Caller {
        Caller {
            gate: self.clone(),
            org,
            ring,
            pinned: false,
            principal,
            rights,
            lent: false,
            teams: teams.into(),
            request: Arc::new(request),
            source: Source::Now(self.0.engine.clone()),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), Failure> {
        Ok(self.0.engine.ping().await?)
    }

    /// Figures of the engine.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.0.engine.stats()
    }

    /// Finishes writes that wait and closes the database.
    pub async fn close(&self) {
        self.note_seals().await;
        if let Err(failure) = self.keep_uses().await {
            tracing::warn!(cause = %failure, "which rights were used last is not written");
        }
        self.0.engine.close().await;
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn limits(&self) -> HourlyLimits {
        self.0.limits
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.0.mark
    }

    pub(crate) fn refusals(&self) -> &Hourly<(Uuid, Uuid)> {
        &self.0.refusals
    }

    pub(crate) fn readings(&self) -> &Hourly<(Uuid, Option<Uuid>, [u8; 32])> {
        &self.0.readings
    }

    pub(crate) fn sign_ins(&self) -> &Hourly<(&'static str, Vec<u8>)> {
        &self.0.sign_ins
    }

    pub(crate) fn uses(&self) -> &Uses {
        &self.0.uses
    }

    pub(crate) fn board(&self) -> &Board {
        &self.0.board
    }

    pub(crate) fn hashing(&self) -> &Hashing {
        &self.0.hashing
    }

    pub(crate) fn seal_counts(&self) -> &SealCounts {
        &self.0.seal_counts
    }

    pub(crate) fn keys(&self) -> &dyn KeyProvider {
        &*self.0.keys
    }

    pub(crate) async fn org(&self, id: Uuid) -> Result<Arc<Org>, Failure> {
        self.0.orgs.get(&self.0.engine, id).await
    }

    pub(crate) fn forget_org(&self, id: Uuid) {
        self.0.orgs.forget(id);
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

    pub(crate) fn keys_in_use(&self) -> &InUse {
        &self.0.keys_in_use
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

    /// Runs a write transaction of the engine that belongs to no caller: making an organisation, counting failed
    /// sign-ins.
    pub(crate) async fn write_raw<T, F>(&self, job: F) -> Result<T, Failure>
    where
        F: AsyncFnOnce(&crate::engine::Tx) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        self.0.engine.write(job).await
    }
}

/// Whether doing the same again, as it is, may work: another transaction came between.
pub(crate) fn worth_another_try(failure: &Failure) -> bool {
    matches!(failure, Failure::Engine(EngineError::Busy | EngineError::Unique { .. }))
}
