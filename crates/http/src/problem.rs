//! Error answers: the only place where a situation becomes a status code (RFC 9457, `application/problem+json`).
//!
//! A [`Problem`] is made where it happens and written once the language and the request id are known, by the door
//! (`server.rs`). What went wrong inside is told to the log only.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use kehu_domain::fields::format_time;
use kehu_domain::flaw::{Flaw, Lang};
use kehu_domain::read::Finding;
use kehu_store::crypto::cell::CellError;
use kehu_store::engine::EngineError;
use kehu_store::failure::{
    Existing, ExternalFailure, FactorFailure, Failure, FieldConflict, KnownRecord, SignInFailure,
};
use serde_json::{Map, Value, json};

use crate::problem_codes::{self as codes, ProblemCode};

/// Content type of every error answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a busy database is asked again.
const BUSY_RETRY: u32 = 1;
/// Seconds after which an unreachable database is asked again.
const AWAY_RETRY: u32 = 5;
/// Seconds after which a paused form is tried again.
const PAUSED_RETRY: u32 = 300;

/// Why a request is not answered with 2xx.
#[derive(Debug)]
pub struct Problem(Box<Told>);

#[derive(Debug)]
struct Told {
    code: &'static ProblemCode,
    findings: Vec<Finding>,
    params: Vec<(&'static str, String)>,
    members: Vec<(&'static str, Value)>,
    headers: Vec<(&'static str, String)>,
    close: bool,
    internal: Option<String>,
    spoken: Option<(Lang, String)>,
}

impl Problem {
    /// A problem of that code.
    #[must_use]
    pub fn new(code: &'static ProblemCode) -> Self {
        Self(Box::new(Told {
            code,
            findings: Vec::new(),
            params: Vec::new(),
            members: Vec::new(),
            headers: Vec::new(),
            close: false,
            internal: None,
            spoken: None,
        }))
    }

    /// 422: what was understood and is refused, each finding with its pointer into the body.
    #[must_use]
    pub fn validation(findings: Vec<Finding>) -> Self {
        Self::new(&codes::VALIDATION).with_findings(findings)
    }

    /// 400: a question that cannot be answered; the finding names a parameter, or points into the body.
    #[must_use]
    pub fn question(finding: Finding) -> Self {
        Self::new(&codes::QUESTION_INVALID).with_findings(vec![finding])
    }

    /// 400: a parameter of the address is wrong.
    #[must_use]
    pub fn parameter(name: impl Into<String>, flaw: Flaw) -> Self {
        Self::question(Finding { pointer: name.into(), flaw })
    }

    /// 404: it does not exist, or is not the caller's to know; the same answer for both.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(&codes::NOT_FOUND)
    }

    /// 500, with a text for the log.
    #[must_use]
    pub fn internal(text: impl Into<String>) -> Self {
        Self::new(&codes::INTERNAL).with_internal(text)
    }

    fn with_internal(mut self, text: impl Into<String>) -> Self {
        self.0.internal = Some(text.into());
        self
    }

    /// 429: the caller may come again after so many seconds.
    #[must_use]
    pub fn rate_limited(seconds: u32) -> Self {
        Self::new(&codes::RATE_LIMITED).retry_after(seconds)
    }

    fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.0.findings = findings;
        self
    }

    /// The same problem with one more finding.
    #[must_use]
    pub fn with_finding(mut self, pointer: impl Into<String>, flaw: Flaw) -> Self {
        self.0.findings.push(Finding { pointer: pointer.into(), flaw });
        self
    }

    /// The same problem with a value for a placeholder of its detail.
    #[must_use]
    pub fn with_param(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.0.params.push((name, value.to_string()));
        self
    }

    /// The same problem with one more member in its body.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: Value) -> Self {
        self.0.members.push((name, value));
        self
    }

    /// The same problem with one more header; `name` in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The same problem, to be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with_header("retry-after", seconds.to_string())
    }

    /// The same problem; the connection ends with the answer, because the rest of the request is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.close = true;
        self
    }

    /// The same problem, to be written in this language for this request wherever it comes out.
    #[must_use]
    pub fn spoken(mut self, lang: Lang, request_id: &str) -> Self {
        self.0.spoken = Some((lang, request_id.to_owned()));
        self
    }

    /// What programs compare: the code of the situation, or of the one flaw of a question.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.question_flaw().map_or(self.0.code.key, |flaw| flaw.code.key)
    }

    /// The same with the codes of what was found: what several refusals have in common.
    #[must_use]
    pub fn reason(&self) -> String {
        let codes = self.0.findings.iter().map(|finding| finding.flaw.code.key);
        std::iter::once(self.key()).chain(codes).collect::<Vec<_>>().join(" ")
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.code.status
    }

    /// The body (RFC 9457), for an answer or for one item of a batch.
    #[must_use]
    pub fn body(&self, lang: Lang, request_id: &str) -> Value {
        let (title, detail) = match lang {
            Lang::En => (self.0.code.title_en, self.0.code.detail_en),
            Lang::Zh => (self.0.code.title_zh, self.0.code.detail_zh),
        };
        let detail = self.question_flaw().map_or_else(|| self.fill(detail), |flaw| flaw.message(lang));
        let mut body = Map::new();
        body.insert("type".into(), format!("/problems/{}", self.key()).into());
        body.insert("title".into(), title.into());
        body.insert("status".into(), self.status().into());
        body.insert("code".into(), self.key().into());
        body.insert("detail".into(), detail.into());
        body.insert("request_id".into(), request_id.into());
        body.insert("errors".into(), self.0.findings.iter().map(|finding| shown(finding, lang)).collect());
        body.extend(self.0.members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(body)
    }

    /// Writes the text for the log, if there is one: for what is part of another answer.
    pub fn log(&self, request_id: &str) {
        if let Some(internal) = &self.0.internal {
            tracing::error!(request_id, code = self.key(), cause = %internal, "a request failed");
        }
    }

    /// The whole answer. The text for the log is written here, once.
    #[must_use]
    pub fn answer(&self, lang: Lang, request_id: &str) -> HttpResponse {
        self.log(request_id);
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header(("content-type", PROBLEM_JSON));
        if self.0.code.status == 401 {
            answer.insert_header(("www-authenticate", "Bearer"));
        }
        for (name, value) in &self.0.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                answer.insert_header((HeaderName::from_static(name), value));
            }
        }
        if self.0.close {
            answer.force_close();
        }
        answer.body(self.body(lang, request_id).to_string())
    }

    fn question_flaw(&self) -> Option<&Flaw> {
        let flaw = &self.0.findings.first()?.flaw;
        let top = *self.0.code == codes::QUESTION_INVALID && codes::QUESTION_CODES.contains(&flaw.code);
        top.then_some(flaw)
    }

    fn fill(&self, text: &str) -> String {
        self.0.params.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

/// A finding as it stands in `errors`: a parameter is named, a place in the body is pointed at.
pub(crate) fn shown(Finding { pointer, flaw }: &Finding, lang: Lang) -> Value {
    let place = if pointer.is_empty() || pointer.starts_with('/') { "pointer" } else { "parameter" };
    let params: Map<String, Value> =
        flaw.params.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let hint = Some(flaw.hint(lang)).filter(|hint| !hint.is_empty());
    json!({
        place: pointer, "code": flaw.code.key, "params": params, "message": flaw.message(lang), "hint": hint,
    })
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The door writes a problem itself, from the error that the answer carries. Written here is only one that comes
    /// past it.
    fn error_response(&self) -> HttpResponse {
        match &self.0.spoken {
            Some((lang, id)) => {
                let mut answer = self.answer(*lang, id);
                if let Ok(id) = HeaderValue::from_str(id) {
                    answer.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
                }
                answer
            }
            None => HttpResponse::new(self.status_code()),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(findings) => Self::validation(findings),
            Failure::BadQuestion(finding) => Self::question(finding),
            Failure::TooExpensive { at, fast } => {
                let flaw = Flaw::new(&kehu_domain::codes::FILTER_SLOW).with("fast", fast);
                Self::new(&codes::TOO_EXPENSIVE).with_finding(at, flaw)
            }
            Failure::NotFound => Self::not_found(),
            Failure::Forbidden => Self::new(&codes::FORBIDDEN),
            Failure::RightMissing(Finding { pointer, flaw }) => {
                Self::new(&codes::FORBIDDEN).with_finding(&pointer, flaw)
            }
            Failure::Duplicate(existing) => duplicate(&existing),
            Failure::Exists(existing) => Self::new(&codes::RECORD_EXISTS).with_member("existing", met(&existing)),
            Failure::Conflict(conflicts) => version_conflict(&conflicts),
            Failure::KeyReused => Self::new(&codes::IDEMPOTENCY_KEY_REUSED),
            Failure::IdTaken | Failure::MadeBefore(_) => Self::new(&codes::ID_TAKEN),
            Failure::MatchesSeveral(known) => {
                let known: Vec<Value> = known.iter().map(known_record).map(Value::Object).collect();
                Self::new(&codes::MATCHES_SEVERAL).with_member("matches", known.into())
            }
            Failure::KeyBusy => Self::new(&codes::IDEMPOTENCY_KEY_BUSY).retry_after(BUSY_RETRY),
            Failure::RefusedBefore => Self::new(&codes::REFUSED_BEFORE),
            Failure::ReferenceFailed(name) => Self::new(&codes::REFERENCE_FAILED).with_param("name", name),
            Failure::NotUndoable => Self::new(&codes::JOB_NOT_UNDOABLE),
            Failure::SignIn(failure) => sign_in(failure),
            Failure::Limited(seconds) => Self::new(&codes::READ_LIMIT).retry_after(seconds),
            Failure::RevealLimited(seconds) => Self::new(&codes::REVEAL_LIMIT).retry_after(seconds),
            Failure::CompareLimited(seconds) => Self::new(&codes::COMPARE_LIMIT).retry_after(seconds),
            Failure::Overloaded(seconds) => Self::new(&codes::OVERLOADED).retry_after(seconds),
            Failure::FileTooLarge(max) => {
                let too_large = Self::new(&codes::FILE_TOO_LARGE).with_param("max", max);
                too_large.with_param("mebibytes", max / 1_048_576).closing()
            }
            Failure::FileTypeRefused { found, taken } => {
                let refused = Self::new(&codes::FILE_TYPE_REFUSED).with_param("found", found);
                refused.with_param("taken", taken.join(", ")).closing()
            }
            Failure::FileAway(text) => Self::new(&codes::FILE_AWAY).with_internal(text).retry_after(AWAY_RETRY),
            Failure::FormPaused => Self::new(&codes::FORM_PAUSED).retry_after(PAUSED_RETRY),
            Failure::JobEnded => Self::new(&codes::JOB_ENDED),
            Failure::SecondFactor(failure) => Self::new(match failure {
                FactorFailure::Active => &codes::SECOND_FACTOR_ACTIVE,
                FactorFailure::None => &codes::SECOND_FACTOR_NONE,
                FactorFailure::Own => &codes::SECOND_FACTOR_OWN,
            }),
            Failure::JobNotDead => Self::new(&codes::JOB_NOT_DEAD),
            Failure::SegmentUsed(flaw) => Self::new(&codes::SEGMENT_IN_USE).with_finding("", flaw),
            Failure::MergingElsewhere(into) => Self::new(&codes::MERGING_ELSEWHERE).with_param("into", into),
            Failure::ReviewClosed => Self::new(&codes::REVIEW_CLOSED),
            Failure::Engine(error) => engine(&error),
            Failure::Unreadable(error) => unreadable(&error),
            Failure::Sealing(text) => Self::internal(format!("sealing: {text}")),
            Failure::LeaseLost | Failure::TooLarge(_) | Failure::Rehearsed(_) => Self::internal(failure.to_string()),
            Failure::Internal(text) => Self::internal(text),
        }
    }
}

fn duplicate(existing: &Existing) -> Problem {
    let code = if existing.code == &kehu_domain::codes::EXTERNAL_ID_IN_USE {
        &codes::EXTERNAL_ID_TAKEN
    } else {
        &codes::DUPLICATE
    };
    let problem = Problem::new(code).with_member("existing", met(existing));
    problem.with_finding(&existing.pointer, Flaw::new(existing.code))
}

fn known_record(known: &KnownRecord) -> Map<String, Value> {
    let mut member = Map::new();
    member.insert("resource".into(), known.resource.as_str().into());
    member.insert("id".into(), known.id.to_string().into());
    member.insert("number".into(), known.number.as_deref().into());
    member.insert("name".into(), known.name.as_str().into());
    member
}

/// A record that a write met, as far as the caller may know of it.
pub(crate) fn met(existing: &Existing) -> Value {
    let Existing { state, claimable, known, beyond: _, pointer: _, code: _ } = existing;
    let mut member = known.as_ref().map(known_record).unwrap_or_default();
    member.insert("state".into(), (*state).into());
    member.insert("claimable".into(), (*claimable).into());
    Value::Object(member)
}

/// The client hears which field it is, the log where it lies: a list or a look-up may have met a row that is not the
/// client's to know.
fn unreadable(error: &CellError) -> Problem {
    let field = error.path().as_str();
    let problem = Problem::new(&codes::VALUE_UNREADABLE).with_param("field", field).with_member("field", field.into());
    problem.with_internal(error.to_string())
}

fn version_conflict(conflicts: &[FieldConflict]) -> Problem {
    let shown = conflicts.iter().map(|FieldConflict { field, yours, theirs, changed_by, changed_at }| {
        json!({
            "field": field, "yours": yours, "theirs": theirs, "changed_by": changed_by,
            "changed_at": changed_at.map(format_time),
        })
    });
    Problem::new(&codes::VERSION_CONFLICT).with_member("conflicts", shown.collect())
}

fn sign_in(failure: SignInFailure) -> Problem {
    Problem::new(match failure {
        SignInFailure::CredentialsWrong => &codes::CREDENTIALS_WRONG,
        SignInFailure::OrganisationRequired => &codes::ORGANISATION_REQUIRED,
        SignInFailure::AccountDisabled => &codes::ACCOUNT_DISABLED,
        SignInFailure::OtpRequired => &codes::OTP_REQUIRED,
        SignInFailure::OtpWrong => &codes::OTP_WRONG,
        SignInFailure::EnrolmentRequired => &codes::SECOND_FACTOR_ENROLMENT_REQUIRED,
        SignInFailure::External(failure) => match failure {
            ExternalFailure::StateUnknown => &codes::EXTERNAL_STATE_UNKNOWN,
            ExternalFailure::NotBelieved => &codes::EXTERNAL_NOT_BELIEVED,
            ExternalFailure::NoAccount | ExternalFailure::NotVouched => &codes::EXTERNAL_NO_ACCOUNT,
            ExternalFailure::NoRole => &codes::EXTERNAL_NO_ROLE,
            ExternalFailure::EmailUnverified => &codes::EXTERNAL_EMAIL_UNVERIFIED,
            ExternalFailure::EmailDomain => &codes::EXTERNAL_EMAIL_DOMAIN,
        },
        SignInFailure::SessionEnded => &codes::SESSION_ENDED,
        SignInFailure::PasswordChangeRequired => &codes::PASSWORD_CHANGE_REQUIRED,
        SignInFailure::AddressNotAllowed => &codes::ADDRESS_NOT_ALLOWED,
        SignInFailure::KeyInvalid => &codes::KEY_INVALID,
        SignInFailure::KeyRevoked => &codes::KEY_REVOKED,
        SignInFailure::KeyExpired => &codes::KEY_EXPIRED,
        SignInFailure::Throttled(seconds) => return Problem::rate_limited(seconds),
    })
}

fn engine(error: &EngineError) -> Problem {
    match error {
        // Rules that the store looks at itself and lost a race for: the repeated request meets what the other made.
        EngineError::Unique { .. } | EngineError::ForeignKey => Problem::new(&codes::CONFLICT).retry_after(BUSY_RETRY),
        EngineError::Busy | EngineError::LockTimeout | EngineError::QueueFull => {
            Problem::new(&codes::OVERLOADED).retry_after(BUSY_RETRY)
        }
        EngineError::Full => Problem::new(&codes::DISK_FULL),
        EngineError::ReadOnly => Problem::new(&codes::DATABASE_READ_ONLY).retry_after(AWAY_RETRY),
        EngineError::Unavailable | EngineError::Closed => Problem::new(&codes::UNAVAILABLE).retry_after(AWAY_RETRY),
        EngineError::TooExpensive => Problem::new(&codes::TOO_EXPENSIVE),
        // Their Display shows no SQL and no value.
        EngineError::Check | EngineError::Misuse(_) | EngineError::Other(_) => Problem::internal(error.to_string()),
    }
}

/// The problem of an answer that the framework gave by itself, by its status.
#[must_use]
pub fn of_status(status: u16) -> Problem {
    Problem::new(match status {
        401 => &codes::TOKEN_MISSING,
        403 => &codes::FORBIDDEN,
        404 => &codes::NOT_FOUND,
        405 => &codes::METHOD_NOT_ALLOWED,
        406 => &codes::NOT_ACCEPTABLE,
        408 => return Problem::new(&codes::REQUEST_TIMEOUT).with_param("seconds", crate::body::DEADLINE_SECONDS),
        413 => &codes::BODY_TOO_LARGE,
        415 => return Problem::new(&codes::MEDIA_TYPE_UNSUPPORTED).with_param("expected", "application/json"),
        503 => &codes::OVERLOADED,
        500.. => &codes::INTERNAL,
        _ => &codes::BAD_REQUEST,
    })
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
