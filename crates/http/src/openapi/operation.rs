//! One operation of the description: the same shape for those of every kind and for the special ones.

use std::collections::BTreeMap;

use kehu_domain::codes::{PARAMETER_INVALID, PARAMETER_UNKNOWN};
use kehu_domain::flaw::{Code, Lang};
use serde_json::{Map, Value, json};

use super::examples;
use super::shapes::schema_ref;
use crate::deprecated::Deprecation;
use crate::problem::Problem;
use crate::problem_codes::{self as codes, ProblemCode};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Everybody: `security: []`.
    Public,
    /// Whoever holds an access token.
    Token,
    /// Whoever holds the public key of a form, in the header or in the address.
    FormKey,
}

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it comes.
    pub description: String,
    /// Its content type and schema; none for an empty answer.
    pub content: Option<(&'static str, Value)>,
    /// Names of shared headers.
    pub headers: &'static [&'static str],
}

impl Answer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, description: impl Into<String>, schema: Value) -> Self {
        Self { status, description: description.into(), content: Some(("application/json", schema)), headers: &[] }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), content: None, headers: &[] }
    }

    /// The same answer with more headers than every answer has.
    #[must_use]
    pub fn with_headers(mut self, headers: &'static [&'static str]) -> Self {
        self.headers = headers;
        self
    }

    fn to_value(&self, operation: &str, deprecated: &[&str]) -> Value {
        let mut headers = Map::new();
        for name in OF_ANSWERS.iter().chain(self.headers).chain(deprecated) {
            headers.insert((*name).into(), json!({ "$ref": format!("#/components/headers/{name}") }));
        }
        let mut answer = json!({ "description": self.description, "headers": headers });
        if let (Some((kind, schema)), Some(members)) = (&self.content, answer.as_object_mut()) {
            let mut media = json!({ "schema": schema });
            if let (Some(example), Some(media)) = (examples::answer(operation, self.status), media.as_object_mut()) {
                media.insert("example".into(), example.clone());
            }
            members.insert("content".into(), json!({ *kind: media }));
        }
        answer
    }
}

/// Headers that stand on every answer, as far as a client has something from them. Those of limits are missing where none
/// is set.
const OF_ANSWERS: &[&str] = &["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];

/// The request of examples.
const REQUEST: &str = "0190a3c47e1b7c3d8f005b1f0c2d3e4f";

/// What can be wrong with a token.
const OF_TOKENS: &[&ProblemCode] = &[
    &codes::TOKEN_MISSING,
    &codes::TOKEN_INVALID,
    &codes::TOKEN_EXPIRED,
    &codes::SESSION_ENDED,
    &codes::ACCOUNT_DISABLED,
    &codes::ADDRESS_NOT_ALLOWED,
    &codes::SECOND_FACTOR_ENROLMENT_REQUIRED,
    &codes::KEY_INVALID,
    &codes::KEY_REVOKED,
    &codes::KEY_EXPIRED,
    &codes::KEY_READS_ONLY,
    &codes::TOKEN_IN_ADDRESS,
    &codes::TICKET_INVALID,
];

/// What can be wrong with a ticket in the address.
const OF_TICKETS: &[&ProblemCode] = &[&codes::TICKET_EXPIRED];

/// What can be wrong with the key of a form.
const OF_FORM_KEYS: &[&ProblemCode] =
    &[&codes::TOKEN_MISSING, &codes::FORM_KEY_INVALID, &codes::ORIGIN_REFUSED, &codes::FORM_PAUSED];

/// What can be wrong with a body.
const OF_BODIES: &[&ProblemCode] = &[
    &codes::NOT_JSON,
    &codes::REQUEST_TIMEOUT,
    &codes::BODY_TOO_LARGE,
    &codes::MEDIA_TYPE_UNSUPPORTED,
    &codes::VALIDATION,
];

/// What can be wrong with any request.
const ALWAYS: &[&ProblemCode] = &[
    &codes::BAD_REQUEST,
    &codes::METHOD_OVERRIDE_INVALID,
    &codes::NOT_ACCEPTABLE,
    &codes::RATE_LIMITED,
    &codes::INTERNAL,
    &codes::OVERLOADED,
    &codes::UNAVAILABLE,
    &codes::SHUTTING_DOWN,
];

/// What can be wrong with the parameters of any request.
const OF_ADDRESSES: &[&Code] =
    &[&PARAMETER_UNKNOWN, &PARAMETER_INVALID, &codes::PARAMETER_TWICE, &codes::PARAMETER_ENCODING];

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The method, in lower case.
    pub method: &'static str,
    /// The path, with `{id}`.
    pub path: String,
    /// Its stable name: `customers_list`.
    pub id: String,
    /// The group it stands in.
    pub tag: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What is worth knowing.
    pub description: String,
    /// Who may call it.
    pub guard: Guard,
    /// Parameters, shared or its own.
    pub parameters: Vec<Value>,
    /// Content types and schema of the body.
    pub body: Option<(&'static [&'static str], Value)>,
    /// An example of the body.
    pub example: Option<Value>,
    /// Answers that are 2xx or 304.
    pub answers: Vec<Answer>,
    /// Situations in which it is not answered so.
    pub problems: Vec<&'static ProblemCode>,
    /// Whether it asks a question: a wrong one has its own code.
    pub asks: bool,
}

impl Operation {
    /// An operation for whoever is signed in, with nothing in it yet.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>, id: impl Into<String>, tag: &str) -> Self {
        Self {
            method,
            path: path.into(),
            id: id.into(),
            tag: tag.to_owned(),
            summary: String::new(),
            description: String::new(),
            guard: Guard::Token,
            parameters: Vec::new(),
            body: None,
            example: None,
            answers: Vec::new(),
            problems: Vec::new(),
            asks: false,
        }
    }

    /// Whether its address may be opened with a ticket.
    fn opens_by_ticket(&self) -> bool {
        self.guard == Guard::Token && self.method == "get"
    }

    /// Codes of every problem, by status: its own, and those of whatever is asked of the server.
    #[must_use]
    pub fn codes(&self) -> BTreeMap<u16, Vec<&'static str>> {
        let guard = match self.guard {
            Guard::Token => OF_TOKENS,
            Guard::FormKey => OF_FORM_KEYS,
            Guard::Public => &[],
        };
        let tickets = if self.opens_by_ticket() { OF_TICKETS } else { &[] };
        let body = if self.body.is_some() { OF_BODIES } else { &[] };
        // Whoever is signed in may say why, in a header.
        let reasoned = self.guard == Guard::Token && self.method != "get";
        let reason: &[&ProblemCode] = if reasoned { &[&codes::HEADER_INVALID] } else { &[] };
        let problems = self.problems.iter().chain(guard).chain(tickets).chain(body).chain(reason).chain(ALWAYS);
        let questions = if self.asks { codes::QUESTION_CODES } else { OF_ADDRESSES };
        let asked = self.asks.then_some(&codes::QUESTION_INVALID);
        let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
        let wrong = questions.iter().map(|code| (codes::QUESTION_INVALID.status, code.key));
        for (status, key) in problems.copied().chain(asked).map(|code| (code.status, code.key)).chain(wrong) {
            by_status.entry(status).or_default().push(key);
        }
        for keys in by_status.values_mut() {
            keys.sort_unstable();
            keys.dedup();
        }
        by_status
    }

    /// The operation object; error answers are shared and named in `responses`.
    pub(super) fn to_value(&self, responses: &mut Map<String, Value>, deprecated: Option<&Deprecation>) -> Value {
        let mut answers = Map::new();
        let told: &[&str] = if deprecated.is_some() { &["Deprecation", "Sunset"] } else { &[] };
        for answer in &self.answers {
            answers.insert(answer.status.to_string(), answer.to_value(&self.id, told));
        }
        for (status, keys) in self.codes() {
            let name = response_name(status, &keys);
            responses.entry(&name).or_insert_with(|| problem_answer(status, &keys));
            answers.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        }
        let security = match self.guard {
            Guard::Public => json!([]),
            Guard::Token if self.opens_by_ticket() => json!([{ "bearer": [] }, { "ticket": [] }]),
            Guard::Token => json!([{ "bearer": [] }]),
            Guard::FormKey => json!([{ "form_key": [] }, { "form_key_parameter": [] }]),
        };
        let mut operation = json!({
            "operationId": self.id, "tags": [self.tag], "summary": self.summary, "description": self.description,
            "security": security,
        });
        let Some(members) = operation.as_object_mut() else { return operation };
        let language = std::iter::once(parameter_ref("AcceptLanguage"));
        members.insert("parameters".into(), self.parameters.iter().cloned().chain(language).collect());
        if let Some((kinds, schema)) = &self.body {
            let mut media = json!({ "schema": schema });
            if let (Some(example), Some(media)) = (&self.example, media.as_object_mut()) {
                media.insert("example".into(), example.clone());
            }
            let content: Map<String, Value> = kinds.iter().map(|kind| ((*kind).to_owned(), media.clone())).collect();
            members.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
        members.insert("responses".into(), answers.into());
        if let Some(deprecated) = deprecated {
            members.insert("deprecated".into(), true.into());
            members.insert("description".into(), format!("{} {}", self.description, deprecated.words()).into());
        }
        operation
    }
}

/// The name of a shared error answer: its status and codes; `question_invalid` stands for all codes of questions.
fn response_name(status: u16, keys: &[&str]) -> String {
    let of_questions = |key: &str| codes::QUESTION_CODES.iter().any(|code| code.key == key);
    let keys: Vec<&str> = keys.iter().copied().filter(|key| !of_questions(key)).collect();
    format!("{status}.{}", keys.join("."))
}

fn problem_answer(status: u16, keys: &[&str]) -> Value {
    let titles: Vec<String> = keys
        .iter()
        .filter_map(|key| codes::PROBLEM_CODES.iter().find(|code| code.key == *key))
        .map(|code| format!("`{}`: {}.", code.key, code.title_en))
        .collect();
    let mut headers = Map::new();
    let retry = matches!(status, 409 | 429 | 503).then_some("Retry-After");
    for name in OF_ANSWERS.iter().copied().chain(retry) {
        headers.insert(name.into(), json!({ "$ref": format!("#/components/headers/{name}") }));
    }
    let narrowed = json!({ "allOf": [
        schema_ref("Problem"),
        { "type": "object", "properties": {
            "status": { "type": "integer", "enum": [status], "description": "The status of the answer." },
            "code": { "type": "string", "enum": keys, "description": "What programs compare." },
        } },
    ] });
    json!({
        "description": titles.join(" "),
        "headers": headers,
        "content": { "application/problem+json": { "schema": narrowed, "example": example(status, keys) } },
    })
}

/// A problem as the program writes it: the first of the codes that needs no more to be said.
fn example(status: u16, keys: &[&str]) -> Value {
    let of_status = || codes::PROBLEM_CODES.iter().filter(|code| code.status == status && keys.contains(&code.key));
    let whole = of_status().find(|code| !code.detail_en.contains('{'));
    let problem = whole.or_else(|| of_status().next()).map(|code| Problem::new(code));
    problem.map(|problem| problem.body(Lang::En, REQUEST)).unwrap_or_default()
}

/// A pointer to a shared parameter.
pub(super) fn parameter_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}
