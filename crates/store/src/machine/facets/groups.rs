//! Counting by value: one statement for each field, and a second one for the span of moments.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use kehu_domain::field::Vocabulary;
use kehu_domain::period::{self, Period};
use kehu_domain::record::Kind;
use sea_orm::sea_query::{Alias, Asterisk, Cond, Expr, ExprTrait, Func, Query, SelectStatement};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use uuid::Uuid;

use crate::dialect;
use crate::engine::{EngineError, Kind as Column};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Machine;
use crate::machine::read::col;
use crate::machine::selected::Selected;
use crate::rows::sentinel;

use super::grouping::{Above, By, Grouping};

/// The value of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    Id(Uuid),
    Day(NaiveDate),
}

/// How many records have a value; nothing is a value too.
pub(super) struct Group {
    pub(super) value: Option<Value>,
    pub(super) count: i64,
}

impl Group {
    fn into_text(self) -> Option<(String, i64)> {
        match self.value {
            Some(Value::Text(text)) => Some((text, self.count)),
            _ => None,
        }
    }
}

/// The groups of one field, and how many records are in groups that are not told. A record that has several values is
/// in several groups.
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    pub(super) other: i64,
}

/// More codes than there are of regions and industries.
const MAX_CODES: u64 = 10_000;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Days that are added before a division and taken away after it, so that it rounds down everywhere.
const SHIFT: i64 = 1_000_000;
/// The day 1970-01-01, counted from the first day of our calendar.
const EPOCH: i32 = 719_163;
/// The most changes of clocks between the first and the last moment.
const MAX_CHANGES: usize = 500;
/// The most days that are folded into periods: more than two hundred years.
const MAX_DAYS: u64 = 80_000;

/// Counts the records of a question by a field.
pub(super) async fn of(
    caller: &Caller,
    machine: &dyn Machine,
    selected: &Selected,
    grouping: &Grouping,
    top: u64,
) -> Result<Groups, Failure> {
    let query = Counting { caller, machine, selected, top };
    let missing = |column: &str| sentinel(column).map(|moment| moment.timestamp_millis());
    match &grouping.by {
        By::Text(column) => query.plain(column, Column::Text).await,
        By::Nested(column, above) => query.nested(column, *above).await,
        By::Number(column) => query.plain(column, Column::Integer).await,
        By::Flag(column) => query.plain(column, Column::Bool).await,
        By::Id(column) => query.plain(column, Column::Uuid).await,
        By::Moment { column, in_slot, period } => {
            let millis = if *in_slot { format!("\"{column}\"") } else { dialect::millis(caller.db(), column) };
            // A sentinel is no moment.
            let millis = missing(column).map_or(millis.clone(), |none| format!("nullif({millis}, {none})"));
            query.moments(&millis, *period).await
        }
        By::Day { column, in_slot: true, period } => query.days(Expr::cust(format!("\"{column}\"")), *period).await,
        By::Day { column, in_slot: false, period } => query.dates(column, *period).await,
        By::Tags => query.tags().await,
        By::Keys(column, vocabulary) => query.keys(column, vocabulary).await,
        By::Links(field) => query.links(field.id).await,
    }
}

struct Counting<'a> {
    caller: &'a Caller,
    machine: &'a dyn Machine,
    selected: &'a Selected,
    top: u64,
}

impl Counting<'_> {
    fn kind(&self) -> &'static Kind {
        self.machine.kind()
    }

    /// A query over the records of the question.
    fn records(&self) -> SelectStatement {
        let condition = Cond::all().add(self.selected.condition()).add(self.selected.reach.clone());
        Query::select().from(Alias::new(self.machine.table())).cond_where(condition).to_owned()
    }

    /// The groups of a statement of values `v` and counts `n`, those with the most records first, and the count of all.
    async fn grouped(&self, groups: &SelectStatement, kind: Column) -> Result<(Vec<Group>, i64), Failure> {
        let (value, count, all) = (kind.alias("v"), Column::Integer.alias("n"), Column::Integer.alias("everything"));
        let order = format!("ORDER BY n DESC, v IS NULL, v LIMIT {}", self.top);
        let columns = format!("v AS {value}, n AS {count}, CAST(sum(n) OVER () AS bigint) AS {all}");
        let rows = self.run(groups, &columns, &order).await?;
        let everything = rows.first().map(|row| row.try_get::<i64>("", &all)).transpose()?.unwrap_or(0);
        let group = |row: &QueryResult| -> Result<Group, Failure> {
            let value = match kind {
                Column::Integer => row.try_get::<Option<i64>>("", &value)?.map(Value::Number),
                Column::Bool => row.try_get::<Option<bool>>("", &value)?.map(Value::Flag),
                Column::Uuid => row.try_get::<Option<Uuid>>("", &value)?.map(Value::Id),
                _ => row.try_get::<Option<String>>("", &value)?.map(Value::Text),
            };
            Ok(Group { value, count: row.try_get("", &count)? })
        };
        Ok((rows.iter().map(group).collect::<Result<_, _>>()?, everything))
    }

    /// Runs a statement around another one, whose values it has.
    async fn run(&self, inner: &SelectStatement, columns: &str, rest: &str) -> Result<Vec<QueryResult>, Failure> {
        let db = self.caller.db();
        let built = db.get_database_backend().build(inner);
        let sql = format!("SELECT {columns} FROM ({}) AS counted {rest}", built.sql);
        Ok(db.query_all_raw(Statement { sql, ..built }).await?)
    }

    async fn plain(&self, column: &str, kind: Column) -> Result<Groups, Failure> {
        let groups = self.by(col(column));
        let (groups, all) = self.grouped(&groups, kind).await?;
        let told: i64 = groups.iter().map(|group| group.count).sum();
        Ok(Groups { groups, other: all - told })
    }

    /// The groups of codes that lie in each other: a code counts what a condition on it finds, what is beneath it too.
    async fn nested(&self, column: &str, above: Above) -> Result<Groups, Failure> {
        let (held, _) = Counting { top: MAX_CODES, ..*self }.grouped(&self.by(col(column)), Column::Text).await?;
        let none = held.iter().filter(|group| group.value.is_none()).map(|group| group.count).sum();
        let held: Vec<(String, i64)> = held.into_iter().filter_map(Group::into_text).collect();
        let mut counts: BTreeMap<&str, i64> = held.iter().map(|(code, _)| (code.as_str(), 0)).collect();
        for (code, count) in &held {
            for code in above(code) {
                if let Some(all) = counts.get_mut(code.as_str()) {
                    *all += count;
                }
            }
        }
        let group = |(code, count): (&str, i64)| Group { value: Some(Value::Text(code.to_owned())), count };
        let groups = self.with_none(counts.into_iter().map(group).collect(), 0, none).groups;
        // What is in no group that is told.
        let is_told = |code: &String| groups.iter().any(|group| group.value == Some(Value::Text(code.clone())));
        let left = held.iter().filter(|(code, _)| !above(code).iter().any(is_told)).map(|(_, count)| count);
        let none = if groups.iter().any(|group| group.value.is_none()) { 0 } else { none };
        let other = left.sum::<i64>() + none;
        Ok(Groups { groups, other })
    }

    /// The records by an expression, as `v` and `n`.
    fn by(&self, value: Expr) -> SelectStatement {
        let mut query = self.records();
        query.expr_as(value, Alias::new("v")).expr_as(Func::count(Expr::col(Asterisk)), Alias::new("n"));
        // By its place: an expression with values would be another one where it is repeated.
        query.add_group_by([Expr::cust("1")]).to_owned()
    }

    async fn moments(&self, millis: &str, period: Period) -> Result<Groups, Failure> {
        let mut span = self.records();
        span.expr_as(Expr::cust(format!("min({millis})")), Alias::new("first"));
        span.expr_as(Expr::cust(format!("max({millis})")), Alias::new("last"));
        let (first, last) = (Column::Integer.alias("first"), Column::Integer.alias("last"));
        let rows = self.run(&span, &format!("first AS {first}, last AS {last}"), "").await?;
        let moment = |name: &str| -> Result<_, Failure> {
            let millis = rows.first().map(|row| row.try_get::<Option<i64>>("", name)).transpose()?.flatten();
            Ok(millis.and_then(DateTime::from_timestamp_millis))
        };
        let zone = self.caller.org().time_zone;
        let ahead = match (moment(&first)?, moment(&last)?) {
            (Some(first), Some(last)) => period::ahead(zone, first, last, MAX_CHANGES),
            _ => Some(Vec::new()),
        };
        let too_many = || Failure::Engine(EngineError::TooExpensive);
        let mut changes = ahead.ok_or_else(too_many)?;
        let ahead = match (changes.len(), changes.first().copied()) {
            (0, _) | (_, None) => "0".to_owned(),
            (1, Some(only)) => only.by.to_string(),
            (_, Some(before)) => {
                let mut cases = String::from("CASE");
                // The latest first: most records are new.
                for change in changes.drain(1..).rev() {
                    cases.push_str(&format!(" WHEN {millis} >= {} THEN {}", change.from, change.by));
                }
                format!("{cases} ELSE {} END", before.by)
            }
        };
        let day = format!("({millis} + ({ahead}) + {}) / {DAY} - {SHIFT}", SHIFT * DAY);
        self.days(Expr::cust(day), period).await
    }

    /// Periods of days that are counted from 1970.
    async fn days(&self, day: Expr, period: Period) -> Result<Groups, Failure> {
        let day_of = |days: i64| NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).ok()?.checked_add(EPOCH)?);
        let (value, count) = (Column::Integer.alias("v"), Column::Integer.alias("n"));
        let rows = self.run_days(&self.by(day), &value, &count).await?;
        let mut days = Vec::new();
        for row in rows {
            let day = row.try_get::<Option<i64>>("", &value)?.and_then(day_of);
            days.push((day, row.try_get("", &count)?));
        }
        Ok(self.folded(days, period))
    }

    /// Periods of days that are texts.
    async fn dates(&self, column: &str, period: Period) -> Result<Groups, Failure> {
        let (value, count) = (Column::Text.alias("v"), Column::Integer.alias("n"));
        let rows = self.run_days(&self.by(col(column)), &value, &count).await?;
        let mut days = Vec::new();
        for row in rows {
            let day = row.try_get::<Option<String>>("", &value)?.and_then(|text| text.parse().ok());
            days.push((day, row.try_get("", &count)?));
        }
        Ok(self.folded(days, period))
    }

    async fn run_days(&self, by: &SelectStatement, value: &str, count: &str) -> Result<Vec<QueryResult>, Failure> {
        let limit = format!("LIMIT {}", MAX_DAYS + 1);
        let rows = self.run(by, &format!("v AS {value}, n AS {count}"), &limit).await?;
        match u64::try_from(rows.len()) {
            Ok(days) if days <= MAX_DAYS => Ok(rows),
            _ => Err(Failure::Engine(EngineError::TooExpensive)),
        }
    }

    /// Days as periods, the latest first; what has none is the last.
    fn folded(&self, days: Vec<(Option<NaiveDate>, i64)>, period: Period) -> Groups {
        let (mut periods, mut none): (BTreeMap<NaiveDate, i64>, i64) = (BTreeMap::new(), 0);
        for (day, count) in days {
            match day {
                Some(day) => *periods.entry(period.begin(day)).or_default() += count,
                None => none += count,
            }
        }
        let mut groups: Vec<Group> =
            periods.into_iter().rev().map(|(begin, count)| Group { value: Some(Value::Day(begin)), count }).collect();
        let rest = groups.split_off(usize::try_from(self.top).unwrap_or(usize::MAX).min(groups.len()));
        if none > 0 {
            groups.push(Group { value: None, count: none });
        }
        Groups { groups, other: rest.iter().map(|group| group.count).sum() }
    }

    /// The ids of the records of the question.
    fn ids(&self) -> SelectStatement {
        self.records().column(Alias::new("id")).to_owned()
    }

    async fn tags(&self) -> Result<Groups, Failure> {
        let org = self.caller.org().id;
        let living = Query::select()
            .column(Alias::new("id"))
            .from(Alias::new("tags"))
            .and_where(col("org_id").eq(org))
            .and_where(col("deleted_at").is_null())
            .to_owned();
        let links = Query::select()
            .expr_as(col("tag_id"), Alias::new("v"))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("n"))
            .from(Alias::new("tag_links"))
            .and_where(col("org_id").eq(org))
            .and_where(col("kind").eq(self.kind().name))
            .and_where(col("tag_id").in_subquery(living))
            .and_where(col("record_id").in_subquery(self.ids()))
            .add_group_by([Expr::cust("1")])
            .to_owned();
        let (groups, all) = self.grouped(&links, Column::Uuid).await?;
        let none = self.count(col("tag_ids").eq(Vec::<u8>::new())).await?;
        Ok(self.with_none(groups, all, none))
    }

    async fn links(&self, field: Uuid) -> Result<Groups, Failure> {
        let org = self.caller.org().id;
        let links = || {
            Query::select()
                .from(Alias::new("custom_links"))
                .and_where(col("org_id").eq(org))
                .and_where(col("field_id").eq(field))
                .to_owned()
        };
        let mut counted = links();
        counted
            .expr_as(col("value"), Alias::new("v"))
            .expr_as(Func::count(Expr::col(Asterisk)), Alias::new("n"))
            .and_where(col("record_id").in_subquery(self.ids()))
            .add_group_by([Expr::cust("1")]);
        let (groups, all) = self.grouped(&counted, Column::Text).await?;
        let some = links().column(Alias::new("record_id")).to_owned();
        let none = self.count(col("id").in_subquery(some).not()).await?;
        Ok(self.with_none(groups, all, none))
    }

    /// How many records of the question fit one more condition.
    async fn count(&self, condition: Expr) -> Result<i64, Failure> {
        let mut query = self.records();
        query.and_where(condition).expr_as(Func::count(Expr::col(Asterisk)), Alias::new("n"));
        let alias = Column::Integer.alias("n");
        let rows = self.run(&query, &format!("n AS {alias}"), "").await?;
        Ok(rows.first().map(|row| row.try_get("", &alias)).transpose()?.unwrap_or(0))
    }

    /// A column of keys between commas: each key of its vocabulary is counted by itself.
    async fn keys(&self, column: &str, vocabulary: &Vocabulary) -> Result<Groups, Failure> {
        let mut query = self.records();
        let mut names = vec![("n_none".to_owned(), None)];
        let case = |fits: Expr| Func::count(Expr::expr(Expr::case(fits, Expr::cust("1"))));
        query.expr_as(case(col(column).is_null()), Alias::new("n_none"));
        for (place, (key, ..)) in vocabulary.items.iter().enumerate() {
            let name = format!("n_{place}");
            let at = Func::cust(Alias::new(dialect::position_function(self.caller.db())));
            let at = Expr::expr(at.arg(col(column)).arg(Expr::val(format!(",{key},"))));
            query.expr_as(case(at.gt(0)), Alias::new(&name));
            names.push((name, Some(Value::Text((*key).to_owned()))));
        }
        let columns: Vec<String> =
            names.iter().map(|(name, _)| format!("{name} AS {}", Column::Integer.alias(name))).collect();
        let rows = self.run(&query, &columns.join(", "), "").await?;
        let mut groups = Vec::new();
        for (name, value) in names {
            let alias = Column::Integer.alias(&name);
            let count = rows.first().map(|row| row.try_get("", &alias)).transpose()?.unwrap_or(0);
            if count > 0 {
                groups.push(Group { value, count });
            }
        }
        let all = groups.iter().map(|group| group.count).sum();
        Ok(self.with_none(groups, all, 0))
    }

    /// The largest groups, what has no value among them. `all` is the count of what has one.
    fn with_none(&self, mut groups: Vec<Group>, all: i64, none: i64) -> Groups {
        if none > 0 {
            groups.push(Group { value: None, count: none });
        }
        groups.sort_by(|one, other| {
            let missing = one.value.is_none().cmp(&other.value.is_none());
            other.count.cmp(&one.count).then(missing).then_with(|| one.value.cmp(&other.value))
        });
        groups.truncate(usize::try_from(self.top).unwrap_or(usize::MAX));
        let told: i64 = groups.iter().map(|group| group.count).sum();
        Groups { groups, other: all + none - told }
    }
}
