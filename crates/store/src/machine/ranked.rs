//! Pages of what `q` finds, where no order is asked for: names that begin with what was asked for first, then the rest,
//! the latest change first in each. Two bounded queries, never one over all that is found.

use kehu_domain::record::Stored;
use sea_orm::EntityName as _;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::rows::Rows;
use crate::search::Ranks;

use super::answer::Asked;
use super::counting;
use super::erase;
use super::page::{self, Cursor, Page, place_behind, place_of, skipped, stretch};
use super::selected::Selected;

/// The two ranks, as cursors name them behind the order.
const RANKS: [&str; 2] = ["first", "rest"];

/// The place in a ranked list that a cursor names, and its rank.
pub(super) fn place(asked: &Asked) -> Option<(usize, Cursor)> {
    let text = asked.after.as_deref()?;
    RANKS.iter().enumerate().find_map(|(rank, _)| Some((rank, Cursor::parse(text, &sort_text(asked, rank)).ok()?)))
}

/// Whether a question begins at an end of a ranked list, and goes back from there or on.
pub(super) fn edge(asked: &Asked) -> Option<bool> {
    page::edge(asked, &sort_text(asked, 0))
}

fn sort_text(asked: &Asked, rank: usize) -> String {
    format!("{}:{}", RANKS.get(rank).copied().unwrap_or_default(), asked.sort_text())
}

/// Reads one page of what is selected.
pub(super) async fn page<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    ranks: Ranks,
    selected: &Selected,
) -> Result<Page, Failure> {
    let mut parts = vec![(0, selected.with(ranks.first)), (1, selected.with(ranks.rest))];
    let skipped = skipped(asked);
    let cursor = match place(asked) {
        None if skipped > 0 => match behind::<R>(caller, asked, &parts, skipped).await? {
            Some(cursor) => Some(cursor),
            None => return beyond::<R>(caller, asked, &parts, false).await,
        },
        cursor => cursor,
    };
    let back = edge(asked).unwrap_or_else(|| cursor.as_ref().is_some_and(|(_, cursor)| cursor.back));
    let desc = asked.desc != back;
    if back {
        parts.reverse();
    }
    let mut found: Vec<(usize, Stored<R>)> = Vec::new();
    let from = cursor.as_ref().map(|(rank, _)| *rank);
    for (rank, part) in parts.iter().skip_while(|(rank, _)| from.is_some_and(|from| from != *rank)) {
        let left = asked.limit.saturating_add(1).saturating_sub(u64::try_from(found.len()).unwrap_or(u64::MAX));
        if left == 0 {
            break;
        }
        let place = cursor.as_ref().filter(|(of, _)| of == rank).map(|(_, cursor)| cursor);
        let some = stretch::<R>(caller, asked, part, (place, desc, left)).await?;
        found.extend(some.into_iter().map(|record| (*rank, record)));
    }
    if found.is_empty() && cursor.is_some() {
        return beyond::<R>(caller, asked, &parts, back).await;
    }
    Ok(cut(found, asked, cursor.is_some(), back))
}

/// The page behind the last record of both parts, or before the first one.
async fn beyond<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    parts: &[(usize, Selected)],
    before: bool,
) -> Result<Page, Failure> {
    let mut any = false;
    for (_, part) in parts {
        any = any || !stretch::<R>(caller, asked, part, (None, asked.desc, 1)).await?.is_empty();
    }
    Ok(Page::beyond(&sort_text(asked, 0), before, any))
}

/// The place behind so many records of both parts; nothing where they are fewer.
async fn behind<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    parts: &[(usize, Selected)],
    mut skipped: u64,
) -> Result<Option<(usize, Cursor)>, Failure> {
    for (rank, part) in parts {
        if let Some(cursor) = place_behind::<R>(caller, asked, part, skipped).await? {
            return Ok(Some((*rank, cursor)));
        }
        // Fewer than are skipped, and so fewer than counting stops at.
        let many = counting::exact(caller.db(), R::Entity::default().table_name(), part).await?;
        skipped = skipped.saturating_sub(many.n).max(1);
    }
    Ok(None)
}

/// Cuts to the page's size and makes the cursors of its neighbours.
fn cut<R: Rows>(mut found: Vec<(usize, Stored<R>)>, asked: &Asked, placed: bool, back: bool) -> Page {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    if back {
        found.reverse();
    }
    let cursor = |found: Option<&(usize, Stored<R>)>, back: bool| {
        found.map(|(rank, record)| place_of(record, &asked.sort, back).to_text(&sort_text(asked, *rank)))
    };
    let (has_next, has_prev) = if back { (placed, more) } else { (more, placed) };
    let next = cursor(found.last(), false).filter(|_| has_next);
    let prev = cursor(found.first(), true).filter(|_| has_prev);
    Page { records: erase(found.into_iter().map(|(_, record)| record).collect()), next, prev, count: None }
}
