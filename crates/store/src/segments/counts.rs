//! How many records are in segments.

use kehu_domain::filter::SegmentCondition;
use kehu_domain::kinds::Segment;
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::rights::Action;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::counting::{self, CountIs};
use crate::machine::{Answer, Asked};
use crate::refusals::{Refusal, noting};
use crate::registry;

use super::kind_of;
use super::members::load;

/// The most segments that are counted at once.
pub const MOST_COUNTED: usize = 20;

/// How many records of a segment the caller may read.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The segment.
    pub id: Uuid,
    /// How many; or why nobody can tell.
    pub count: Result<Count, Failure>,
}

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// Whether that is all of them: counting ends at 10,000.
    pub is_exact: bool,
}

impl Count {
    /// `exact`, or `at_least`.
    #[must_use]
    pub fn is(self) -> &'static str {
        if self.is_exact { "exact" } else { "at_least" }
    }
}

/// Counts the records of a segment.
///
/// # Errors
/// [`Failure::NotFound`], or as the list of their kind.
pub async fn count(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(Segment::KIND.name, "read", Some(id)), async {
        let segment = load(caller, id).await?;
        let count = async move |caller: &Caller| count_one(caller, &segment).await;
        let count = caller.at_one_moment(count).await?;
        let body = serde_json::json!({ "count": count.count, "count_is": count.is() });
        Ok(Answer { id: None, etag: None, body: body.to_string() })
    })
    .await
}

/// Counts the records of several segments, all at one moment. One that cannot be asked says so in its place.
///
/// # Errors
/// [`Failure::Forbidden`], or the database could not.
pub async fn counts(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<Counted>, Failure> {
    noting(caller, Refusal::of(Segment::KIND.name, "read", None), async {
        caller.reach(Action::Read, Segment::KIND.name)?;
        let all = async move |caller: &Caller| {
            let mut all = Vec::with_capacity(ids.len());
            for id in ids.iter().copied() {
                let count = match load(caller, id).await {
                    Ok(segment) => count_one(caller, &segment).await,
                    Err(failure) => Err(failure),
                };
                match count {
                    Err(failure @ (Failure::NotFound | Failure::Forbidden | Failure::BadQuestion(_))) => {
                        all.push(Counted { id, count: Err(failure) });
                    }
                    count => all.push(Counted { id, count: Ok(count?) }),
                }
            }
            Ok(all)
        };
        caller.at_one_moment(all).await
    })
    .await
}

async fn count_one(caller: &Caller, segment: &Stored<Segment>) -> Result<Count, Failure> {
    let kind = kind_of(&segment.data)?;
    caller.reach(Action::Read, kind.name)?;
    let machine = registry::machine(kind.name).ok_or(Failure::NotFound)?;
    let said = [("count", "exact"), ("limit", "1")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let asked = Asked::from_parameters(caller, kind, said.to_vec())?;
    let page = machine.page(caller, &asked.within(SegmentCondition::is_one_of(segment.base.id))).await?;
    let counted = page.count.unwrap_or(counting::Counted::exactly(0));
    Ok(Count { count: counted.n, is_exact: counted.is == CountIs::Exact })
}
