//! Open keys of organisations, as old as what is known of the organisation: at most a second.

use std::sync::{Arc, PoisonError, RwLock};

use moka::sync::Cache;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::roots::{KeyRing, Purpose, RootState, WrappedRoot};
use crate::entities::tenant_key;
use crate::failure::Failure;
use crate::org::INSTALLATION;

use super::Gate;

pub(super) struct Rings {
    known: Cache<Uuid, Arc<Known>>,
    /// Asked for inside transactions too, which await nothing.
    installation: RwLock<Option<Arc<KeyRing>>>,
}

struct Known {
    ring: Arc<KeyRing>,
    roots: Vec<(i64, String, String)>,
    /// The state of the organisation when the roots were read: every change of them counts it on.
    state: i64,
}

impl Rings {
    pub(super) fn new() -> Self {
        Self { known: Cache::new(10_000), installation: RwLock::default() }
    }
}

fn roots_of(rows: &[tenant_key::Model]) -> Vec<(i64, String, String)> {
    rows.iter().map(|row| (row.key_id, row.purpose.clone(), row.state.clone())).collect()
}

impl Gate {
    /// The open keys of an organisation, at most a second old.
    pub(crate) async fn ring(&self, org: Uuid) -> Result<Arc<KeyRing>, Failure> {
        let state = self.org(org).await?.state();
        match self.0.rings.known.get(&org) {
            Some(known) if known.state == state => Ok(known.ring.clone()),
            known => self.load_ring(org, state, known).await,
        }
    }

    /// The open keys of an organisation as they are now, also where another server changed them a moment ago.
    pub(crate) async fn fresh_ring(&self, org: Uuid) -> Result<Arc<KeyRing>, Failure> {
        let state = self.org(org).await?.state();
        self.load_ring(org, state, self.0.rings.known.get(&org)).await
    }

    /// Has the keys of an organisation read anew when they are needed next: a commit was refused, perhaps for them.
    pub(crate) fn distrust_ring(&self, org: Uuid) {
        let known = &self.0.rings.known;
        if let Some(before) = known.get(&org) {
            let (ring, roots) = (before.ring.clone(), before.roots.clone());
            known.insert(org, Arc::new(Known { ring, roots, state: i64::MIN }));
        }
    }

    async fn load_ring(&self, org: Uuid, state: i64, known: Option<Arc<Known>>) -> Result<Arc<KeyRing>, Failure> {
        let rows = tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(org));
        let rows = rows.all(self.engine()).await?;
        let roots = roots_of(&rows);
        let ring = match known {
            // Something else of the organisation was changed: what was derived from the roots stays good.
            Some(known) if known.roots == roots => known.ring.clone(),
            before => {
                let ring = Arc::new(self.unlock(org, &rows)?);
                if let Some(before) = before {
                    before.ring.latest().is_followed_by(ring.clone());
                }
                ring
            }
        };
        let rings = &self.0.rings;
        rings.known.insert(org, Arc::new(Known { ring: ring.clone(), roots, state }));
        if org == INSTALLATION {
            *rings.installation.write().unwrap_or_else(PoisonError::into_inner) = Some(ring.clone());
        }
        Ok(ring)
    }

    /// The open keys that rows hold.
    pub(crate) fn unlock(&self, org: Uuid, rows: &[tenant_key::Model]) -> Result<KeyRing, Failure> {
        let roots: Option<Vec<WrappedRoot>> = rows.iter().map(wrapped_root).collect();
        let roots = roots.ok_or_else(|| Failure::Internal("a sealing key has an unknown state".into()))?;
        let ring = KeyRing::unlock(self.keys(), org, &roots).map_err(|error| Failure::Sealing(error.to_string()))?;
        let counted = self.seal_counts().of(org, ring.primary_enc());
        Ok(ring.counting(counted))
    }

    /// The open keys of the installation itself: sign-in names, signing keys. As old as the last request.
    pub(crate) fn installation_ring(&self) -> Result<Arc<KeyRing>, Failure> {
        let ring = self.0.rings.installation.read().unwrap_or_else(PoisonError::into_inner).clone();
        ring.ok_or_else(|| Failure::Internal("the installation has no keys yet".into()))
    }
}

/// A root as the sealing knows it; nothing where its purpose or state is of a newer version.
pub(crate) fn wrapped_root(row: &tenant_key::Model) -> Option<WrappedRoot> {
    Some(WrappedRoot {
        key_id: u32::try_from(row.key_id).ok()?,
        purpose: Purpose::from_stored(&row.purpose)?,
        state: RootState::from_stored(&row.state)?,
        kek_id: row.kek_id.clone(),
        wrapped: row.wrapped.clone(),
    })
}
