//! The only door to data. The gate owns the engine; only it makes a [`Caller`], and only a caller gets a transaction.

mod acting;
mod admission;
mod caller;
mod rings;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kehu_domain::rights::Rights;
use moka::sync::Cache;
use uuid::Uuid;

use crate::api_keys::InUse;
use crate::clock::Clock;
use crate::crypto::kek::KeyProvider;
use crate::crypto::roots::KeyRing;
use crate::engine::{Engine, EngineError, EngineOptions, EngineStats, Source};
use crate::entities::{job, tenant_key};
use crate::failure::Failure;
use crate::files::Files;
use crate::hourly::Hourly;
use crate::journal::Mark;
use crate::keys::SealCounts;
use crate::org::{INSTALLATION, Org, Orgs};
use crate::people::hashing::Hashing;
use crate::queue::Board;
use crate::uses::Uses;

use rings::Rings;

pub(crate) use acting::Acting;
pub(crate) use admission::SessionState;
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
    /// Where attached files are.
    pub files: Files,
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
    files: Files,
    mark: Mark,
    /// Refusals by organisation and user.
    refusals: Hourly<(Uuid, Uuid)>,
    /// Questions to the journal by organisation, who asked, and a hash of the question.
    readings: Hourly<(Uuid, Option<Uuid>, [u8; 32])>,
    /// Sign-ins that did not work, by event and a keyed hash of where from.
    sign_ins: Hourly<(&'static str, Vec<u8>)>,
    uses: Uses,
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
            files: options.files,
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
            fence: None,
        }
    }

    /// Where attached files are.
    pub(crate) fn files(&self) -> &Files {
        &self.0.files
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

    pub(crate) fn keys_in_use(&self) -> &InUse {
        &self.0.keys_in_use
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
