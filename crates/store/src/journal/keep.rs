//! How long the journal is kept: entries for years, clients' addresses for half a year, values until somebody has them
//! erased. What goes is told to the journal, so that a verification knows it from what was taken.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait as _, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::{is_divided_by_months, statement};
use crate::engine;
use crate::entities::journal_stretch::Model as Stretch;
use crate::entities::{journal, journal_stretch};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::tx::Tx;

use super::reader::{self, Reader};
use super::{ERASED, EXPIRED, Entry, months};

/// Nothing is dropped earlier, whatever is configured.
const DAYS_AT_LEAST: u16 = 180;
/// Days for which addresses and user agents of clients are kept.
const ORIGIN_DAYS: i64 = 180;
/// Stretches that are looked at together.
const TOGETHER: u64 = 200;
/// Entries that are dropped in one transaction, if a stretch has no more: others wait for it.
const DROPPED: i64 = 5000;
/// Entries that lose their origin in one transaction.
const ORIGINS: u16 = 1000;

/// The reader that takes addresses and user agents out.
const ORIGIN_READER: Reader = Reader("origins");

/// For how long entries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    days: u16,
}

impl Keep {
    /// So many days, 180 at least.
    ///
    /// # Errors
    /// Fewer.
    pub fn days(days: u16) -> Result<Self, &'static str> {
        if days < DAYS_AT_LEAST { Err("the journal is kept for 180 days at least") } else { Ok(Self { days }) }
    }
}

/// How much went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Stretches whose entries were dropped.
    pub stretches: u64,
    /// Entries that lost address and user agent.
    pub origins: u64,
}

impl Gate {
    /// Drops what is too old: whole months of closed entries, and addresses and user agents after 180 days. Makes room
    /// for the months to come.
    ///
    /// # Errors
    /// The database is away; what went until then is gone.
    pub async fn keep_journal(&self, keep: Keep) -> Result<Kept, Failure> {
        let cutoff = month_of(self.now() - Duration::days(i64::from(keep.days)));
        let mut kept = Kept::default();
        while let Some((org, through)) = oldest(self, cutoff).await? {
            let dropped = drop_stretches(self, org, through, cutoff).await?;
            kept.stretches += dropped;
            if dropped == 0 {
                break;
            }
        }
        if is_divided_by_months(self.engine()) {
            months::make(self).await?;
            months::drop_before(self, cutoff).await?;
        }
        kept.origins = forget_origins(self).await?;
        Ok(kept)
    }

    /// Erases the old and new values of a record's entries, for good. What happened, when and by whom stays, and a
    /// verification holds. How many entries lost their values.
    ///
    /// # Errors
    /// The organisation does not exist, or the database is away.
    pub async fn erase_history(
        &self,
        org: Uuid,
        kind: &'static str,
        record: Uuid,
        reason: &str,
    ) -> Result<u64, Failure> {
        let request = RequestInfo::of_program("command", self.now());
        let caller = self.system(org, request).await?;
        let reason = reason.to_owned();
        caller
            .write(async move |tx: &Tx<'_>| {
                let erased = journal::Entity::update_many()
                    .col_expr(journal::Column::Body, Expr::value(None::<Vec<u8>>))
                    .col_expr(journal::Column::Origin, Expr::value(None::<Vec<u8>>))
                    .filter(journal::Column::OrgId.eq(org))
                    .filter(journal::Column::RecordId.eq(record))
                    .filter(journal::Column::Event.ne(ERASED))
                    .filter(journal::Column::Body.is_not_null());
                let erased = erased.exec(tx.db()).await?.rows_affected;
                let body = json!({ "reason": reason, "entries": erased });
                tx.log(Entry::admin(ERASED, Some((kind, record))).saying(&body));
                Ok(erased)
            })
            .await
    }
}

/// The beginning of a month.
pub(super) fn month_of(at: DateTime<Utc>) -> DateTime<Utc> {
    let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).unwrap_or_default();
    Utc.from_utc_datetime(&first.and_time(chrono::NaiveTime::MIN))
}

/// An organisation with stretches that are too old, and the last of them before one that is not.
async fn oldest(gate: &Gate, cutoff: DateTime<Utc>) -> Result<Option<(Uuid, i64)>, Failure> {
    use journal_stretch::Column as C;
    let old = journal_stretch::Entity::find().filter(C::Digests.is_not_null()).filter(C::LastAt.lt(cutoff));
    let old = old.order_by_asc(C::LastAt).limit(TOGETHER).all(gate.engine()).await?;
    for org in old.into_iter().map(|stretch| stretch.org_id).collect::<BTreeSet<_>>() {
        // In the order of the chain: a clock that was wrong holds back what comes after, and makes no hole.
        let kept = journal_stretch::Entity::find().filter(C::OrgId.eq(org)).filter(C::Digests.is_not_null());
        let some = kept.order_by_asc(C::Number).limit(TOGETHER).all(gate.engine()).await?;
        let mut entries = 0;
        let few = |stretch: &Stretch| {
            let first = entries == 0;
            entries += stretch.entries;
            stretch.last_at < cutoff && (first || entries <= DROPPED)
        };
        let old = some.into_iter().take_while(few).last();
        if let Some(last) = old {
            return Ok(Some((org, last.number)));
        }
    }
    Ok(None)
}

/// Drops the stretches of an organisation up to a number: their digests here, their entries here or with their month.
async fn drop_stretches(gate: &Gate, org: Uuid, through: i64, cutoff: DateTime<Utc>) -> Result<u64, Failure> {
    use journal_stretch::Column as C;
    let caller = gate.system(org, RequestInfo::of_program("job", gate.now())).await?;
    let loose = if is_divided_by_months(gate.engine()) { months::REST } else { "journal" };
    caller
        .write(async move |tx: &Tx<'_>| {
            let old = journal_stretch::Entity::find().filter(C::OrgId.eq(org)).filter(C::Number.lte(through));
            let old = old.filter(C::Digests.is_not_null()).filter(C::LastAt.lt(cutoff)).all(tx.db()).await?;
            let sql = format!("DELETE FROM {loose} WHERE org_id = ? AND seq BETWEEN ? AND ?");
            for stretch in &old {
                let values = [org.into(), stretch.first_seq.into(), stretch.last_seq.into()];
                tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
            }
            let gone = journal_stretch::Entity::update_many()
                .col_expr(C::Digests, Expr::value(None::<Vec<u8>>))
                .filter(C::OrgId.eq(org))
                .filter(C::Number.lte(through))
                .filter(C::Digests.is_not_null())
                .exec(tx.db())
                .await?
                .rows_affected;
            if gone > 0 {
                let entry = Entry::admin(EXPIRED, None).saying(&json!({ "through": through, "before": cutoff }));
                tx.log(Entry { version: through, ..entry });
            }
            Ok(gone)
        })
        .await
}

async fn forget_origins(gate: &Gate) -> Result<u64, Failure> {
    let cutoff = gate.now() - Duration::days(ORIGIN_DAYS);
    let mut forgotten = 0;
    loop {
        let from = ORIGIN_READER.place(gate.engine()).await?;
        let old = reader::headers(gate.engine(), from, gate.settled().await?, ORIGINS).await?;
        let Some(to) = old.into_iter().take_while(|header| header.at < cutoff).last().map(|last| last.seq) else {
            return Ok(forgotten);
        };
        forgotten += gate
            .write_raw(async move |db: &engine::Tx| {
                if !ORIGIN_READER.advance(db, from, to).await? {
                    return Ok(0);
                }
                let old = journal::Entity::update_many()
                    .col_expr(journal::Column::Origin, Expr::value(None::<Vec<u8>>))
                    .filter(journal::Column::Seq.gt(from))
                    .filter(journal::Column::Seq.lte(to))
                    .filter(journal::Column::Origin.is_not_null());
                Ok::<u64, Failure>(old.exec(db).await?.rows_affected)
            })
            .await?;
    }
}
