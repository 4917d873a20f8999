//! Wrapping roots under the current KEK: the roots stay as they are, and so does everything that is sealed.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use crate::crypto::roots::{RootState, rewrap};
use crate::dialect::statement;
use crate::engine;
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
    /// A root does not open: its KEK is not given, or the row was altered; those before it are done. Or the database is
    /// away.
    pub async fn rewrap_roots(&self) -> Result<Rewrapped, Failure> {
        use tenant_key::Column as C;
        let mut done = Rewrapped { kek_id: self.keys().current_id().to_owned(), rewrapped: 0 };
        loop {
            let others = tenant_key::Entity::find().filter(C::KekId.ne(&done.kek_id));
            let others =
                others.filter(C::State.ne(RootState::Destroyed.as_str())).order_by_asc(C::KekId).limit(TOGETHER);
            let rows = others.all(self.engine()).await?;
            if rows.is_empty() {
                break;
            }
            done.rewrapped += self.rewrap_some(rows).await?;
        }
        if done.rewrapped > 0 {
            let system = self.system(INSTALLATION, RequestInfo::of_program("command", self.now())).await?;
            let said = json!({ "kek_id": done.kek_id, "roots": done.rewrapped });
            let told = async move |tx: &Tx<'_>| {
                tx.log(Entry::admin("keys.rewrapped", None).saying(&said));
                Ok(())
            };
            system.write(told).await?;
        }
        Ok(done)
    }

    async fn rewrap_some(&self, rows: Vec<tenant_key::Model>) -> Result<u64, Failure> {
        let mut anew = Vec::new();
        for row in rows {
            let root = wrapped_root(&row).ok_or_else(|| Failure::Internal("a root of an unknown kind".into()))?;
            let wrapped =
                rewrap(self.keys(), row.org_id, &root).map_err(|error| Failure::Sealing(error.to_string()))?;
            if let Some(wrapped) = wrapped {
                anew.push((row, wrapped));
            }
        }
        self.write_raw(async move |db: &engine::Tx| {
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
                done += db.execute_raw(statement(db, sql, values)).await?.rows_affected();
            }
            Ok(done)
        })
        .await
    }
}
