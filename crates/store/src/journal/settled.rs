//! Up to where the journal can be read.

use sea_orm::ConnectionTrait;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::Gate;

impl Gate {
    /// The highest place in the order below which nothing more can appear.
    pub(crate) async fn settled(&self) -> Result<i64, Failure> {
        let alias = crate::engine::Kind::Integer.alias("seq");
        let sql = format!("SELECT coalesce(max(seq), 0) AS {alias} FROM journal");
        let row = self.engine().query_one_raw(statement(self.engine(), &sql, [])).await?;
        Ok(row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or_default())
    }
}
