//! What goes with a record, a bounded part in each transaction.

use std::collections::{BTreeMap, VecDeque};

use kehu_domain::kinds::{Contact, FollowUp, FollowUpKind};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Value,
};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::{has_fts5, locked, statement};
use crate::engine::Kind;
use crate::entities::{contact, follow_up};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::forget_values;
use crate::machine::remove::remove;
use crate::machine::{Machine, TRIES, pause, update};
use crate::ops::{children, number, summaries};
use crate::pii::padded;
use crate::queue::{NewJob, Step, Work};
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::search;
use crate::tx::Tx;

use super::{TIDYING, erased, jobs, ledger};

/// Rows of one transaction.
const ROWS: u64 = 100;
/// Entries of the journal that lose their values in one transaction.
const ENTRIES: i64 = 1000;

/// How much went, by table.
pub(super) type Counts = BTreeMap<String, u64>;

/// What is taken away in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Jobs that name it, or what hangs on it.
    Jobs,
    /// What came in through forms and led to it.
    Submissions,
    /// What hangs on it: the table, the kind, and the column that names it.
    Children(&'static str, &'static str, &'static str),
    /// Follow-ups that name a contact.
    Mentions,
    /// Values in the journal.
    Values,
    /// The row, and what stands beside it.
    Record,
}

/// The record.
#[derive(Clone, Debug)]
struct Target {
    kind: &'static str,
    table: &'static str,
    id: Uuid,
}

/// A record that is being erased.
pub(super) struct Erasing {
    caller: Caller,
    work: Option<Work>,
    target: Target,
    parts: VecDeque<Part>,
    counts: Counts,
}

/// What a transaction did.
struct Done {
    /// Whether something is left of the part.
    more: bool,
    counts: Vec<(&'static str, u64)>,
}

impl Done {
    fn with(more: bool, counts: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self { more, counts: counts.into_iter().collect() }
    }
}

impl Erasing {
    /// Of a record that was marked. Nothing is left to do where its row is gone: that goes last.
    pub(super) async fn of(caller: &Caller, machine: &dyn Machine, id: Uuid) -> Result<Self, Failure> {
        let (kind, table) = (machine.kind().name, machine.table());
        let alias = Kind::Integer.alias("n");
        let sql = format!("SELECT count(*) AS {alias} FROM {table} WHERE org_id = ? AND id = ?");
        let row = caller.gate().engine();
        let row = row.query_one_raw(statement(row, &sql, [caller.org().id.into(), id.into()])).await?;
        let there: i64 = row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or(0);
        // Follow-ups name contacts: they go first.
        let children = children::of(kind).rev().map(|(table, kind, column)| Part::Children(table, kind, column));
        let first: &[Part] = match kind {
            "customer" => &[Part::Jobs, Part::Submissions],
            "contact" => &[Part::Jobs, Part::Submissions, Part::Mentions],
            _ => &[Part::Jobs],
        };
        let parts = match there {
            0 => VecDeque::new(),
            _ => first.iter().copied().chain(children).chain([Part::Values, Part::Record]).collect(),
        };
        let target = Target { kind, table, id };
        Ok(Self { caller: caller.clone(), work: None, target, parts, counts: Counts::new() })
    }

    /// As a job, which notes how far it is.
    pub(super) fn within(self, work: &Work, before: Counts) -> Self {
        Self { work: Some(work.clone()), counts: before, ..self }
    }

    /// How much went.
    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Does one transaction. Whether something is left.
    pub(super) async fn step(&mut self) -> Result<bool, Failure> {
        let Some(part) = self.parts.front().copied() else { return Ok(false) };
        let mut tries = 1;
        let done = loop {
            match self.once(part).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                done => break done?,
            }
        };
        for (table, many) in done.counts.into_iter().filter(|(_, many)| *many > 0) {
            *self.counts.entry(table.to_owned()).or_default() += many;
        }
        if !done.more {
            self.parts.pop_front();
        }
        Ok(!self.parts.is_empty())
    }

    async fn once(&self, part: Part) -> Result<Done, Failure> {
        if part == Part::Jobs {
            let own = self.work.as_ref().map(Work::id);
            let gone = jobs::forget(&self.caller, self.target.kind, self.target.id, own).await?;
            return Ok(Done::with(false, [("jobs", gone)]));
        }
        let (target, work, before) = (self.target.clone(), self.work.clone(), self.counts.clone());
        self.caller
            .write(async move |tx: &Tx<'_>| {
                let done = match part {
                    Part::Jobs => Done::with(false, []),
                    Part::Submissions => submissions(tx, &target).await?,
                    // Boxed: what they await goes deep.
                    Part::Children(table, kind, column) => {
                        Box::pin(hanging(tx, (table, kind, column), &target)).await?
                    }
                    Part::Mentions => match Box::pin(mentions(tx, &[target.id])).await? {
                        done if done.more => done,
                        done => {
                            let below = Box::pin(below(tx, target.id)).await?;
                            Done::with(below.more, done.counts.into_iter().chain(below.counts))
                        }
                    },
                    Part::Values => values(tx, &target).await?,
                    Part::Record => record(tx, &target).await?,
                };
                if let Some(work) = work {
                    let mut counts = before;
                    for (table, many) in &done.counts {
                        *counts.entry((*table).to_owned()).or_default() += many;
                    }
                    work.note(tx, Step::default().checkpoint(json!(counts)));
                }
                Ok(done)
            })
            .await
    }
}

#[derive(FromQueryResult)]
struct Only {
    id: Uuid,
}

/// Ids of rows; `rest` follows the condition on the organisation.
async fn ids(tx: &Tx<'_>, table: &str, rest: &str, values: Vec<Uuid>) -> Result<Vec<Uuid>, Failure> {
    let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND {rest} ORDER BY id LIMIT {ROWS}");
    let values = std::iter::once(tx.org_id()).chain(values).map(Value::from);
    let rows = Only::find_by_statement(statement(tx.db(), &sql, values)).all(tx.db()).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// `?, ?, …`
fn places(many: usize) -> String {
    vec!["?"; many].join(", ")
}

/// Changes or deletes the rows that have one of the values; how many.
async fn all_of<V: Into<Value>>(tx: &Tx<'_>, what: &str, column: &str, these: Vec<V>) -> Result<u64, Failure> {
    if these.is_empty() {
        return Ok(0);
    }
    let sql = format!("{what} WHERE org_id = ? AND {column} IN ({})", places(these.len()));
    let values = std::iter::once(tx.org_id().into()).chain(these.into_iter().map(Into::into));
    Ok(tx.db().execute_raw(statement(tx.db(), &sql, values)).await?.rows_affected())
}

/// What came in through forms and led to the record.
async fn submissions(tx: &Tx<'_>, target: &Target) -> Result<Done, Failure> {
    let column = if target.kind == "contact" { "contact_id" } else { "customer_id" };
    let found = ids(tx, "submissions", &format!("{column} = ?"), vec![target.id]).await?;
    let many = found.len();
    forget_submissions(tx, found).await.map(|counts| Done::with(many > 0, counts))
}

/// Their entries say from which address they came.
async fn forget_submissions(tx: &Tx<'_>, found: Vec<Uuid>) -> Result<[(&'static str, u64); 3], Failure> {
    if found.is_empty() {
        return Ok([("submissions", 0), ("kept_answers", 0), ("journal_entries", 0)]);
    }
    let these = || padded(found.clone());
    all_of(tx, "DELETE FROM submission_bodies", "submission_id", these()).await?;
    all_of(tx, "UPDATE submissions SET repeat_of = NULL", "repeat_of", these()).await?;
    let kept = forget_answers(tx, &found).await?;
    let gone = all_of(tx, "DELETE FROM submissions", "id", these()).await?;
    let entries = forget_values(tx, &found, i64::MAX, i64::MAX).await?;
    if entries > 0 {
        found.iter().for_each(|id| tx.log(erased("submission", *id)));
    }
    Ok([("submissions", gone), ("kept_answers", kept), ("journal_entries", entries)])
}

/// Answers that show a record.
async fn forget_answers(tx: &Tx<'_>, records: &[Uuid]) -> Result<u64, Failure> {
    let locations = padded(records.iter().map(Uuid::to_string).collect::<Vec<_>>());
    all_of(tx, "DELETE FROM kept_answers", "location", locations).await
}

/// Some of what hangs on a record.
async fn hanging(
    tx: &Tx<'_>,
    (table, kind, column): (&'static str, &'static str, &'static str),
    target: &Target,
) -> Result<Done, Failure> {
    let sql = format!("SELECT id FROM {} WHERE org_id = ? AND id = ? {}", target.table, locked(tx.db()));
    tx.db().query_all_raw(statement(tx.db(), &sql, [tx.org_id().into(), target.id.into()])).await?;
    let found = ids(tx, table, &format!("{column} = ?"), vec![target.id]).await?;
    if found.is_empty() {
        return Ok(Done::with(false, []));
    }
    if kind == "contact" {
        // A contact may have come from another customer.
        let named = mentions(tx, &found).await?;
        let sent = ids(tx, "submissions", &format!("contact_id IN ({})", places(found.len())), found.clone()).await?;
        if named.more || !sent.is_empty() {
            let gone = forget_submissions(tx, sent).await?;
            return Ok(Done::with(true, named.counts.into_iter().chain(gone)));
        }
    }
    let said = json!({ column: target.id });
    Ok(Done::with(true, forget(tx, kind, table, &found, &said).await?))
}

/// Follow-ups that name contacts: those that a form wrote say what the person sent, and go; others stay without the
/// person. What changes is a change like any other, for whoever follows them.
async fn mentions(tx: &Tx<'_>, contacts: &[Uuid]) -> Result<Done, Failure> {
    use follow_up::Column as C;
    let named = follow_up::Entity::find()
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::ContactId.is_in(padded(contacts.to_vec())))
        .order_by_asc(C::Id)
        .limit(ROWS)
        .lock_exclusive()
        .all(tx.db())
        .await?;
    let found: Vec<Uuid> = named.iter().map(|row| row.id).collect();
    // They show the contact's name.
    let mut counts = vec![("kept_answers", forget_answers(tx, &found).await?)];
    let (sent, others): (Vec<_>, Vec<_>) = named.into_iter().partition(|row| row.kind == FollowUpKind::Form.key());
    let (deleted, living): (Vec<_>, Vec<_>) = sent.into_iter().partition(|row| row.deleted_at.is_some());
    for row in &living {
        // Its entry says what it was, and is written with this transaction: the next one takes it away.
        Box::pin(remove::<FollowUp>(tx, row.id, None)).await?;
    }
    summaries::without(tx, &deleted).await?;
    let deleted: Vec<Uuid> = deleted.iter().map(|row| row.id).collect();
    if !deleted.is_empty() {
        for (table, kind, column) in children::of("follow_up") {
            let these = format!("{column} IN ({})", places(deleted.len()));
            let hanging = ids(tx, table, &these, deleted.clone()).await?;
            if !hanging.is_empty() {
                // What hangs on them goes first; they are found again.
                counts.extend(forget(tx, kind, table, &hanging, &json!({})).await?);
                return Ok(Done::with(true, counts));
            }
        }
        counts.extend(forget(tx, "follow_up", "follow_ups", &deleted, &json!({})).await?);
    }
    counts.push(("mentions", u64::try_from(others.len()).unwrap_or(u64::MAX)));
    for row in others {
        let (before, touched) = FollowUp::from_row(row, &Opener(tx.caller().ring()))?;
        let data = FollowUp { contact_id: None, ..before.data.clone() };
        Box::pin(update::write(tx, &before, &touched, data)).await?;
    }
    Ok(Done::with(!found.is_empty(), counts))
}

/// Contacts that report to one that goes: they stay without it.
async fn below(tx: &Tx<'_>, contact: Uuid) -> Result<Done, Failure> {
    use contact::Column as C;
    let named = contact::Entity::find()
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::ReportsToId.eq(contact))
        .order_by_asc(C::Id)
        .limit(ROWS)
        .lock_exclusive()
        .all(tx.db())
        .await?;
    let found: Vec<Uuid> = named.iter().map(|row| row.id).collect();
    // They show the contact's name.
    let many = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let counts = [("kept_answers", forget_answers(tx, &found).await?), ("mentions", many)];
    for row in named {
        let (before, touched) = Contact::from_row(row, &Opener(tx.caller().ring()))?;
        let data = Contact { reports_to_id: None, ..before.data.clone() };
        Box::pin(update::write(tx, &before, &touched, data)).await?;
    }
    Ok(Done::with(!found.is_empty(), counts))
}

/// Deleted records that hang on the one that is erased: their values first, then all of them.
async fn forget(
    tx: &Tx<'_>,
    kind: &'static str,
    table: &'static str,
    records: &[Uuid],
    said: &serde_json::Value,
) -> Result<Vec<(&'static str, u64)>, Failure> {
    let entries = forget_values(tx, records, i64::MAX, ENTRIES).await?;
    let mut counts = vec![("journal_entries", entries)];
    // With every part that goes: a verification between two of them knows why values are missing.
    for id in records {
        tx.log(erased(kind, *id).saying(said));
    }
    if entries == u64::try_from(ENTRIES).unwrap_or_default() {
        return Ok(counts);
    }
    ledger::note(tx, kind, records).await?;
    counts.extend(delete(tx, table, records).await?);
    Ok(counts)
}

#[derive(FromQueryResult)]
struct Place {
    seq: i64,
}

/// Values in the record's entries in front of the one that says that it was erased.
async fn values(tx: &Tx<'_>, target: &Target) -> Result<Done, Failure> {
    let sql = "SELECT seq FROM journal WHERE org_id = ? AND record_id = ? AND event = ? ORDER BY seq DESC LIMIT 1";
    let event = format!("{}.erased", target.kind);
    let values = [tx.org_id().into(), target.id.into(), event.into()];
    let place = Place::find_by_statement(statement(tx.db(), sql, values)).one(tx.db()).await?;
    let place = place.map_or(0, |place| place.seq);
    let gone = forget_values(tx, &[target.id], place, ENTRIES).await?;
    Ok(Done::with(gone > 0, [("journal_entries", gone)]))
}

/// The row itself.
async fn record(tx: &Tx<'_>, target: &Target) -> Result<Done, Failure> {
    let counts = delete(tx, target.table, &[target.id]).await?;
    if has_fts5(tx.db()) {
        tx.enqueue(NewJob::new(&TIDYING, json!({})).unique(TIDYING.name()));
    }
    Ok(Done::with(false, counts))
}

/// Deletes rows of records and what stands beside them.
async fn delete(tx: &Tx<'_>, table: &'static str, records: &[Uuid]) -> Result<Vec<(&'static str, u64)>, Failure> {
    let these = || padded(records.to_vec());
    all_of(tx, "DELETE FROM collaborators", "customer_id", these()).await?;
    let links = all_of(tx, "DELETE FROM tag_links", "record_id", these()).await?;
    all_of(tx, "DELETE FROM custom_links", "record_id", these()).await?;
    all_of(tx, "DELETE FROM segment_members", "record_id", these()).await?;
    let index = all_of(tx, "DELETE FROM pii_index", "record_id", these()).await?;
    for record in records {
        search::remove(tx.db(), tx.org_id(), *record).await?;
    }
    // Why it was not changed with others, and that it was.
    all_of(tx, "DELETE FROM bulk_records", "record_id", these()).await?;
    let kept = forget_answers(tx, records).await?;
    if table == "customers" {
        number::retire(tx, records).await?;
    }
    let gone = all_of(tx, &format!("DELETE FROM {table}"), "id", these()).await?;
    if table == "attachments" {
        // Without its key, which goes with the row, a file says nothing; it goes once the row is gone for certain.
        let (files, org, these) = (tx.caller().gate().files().clone(), tx.org_id(), records.to_vec());
        tx.after_commit(move || these.into_iter().for_each(|file| files.remove(org, file)));
    }
    Ok(vec![("tag_links", links), ("index_entries", index), ("kept_answers", kept), (table, gone)])
}
