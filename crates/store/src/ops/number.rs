//! Customer numbers: what the organisation's template says, with a sequence that is counted in a row of its own.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;
use kehu_domain::fields::Line;
use kehu_domain::kinds::{Customer, CustomerKind};
use kehu_domain::settings::{NumberPolicy, NumberScope, Numbered};
use kehu_domain::value::Industry;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::Kind;
use crate::entities::{customer, retired_number};
use crate::failure::Failure;
use crate::tx::Tx;

/// How many more numbers than needed are looked up at once.
const SPARE: usize = 32;
/// How often a sequence leaps where whole stretches are taken: each time twice as far, so that millions are passed.
const LEAPS: u32 = 24;

/// Gives customers that are new their numbers, such as `2026-IT-001`, in their order: counted in the same transaction,
/// so that none is given twice on any number of servers. The day is the organisation's. A transaction that is undone
/// gives its numbers back; a record that is deleted keeps its own, so there are gaps.
pub(crate) async fn give(tx: &Tx<'_>, customers: Vec<&mut Customer>) -> Result<(), Failure> {
    let org = tx.caller().org();
    let policy = &org.settings.numbers;
    let day = tx.now().with_timezone(&org.time_zone).date_naive();
    // In the order of their names. Two transactions that count for several kinds do not wait for each other all the
    // same: only batches do, and those of an organisation take turns.
    let mut counters: BTreeMap<String, Vec<(&mut Customer, Shape)>> = BTreeMap::new();
    for customer in customers {
        let shape = Shape::of(policy, customer.industry.as_ref(), customer.kind);
        counters.entry(shape.counter(policy, day)).or_default().push((customer, shape));
    }
    // Two counters of one template may come to the same number: X and 11, X1 and 1.
    let mut given = HashSet::new();
    for (name, customers) in counters {
        let many = i64::try_from(customers.len()).unwrap_or(i64::MAX);
        let last = take(tx, &name, many).await?;
        let first = last - many + 1;
        // Under one template nothing meets what it gave: only numbers of an earlier one can stand in the way.
        let sequences: Vec<i64> = if org.numbers_changed {
            let shapes: BTreeSet<Shape> = customers.iter().map(|(_, shape)| shape.clone()).collect();
            let number = |sequence| shapes.iter().map(|shape| shape.write(policy, day, sequence)).collect();
            let free = free(tx.db(), tx.org_id(), &number, &given, first, customers.len()).await?;
            if let Some(used) = free.last().filter(|used| **used > last) {
                pass(tx, &name, *used).await?;
            }
            free
        } else {
            (first..=last).collect()
        };
        for ((customer, shape), sequence) in customers.into_iter().zip(sequences) {
            let number = shape.write(policy, day, sequence);
            given.insert(number.clone());
            customer.number = Some(Line::from_stored(number));
        }
    }
    Ok(())
}

/// What a number tells of its customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    industry: String,
    kind: &'static str,
}

impl Shape {
    pub(crate) fn of(policy: &NumberPolicy, industry: Option<&Industry>, kind: CustomerKind) -> Self {
        let kind = match kind {
            CustomerKind::Company => "C",
            CustomerKind::Person => "P",
        };
        Self { industry: policy.industry_code(industry).to_owned(), kind }
    }

    fn on(&self, day: NaiveDate) -> Numbered<'_> {
        Numbered { day, industry: &self.industry, kind: self.kind }
    }

    fn write(&self, policy: &NumberPolicy, day: NaiveDate, sequence: i64) -> String {
        policy.template.write(&self.on(day), sequence)
    }

    fn counter(&self, policy: &NumberPolicy, day: NaiveDate) -> String {
        let everything = policy.scope == NumberScope::Organisation;
        format!("customer:{}", policy.template.counter(&self.on(day), everything, policy.reset))
    }

    /// The numbers that the next customers of this shape would get; nothing is counted.
    pub(crate) async fn next(
        &self,
        db: &impl ConnectionTrait,
        org: Uuid,
        policy: &NumberPolicy,
        day: NaiveDate,
        many: usize,
    ) -> Result<Vec<String>, Failure> {
        let alias = Kind::Integer.alias("last");
        let sql = format!("SELECT last AS {alias} FROM counters WHERE org_id = ? AND name = ?");
        let row = db.query_one_raw(statement(db, &sql, [org.into(), self.counter(policy, day).into()])).await?;
        let last: i64 = row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or_default();
        let number = |sequence| vec![self.write(policy, day, sequence)];
        let free = free(db, org, &number, &HashSet::new(), last + 1, many).await?;
        Ok(free.into_iter().map(|sequence| self.write(policy, day, sequence)).collect())
    }
}

/// Takes so many numbers in a row; gives the last.
async fn take(tx: &Tx<'_>, counter: &str, many: i64) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("last");
    let sql = format!(
        "INSERT INTO counters (org_id, name, last) VALUES (?, ?, ?) \
         ON CONFLICT (org_id, name) DO UPDATE SET last = counters.last + excluded.last RETURNING last AS {alias}"
    );
    let values = [tx.org_id().into(), counter.into(), many.into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    Ok(row.try_get("", &alias)?)
}

/// Moves a counter on, whose row this transaction holds.
async fn pass(tx: &Tx<'_>, counter: &str, last: i64) -> Result<(), Failure> {
    let sql = "UPDATE counters SET last = ? WHERE org_id = ? AND name = ?";
    let values = [last.into(), tx.org_id().into(), counter.into()];
    tx.db().execute_raw(statement(tx.db(), sql, values)).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Taken {
    number: String,
}

/// Keeps the numbers of customers that are about to be erased, so that no other customer ever gets them: they stand on
/// contracts and invoices. A number tells nothing of whose it was.
pub(crate) async fn retire(tx: &Tx<'_>, customers: &[Uuid]) -> Result<(), Failure> {
    let places = vec!["?"; customers.len()].join(", ");
    let sql = format!(
        "INSERT INTO retired_numbers (org_id, number) \
         SELECT org_id, number FROM customers WHERE org_id = ? AND id IN ({places}) \
         ON CONFLICT (org_id, number) DO NOTHING"
    );
    let values = std::iter::once(tx.org_id()).chain(customers.iter().copied()).map(sea_orm::Value::from);
    tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    Ok(())
}

/// Which of these numbers a customer has or had, deleted and erased ones among them.
async fn taken(db: &impl ConnectionTrait, org: Uuid, asked: &[&str]) -> Result<HashSet<String>, Failure> {
    let held = customer::Entity::find()
        .select_only()
        .column(customer::Column::Number)
        .filter(customer::Column::OrgId.eq(org))
        .filter(customer::Column::Number.is_in(asked.iter().copied()));
    let retired = retired_number::Entity::find()
        .select_only()
        .column(retired_number::Column::Number)
        .filter(retired_number::Column::OrgId.eq(org))
        .filter(retired_number::Column::Number.is_in(asked.iter().copied()));
    let held = held.into_model::<Taken>().all(db).await?;
    let retired = retired.into_model::<Taken>().all(db).await?;
    Ok(held.into_iter().chain(retired).map(|row| row.number).collect())
}

/// The first sequences from one on whose numbers no customer has or had, nor was given one of them a moment ago.
async fn free(
    db: &impl ConnectionTrait,
    org: Uuid,
    number: &(dyn Fn(i64) -> Vec<String> + Sync),
    given: &HashSet<String>,
    first: i64,
    many: usize,
) -> Result<Vec<i64>, Failure> {
    let window = i64::try_from(many + SPARE).unwrap_or(i64::MAX);
    let (mut from, mut leap) = (first, 0_i64);
    for _ in 0..LEAPS {
        let candidates: Vec<(i64, Vec<String>)> =
            (from..from.saturating_add(window)).map(|sequence| (sequence, number(sequence))).collect();
        let asked: Vec<&str> = candidates.iter().flat_map(|(_, numbers)| numbers).map(String::as_str).collect();
        let taken = taken(db, org, &asked).await?;
        let is_free =
            |numbers: &[String]| numbers.iter().all(|number| !taken.contains(number) && !given.contains(number));
        let free = candidates.iter().filter(|(_, numbers)| is_free(numbers)).map(|(sequence, _)| *sequence);
        let free: Vec<i64> = free.take(many).collect();
        if free.len() == many {
            return Ok(free);
        }
        from = from.saturating_add(window).saturating_add(leap);
        leap = leap.saturating_mul(2).max(window);
    }
    Err(Failure::Internal("no customer number is free".into()))
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
