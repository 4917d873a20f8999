//! Sessions of others, keys of programs, personal tokens and tickets in the description.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Guard, Operation, parameter_ref};
use super::shapes::{schema_ref, whole};
use super::special::{Gives, Special, of};
use crate::problem_codes as codes;
use crate::routes::key_types::{
    ApiKey, ApiKeyCreated, KeyPatch, KeyRequest, PersonalTokenRequest, PersonalTokens, TicketAnswer, TicketRequest,
};
use crate::routes::types::SessionsAnswer;

pub(super) const SPECIAL: &[Special] = &[
    Special {
        method: "delete",
        path: "/v1/me/sessions",
        id: "me_sessions_delete_others",
        tag: "sign_in",
        summary: "End one's other sessions",
        description: "Every one but the one that asks.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The other sessions have ended."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "get",
        path: "/v1/users/{id}/sessions",
        id: "users_sessions_list",
        tag: "sign_in",
        summary: "List a user's sessions",
        description: "For who may change the user. Those that have not ended, 500 at most.",
        guard: Guard::Token,
        parameters: &["RecordId"],
        takes: None,
        gives: Gives::Body(200, of::<SessionsAnswer>(), "The sessions, the newest first."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "delete",
        path: "/v1/users/{id}/sessions",
        id: "users_sessions_delete_all",
        tag: "sign_in",
        summary: "End a user's sessions",
        description: "For who may change the user. Of one's own sessions the one that asks is left.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The sessions have ended."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "delete",
        path: "/v1/users/{id}/sessions/{session_id}",
        id: "users_sessions_delete",
        tag: "sign_in",
        summary: "End one of a user's sessions",
        description: "For who may change the user. Its tokens are refused at once, within a second by other servers.",
        guard: Guard::Token,
        parameters: &["RecordId", "SessionId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The session has ended."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "post",
        path: "/v1/api_keys",
        id: "api_keys_create",
        tag: "keys",
        summary: "Make a key for a program",
        description: "A key has a role of its own and belongs to no user and no team. It is shown this once; only its hash is \
                      stored. Only in a session, with the right `keys.manage`.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<KeyRequest>()),
        gives: Gives::Body(201, of::<ApiKeyCreated>(), "The key, shown this once."),
        headers: &["Location"],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "get",
        path: "/v1/api_keys/{id}",
        id: "api_keys_get",
        tag: "keys",
        summary: "Get a key",
        description: "What is known of a key, not the key. With the right `keys.manage`.",
        guard: Guard::Token,
        parameters: &["RecordId"],
        takes: None,
        gives: Gives::Body(200, of::<ApiKey>(), "The key without its secret."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "patch",
        path: "/v1/api_keys/{id}",
        id: "api_keys_update",
        tag: "keys",
        summary: "Change a key",
        description: "Its name, or when it ends; another role needs another key. Only in a session, with the right \
                      `keys.manage`.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: Some(of::<KeyPatch>()),
        gives: Gives::Body(200, of::<ApiKey>(), "The key without its secret."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "delete",
        path: "/v1/api_keys/{id}",
        id: "api_keys_delete",
        tag: "keys",
        summary: "Revoke a key",
        description: "Of a program or of a user. It is refused at once, within a second by other servers, and stays in the list. \
                      With the right `keys.manage`.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The key is revoked."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "get",
        path: "/v1/me/tokens",
        id: "me_tokens_list",
        tag: "keys",
        summary: "List one's personal tokens",
        description: "Those that were not revoked.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<PersonalTokens>(), "The tokens without their secrets, the newest first."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "post",
        path: "/v1/me/tokens",
        id: "me_tokens_create",
        tag: "keys",
        summary: "Make a personal token",
        description: "For scripts that act in one's name, with what one may do at that moment, or only reading. It is shown this \
                      once. It changes no password and no second factor, ends no session, and makes no token, key or ticket. Only in a session.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<PersonalTokenRequest>()),
        gives: Gives::Body(201, of::<ApiKeyCreated>(), "The token, shown this once."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "delete",
        path: "/v1/me/tokens/{id}",
        id: "me_tokens_delete",
        tag: "keys",
        summary: "Revoke a personal token",
        description: "It is refused at once, within a second by other servers. A token may revoke itself, and no other.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "The token is revoked."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "post",
        path: "/v1/tickets",
        id: "tickets_create",
        tag: "keys",
        summary: "Make an address open by itself",
        description: "For an image, a download, an EventSource, which can set no header. The address opens with GET for five \
                      minutes, to what the session may see at that moment; nothing else does. Only in a session.",
        guard: Guard::Token,
        parameters: &[],
        takes: Some(of::<TicketRequest>()),
        gives: Gives::Body(200, of::<TicketAnswer>(), "The address with its ticket."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
];

/// Operations that say more than the others.
pub(super) fn operations() -> Vec<Operation> {
    let mut list = Operation::new("get", "/v1/api_keys", "api_keys_list", "keys");
    list.summary = "List keys".into();
    list.description =
        "Those of programs and of users, the newest first, revoked ones too. With the right `keys.manage`.".into();
    let filter = json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Only those of a kind: `filter[kind]=server`.",
        "schema": { "type": "object", "additionalProperties": false, "properties": { "kind": {
            "type": "string", "description": "Whether it is a program's or a user's.", "enum": ["server", "personal"],
        } } },
    });
    list.parameters = vec![filter, parameter_ref("Limit"), parameter_ref("After")];
    list.answers = vec![Answer::json(200, "A page of keys.", schema_ref("ApiKeyPage"))];
    list.problems = vec![&codes::FORBIDDEN];
    list.asks = true;
    vec![list]
}

/// Schemas of what has no struct.
pub(super) fn schemas() -> Map<String, Value> {
    let page = json!({
        "data": { "type": "array", "items": schema_ref("ApiKey"), "description": "The keys." },
        "page": schema_ref("PageInfo"),
    });
    Map::from_iter([("ApiKeyPage".to_owned(), whole("A page of keys.", page))])
}
