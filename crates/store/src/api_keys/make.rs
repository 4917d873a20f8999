//! Making a key for a program.

use chrono::{DateTime, Utc};
use kehu_domain::address::Networks;
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Right;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;

use crate::crypto::token::{Token, TokenKind};
use crate::entities::api_key;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::Entry;
use crate::ops::roles;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::show::KeyInfo;
use super::{KeyKind, about, addresses, fields};

/// How many of a key's last characters are shown later.
const SHOWN: usize = 4;

/// A key as somebody asks for it.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call the program.
    pub name: String,
    /// The key of its role.
    pub role: String,
    /// The fields that it is limited to, `customer.phones`; without them it has those of its role.
    pub fields: Option<Vec<String>>,
    /// The addresses and networks that it may be used from; from anywhere without them.
    pub addresses: Option<Vec<String>>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was made just now.
pub struct Made {
    /// What is shown of it later.
    pub info: KeyInfo,
    /// The key, which nobody is shown again.
    pub token: Token,
}

/// Makes a key for a program. Only somebody who signed in does: a key that makes keys could not be taken back.
///
/// # Errors
/// [`Failure::Forbidden`] without the right `keys.manage`; [`Failure::Refused`] with `/role` or `/expires_at`.
pub async fn make(caller: &Caller, asked: NewKey) -> Result<Made, Failure> {
    noting(caller, Refusal::to("api_key", "create"), making(caller, asked)).await
}

async fn making(caller: &Caller, asked: NewKey) -> Result<Made, Failure> {
    let (user, _) = caller.signed_in()?;
    super::doors::may_manage(caller)?;
    let NewKey { name, role, fields, addresses, expires_at } = asked;
    let unknown = fields::check(fields.as_deref().unwrap_or_default());
    if !unknown.is_empty() {
        return Err(Failure::Refused(unknown));
    }
    let addresses = addresses.as_deref().map(addresses::parse).transpose()?;
    in_future(caller, expires_at)?;
    let draft = Draft {
        kind: KeyKind::Server,
        name,
        role: Some(role.clone()),
        fields,
        addresses,
        user: None,
        scope: None,
        expires_at,
    };
    caller
        .write(async move |tx: &Tx<'_>| {
            // Who deletes a role looks first whether somebody has it.
            tx.lock("users").await?;
            may_give(tx, user, &role).await?;
            draft.insert(tx).await
        })
        .await
}

/// Whether the caller may give a key that role: any, or without the right to give rights one of the own.
async fn may_give(tx: &Tx<'_>, user: uuid::Uuid, role: &str) -> Result<(), Failure> {
    let Some(rights) = roles::find(tx, role).await? else {
        return Err(Failure::refused("/role", roles::unknown(tx, role)));
    };
    let caller = tx.caller();
    let own = caller.org().users.get(&user).is_some_and(|person| person.roles.iter().any(|own| own == role));
    if !own && caller.may(Right::RightsGrant).is_err() {
        return Err(Failure::refused("/role", Flaw::new(&codes::KEY_ROLE_NOT_OWN)));
    }
    // The key is shown to whoever makes it.
    roles::refuse_together(caller, &rights, std::iter::once(role), "/role")
}

/// Refuses a time that is over.
pub(super) fn in_future(caller: &Caller, expires_at: Option<DateTime<Utc>>) -> Result<(), Failure> {
    match expires_at {
        Some(time) if time <= caller.gate().now() => {
            Err(Failure::refused("/expires_at", Flaw::new(&codes::TIME_PAST).with("value", format_time(time))))
        }
        _ => Ok(()),
    }
}

/// A key before it has an id.
pub(super) struct Draft {
    pub(super) kind: KeyKind,
    pub(super) name: String,
    pub(super) role: Option<String>,
    pub(super) fields: Option<Vec<String>>,
    pub(super) addresses: Option<Networks>,
    pub(super) user: Option<uuid::Uuid>,
    pub(super) scope: Option<&'static str>,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl Draft {
    /// Writes the row, and tells the journal.
    pub(super) async fn insert(self, tx: &Tx<'_>) -> Result<Made, Failure> {
        let kind = match self.kind {
            KeyKind::Server => TokenKind::Server,
            KeyKind::Personal => TokenKind::Personal,
        };
        let token = Token::generate(kind, tx.org_id()).map_err(|error| Failure::Internal(error.to_string()))?;
        let row = api_key::Model {
            org_id: tx.org_id(),
            id: tx.new_id(),
            kind: self.kind.key().to_owned(),
            name: self.name,
            token_hash: token.hash().to_vec(),
            hint: hint(&token),
            role: self.role,
            user_id: self.user,
            scope: self.scope.map(str::to_owned),
            fields: self.fields.map(|fields| json!(fields).to_string()),
            addresses: self.addresses.map(|networks| json!(networks).to_string()),
            created_at: tx.now(),
            created_by: tx.caller().principal().user(),
            expires_at: self.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let said = json!({
            "name": row.name, "kind": row.kind, "role": row.role, "scope": row.scope,
            "fields": fields::stored(row.fields.as_deref()),
            "addresses": addresses::stored(row.addresses.as_deref()),
            "expires_at": row.expires_at.map(format_time),
        });
        tx.log(Entry::admin("api_key.created", about(&row)).saying(&said));
        api_key::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx.db()).await?;
        Ok(Made { info: KeyInfo::of(tx.caller(), row), token })
    }
}

/// `sk_…A1b2`
fn hint(token: &Token) -> String {
    let text = token.reveal();
    let last = text.len().checked_sub(SHOWN).and_then(|at| text.get(at..)).unwrap_or_default();
    format!("{}…{last}", token.kind().prefix())
}
