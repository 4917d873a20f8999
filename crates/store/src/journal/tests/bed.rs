//! An organisation with a history.

use sea_orm::{ConnectionTrait, Value as Sql};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::{self, rows::Reads as _};
use crate::entities::journal;
use crate::failure::Failure;
use crate::gate::{Caller, Gate};
use crate::journal::{Head, Verdict};
use crate::machine::{self, WriteOptions, resource};
pub(super) use crate::people::tests::bed::{Bed, on_both};

pub(super) async fn make(caller: &Caller, name: &str) -> Uuid {
    let body = json!({"name": name, "kind": "company", "phones": ["021-6234 5678"], "stage": "potential"});
    let allow = WriteOptions { allow_duplicate: true, ..WriteOptions::default() };
    let made = machine::create(caller, resource("customer").unwrap(), body, &allow).await.unwrap();
    made.answer.id.unwrap()
}

pub(super) async fn change(caller: &Caller, id: Uuid, body: Value) {
    machine::update(caller, resource("customer").unwrap(), id, body, &WriteOptions::default()).await.unwrap();
}

/// Ten changes of two customers.
pub(super) async fn history(caller: &Caller) -> [Uuid; 2] {
    let customers = [make(caller, "北京字节跳动科技有限公司").await, make(caller, "上海云帆贸易有限公司").await];
    for grade in ["a", "b", "c", "vip"] {
        for customer in customers {
            change(caller, customer, json!({"grade": grade})).await;
        }
    }
    customers
}

pub(super) async fn sql(gate: &Gate, text: &str, values: Vec<Sql>) -> Result<u64, Failure> {
    let text = text.to_owned();
    let run = async move |db: &engine::Tx| Ok(db.execute_raw(statement(db, &text, values)).await?.rows_affected());
    gate.write_raw(run).await
}

/// Every entry of an organisation, in order.
pub(super) async fn entries(gate: &Gate, org: Uuid) -> Vec<journal::Model> {
    let columns = <journal::Model as crate::engine::rows::Row>::COLUMNS.join(", ");
    let text = format!("SELECT {columns} FROM journal WHERE org_id = ? ORDER BY seq");
    gate.engine().rows(statement(gate.engine(), &text, [org.into()])).await.unwrap()
}

pub(super) async fn verify(gate: &Gate, org: Uuid) -> Verdict {
    verify_from(gate, org, None).await
}

pub(super) async fn verify_from(gate: &Gate, org: Uuid, noted: Option<Head>) -> Verdict {
    gate.verify_journal(org, noted, &mut |_| ()).await.unwrap()
}
