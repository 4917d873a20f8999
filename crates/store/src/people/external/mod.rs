//! Company sign-in: a provider of OpenID Connect says who somebody is, and an organisation believes it.
//!
//! Here is what rows know: which providers an organisation trusts, sign-ins that were begun, and who is whom. Asking the
//! provider, and checking what it says, is done by whoever speaks HTTP, between [`Gate::take_external`] and
//! [`Gate::sign_in_external`](crate::Gate::sign_in_external).
//!
//! [`Gate::take_external`]: crate::Gate::take_external

mod admit;
mod begin;
mod providers;

use hmac::{Hmac, KeyInit, Mac};
use kehu_domain::identity_provider::IdentityProvider;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::entities::identity_provider;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::people::hashing::Password;
use crate::sealed::identity_provider::{CLIENT_SECRET, SUBJECT_KEY};
use crate::tx::Tx;

pub use admit::ExternalPerson;
pub use begin::{Begun, Taken, Wanted};
pub use providers::{
    ProviderInfo, create_identity_provider, delete_identity_provider, identity_provider, identity_providers,
    update_identity_provider,
};

pub(super) use begin::sweep;

/// A provider as it is asked: with its secret.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The organisation.
    pub org: Uuid,
    /// The provider.
    pub id: Uuid,
    /// Counts its changes: what is remembered of a provider is forgotten with them.
    pub version: i64,
    /// What the organisation lays down.
    pub settings: IdentityProvider,
    /// The secret that the organisation shares with it; none for a public client.
    pub client_secret: Option<Password>,
}

/// How many providers of the organisation give a role.
pub(crate) async fn providers_that_give(tx: &Tx<'_>, role: &str) -> Result<usize, Failure> {
    use identity_provider::Column as C;
    let rows = identity_provider::Entity::find().filter(C::OrgId.eq(tx.org_id())).all(tx.db()).await?;
    let all = rows.iter().map(settings).collect::<Result<Vec<_>, _>>()?;
    let gives = |one: &&IdentityProvider| {
        one.default_role.as_deref() == Some(role) || one.role_mapping.iter().any(|mapped| mapped.role == role)
    };
    Ok(all.iter().filter(gives).count())
}

fn connection(caller: &Caller, row: &identity_provider::Model) -> Result<Connection, Failure> {
    let secret =
        row.client_secret.as_deref().map(|cell| caller.ring().open(CLIENT_SECRET, row.id, cell)).transpose()?;
    let secret = secret.map(|bytes| String::from_utf8(bytes.to_vec())).transpose();
    let secret = secret.map_err(|_| Failure::Internal(format!("the secret of provider {} is no text", row.id)))?;
    Ok(Connection {
        org: row.org_id,
        id: row.id,
        version: row.version,
        settings: settings(row)?,
        client_secret: secret.map(Password::from),
    })
}

/// A provider as its row holds it.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    settings: IdentityProvider,
    /// Whether somebody who grants rights laid it down as it is: only then is its word good for people who have rights
    /// about no record. Otherwise whoever runs the system would become administrator by a provider of his own.
    #[serde(default)]
    vouched: bool,
}

fn kept(row: &identity_provider::Model) -> Result<Kept, Failure> {
    serde_json::from_str(&row.settings)
        .map_err(|error| Failure::Internal(format!("the settings of provider {}: {error}", row.id)))
}

fn settings(row: &identity_provider::Model) -> Result<IdentityProvider, Failure> {
    kept(row).map(|kept| kept.settings)
}

/// What a person is found by: a hash of what the provider calls it, under a key of the provider's own. Subjects are often
/// personnel numbers, which anybody with the table could try out.
fn subject_hash(caller: &Caller, row: &identity_provider::Model, subject: &str) -> Result<Vec<u8>, Failure> {
    let key = Zeroizing::new(caller.ring().open(SUBJECT_KEY, row.id, &row.subject_key)?);
    let hmac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(hmac.chain_update(b"kehu-subject/v1\0").chain_update(subject.as_bytes()).finalize().into_bytes().to_vec())
}
