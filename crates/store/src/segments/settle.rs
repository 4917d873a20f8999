//! What keeps segments sound when one is written: whom it is shared with, what it asks for, which others it uses.

use kehu_domain::codes;
use kehu_domain::fields::Ref;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Segment, Sharing};
use kehu_domain::read::Finding;
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::rights::Action;

use crate::failure::Failure;
use crate::machine::Asked;
use crate::machine::read::count;
use crate::tx::Tx;

use super::{LOCK, kept, kind_of, tags, uses};

/// The most living segments of an organisation.
const MAX_SEGMENTS: i64 = 10_000;

/// Fills in owner and team of a segment that is written, and checks what it says.
pub(crate) async fn settle(
    tx: &Tx<'_>,
    segment: &mut Segment,
    before: Option<&Stored<Segment>>,
) -> Result<(), Failure> {
    let living = before.filter(|before| before.base.deleted_at.is_none());
    if living.is_none() {
        tx.lock(LOCK).await?;
        refuse_one_more(tx).await?;
    }
    let widened = match before {
        None => {
            segment.owner_id = tx.caller().principal().user().map(Ref::new);
            share(tx, segment)?;
            true
        }
        Some(before) if before.data.shared != segment.shared => {
            share(tx, segment)?;
            uses::refuse_narrower(tx, segment, before).await?;
            true
        }
        Some(_) => false,
    };
    let unknown = tags::settle(tx, segment, before).await?;
    let asks_anew = before.is_none_or(|before| before.data.r#where != segment.r#where);
    // What a field was is not asked again of a segment that is called otherwise, or comes back.
    if asks_anew {
        check_filter(tx, segment)?;
        if !unknown.is_empty() {
            return Err(Failure::Refused(unknown));
        }
    }
    if before.is_none_or(|before| before.data.sort != segment.sort) {
        check_sort(tx, segment)?;
    }
    if asks_anew || widened || living.is_none() {
        uses::check(tx, segment, before).await?;
    }
    Ok(())
}

/// Puts ids for the names of tags, as far as there are such: what is unknown is told when the segment is settled.
pub(crate) async fn resolve_tags(
    tx: &Tx<'_>,
    segment: &mut Segment,
    before: Option<&Stored<Segment>>,
) -> Result<(), Failure> {
    tags::settle(tx, segment, before).await.map(|_| ())
}

async fn refuse_one_more(tx: &Tx<'_>) -> Result<(), Failure> {
    let there = count(tx.db(), "segments WHERE org_id = ? AND deleted_at IS NULL", [tx.org_id().into()]).await?;
    if there < MAX_SEGMENTS {
        return Ok(());
    }
    Err(Failure::refused("", Flaw::new(&codes::SEGMENT_LIMIT).with("max", MAX_SEGMENTS)))
}

/// Who makes a segment for others may do so, and there are others.
fn share(tx: &Tx<'_>, segment: &mut Segment) -> Result<(), Failure> {
    let caller = tx.caller();
    let reach = caller.reach(Action::Create, Segment::KIND.name)?;
    let refused = |flaw| Err(Failure::refused("/shared", flaw));
    let allowed = match (reach.all, reach.team) {
        (true, _) => "private, team, everybody",
        (false, true) => "private, team",
        (false, false) => "private",
    };
    if !allowed.split(", ").any(|word| word == segment.shared.key()) {
        return refused(Flaw::new(&codes::SEGMENT_SHARING_FORBIDDEN).with("allowed", allowed));
    }
    let owner = segment.owner_id.map(|owner| owner.id);
    segment.team_id = match segment.shared {
        Sharing::Private if owner.is_none() => return refused(Flaw::new(&codes::SEGMENT_OWNER_MISSING)),
        Sharing::Private | Sharing::Everybody => None,
        Sharing::Team => {
            let team = owner.and_then(|owner| caller.org().users.get(&owner)).and_then(|person| person.team_id);
            if team.is_none() {
                return refused(Flaw::new(&codes::SEGMENT_TEAM_MISSING));
            }
            team.map(Ref::new)
        }
    };
    Ok(())
}

fn check_filter(tx: &Tx<'_>, segment: &Segment) -> Result<(), Failure> {
    let Some(filter) = &segment.r#where else { return Ok(()) };
    let read = kept(tx.caller(), kind_of(segment)?, filter.json(), "/where");
    read.map(|_| ()).map_err(|finding| Failure::Refused(vec![finding]))
}

fn check_sort(tx: &Tx<'_>, segment: &Segment) -> Result<(), Failure> {
    let sort = segment.sort.as_ref().map(|sort| sort.as_str());
    let asked = Asked::sorted(tx.caller(), kind_of(segment)?, "/sort", sort);
    asked.map(|_| ()).map_err(|failure| match failure {
        Failure::BadQuestion(Finding { pointer, flaw }) => Failure::refused(pointer, flaw),
        other => other,
    })
}
