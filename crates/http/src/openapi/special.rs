//! Operations that are not those of every kind. To describe one more: one entry in [`SPECIAL`]; the schemas of its
//! bodies come from the structs that its handler reads and writes.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::credentials;
use super::operation::{Answer, Guard, Operation, parameter_ref};
use super::shapes::schema_ref;
use super::{external, second_factor};
use crate::problem_codes::{self as codes, ProblemCode};
use crate::routes::told::LoginAnswer;
use crate::routes::types::{
    HealthAnswer, InvitationRequest, LoginRequest, LookupAnswer, LookupRequest, MeAnswer, PasswordRequest, Reference,
    RefreshRequest, SessionsAnswer, TokenAnswer,
};

/// Groups of special operations, with what they are about.
pub(super) const TAGS: &[(&str, &str)] = &[
    ("sign_in", "Signing in, staying signed in, and who one is."),
    ("organisation", "Who the organisation is, and what it lays down for itself."),
    ("identity_providers", "Who else the organisation lets say who somebody is."),
    ("keys", "Keys of programs, personal tokens, and addresses that open by themselves."),
    ("submissions", "What comes in through forms, and what became of it."),
    ("audit", "The organisation's log: who did what, and was let do it or not."),
    ("access_reviews", "Who may do what, looked through and decided on."),
    ("schema", "What records are made of, for whoever draws forms."),
    ("batch", "Several things to several records in one request."),
    ("jobs", "What is done later, how far it is, and what became of it."),
    ("counts", "How many records several questions select."),
    ("lookup", "Whose phone number, e-mail, WeChat id, ID number or bank account is this?"),
    ("vocabularies", "What pages pick from: industries and regions."),
    ("service", "Whether the program runs, and how to use it."),
];

/// The type of a body: how it is called, and how its schema and those it uses are found.
#[derive(Clone, Copy)]
pub(super) struct Type {
    name: fn() -> String,
    collect: fn(&mut Vec<(String, RefOr<Schema>)>),
}

/// The body that a struct says.
pub(super) const fn of<T: ToSchema>() -> Type {
    Type {
        name: || T::name().into_owned(),
        collect: |all| {
            all.push((T::name().into_owned(), T::schema()));
            T::schemas(all);
        },
    }
}

/// What an operation answers when it does what was asked.
pub(super) enum Gives {
    /// A struct as JSON.
    Body(u16, Type, &'static str),
    /// Nothing but a status.
    Nothing(u16, &'static str),
    /// Something that has no struct here.
    Other(u16, &'static str, fn() -> Value, &'static str),
}

/// An operation that is not one of every kind.
pub(super) struct Special {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) guard: Guard,
    /// Names of shared parameters.
    pub(super) parameters: &'static [&'static str],
    pub(super) takes: Option<Type>,
    pub(super) gives: Gives,
    pub(super) headers: &'static [&'static str],
    pub(super) problems: &'static [&'static ProblemCode],
}

const SPECIAL: &[Special] = &[
    Special {
        method: "post",
        path: "/v1/auth/login",
        id: "auth_login",
        tag: "sign_in",
        summary: "Sign in",
        description: "Begins a session. A wrong name, a wrong password and a locked account are answered alike. Where a \
                      second factor is set up, the right password without `otp` is `otp_required`: send both. After \
                      `password_change_required` the same request with `new_password` changes the password and signs in. \
                      With `\"transport\": \"cookie\"` the refresh token comes as the cookie `__Host-kehu_refresh` \
                      (HttpOnly, Secure, SameSite=Strict) to a page of this server's origin or of a configured one.",
        guard: Guard::Public,
        parameters: &[],
        takes: Some(of::<LoginRequest>()),
        gives: Gives::Body(200, of::<LoginAnswer>(), "The tokens of a new session, and what was before it."),
        headers: &[],
        problems: &[
            &codes::CREDENTIALS_WRONG,
            &codes::OTP_REQUIRED,
            &codes::OTP_WRONG,
            &codes::ORGANISATION_REQUIRED,
            &codes::ACCOUNT_DISABLED,
            &codes::PASSWORD_CHANGE_REQUIRED,
            &codes::ADDRESS_NOT_ALLOWED,
            &codes::ORIGIN_REFUSED,
        ],
    },
    Special {
        method: "post",
        path: "/v1/auth/refresh",
        id: "auth_refresh",
        tag: "sign_in",
        summary: "Refresh the access token",
        description: "A refresh token is good once. Within 30 seconds, and until its successor is used, the previous one \
                      gives the same successor again; anything older ends the session. Without one in the body the \
                      cookie counts, which must come from a page of this server's origin or of a configured one.",
        guard: Guard::Public,
        parameters: &[],
        takes: Some(of::<RefreshRequest>()),
        gives: Gives::Body(200, of::<TokenAnswer>(), "New tokens of the same session."),
        headers: &[],
        problems: &[
            &codes::SESSION_ENDED,
            &codes::ACCOUNT_DISABLED,
            &codes::ADDRESS_NOT_ALLOWED,
            &codes::ORIGIN_REFUSED,
        ],
    },
    Special {
        method: "post",
        path: "/v1/auth/logout",
        id: "auth_logout",
        tag: "sign_in",
        summary: "Sign out",
        description: "Ends the session of the access token at once; where it has ended already, that is fine. Without one the \
                      refresh token of the cookie says which. The cookie is taken away.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Nothing(204, "The session has ended."),
        headers: &[],
        problems: &[&codes::ORIGIN_REFUSED],
    },
    Special {
        method: "post",
        path: "/v1/auth/accept_invitation",
        id: "auth_accept_invitation",
        tag: "sign_in",
        summary: "Accept an invitation",
        description: "Sets the password of a user who was made without one. An invitation works once, within seven days.",
        guard: Guard::Public,
        parameters: &[],
        takes: Some(of::<InvitationRequest>()),
        gives: Gives::Nothing(204, "The password is set: sign in with it."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "get",
        path: "/v1/me",
        id: "me_get",
        tag: "sign_in",
        summary: "Who am I?",
        description: "The user, the organisation, and what may be done there. A program with a key of its own has no user.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<MeAnswer>(), "The caller."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "post",
        path: "/v1/me/password",
        id: "me_password",
        tag: "sign_in",
        summary: "Change one's password",
        description: "Ends the user's other sessions. Only in a session: a personal token changes no password.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<PasswordRequest>()),
        gives: Gives::Nothing(204, "The password is changed."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "get",
        path: "/v1/me/sessions",
        id: "me_sessions_list",
        tag: "sign_in",
        summary: "List one's sessions",
        description: "Those that have not ended, 500 at most.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<SessionsAnswer>(), "The sessions, the newest first."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "delete",
        path: "/v1/me/sessions/{id}",
        id: "me_sessions_delete",
        tag: "sign_in",
        summary: "End one of one's sessions",
        description: "Its tokens are refused at once, within a second by other servers.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The session has ended."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "post",
        path: "/v1/lookup",
        id: "lookup",
        tag: "lookup",
        summary: "Who is calling?",
        description: "Finds records of every kind by a phone number, an e-mail address, a WeChat id, an ID number or a bank account.",
        guard: Guard::Token,
        parameters: &[],
        takes: Some(of::<LookupRequest>()),
        gives: Gives::Body(200, of::<LookupAnswer>(), "What was found; perhaps nothing."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::READ_LIMIT, &codes::COMPARE_LIMIT],
    },
    Special {
        method: "get",
        path: "/.well-known/jwks.json",
        id: "jwks_get",
        tag: "service",
        summary: "Keys that sign access tokens",
        description: "A JSON Web Key set (RFC 7517), for servers that check tokens themselves.",
        guard: Guard::Public,
        parameters: &[],
        takes: None,
        gives: Gives::Other(200, "application/json", jwks, "The public keys."),
        headers: &["Cache-Control"],
        problems: &[],
    },
    Special {
        method: "get",
        path: "/healthz",
        id: "health_get",
        tag: "service",
        summary: "Does it run?",
        description: "Answers as long as the program runs.",
        guard: Guard::Public,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<HealthAnswer>(), "It runs."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "get",
        path: "/readyz",
        id: "ready_get",
        tag: "service",
        summary: "Is it ready?",
        description: "Answers 503 while the database is away or the program is shutting down.",
        guard: Guard::Public,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<HealthAnswer>(), "It takes requests."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "get",
        path: "/openapi.json",
        id: "description_get",
        tag: "service",
        summary: "This description",
        description: "OpenAPI 3.1. With `view=organisation` and a token, `custom` has the fields that the organisation \
                      added.",
        guard: Guard::Public,
        parameters: &["View", "IfNoneMatch"],
        takes: None,
        gives: Gives::Other(200, "application/json", || json!({ "type": "object" }), "The description."),
        headers: &["Cache-Control", "ETag"],
        problems: &[&codes::TOKEN_MISSING, &codes::TOKEN_INVALID, &codes::TOKEN_EXPIRED, &codes::SESSION_ENDED],
    },
    Special {
        method: "get",
        path: "/docs",
        id: "docs_get",
        tag: "service",
        summary: "The documentation page",
        description: "Shows this description to people; loads nothing from outside.",
        guard: Guard::Public,
        parameters: &[],
        takes: None,
        gives: Gives::Other(200, "text/html", || json!({ "type": "string" }), "The page."),
        headers: &["Cache-Control"],
        problems: &[],
    },
];

fn jwks() -> Value {
    let text = |doc: &str| json!({ "type": "string", "description": doc });
    json!({
        "type": "object",
        "description": "A set of public keys.",
        "properties": { "keys": { "type": "array", "description": "The keys, the newest first.", "items": {
            "type": "object",
            "description": "An Ed25519 key (RFC 8037).",
            "properties": {
                "kty": text("`OKP`."), "crv": text("`Ed25519`."), "x": text("The key, base64url."),
                "kid": text("Its id, as in a token's header."), "use": text("`sig`."), "alg": text("`EdDSA`."),
            },
            "required": ["kty", "crv", "x", "kid"],
        } } },
        "required": ["keys"],
    })
}

/// Those of this file and of its siblings.
fn all() -> impl Iterator<Item = &'static Special> {
    [SPECIAL, second_factor::OPERATIONS, external::OPERATIONS, credentials::SPECIAL].into_iter().flatten()
}

/// The special operations.
pub(super) fn operations() -> impl Iterator<Item = Operation> {
    all().map(|special| Operation {
        method: special.method,
        path: special.path.to_owned(),
        id: special.id.to_owned(),
        tag: special.tag.to_owned(),
        summary: special.summary.to_owned(),
        description: special.description.to_owned(),
        guard: special.guard,
        parameters: special.parameters.iter().map(|name| parameter_ref(name)).collect(),
        body: special.takes.map(|body| (&["application/json"][..], schema_ref(&(body.name)()))),
        example: None,
        answers: answers(special),
        problems: special.problems.to_vec(),
        asks: false,
    })
}

/// Its answer, and the one to whoever has that already, where it has a tag.
fn answers(special: &Special) -> Vec<Answer> {
    let known = special.headers.contains(&"ETag") && special.parameters.contains(&"IfNoneMatch");
    let same = known.then(|| Answer::empty(304, "It is what the given ETag stands for.").with_headers(special.headers));
    std::iter::once(answer(&special.gives).with_headers(special.headers)).chain(same).collect()
}

fn answer(gives: &Gives) -> Answer {
    match gives {
        Gives::Body(status, body, text) => Answer::json(*status, *text, schema_ref(&(body.name)())),
        Gives::Nothing(status, text) => Answer::empty(*status, *text),
        Gives::Other(status, kind, schema, text) => {
            Answer { content: Some((kind, schema())), ..Answer::empty(*status, *text) }
        }
    }
}

/// Schemas of every struct that a special operation reads or writes, and of those that records share with them.
pub(super) fn schemas() -> Map<String, Value> {
    let taken = all().filter_map(|special| special.takes);
    let given = all().filter_map(|special| match special.gives {
        Gives::Body(_, body, _) => Some(body),
        _ => None,
    });
    let mut all = Vec::new();
    for body in taken.chain(given).chain([of::<Reference>()]) {
        (body.collect)(&mut all);
    }
    let tidy = |(name, schema)| {
        let mut schema = json!(schema);
        tidy(&mut schema);
        (name, schema)
    };
    all.into_iter().map(tidy).collect()
}

/// Says derived schemas the way the others are said: `examples` in a list, and the sentence about a struct that may be
/// null beside the choice instead of in it.
pub(super) fn tidy(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut() {
        if let Some(example) = members.remove("example") {
            members.insert("examples".into(), json!([example]));
        }
        let choices = members.get_mut("oneOf").and_then(Value::as_array_mut);
        let null = json!({ "type": "null" });
        let said = choices.filter(|choices| choices.contains(&null)).and_then(|choices| {
            choices.iter_mut().filter_map(Value::as_object_mut).find_map(|choice| choice.remove("description"))
        });
        if let Some(said) = said {
            members.insert("description".into(), said);
        }
        members.values_mut().for_each(tidy);
    }
    if let Some(items) = schema.as_array_mut() {
        items.iter_mut().for_each(tidy);
    }
}
