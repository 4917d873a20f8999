//! Customer numbers: year, industry code, sequence.

use chrono::Datelike;
use kehu_domain::fields::Line;
use kehu_domain::value::Industry;
use sea_orm::ConnectionTrait;

use crate::dialect::statement;
use crate::engine::Kind;
use crate::failure::Failure;
use crate::tx::Tx;

/// The next number, such as `2026-IT-001`: counted in a row of its own, in the same transaction, so that none is given
/// twice on any number of servers. The year is the organisation's. A transaction that is undone gives its
/// number back; a record that is deleted keeps it, so there are gaps.
pub(crate) async fn next(tx: &Tx<'_>, industry: Option<&Industry>) -> Result<Line<40>, Failure> {
    let year = tx.now().with_timezone(&tx.caller().org().time_zone).year();
    let prefix = format!("{year}-{}", Industry::short_code_of(industry));
    let alias = Kind::Integer.alias("last");
    let sql = format!(
        "INSERT INTO counters (org_id, name, last) VALUES (?, ?, 1) \
         ON CONFLICT (org_id, name) DO UPDATE SET last = counters.last + 1 RETURNING last AS {alias}"
    );
    let values = [tx.org_id().into(), format!("customer:{prefix}").into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    let last: i64 = row.try_get("", &alias)?;
    Ok(Line::from_stored(format!("{prefix}-{last:03}")))
}
