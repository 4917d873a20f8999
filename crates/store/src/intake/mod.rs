//! What comes in through forms: kept whole, and made a customer of, or a follow-up of one that is known. All of it or
//! nothing, in one transaction.

mod assign;
mod list;
mod matching;
mod place;
mod submit;
#[cfg(test)]
pub(crate) mod tests;

use kehu_domain::intake::Given;
use kehu_domain::kinds::Form;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::token::{Token, TokenKind};
use crate::entities::form;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::machine::Idempotency;
use crate::rows::Rows;
use crate::sealer::Opener;

pub use list::{get, list, sweep};
pub use submit::submit;

/// A form that was found by one of its keys: the only way to submit.
#[derive(Clone, Debug)]
pub struct OpenForm {
    org: Uuid,
    id: Uuid,
    version: i64,
    form: Form,
    id_salt: Option<Vec<u8>>,
    door: TokenKind,
}

impl OpenForm {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether pages of that origin may submit; the origin as
    /// [`origin_of`](kehu_domain::intake::origin_of) writes it.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        self.form.origins.allow(origin)
    }
}

/// A submission as it arrived.
#[derive(Clone)]
pub struct Sent {
    /// What it says.
    pub given: Given,
    /// The type that the sender called it.
    pub content_type: String,
    /// The body, as text.
    pub body: String,
    /// What stood in the address, without keys.
    pub query: Vec<(String, String)>,
    /// The sender's name for the request.
    pub idempotency: Option<Idempotency>,
}

/// A submission that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Its id.
    pub id: Uuid,
    /// What a sender at the secret address is answered.
    pub answer: serde_json::Value,
    /// Whether it had come before, under the same idempotency key.
    pub replayed: bool,
}

/// The form that a public key belongs to, at its own address.
///
/// # Errors
/// [`Failure::NotFound`] for an unknown form and a wrong key alike.
pub async fn by_public_key(gate: &Gate, id: Uuid, key: &str) -> Result<OpenForm, Failure> {
    let form = open(gate, key, TokenKind::Public, form::Column::PublicHash).await?;
    if form.id == id { Ok(form) } else { Err(Failure::NotFound) }
}

/// The form that a secret address belongs to.
///
/// # Errors
/// [`Failure::NotFound`] for a wrong key.
pub async fn by_hook_key(gate: &Gate, key: &str) -> Result<OpenForm, Failure> {
    open(gate, key, TokenKind::Hook, form::Column::HookHash).await
}

async fn open(gate: &Gate, key: &str, kind: TokenKind, hash: form::Column) -> Result<OpenForm, Failure> {
    let token = Token::parse(key).filter(|token| token.kind() == kind).ok_or(Failure::NotFound)?;
    let row = form::Entity::find()
        .filter(form::Column::OrgId.eq(token.org()))
        .filter(hash.eq(token.hash().to_vec()))
        .filter(form::Column::DeletedAt.is_null())
        .one(gate.engine())
        .await?
        .ok_or(Failure::NotFound)?;
    let id_salt = row.id_salt.clone();
    let ring = gate.ring(token.org()).await?;
    let (stored, _) = Form::from_row(row, &Opener(&ring))?;
    Ok(OpenForm {
        org: token.org(),
        id: stored.base.id,
        version: stored.base.version,
        form: stored.data,
        id_salt,
        door: kind,
    })
}
