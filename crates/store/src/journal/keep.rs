//! How long the journal is kept: entries for years, clients' addresses for half a year, values until somebody has them
//! erased. What goes is told to the journal, so that a verification knows it from what was taken.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Duration, NaiveDate, TimeZone, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait as _, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::{is_divided_by_months, locked, statement};
use crate::engine;
use crate::entities::{journal, journal_stretch};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::pii::padded;
use crate::registry;
use crate::tx::Tx;

use super::reader::{self, Reader};
use super::{ERASED, ERASURES, EXPIRED, Entry, months};

/// Nothing is dropped earlier, whatever is configured.
const DAYS_AT_LEAST: u16 = 180;
/// Days for which addresses and user agents of clients are kept.
const ORIGIN_DAYS: i64 = 180;
/// Stretches that are looked at together.
const TOGETHER: i64 = 200;
/// Days whose entries one run drops at the most, and the rest of their month.
const AT_ONCE: i64 = 32;
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
    /// Entries older than the chain that were dropped.
    pub unchained: u64,
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
        let mut kept = Kept::default();
        if is_divided_by_months(self.engine()) {
            months::make(self).await?;
        }
        kept.origins = forget_origins(self).await?;
        let wanted = month_of(self.now() - Duration::days(i64::from(keep.days)));
        // A month at a time: a clock that is years ahead for a night takes a month and not everything.
        let month = oldest(self).await?.map(|oldest| month_of(oldest.closed_at + Duration::days(AT_ONCE)));
        let cutoff = month.map_or(wanted, |month| month.min(wanted));
        kept.stretches = drop_stretches(self, cutoff).await?;
        kept.unchained = drop_unchained(self, cutoff).await?;
        if is_divided_by_months(self.engine()) {
            months::drop_before(self, wanted).await?;
        }
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
                // Whoever is changing the record has its row: their entry is there when this goes on.
                if let Some(machine) = registry::machine(kind) {
                    let sql =
                        format!("SELECT id FROM {} WHERE org_id = ? AND id = ? {}", machine.table(), locked(tx.db()));
                    tx.db().query_all_raw(statement(tx.db(), &sql, [org.into(), record.into()])).await?;
                }
                let erased = forget_values(tx, &[record], i64::MAX, i64::MAX).await?;
                let body = json!({ "reason": reason, "entries": erased });
                tx.log(Entry::admin(ERASED, Some((kind, record))).saying(&body));
                Ok(erased)
            })
            .await
    }
}

/// Takes the old and new values, and where they came from, out of entries about records in front of a place, so many at
/// most. What says of a record that this was done stays. How many lost theirs.
pub(crate) async fn forget_values(tx: &Tx<'_>, records: &[Uuid], place: i64, most: i64) -> Result<u64, Failure> {
    let records = padded(records.to_vec());
    let places = |many: usize| vec!["?"; many].join(", ");
    let sql = format!(
        "UPDATE journal SET body = NULL, origin = NULL WHERE org_id = ? AND seq IN (SELECT seq FROM journal \
         WHERE org_id = ? AND record_id IN ({}) AND seq < ? AND event NOT IN ({}) AND body IS NOT NULL LIMIT ?)",
        places(records.len()),
        places(ERASURES.len())
    );
    let org = || Value::from(tx.org_id());
    let values = [org(), org()].into_iter().chain(records.into_iter().map(Value::from));
    let values = values.chain([place.into()]).chain(ERASURES.map(Value::from)).chain([most.into()]);
    Ok(tx.db().execute_raw(statement(tx.db(), &sql, values)).await?.rows_affected())
}

/// The beginning of a month.
pub(super) fn month_of(at: DateTime<Utc>) -> DateTime<Utc> {
    let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).unwrap_or_default();
    Utc.from_utc_datetime(&first.and_time(chrono::NaiveTime::MIN))
}

/// A stretch that still has its entries, but for its digests.
#[derive(Clone, Copy, FromQueryResult)]
struct Aged {
    org_id: Uuid,
    number: i64,
    first_seq: i64,
    last_seq: i64,
    entries: i64,
    closed_at: DateTime<Utc>,
}

/// Those that were closed first. They are dropped by when they were closed, not by what the clocks of their writers
/// said, and in the order of the chain: no stretch was closed before the one in front of it.
async fn aged(gate: &Gate, rest: &str, values: Vec<Value>) -> Result<Vec<Aged>, Failure> {
    let sql = format!(
        "SELECT org_id, number, first_seq, last_seq, entries, closed_at FROM journal_stretches \
         WHERE digests IS NOT NULL {rest}"
    );
    Ok(Aged::find_by_statement(statement(gate.engine(), &sql, values)).all(gate.engine()).await?)
}

async fn oldest(gate: &Gate) -> Result<Option<Aged>, Failure> {
    Ok(aged(gate, "ORDER BY closed_at LIMIT 1", Vec::new()).await?.pop())
}

/// Drops what was closed before a moment, organisation by organisation. One whose keys are gone keeps its own.
async fn drop_stretches(gate: &Gate, cutoff: DateTime<Utc>) -> Result<u64, Failure> {
    let (mut dropped, mut stuck) = (0, BTreeSet::new());
    loop {
        let old =
            aged(gate, "AND closed_at < ? ORDER BY closed_at LIMIT ?", vec![cutoff.into(), TOGETHER.into()]).await?;
        let Some(org) = old.iter().map(|old| old.org_id).find(|org| !stuck.contains(org)) else { return Ok(dropped) };
        let of = "AND org_id = ? AND closed_at < ? ORDER BY number LIMIT ?";
        let of = aged(gate, of, vec![org.into(), cutoff.into(), TOGETHER.into()]).await?;
        let mut entries = 0;
        let few: Vec<Aged> = of
            .into_iter()
            .take_while(|old| {
                let first = entries == 0;
                entries += old.entries;
                first || entries <= DROPPED
            })
            .collect();
        match drop_few(gate, org, few).await {
            Ok(0) => {
                stuck.insert(org);
            }
            Ok(more) => dropped += more,
            Err(failure @ Failure::Engine(_)) => return Err(failure),
            Err(failure) => {
                tracing::error!(%org, cause = %failure, "the journal of an organisation cannot be shortened");
                stuck.insert(org);
            }
        }
    }
}

/// Their digests go here, their entries here or with their month.
async fn drop_few(gate: &Gate, org: Uuid, old: Vec<Aged>) -> Result<u64, Failure> {
    use journal_stretch::Column as C;
    let Some(through) = old.last().map(|last| last.number) else { return Ok(0) };
    let caller = gate.system(org, RequestInfo::of_program("job", gate.now())).await?;
    let loose = if is_divided_by_months(gate.engine()) { months::REST } else { "journal" };
    caller
        .write(async move |tx: &Tx<'_>| {
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
                let entry = Entry::admin(EXPIRED, None).saying(&json!({ "through": through }));
                tx.log(Entry { version: through, ..entry });
            }
            Ok(gone)
        })
        .await
}

/// Deletes what is too old of what is older than the chain.
async fn drop_unchained(gate: &Gate, cutoff: DateTime<Utc>) -> Result<u64, Failure> {
    let mut dropped = 0;
    loop {
        let sql = "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE seq <= \
                   (SELECT coalesce(max(begins), 0) FROM journal_heads) AND at < ? ORDER BY seq LIMIT ?)";
        let gone = gate
            .write_raw(async move |db: &engine::Tx| {
                let values = [cutoff.into(), DROPPED.into()];
                Ok::<u64, Failure>(db.execute_raw(statement(db, sql, values)).await?.rows_affected())
            })
            .await?;
        dropped += gone;
        if gone == 0 {
            return Ok(dropped);
        }
    }
}

async fn forget_origins(gate: &Gate) -> Result<u64, Failure> {
    let now = gate.now();
    let cutoff = now - Duration::days(ORIGIN_DAYS);
    let mut forgotten = 0;
    loop {
        let from = ORIGIN_READER.place(gate.engine()).await?;
        let old = reader::headers(gate.engine(), from, gate.settled().await?, ORIGINS).await?;
        // What a clock that was ahead wrote does not keep those of everybody after it.
        let passes = |header: &journal::Model| header.at < cutoff || header.at > now;
        let Some(to) = old.into_iter().take_while(passes).last().map(|last| last.seq) else {
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
