//! An organisation whose keys are rotated, with something sealed in every way that the store itself knows.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entities::{job, journal, tenant_key};
use crate::gate::{Caller, Gate};
use crate::keys::{RETIREMENT, ROTATION, rotate};
use crate::machine::{self, Idempotency, WriteOptions, Written, resource};
pub(super) use crate::people::tests::bed::{Bed, PASSWORD, make_user, on_both};
use crate::queue::{Claims, Spec, Work};

pub(super) static KINDS: [&Spec; 2] = [&ROTATION, &RETIREMENT];

/// A customer of the sample, by its number.
pub(super) fn phone(at: usize) -> String {
    format!("1380013{at:04}")
}

/// Makes a customer with a contact; its id.
pub(super) async fn customer(caller: &Caller, at: usize) -> Uuid {
    let written = create(caller, at, &WriteOptions::default()).await;
    written.answer.id.unwrap()
}

pub(super) async fn create(caller: &Caller, at: usize, options: &WriteOptions) -> Written {
    let body = json!({
        "name": format!("上海云帆第{at}贸易有限公司"), "kind": "company", "phones": [phone(at)],
        "emails": [format!("info{at}@example.com")], "address": "世纪大道100号", "wechat": format!("wx-{at}"),
        "contacts": [{"name": "王芳", "phones": [phone(at + 5000)], "birthday": "1987-06-05"}],
    });
    machine::create(caller, resource("customer").unwrap(), body, options).await.unwrap()
}

pub(super) fn under_key(key: &str) -> WriteOptions {
    let idempotency = Idempotency { key: key.to_owned(), fingerprint: [7; 32] };
    WriteOptions { idempotency: Some(idempotency), ..WriteOptions::default() }
}

/// A customer with its contacts as the caller sees it, and its ETag.
pub(super) async fn seen(caller: &Caller, id: Uuid) -> (String, Option<String>) {
    let parameters = vec![("expand".to_owned(), "contacts".to_owned())];
    let answer = machine::get(caller, resource("customer").unwrap(), id, parameters).await.unwrap();
    (answer.body, answer.etag)
}

/// Who has a phone number, by names of kinds.
pub(super) async fn found(caller: &Caller, at: usize) -> Vec<String> {
    let answer = machine::lookup(caller, kehu_domain::field::Find::Phone, &phone(at), "/phone").await.unwrap();
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["data"].as_array().unwrap().iter().map(|hit| hit["resource"].as_str().unwrap().to_owned()).collect()
}

/// Claims a job of keys, for an hour.
pub(super) async fn claim(gate: &Gate) -> Option<Work> {
    let mut claims = Claims::new(&KINDS, 1, Duration::from_secs(3600));
    claims.next(gate, &HashMap::new()).await.unwrap().0.pop()
}

/// Lets every server know the new root, and does what waits; what became of the job.
pub(super) async fn run(bed: &Bed) -> &'static str {
    bed.wait(3000);
    let work = claim(&bed.gate).await.unwrap();
    let run = rotate(work.clone()).await;
    work.settle(run).await.unwrap()
}

/// Roots of a purpose with their states.
pub(super) async fn roots(gate: &Gate, org: Uuid, purpose: &str) -> Vec<(i64, String)> {
    use tenant_key::Column as C;
    let rows = tenant_key::Entity::find().filter(C::OrgId.eq(org)).filter(C::Purpose.eq(purpose));
    let rows = rows.order_by_asc(C::KeyId).all(gate.engine()).await.unwrap();
    rows.into_iter().map(|row| (row.key_id, row.state)).collect()
}

pub(super) fn states(list: &[(i64, &str)]) -> Vec<(i64, String)> {
    list.iter().map(|(root, state)| (*root, (*state).to_owned())).collect()
}

/// How many changes of records an organisation's journal tells of: what feeds and webhooks are made of.
pub(super) async fn changes(gate: &Gate, org: Uuid) -> usize {
    let rows = journal::Entity::find().filter(journal::Column::OrgId.eq(org));
    let rows = rows.filter(journal::Column::Class.eq("change")).all(gate.engine()).await.unwrap();
    rows.len()
}

/// The last job of a kind.
pub(super) async fn last_job(gate: &Gate, kind: &Spec) -> job::Model {
    let rows = job::Entity::find().filter(job::Column::Kind.eq(kind.name())).order_by_desc(job::Column::Id);
    rows.one(gate.engine()).await.unwrap().unwrap()
}
