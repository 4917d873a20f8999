//! What would go with a record, told before it is deleted. Nothing is written.

use std::cell::RefCell;

use kehu_domain::field::Sight;
use kehu_domain::fields::format_time;
use kehu_domain::rights::Action;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::ops::children;
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::rows::{LeftBehind, Rows};
use crate::tx::Tx;

use super::answer::Answer;
use super::doors::{TRIES, pause};
use super::read::{self, count};
use super::remove::refuse_old;
use super::{Machine, Resource, Shown};

/// How many children of a kind are shown.
const EXAMPLES: u64 = 5;

/// A record that would be deleted, and what else would change.
pub(crate) struct Plan {
    record: Box<dyn Shown>,
}

/// Tells what would go if a record were deleted: with the rights, the version and the refusals of the deletion itself.
/// Children are counted whether or not the caller may read them; only those within reach are shown.
///
/// # Errors
/// As [`delete`](super::delete).
pub async fn preview_delete(
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    expected: Option<i64>,
) -> Result<Answer, Failure> {
    let machine = resource.0;
    let kind = machine.kind().name;
    noting(caller, Refusal::of(kind, "delete", Some(id)), async {
        caller.reach(Action::Delete, kind)?;
        let mut tries = 1;
        let plan = loop {
            match caller.write(async move |tx: &Tx<'_>| machine.plan_removal(tx, id, expected).await).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                planned => break planned?,
            }
        };
        told(caller, machine, &plan).await
    })
    .await
}

/// Looks whether a record can be deleted; what that would do elsewhere is done and undone.
pub(super) async fn plan<R: Rows>(tx: &Tx<'_>, id: Uuid, expected: Option<i64>) -> Result<Plan, Failure> {
    let (before, _) = read::for_change::<R>(tx, id, Action::Delete).await?;
    refuse_old(&before.base, expected)?;
    // What follows from a deletion is what refuses it: it is tried, and taken back whatever it says.
    let refused = RefCell::new(None);
    let tried = tx.attempt::<()>(async || {
        *refused.borrow_mut() = R::follow(tx, Some(&before), None).await.err();
        Err(Failure::Internal("a dry run is taken back".into()))
    });
    let _ = tried.await;
    if let Some(failure) = refused.into_inner() {
        return Err(failure);
    }
    Ok(Plan { record: Box::new(before) })
}

async fn told(caller: &Caller, machine: &dyn Machine, plan: &Plan) -> Result<Answer, Failure> {
    let base = plan.record.base();
    let mut kinds = Vec::new();
    for (table, kind, column) in children::of(plan.record.kind().name) {
        kinds.push(child(caller, (table, kind, column), base.id).await?);
    }
    let left = machine.left_behind(caller, base.id, plan.record.customer()).await?;
    let also = left.iter().map(|LeftBehind { kind, how, count }| json!({ "kind": kind, "how": how, "count": count }));
    let also: Vec<Value> = also.collect();
    let body = json!({
        "record": {
            "kind": plan.record.kind().name, "id": base.id, "name": name(caller, &*plan.record),
            "version": base.version, "updated_at": format_time(base.updated_at),
        },
        "children": kinds,
        "also": also,
    });
    Ok(Answer { id: None, etag: None, body: body.to_string() })
}

/// Living children of one kind.
async fn child(
    caller: &Caller,
    (table, kind, column): (&str, &'static str, &str),
    record: Uuid,
) -> Result<Value, Failure> {
    let from = format!("{table} WHERE org_id = ? AND {column} = ? AND deleted_at IS NULL");
    let values = || [caller.org().id.into(), record.into()];
    let many = count(caller.db(), &from, values()).await?;
    let machine = registry::machine(kind).ok_or_else(|| Failure::Internal(format!("there is no kind {kind}")))?;
    let shown = if caller.rights().reach(Action::Read, kind).is_none() {
        Vec::new()
    } else {
        let sql = format!("SELECT id FROM {from} ORDER BY created_at, id LIMIT {EXAMPLES}");
        let rows = caller.db().query_all_raw(statement(caller.db(), &sql, values())).await?;
        let ids = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<Uuid>, _>>()?;
        // What hangs on a record is its owner's: all of it is within reach, or none.
        let mut shown = if ids.is_empty() { Vec::new() } else { machine.load(caller, ids).await? };
        shown.sort_by_key(|one| (one.base().created_at, one.base().id));
        shown
    };
    let examples: Vec<Value> =
        shown.iter().map(|one| json!({ "id": one.base().id, "name": name(caller, &**one) })).collect();
    Ok(json!({ "kind": kind, "count": many, "examples": examples }))
}

/// What a record is called, where its kind has names and the caller sees them.
fn name(caller: &Caller, record: &dyn Shown) -> Option<String> {
    let field = record.kind().field("name")?;
    let relation = caller.standing_to(record.base()).relation();
    let seen = caller.sees(record.kind(), field, relation) != Sight::Hidden;
    record.name().filter(|_| seen).map(str::to_owned)
}
