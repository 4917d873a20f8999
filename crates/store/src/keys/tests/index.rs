use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::crypto::roots::{INSTALLATION, Purpose};
use crate::entities::pii_index;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::keys::begin::make_primary;
use crate::keys::{RETIREMENT, retire_index};
use crate::machine::{self, WriteOptions, resource};
use crate::pii;

use super::bed::*;

async fn under(gate: &Gate, org: Uuid, root: i64) -> u64 {
    let entries = pii_index::Entity::find().filter(pii_index::Column::OrgId.eq(org));
    entries.filter(pii_index::Column::KeyId.eq(root)).count(gate.engine()).await.unwrap()
}

#[tokio::test]
async fn values_are_found_before_while_and_after_the_index_gets_another_root() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        for at in 0..8 {
            customer(&caller, at).await;
        }
        let kept = create(&caller, 20, &under_key("a-key-of-a-client")).await;
        let entries = under(&gate, org, 1).await;
        gate.reindex_keys(org).await.unwrap();
        make_primary(&gate, org, Purpose::Index, 2).await.unwrap();
        // Old entries under the root before, new ones under this.
        customer(&caller, 30).await;
        assert!(under(&gate, org, 2).await > 0);
        for at in [0, 7, 30] {
            assert_eq!(found(&caller, at).await, ["customer"], "{at}");
            assert_eq!(found(&caller, at + 5000).await, ["contact"], "{at}");
        }
        let again = create(&caller, 20, &under_key("a-key-of-a-client")).await;
        assert_eq!(again.answer.id, kept.answer.id);
        let twice = json!({"name": "另一家有限公司", "kind": "company", "phones": [phone(3)]});
        let twice = machine::create(&caller, resource("customer").unwrap(), twice, &WriteOptions::default()).await;
        assert!(matches!(twice, Err(Failure::Duplicate(_))));

        assert_eq!(run(&bed).await, "done");
        assert_eq!(under(&gate, org, 1).await, 0);
        let customer_has = entries / 9;
        assert_eq!(under(&gate, org, 2).await, entries + customer_has);
        for at in [0, 7, 30] {
            assert_eq!(found(&caller, at).await, ["customer"], "{at}");
        }
        // The root before stays for answers that are kept under it.
        assert_eq!(roots(&gate, org, "index").await, states(&[(1, "active"), (2, "primary")]));
        let again = create(&caller, 20, &under_key("a-key-of-a-client")).await;
        assert_eq!(again.answer.id, kept.answer.id);
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_root_before_retires_when_no_answer_is_kept_under_it() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        create(&caller, 1, &under_key("a-key-of-a-client")).await;
        gate.reindex_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        let due = async || {
            let job = last_job(&gate, &RETIREMENT).await;
            let now = async move |db: &crate::engine::Tx| {
                use sea_orm::ConnectionTrait as _;
                let sql = format!("UPDATE jobs SET run_at = {} WHERE id = ?", crate::dialect::now(db));
                db.execute_raw(crate::dialect::statement(db, &sql, [job.id.into()])).await?;
                Ok(())
            };
            gate.write_raw(now).await.unwrap();
            claim(&gate).await.unwrap()
        };
        bed.wait(1000);
        let work = due().await;
        let run = retire_index(work.clone()).await;
        assert_eq!(work.settle(run).await.unwrap(), "done");
        assert_eq!(roots(&gate, org, "index").await, states(&[(1, "active"), (2, "primary")]));
        bed.wait(25 * 3_600_000);
        gate.sweep().await.unwrap();
        let work = due().await;
        let run = retire_index(work.clone()).await;
        assert_eq!(work.settle(run).await.unwrap(), "done");
        assert_eq!(roots(&gate, org, "index").await, states(&[(1, "retired"), (2, "primary")]));
        assert_eq!(found(&caller, 1).await, ["customer"]);
        gate.close().await;
    })
    .await;
}

/// The retirement that the first reindexing asked for comes after a second one.
#[tokio::test]
async fn a_retirement_looks_at_older_roots_alone() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        customer(&caller, 1).await;
        gate.reindex_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        let first = last_job(&gate, &RETIREMENT).await.id;
        gate.reindex_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        bed.wait(25 * 3_600_000);
        gate.sweep().await.unwrap();
        let due = async move |db: &crate::engine::Tx| {
            use sea_orm::ConnectionTrait as _;
            let sql = format!("UPDATE jobs SET run_at = {} WHERE id = ?", crate::dialect::now(db));
            db.execute_raw(crate::dialect::statement(db, &sql, [first.into()])).await?;
            Ok(())
        };
        gate.write_raw(due).await.unwrap();
        let work = claim(&gate).await.unwrap();
        let run = retire_index(work.clone()).await;
        assert_eq!(work.settle(run).await.unwrap(), "done");
        assert_eq!(roots(&gate, org, "index").await, states(&[(1, "retired"), (2, "active"), (3, "primary")]));
        assert_eq!(found(&caller, 1).await, ["customer"]);
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn sign_in_names_are_found_under_another_root() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        bed.gate.reindex_keys(INSTALLATION).await.unwrap();
        make_primary(&bed.gate, INSTALLATION, Purpose::Index, 2).await.unwrap();
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        assert_eq!(under(&bed.gate, INSTALLATION, 1).await, 0);
        assert_eq!(under(&bed.gate, INSTALLATION, 2).await, 1);
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

/// One name of 256 has the same bucket under two roots; whoever has it is one user all the same.
#[tokio::test]
async fn a_sign_in_name_in_a_bucket_of_both_roots_is_found_once() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        bed.gate.reindex_keys(INSTALLATION).await.unwrap();
        make_primary(&bed.gate, INSTALLATION, Purpose::Index, 2).await.unwrap();
        let ring = bed.gate.fresh_ring(INSTALLATION).await.unwrap();
        let meets = |name: &String| pii::meets(&ring, [1, 2], IndexClass::Login, name);
        let name = (0..4000).map(|at| format!("user{at}@acme.test")).find(meets).unwrap();
        make_user(&admin, &name, "salesperson").await;
        bed.sign_in(&name, PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}
