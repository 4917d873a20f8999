//! Wrapping roots under the current KEK: the roots stay as they are, and so does everything that is sealed.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::roots::{WrappedRoot, rewrap};
use crate::dialect::statement;
use crate::entities::tenant_key;
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo, wrapped_root};
use crate::journal::Entry;
use crate::org::INSTALLATION;
use crate::tx::Tx;

/// What became of the roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// The KEK that wraps all of them now.
    pub kek_id: String,
    /// Roots that another one wrapped before.
    pub rewrapped: u64,
}

/// Roots of one look.
const TOGETHER: u64 = 500;

impl Gate {
    /// Wraps every root under the current KEK. The others may then be taken away, if no backup needs them.
    ///
    /// # Errors
    /// Some roots do not open, because their KEK is not given or their rows were altered: all the others are done. Or the
    /// database is away.
    pub async fn rewrap_roots(&self) -> Result<Rewrapped, Failure> {
        let mut done = Rewrapped { kek_id: self.keys().current_id().to_owned(), rewrapped: 0 };
        let (mut after, mut refused) = (None, None);
        while let Some(rows) = self.others_than(&done.kek_id, after).await? {
            after = rows.last().map(|row| (row.org_id, row.key_id, row.purpose.clone()));
            let mut anew = Vec::new();
            for row in rows {
                let root = wrapped_root(&row).ok_or_else(|| Failure::Internal("a root of an unknown kind".into()))?;
                match rewrap(self.keys(), row.org_id, &root) {
                    Ok(wrapped) => anew.extend(wrapped.map(|wrapped| (row, wrapped))),
                    Err(error) => {
                        let name = format!("{} root {} of organisation {}", row.purpose, row.key_id, row.org_id);
                        tracing::error!(root = name, %error, "a root cannot be wrapped anew");
                        refused.get_or_insert(Failure::Sealing(format!("{name}: {error}")));
                    }
                }
            }
            done.rewrapped += self.store(&done.kek_id, anew).await?;
        }
        refused.map_or(Ok(done), Err)
    }

    /// The next roots that another KEK wraps.
    async fn others_than(
        &self,
        kek_id: &str,
        after: Option<(Uuid, i64, String)>,
    ) -> Result<Option<Vec<tenant_key::Model>>, Failure> {
        use tenant_key::Column as C;
        let others = tenant_key::Entity::find().filter(C::KekId.ne(kek_id)).filter(C::Wrapped.ne(Vec::<u8>::new()));
        let others = match after {
            Some((org, key_id, purpose)) => others.filter(
                Condition::any()
                    .add(C::OrgId.gt(org))
                    .add(Condition::all().add(C::OrgId.eq(org)).add(C::KeyId.gt(key_id)))
                    .add(Condition::all().add(C::OrgId.eq(org)).add(C::KeyId.eq(key_id)).add(C::Purpose.gt(purpose))),
            ),
            None => others,
        };
        let others = others.order_by_asc(C::OrgId).order_by_asc(C::KeyId).order_by_asc(C::Purpose).limit(TOGETHER);
        let rows = others.all(self.engine()).await?;
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }

    /// Stores them and tells the journal, in one transaction.
    async fn store(&self, kek_id: &str, anew: Vec<(tenant_key::Model, WrappedRoot)>) -> Result<u64, Failure> {
        if anew.is_empty() {
            return Ok(0);
        }
        let system = self.system(INSTALLATION, RequestInfo::of_program("command", self.now())).await?;
        let kek_id = kek_id.to_owned();
        system
            .write(async move |tx: &Tx<'_>| {
                let sql = "UPDATE tenant_keys SET kek_id = ?, wrapped = ? \
                           WHERE org_id = ? AND key_id = ? AND purpose = ? AND wrapped = ?";
                let mut done = 0;
                for (row, wrapped) in anew {
                    let values = [
                        wrapped.kek_id.into(),
                        wrapped.wrapped.into(),
                        row.org_id.into(),
                        row.key_id.into(),
                        row.purpose.into(),
                        row.wrapped.into(),
                    ];
                    done += tx.db().execute_raw(statement(tx.db(), sql, values)).await?.rows_affected();
                }
                tx.log(Entry::admin("keys.rewrapped", None).saying(&json!({ "kek_id": kek_id, "roots": done })));
                Ok(done)
            })
            .await
    }
}
