//! Segments: what they stand for where a question names them, what keeps them sound, who is in them and how many.

mod counts;
mod look_up;
mod members;
mod settle;
mod tags;
pub(crate) mod uses;

pub use counts::{Count, Counted, MOST_COUNTED, count, counts};
pub(crate) use look_up::{Held, Segments, kept, look_up};
pub(crate) use members::those_in;
pub use members::{ChangeOfMembers, MOST_BY_FILTER, MOST_BY_ID, change_members, members};
pub(crate) use settle::{resolve_tags, settle};
pub(crate) use tags::carry;

use kehu_domain::kinds::{Segment, kind_named};
use kehu_domain::record::{Kind, Stored};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::engine::rows::Reads;
use crate::entities::segment;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::{self, col};
use crate::pii::padded;

/// What is locked before a segment is written: what they use of each other is looked at as a whole.
pub(crate) const LOCK: &str = "segments";

/// The living segments of those ids, whoever may read them.
async fn fetch(db: &impl Reads, caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<Stored<Segment>>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = segment::Entity::find()
        .filter(col("org_id").eq(caller.org().id))
        .filter(col("id").is_in(padded(ids)))
        .filter(col("deleted_at").is_null());
    read::all::<Segment>(db, caller, query).await
}

/// The kind of record that a segment is made of.
fn kind_of(segment: &Segment) -> Result<&'static Kind, Failure> {
    let name = segment.kind.key();
    kind_named(name).ok_or_else(|| Failure::Internal(format!("there is no kind {name}")))
}
