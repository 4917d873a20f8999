//! How each kind is written to its row and read from it.

mod attachment;
mod contact;
pub(crate) mod custom;
mod customer;
pub(crate) mod entry_rule;
mod field;
mod follow_up;
mod form;
pub(crate) mod found;
mod note;
mod role;
mod segment;
mod tag;
mod team;
mod user;

pub(crate) use field::definition;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kehu_domain::custom::CustomValues;
use kehu_domain::fields::{Birthday, Collaborators, ExternalIds, Line, Tags, Words};
use kehu_domain::record::{Base, Record, Stored};
use kehu_domain::text::document::Document;
use kehu_domain::text::{normalise, pinyin};
use sea_orm::{EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::engine::rows::Row;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii;
use crate::sealer::{Opener, Sealer};
use crate::tx::Tx;

/// Whose a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// It says so itself.
    Own {
        /// The owner.
        owner: Option<Uuid>,
        /// The team.
        team: Option<Uuid>,
    },
    /// It goes with a customer.
    OfCustomer(Uuid),
    /// Everybody's.
    Shared,
}

/// A kind's row. The mapping names every field, so that a new one does not compile until it is stored.
pub(crate) trait Rows: Record {
    /// Where the values of its sensitive custom fields are sealed.
    const CUSTOM: FieldPath;
    /// Where a hash is sealed over what a client said of a new record whose id it made; nothing where ids are the
    /// system's alone.
    const SAID: Option<FieldPath> = None;
    /// The table.
    type Entity: EntityTrait<Model: Row + IntoActiveModel<<Self::Entity as EntityTrait>::ActiveModel> + Send + Sync>;

    /// The row of a record; sealed columns as the sealer says.
    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<<Self::Entity as EntityTrait>::ActiveModel, Failure>;
    /// The record of a row, and in which version which field was last changed.
    fn from_row(
        row: <Self::Entity as EntityTrait>::Model,
        opener: &Opener<'_>,
    ) -> Result<(Stored<Self>, String), Failure>;
    /// Whose it is.
    fn ownership(&self) -> Ownership;
    /// Whom it is shared with, where it says so itself.
    fn shared(&self) -> Collaborators {
        Collaborators::default()
    }

    /// Whether a new one may bring contacts along.
    const BRINGS_CONTACTS: bool = false;
    /// Whether its records can be deleted.
    const REMOVABLE: bool = true;
    /// Whether its records can be erased for good.
    const ERASABLE: bool = false;
    /// Whether a new one comes with a file.
    const UPLOADED: bool = false;
    /// Whether many can be made at once.
    const BATCHED: bool = true;

    /// Whether several can be made at once: none of them changes another, or what is known of it.
    const TOGETHER: bool = false;

    /// What is locked before a row that is changed, where everybody who changes such rows takes it.
    const LOCK: Option<&'static str> = None;

    /// Columns that follow from a field; by default the column of its name.
    fn columns(field: &'static str) -> &'static [&'static str] {
        shared_columns(field)
    }
    /// Notes how many contacts a new one brings along.
    fn brings(&mut self, _: i64) {}
    /// The name that others show for it.
    fn name(&self) -> Option<&str> {
        None
    }
    /// A moment that lists are ordered by.
    fn time_of(&self, _: &str) -> Option<DateTime<Utc>> {
        None
    }
    /// The key that no other living record may have, beside sealed ones.
    fn credit_code(&self) -> Option<&str> {
        None
    }
    /// Sealed values it is found under.
    fn entries(&self) -> Vec<pii::Entry> {
        Vec::new()
    }
    /// The day of birth, of which the index knows the day of the year alone.
    fn birthday(&self) -> Option<Birthday> {
        None
    }
    /// How many those are.
    fn entry_count(&self) -> usize {
        0
    }
    /// What it is found by, the fields of its kind that are searched; what the organisation added comes behind.
    fn document(&self) -> Document {
        Document::default()
    }
    /// What it is called in other systems.
    fn external_ids(&self) -> Option<&ExternalIds> {
        None
    }
    /// Its tags.
    fn tags(&self) -> Option<&Tags> {
        None
    }
    /// Its tags, to be resolved.
    fn tags_mut(&mut self) -> Option<&mut Tags> {
        None
    }
    /// Puts ids for the names that it says inside a value, so that what was said otherwise before is not changed.
    async fn resolve(&mut self, _: &Tx<'_>, _: Option<&Stored<Self>>) -> Result<(), Failure> {
        Ok(())
    }
    /// Codes of rules that it broke when it came in, where it keeps them.
    fn flags_mut(&mut self) -> Option<&mut Words> {
        None
    }
    /// Fills in what follows from other fields and checks what the database knows, before it is written.
    async fn prepare(&mut self, _: &Tx<'_>, _: Option<&Stored<Self>>) -> Result<(), Failure> {
        Ok(())
    }
    /// Numbers new records, as the last thing before they are written: whoever counts makes others wait.
    async fn number(_: &Tx<'_>, _: Vec<&mut Self>) -> Result<(), Failure> {
        Ok(())
    }
    /// Living records that would stay if that one were deleted, and lose what they say of it. `customer` is the one it
    /// belongs to, or itself.
    async fn left_behind(_: &Caller, _id: Uuid, _customer: Uuid) -> Result<Vec<LeftBehind>, Failure> {
        Ok(Vec::new())
    }
    /// Does what follows from the change elsewhere.
    async fn follow(_: &Tx<'_>, _: Option<&Stored<Self>>, _: Option<&Stored<Self>>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Living records that are bound to one without hanging on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    /// Their kind.
    pub(crate) kind: &'static str,
    /// How they are bound to it, in a word.
    pub(crate) how: &'static str,
    /// How many there are.
    pub(crate) count: i64,
}

/// Columns that follow from a field wherever it is.
fn shared_columns(field: &'static str) -> &'static [&'static str] {
    match field {
        "name" => &["name", "name_norm", "name_sort", "initial"],
        "tags" => &["tag_ids"],
        "collaborators" => &["shared_with"],
        _ => &[],
    }
}

/// What a row needs beside the record.
pub(crate) struct RowBase<'a> {
    pub(crate) org: Uuid,
    /// `{"field": version}` of the fields that were changed.
    pub(crate) touched: String,
    pub(crate) sealer: Sealer<'a>,
    pub(crate) custom: custom::Columns,
}

/// Sorts before every moment: no follow-up yet.
pub(crate) const NEVER: DateTime<Utc> = DateTime::UNIX_EPOCH;
/// Sorts after every moment: nothing due. 9999-12-31T23:59:59.999Z.
pub(crate) const NOT_DUE: DateTime<Utc> = match DateTime::from_timestamp_millis(253_402_300_799_999) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// What stands for null in a sort column.
pub(crate) fn sentinel(column: &str) -> Option<DateTime<Utc>> {
    match column {
        "last_follow_up_at" => Some(NEVER),
        "next_follow_up_at" | "next_due_at" => Some(NOT_DUE),
        _ => None,
    }
}

/// The normalised name and the key it is ordered by; nothing where the name is not written.
fn name_columns(row: &RowBase<'_>, name: &str) -> (String, String) {
    if row.sealer.writes("name") { (normalise(name), pinyin::sort_key(name)) } else { Default::default() }
}

/// The letter under which a name is listed.
pub(crate) fn initial_of(name: &str) -> Option<Line<4>> {
    Line::parse(&pinyin::initial(name).to_string()).ok()
}

fn initial_column(initial: Option<&Line<4>>) -> String {
    initial.map(Line::as_str).unwrap_or_default().to_owned()
}

/// Ids in one column, 16 bytes each.
fn ids_to_bytes(ids: &[Uuid]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.as_bytes().iter().copied()).collect()
}

fn ids_from_bytes(bytes: &[u8]) -> Vec<Uuid> {
    bytes.chunks_exact(16).filter_map(|id| Uuid::from_slice(id).ok()).collect()
}

/// A key of a vocabulary that is stored; an unknown one means that an older program reads a newer database.
fn known<T>(value: Option<T>, what: &str, id: Uuid) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::Internal(format!("row {id} has an unknown {what}")))
}

/// The base columns of an active model, and the kind's own behind them.
macro_rules! row {
    ($Active:path, $stored:expr, $row:expr, { $($field:ident: $value:expr),* $(,)? }) => {{
        let (stored, row) = ($stored, $row);
        let kehu_domain::record::Base {
            id, version, created_at, updated_at, created_by, owner_id, team_id, deleted_at,
            // Where it is stored, its kind does.
            shared: _, custom: _,
        } = stored.base.clone();
        use sea_orm::ActiveValue::Set;
        $Active {
            org_id: Set(row.org),
            id: Set(id),
            version: Set(version),
            touched: Set(row.touched.clone()),
            owner_id: Set(owner_id),
            team_id: Set(team_id),
            created_at: Set(created_at),
            updated_at: Set(updated_at),
            created_by: Set(created_by),
            deleted_at: Set(deleted_at),
            // Only removing and restoring write it.
            deleted_with: sea_orm::ActiveValue::NotSet,
            custom: row.custom.plain.clone(),
            custom_sealed: row.custom.sealed.clone(),
            $( $field: $value, )*
        }
    }};
}
pub(crate) use row;

/// The columns that every change writes.
pub(crate) const ALWAYS: &[&str] = &["version", "touched", "updated_at", "owner_id", "team_id"];

/// The columns that a change of some fields writes.
pub(crate) fn columns_of<R: Rows>(changed: &[&'static str]) -> HashSet<&'static str> {
    let mut columns: HashSet<&'static str> = ALWAYS.iter().copied().collect();
    for field in changed {
        columns.insert(field);
        columns.extend(R::columns(field));
    }
    columns
}

/// Base fields of a row.
macro_rules! base {
    ($row:ident, $opener:ident, $path:expr) => {
        kehu_domain::record::Base {
            id: $row.id,
            version: $row.version,
            created_at: $row.created_at,
            updated_at: $row.updated_at,
            created_by: $row.created_by,
            owner_id: $row.owner_id,
            team_id: $row.team_id,
            deleted_at: $row.deleted_at,
            shared: kehu_domain::fields::Collaborators::default(),
            custom: $crate::rows::custom::open(
                $opener,
                $path,
                $row.id,
                $row.custom.as_deref(),
                $row.custom_sealed.as_deref(),
            )?,
        }
    };
}
pub(crate) use base;

/// Whose a new record is, and whom it is shared with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whose {
    pub(crate) owner: Option<Uuid>,
    pub(crate) team: Option<Uuid>,
    pub(crate) shared: Collaborators,
}

/// A base of a new record.
pub(crate) fn new_base(tx: &Tx<'_>, whose: &Whose) -> Base {
    Base {
        id: tx.new_id(),
        version: 1,
        created_at: tx.now(),
        updated_at: tx.now(),
        created_by: tx.caller().principal().user(),
        owner_id: whose.owner,
        team_id: whose.team,
        shared: whose.shared.clone(),
        custom: CustomValues::default(),
        deleted_at: None,
    }
}
