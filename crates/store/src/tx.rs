//! A write transaction of a caller. Record rows are written at once; what stands behind them (journal, index, search,
//! links, summaries) is gathered and written once, just before the commit.

mod behind;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kehu_domain::custom::{CustomFields, CustomValues};
use kehu_domain::read::Finding;
use kehu_domain::show::Name;
use sea_orm::{ActiveModelTrait, ConnectionTrait, IntoActiveModel, ModelTrait};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::new_id;
use crate::crypto::index::IndexClass;
use crate::crypto::roots::KeyRing;
use crate::dialect::{has_concurrent_writers, lane, statement};
use crate::engine;
use crate::entities::{custom_link, journal as journal_row, kept_answer, pii_index, tag_link};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::inserts::{self, Insert};
use crate::journal::Entry;
use crate::keys::guard;
use crate::machine::warning::{self, Warning};
use crate::ops::references::CustomerHead;
use crate::ops::summaries::Counted;
use crate::queue::{NewJob, Step};
use kehu_domain::text::document;

use crate::search::Document;
use crate::{kept, ops, pii, queue};

/// Something to do once the transaction is on the disk: the only way to touch a cache.
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

/// A write transaction.
pub(crate) struct Tx<'a> {
    db: &'a engine::Tx,
    caller: Caller,
    now: DateTime<Utc>,
    gathered: RefCell<Gathered>,
    customers: RefCell<HashMap<Uuid, CustomerHead>>,
    /// Values that parts which were kept put into the index.
    before: RefCell<Held>,
    /// Whether the caller's keys were looked at when the transaction began.
    settled: bool,
    /// The keys of the installation, once something is indexed with them.
    installation: OnceCell<Arc<KeyRing>>,
}

/// Records by the value they hold.
type Held = HashMap<(IndexClass, String), Vec<pii::Hit>>;

fn merge(into: &mut Held, part: Held) {
    for (value, hits) in part {
        into.entry(value).or_default().extend(hits);
    }
}

/// What is written at the end.
#[derive(Default)]
struct Gathered {
    index: Vec<pii_index::Model>,
    held: Held,
    index_gone: Vec<Uuid>,
    search: Vec<Document>,
    search_gone: Vec<Uuid>,
    links: Vec<tag_link::Model>,
    links_gone: Vec<tag_link::Model>,
    picks: Vec<custom_link::Model>,
    picks_gone: Vec<custom_link::Model>,
    summaries: BTreeMap<Uuid, Counted>,
    kept: Vec<kept_answer::Model>,
    journal: Vec<Entry>,
    jobs: Vec<NewJob>,
    /// What a job that writes notes of itself.
    step: Option<Step>,
    names: HashMap<Uuid, Name>,
    /// What the answer of this request alone shows of records that it made.
    secrets: HashMap<Uuid, Zeroizing<String>>,
    /// What rules say of records that are written all the same.
    warnings: HashMap<Uuid, Vec<Finding>>,
    people_changed: bool,
    after: Vec<AfterCommit>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(db: &'a engine::Tx, caller: Caller, now: DateTime<Utc>) -> Self {
        Self {
            db,
            caller: caller.pinned(),
            now,
            gathered: RefCell::default(),
            customers: RefCell::default(),
            before: RefCell::default(),
            settled: false,
            installation: OnceCell::new(),
        }
    }

    /// The same, after a look at the caller's keys.
    pub(crate) async fn begin(db: &'a engine::Tx, caller: Caller, now: DateTime<Utc>) -> Result<Self, Failure> {
        let caller = guard::settle(db, caller).await?;
        Ok(Self::settled(db, caller, now))
    }

    /// Of a caller whose keys were looked at just now.
    fn settled(db: &'a engine::Tx, caller: Caller, now: DateTime<Utc>) -> Self {
        Self { settled: true, ..Self::new(db, caller, now) }
    }

    /// The statements.
    pub(crate) fn db(&self) -> &'a engine::Tx {
        self.db
    }

    /// Who writes.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The organisation that is written to.
    pub(crate) fn org_id(&self) -> Uuid {
        self.caller.org().id
    }

    /// The moment of the transaction, the same for all it writes.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether nobody else can write at the same time.
    pub(crate) fn db_is_alone(&self) -> bool {
        !has_concurrent_writers(self.db)
    }

    /// The keys of the installation, for an index of sign-in names that is written: the same ones all through.
    pub(crate) fn installation_ring(&self) -> Result<Arc<KeyRing>, Failure> {
        if let Some(ring) = self.installation.get() {
            return Ok(ring.clone());
        }
        let ring = self.caller.gate().installation_ring()?;
        Ok(self.installation.get_or_init(|| ring).clone())
    }

    /// Refuses to commit what was sealed or indexed under roots that are not primary any more.
    async fn guard_keys(&self) -> Result<(), Failure> {
        let installation = self.installation.get().map(|ring| (&**ring, false));
        for (ring, settled) in [Some((self.caller.ring(), self.settled)), installation].into_iter().flatten() {
            self.db.at_commit(guard::at_commit(ring));
            if self.db_is_alone() && !settled && !guard::is_current(self.db, ring).await? {
                return Err(Failure::Engine(engine::EngineError::Busy));
            }
        }
        Ok(())
    }

    /// On PostgreSQL, makes other transactions of the organisation that ask for the same wait until this one ends.
    pub(crate) async fn lock(&self, purpose: &str) -> Result<(), Failure> {
        if has_concurrent_writers(self.db) {
            // As text: it goes together with the beginning of the transaction.
            let sql = format!("SELECT count(pg_advisory_xact_lock({})) AS locked", lane(purpose, self.org_id()));
            self.db.execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    /// A fresh id.
    pub(crate) fn new_id(&self) -> Uuid {
        new_id(self.now)
    }

    pub(crate) fn log(&self, entry: Entry) {
        self.gathered.borrow_mut().journal.push(entry);
    }

    /// Puts a record's values into the index; rows and values stand in the same order.
    pub(crate) fn index(&self, rows: Vec<pii_index::Model>, values: &[pii::Entry]) {
        let mut gathered = self.gathered.borrow_mut();
        for (row, value) in rows.iter().zip(values) {
            let hit = pii::Hit {
                entry: 0,
                kind: row.kind.clone(),
                record_id: row.record_id,
                parent_id: row.parent_id,
                strong: row.strong,
            };
            gathered.held.entry((value.class, value.value.clone())).or_default().push(hit);
        }
        gathered.index.extend(rows);
    }

    /// Records that hold a value and were put into the index by this transaction.
    pub(crate) fn held(&self, value: &pii::Entry) -> Vec<pii::Hit> {
        let key = (value.class, value.value.clone());
        let (gathered, before) = (self.gathered.borrow(), self.before.borrow());
        [&gathered.held, &*before].into_iter().filter_map(|held| held.get(&key)).flatten().cloned().collect()
    }

    /// Takes every entry of a record out of the index before new ones are written.
    pub(crate) fn unindex(&self, record: Uuid) {
        let mut gathered = self.gathered.borrow_mut();
        gathered.index.retain(|row| row.record_id != record);
        for held in gathered.held.values_mut().chain(self.before.borrow_mut().values_mut()) {
            held.retain(|hit| hit.record_id != record);
        }
        gathered.index_gone.push(record);
    }

    pub(crate) fn search(&self, kind: &'static str, record: Uuid, text: &document::Document, fresh: bool) {
        let mut gathered = self.gathered.borrow_mut();
        // One document of each record; the last one counts.
        let earlier = gathered.search.iter().position(|document| document.record == record);
        let fresh = match earlier {
            Some(at) => gathered.search.swap_remove(at).fresh,
            None => fresh,
        };
        gathered.search.push(Document::new(kind, record, text, fresh));
    }

    /// Keeps the answer of this request.
    pub(crate) fn keep(&self, answer: kept_answer::Model) {
        self.gathered.borrow_mut().kept.push(answer);
    }

    pub(crate) fn unsearch(&self, record: Uuid) {
        self.gathered.borrow_mut().search_gone.push(record);
    }

    /// Links and unlinks tags of a record.
    pub(crate) fn link(&self, kind: &'static str, record: Uuid, before: &[Uuid], after: &[Uuid]) {
        let org_id = self.org_id();
        let link = |tag: &Uuid| tag_link::Model { org_id, tag_id: *tag, kind: kind.to_owned(), record_id: record };
        let mut gathered = self.gathered.borrow_mut();
        gathered.links.extend(after.iter().filter(|tag| !before.contains(tag)).map(link));
        gathered.links_gone.extend(before.iter().filter(|tag| !after.contains(tag)).map(link));
    }

    /// What hangs on a customer changed: its summaries follow at the end.
    pub(crate) fn count(&self, customer: Uuid, counted: Counted) {
        self.gathered.borrow_mut().summaries.entry(customer).or_default().add(counted);
    }

    /// Links and unlinks what a record has of fields that are asked for by links.
    pub(crate) fn pick(&self, fields: &CustomFields, record: Uuid, before: &CustomValues, after: &CustomValues) {
        if before == after {
            return;
        }
        let org_id = self.org_id();
        let mut gathered = self.gathered.borrow_mut();
        for field in fields.iter().filter(|field| field.filterable && field.has_links()) {
            let of = |values: &CustomValues| values.0.get(&field.no).map(|kept| field.links(kept)).unwrap_or_default();
            let (old, new) = (of(before), of(after));
            let link = |value: &String| custom_link::Model {
                org_id,
                field_id: field.id,
                value: value.clone(),
                record_id: record,
            };
            gathered.picks.extend(new.iter().filter(|value| !old.contains(value)).map(link));
            gathered.picks_gone.extend(old.iter().filter(|value| !new.contains(value)).map(link));
        }
    }

    /// Users, teams or tags changed: what servers keep in memory of the organisation is out of date.
    pub(crate) fn people_changed(&self) {
        self.gathered.borrow_mut().people_changed = true;
    }

    /// Remembers the name of a record that this transaction made, for its own answer.
    pub(crate) fn remember_name(&self, id: Uuid, name: Name) {
        self.gathered.borrow_mut().names.insert(id, name);
    }

    /// The name of a record that this transaction made.
    pub(crate) fn remembered_name(&self, id: Uuid) -> Option<Name> {
        self.gathered.borrow().names.get(&id).cloned()
    }

    /// A customer that this transaction looked up.
    pub(crate) fn known_customer(&self, id: Uuid) -> Option<CustomerHead> {
        self.customers.borrow().get(&id).cloned()
    }

    pub(crate) fn know_customer(&self, id: Uuid, head: CustomerHead) {
        self.customers.borrow_mut().insert(id, head);
    }

    /// Shows a secret in the answer of this request: it is kept nowhere.
    pub(crate) fn show_once(&self, id: Uuid, secret: &str) {
        self.gathered.borrow_mut().secrets.insert(id, Zeroizing::new(secret.to_owned()));
    }

    /// The secret of a record that this transaction made.
    pub(crate) fn secret_of(&self, id: Uuid) -> Option<Zeroizing<String>> {
        self.gathered.borrow().secrets.get(&id).cloned()
    }

    /// Notes what rules say of a record that is written all the same.
    pub(crate) fn warn(&self, id: Uuid, findings: Vec<Finding>) {
        if !findings.is_empty() {
            self.gathered.borrow_mut().warnings.entry(id).or_default().extend(findings);
        }
    }

    /// What rules say of a record that this transaction wrote.
    pub(crate) fn warnings_of(&self, id: Uuid) -> Vec<Warning> {
        self.gathered.borrow().warnings.get(&id).map(|found| warning::of_all(found)).unwrap_or_default()
    }

    /// Asks for a job: it is there if this transaction commits. Gives its id, which means nothing where a job under the
    /// same unique key waits or runs.
    pub(crate) fn enqueue(&self, job: NewJob) -> Uuid {
        let id = self.new_id();
        self.gathered.borrow_mut().jobs.push(job.with_id(id));
        id
    }

    /// Notes how far the job is that writes.
    pub(crate) fn step(&self, step: Step) {
        self.gathered.borrow_mut().step = Some(step);
    }

    /// Has this process's runner look at the queue after the commit.
    pub(crate) fn ring(&self) {
        let gate = self.caller.gate().clone();
        self.after_commit(move || gate.board().bell.notify_one());
    }

    pub(crate) fn after_commit(&self, act: impl FnOnce() + Send + 'static) {
        self.gathered.borrow_mut().after.push(Box::new(act));
    }

    /// Runs a part that may fail by itself: its statements are undone, what it gathered is dropped, and the
    /// transaction goes on. One level only.
    pub(crate) async fn attempt<T>(&self, job: impl AsyncFnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut before = std::mem::take(&mut *self.gathered.borrow_mut());
        // What earlier parts put into the index stays visible: an item may meet one of them.
        merge(&mut self.before.borrow_mut(), std::mem::take(&mut before.held));
        self.gathered.borrow_mut().names.clone_from(&before.names);
        let known = self.customers.borrow().clone();
        let result = self.db.attempt(async |_| job().await).await;
        if result.is_err() {
            // The locks that kept them as they were are gone.
            *self.customers.borrow_mut() = known;
        }
        let part = std::mem::replace(&mut *self.gathered.borrow_mut(), before);
        if result.is_ok() {
            self.gathered.borrow_mut().join(part);
        }
        result
    }

    /// Writes what was gathered. Journal entries come last.
    pub(crate) async fn finish(self) -> Result<Vec<AfterCommit>, Failure> {
        let summaries = std::mem::take(&mut self.gathered.borrow_mut().summaries);
        ops::summaries::refresh(&self, summaries).await?;
        if !self.gathered.borrow().jobs.is_empty() {
            self.ring();
        }
        let mut gathered = self.gathered.take();
        let org = self.org_id();
        let [index, documents, links, picks] = self.clear_behind(gathered.behind()).await?;
        let mut after = gathered.after;
        if gathered.people_changed {
            let sql = "UPDATE organisations SET state = state + 1 WHERE id = ?";
            self.db.execute_raw(statement(self.db, sql, [org.into()])).await?;
            let gate = self.caller.gate().clone();
            after.push(Box::new(move || gate.forget_org(org)));
        }
        if let Some((id, lease)) = self.caller.fence() {
            queue::hold(&self, id, lease, gathered.step).await?;
        }
        let jobs = queue::rows(&self, gathered.jobs)?;
        let kept = rows_of(gathered.kept).on_conflict(kept::REPLACE);
        let journal = gathered.journal.into_iter().map(|entry| entry.into_row(&self)).collect::<Result<_, _>>()?;
        let journal = Insert::of::<journal_row::ActiveModel>(journal);
        inserts::write(self.db, vec![index, documents, links, picks, kept, jobs, journal]).await?;
        self.guard_keys().await?;
        Ok(after)
    }
}

impl Gathered {
    fn join(&mut self, part: Self) {
        self.index.extend(part.index);
        merge(&mut self.held, part.held);
        self.index_gone.extend(part.index_gone);
        self.search.extend(part.search);
        self.search_gone.extend(part.search_gone);
        self.links.extend(part.links);
        self.links_gone.extend(part.links_gone);
        for (customer, counted) in part.summaries {
            self.summaries.entry(customer).or_default().add(counted);
        }
        self.picks.extend(part.picks);
        self.picks_gone.extend(part.picks_gone);
        self.kept.extend(part.kept);
        self.journal.extend(part.journal);
        self.jobs.extend(part.jobs);
        self.step = part.step.or(self.step.take());
        self.names.extend(part.names);
        self.secrets.extend(part.secrets);
        self.warnings.extend(part.warnings);
        self.people_changed |= part.people_changed;
        self.after.extend(part.after);
    }
}

fn rows_of<M: ModelTrait + IntoActiveModel<A>, A: ActiveModelTrait>(rows: Vec<M>) -> Insert {
    // A row out of a model counts as unchanged, all of its columns there.
    Insert::of(rows.into_iter().map(IntoActiveModel::into_active_model).collect())
}
