//! Reading records.

use kehu_domain::record::Stored;
use kehu_domain::rights::Action;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Statement};
use uuid::Uuid;

use crate::dialect::{self, statement};
use crate::engine::Kind;
use crate::engine::rows::{self, Reads};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

pub(crate) fn col(name: &str) -> Expr {
    Expr::col(Alias::new(name))
}

/// How many rows there are of a table, or of those of it that fit a condition: `tags WHERE org_id = ?`.
pub(crate) async fn count(
    db: &impl ConnectionTrait,
    from: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("n");
    let sql = format!("SELECT count(*) AS {alias} FROM {from}");
    let row = db.query_one_raw(statement(db, &sql, values)).await?;
    Ok(row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or_default())
}

/// Runs a query and opens its rows.
pub(crate) async fn all<R: Rows>(
    db: &impl Reads,
    caller: &Caller,
    query: Select<R::Entity>,
) -> Result<Vec<Stored<R>>, Failure> {
    open::<R>(caller, db.all(query).await?)
}

fn open<R: Rows>(caller: &Caller, rows: Vec<<R::Entity as EntityTrait>::Model>) -> Result<Vec<Stored<R>>, Failure> {
    let opener = Opener(caller.ring());
    rows.into_iter().map(|row| R::from_row(row, &opener).map(|(stored, _)| stored)).collect()
}

/// A query for one row.
pub(super) fn by_id<R: Rows>(db: &impl ConnectionTrait, org: Uuid, id: Uuid, rest: &str) -> Statement {
    let sql = format!("{} WHERE org_id = ? AND id = ? {rest}", rows::select::<R::Entity>());
    statement(db, &sql, [org.into(), id.into()])
}

/// Living records of those ids that the caller may read.
pub(crate) async fn within_reach<R: Rows>(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<Stored<R>>, Failure> {
    caller.reach(Action::Read, R::KIND.name)?;
    let records = match ids.as_slice() {
        [id] => {
            let statement = by_id::<R>(caller.db(), caller.org().id, *id, "AND deleted_at IS NULL");
            open::<R>(caller, caller.db().rows(statement).await?)?
        }
        _ => {
            let query = R::Entity::find().filter(col("org_id").eq(caller.org().id));
            let query = query.filter(col("id").is_in(padded(ids))).filter(col("deleted_at").is_null());
            all::<R>(caller.db(), caller, query).await?
        }
    };
    Ok(records.into_iter().filter(|record| caller.covers(Action::Read, R::KIND, &record.base)).collect())
}

/// A record that the caller may read, a deleted one too where its deletion would be the caller's to do.
pub(crate) async fn or_deleted<R: Rows>(caller: &Caller, id: Uuid) -> Result<Option<Stored<R>>, Failure> {
    caller.reach(Action::Read, R::KIND.name)?;
    let row = caller.db().rows(by_id::<R>(caller.db(), caller.org().id, id, "")).await?;
    let record = open::<R>(caller, row)?.pop();
    Ok(record.filter(|record| {
        let may = |action| caller.covers(action, R::KIND, &record.base);
        may(Action::Read) && (record.base.deleted_at.is_none() || may(Action::Delete))
    }))
}

/// Living records of those ids that the caller may read, as a transaction sees them.
pub(crate) async fn in_reach<R: Rows>(tx: &Tx<'_>, ids: Vec<Uuid>) -> Result<Vec<Stored<R>>, Failure> {
    let caller = tx.caller();
    // Who may read none of the kind meets what is there as if he could not find it.
    if ids.is_empty() || caller.reach(Action::Read, R::KIND.name).is_err() {
        return Ok(Vec::new());
    }
    let query = R::Entity::find().filter(col("org_id").eq(tx.org_id()));
    let query = query.filter(col("id").is_in(padded(ids))).filter(col("deleted_at").is_null());
    let records = all::<R>(tx.db(), caller, query).await?;
    Ok(records.into_iter().filter(|record| caller.covers(Action::Read, R::KIND, &record.base)).collect())
}

/// Living records that hang on those customers. The customers were read by the caller, and what hangs on them goes
/// with them.
pub(crate) async fn of_customers<R: Rows>(
    caller: &Caller,
    customers: Vec<Uuid>,
    each: u64,
) -> Result<Vec<Stored<R>>, Failure> {
    caller.reach(Action::Read, R::KIND.name)?;
    let find = || {
        R::Entity::find()
            .filter(col("org_id").eq(caller.org().id))
            .filter(col("deleted_at").is_null())
            .order_by(col("created_at"), Order::Asc)
            .order_by(col("id"), Order::Asc)
    };
    let limit = u64::try_from(customers.len()).unwrap_or(u64::MAX).saturating_mul(each);
    let query = find().filter(col("customer_id").is_in(padded(customers.clone()))).limit(limit);
    let mut records = all::<R>(caller.db(), caller, query).await?;
    if u64::try_from(records.len()).unwrap_or(u64::MAX) >= limit && customers.len() > 1 {
        // Some of them have so many that others may be cut short: the first of each are numbered first.
        let first = first_of_each::<R>(caller, customers, each);
        records = all::<R>(caller.db(), caller, find().filter(col("id").in_subquery(first))).await?;
    }
    Ok(records.into_iter().filter(|record| caller.covers(Action::Read, R::KIND, &record.base)).collect())
}

/// The ids of the oldest records of each customer, so many of each at most.
fn first_of_each<R: Rows>(caller: &Caller, customers: Vec<Uuid>, each: u64) -> SelectStatement {
    let number = "row_number() OVER (PARTITION BY \"customer_id\" ORDER BY \"created_at\", \"id\")";
    let numbered = R::Entity::find()
        .select_only()
        .expr_as(col("id"), "id")
        .expr_as(Expr::cust(number), "place")
        .filter(col("org_id").eq(caller.org().id))
        .filter(col("deleted_at").is_null())
        .filter(col("customer_id").is_in(padded(customers)))
        .into_query();
    let most = i64::try_from(each).unwrap_or(i64::MAX);
    Query::select()
        .column(Alias::new("id"))
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(col("place").lte(most))
        .to_owned()
}

/// A record that is to be changed: visible to the caller, and the action allowed on it. On PostgreSQL its row is
/// locked.
pub(crate) async fn for_change<R: Rows>(tx: &Tx<'_>, id: Uuid, action: Action) -> Result<(Stored<R>, String), Failure> {
    let caller = tx.caller();
    caller.reach(Action::Read, R::KIND.name)?;
    caller.reach(action, R::KIND.name)?;
    if let Some(purpose) = R::LOCK {
        tx.lock(purpose).await?;
    }
    let statement = by_id::<R>(tx.db(), tx.org_id(), id, dialect::locked(tx.db()));
    let row = tx.db().rows::<<R::Entity as EntityTrait>::Model>(statement).await?.pop();
    let row = row.ok_or(Failure::NotFound)?;
    let (stored, touched) = R::from_row(row, &Opener(caller.ring()))?;
    if stored.base.deleted_at.is_some() || !caller.covers(Action::Read, R::KIND, &stored.base) {
        return Err(Failure::NotFound);
    }
    if !caller.covers(action, R::KIND, &stored.base) {
        return Err(Failure::Forbidden);
    }
    Ok((stored, touched))
}
