//! Counting what a question selects: exactly up to a bound, or by a sample.

use kehu_domain::show::Out;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Asterisk, Cond, Expr, Func, Query, SelectStatement, UnionType};

use crate::dialect;
use crate::engine::Kind as Column;
use crate::failure::Failure;

use super::selected::Selected;

/// Whether and how a list is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Not at all.
    None,
    /// About how many there are, at a cost that hardly grows with the list.
    Estimate,
    /// How many there are, up to [`MAX_COUNT`].
    Exact,
}

/// What a count says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountIs {
    Exact,
    AtLeast,
    Estimate,
}

/// A count, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) n: u64,
    pub(crate) is: CountIs,
}

/// Where exact counting stops.
pub(crate) const MAX_COUNT: u64 = 10_000;

/// One record of so many is in the sample.
const SAMPLED: u64 = 64;

/// Where so few are within reach, as the sample says, they are counted: it is cheap, and a sample of few tells little.
const FEW: u64 = 2 * MAX_COUNT;

impl Counted {
    pub(crate) fn exactly(n: u64) -> Self {
        Self { n, is: CountIs::Exact }
    }

    /// The members of an answer.
    pub(crate) fn write(self, out: &mut Out) {
        out.key("count").number(i64::try_from(self.n).unwrap_or(i64::MAX));
        out.key("count_is").text(match self.is {
            CountIs::Exact => "exact",
            CountIs::AtLeast => "at_least",
            CountIs::Estimate => "estimate",
        });
    }
}

/// Counts up to [`MAX_COUNT`].
pub(crate) async fn exact(db: &impl ConnectionTrait, table: &str, selected: &Selected) -> Result<Counted, Failure> {
    let found = |condition: Cond| {
        Query::select().column(Alias::new("id")).from(Alias::new(table)).cond_where(condition).to_owned()
    };
    let mut parts = selected.counted().map(found);
    let mut found = parts.next().ok_or_else(|| Failure::Internal("nothing is to be counted".into()))?;
    for part in parts {
        found.union(UnionType::All, part);
    }
    let found = found.limit(MAX_COUNT + 1).to_owned();
    let alias = Column::Integer.alias("n");
    let count = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new(alias.as_str()))
        .from_subquery(found, Alias::new("found"))
        .to_owned();
    let row = db.query_one(&count).await?.ok_or_else(|| Failure::Internal("no count".into()))?;
    let n = u64::try_from(row.try_get::<i64>("", &alias)?).unwrap_or(0);
    Ok(if n <= MAX_COUNT { Counted::exactly(n) } else { Counted { n: MAX_COUNT, is: CountIs::AtLeast } })
}

/// Says about how many there are, and exactly where that costs little: where a condition selects few, and where the
/// caller's whole reach is small. Otherwise what the sample holds is multiplied: the sample is one in [`SAMPLED`] of
/// all records, by bits of their ids that are random. There are at least as many as were `seen`.
pub(crate) async fn estimate(
    db: &impl ConnectionTrait,
    table: &str,
    selected: &Selected,
    seen: u64,
) -> Result<Counted, Failure> {
    if selected.few {
        let counted = exact(db, table, selected).await?;
        if counted.is == CountIs::Exact {
            return Ok(counted);
        }
    }
    let (within_reach, fitting) = sample(db, table, selected).await?;
    let mut least = seen;
    if within_reach.saturating_mul(SAMPLED) <= FEW {
        let counted = exact(db, table, selected).await?;
        if counted.is == CountIs::Exact {
            return Ok(counted);
        }
        least = Ord::max(least, MAX_COUNT);
    }
    Ok(Counted { n: Ord::max(fitting.saturating_mul(SAMPLED), least), is: CountIs::Estimate })
}

/// How many records of the sample are within reach, and how many of these a question selects.
async fn sample(db: &impl ConnectionTrait, table: &str, selected: &Selected) -> Result<(u64, u64), Failure> {
    let row = db.query_one(&of_sample(db, table, selected)).await?;
    let row = row.ok_or_else(|| Failure::Internal("no sample".into()))?;
    let number =
        |name: &str| row.try_get::<i64>("", &Column::Integer.alias(name)).map(|n| u64::try_from(n).unwrap_or(0));
    Ok((number(WITHIN_REACH)?, number(FITTING)?))
}

const WITHIN_REACH: &str = "within_reach";
const FITTING: &str = "fitting";

fn of_sample(db: &impl ConnectionTrait, table: &str, selected: &Selected) -> SelectStatement {
    let (all, fitting) = (Column::Integer.alias(WITHIN_REACH), Column::Integer.alias(FITTING));
    // The condition is no condition of the statement: it would lead past the sample's own index.
    let fits = Expr::expr(Expr::case(selected.condition(), Expr::cust("1")));
    Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new(all.as_str()))
        .expr_as(Func::count(fits), Alias::new(fitting.as_str()))
        .from(Alias::new(table))
        .cond_where(selected.living.clone().add(dialect::sampled(db)).add(selected.reach.clone()))
        .to_owned()
}

#[cfg(test)]
#[path = "counting_tests.rs"]
mod tests;
