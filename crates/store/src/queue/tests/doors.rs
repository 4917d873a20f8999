use std::time::Duration;

use kehu_domain::rights::Rights;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, Principal, RequestInfo};
use crate::machine::Answer;
use crate::queue::{Ended, NewJob, asked_to_cancel, cancel, enqueue, get, list, retry, take_back};

use super::bed::{Bed, KIND, URGENT, on_both};

const ANN: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);

/// A user of an organisation.
async fn user(bed: &Bed, at: usize, id: Uuid, role: &str) -> Caller {
    let org = bed.gate.org(bed.callers[at].org().id).await.unwrap();
    let principal = Principal::User { id, session: Uuid::nil() };
    bed.gate.caller(org, principal, Rights::of(role), Vec::new(), RequestInfo::default()).await.unwrap()
}

fn read(answer: Result<Answer, Failure>) -> Value {
    serde_json::from_str(&answer.unwrap().body).unwrap()
}

async fn listed(caller: &Caller, parameters: &[(&str, &str)]) -> Value {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(list(caller, parameters).await)
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn people_see_their_own_jobs_and_administrators_all_of_the_organisation() {
    on_both(2, async |bed: Bed| {
        let ann = user(&bed, 0, ANN, "salesperson").await;
        let bob = user(&bed, 0, BOB, "manager").await;
        let admin = user(&bed, 0, Uuid::from_u128(3), "administrator").await;
        let stranger = user(&bed, 1, ANN, "administrator").await;
        let anns = enqueue(&ann, NewJob::new(&KIND, json!({ "what": "x" }))).await.unwrap();
        let systems = bed.ask(0, &URGENT, "x").await;
        let job = read(get(&ann, anns).await);
        assert_eq!(job["created_by"], ANN.to_string());
        assert_eq!((&job["state"], &job["progress"], &job["failure"]), (&json!("queued"), &Value::Null, &Value::Null));
        assert_eq!(ids(&listed(&admin, &[]).await), [systems.to_string(), anns.to_string()]);
        assert_eq!(ids(&listed(&ann, &[]).await), [anns.to_string()]);
        assert!(ids(&listed(&bob, &[]).await).is_empty() && ids(&listed(&stranger, &[]).await).is_empty());
        for other in [&bob, &stranger] {
            for answer in [get(other, anns).await, cancel(other, anns).await, retry(other, anns).await] {
                assert!(matches!(answer, Err(Failure::NotFound)), "{answer:?}");
            }
        }
        assert!(matches!(get(&ann, systems).await, Err(Failure::NotFound)));
        assert!(matches!(cancel(&ann, systems).await, Err(Failure::NotFound)));
        assert_eq!(read(get(&admin, anns).await)["id"], anns.to_string());
    })
    .await;
}

#[tokio::test]
async fn a_list_has_pages_and_filters() {
    on_both(1, async |bed: Bed| {
        let admin = user(&bed, 0, ANN, "administrator").await;
        let mut all = Vec::new();
        for at in 0..5 {
            all.push(bed.ask(0, if at == 2 { &URGENT } else { &KIND }, "x").await.to_string());
        }
        let work = bed.claim(1).await.remove(0);
        work.settle(Ok(Some(json!({ "made": 7 })))).await.unwrap();
        let first = listed(&admin, &[("limit", "3")]).await;
        let next = first["page"]["next"].as_str().unwrap();
        let second = listed(&admin, &[("limit", "3"), ("after", next)]).await;
        let seen = [ids(&first), ids(&second)].concat();
        // Those of one millisecond stand in the order of their ids.
        let mut newest = all.clone();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!((seen, &second["page"]["next"]), (newest, &Value::Null));
        let done = listed(&admin, &[("filter[state]", "done"), ("filter[kind]", "test.urgent")]).await;
        assert_eq!((ids(&done), &done["data"][0]["result"]), (vec![all[2].clone()], &json!({ "made": 7 })));
        assert!(ids(&listed(&admin, &[("filter[state]", "dead")]).await).is_empty());
        for (name, value) in [("filter[state]", "x"), ("limit", "0"), ("after", "x"), ("sort", "id")] {
            let refused = list(&admin, vec![(name.to_owned(), value.to_owned())]).await;
            assert!(matches!(refused, Err(Failure::BadQuestion(_))), "{name}");
        }
        let foreign =
            list(&admin, vec![("after".to_owned(), next.to_owned()), ("filter[state]".to_owned(), "done".to_owned())]);
        assert!(matches!(foreign.await, Err(Failure::BadQuestion(_))));
    })
    .await;
}

#[tokio::test]
async fn a_job_is_taken_back_at_once_or_at_its_next_step() {
    on_both(1, async |bed: Bed| {
        let admin = user(&bed, 0, ANN, "administrator").await;
        let waits = bed.ask(0, &KIND, "x").await;
        assert_eq!(read(cancel(&admin, waits).await)["state"], "cancelled");
        assert!(matches!(cancel(&admin, waits).await, Err(Failure::JobEnded)));
        assert!(bed.claim(1).await.is_empty());

        let runs = bed.ask(0, &KIND, "x").await;
        let work = bed.claim(1).await.remove(0);
        let asked = read(cancel(&admin, runs).await);
        assert_eq!((&asked["state"], &asked["cancel_asked"]), (&json!("running"), &json!(true)));
        assert!(asked_to_cancel(&bed.gate).await.unwrap().contains(&runs));
        work.cancel();
        assert_eq!(work.settle(Err(work.go_on().unwrap_err())).await.unwrap(), "cancelled");
        assert_eq!(bed.row(runs).await.state, "cancelled");

        let lost = bed.ask(0, &KIND, "x").await;
        bed.claim(1).await;
        cancel(&admin, lost).await.unwrap();
        bed.set_time(lost, "lease_until", -1).await;
        assert_eq!(take_back(&bed.gate, Vec::new(), Duration::from_secs(9)).await.unwrap(), 1);
        assert_eq!(bed.row(lost).await.state, "cancelled");
        assert_eq!(bed.entries("job.cancelled").await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_was_taken_back_does_not_wait_for_another_attempt() {
    on_both(1, async |bed: Bed| {
        let admin = user(&bed, 0, ANN, "administrator").await;
        let failed = Ended::Failed { code: "unreachable", detail: String::new() };
        for ended in [failed, Ended::Stopped] {
            let id = bed.ask(0, &KIND, "x").await;
            let work = bed.claim(1).await.remove(0);
            cancel(&admin, id).await.unwrap();
            assert_eq!(work.settle(Err(ended)).await.unwrap(), "cancelled");
            let row = bed.row(id).await;
            assert_eq!((row.state.as_str(), row.lease, row.attempts), ("cancelled", None, 1));
            assert!(row.finished_at.is_some() && row.expires_at.is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn a_dead_job_is_tried_again_from_where_it_stood() {
    on_both(1, async |bed: Bed| {
        let admin = user(&bed, 0, ANN, "administrator").await;
        let id = bed.ask(0, &KIND, "x").await;
        assert!(matches!(retry(&admin, id).await, Err(Failure::JobNotDead)));
        let work = bed.claim(1).await.remove(0);
        work.save(crate::queue::Step::default().checkpoint(json!(4)).progress(4, Some(9))).await.unwrap();
        let ended = Ended::Final { code: "file_unreadable", detail: "第 3 行".to_owned() };
        assert_eq!(work.settle(Err(ended)).await.unwrap(), "dead");
        let dead = read(get(&admin, id).await);
        assert_eq!(dead["failure"], json!({ "code": "file_unreadable", "detail": "第 3 行" }));
        assert_eq!(dead["progress"], json!({ "done": 4, "total": 9 }));
        let again = read(retry(&admin, id).await);
        assert_eq!(
            (&again["state"], &again["attempts"], &again["failure"]),
            (&json!("queued"), &json!(0), &Value::Null)
        );
        let work = bed.claim(1).await.remove(0);
        assert_eq!(work.checkpoint::<i64>().unwrap(), Some(4));
        assert_eq!(bed.entries("job.retried").await.len(), 1);
    })
    .await;
}
