//! Tags in the filters of segments: kept by id, so that a tag is still meant that is called otherwise, or was merged.

use std::collections::{HashMap, HashSet};

use kehu_domain::fields::Line;
use kehu_domain::kinds::{Segment, Tag, unknown_reference};
use kehu_domain::read::Finding;
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::segment::{SaidTag, Where};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use uuid::Uuid;

use crate::entities::{segment, tag};
use crate::failure::Failure;
use crate::machine::update;
use crate::ops::tags;
use crate::rows::Rows as _;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::LOCK;

/// A filter that names more is too large, and refused as that.
const MOST: usize = 500;

/// Puts ids in the place of the names of tags. What names none is told, with its place; a tag that the segment named
/// before may be gone and stays.
pub(super) async fn settle(
    tx: &Tx<'_>,
    segment: &mut Segment,
    before: Option<&Stored<Segment>>,
) -> Result<Vec<Finding>, Failure> {
    let Some(filter) = &mut segment.r#where else { return Ok(Vec::new()) };
    let before = before.and_then(|before| before.data.r#where.as_ref());
    // A filter that is not said anew is left as it is.
    if before == Some(&*filter) {
        return Ok(Vec::new());
    }
    let before: HashSet<String> = before.into_iter().flat_map(Where::tags).map(|tag| tag.said).collect();
    let (mut known, mut findings) = (HashMap::new(), Vec::new());
    for tag in filter.tags().into_iter().take(MOST) {
        if known.contains_key(&tag.said) {
            continue;
        }
        let stale = tag.id().map_or_else(|| tag.said.clone(), |id| id.to_string());
        match living(tx, &tag).await? {
            Some(id) => known.insert(tag.said, id.to_string()),
            None if before.contains(&stale) => known.insert(tag.said, stale),
            None => {
                let flaw = unknown_reference(Tag::KIND.name, &tag.said);
                findings.push(Finding { pointer: format!("/where{}", tag.at), flaw });
                continue;
            }
        };
    }
    *filter = filter.with_tags(|said| known.get(said).cloned());
    Ok(findings)
}

/// The living tag that is meant.
async fn living(tx: &Tx<'_>, tag: &SaidTag) -> Result<Option<Uuid>, Failure> {
    match tag.id() {
        Some(id) => Ok(is_living(tx, id).await?.then_some(id)),
        None => match Line::parse(&tag.said) {
            Ok(name) => tags::find(tx, &name).await,
            Err(_) => Ok(None),
        },
    }
}

async fn is_living(tx: &Tx<'_>, id: Uuid) -> Result<bool, Failure> {
    if tx.caller().org().has_tag(id) {
        return Ok(true);
    }
    // Newer, perhaps, than what is kept in memory of the organisation.
    let row = tag::Entity::find_by_id((tx.org_id(), id)).filter(tag::Column::DeletedAt.is_null()).one(tx.db()).await?;
    if let Some(row) = &row {
        tx.remember_name(id, kehu_domain::show::Name { name: row.name.clone(), color: row.color.clone() });
    }
    Ok(row.is_some())
}

/// Makes the segments that name a tag name another one instead, deleted segments too: they may be restored.
pub(crate) async fn carry(tx: &Tx<'_>, from: Uuid, to: Uuid) -> Result<(), Failure> {
    tx.lock(LOCK).await?;
    let (from, to) = (from.to_string(), to.to_string());
    let rows = segment::Entity::find()
        .filter(segment::Column::OrgId.eq(tx.org_id()))
        .filter(segment::Column::FilterBody.contains(from.as_str()))
        .order_by_asc(segment::Column::Id)
        .lock_exclusive()
        .all(tx.db())
        .await?;
    for row in rows {
        let (before, touched) = Segment::from_row(row, &Opener(tx.caller().ring()))?;
        let filter = before.data.r#where.as_ref();
        let filter = filter.map(|filter| filter.with_tags(|said| (said == from).then(|| to.clone())));
        let data = Segment { r#where: filter, ..before.data.clone() };
        update::write(tx, &before, &touched, data).await?;
    }
    Ok(())
}
