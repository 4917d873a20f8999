//! Tags that a client named, brought to ids; a name that does not exist is made.

use kehu_domain::fields::{Line, Tags};
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Tag, unknown_reference};
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use kehu_domain::text::normalise;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::entities::tag;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::create;
use crate::machine::read::count;
use crate::rows::LeftBehind;
use crate::tx::Tx;

/// Resolves the names in `tags`, so that only ids are left.
pub(crate) async fn resolve(tx: &Tx<'_>, tags: &mut Tags) -> Result<(), Failure> {
    for name in std::mem::take(&mut tags.named) {
        let id = match find(tx, &name).await? {
            Some(id) => id,
            // To name one is to make it, which takes the right to.
            None => match tx.caller().rights().reach(Action::Create, Tag::KIND.name).is_none() {
                true => return Err(Failure::refused("/tags", unknown(name.as_str()))),
                false => make(tx, name).await?,
            },
        };
        if !tags.ids.contains(&id) {
            tags.ids.push(id);
        }
    }
    for name in std::mem::take(&mut tags.unnamed) {
        if let Some(gone) = find(tx, &name).await? {
            tags.ids.retain(|id| *id != gone);
        }
    }
    Ok(())
}

/// Makes a tag. Somebody else may have made it since it was looked for: then it is that one.
async fn make(tx: &Tx<'_>, name: Line<50>) -> Result<Uuid, Failure> {
    match Box::pin(create::write(tx, Tag { name: name.clone(), group: None, color: None })).await {
        Ok(tag) => Ok(tag.base.id),
        Err(failure @ Failure::Refused(_)) => find(tx, &name).await?.ok_or(failure),
        Err(failure) => Err(failure),
    }
}

/// Refuses ids that are no tags of the organisation; those that the record had before may be stale and stay.
pub(crate) fn check(tx: &Tx<'_>, tags: &Tags, before: &[Uuid]) -> Result<(), Failure> {
    let org = tx.caller().org();
    let known = |id: &Uuid| org.has_tag(*id) || before.contains(id) || tx.remembered_name(*id).is_some();
    match tags.ids.iter().position(|id| !known(id)) {
        None => Ok(()),
        Some(at) => {
            let value = tags.ids.get(at).map(Uuid::to_string).unwrap_or_default();
            Err(Failure::refused(format!("/tags/{at}"), unknown(&value)))
        }
    }
}

/// Kinds that carry tags, with their tables.
pub(crate) const CARRIERS: [(&str, &str); 2] = [("customer", "customers"), ("contact", "contacts")];

/// How many living records carry a tag, by kind.
pub(crate) async fn carriers(caller: &Caller, tag: Uuid) -> Result<Vec<LeftBehind>, Failure> {
    let mut all = Vec::new();
    for (kind, table) in CARRIERS {
        let from = format!(
            "tag_links JOIN {table} ON {table}.org_id = tag_links.org_id AND {table}.id = tag_links.record_id \
             WHERE tag_links.org_id = ? AND tag_links.tag_id = ? AND tag_links.kind = ? AND {table}.deleted_at IS NULL"
        );
        let count = count(caller.db(), &from, [caller.org().id.into(), tag.into(), kind.into()]).await?;
        all.push(LeftBehind { kind, how: "tagged", count });
    }
    Ok(all)
}

fn unknown(tag: &str) -> Flaw {
    unknown_reference("tag", tag)
}

/// The living tag of a name.
pub(crate) async fn find(tx: &Tx<'_>, name: &Line<50>) -> Result<Option<Uuid>, Failure> {
    let norm = normalise(name.as_str());
    if let Some(id) = tx.caller().org().tag_named(&norm) {
        return Ok(Some(id));
    }
    let row = tag::Entity::find()
        .filter(tag::Column::OrgId.eq(tx.org_id()))
        .filter(tag::Column::NameNorm.eq(norm))
        .filter(tag::Column::DeletedAt.is_null())
        .one(tx.db())
        .await?;
    if let Some(row) = &row {
        // Newer than what is kept in memory of the organisation.
        let name = kehu_domain::show::Name { name: row.name.clone(), color: row.color.clone() };
        tx.remember_name(row.id, name);
    }
    Ok(row.map(|row| row.id))
}
