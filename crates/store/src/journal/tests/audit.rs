//! The log: its orders, its budget, and what is told of a broken entry.

use kehu_domain::flaw::Lang;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Bed, change, history, make, on_both, sql};
use crate::failure::Failure;
use crate::gate::{Caller, RequestInfo};
use crate::journal::{Class, Entry, Outcome, audit, audit_entry, history as history_of};
use crate::machine::resource;
use crate::tx::Tx;

async fn page(caller: &Caller, parameters: &[(&str, &str)]) -> Result<Value, Failure> {
    let owned = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    audit(caller, owned, Lang::En).await.map(|answer| serde_json::from_str(&answer.body).unwrap())
}

fn seqs(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|entry| entry["seq"].as_i64().unwrap()).collect()
}

fn next(page: &Value) -> String {
    page["page"]["next"].as_str().unwrap().to_owned()
}

/// Many entries about nothing.
async fn fill(bed: &Bed, org: Uuid, thousands: u32) {
    let caller = bed.gate.system(org, RequestInfo::of_program("system", bed.gate.now())).await.unwrap();
    for _ in 0..thousands {
        let job = async |tx: &Tx<'_>| {
            for _ in 0..1000 {
                tx.log(Entry::event(Class::Change, Outcome::Ok, "x.y", None));
            }
            Ok(())
        };
        caller.write(job).await.unwrap();
    }
}

#[tokio::test]
async fn both_orders_give_every_entry_once() {
    on_both(|bed| async move {
        let caller = bed.administrator().await;
        history(&caller).await;
        let all = page(&caller, &[("limit", "500")]).await.unwrap();
        let mut newest = Vec::new();
        let mut after = None;
        loop {
            let asked: Vec<(&str, &str)> =
                [("limit", "3")].into_iter().chain(after.as_deref().map(|after| ("after", after))).collect();
            let part = page(&caller, &asked).await.unwrap();
            newest.extend(seqs(&part));
            if part["page"]["next"].is_null() {
                assert_eq!(part["page"]["has_more"], false);
                break;
            }
            after = Some(next(&part));
        }
        // That it was read came once, for the question that all these pages ask.
        let reading = newest.iter().copied().filter(|seq| !seqs(&all).contains(seq)).count();
        assert_eq!((newest.len(), reading), (seqs(&all).len() + 1, 1));
        let mut written = Vec::new();
        let mut after = String::new();
        loop {
            let asked: Vec<(&str, &str)> = [("limit", "4"), ("sort", "seq"), ("after", after.as_str())]
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect();
            let part = page(&caller, &asked).await.unwrap();
            written.extend(seqs(&part));
            after = next(&part);
            if part["page"]["has_more"] == false {
                break;
            }
        }
        assert!(written.is_sorted());
        assert_eq!(bed.entries("audit.read").await, 2, "one for each question");
        // At the end the cursor stays good, and what is written later is told once.
        let none = page(&caller, &[("sort", "seq"), ("after", &after)]).await.unwrap();
        change(&caller, make(&caller, "杭州云栖科技有限公司").await, json!({"grade": "a"})).await;
        let more = page(&caller, &[("sort", "seq"), ("after", &next(&none))]).await.unwrap();
        let types: Vec<&str> =
            more["data"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["customer.created", "customer.updated"]);
    })
    .await;
}

#[tokio::test]
async fn what_would_read_too_much_is_refused_or_goes_on() {
    on_both(|bed| async move {
        let caller = bed.administrator().await;
        make(&caller, "上海云帆贸易有限公司").await;
        bed.wait(1000);
        fill(&bed, caller.org().id, 21).await;
        let refused = page(&caller, &[("filter[kind]", "customer")]).await.unwrap_err();
        assert!(matches!(&refused, Failure::TooExpensive { fast, .. } if fast.contains("record_id")), "{refused}");
        // Along an index nothing in between is walked.
        let admin = page(&caller, &[("filter[class]", "admin")]).await.unwrap();
        assert!(!seqs(&admin).is_empty());
        let denied = page(&caller, &[("filter[outcome]", "denied")]).await.unwrap();
        assert_eq!(seqs(&denied), Vec::<i64>::new());
        // Whoever follows gets short pages, and everything in the end.
        let (mut after, mut found, mut pages) = (None, 0, 0);
        loop {
            let asked: Vec<(&str, &str)> = [("sort", "seq"), ("filter[kind]", "customer")]
                .into_iter()
                .chain(after.as_deref().map(|after| ("after", after)))
                .collect();
            let part = page(&caller, &asked).await.unwrap();
            (found, pages) = (found + seqs(&part).len(), pages + 1);
            after = Some(next(&part));
            if part["page"]["has_more"] == false {
                break;
            }
        }
        assert_eq!(found, 1);
        assert!((2..=3).contains(&pages), "{pages}");
    })
    .await;
}

#[tokio::test]
async fn what_lies_far_apart_is_found_once_in_both_orders() {
    on_both(|bed| async move {
        let caller = bed.administrator().await;
        for _ in 0..4 {
            make(&caller, "上海云帆贸易有限公司").await;
            bed.wait(1000);
            fill(&bed, caller.org().id, 2).await;
            bed.wait(1000);
        }
        for (sort, rises) in [("seq", true), ("-at", false)] {
            let asked = [("sort", sort), ("filter[kind]", "customer")];
            let mut all = seqs(&page(&caller, &asked).await.unwrap());
            assert_eq!((all.len(), all.is_sorted()), (4, rises));
            let [asked, kind] = asked;
            let two = page(&caller, &[asked, kind, ("limit", "2")]).await.unwrap();
            assert_eq!(two["page"]["has_more"], true);
            let rest = page(&caller, &[asked, kind, ("limit", "2"), ("after", &next(&two))]).await.unwrap();
            assert_eq!([seqs(&two), seqs(&rest)].concat(), all);
            all.dedup();
            assert_eq!(all.len(), 4);
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_or_erased_entry_keeps_no_other_from_being_read() {
    on_both(|bed| async move {
        let caller = bed.administrator().await;
        let id = make(&caller, "上海云帆贸易有限公司").await;
        change(&caller, id, json!({"grade": "a"})).await;
        change(&caller, id, json!({"grade": "b"})).await;
        let body = "UPDATE journal SET body = (SELECT body FROM journal j WHERE j.record_id = journal.record_id \
                    AND j.version = 2) WHERE record_id = ? AND version = 3";
        sql(&bed.gate, body, vec![id.into()]).await.unwrap();
        sql(&bed.gate, "UPDATE journal SET body = NULL WHERE record_id = ? AND version = 1", vec![id.into()])
            .await
            .unwrap();
        let answer = history_of(&caller, resource("customer").unwrap(), id, Vec::new(), Lang::En).await.unwrap();
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        let marks: Vec<(i64, bool, bool, usize)> = told["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let flag = |name: &str| entry[name].as_bool().unwrap();
                let changes = entry["changes"].as_array().unwrap().len();
                (entry["version"].as_i64().unwrap(), flag("erased"), flag("broken"), changes)
            })
            .collect();
        assert_eq!(marks, [(3, false, true, 0), (2, false, false, 1), (1, true, false, 0)]);
        let entry = told["data"][1]["id"].as_str().unwrap().parse().unwrap();
        let one: Value = serde_json::from_str(&audit_entry(&caller, entry, Lang::En).await.unwrap().body).unwrap();
        assert_eq!((&one["address"], &one["type"]), (&json!("10.0.0.1"), &json!("customer.updated")));
        let none = audit_entry(&caller, Uuid::nil(), Lang::En).await.unwrap_err();
        assert!(matches!(none, Failure::NotFound));
    })
    .await;
}
