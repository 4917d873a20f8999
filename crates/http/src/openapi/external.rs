//! Company sign-in in the description.

use serde_json::{Value, json};

use super::operation::Guard;
use super::special::{Gives, Special, of};
use crate::problem_codes::{self as codes, ProblemCode};
use crate::routes::external_types::{
    ExternalRequest, ExternalStartAnswer, ExternalStartRequest, IdentityProviderAnswer, IdentityProviderInput,
    IdentityProviderPatch, IdentityProvidersAnswer,
};
use crate::routes::told::LoginAnswer;

/// Why somebody whom a provider vouches for is not let in.
const NOT_LET_IN: &[&ProblemCode] = &[
    &codes::QUESTION_INVALID,
    &codes::ORIGIN_REFUSED,
    &codes::EXTERNAL_STATE_UNKNOWN,
    &codes::EXTERNAL_NOT_BELIEVED,
    &codes::EXTERNAL_NO_ACCOUNT,
    &codes::EXTERNAL_NO_ROLE,
    &codes::EXTERNAL_EMAIL_UNVERIFIED,
    &codes::EXTERNAL_EMAIL_DOMAIN,
    &codes::ACCOUNT_DISABLED,
    &codes::CONFLICT,
    &codes::IDENTITY_PROVIDER_UNAVAILABLE,
];

/// The operations.
pub(super) const OPERATIONS: &[Special] = &[
    Special {
        method: "post",
        path: "/v1/auth/external/start",
        id: "auth_external_start",
        tag: "sign_in",
        summary: "Begin to sign in by the company's provider",
        description: "Gives the address to send the browser to (OpenID Connect, code flow with PKCE). It can be finished once, \
                      within ten minutes, by who began it.",
        guard: Guard::Public,
        parameters: &[],
        takes: Some(of::<ExternalStartRequest>()),
        gives: Gives::Body(200, of::<ExternalStartAnswer>(), "Where to go."),
        headers: &[],
        problems: &[&codes::NOT_FOUND, &codes::IDENTITY_PROVIDER_UNAVAILABLE],
    },
    Special {
        method: "post",
        path: "/v1/auth/external",
        id: "auth_external",
        tag: "sign_in",
        summary: "Sign in by the company's provider",
        description: "For pages and apps that the provider sends back to: takes the `state` and the `code` that came along, and \
                      the `proof` of the beginning. No second factor is asked for.",
        guard: Guard::Public,
        parameters: &[],
        takes: Some(of::<ExternalRequest>()),
        gives: Gives::Body(200, of::<LoginAnswer>(), "The tokens of a new session, and what was before it."),
        headers: &[],
        problems: NOT_LET_IN,
    },
    Special {
        method: "get",
        path: "/v1/auth/external/callback",
        id: "auth_external_callback",
        tag: "sign_in",
        summary: "Come back from the company's provider",
        description: "Where the provider may send the browser back to: does the same with `state` and `code` of the address and \
                      the proof of the cookie. Further parameters (`iss` is looked at) are left alone.",
        guard: Guard::Public,
        parameters: &["ExternalState", "ExternalCode"],
        takes: None,
        gives: Gives::Body(200, of::<LoginAnswer>(), "The tokens of a new session, and what was before it."),
        headers: &[],
        problems: NOT_LET_IN,
    },
    Special {
        method: "get",
        path: "/v1/identity_providers",
        id: "identity_providers_list",
        tag: "identity_providers",
        summary: "List identity providers",
        description: "With the right `settings.manage`.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<IdentityProvidersAnswer>(), "The providers."),
        headers: &[],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "post",
        path: "/v1/identity_providers",
        id: "identity_providers_create",
        tag: "identity_providers",
        summary: "Make an identity provider",
        description: "With the rights `settings.manage` and to change every user, and `rights.grant` where it gives roles; 20 \
                      at most. People with a right about no record sign in by it only where whoever laid it down has \
                      `rights.grant`.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<IdentityProviderInput>()),
        gives: Gives::Body(201, of::<IdentityProviderAnswer>(), "The provider."),
        headers: &["Location"],
        problems: &[&codes::FORBIDDEN],
    },
    Special {
        method: "get",
        path: "/v1/identity_providers/{id}",
        id: "identity_providers_get",
        tag: "identity_providers",
        summary: "Get an identity provider",
        description: "With the right `settings.manage`. The secret is never shown.",
        guard: Guard::Token,
        parameters: &["RecordId"],
        takes: None,
        gives: Gives::Body(200, of::<IdentityProviderAnswer>(), "The provider."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "patch",
        path: "/v1/identity_providers/{id}",
        id: "identity_providers_update",
        tag: "identity_providers",
        summary: "Change an identity provider",
        description: "A merge patch, with the right `settings.manage`. The secret stays where nothing is said of it.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: Some(of::<IdentityProviderPatch>()),
        gives: Gives::Body(200, of::<IdentityProviderAnswer>(), "The provider."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
    Special {
        method: "delete",
        path: "/v1/identity_providers/{id}",
        id: "identity_providers_delete",
        tag: "identity_providers",
        summary: "Delete an identity provider",
        description: "With the right `settings.manage`: with what is known of who is whom there. The sessions that it began end.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "It is gone."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::NOT_FOUND],
    },
];

/// Parameters of the callback: their names in the list, in the address, and what they are.
pub(super) const PARAMETERS: &[(&str, &str, &str)] =
    &[("ExternalState", "state", "What the beginning gave."), ("ExternalCode", "code", "What the provider gave.")];

/// The schema of such a parameter.
pub(super) fn parameter() -> Value {
    json!({ "type": "string" })
}
