//! Entries that fulfil conditions which no index knows, from a walk along one that an index knows: as many as a page
//! wants, and never more steps than a page may cost.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{Condition, FromQueryResult, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use crate::engine::rows::Reads;
use crate::entities::journal;
use crate::entities::journal::Column as C;
use crate::failure::Failure;
use crate::gate::Caller;

use super::question::{Order, Place};

/// How many entries a page may walk that an index has and the answer has not: 20,000, in parts, so that a page that is
/// full early walks no more than it needs. SQL has no way to say this in one statement that both engines stop early.
const PARTS: [u64; 3] = [1_000, 4_000, 15_000];

/// A walk along an index.
pub(super) struct Path {
    /// In order.
    pub(super) walk: Select<journal::Entity>,
    /// What it is ordered by, as conditions name it.
    pub(super) key: Expr,
    pub(super) order: Order,
}

impl Path {
    /// So many of its entries that fulfil the rest of the conditions, if there are so many; and where it broke off, if
    /// it did before there were.
    pub(super) async fn find(
        mut self,
        caller: &Caller,
        rest: Condition,
        wanted: u64,
    ) -> Result<(Vec<journal::Model>, Option<Place>), Failure> {
        if rest.is_empty() {
            return Ok((caller.db().all(self.walk.limit(wanted)).await?, None));
        }
        let (mut rows, mut missing, mut broke_off) = (Vec::new(), wanted, None);
        for steps in PARTS {
            let end = self.behind(caller, steps).await?;
            let part: Vec<journal::Model> = caller.db().all(self.part(&rest, end, missing)).await?;
            missing = missing.saturating_sub(u64::try_from(part.len()).unwrap_or(missing));
            rows.extend(part);
            broke_off = end.filter(|_| missing > 0);
            let Some(end) = broke_off else { break };
            let behind = self.from(end);
            self.walk = self.walk.filter(behind);
        }
        Ok((rows, broke_off))
    }

    /// What is found before an entry.
    pub(super) fn part(&self, rest: &Condition, end: Option<Place>, limit: u64) -> Select<journal::Entity> {
        let before = end.map(|end| self.before(end));
        self.walk.clone().filter(rest.clone().add_option(before)).limit(limit)
    }

    /// The first entry behind so many.
    async fn behind(&self, caller: &Caller, steps: u64) -> Result<Option<Place>, Failure> {
        let (db, end) = (caller.db(), self.walk.clone().select_only().offset(steps).limit(1));
        // The key alone: an index has it, and no entry is read.
        Ok(match self.order {
            Order::Newest => end.column(C::Id).into_model::<ById>().one(db).await?.map(|end| Place::Id(end.id)),
            Order::Written => end.column(C::Seq).into_model::<BySeq>().one(db).await?.map(|end| Place::Seq(end.seq)),
        })
    }

    fn before(&self, end: Place) -> Expr {
        let key = self.key.clone();
        match end {
            Place::Id(id) => key.gt(id),
            Place::Seq(seq) => key.lt(seq),
        }
    }

    fn from(&self, begin: Place) -> Expr {
        let key = self.key.clone();
        match begin {
            Place::Id(id) => key.lte(id),
            Place::Seq(seq) => key.gte(seq),
        }
    }
}

#[derive(FromQueryResult)]
struct ById {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct BySeq {
    seq: i64,
}
