use std::collections::HashMap;
use std::time::Duration;

use kehu_domain::kinds::Customer;
use kehu_domain::record::Record as _;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::super::{FILLING, LOOK, SETTLED, run_fill};
use super::*;
use crate::clock::Clock;
use crate::engine;
use crate::gate::{Caller, Gate};
use crate::machine::{Asked, WriteOptions, create, resource};
use crate::queue::tests::bed::{Bed, on_both};
use crate::queue::{Claims, NewJob, Spec, enqueue};
use crate::registry::machine;

async fn make(caller: &Caller, kind: &str, body: Value) {
    create(caller, resource(kind).unwrap(), body, &WriteOptions::default()).await.unwrap();
}

async fn claim(gate: &Gate, spec: &'static Spec) -> Work {
    let kinds = [spec];
    let mut claims = Claims::new(&kinds, 1, Duration::from_secs(3600));
    claims.next(gate, &HashMap::new()).await.unwrap().0.pop().unwrap()
}

/// How many customers fit; nothing where it may not be asked yet.
async fn fitting(caller: &Caller, field: &str, op: &str, value: Value) -> Option<usize> {
    let asked = json!({"where": {"field": format!("custom.{field}"), "op": op, "value": value}});
    let asked = Asked::from_body(caller, Customer::KIND, &asked).ok()?;
    Some(machine("customer").unwrap().page(caller, &asked).await.unwrap().records.len())
}

#[tokio::test]
async fn what_an_older_program_left_out_is_written() {
    on_both(1, async |bed: Bed| {
        let org = bed.callers[0].org().id;
        for (key, sensitive) in [("note", false), ("passport", true)] {
            let field = json!({"kind": "customer", "key": key, "type": "text", "label": {"en": key},
                "filterable": true, "sensitive": sensitive});
            make(&bed.callers[0], "field", field).await;
        }
        let system = bed.gate.system(org, RequestInfo::default()).await.unwrap();
        let custom = json!({"note": format!("{}尾", "长".repeat(300)), "passport": "G1"});
        make(&system, "customer", json!({"name": "远景有限公司", "kind": "company", "custom": custom})).await;
        let older = bed.gate.write_raw(async move |db: &engine::Tx| {
            db.execute_unprepared("DELETE FROM custom_links").await?;
            db.execute_unprepared("UPDATE fields SET linked = false, filling = NULL").await?;
            db.execute_unprepared("DELETE FROM jobs").await?;
            Ok(())
        });
        older.await.unwrap();
        let gate = bed.second(Clock::system()).await;
        let caller = gate.system(org, RequestInfo::default()).await.unwrap();
        assert_eq!(fitting(&caller, "note", "contains", json!("尾")).await, None);
        assert_eq!(fitting(&caller, "passport", "is_null", json!(false)).await, None);
        assert_eq!(fitting(&caller, "passport", "eq", json!("g1")).await, Some(1), "the others go on");
        enqueue(&caller, NewJob::new(&LOOK, Value::Null)).await.unwrap();
        assert_eq!(run(claim(&gate, &LOOK).await).await.unwrap(), Some(json!({"fields": 2})));
        tokio::time::sleep(SETTLED + Duration::from_millis(200)).await;
        for _ in 0..2 {
            run_fill(claim(&gate, &FILLING).await).await.unwrap();
        }
        let caller = gate.system(org, RequestInfo::default()).await.unwrap();
        assert_eq!(fitting(&caller, "note", "contains", json!("尾")).await, Some(1));
        assert_eq!(fitting(&caller, "note", "contains", json!("头")).await, Some(0));
        assert_eq!(fitting(&caller, "passport", "is_null", json!(false)).await, Some(1));
        enqueue(&caller, NewJob::new(&LOOK, Value::Null)).await.unwrap();
        assert_eq!(run(claim(&gate, &LOOK).await).await.unwrap(), Some(json!({"fields": 0})), "once");
    })
    .await;
}
