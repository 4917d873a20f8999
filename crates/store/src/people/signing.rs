//! Keys that sign access tokens: kept sealed under the installation's own root. What they are is the business of who
//! makes and uses them.

use chrono::{DateTime, Utc};
use sea_orm::{EntityTrait, IntoActiveModel, QueryOrder};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::entities::signing_key;
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::journal::Entry;
use crate::org::INSTALLATION;
use crate::sealed::signing_key::PRIVATE_KEY;
use crate::tx::Tx;

/// A key pair that signs access tokens.
pub struct SigningKey {
    /// Its id.
    pub id: Uuid,
    /// The private key, as it was given.
    pub private: Zeroizing<Vec<u8>>,
    /// The public key, as it was given.
    pub public: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it signs nothing and is not believed.
    pub retired_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Gate {
    /// Every signing key, the newest first.
    ///
    /// # Errors
    /// The database is away, or a key cannot be opened.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Failure> {
        let ring = self.installation_ring()?;
        let rows = signing_key::Entity::find()
            .order_by_desc(signing_key::Column::CreatedAt)
            .order_by_desc(signing_key::Column::Id)
            .all(self.engine())
            .await?;
        let open = |row: signing_key::Model| {
            let signing_key::Model { id, private_key, public_key: public, created_at, retired_at } = row;
            Ok(SigningKey { id, private: ring.open(PRIVATE_KEY, id, &private_key)?, public, created_at, retired_at })
        };
        rows.into_iter().map(open).collect()
    }

    /// Keeps a new signing key. Several servers may do so at once: all their keys are believed, the newest signs.
    ///
    /// # Errors
    /// The database is away.
    pub async fn add_signing_key(&self, private: &[u8], public: &[u8]) -> Result<(), Failure> {
        let (private, public_key) = (Zeroizing::new(private.to_vec()), public.to_vec());
        let system = self.system(INSTALLATION, RequestInfo::of_program("system", self.now())).await?;
        system
            .write(async move |tx: &Tx<'_>| {
                let (id, created_at) = (tx.new_id(), tx.now());
                let private_key = tx.caller().ring().seal(PRIVATE_KEY, id, &private)?;
                let row = signing_key::Model { id, private_key, public_key, created_at, retired_at: None };
                signing_key::Entity::insert(row.into_active_model()).exec_without_returning(tx.db()).await?;
                tx.log(Entry::admin("signing_key.created", Some(("signing_key", id))));
                Ok(())
            })
            .await
    }
}
