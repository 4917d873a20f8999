//! Keys of programs (`sk_…`, with a role of their own) and personal tokens (`pat_…`, in a user's name): shown once,
//! stored as hashes, told apart later by their last characters.

mod addresses;
mod admit;
mod doors;
mod fields;
mod make;
mod personal;
mod show;

use uuid::Uuid;

use crate::entities::api_key;

pub(crate) use admit::InUse;
pub use doors::{KeyChange, KeyPage, change, get, list, revoke};
pub(crate) use doors::{with_any_role, with_role};
pub use make::{Made, NewKey, make};
pub(crate) use personal::revoke_personal;
pub use personal::{NewToken, make_token, revoke_token, tokens};
pub use show::KeyInfo;

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A program, with a role.
    Server,
    /// A program, in a user's own name.
    Personal,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Server, Self::Personal];

    /// As stored and shown.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Personal => "personal",
        }
    }
}

/// What a personal token is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Whatever the user may do.
    #[default]
    Full,
    /// Reading what the user may read.
    Read,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Full, Self::Read];

    /// As stored and shown.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
        }
    }
}

/// How a key is called in the journal.
fn about(row: &api_key::Model) -> Option<(&'static str, Uuid)> {
    Some(("api_key", row.id))
}
