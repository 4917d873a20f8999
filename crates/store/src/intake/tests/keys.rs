//! Keys, ids of senders, repeated requests, and who may see what came in.

use kehu_domain::intake::Given;
use kehu_domain::rights::Rights;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Bed, id};
use crate::failure::Failure;
use crate::gate::RequestInfo;
use crate::intake::{Sent, by_hook_key, by_public_key, submit};
use crate::machine::{self, Idempotency, WriteOptions, resource};

#[tokio::test]
async fn a_form_is_found_by_its_keys_and_by_nothing_else() {
    for bed in Bed::each(&json!({"origins": ["https://www.example.com"]})).await {
        let (public, hook) = (bed.form["public_key"].as_str().unwrap(), bed.form["hook_key"].as_str().unwrap());
        assert!(public.starts_with("pk_") && hook.starts_with("hk_"));
        let form = by_hook_key(&bed.gate, hook).await.unwrap();
        assert_eq!(form.id(), id(&bed.form));
        assert!(form.allows("https://www.example.com") && !form.allows("https://other.example.com"));
        for (form, key) in [(id(&bed.form), hook), (Uuid::nil(), public), (id(&bed.form), "pk_"), (id(&bed.form), "")] {
            assert!(matches!(by_public_key(&bed.gate, form, key).await, Err(Failure::NotFound)));
        }
        assert!(matches!(by_hook_key(&bed.gate, public).await, Err(Failure::NotFound)));
        let options = WriteOptions::default();
        machine::delete(&bed.caller, resource("form").unwrap(), id(&bed.form), &options).await.unwrap();
        assert!(matches!(by_hook_key(&bed.gate, hook).await, Err(Failure::NotFound)));
        bed.end().await;
    }
}

#[tokio::test]
async fn the_hook_key_is_shown_once_and_kept_nowhere() {
    for bed in Bed::each(&json!({})).await {
        let idempotency = Some(Idempotency { key: "0123456789abcdef".into(), fingerprint: [1; 32] });
        let options = WriteOptions { idempotency, ..WriteOptions::default() };
        let body = json!({"name": "展会", "fields": [{"key": "a", "maps_to": "phone"}]});
        let create = || machine::create(&bed.caller, resource("form").unwrap(), body.clone(), &options);
        let (first, again) = (create().await.unwrap(), create().await.unwrap());
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (made, repeated) = (read(&first.answer.body), read(&again.answer.body));
        assert!(made["hook_key"].is_string() && again.replayed);
        assert_eq!((&repeated["hook_key"], &repeated["public_key"]), (&Value::Null, &made["public_key"]));
        assert!(by_hook_key(&bed.gate, made["hook_key"].as_str().unwrap()).await.is_ok());
        assert!(bed.all("form").await.iter().all(|form| form["hook_key"].is_null() && form["public_key"].is_string()));
        bed.end().await;
    }
}

#[tokio::test]
async fn what_get_gave_may_be_sent_back_and_settings_change() {
    for mut bed in Bed::each(&json!({"answer": {"ok": "{{id}}"}, "repeat_window": 5})).await {
        let mut form = bed.all("form").await.remove(0);
        form["paused"] = json!(true);
        form["fields"][0]["label"] = json!("单位");
        bed.change("form", id(&form), form.clone()).await;
        let after = bed.all("form").await.remove(0);
        assert_eq!((&after["fields"], &after["version"]), (&form["fields"], &json!(2)));
        assert_eq!((&after["repeat_window"], &after["source"]), (&json!(5), &json!("web_form")));
        let refused = bed.try_send(json!({"mobile": "13800138000"}), None).await;
        assert!(matches!(refused, Err(Failure::FormPaused)));
        let wrong = json!({"assign": {"team_id": Uuid::nil()}});
        let options = WriteOptions::default();
        let refused = machine::update(&bed.caller, resource("form").unwrap(), id(&form), wrong, &options).await;
        assert!(matches!(refused, Err(Failure::Refused(findings)) if findings[0].pointer == "/assign/team_id"));
        bed.end().await;
    }
}

#[tokio::test]
async fn one_lead_per_id_of_the_sender_for_ever() {
    for bed in Bed::each(&json!({"source_id": "/lead/id", "answer": {"code": 200, "id": "{{id}}"}})).await {
        let body = json!({"mobile": "13800138000", "lead": {"id": 9_007_199_254_740_993_i64}});
        let first = bed.try_send(body.clone(), None).await.unwrap();
        assert_eq!(first.answer, json!({"code": 200, "id": first.id.to_string()}));
        bed.tick(24 * 400);
        let mut other = body.clone();
        other["mobile"] = json!("13900139000");
        let again = bed.try_send(other.clone(), None).await.unwrap();
        assert_eq!((again.id, again.answer), (first.id, first.answer));
        assert_eq!(bed.all("customer").await.len(), 1);
        other["lead"]["id"] = json!(9_007_199_254_740_992_i64);
        assert_ne!(bed.try_send(other, None).await.unwrap().id, first.id);
        assert_eq!(bed.submission(first.id).await["source_id"], "9007199254740993");
        bed.end().await;
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first() {
    for bed in Bed::each(&json!({"repeat_window": 0})).await {
        let key = |fingerprint| Some(Idempotency { key: "0123456789abcdef".into(), fingerprint: [fingerprint; 32] });
        let body = json!({"mobile": "13800138000"});
        let first = bed.try_send(body.clone(), key(1)).await.unwrap();
        let again = bed.try_send(body.clone(), key(1)).await.unwrap();
        assert_eq!((again.id, again.replayed), (first.id, true));
        assert!(matches!(bed.try_send(body, key(2)).await, Err(Failure::KeyReused)));
        assert_eq!(bed.listed(&[]).await["data"].as_array().unwrap().len(), 1);
        bed.end().await;
    }
}

#[tokio::test]
async fn questions_about_submissions_are_checked() {
    for bed in Bed::each(&json!({})).await {
        for (name, value) in [("limit", "0"), ("filter[status]", "new"), ("after", "x"), ("sort", "id")] {
            let parameters = vec![(name.to_owned(), value.to_owned())];
            let asked = crate::intake::list(&bed.caller, id(&bed.form), parameters).await;
            assert!(matches!(asked, Err(Failure::BadQuestion(finding)) if finding.pointer == name), "{name}");
        }
        assert!(matches!(crate::intake::list(&bed.caller, Uuid::nil(), Vec::new()).await, Err(Failure::NotFound)));
        bed.end().await;
    }
}

#[tokio::test]
async fn leads_that_come_at_once_are_one_customer() {
    for bed in Bed::each(&json!({"source_id": "lead"})).await {
        let same = |at: usize| {
            // The number in a mobile's place, the e-mail, and the landline alone: none of them may pass the others.
            let reach = ["mobile", "email", "wechat"][at % 3];
            let value = ["0731-74501299", "li@example.com", "li_2026"][at % 3];
            json!({reach: value, "company": "长沙明凌教育咨询股份有限公司"})
        };
        let all = (0..24).map(|at| bed.try_send(same(at), None));
        let ids = all.map(async |sent| sent.await.unwrap().id);
        let mut ids: Vec<Uuid> = join(ids).await;
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), bed.all("customer").await.len(), bed.all("follow_up").await.len()), (24, 3, 0));
        let one = |_| bed.try_send(json!({"mobile": "13800138000", "lead": "L1"}), None);
        let mut ids: Vec<Uuid> = join((0..8).map(one).map(async |sent| sent.await.unwrap().id)).await;
        ids.dedup();
        assert_eq!((ids.len(), bed.all("customer").await.len()), (1, 4));
        bed.end().await;
    }
}

/// Runs futures beside each other on one thread.
async fn join<T>(all: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (one, done) in running.iter_mut().filter(|(_, done)| done.is_none()) {
            match one.as_mut().poll(cx) {
                std::task::Poll::Ready(value) => *done = Some(value),
                std::task::Poll::Pending => pending = true,
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}

#[test]
fn forms_are_the_administrators_and_managers_read_them() {
    use kehu_domain::rights::Action::{Create, Read};
    let may = |role, action| !Rights::of(role).reach(action, "form").is_none();
    assert!(may("administrator", Create) && may("administrator", Read));
    assert!(!may("manager", Create) && may("manager", Read));
    assert!(!may("salesperson", Read));
}

#[tokio::test]
async fn only_a_placed_lead_of_the_same_door_takes_an_id() {
    for bed in Bed::each(&json!({"source_id": "/lead"})).await {
        let quarantined = bed.try_send(json!({"lead": "L1"}), None).await.unwrap();
        let body = json!({"mobile": "13800138000", "lead": "L1"});
        let made = bed.try_send(body.clone(), None).await.unwrap();
        assert_ne!(made.id, quarantined.id);
        assert_eq!(bed.try_send(body.clone(), None).await.unwrap().id, made.id);
        let hook = by_hook_key(&bed.gate, bed.form["hook_key"].as_str().unwrap()).await.unwrap();
        let sent = Sent {
            given: Given::json(&body.to_string()).unwrap(),
            content_type: "application/json".to_owned(),
            body: body.to_string(),
            query: Vec::new(),
            idempotency: None,
        };
        let by_hook = submit(&bed.gate, hook, sent, RequestInfo::default()).await.unwrap();
        assert_ne!(by_hook.id, made.id);
        bed.end().await;
    }
}
