//! Why a request to the store did not do what was asked, by situation.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kehu_domain::flaw::{Code, Flaw};
use kehu_domain::read::Finding;
use uuid::Uuid;

use crate::crypto::cell::CellError;
use crate::crypto::roots::NoRoot;
use crate::engine::EngineError;
use crate::machine::Warning;

/// Why nothing was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The body breaks rules; every finding has its pointer.
    #[error("the body was refused")]
    Refused(Vec<Finding>),
    /// The question cannot be answered; `pointer` names a parameter or a place in the body.
    #[error("the question was refused")]
    BadQuestion(Finding),
    /// The question would have to read too much.
    #[error("the question is too expensive")]
    TooExpensive {
        /// The parameter that asks for it, or its place in the body.
        at: Cow<'static, str>,
        /// What is asked fast in its stead.
        fast: Cow<'static, str>,
    },
    /// There is no such record, or it is not the caller's to know.
    #[error("not found")]
    NotFound,
    /// The caller may know it, and may not do this.
    #[error("not allowed")]
    Forbidden,
    /// The caller may not ask for this part of it; the finding says which right it takes.
    #[error("a right is missing")]
    RightMissing(Finding),
    /// A living record has the same strong key.
    #[error("duplicate")]
    Duplicate(Box<Existing>),
    /// The record is there already, and was only to be made.
    #[error("exists")]
    Exists(Box<Existing>),
    /// The id that a new record brings is in use.
    #[error("the id is in use")]
    IdTaken,
    /// The same principal made a record under this id by saying the same: nothing is wrong.
    #[error("made before: {0}")]
    MadeBefore(Uuid),
    /// The keys of an item are those of several records; these are the ones within reach.
    #[error("several records match")]
    MatchesSeveral(Vec<KnownRecord>),
    /// Somebody else changed the same fields since.
    #[error("changed by somebody else")]
    Conflict(Vec<FieldConflict>),
    /// The idempotency key was used for another request.
    #[error("idempotency key reused")]
    KeyReused,
    /// The request that was first sent under this idempotency key still runs.
    #[error("the first request still runs")]
    KeyBusy,
    /// The earlier request under this key refused the item, and is not tried again under it.
    #[error("refused before")]
    RefusedBefore,
    /// The operation of this name, which another one of the request refers to, was not done.
    #[error("an operation that is referred to was not done")]
    ReferenceFailed(String),
    /// The write would have been done, with these warnings, and was only tried.
    #[error("only tried")]
    Rehearsed(Vec<Warning>),
    /// Signing in or a session did not work.
    #[error("sign-in: {0}")]
    SignIn(SignInFailure),
    /// The caller was told of records out of reach often enough; more after so many seconds.
    #[error("told enough")]
    Limited(u32),
    /// The caller was shown enough sealed values; more after so many seconds.
    #[error("shown enough")]
    RevealLimited(u32),
    /// The caller compared masked fields with enough values; more after so many seconds.
    #[error("compared enough")]
    CompareLimited(u32),
    /// Something about a second factor does not stand as it would have to.
    #[error("second factor: {0}")]
    SecondFactor(FactorFailure),
    /// A file is larger than the organisation takes, which is so many bytes.
    #[error("the file is too large")]
    FileTooLarge(u64),
    /// A file is what the organisation does not take.
    #[error("the file is of a type that is not taken")]
    FileTypeRefused {
        /// What it is.
        found: &'static str,
        /// What is taken.
        taken: Vec<String>,
    },
    /// A file is not where it should be, or cannot be read or written now; the text goes to the log only.
    #[error("a file is away: {0}")]
    FileAway(String),
    /// The form takes no submissions now.
    #[error("the form is paused")]
    FormPaused,
    /// The job has ended: there is nothing to take back.
    #[error("the job has ended")]
    JobEnded,
    /// Only a dead job is tried again.
    #[error("the job is not dead")]
    JobNotDead,
    /// The job has not ended, or is none that can be undone.
    #[error("the job cannot be undone")]
    NotUndoable,
    /// A job is merging the record into this other one.
    #[error("the record is being merged into another one")]
    MergingElsewhere(Uuid),
    /// Others use the segment: what is said of it.
    #[error("the segment is used by others")]
    SegmentUsed(Flaw),
    /// The review of rights takes no more decisions.
    #[error("the review is closed")]
    ReviewClosed,
    /// The job that writes is another server's now, or nobody's.
    #[error("the lease of the job was lost")]
    LeaseLost,
    /// This part of a job is larger than 1 MB.
    #[error("the {0} of a job is larger than 1 MB")]
    TooLarge(&'static str),
    /// Too much of this is being done already; try again after so many seconds.
    #[error("too much at once")]
    Overloaded(u32),
    /// The database could not.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A stored value does not open: it was altered or moved, or its key is not there. Nothing is given in its place.
    #[error(transparent)]
    Unreadable(CellError),
    /// A value could not be sealed, or keys could not be opened.
    #[error("sealing: {0}")]
    Sealing(String),
    /// Something that should not happen; the text goes to the log only.
    #[error("internal: {0}")]
    Internal(String),
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInFailure {
    /// Unknown name or wrong password: the same answer.
    #[error("credentials wrong")]
    CredentialsWrong,
    /// The name belongs to several organisations.
    #[error("organisation required")]
    OrganisationRequired,
    /// The account is disabled. Said only after the right password.
    #[error("account disabled")]
    AccountDisabled,
    /// The password was right, and the user has a second factor: its code is needed too.
    #[error("otp required")]
    OtpRequired,
    /// The password was right, and the code was not.
    #[error("otp wrong")]
    OtpWrong,
    /// The role needs a second factor, and the user has none yet: nothing but setting one up is allowed.
    #[error("second factor enrolment required")]
    EnrolmentRequired,
    /// Somebody whom a provider vouches for is not let in.
    #[error("{0}")]
    External(ExternalFailure),
    /// The session was ended.
    #[error("session ended")]
    SessionEnded,
    /// The password is right, and must be changed: the sign-in brings a new one too.
    #[error("password change required")]
    PasswordChangeRequired,
    /// The organisation lets nobody in from this address.
    #[error("address not allowed")]
    AddressNotAllowed,
    /// There is no such key or personal token; a malformed one is like an unknown one.
    #[error("key invalid")]
    KeyInvalid,
    /// The key or personal token was revoked.
    #[error("key revoked")]
    KeyRevoked,
    /// The time of the key or personal token is over.
    #[error("key expired")]
    KeyExpired,
    /// Too many failures; try again after so many seconds.
    #[error("too many failures")]
    Throttled(u32),
}

/// Why somebody is not let in by a provider's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExternalFailure {
    /// There is no sign-in of that state, or somebody else began it.
    #[error("state unknown")]
    StateUnknown,
    /// The provider refused, or what it says does not hold.
    #[error("not believed")]
    NotBelieved,
    /// The person is no user, and none is made.
    #[error("no account")]
    NoAccount,
    /// The person has rights about no record, and nobody who grants rights laid the provider down. It is answered as if
    /// there were no account: whoever has such a provider need not learn who has which rights.
    #[error("somebody with rights besides, and nobody who grants rights laid the provider down")]
    NotVouched,
    /// The person is in no group that has a role.
    #[error("no role")]
    NoRole,
    /// The provider does not say that the e-mail is confirmed.
    #[error("e-mail not confirmed")]
    EmailUnverified,
    /// The e-mail is of no domain that may come in.
    #[error("e-mail of another domain")]
    EmailDomain,
}

impl ExternalFailure {
    /// The failure to answer.
    #[must_use]
    pub const fn failure(self) -> Failure {
        Failure::SignIn(SignInFailure::External(self))
    }
}

/// How it stands with a second factor, so that nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactorFailure {
    /// There is one already.
    #[error("active")]
    Active,
    /// There is none, or none that waits to be confirmed.
    #[error("none")]
    None,
    /// It is the own one: that is not removed by the right over users.
    #[error("own")]
    Own,
}

/// A record that has the same strong key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// How it stands to the caller: `yours`, `team`, `owned`, `in_pool`.
    pub state: &'static str,
    /// Whether the caller could take it.
    pub claimable: bool,
    /// Who it is; absent when it is out of the caller's reach.
    pub known: Option<KnownRecord>,
    /// The field of the request that met it.
    pub pointer: String,
    /// What is said of that field: whether the value may stand twice, and what else can be done.
    pub code: &'static Code,
    /// Its kind and id where it is out of the caller's reach, or was met by a value that everybody sees masked: for the
    /// journal, no answer shows it.
    pub beyond: Option<(String, Uuid)>,
}

/// A record within reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRecord {
    /// Its kind.
    pub resource: String,
    /// Its id.
    pub id: Uuid,
    /// Its number, where it has one.
    pub number: Option<String>,
    /// Its name.
    pub name: String,
}

/// A field that two people changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// Its name.
    pub field: String,
    /// What the request wants it to be, as it was sent.
    pub yours: serde_json::Value,
    /// What it is now, as the caller may see it.
    pub theirs: serde_json::Value,
    /// Who changed it since; nobody for the system.
    pub changed_by: Option<Uuid>,
    /// When it was changed since.
    pub changed_at: Option<DateTime<Utc>>,
}

impl Failure {
    /// A body refused for one flaw.
    #[must_use]
    pub fn refused(pointer: impl Into<String>, flaw: Flaw) -> Self {
        Self::Refused(vec![Finding { pointer: pointer.into(), flaw }])
    }

    /// A question that would have to read too much; these ones are fast.
    pub(crate) fn too_expensive(fast: impl Into<Cow<'static, str>>) -> Self {
        Self::TooExpensive { at: "filter".into(), fast: fast.into() }
    }

    /// The same, of a question that stands at a place of its own, where it would have to read too much.
    pub(crate) fn standing_at(self, place: &str) -> Self {
        match self {
            Self::TooExpensive { fast, .. } => Self::TooExpensive { at: place.to_owned().into(), fast },
            other => other,
        }
    }

    /// A question refused for one flaw.
    #[must_use]
    pub fn question(at: impl Into<String>, flaw: Flaw) -> Self {
        Self::BadQuestion(Finding { pointer: at.into(), flaw })
    }
}

impl From<sea_orm::DbErr> for Failure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Engine(error.into())
    }
}

impl From<CellError> for Failure {
    fn from(error: CellError) -> Self {
        match error {
            CellError::NotSealed { .. } => Self::Sealing(error.to_string()),
            CellError::StaleKeys { .. }
            | CellError::RetiredKey { .. }
            | CellError::Tampered { .. }
            | CellError::NotText { .. } => Self::Unreadable(error),
        }
    }
}

impl From<NoRoot> for Failure {
    fn from(error: NoRoot) -> Self {
        Self::Sealing(error.to_string())
    }
}
