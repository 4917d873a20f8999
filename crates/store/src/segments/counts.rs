//! How many records are in segments.

use std::time::{Duration, Instant};

use kehu_domain::filter::SegmentCondition;
use kehu_domain::kinds::Segment;
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::rights::Action;
use uuid::Uuid;

use crate::engine::EngineError;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::counting::{self, CountIs};
use crate::machine::{Answer, Asked};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::shapes;

use super::kind_of;
use super::members::load;

/// The most segments that are counted at once.
pub const MOST_COUNTED: usize = 20;
/// How long segments are counted one by one; those whose turn has not come by then are as good as too expensive.
const PATIENCE: Duration = Duration::from_secs(8);

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
        let kind = kind_of(&segment.data)?;
        let count = async move |caller: &Caller| count_one(caller, &segment).await;
        let count = caller.at_one_moment(count).await.map_err(|failure| shapes::too_expensive(kind, failure))?;
        let body = serde_json::json!({ "count": count.count, "count_is": count.is() });
        Ok(Answer { id: None, etag: None, body: body.to_string() })
    })
    .await
}

/// Counts the records of several segments, all at one moment; where that takes too long, each at its own. One that
/// cannot be asked, or is too expensive, says so in its place.
///
/// # Errors
/// [`Failure::Forbidden`], or the database could not.
pub async fn counts(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<Counted>, Failure> {
    noting(caller, Refusal::of(Segment::KIND.name, "read", None), async {
        caller.reach(Action::Read, Segment::KIND.name)?;
        let asked = ids.clone();
        let all = async move |caller: &Caller| told(caller, &asked).await;
        match caller.at_one_moment(all).await {
            Err(failure) if is_too_expensive(&failure) => each(caller, ids).await,
            all => all,
        }
    })
    .await
}

fn is_too_expensive(failure: &Failure) -> bool {
    matches!(failure, Failure::TooExpensive { .. } | Failure::Engine(EngineError::TooExpensive))
}

/// Counts some segments; a question that is too expensive ends that, as the engine answers no other one of the moment.
async fn told(caller: &Caller, ids: &[Uuid]) -> Result<Vec<Counted>, Failure> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids.iter().copied() {
        let count = match load(caller, id).await {
            Ok(segment) => count_one(caller, &segment).await,
            Err(failure) => Err(failure),
        };
        let count = match count {
            Err(failure @ (Failure::NotFound | Failure::Forbidden | Failure::BadQuestion(_))) => Err(failure),
            count => Ok(count?),
        };
        all.push(Counted { id, count });
    }
    Ok(all)
}

/// Counts each of some segments at a moment of its own: one that is too expensive does not take the others along.
async fn each(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<Counted>, Failure> {
    let (begun, mut all) = (Instant::now(), Vec::with_capacity(ids.len()));
    for (place, id) in ids.into_iter().enumerate() {
        let one = async move |caller: &Caller| told(caller, &[id]).await;
        let one = match begun.elapsed() < PATIENCE {
            true => caller.at_one_moment(one).await,
            false => Err(Failure::Engine(EngineError::TooExpensive)),
        };
        match one {
            Err(failure) if is_too_expensive(&failure) => {
                let failure = match load(caller, id).await {
                    Ok(segment) => shapes::too_expensive(kind_of(&segment.data)?, failure),
                    Err(failure @ Failure::NotFound) => failure,
                    Err(failure) => return Err(failure),
                };
                all.push(Counted { id, count: Err(failure.standing_at(&format!("/ids/{place}"))) });
            }
            one => all.extend(one?),
        }
    }
    Ok(all)
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
