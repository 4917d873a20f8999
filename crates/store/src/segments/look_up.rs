//! What segments stand for where a question names them: read anew each time, with the fields that whoever asks may ask
//! for. Which records are shown is no matter of theirs: the reach of the question's caller is.

use std::collections::HashMap;

use kehu_domain::codes;
use kehu_domain::filter::Filter;
use kehu_domain::flaw::{Flaw, Lang};
use kehu_domain::kinds::{Segment, SegmentType};
use kehu_domain::read::Finding;
use kehu_domain::record::{Kind, Record as _, Stored};
use kehu_domain::rights::Action;
use kehu_domain::segment::{Graph, Known, MAX_DEPTH, MAX_TOTAL, Where};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::question::filters;
use crate::policy;

use super::fetch;

/// What a segment stands for.
#[derive(Debug)]
pub(crate) enum Held {
    /// What fits a filter.
    Filter(Filter),
    /// What was put into it.
    List,
}

/// Segments that a question names, and those that they use, by id.
pub(crate) type Segments = HashMap<Uuid, Held>;

/// A segment that is to be looked up.
struct Wanted {
    id: Uuid,
    /// Where the question names it, or the one that uses it.
    at: String,
    /// The name of the one that uses it, and that the caller knows.
    used_by: Option<String>,
}

/// Reads a filter that is kept as whoever asks may ask.
pub(crate) fn kept(caller: &Caller, kind: &'static Kind, said: &Value, at: &str) -> Result<Filter, Finding> {
    filters(caller, kind, policy::hidden(caller, kind)).kept().body(said, at)
}

/// Looks up the segments that a filter names, and those that they use.
///
/// # Errors
/// [`Failure::BadQuestion`] where the filter names one that is not there, or that cannot be asked.
pub(crate) async fn look_up(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<Segments, Failure> {
    let (mut held, mut graph) = (Segments::new(), Graph::default());
    let mut wanted = named(filter, None);
    let asked: Vec<(Uuid, String)> = wanted.iter().map(|one| (one.id, one.at.clone())).collect();
    for _ in 0..MAX_DEPTH {
        wanted.retain(|one| !held.contains_key(&one.id));
        if wanted.is_empty() {
            break;
        }
        let found = fetch(caller.db(), caller, wanted.iter().map(|one| one.id).collect()).await?;
        let found: HashMap<Uuid, Stored<Segment>> = found.into_iter().map(|one| (one.base.id, one)).collect();
        let mut next = Vec::new();
        for one in wanted {
            let known = found.get(&one.id).filter(|known| {
                known.data.kind.key() == kind.name && caller.covers(Action::Read, Segment::KIND, &known.base)
            });
            let segment = known.ok_or_else(|| unknown(&one))?;
            let (stands_for, uses) = open(caller, kind, segment, &one)?;
            if let Held::Filter(filter) = &stands_for {
                next.extend(named(filter, Some((&one.at, segment.data.name.as_str()))));
            }
            graph.0.insert(one.id, uses);
            held.insert(one.id, stands_for);
        }
        wanted = next;
    }
    for (id, at) in asked {
        // Whoever writes one sees to that; what is asked is bounded all the same.
        if graph.check(id).is_err() || wanted.iter().any(|one| !held.contains_key(&one.id)) {
            let name = id.to_string();
            return Err(Failure::question(at, too_large(&name)));
        }
    }
    Ok(held)
}

/// The segments that a filter names, each with where it is named; below another one, where that one is.
fn named(filter: &Filter, within: Option<(&str, &str)>) -> Vec<Wanted> {
    let conditions = filter.segments().into_iter();
    let each = conditions.flat_map(|condition| condition.ids.iter().map(|id| (*id, condition.at.as_str())));
    each.map(|(id, at)| Wanted {
        id,
        at: within.map_or(at, |(at, _)| at).to_owned(),
        used_by: within.map(|(_, name)| name.to_owned()),
    })
    .collect()
}

fn unknown(one: &Wanted) -> Failure {
    let flaw = Flaw::new(&codes::SEGMENT_UNKNOWN).with("value", one.id);
    let flaw = match &one.used_by {
        // It is the other one that the caller asked for.
        Some(name) => unusable(name, &flaw),
        None => flaw,
    };
    Failure::question(&one.at, flaw)
}

/// A segment that cannot be asked, and why.
fn unusable(name: &str, why: &Flaw) -> Flaw {
    let flaw = Flaw::new(&codes::SEGMENT_UNUSABLE).with("name", name);
    flaw.with("reason_en", why.message(Lang::En)).with("reason_zh", why.message(Lang::Zh))
}

/// What is said of a segment that holds too much.
pub(super) fn too_large(name: &str) -> Flaw {
    let flaw = Flaw::new(&codes::SEGMENT_TOO_LARGE).with("name", name);
    flaw.with("conditions", MAX_TOTAL).with("depth", MAX_DEPTH)
}

/// What a segment stands for, and what it holds.
fn open(
    caller: &Caller,
    kind: &'static Kind,
    segment: &Stored<Segment>,
    one: &Wanted,
) -> Result<(Held, Known), Failure> {
    let data = &segment.data;
    let filter = match (data.r#type, &data.r#where) {
        (SegmentType::Static, _) => return Ok((Held::List, Known { conditions: 1, uses: Vec::new() })),
        (SegmentType::Live, None) => return Err(Failure::Internal(format!("segment {} has no filter", one.id))),
        (SegmentType::Live, Some(filter)) => filter,
    };
    let read = kept(caller, kind, filter.json(), "/where");
    let read = read.map_err(|finding| Failure::question(&one.at, unusable(data.name.as_str(), &finding.flaw)))?;
    Ok((Held::Filter(read), known(filter)))
}

/// What the graph of segments knows of a filter.
pub(super) fn known(filter: &Where) -> Known {
    Known { conditions: filter.conditions(), uses: filter.uses() }
}
