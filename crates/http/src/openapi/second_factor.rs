//! The second factor in the description.

use super::operation::Guard;
use super::special::{Gives, Special, of};
use crate::problem_codes as codes;
use crate::routes::second_factor::{
    RecoveryCodes, SecondFactorAnswer, SecondFactorConfirmation, SecondFactorProof, SecondFactorRequest,
    SecondFactorSecret,
};

/// The operations.
pub(super) const OPERATIONS: &[Special] = &[
    Special {
        method: "get",
        path: "/v1/me/second_factor",
        id: "me_second_factor_get",
        tag: "sign_in",
        summary: "How does it stand with my second factor?",
        description: "Whether one is set up, and whether the role needs one.",
        guard: Guard::Token,
        parameters: &[],
        takes: None,
        gives: Gives::Body(200, of::<SecondFactorAnswer>(), "How it stands."),
        headers: &[],
        problems: &[],
    },
    Special {
        method: "post",
        path: "/v1/me/second_factor",
        id: "me_second_factor_begin",
        tag: "sign_in",
        summary: "Begin a second factor",
        description: "Gives the seed for an authenticator app (TOTP, RFC 6238). It waits 15 minutes to be confirmed, and \
                      asks nothing of a sign-in until then.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<SecondFactorRequest>()),
        gives: Gives::Body(201, of::<SecondFactorSecret>(), "The seed, shown this once."),
        headers: &[],
        problems: &[&codes::SECOND_FACTOR_ACTIVE, &codes::CONFLICT],
    },
    Special {
        method: "post",
        path: "/v1/me/second_factor/confirm",
        id: "me_second_factor_confirm",
        tag: "sign_in",
        summary: "Confirm a second factor",
        description: "The first code that the app shows. From now on signing in asks for one.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<SecondFactorConfirmation>()),
        gives: Gives::Body(200, of::<RecoveryCodes>(), "The recovery codes, shown this once."),
        headers: &[],
        problems: &[&codes::SECOND_FACTOR_NONE, &codes::CONFLICT],
    },
    Special {
        method: "post",
        path: "/v1/me/second_factor/recovery_codes",
        id: "me_second_factor_recovery_codes",
        tag: "sign_in",
        summary: "Make new recovery codes",
        description: "They take the place of all that there were.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<SecondFactorProof>()),
        gives: Gives::Body(200, of::<RecoveryCodes>(), "The recovery codes, shown this once."),
        headers: &[],
        problems: &[&codes::SECOND_FACTOR_NONE, &codes::CONFLICT],
    },
    Special {
        method: "delete",
        path: "/v1/me/second_factor",
        id: "me_second_factor_remove",
        tag: "sign_in",
        summary: "Remove one's second factor",
        description: "And its recovery codes. Where the role needs one, nothing works until the next is set up.",
        guard: Guard::Token,
        parameters: &["ChangeReason"],
        takes: Some(of::<SecondFactorProof>()),
        gives: Gives::Nothing(204, "There is none any more."),
        headers: &[],
        problems: &[&codes::SECOND_FACTOR_NONE, &codes::CONFLICT],
    },
    Special {
        method: "delete",
        path: "/v1/users/{id}/second_factor",
        id: "users_second_factor_reset",
        tag: "sign_in",
        summary: "Reset somebody's second factor",
        description: "For somebody who lost it, by whoever may change that user: it is removed with its recovery codes, and the \
                      user's sessions end.",
        guard: Guard::Token,
        parameters: &["RecordId", "ChangeReason"],
        takes: None,
        gives: Gives::Nothing(204, "There is none any more."),
        headers: &[],
        problems: &[&codes::FORBIDDEN, &codes::SECOND_FACTOR_OWN, &codes::NOT_FOUND, &codes::SECOND_FACTOR_NONE],
    },
];
