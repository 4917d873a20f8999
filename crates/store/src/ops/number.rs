//! Customer numbers: year, industry code, sequence.

use std::collections::BTreeMap;

use chrono::Datelike;
use kehu_domain::fields::Line;
use kehu_domain::kinds::Customer;
use kehu_domain::value::Industry;
use sea_orm::ConnectionTrait;

use crate::dialect::statement;
use crate::engine::Kind;
use crate::failure::Failure;
use crate::tx::Tx;

/// Gives customers that are new their numbers, such as `2026-IT-001`, in their order: counted in a row of its own, in
/// the same transaction, so that none is given twice on any number of servers. The year is the organisation's. A
/// transaction that is undone gives its numbers back; a record that is deleted keeps its own, so there are gaps.
pub(crate) async fn give(tx: &Tx<'_>, customers: Vec<&mut Customer>) -> Result<(), Failure> {
    let year = tx.now().with_timezone(&tx.caller().org().time_zone).year();
    // In the order of their names. Two transactions that count for several kinds do not wait for each other all the
    // same: only batches do, and those of an organisation take turns.
    let mut kinds: BTreeMap<String, Vec<&mut Customer>> = BTreeMap::new();
    for customer in customers {
        let prefix = format!("{year}-{}", Industry::short_code_of(customer.industry.as_ref()));
        kinds.entry(prefix).or_default().push(customer);
    }
    for (prefix, customers) in kinds {
        let many = i64::try_from(customers.len()).unwrap_or(i64::MAX);
        let first = take(tx, &prefix, many).await?;
        for (number, customer) in (first..).zip(customers) {
            customer.number = Some(Line::from_stored(format!("{prefix}-{number:03}")));
        }
    }
    Ok(())
}

/// Takes so many numbers in a row; gives the first.
async fn take(tx: &Tx<'_>, prefix: &str, many: i64) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("last");
    let sql = format!(
        "INSERT INTO counters (org_id, name, last) VALUES (?, ?, ?) \
         ON CONFLICT (org_id, name) DO UPDATE SET last = counters.last + excluded.last RETURNING last AS {alias}"
    );
    let values = [tx.org_id().into(), format!("customer:{prefix}").into(), many.into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    let last: i64 = row.try_get("", &alias)?;
    Ok(last - many + 1)
}
