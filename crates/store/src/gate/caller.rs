//! Somebody who was let in, and the request that is made.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use kehu_domain::field::{Field, Sight};
use kehu_domain::record::Kind;
use kehu_domain::rights::{Action, Reach, Relation, Right, Rights};
use uuid::Uuid;

use crate::clock::new_id;
use crate::crypto::roots::KeyRing;
use crate::engine::{self, EngineError, Snapshot, Source};
use crate::failure::Failure;
use crate::org::{INSTALLATION, Org};
use crate::tx::Tx;

use super::Gate;

/// Who a checked access token speaks for. Made where tokens are checked, from nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The organisation.
    pub org: Uuid,
    /// The user.
    pub user: Uuid,
    /// The session.
    pub session: Uuid,
}

/// What is known of a request, for the journal.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    /// Its id, which also stands in the answer and the log.
    pub request_id: String,
    /// Through which door it came: `api`, `ticket`, `form`, `hook`, `job`, `bulk`, `command`, `system`.
    pub via: &'static str,
    /// The client's address.
    pub address: Option<String>,
    /// The client's name for itself.
    pub user_agent: Option<String>,
    /// Why it is made, as the caller says.
    pub reason: Option<String>,
}

impl RequestInfo {
    /// What the program does by itself: `command` from the command line, `system` otherwise.
    #[must_use]
    pub fn of_program(via: &'static str, now: DateTime<Utc>) -> Self {
        Self { request_id: new_id(now).simple().to_string(), via, ..Self::default() }
    }

    /// Address and user agent: personal data, sealed in a cell of their own.
    pub(crate) fn origin(&self) -> Option<String> {
        let address = self.address.as_deref()?;
        Some(serde_json::json!({"address": address, "user_agent": self.user_agent}).to_string())
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user in a session.
    User {
        /// The user.
        id: Uuid,
        /// The session.
        session: Uuid,
    },
    /// A program in a user's own name, by a personal token: what the user may do at that moment, but for what only
    /// somebody does who signed in.
    Personal {
        /// The user.
        id: Uuid,
        /// The token.
        key: Uuid,
        /// Whether it only reads.
        reads: bool,
    },
    /// A program with a key and a role of its own.
    Key(Uuid),
    /// A form that took a submission.
    Form(Uuid),
    /// A job under a lease; what it writes is refused once the lease is lost.
    Job {
        /// The job.
        id: Uuid,
        /// The claim that it runs under.
        lease: Uuid,
        /// The user whom it goes back to, where it is one.
        asked_by: Option<Uuid>,
    },
    /// The system: a schedule, the command line, signing in.
    System,
}

impl Principal {
    /// What kind of actor the journal names.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::User { .. } | Self::Personal { .. } => "user",
            Self::Key(_) => "api_key",
            Self::Form(_) => "form",
            Self::Job { .. } => "job",
            Self::System => "system",
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::User { id, .. } | Self::Personal { id, .. } | Self::Job { id, .. } => Some(id),
            Self::Key(id) | Self::Form(id) => Some(id),
            Self::System => None,
        }
    }

    /// The user, where it is one.
    #[must_use]
    pub fn user(self) -> Option<Uuid> {
        match self {
            Self::User { id, .. } | Self::Personal { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Who is held to limits and told of in the journal where something was refused: a user, or a program with a key.
    #[must_use]
    pub fn accountable(self) -> Option<Uuid> {
        match self {
            Self::Key(id) => Some(id),
            other => other.user(),
        }
    }

    /// What the user showed: the session, or the personal token.
    #[must_use]
    pub fn credential(self) -> Option<Uuid> {
        match self {
            Self::Personal { key, .. } => Some(key),
            other => other.session(),
        }
    }

    /// Whom a job that is asked for goes back to: the user, or whoever asked for the job that asks.
    #[must_use]
    pub fn asks_for(self) -> Option<Uuid> {
        match self {
            Self::Job { asked_by, .. } => asked_by,
            other => other.user(),
        }
    }

    /// The session, where there is one.
    #[must_use]
    pub fn session(self) -> Option<Uuid> {
        match self {
            Self::User { session, .. } => Some(session),
            _ => None,
        }
    }
}

/// Somebody who was let in: an organisation, who acts in it, and what that one may do. Cloning is cheap.
#[derive(Clone)]
pub struct Caller {
    pub(super) gate: Gate,
    pub(super) org: Arc<Org>,
    pub(super) ring: Arc<KeyRing>,
    /// Whether the ring is a transaction's: all that it seals is checked at its commit against one ring.
    pub(super) pinned: bool,
    pub(super) principal: Principal,
    pub(super) rights: Arc<Rights>,
    /// Whether a rule lends these rights: that they are used says nothing of the user's own.
    pub(super) lent: bool,
    pub(super) teams: Arc<[Uuid]>,
    pub(super) request: Arc<RequestInfo>,
    /// What it reads from.
    pub(super) source: Source,
    /// The job that acts so, and the claim that it runs under: what it writes is refused once that is lost.
    pub(super) fence: Option<(Uuid, Uuid)>,
}

impl Caller {
    /// The organisation.
    #[must_use]
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.principal
    }

    /// The user and the session, for what takes somebody who signed in: neither a key nor a personal token makes another
    /// one, changes a password, or ends sessions.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] for everybody else.
    pub fn signed_in(&self) -> Result<(Uuid, Uuid), Failure> {
        match self.principal {
            Principal::User { id, session } => Ok((id, session)),
            _ => Err(Failure::Forbidden),
        }
    }

    /// What the caller may do.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The caller's team and those below.
    #[must_use]
    pub fn teams(&self) -> &[Uuid] {
        &self.teams
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &RequestInfo {
        &self.request
    }

    /// The same caller, who says why.
    #[must_use]
    pub(crate) fn because(&self, reason: &str) -> Self {
        let request = RequestInfo { reason: Some(reason.to_owned()), ..(*self.request).clone() };
        Self { request: Arc::new(request), ..self.clone() }
    }

    /// The same caller with the rights of the system, for what a rule of the organisation lets him do beyond his own.
    #[must_use]
    pub(crate) fn with_lent_rights(&self) -> Self {
        Self { rights: Rights::system(), lent: true, ..self.clone() }
    }

    /// The job whose writes these are and the claim that it runs under, where it is one.
    #[must_use]
    pub(crate) fn fence(&self) -> Option<(Uuid, Uuid)> {
        match self.principal {
            Principal::Job { id, lease, .. } => Some((id, lease)),
            _ => self.fence,
        }
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        if self.pinned { &self.ring } else { self.ring.latest() }
    }

    /// The same with other keys.
    pub(crate) fn with_ring(self, ring: Arc<KeyRing>) -> Self {
        Self { ring, ..self }
    }

    /// The same, for one transaction.
    pub(crate) fn pinned(self) -> Self {
        Self { pinned: true, ..self }
    }

    pub(crate) fn db(&self) -> &Source {
        &self.source
    }

    /// Runs reads that see the same moment. The closure reads through the caller that it is given, awaits nothing but
    /// that, and may be run twice.
    ///
    /// # Errors
    /// Those of the closure and of the database.
    pub(crate) async fn at_one_moment<T, F>(&self, job: F) -> Result<T, Failure>
    where
        F: AsyncFn(&Caller) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let caller = self.clone();
        let read = async move |snapshot: &Snapshot| {
            let source = Source::Then(snapshot.clone());
            job(&Caller { source, ..caller.clone() }).await
        };
        self.gate.engine().snapshot(read).await
    }

    /// How far an action on a kind reaches.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] where it reaches nothing.
    pub fn reach(&self, action: Action, kind: &str) -> Result<Reach, Failure> {
        let reach = self.rights.reach(action, kind);
        if reach.is_none() {
            return Err(Failure::Forbidden);
        }
        self.uses(action, kind);
        Ok(reach)
    }

    /// Asks for a right that is about no record.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] where the caller has it not.
    pub(crate) fn may(&self, right: Right) -> Result<(), Failure> {
        if !self.rights.grants(right) {
            return Err(Failure::Forbidden);
        }
        if let Some(whose) = self.whose_uses() {
            self.gate.uses().besides(whose, right, self.gate.now());
        }
        Ok(())
    }

    /// Notes that a user used a right, for reviews.
    pub(crate) fn uses(&self, action: Action, kind: &str) {
        if let Some(whose) = self.whose_uses() {
            self.gate.uses().of_records(whose, action, kind, self.gate.now());
        }
    }

    fn whose_uses(&self) -> Option<(Uuid, Uuid)> {
        self.principal.user().filter(|_| !self.lent).map(|user| (self.org.id, user))
    }

    /// How much of a field of a kind the caller sees of a record that stands so.
    #[must_use]
    pub fn sees(&self, kind: &Kind, field: &Field, relation: Relation) -> Sight {
        self.rights.sees(kind.name, field, relation)
    }

    /// Runs a write: commits if the closure answers `Ok`, rolls back otherwise. The closure awaits nothing but
    /// statements; what it gathered is written once, at its end.
    ///
    /// # Errors
    /// Those of the closure and of the database.
    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T, Failure>
    where
        F: AsyncFnOnce(&Tx<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let (gate, org) = (&self.gate, self.org.id);
        // A caller may be older than a second: that of a job lives as long as the job, and writes by what the organisation
        // lays down now. The keys of the installation are asked for inside the transaction, which awaits nothing.
        let now = if self.fence().is_some() { gate.org(org).await? } else { self.org.clone() };
        let caller = Self { ring: gate.ring(org).await?, org: now, ..self.clone() };
        gate.ring(INSTALLATION).await?;
        let written = gate.engine().write(async move |db: &engine::Tx| -> Result<_, Failure> {
            let now = caller.gate.now();
            let tx = Tx::begin(db, caller, now).await?;
            let out = job(&tx).await?;
            let sealed = tx.caller().ring.sealed();
            Ok((out, sealed, tx.finish().await?))
        });
        let (out, sealed, after) = written.await.map_err(|failure| match failure {
            // A write's statements are short: one that ran out of time waited for somebody else.
            Failure::Engine(EngineError::TooExpensive) => Failure::Engine(EngineError::LockTimeout),
            // The keys that it sealed with may have been replaced meanwhile.
            Failure::Engine(EngineError::Busy) => {
                gate.distrust_ring(org);
                gate.distrust_ring(INSTALLATION);
                failure
            }
            other => other,
        })?;
        for act in after {
            act();
        }
        if gate.seal_counts().is_time(sealed, gate.now()) {
            gate.note_seals().await;
        }
        Ok(out)
    }
}
