//! A key as it is shown after it was made.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::entities::api_key;
use crate::gate::Caller;

use super::{addresses, fields};

/// What is shown of a key. The key itself is nowhere any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: Uuid,
    /// `server` or `personal`.
    pub kind: String,
    /// What people call the program.
    pub name: String,
    /// The beginning and the end of the key: `sk_…A1b2`.
    pub hint: String,
    /// How it stands: `active`, `expired` or `revoked`.
    pub state: &'static str,
    /// The role of a program's key.
    pub role: Option<String>,
    /// The fields that a program's key is limited to.
    pub fields: Option<Vec<String>>,
    /// The addresses and networks that a program's key may be used from.
    pub addresses: Option<Vec<String>>,
    /// The user of a personal token, and the name.
    pub user: Option<(Uuid, Option<String>)>,
    /// What a personal token is good for: `full` or `read`.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it, and the name.
    pub creator: Option<(Uuid, Option<String>)>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl KeyInfo {
    pub(crate) fn of(caller: &Caller, row: api_key::Model) -> Self {
        let named = |id: Uuid| (id, caller.org().name_of(id).map(|name| name.name.clone()));
        let state = match (row.revoked_at, row.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(expires)) if expires <= caller.gate().now() => "expired",
            _ => "active",
        };
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            hint: row.hint,
            state,
            role: row.role,
            fields: fields::stored(row.fields.as_deref()),
            addresses: addresses::stored(row.addresses.as_deref()).as_ref().map(addresses::shown),
            user: row.user_id.map(named),
            scope: row.scope,
            created_at: row.created_at,
            creator: row.created_by.map(named),
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        }
    }
}
