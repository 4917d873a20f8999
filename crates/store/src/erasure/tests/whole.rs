//! Everything goes, and nothing else.

use std::collections::BTreeSet;

use kehu_domain::field::Find;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{
    Bed, CANARIES, PHONE, ask, bystander, claim, clear, plant, result, sealed, texts, token_is_there, work,
};
use crate::dialect::statement;
use crate::engine;
use crate::erasure::{erase, parts};
use crate::failure::Failure;
use crate::machine::{self, WriteOptions, resource};
use crate::queue::Ended;
use crate::registry;

/// What may still name what was erased: the headers of the journal.
fn headers() -> BTreeSet<String> {
    BTreeSet::from(["journal.record_id".to_owned()])
}

async fn found_by(bed: &Bed, phone: &str) -> Value {
    let answer = machine::lookup(&bed.caller, Find::Phone, phone, "/phone").await.unwrap();
    serde_json::from_str::<Value>(&answer.body).unwrap()["data"].clone()
}

async fn is_sound(bed: &Bed) {
    bed.gate.close_journal().await.unwrap();
    let verdict = bed.gate.verify_journal(bed.caller.org().id, None, &mut |_| ()).await.unwrap();
    assert!(verdict.is_sound() && verdict.erased > 0, "{verdict:?}");
}

#[tokio::test]
async fn nothing_of_a_customer_is_left_but_that_it_was_there() {
    for mut bed in Bed::each(&json!({})).await {
        let other = bystander(&mut bed).await;
        let person = plant(&mut bed).await;
        assert!(person.all.len() >= 6, "{:?}", person.all);
        // The search finds what is there.
        let before = clear(&bed.gate, &texts(&CANARIES), &person.all).await;
        for column in [
            "customers.name",
            "customers.remark",
            "contacts.name",
            "follow_ups.summary",
            "tag_links.record_id",
            "bulk_records.record_id",
            "segment_members.record_id",
        ] {
            assert!(before.contains(column), "{column}: {before:?}");
        }
        let cells = sealed(&bed, &texts(&CANARIES)).await;
        for path in [
            "customer.phones",
            "contact.emails",
            "submission.raw",
            "kept_answer.body",
            "bulk_record.error",
            "journal.body",
            "journal.origin",
        ] {
            assert!(cells.contains(path), "{path}: {cells:?}");
        }
        let job = ask(&bed.caller, "customer", person.customer).await;
        // Out of sight before the job has begun, and not to be brought back.
        let options = WriteOptions::default();
        let back = machine::restore(&bed.caller, resource("customer").unwrap(), person.customer, &options);
        assert!(matches!(back.await, Err(Failure::NotFound)));
        assert_eq!(ask(&bed.caller, "customer", person.customer).await, job);
        work(&bed.gate).await;
        assert_eq!(clear(&bed.gate, &texts(&CANARIES), &person.all).await, headers());
        assert_eq!(sealed(&bed, &texts(&CANARIES)).await, BTreeSet::new());
        // Ids stand in nothing but the job that erased them.
        let ids: Vec<String> = person.all.iter().map(Uuid::to_string).collect();
        let named = sealed(&bed, &ids).await;
        let allowed = BTreeSet::from(["job.payload", "job.result", "journal.body"]);
        assert!(named.is_subset(&allowed), "{named:?}");
        let told = result(&bed.caller, job).await;
        assert_eq!((&told["id"], &told["kind"]), (&json!(person.customer), &json!("customer")));
        let erased = &told["erased"];
        assert_eq!(
            (&erased["customers"], &erased["contacts"], &erased["submissions"]),
            (&json!(1), &json!(2), &json!(3))
        );
        assert_eq!((&erased["follow_ups"], &erased["jobs"]), (&json!(3), &json!(1)), "{erased}");
        assert!(erased["journal_entries"].as_u64().unwrap() >= 8, "{erased}");
        // Once more, after a lost answer: the same job; others are as they were.
        assert_eq!(ask(&bed.caller, "customer", person.customer).await, job);
        assert_eq!(found_by(&bed, "13800138000").await.as_array().unwrap().len(), 1);
        assert_eq!(found_by(&bed, PHONE).await, json!([]));
        let customers = bed.all("customer").await;
        assert_eq!(customers.iter().map(|customer| customer["id"].clone()).collect::<Vec<_>>(), [json!(other)]);
        is_sound(&bed).await;
        bed.end().await;
    }
}

#[tokio::test]
async fn words_leave_the_full_text_index() {
    for mut bed in Bed::each(&json!({})).await {
        bystander(&mut bed).await;
        let person = plant(&mut bed).await;
        let folder = bed.database.folder.path().to_owned();
        let sqlite = bed.database.folder.path().join("test.db").exists();
        assert!(!sqlite || token_is_there(&bed.gate, "金丝").await);
        ask(&bed.caller, "customer", person.customer).await;
        work(&bed.gate).await;
        bed.gate.close().await;
        if sqlite {
            let bytes = std::fs::read(folder.join("test.db")).unwrap();
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            for canary in CANARIES {
                assert!(!holds(canary.as_bytes()), "{canary}");
            }
            // A token stands behind what it has in common with the one before: its end is enough. The index itself is
            // there: the bystander's stand in it.
            let stands = |text: &str| {
                let tokens = kehu_domain::text::tokens::index_tokens(text);
                tokens.iter().any(|token| token.len() == 9 && holds(&token.as_bytes()[3..]))
            };
            assert!(stands("旁观"));
            for pair in ["金丝", "丝雀", "燕鸣", "鸣春", "雀跃", "跃冬"] {
                assert!(!stands(pair), "{pair}");
            }
        }
        bed.database.end().await;
    }
}

#[tokio::test]
async fn a_contact_goes_and_its_customer_stays() {
    for mut bed in Bed::each(&json!({})).await {
        let person = plant(&mut bed).await;
        let job = ask(&bed.caller, "contact", person.contact).await;
        work(&bed.gate).await;
        // What somebody wrote of the person in free text is the customer's; here nobody did.
        assert_eq!(clear(&bed.gate, &texts(&["燕鸣春"]), &[person.contact]).await, headers());
        let left = sealed(&bed, &texts(&["燕鸣春", "canary.bird"])).await;
        assert_eq!(left, BTreeSet::new());
        let told = result(&bed.caller, job).await;
        // The one from the form goes, for it says what the person sent; the other one stays without the person.
        assert_eq!((&told["erased"]["mentions"], &told["erased"]["follow_ups"]), (&json!(1), &json!(1)), "{told}");
        assert_eq!((&told["erased"]["contacts"], &told["erased"]["submissions"]), (&json!(1), &json!(3)));
        let follow_ups = bed.all("follow_up").await;
        assert!(!follow_ups.is_empty() && follow_ups.iter().all(|row| row["contact_id"].is_null()), "{follow_ups:?}");
        assert_eq!(bed.all("contact").await.len(), 1);
        assert_eq!(bed.all("customer").await.len(), 1);
        is_sound(&bed).await;
        bed.end().await;
    }
}

#[tokio::test]
async fn a_deleted_customer_counts_what_comes_back_with_it() {
    for mut bed in Bed::each(&json!({})).await {
        let person = plant(&mut bed).await;
        let customers = resource("customer").unwrap();
        // What the form wrote is the latest, and goes with the person.
        let sent = bed.all("customer").await[0]["last_follow_up_at"].clone();
        let options = WriteOptions::default();
        Box::pin(machine::delete(&bed.caller, customers, person.customer, &options)).await.unwrap();
        ask(&bed.caller, "contact", person.contact).await;
        work(&bed.gate).await;
        Box::pin(machine::restore(&bed.caller, customers, person.customer, &options)).await.unwrap();
        let (customer, left) = (bed.all("customer").await, bed.all("follow_up").await);
        let latest = left.iter().map(|row| row["happened_at"].as_str().unwrap()).max();
        assert_eq!(customer[0]["follow_up_count"], json!(left.len()));
        assert_eq!(customer[0]["contact_count"], json!(bed.all("contact").await.len()));
        assert_eq!(customer[0]["last_follow_up_at"].as_str(), latest);
        assert_ne!(customer[0]["last_follow_up_at"], sent);
        bed.end().await;
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_goes_on_where_something_is_left() {
    for mut bed in Bed::each(&json!({})).await {
        let person = plant(&mut bed).await;
        machine::delete(&bed.caller, resource("customer").unwrap(), person.customer, &WriteOptions::default())
            .await
            .unwrap();
        let job = ask(&bed.caller, "customer", person.customer).await;
        let machine = registry::machine("customer").unwrap();
        let mut runs = 0;
        while let Some(work) = claim(&bed.gate).await.into_iter().find(|work| work.id() == job) {
            // A few steps, one more each time, and the server ends.
            runs += 1;
            let before = work.checkpoint().unwrap().unwrap_or_default();
            let mut erasing = parts::Erasing::of(work.caller(), machine, person.customer).await.unwrap();
            erasing = erasing.within(&work, before);
            let mut more = true;
            for _ in 0..runs {
                more = more && erasing.step().await.unwrap();
            }
            let told = json!({ "erased": erasing.counts() });
            work.settle(if more { Err(Ended::Stopped) } else { Ok(Some(told)) }).await.unwrap();
        }
        assert!(runs > 4, "{runs}");
        assert_eq!(clear(&bed.gate, &texts(&CANARIES), &person.all).await, headers());
        assert_eq!(sealed(&bed, &texts(&CANARIES)).await, BTreeSet::new());
        let told = result(&bed.caller, job).await;
        assert_eq!((&told["erased"]["customers"], &told["erased"]["contacts"]), (&json!(1), &json!(2)), "{told}");
        assert_eq!(told["erased"]["follow_ups"], json!(3));
        bed.end().await;
    }
}

#[tokio::test]
async fn many_children_go_in_several_transactions() {
    for mut bed in Bed::each(&json!({})).await {
        let other = bystander(&mut bed).await;
        for at in 0..130 {
            let body = json!({"customer_id": other, "kind": "call", "summary": format!("第{at}次"), "happened_at": "2026-11-22T00:00:00Z"});
            bed.make("follow_up", body).await;
        }
        let machine = registry::machine("customer").unwrap();
        ask(&bed.caller, "customer", other).await;
        let mut erasing = parts::Erasing::of(&bed.caller, machine, other).await.unwrap();
        let mut steps = 1;
        while erasing.step().await.unwrap() {
            steps += 1;
        }
        assert_eq!(erasing.counts()["follow_ups"], 130);
        assert!(steps >= 8, "{steps}");
        work(&bed.gate).await;
        assert!(bed.all("follow_up").await.is_empty());
        bed.end().await;
    }
}

#[tokio::test]
async fn what_is_not_there_or_may_not_be_erased_is_refused() {
    for mut bed in Bed::each(&json!({})).await {
        let person = plant(&mut bed).await;
        let nobody = erase(&bed.caller, resource("customer").unwrap(), Uuid::from_u128(7), "x").await;
        assert!(matches!(nobody, Err(Failure::NotFound)));
        // A contact is no customer, and tags are no persons.
        let other = erase(&bed.caller, resource("customer").unwrap(), person.contact, "x").await;
        assert!(matches!(other, Err(Failure::NotFound)));
        let team = erase(&bed.caller, resource("team").unwrap(), bed.team, "x").await;
        assert!(matches!(team, Err(Failure::NotFound)));
        assert_eq!(bed.all("customer").await.len(), 1);
        bed.end().await;
    }
}

#[tokio::test]
async fn a_cell_that_does_not_open_keeps_nobody_from_being_erased() {
    for mut bed in Bed::each(&json!({})).await {
        let person = plant(&mut bed).await;
        for sql in ["UPDATE customers SET phones = ?", "UPDATE contacts SET emails = ?, phones = ?"] {
            let cells = vec![sea_orm::Value::from(vec![0_u8; 64]); sql.matches('?').count()];
            let damage = async move |db: &engine::Tx| -> Result<(), Failure> {
                db.execute_raw(statement(db, sql, cells)).await?;
                Ok(())
            };
            bed.gate.write_raw(damage).await.unwrap();
        }
        let unread = machine::get(&bed.caller, resource("customer").unwrap(), person.customer, Vec::new()).await;
        assert!(matches!(unread, Err(Failure::Unreadable(_))));
        ask(&bed.caller, "customer", person.customer).await;
        work(&bed.gate).await;
        assert_eq!(clear(&bed.gate, &texts(&CANARIES), &person.all).await, headers());
        assert_eq!(sealed(&bed, &texts(&CANARIES)).await, BTreeSet::new());
        is_sound(&bed).await;
        bed.end().await;
    }
}
