//! Keys that sign access tokens: kept sealed under the installation's own root, and when each of them signs and is
//! believed. What they are is the business of who makes and uses them.

use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::entities::{organisation, signing_key};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::journal::Entry;
use crate::org::INSTALLATION;
use crate::pii::padded;
use crate::sealed::signing_key::PRIVATE_KEY;
use crate::tx::Tx;

/// How long an access token is good, in seconds.
pub const ACCESS_TOKEN_SECONDS: u32 = 15 * 60;
/// How long a new key is only published before it signs: a server reads the keys once a minute, and whoever checks
/// tokens may keep the set that it was given for another one.
const PUBLISHED_FIRST: Duration = Duration::seconds(150);
/// How long a key is believed after the next one began to sign: as long as the last token that it signed is good, and
/// what the clocks of two servers may differ.
const BELIEVED_ON: Duration = Duration::minutes(17);
/// After how long a key gets a successor by itself.
const LIFETIME: Duration = Duration::days(90);

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

/// When another key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Where there is none, or the newest is 90 days old. Several servers may ask at once: one key is made.
    WhenDue,
    /// In any case; the ones before it are believed as long as the tokens that they signed are good.
    Soon,
    /// In any case, and no other is believed any more: one of them is not secret.
    AtOnce,
}

/// Whether a key that was made then is old enough to have a successor.
#[must_use]
pub fn is_due(newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    newest.is_none_or(|made| now - made >= LIFETIME)
}

/// Which of the living keys signs, by when they were made, the newest first. The only one signs from its first moment;
/// a successor once everybody may know it.
#[must_use]
pub fn signer(made: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<usize> {
    made.iter().position(|made| *made + PUBLISHED_FIRST <= now).or_else(|| made.len().checked_sub(1))
}

/// Whether a living key is not believed any more: the last token that it signed has expired. `next` is when the key after
/// it was made.
#[must_use]
pub fn is_outlived(next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    next.is_some_and(|next| next + PUBLISHED_FIRST + BELIEVED_ON <= now)
}

impl Gate {
    /// Every signing key, the newest first.
    ///
    /// # Errors
    /// The database is away, or a key cannot be opened.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Failure> {
        let ring = self.installation_ring()?;
        let rows = newest_first().all(self.engine()).await?;
        let open = |row: signing_key::Model| {
            let signing_key::Model { id, private_key, public_key: public, created_at, retired_at } = row;
            Ok(SigningKey { id, private: ring.open(PRIVATE_KEY, id, &private_key)?, public, created_at, retired_at })
        };
        rows.into_iter().map(open).collect()
    }

    /// Keeps a new signing key; whether it did. The journal says who made it: a server, or the command line.
    ///
    /// # Errors
    /// The database is away.
    pub async fn add_signing_key(
        &self,
        private: &[u8],
        public: &[u8],
        replace: Replace,
        via: &'static str,
    ) -> Result<bool, Failure> {
        let (private, public_key) = (Zeroizing::new(private.to_vec()), public.to_vec());
        let system = self.system(INSTALLATION, RequestInfo::of_program(via, self.now())).await?;
        system
            .write(async move |tx: &Tx<'_>| {
                // Servers that see the same need wait for each other here, and the second sees what the first made.
                organisation::Entity::find_by_id(INSTALLATION).lock_exclusive().one(tx.db()).await?;
                let living = newest_first().filter(signing_key::Column::RetiredAt.is_null()).all(tx.db()).await?;
                if replace == Replace::WhenDue && !is_due(living.first().map(|row| row.created_at), tx.now()) {
                    return Ok(false);
                }
                if replace == Replace::AtOnce {
                    retire(tx, living.iter().map(|row| row.id).collect()).await?;
                }
                let (id, created_at) = (tx.new_id(), tx.now());
                let private_key = tx.caller().ring().seal(PRIVATE_KEY, id, &private)?;
                let row = signing_key::Model { id, private_key, public_key, created_at, retired_at: None };
                signing_key::Entity::insert(row.into_active_model()).exec_without_returning(tx.db()).await?;
                tx.log(Entry::admin("signing_key.created", Some(("signing_key", id))));
                Ok(true)
            })
            .await
    }

    /// Notes of keys that nobody believes any more that they are retired; how many there were.
    pub(super) async fn retire_signing_keys(&self) -> Result<u64, Failure> {
        let living = newest_first().filter(signing_key::Column::RetiredAt.is_null()).all(self.engine()).await?;
        let pairs = living.iter().zip(living.iter().skip(1));
        let outlived = pairs.filter(|(next, _)| is_outlived(Some(next.created_at), self.now()));
        let ids: Vec<Uuid> = outlived.map(|(_, row)| row.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let system = self.system(INSTALLATION, RequestInfo::of_program("job", self.now())).await?;
        system.write(async move |tx: &Tx<'_>| retire(tx, ids).await).await
    }
}

fn newest_first() -> sea_orm::Select<signing_key::Entity> {
    signing_key::Entity::find().order_by_desc(signing_key::Column::CreatedAt).order_by_desc(signing_key::Column::Id)
}

async fn retire(tx: &Tx<'_>, ids: Vec<Uuid>) -> Result<u64, Failure> {
    use signing_key::Column as C;
    if ids.is_empty() {
        return Ok(0);
    }
    let done = signing_key::Entity::update_many()
        .col_expr(C::RetiredAt, Expr::value(Some(tx.now())))
        .filter(C::Id.is_in(padded(ids.clone())))
        .filter(C::RetiredAt.is_null())
        .exec(tx.db())
        .await?;
    for id in ids {
        tx.log(Entry::admin("signing_key.retired", Some(("signing_key", id))));
    }
    Ok(done.rows_affected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_305_600 + seconds, 0).unwrap()
    }

    #[test]
    fn a_successor_is_published_before_it_signs() {
        assert_eq!(signer(&[], at(0)), None);
        assert_eq!(signer(&[at(0)], at(0)), Some(0));
        let keys = [at(1000), at(0)];
        assert_eq!(signer(&keys, at(1149)), Some(1));
        assert_eq!(signer(&keys, at(1150)), Some(0));
        // Two that were made at once: both are new, and the older one signs until the newer may.
        assert_eq!(signer(&[at(1), at(0)], at(2)), Some(1));
    }

    #[test]
    fn a_key_is_believed_until_its_last_token_has_expired() {
        let last = at(1000) + PUBLISHED_FIRST + Duration::seconds(ACCESS_TOKEN_SECONDS.into());
        assert!(!is_outlived(Some(at(1000)), last));
        assert!(is_outlived(Some(at(1000)), last + Duration::minutes(2)));
        assert!(!is_outlived(None, at(100_000_000)));
    }

    #[test]
    fn a_key_is_due_after_90_days() {
        assert!(is_due(None, at(0)));
        assert!(!is_due(Some(at(0)), at(90 * 86_400 - 1)));
        assert!(is_due(Some(at(0)), at(90 * 86_400)));
    }
}
