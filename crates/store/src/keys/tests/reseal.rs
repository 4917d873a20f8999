use serde_json::{Value, json};

use crate::crypto::cell::CellError;
use crate::crypto::roots::INSTALLATION;
use crate::entities::contact;
use crate::failure::Failure;
use crate::keys::ROTATION;
use crate::machine::{self, WriteOptions, resource};
use crate::people::Replace;
use crate::queue::{self, NewJob};
use crate::sealed::contact::PHONES;
use crate::tx::Tx;
use sea_orm::{ConnectionTrait, EntityTrait};

use super::bed::*;

#[tokio::test]
async fn everything_is_sealed_anew_and_nothing_else_changes() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        let mut customers = Vec::new();
        for at in 0..5 {
            customers.push(customer(&caller, at).await);
        }
        let kept = create(&caller, 9, &under_key("a-key-of-a-client")).await;
        let form = json!({"name": "官网", "fields": [{"key": "name", "maps_to": "contact.name"}]});
        machine::create(&caller, resource("form").unwrap(), form, &WriteOptions::default()).await.unwrap();
        queue::enqueue(&caller, NewJob::new(&ROTATION, json!({"nothing": 1})).unique("waits")).await.unwrap();
        gate.close_journal().await.unwrap();
        let mut before = Vec::new();
        for id in &customers {
            before.push(seen(&caller, *id).await);
        }
        let told = changes(&gate, org).await;

        // The other job is taken out of the way.
        let _waits = claim(&gate).await.unwrap();
        gate.rotate_keys(org).await.unwrap();
        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "primary"), (2, "active")]));
        assert_eq!(run(&bed).await, "done");

        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "retired"), (2, "primary")]));
        let cells = gate.count_cells(org).await.unwrap();
        assert_eq!((cells.not_under(2), cells.damaged), (0, 0), "{cells:?}");
        // Customers, contacts, user, session, form, jobs, kept answer, journal.
        assert!(cells.by_root[&2] > 6 * 7 + 10, "{cells:?}");
        let caller = gate.user(bed.sign_in("admin@acme.test", PASSWORD).await.unwrap().verified, Default::default());
        let caller = caller.await.unwrap();
        for (id, before) in customers.iter().zip(before) {
            assert_eq!(seen(&caller, *id).await, before);
        }
        assert_eq!(changes(&gate, org).await, told);
        assert_eq!(found(&caller, 3).await, ["customer"]);
        let again = create(&caller, 9, &under_key("a-key-of-a-client")).await;
        assert_eq!((again.answer.id, again.answer.body), (kept.answer.id, kept.answer.body));
        assert!(gate.verify_journal(org, None, &mut |_| ()).await.unwrap().is_sound());
        let job = last_job(&gate, &ROTATION).await;
        assert_eq!(job.progress_done, job.progress_total);
        for (event, many) in [("keys.root_created", 1), ("keys.root_retired", 1), ("keys.rotated", 1)] {
            assert_eq!(bed.entries(event).await, many, "{event}");
        }
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_installation_rotates_too() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        bed.gate.add_signing_key(b"private", b"public", Replace::Soon, "system").await.unwrap();
        bed.gate.rotate_keys(INSTALLATION).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        assert_eq!(bed.gate.count_cells(INSTALLATION).await.unwrap().not_under(2), 0);
        assert_eq!(bed.gate.signing_keys().await.unwrap()[0].private.as_slice(), b"private");
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_retired_root_opens_nothing() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        customer(&caller, 1).await;
        let row = contact::Entity::find().one(gate.engine()).await.unwrap().unwrap();
        let old = row.phones.clone().unwrap();
        gate.rotate_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        let ring = gate.ring(org).await.unwrap();
        let refused = ring.open(PHONES, row.id, &old).unwrap_err();
        assert!(matches!(refused, CellError::RetiredKey { .. }), "{refused}");
        // As out of an older backup.
        let put_back = async move |tx: &Tx<'_>| {
            let sql = "UPDATE contacts SET phones = ? WHERE id = ?";
            tx.db().execute_raw(crate::dialect::statement(tx.db(), sql, [old.into(), row.id.into()])).await?;
            Ok(())
        };
        caller.write(put_back).await.unwrap();
        let read = machine::get(&caller, resource("contact").unwrap(), row.id, Vec::new()).await.err().unwrap();
        assert!(matches!(read, Failure::Unreadable(CellError::RetiredKey { .. })), "{read}");
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_rotation_goes_on_where_it_stood() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        for at in 0..3 {
            customer(&caller, at).await;
        }
        let asked = gate.rotate_keys(org).await.unwrap();
        bed.wait(3000);
        // Stopped before each of its steps in turn.
        let mut attempts = 0;
        loop {
            let Some(work) = claim(&gate).await else { break };
            assert_eq!(work.id(), asked);
            let mut left = attempts;
            let run = tokio::select! {
                biased;
                run = crate::keys::rotate(work.clone()) => run,
                () = std::future::poll_fn(|cx| {
                    // Asked whenever the job waits for the database.
                    if left == 0 { work.stop(); } else { left -= 1; }
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                }) => unreachable!(),
            };
            let word = work.settle(run).await.unwrap();
            attempts += 1;
            assert!(matches!(word, "given_back" | "done"), "{word}");
            // Asked for again, it is the same rotation.
            if word == "given_back" {
                assert_eq!(gate.rotate_keys(org).await.unwrap(), asked);
            }
        }
        assert!(attempts > 2, "{attempts}");
        assert_eq!(gate.count_cells(org).await.unwrap().not_under(2), 0);
        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "retired"), (2, "primary")]));
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_edit_during_a_rotation_wins() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        let mut customers = Vec::new();
        for at in 0..40 {
            customers.push(customer(&caller, at).await);
        }
        gate.rotate_keys(org).await.unwrap();
        let edits = async {
            for (at, id) in customers.iter().enumerate() {
                let body = json!({"phones": [phone(1000 + at)]});
                let customers = resource("customer").unwrap();
                machine::update(&caller, customers, *id, body, &WriteOptions::default()).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (word, ()) = tokio::join!(run(&bed), edits);
        assert_eq!(word, "done");
        for (at, id) in customers.iter().enumerate() {
            let body: Value = serde_json::from_str(&seen(&caller, *id).await.0).unwrap();
            assert_eq!(body["phones"][0]["value"], format!("+86{}", phone(1000 + at)));
            assert_eq!(body["version"], 2);
        }
        assert_eq!(gate.count_cells(org).await.unwrap().not_under(2), 0);
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_cell_that_does_not_open_is_left_and_keeps_its_root() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        let ids = [customer(&caller, 1).await, customer(&caller, 2).await];
        let row = contact::Entity::find().one(gate.engine()).await.unwrap().unwrap();
        let mut damaged = row.phones.clone().unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        let spoil = async move |tx: &Tx<'_>| {
            let sql = "UPDATE contacts SET phones = ? WHERE id = ?";
            tx.db().execute_raw(crate::dialect::statement(tx.db(), sql, [damaged.into(), row.id.into()])).await?;
            Ok(())
        };
        caller.write(spoil).await.unwrap();
        gate.rotate_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "dead");
        assert_eq!(last_job(&gate, &ROTATION).await.failure.as_deref(), Some("cells_unreadable"));
        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "active"), (2, "primary")]));
        let cells = gate.count_cells(org).await.unwrap();
        assert_eq!(cells.by_root[&1], 1);
        let other = if row.customer_id == ids[0] { ids[1] } else { ids[0] };
        seen(&caller, other).await;
        gate.close().await;
    })
    .await;
}
