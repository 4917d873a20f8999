//! Answers: records as one caller may see them.

use std::sync::Arc;

use kehu_domain::custom::CustomField;
use kehu_domain::field::{Field, Sight};
use kehu_domain::fields::format_time;
use kehu_domain::filter::Filter;
use kehu_domain::kinds::Tag;
use kehu_domain::record::{Kind, Record as _, Stored, Veiled};
use kehu_domain::rights::{ACTIONS, Action, CUSTOM, Relation, actions_of};
use kehu_domain::show::{Name, Names, Out, View};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, Principal};
use crate::hex;
use crate::kept::Kept;
use crate::registry;
use crate::rows::Rows;
use crate::tx::Tx;

use super::counting::Count;
use super::expand::{self, Brought};
use super::names::{Known, names_of};
use super::page::Page;
use super::{Shown, custom};

/// What was asked of a list or of one record.
pub struct Asked {
    pub(crate) filter: Filter,
    pub(crate) sort: String,
    /// The field that the organisation added, where it is ordered by one.
    pub(crate) custom_sort: Option<Arc<CustomField>>,
    pub(crate) desc: bool,
    pub(crate) limit: u64,
    pub(crate) after: Option<String>,
    pub(crate) fields: Option<Vec<String>>,
    pub(crate) expand: Vec<String>,
    pub(crate) q: Option<String>,
    /// Whether an order was asked for.
    pub(crate) sorted: bool,
    pub(crate) count: Count,
    /// The number of the page, from 1, where it is asked for by that.
    pub(crate) page: Option<u64>,
    /// Whether each record says what may be done to it.
    pub(crate) can: bool,
    /// Whether deleted records are asked for too.
    pub(crate) deleted: bool,
}

impl Asked {
    /// The order, as cursors name it.
    pub(crate) fn sort_text(&self) -> String {
        format!("{}{}", if self.desc { "-" } else { "" }, self.sort)
    }
}

/// An answer: JSON text, and what its headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The record, where it is one.
    pub id: Option<Uuid>,
    /// `"7-5f3a…"`: the version, and a hash of the body.
    pub etag: Option<String>,
    /// JSON.
    pub body: String,
}

impl Answer {
    pub(crate) fn of_record(id: Uuid, version: i64, body: String) -> Self {
        let etag = Some(format!("\"{version}-{}\"", short_hash(&body)));
        Self { id: Some(id), etag, body }
    }
}

impl Answer {
    /// The answer that was kept for an earlier request: its ETag follows from its body.
    pub(crate) fn of_kept(kept: Kept) -> Self {
        let id = kept.location.as_deref().and_then(|id| Uuid::parse_str(id).ok());
        let shown: serde_json::Value = serde_json::from_str(&kept.body).unwrap_or_default();
        match (id, shown.get("version").and_then(serde_json::Value::as_i64)) {
            (Some(id), Some(version)) => Self::of_record(id, version, kept.body),
            _ => Self { id, etag: None, body: kept.body },
        }
    }
}

fn short_hash(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    hex::encode(digest.get(..6).unwrap_or_default())
}

const BASE: [&str; 8] = ["id", "version", "created_at", "updated_at", "created_by", "hidden", "masked", CAN];

/// The member that says what the caller may do to the record.
pub(crate) const CAN: &str = "can";

/// The member that says when a record was deleted: where deleted ones are asked for, and where it is asked for.
pub(crate) const DELETED_AT: &str = "deleted_at";

/// The member of the answer to a write that says what rules warn of; it is no part of the record.
pub(crate) const WARNINGS: &str = "warnings";

/// Whether answers of a kind have a member of that name.
pub(crate) fn is_member(kind: &Kind, name: &str) -> bool {
    let of_kind = |field: &Field| field.name == name || field.display_name() == Some(name);
    let of_deleted = || name == DELETED_AT && registry::is_removable(kind);
    BASE.contains(&name) || of_deleted() || kind.fields.iter().any(of_kind) || name == CUSTOM
}

/// How one caller sees one record.
struct RecordView<'a> {
    caller: &'a Caller,
    kind: &'static Kind,
    relation: Relation,
    names: &'a Known,
    fields: Option<&'a [String]>,
    /// Relations that stand in for the short form of a reference.
    replaced: &'a [&'static str],
    /// What this answer alone shows.
    secret: Option<&'a str>,
}

impl View for RecordView<'_> {
    fn sight(&self, field: &Field) -> Sight {
        self.caller.sees(self.kind, field, self.relation)
    }
    fn custom_sight(&self, field: &CustomField) -> Sight {
        self.caller.rights().sees_custom(self.kind.name, field, self.relation)
    }
    fn name(&self, id: Uuid) -> Option<&Name> {
        self.names.names.get(&id).or_else(|| self.caller.org().name_of(id))
    }
    fn shows_colors(&self) -> bool {
        let color = Tag::KIND.field("color");
        color.is_none_or(|color| self.caller.sees(Tag::KIND, color, Relation::Other) != Sight::Hidden)
    }
    fn today(&self) -> Option<chrono::NaiveDate> {
        Some(self.caller.gate().now().with_timezone(&self.caller.org().time_zone).date_naive())
    }
    fn secret(&self) -> Option<&str> {
        self.secret
    }
    fn wants(&self, member: &str) -> bool {
        !self.replaced.contains(&member) && self.fields.is_none_or(|fields| fields.iter().any(|name| name == member))
    }
}

/// What an answer shows of a record.
#[derive(Clone, Copy, Default)]
struct Shape<'a> {
    /// The members that were asked for; all, where none were.
    fields: Option<&'a [String]>,
    /// Relations that come along.
    brought: &'a [Brought],
    /// What this answer alone shows.
    secret: Option<&'a str>,
    /// Whether it says what may be done to it.
    can: bool,
    /// Whether it says when it was deleted.
    deleted: bool,
}

fn write_record(out: &mut Out, caller: &Caller, record: &dyn Shown, names: &Known, shape: Shape<'_>) {
    let Shape { fields, brought, secret, can, deleted } = shape;
    let replaced: Vec<&'static str> =
        brought.iter().filter(|brought| brought.expansion.by.is_some()).map(|b| b.expansion.name).collect();
    let base = record.base();
    let (kind, relation) = (record.kind(), caller.standing_to(base).relation());
    let view = RecordView { caller, kind, relation, names, fields, replaced: &replaced, secret };
    let mut veiled = Veiled::default();
    out.object(|out| {
        let wanted = |name: &str| view.wants(name);
        if wanted("id") {
            out.key("id").id(base.id);
        }
        if wanted("version") {
            out.key("version").number(base.version);
        }
        if wanted("created_at") {
            out.key("created_at").plain(&format_time(base.created_at));
        }
        if wanted("updated_at") {
            out.key("updated_at").plain(&format_time(base.updated_at));
        }
        if wanted("created_by") {
            out.key("created_by").id_or_null(base.created_by);
        }
        if fields.map_or(deleted, |fields| fields.iter().any(|name| name == DELETED_AT)) {
            out.key(DELETED_AT);
            match base.deleted_at {
                Some(at) => out.plain(&format_time(at)),
                None => out.null(),
            }
        }
        record.show(out, &view, &mut veiled);
        let of_custom = |name: &String| name == CUSTOM || name.starts_with("custom.");
        if fields.is_none_or(|fields| fields.iter().any(of_custom)) {
            custom::show(caller.org().custom(kind.name), &base.custom, out, &view, (fields, names), &mut veiled);
        }
        for brought in brought {
            write_relation(out, caller, record, names, brought);
        }
        if can {
            out.key(CAN).texts(doable(caller, record));
        }
        if wanted("hidden") {
            out.key("hidden").texts(veiled.hidden.iter().map(|name| &**name));
        }
        if wanted("masked") {
            out.key("masked").texts(veiled.masked.iter().map(|name| &**name));
        }
    });
}

/// The actions on a record that the caller may do, in the order of the matrix. One who reads it reads it, and one who
/// only reads does nothing else.
fn doable(caller: &Caller, record: &dyn Shown) -> impl Iterator<Item = &'static str> {
    let (kind, base) = (record.kind(), record.base());
    let only_reads = matches!(caller.principal(), Principal::Personal { reads: true, .. });
    let known = ACTIONS.iter().filter(|(action, _)| !matches!(action, Action::Create | Action::Read));
    // What was deleted is restored, and nothing else.
    let nothing = only_reads || base.deleted_at.is_some();
    let known = known.filter(move |(action, _)| !nothing && actions_of(kind.name).contains(action));
    known.filter(move |(action, _)| caller.covers(*action, kind, base)).map(|(_, word)| *word)
}

fn write_relation(out: &mut Out, caller: &Caller, record: &dyn Shown, names: &Known, brought: &Brought) {
    let expansion = brought.expansion;
    let shape = Shape { brought: &brought.deeper, ..Shape::default() };
    let of = |id: Uuid| brought.records.get(&id).map(Vec::as_slice).unwrap_or_default();
    match expansion.by {
        Some(field) => {
            out.key(expansion.name);
            match record.target(field).map(of) {
                Some([one, ..]) => write_record(out, caller, &**one, names, shape),
                _ => out.null(),
            }
        }
        None => {
            let many = of(record.base().id);
            out.key(expansion.name).array(|out| {
                for one in many.iter().take(expand::MAX) {
                    write_record(out, caller, &**one, names, shape);
                }
            });
            out.key(&format!("{}_has_more", expansion.name)).flag(many.len() > expand::MAX);
        }
    }
}

fn refs(caller: &Caller, records: &[Box<dyn Shown>], brought: &[Brought]) -> Vec<Uuid> {
    let deeper = brought.iter().flat_map(|brought| &brought.deeper);
    let along = brought.iter().chain(deeper).flat_map(|brought| brought.records.values().flatten());
    let mut ids = Vec::new();
    for record in records.iter().chain(along) {
        record.refs(&mut ids);
        custom::refs(caller.org().custom(record.kind().name), &record.base().custom, &mut ids);
    }
    ids
}

/// The answer to a question about one record that was read.
pub(crate) async fn one(caller: &Caller, record: Box<dyn Shown>, asked: &Asked) -> Result<Answer, Failure> {
    let (id, version) = (record.base().id, record.base().version);
    let records = [record];
    let brought = expand::load(caller, &records, &asked.expand).await?;
    let names = names_of(caller.db(), caller, refs(caller, &records, &brought)).await?;
    let mut out = Out::new();
    let [record] = &records;
    let fields = asked.fields.as_deref();
    let can = fields.is_none_or(names_can);
    let shape = Shape { fields, brought: &brought, can, secret: None, deleted: asked.deleted };
    write_record(&mut out, caller, &**record, &names, shape);
    Ok(Answer::of_record(id, version, out.into_text()))
}

/// The answer to a question about a list.
pub(crate) async fn many(caller: &Caller, page: Page, asked: &Asked) -> Result<Answer, Failure> {
    let brought = expand::load(caller, &page.records, &asked.expand).await?;
    let names = names_of(caller.db(), caller, refs(caller, &page.records, &brought)).await?;
    let mut out = Out::new();
    let fields = asked.fields.as_deref();
    let can = asked.can || fields.is_some_and(names_can);
    let shape = Shape { fields, brought: &brought, can, secret: None, deleted: asked.deleted };
    out.object(|out| {
        out.key("data").array(|out| {
            for record in &page.records {
                write_record(out, caller, &**record, &names, shape);
            }
        });
        out.key("page").object(|out| {
            out.key("next").text_or_null(page.next.as_deref());
            out.key("prev").text_or_null(page.prev.as_deref());
            out.key("has_more").flag(page.next.is_some());
            if let Some(count) = page.count {
                count.write(out);
            }
        });
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

fn names_can(fields: &[String]) -> bool {
    fields.iter().any(|name| name == CAN)
}

/// A record as the caller of a transaction sees it, before the commit.
pub(crate) async fn render(tx: &Tx<'_>, record: &dyn Shown) -> Result<String, Failure> {
    render_with(tx, record, None).await
}

/// The same, with what only the answer to the request shows that made the record.
pub(crate) async fn render_with(tx: &Tx<'_>, record: &dyn Shown, secret: Option<&str>) -> Result<String, Failure> {
    let mut ids = Vec::new();
    record.refs(&mut ids);
    custom::refs(tx.caller().org().custom(record.kind().name), &record.base().custom, &mut ids);
    let remembered: Names = ids.iter().filter_map(|id| Some((*id, tx.remembered_name(*id)?))).collect();
    ids.retain(|id| !remembered.contains_key(id));
    let mut names = names_of(tx.db(), tx.caller(), ids).await?;
    names.names.extend(remembered);
    let mut out = Out::new();
    write_record(&mut out, tx.caller(), record, &names, Shape { secret, can: true, ..Shape::default() });
    Ok(out.into_text())
}

/// A typed record, as [`render`].
pub(crate) async fn render_in<R: Rows>(tx: &Tx<'_>, stored: &Stored<R>) -> Result<String, Failure> {
    render(tx, stored).await
}
