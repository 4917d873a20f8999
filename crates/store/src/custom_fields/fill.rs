//! Filling and emptying what stands beside the values of records, a few records in each transaction. No writer
//! waits: a record that somebody is changing is passed over and looked at again. A run that was killed goes on where it
//! was; one that a later change made void ends.

use std::collections::HashSet;
use std::time::Duration;

use kehu_domain::custom::Slot;
use kehu_domain::kinds::FieldDefinition;
use kehu_domain::rights::Action;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::{statement, unchanging};
use crate::failure::Failure;
use crate::machine::{read, update};
use crate::ops::fields;
use crate::queue::{Ended, Run, Step, Work};
use crate::registry;
use crate::tx::Tx;

use super::{Now, ToFill, next, now};

/// Records of one transaction.
const TOGETHER: usize = 100;
/// Looks at records that were locked, before another attempt begins.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    after: Option<Uuid>,
    done: i64,
    /// Records that somebody was changing.
    left: Vec<Uuid>,
}

/// Runs the job.
pub async fn run(work: Work) -> Run {
    let asked: ToFill = work.payload()?;
    let Some(now) = now(work.caller().db(), work.org_id(), asked.field).await? else { return Ok(None) };
    if now.filling != Some(asked.token) {
        return Ok(None);
    }
    let job = Job { work, asked, now };
    let is_gone = job.now.is_deleted || !job.now.data.is_asked_for();
    // Text and the index are written anew by what is in use; what stands in a place or a link is taken away after that.
    if !job.walk().await? {
        return Ok(None);
    }
    if is_gone && !job.empty().await? {
        return Ok(None);
    }
    job.end(is_gone).await
}

struct Job {
    work: Work,
    asked: ToFill,
    now: Now,
}

impl Job {
    fn kind(&self) -> &str {
        self.now.data.kind.as_str()
    }

    fn table(&self) -> Result<&'static str, Ended> {
        let gone = || Ended::Final { code: "kind_unknown", detail: format!("there is no kind {}", self.kind()) };
        Ok(registry::machine(self.kind()).ok_or_else(gone)?.table())
    }

    /// Puts every record's values into their places anew; whether nothing else was asked for meanwhile.
    async fn walk(&self) -> Result<bool, Ended> {
        let (db, org, table) = (self.work.caller().db(), self.work.org_id(), self.table()?);
        let mut place: Place = self.work.checkpoint()?.unwrap_or_default();
        loop {
            let ids = next(db, table, org, (place.after, "")).await?;
            if ids.is_empty() {
                break;
            }
            for some in ids.chunks(TOGETHER) {
                self.work.go_on()?;
                let Some(after) = self.refill(some.to_vec(), place.clone(), true).await? else { return Ok(false) };
                place = after;
            }
        }
        for _ in 0..LOOKS {
            let left = std::mem::take(&mut place.left);
            if left.is_empty() {
                return Ok(true);
            }
            for some in left.chunks(TOGETHER) {
                self.work.go_on()?;
                let Some(after) = self.refill(some.to_vec(), place.clone(), false).await? else { return Ok(false) };
                place = after;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let detail = format!("{} records are being changed all the time", place.left.len());
        Err(Ended::Failed { code: "records_left", detail })
    }

    /// One transaction: how far it is then; nothing where a later change made the job void.
    async fn refill(&self, ids: Vec<Uuid>, mut place: Place, first: bool) -> Result<Option<Place>, Ended> {
        let (work, asked, kind) = (self.work.clone(), self.asked.clone(), self.kind().to_owned());
        let write = async move |tx: &Tx<'_>| {
            if !is_current(tx, &asked).await? {
                return Ok(None);
            }
            let machine = registry::machine(&kind).ok_or(Failure::NotFound)?;
            let done = machine.refill(tx, ids.clone()).await?;
            if first {
                place.after = ids.last().copied();
            }
            place.done = place.done.saturating_add(i64::try_from(done.len()).unwrap_or(i64::MAX));
            let missing = ids.into_iter().filter(|id| !done.contains(id)).collect();
            place.left.extend(locked(tx, machine.table(), missing).await?);
            work.note(tx, Step::default().checkpoint(json!(place)).progress(place.done, None));
            Ok(Some(place))
        };
        Ok(self.work.caller().write(write).await?)
    }

    /// Takes away what stands in the place of the field, and its links.
    async fn empty(&self) -> Result<bool, Ended> {
        let table = self.table()?;
        if let Some(slot) = self.now.data.slot.as_ref().and_then(|slot| Slot::from_stored(slot.as_str())) {
            let column = format!("custom_{}", slot.to_stored());
            if !self.empty_column(table, &column).await? {
                return Ok(false);
            }
        }
        self.remove_links().await
    }

    async fn empty_column(&self, table: &'static str, column: &str) -> Result<bool, Ended> {
        let only = format!("AND {column} IS NOT NULL");
        for _ in 0..LOOKS {
            let (mut after, mut found) = (None, false);
            loop {
                let ids = next(self.work.caller().db(), table, self.work.org_id(), (after, &only)).await?;
                let Some(last) = ids.last() else { break };
                (after, found) = (Some(*last), true);
                for some in ids.chunks(TOGETHER) {
                    self.work.go_on()?;
                    if !self.empty_some(table, column, some.to_vec()).await? {
                        return Ok(false);
                    }
                }
            }
            if !found {
                return Ok(true);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Ended::Failed { code: "records_left", detail: "records are being changed all the time".to_owned() })
    }

    async fn empty_some(&self, table: &'static str, column: &str, ids: Vec<Uuid>) -> Result<bool, Ended> {
        let (asked, column) = (self.asked.clone(), column.to_owned());
        let write = async move |tx: &Tx<'_>| {
            if !is_current(tx, &asked).await? {
                return Ok(false);
            }
            let places = vec!["?"; ids.len()].join(", ");
            let values = || std::iter::once(tx.org_id()).chain(ids.iter().copied()).map(sea_orm::Value::from);
            let free = format!(
                "SELECT id FROM {table} WHERE org_id = ? AND id IN ({places}) ORDER BY id {}",
                unchanging(tx.db())
            );
            let sql = format!("UPDATE {table} SET {column} = NULL WHERE org_id = ? AND id IN ({free})");
            let values = std::iter::once(tx.org_id().into()).chain(values());
            tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
            Ok(true)
        };
        Ok(self.work.caller().write(write).await?)
    }

    async fn remove_links(&self) -> Result<bool, Ended> {
        loop {
            self.work.go_on()?;
            let asked = self.asked.clone();
            let write = async move |tx: &Tx<'_>| {
                if !is_current(tx, &asked).await? {
                    return Ok(None);
                }
                let some = "SELECT value, record_id FROM custom_links WHERE org_id = ? AND field_id = ? LIMIT 500";
                let sql = format!(
                    "DELETE FROM custom_links WHERE org_id = ? AND field_id = ? AND (value, record_id) IN ({some})"
                );
                let values = [tx.org_id(), asked.field, tx.org_id(), asked.field].map(sea_orm::Value::from);
                Ok(Some(tx.db().execute_raw(statement(tx.db(), &sql, values)).await?.rows_affected()))
            };
            match self.work.caller().write(write).await? {
                None => return Ok(false),
                Some(0) => return Ok(true),
                Some(_) => {}
            }
        }
    }

    /// Notes that it is done: filters know the field from here on, or its place is free.
    async fn end(&self, is_gone: bool) -> Run {
        let (work, asked, is_deleted) = (self.work.clone(), self.asked.clone(), self.now.is_deleted);
        let write = async move |tx: &Tx<'_>| {
            if !is_current(tx, &asked).await? {
                return Ok(());
            }
            if !is_deleted {
                let (before, touched) = read::for_change::<FieldDefinition>(tx, asked.field, Action::Update).await?;
                let mut data = before.data.clone();
                data.indexed = data.is_asked_for();
                data.slot = data.slot.filter(|_| !is_gone);
                update::write_summary(tx, &before, &touched, data).await?;
            } else {
                fields::write(tx, asked.field, &[("slot", None::<String>.into())]).await?;
            }
            fields::write(tx, asked.field, &[("filling", None::<Uuid>.into()), ("linked", true.into())]).await?;
            // Filters ask otherwise from now on, whether the definition says something new or not.
            tx.people_changed();
            work.note(tx, Step::default().done(None));
            Ok(())
        };
        self.work.caller().write(write).await?;
        Ok(None)
    }
}

/// Which of the records somebody else is changing. Of the others nothing is left to do: they are gone, or cannot be
/// opened, which is told in the log.
async fn locked(tx: &Tx<'_>, table: &str, ids: Vec<Uuid>) -> Result<Vec<Uuid>, Failure> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let places = vec!["?"; ids.len()].join(", ");
    let mut found = Vec::new();
    for rest in ["", unchanging(tx.db())] {
        let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND id IN ({places}) {rest}");
        let values = std::iter::once(tx.org_id()).chain(ids.iter().copied()).map(sea_orm::Value::from);
        let rows = tx.db().query_all_raw(statement(tx.db(), &sql, values)).await?;
        let some: Result<HashSet<Uuid>, sea_orm::DbErr> = rows.into_iter().map(|row| row.try_get("", "id")).collect();
        found.push(some?);
    }
    let [there, free] = found.as_slice() else { return Ok(Vec::new()) };
    Ok(there.difference(free).copied().collect())
}

/// Whether no later change made the job void. The definition stays as it is until the transaction ends.
async fn is_current(tx: &Tx<'_>, asked: &ToFill) -> Result<bool, Failure> {
    tx.lock(fields::LOCK).await?;
    Ok(now(tx.db(), tx.org_id(), asked.field).await?.is_some_and(|now| now.filling == Some(asked.token)))
}
