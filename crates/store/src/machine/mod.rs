//! The record machine: every verb of every kind, written once.

mod access;
mod along;
pub(crate) mod answer;
mod batch;
mod brought;
mod by_key;
mod client_ids;
pub(crate) mod compared;
pub(crate) mod counting;
mod counts;
pub(crate) mod create;
pub(crate) mod custom;
mod custom_page;
pub(crate) mod deleted;
mod doors;
pub(crate) mod draft;
mod dry_run;
mod expand;
mod facets;
mod fill;
mod judged;
mod lead;
mod lookup;
mod match_keys;
pub(crate) mod names;
pub mod operations;
mod page;
mod prepared;
pub(crate) mod question;
mod ranked;
pub(crate) mod read;
mod redocument;
mod refill;
mod rehearse;
mod reindex;
pub(crate) mod remove;
mod reveal;
pub(crate) mod selected;
pub(crate) mod several;
mod source_times;
pub(crate) mod update;
mod upsert;
mod upsert_body;
pub(crate) mod warning;
mod written;

use std::any::Any;
use std::pin::Pin;

use kehu_domain::field::Find;
use kehu_domain::filter::{Fact, Member, Scalar};
use kehu_domain::kinds::Contact;
use kehu_domain::record::{Base, Kind, Record as _, Stored, Veiled};
use kehu_domain::show::{Out, View};
use kehu_domain::text::document::Document;
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::ops::duplicates;
use crate::org::Org;
use crate::pii;
use crate::rows::{LeftBehind, Ownership, Rows};
use crate::shapes;
use crate::tx::Tx;

pub use crate::registry::{resource, resources};
pub use access::access;
pub use answer::{Answer, Asked};
pub use batch::{BatchItem, batch};
pub use by_key::{get_by, put_by};
pub use counts::counts;
pub use doors::{create, delete, get, list, restore, search, update};
pub use dry_run::preview_delete;
pub(crate) use expand::is_expansion;
pub use expand::{EXPANSIONS, Expansion, expansion_paths};
pub use facets::{facets, groupings};
pub use lookup::lookup;
pub use rehearse::{Rehearsal, validate};
pub use reveal::reveal;
pub use upsert::{UpsertItem, UpsertStatus, upsert};
pub use warning::Warning;
pub use written::{Idempotency, Verb, WriteOptions, Written};

pub(crate) use compared::{Brought, Compared};
pub(crate) use doors::{TRIES, Work, many, pause, still_readable};

/// A future that stays on its thread.
pub(crate) type Local<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// A new record that was parsed and keeps the rules: everything that needs no database.
pub(crate) struct Draft(Box<dyn Any + Send>);

/// A stored record of any kind.
pub(crate) trait Shown: Send {
    /// What every record has.
    fn base(&self) -> &Base;
    /// Names and fields.
    fn kind(&self) -> &'static Kind;
    /// The kind's own members.
    fn show(&self, out: &mut Out, view: &dyn View, veiled: &mut Veiled);
    /// Ids whose names the answer shows.
    fn refs(&self, ids: &mut Vec<Uuid>);
    /// The record that a reference field points to.
    fn target(&self, field: &str) -> Option<Uuid>;
    /// The customer it belongs to, or itself.
    fn customer(&self) -> Uuid;
    /// The name that others show for it.
    fn name(&self) -> Option<&str>;
    /// What a filter that asks for a member is held against.
    fn fact(&self, member: Member) -> Fact;
    /// The forms under which it is found by its own sealed values.
    fn forms(&self, find: Find) -> Vec<String>;
}

impl<R: Rows> Shown for Stored<R> {
    fn base(&self) -> &Base {
        &self.base
    }
    fn kind(&self) -> &'static Kind {
        R::KIND
    }
    fn show(&self, out: &mut Out, view: &dyn View, veiled: &mut Veiled) {
        self.data.show(out, view, veiled);
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        self.data.refs(ids);
    }
    fn target(&self, field: &str) -> Option<Uuid> {
        self.data.targets().into_iter().find(|(known, _)| known.name == field).map(|(_, id)| id)
    }
    fn customer(&self) -> Uuid {
        match self.data.ownership() {
            Ownership::OfCustomer(customer) => customer,
            _ => self.base.id,
        }
    }
    fn name(&self) -> Option<&str> {
        self.data.name()
    }
    fn fact(&self, member: Member) -> Fact {
        let base = &self.base;
        match member.name {
            "id" => Fact::One(Scalar::Id(base.id)),
            "version" => Fact::One(Scalar::Int(base.version)),
            "created_at" => Fact::One(Scalar::Time(base.created_at)),
            "updated_at" => Fact::One(Scalar::Time(base.updated_at)),
            "created_by" => base.created_by.map_or(Fact::Missing, |id| Fact::One(Scalar::Id(id))),
            _ => self.data.fact(member),
        }
    }
    fn forms(&self, find: Find) -> Vec<String> {
        if let (Find::Birthday, Some(day)) = (find, self.data.birthday()) {
            return day.asked_forms();
        }
        let class = pii::class_of(find);
        self.data.entries().into_iter().filter(|entry| entry.class == class).map(|entry| entry.value).collect()
    }
}

/// What became of each of several new records.
pub(crate) type Outcomes = Vec<Result<Uuid, Failure>>;

/// What a change is made with.
pub(crate) struct Change {
    pub(crate) id: Uuid,
    pub(crate) body: Value,
    /// The version that the client saw.
    pub(crate) expected: Option<i64>,
    pub(crate) allow_duplicate: bool,
}

/// What a change did.
pub(crate) struct Changed {
    pub(crate) record: Box<dyn Shown>,
    /// Whether anything differs from before.
    pub(crate) written: bool,
    /// Values that were brought and not written.
    pub(crate) compared: Compared,
}

/// Every verb of one kind, the kind erased.
pub(crate) trait Machine: Sync {
    /// Names and fields.
    fn kind(&self) -> &'static Kind;
    /// The table of its records.
    fn table(&self) -> &'static str;
    /// Whether its records can be deleted; people are disabled instead.
    fn removable(&self) -> bool;
    /// Whether its records can be erased for good: persons and companies.
    fn erasable(&self) -> bool;
    /// Whether a new one comes with a file.
    fn uploaded(&self) -> bool;
    /// Whether many can be made at once; users come one by one, each with a way in.
    fn batched(&self) -> bool;
    /// Parses a new record, with all that was found wrong.
    fn draft(&self, caller: &Caller, body: Value) -> Result<Draft, Failure>;
    /// The strong keys of a draft, for [`duplicates::lock`](crate::ops::duplicates::lock).
    fn strong_keys(&self, draft: &Draft) -> Vec<String>;
    /// Writes a draft.
    fn insert<'t>(&'t self, tx: &'t Tx<'_>, draft: Draft, allow_duplicate: bool) -> Local<'t, Box<dyn Shown>>;
    /// Whether drafts can be written together.
    fn together(&self) -> bool;
    /// Writes drafts together; each has its own outcome.
    fn insert_set<'t>(&'t self, tx: &'t Tx<'_>, drafts: Vec<Draft>, allow_duplicate: bool) -> Local<'t, Outcomes>;
    /// Values of a body for fields that the caller sees masked.
    fn veiled(&self, caller: &Caller, body: &Value) -> Brought;
    /// Changes a record.
    fn change<'t>(&'t self, tx: &'t Tx<'_>, change: Change) -> Local<'t, Changed>;
    /// Deletes a record.
    fn remove<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, ()>;
    /// Looks what deleting a record would do; nothing is written.
    fn plan_removal<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, dry_run::Plan>;
    /// Records that would stay, and lose what they say of it.
    fn left_behind<'t>(&'t self, caller: &'t Caller, id: Uuid, customer: Uuid) -> Local<'t, Vec<LeftBehind>>;
    /// Takes a deleted record back.
    fn restore<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, Box<dyn Shown>>;
    /// The strong keys of what was deleted along with a record, which a column names.
    fn keys_of_children<'t>(&'t self, tx: &'t Tx<'_>, which: along::Which, parent: Uuid) -> Local<'t, Vec<String>>;
    /// Puts what was deleted along with a record into index and search again; refused where its keys are taken.
    fn find_children<'t>(&'t self, tx: &'t Tx<'_>, which: along::Which, parent: Uuid) -> Local<'t, ()>;
    /// The strong keys that a patch may bring.
    fn brought_keys(&self, caller: &Caller, body: &Value) -> Vec<String>;
    /// Living records of those ids within the caller's reach, as the transaction sees them.
    fn peek<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, Vec<Box<dyn Shown>>>;
    /// Records of those ids within the caller's reach, in no order.
    fn load<'t>(&'t self, caller: &'t Caller, ids: Vec<Uuid>) -> Local<'t, Vec<Box<dyn Shown>>>;
    /// A record within the caller's reach; a deleted one where its deletion is too.
    fn load_or_deleted<'t>(&'t self, caller: &'t Caller, id: Uuid) -> Local<'t, Option<Box<dyn Shown>>>;
    /// A page of records.
    fn page<'t>(&'t self, caller: &'t Caller, asked: &'t Asked) -> Local<'t, page::Page>;
    /// Living records that hang on those customers, the oldest first, so many of each at most.
    fn of_customers<'t>(
        &'t self,
        caller: &'t Caller,
        customers: Vec<Uuid>,
        each: u64,
    ) -> Local<'t, Vec<Box<dyn Shown>>>;
    /// Puts what records are asked for by beside their custom values anew; which were not locked by somebody else.
    fn refill<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, Vec<Uuid>>;
    fn redocument<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, usize>;
    /// Puts records into the index of sealed values anew; how many were not locked by somebody else.
    fn reindex<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, u64>;
}

/// A kind of record, as the doors take it.
#[derive(Clone, Copy)]
pub struct Resource(pub(crate) &'static dyn Machine);

impl Resource {
    /// Names and fields.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        self.0.kind()
    }

    /// Whether its records can be deleted; people are disabled instead.
    #[must_use]
    pub fn removable(self) -> bool {
        self.0.removable()
    }

    /// Whether its records can be erased for good: persons and companies.
    #[must_use]
    pub fn erasable(self) -> bool {
        self.0.erasable()
    }

    /// Whether a new one comes with a file, and not as JSON.
    #[must_use]
    pub fn uploaded(self) -> bool {
        self.0.uploaded()
    }

    /// Whether its records may come from other systems: they have ids there, clients may make theirs, and they are
    /// written by keys.
    #[must_use]
    pub fn keyed(self) -> bool {
        self.kind().fields.iter().any(|field| field.find == Some(Find::ExternalId))
    }

    /// Whether many can be made at once; users come one by one, each with a way in.
    #[must_use]
    pub fn batched(self) -> bool {
        self.0.batched()
    }
}

/// The machine of a kind.
pub(crate) struct Of<R>(std::marker::PhantomData<fn() -> R>);

impl<R> Of<R> {
    pub(crate) const NEW: Self = Self(std::marker::PhantomData);
}

/// All that a record is found under, or may be the only one to have.
pub(crate) fn found_under<R: Rows>(org: &Org, record: &Stored<R>) -> Vec<pii::Entry> {
    let mut entries = record.data.entries();
    entries.extend(custom::entries(org.custom(R::KIND.name), &record.base.custom));
    entries
}

/// What a record is found by; nothing where its kind is not searched.
pub(crate) fn document<R: Rows>(org: &Org, record: &Stored<R>) -> Document {
    let mut document = record.data.document();
    custom::describe(org.custom(R::KIND.name), &record.base.custom, &mut document);
    document
}

fn erase<R: Rows>(records: Vec<Stored<R>>) -> Vec<Box<dyn Shown>> {
    records.into_iter().map(|record| -> Box<dyn Shown> { Box::new(record) }).collect()
}

impl<R: Rows> Machine for Of<R> {
    fn kind(&self) -> &'static Kind {
        R::KIND
    }
    fn table(&self) -> &'static str {
        sea_orm::EntityName::table_name(&R::Entity::default())
    }
    fn removable(&self) -> bool {
        R::REMOVABLE
    }
    fn erasable(&self) -> bool {
        R::ERASABLE
    }
    fn uploaded(&self) -> bool {
        R::UPLOADED
    }
    fn batched(&self) -> bool {
        R::BATCHED
    }
    fn draft(&self, caller: &Caller, body: Value) -> Result<Draft, Failure> {
        draft::parse::<R>(caller, body).map(|draft| Draft(Box::new(draft)))
    }
    fn strong_keys(&self, draft: &Draft) -> Vec<String> {
        let new = draft.0.downcast_ref::<draft::New<R>>();
        let keys = |new: &draft::New<R>| {
            let mut keys = duplicates::strong_keys(&new.entries(), new.record.data.credit_code());
            keys.extend(new.said.map(|_| client_ids::key(new.id)));
            keys
        };
        new.map(keys).unwrap_or_default()
    }
    fn insert<'t>(&'t self, tx: &'t Tx<'_>, draft: Draft, allow_duplicate: bool) -> Local<'t, Box<dyn Shown>> {
        Box::pin(async move {
            let draft = draft.0.downcast::<draft::New<R>>();
            let draft = draft.map_err(|_| Failure::Internal("a draft of another kind".into()))?;
            let stored = create::insert(tx, *draft, allow_duplicate).await?;
            Ok::<Box<dyn Shown>, Failure>(Box::new(stored))
        })
    }
    fn together(&self) -> bool {
        R::TOGETHER
    }
    fn insert_set<'t>(&'t self, tx: &'t Tx<'_>, drafts: Vec<Draft>, allow_duplicate: bool) -> Local<'t, Outcomes> {
        Box::pin(async move {
            let set = drafts.into_iter().map(|draft| draft.0.downcast::<draft::New<R>>().map(|new| *new));
            let set =
                set.collect::<Result<Vec<_>, _>>().map_err(|_| Failure::Internal("a draft of another kind".into()))?;
            let made = create::insert_set(tx, set, allow_duplicate).await?;
            Ok(made.into_iter().map(|made| made.map(|made| made.record.base.id)).collect())
        })
    }
    fn veiled(&self, caller: &Caller, body: &Value) -> Brought {
        Brought::of(caller, R::KIND, R::BRINGS_CONTACTS.then_some(Contact::KIND), body)
    }
    fn change<'t>(&'t self, tx: &'t Tx<'_>, change: Change) -> Local<'t, Changed> {
        Box::pin(async move {
            let veiled = self.veiled(tx.caller(), &change.body);
            let (before, after) = update::patch::<R>(tx, change).await?;
            let org = tx.caller().org();
            let (was, is) = (found_under(org, &before), found_under(org, &after));
            let compared = veiled.unwritten((&was, &before.base.custom), (&is, &after.base.custom));
            let written = before.base.version != after.base.version;
            Ok(Changed { record: Box::new(after), written, compared })
        })
    }
    fn remove<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, ()> {
        Box::pin(remove::remove::<R>(tx, id, expected))
    }
    fn plan_removal<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, dry_run::Plan> {
        Box::pin(dry_run::plan::<R>(tx, id, expected))
    }
    fn left_behind<'t>(&'t self, caller: &'t Caller, id: Uuid, customer: Uuid) -> Local<'t, Vec<LeftBehind>> {
        Box::pin(R::left_behind(caller, id, customer))
    }
    fn restore<'t>(&'t self, tx: &'t Tx<'_>, id: Uuid, expected: Option<i64>) -> Local<'t, Box<dyn Shown>> {
        Box::pin(async move {
            let stored = remove::restore::<R>(tx, id, expected).await?;
            Ok::<Box<dyn Shown>, Failure>(Box::new(stored))
        })
    }
    fn keys_of_children<'t>(&'t self, tx: &'t Tx<'_>, which: along::Which, parent: Uuid) -> Local<'t, Vec<String>> {
        Box::pin(along::keys::<R>(tx, which, parent))
    }
    fn find_children<'t>(&'t self, tx: &'t Tx<'_>, which: along::Which, parent: Uuid) -> Local<'t, ()> {
        Box::pin(along::find_again::<R>(tx, which, parent))
    }
    fn brought_keys(&self, caller: &Caller, body: &Value) -> Vec<String> {
        let mut keys = brought::strong_keys::<R>(body, &caller.org().region);
        keys.extend(brought::custom_keys(caller, R::KIND, body));
        keys
    }
    fn peek<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, Vec<Box<dyn Shown>>> {
        Box::pin(async move { Ok(erase(read::in_reach::<R>(tx, ids).await?)) })
    }
    fn load<'t>(&'t self, caller: &'t Caller, ids: Vec<Uuid>) -> Local<'t, Vec<Box<dyn Shown>>> {
        Box::pin(async move { Ok(erase(read::within_reach::<R>(caller, ids).await?)) })
    }
    fn load_or_deleted<'t>(&'t self, caller: &'t Caller, id: Uuid) -> Local<'t, Option<Box<dyn Shown>>> {
        Box::pin(async move { Ok(erase(read::or_deleted::<R>(caller, id).await?.into_iter().collect()).pop()) })
    }
    fn page<'t>(&'t self, caller: &'t Caller, asked: &'t Asked) -> Local<'t, page::Page> {
        Box::pin(async move {
            page::page::<R>(caller, asked).await.map_err(|failure| shapes::too_expensive(R::KIND, failure))
        })
    }
    fn of_customers<'t>(
        &'t self,
        caller: &'t Caller,
        customers: Vec<Uuid>,
        each: u64,
    ) -> Local<'t, Vec<Box<dyn Shown>>> {
        Box::pin(async move { Ok(erase(read::of_customers::<R>(caller, customers, each).await?)) })
    }
    fn refill<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, Vec<Uuid>> {
        Box::pin(async move { refill::refill::<R>(tx, &ids).await })
    }
    fn redocument<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, usize> {
        Box::pin(async move { redocument::redocument::<R>(tx, &ids).await })
    }
    fn reindex<'t>(&'t self, tx: &'t Tx<'_>, ids: Vec<Uuid>) -> Local<'t, u64> {
        Box::pin(async move { reindex::reindex::<R>(tx, &ids).await })
    }
}
