//! What a sound journal may go through: nothing closed yet, new keys, erased values.

use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::json;

use super::bed::{Bed, change, entries, history, make, on_both, sql, verify};
use crate::crypto::roots::{Purpose, RootState, new_root};
use crate::dialect::statement;
use crate::engine::rows::Reads as _;
use crate::engine::{self, Engine};
use crate::entities::journal;
use crate::entities::tenant_key;
use crate::failure::Failure;
use crate::journal::{BODY, ERASED, Flaw};
use crate::org::INSTALLATION;

async fn sealed(db: &Engine) -> Vec<journal::Model> {
    db.rows(statement(db, &format!("{} ORDER BY seq", crate::engine::rows::select::<journal::Entity>()), []))
        .await
        .unwrap()
}

#[tokio::test]
async fn it_is_closed_once_and_verified_by_its_organisation() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        let many = u64::try_from(entries(&bed.gate, org).await.len()).unwrap();
        let open = verify(&bed.gate, org).await;
        assert_eq!((open.is_sound(), open.unclosed, open.entries, open.head), (true, many, 0, None));
        // Two servers at once.
        let second = bed.second().await;
        let (a, b) = tokio::join!(bed.gate.close_journal(), second.close_journal());
        assert_eq!(a.unwrap() + b.unwrap(), many);
        assert_eq!(bed.gate.close_journal().await.unwrap(), 0);
        make(&caller, "广州南风科技有限公司").await;
        let verdict = verify(&second, org).await;
        assert_eq!((verdict.is_sound(), verdict.entries, verdict.unclosed, verdict.before_chain), (true, many, 1, 0));
        assert_eq!(verdict.head.unwrap().number, 1);
        assert!(verify(&bed.gate, INSTALLATION).await.is_sound());
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_chain_holds_after_new_keys() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        let [customer, _] = history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        let gate = bed.gate.clone();
        let roots = [Purpose::Enc, Purpose::Chain].map(|purpose| {
            let root = new_root(gate.keys(), org, 2, purpose).unwrap();
            tenant_key::Model {
                org_id: org,
                key_id: 2,
                purpose: purpose.as_str().to_owned(),
                state: RootState::Primary.as_str().to_owned(),
                kek_id: root.kek_id,
                wrapped: root.wrapped,
                created_at: gate.now(),
                sealed: 0,
            }
        });
        sql(&gate, "UPDATE tenant_keys SET state = 'active' WHERE org_id = ? AND purpose <> 'index'", vec![org.into()])
            .await
            .unwrap();
        gate.write_raw(async move |db: &engine::Tx| {
            for root in roots {
                tenant_key::Entity::insert(root.into_active_model()).exec_without_returning(db).await?;
            }
            Ok::<_, Failure>(())
        })
        .await
        .unwrap();
        let second = bed.second().await;
        let ring = second.ring(org).await.unwrap();
        assert_eq!(ring.primary_enc(), 2);
        // Every body sealed anew.
        for entry in sealed(second.engine()).await.into_iter().filter(|entry| entry.org_id == org) {
            let salted = ring.open(BODY, entry.id, &entry.body.unwrap()).unwrap();
            let anew = ring.seal(BODY, entry.id, &salted).unwrap();
            sql(&second, "UPDATE journal SET body = ? WHERE seq = ?", vec![anew.into(), entry.seq.into()])
                .await
                .unwrap();
        }
        let caller = second.system(org, caller.request().clone()).await.unwrap();
        change(&caller, customer, json!({"grade": "a"})).await;
        second.close_journal().await.unwrap();
        let verdict = verify(&second, org).await;
        assert!(verdict.is_sound() && verdict.stretches == 2, "{verdict:?}");
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_chain_holds_after_an_erasure_and_nobody_else_may_erase() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        let [erased, other] = history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        assert_eq!(bed.gate.erase_history(org, "customer", erased, "asked for").await.unwrap(), 5);
        assert_eq!(bed.gate.erase_history(org, "customer", erased, "again").await.unwrap(), 0);
        change(&caller, erased, json!({"grade": "a"})).await;
        bed.gate.close_journal().await.unwrap();
        let verdict = verify(&bed.gate, org).await;
        assert!(verdict.is_sound() && verdict.erased == 5, "{verdict:?}");
        assert_eq!(bed.entries(ERASED).await, 2);
        // What came after the erasure is not covered by it, nor is another record.
        let later = entries(&bed.gate, org).await.into_iter().rfind(|entry| entry.record_id == Some(erased));
        let first = entries(&bed.gate, org).await.into_iter().find(|entry| entry.record_id == Some(other)).unwrap();
        for entry in [later.unwrap(), first] {
            sql(&bed.gate, "UPDATE journal SET body = NULL WHERE seq = ?", vec![entry.seq.into()]).await.unwrap();
            let broken = verify(&bed.gate, org).await.broken.unwrap();
            assert_eq!((broken.flaw, broken.seq), (Flaw::BodyRemoved, Some(entry.seq)));
        }
        bed.gate.close().await;
    })
    .await;
}
