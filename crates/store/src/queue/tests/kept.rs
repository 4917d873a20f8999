use chrono::Duration;
use sea_orm::EntityTrait;
use serde_json::json;

use crate::clock::Clock;
use crate::entities::{customer, kept_answer};
use crate::machine::{self, Idempotency, WriteOptions, resource};
use crate::queue::{Ended, Work};

use super::bed::{Bed, KIND, claim, on_both};

/// A customer that is there once for the job.
async fn effect(work: &Work) {
    let idempotency = Some(Idempotency { key: work.id().to_string(), fingerprint: [7; 32] });
    let options = WriteOptions { idempotency, ..WriteOptions::default() };
    let body = json!({ "name": "Acme", "kind": "company" });
    machine::create(work.caller(), resource("customer").unwrap(), body, &options).await.unwrap();
}

#[tokio::test]
async fn what_a_job_did_is_known_for_as_long_as_it_may_be_tried_again() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        let work = bed.claim(1).await.remove(0);
        effect(&work).await;
        work.settle(Err(Ended::Failed { code: "unreachable", detail: String::new() })).await.unwrap();
        let later = (bed.gate.now() + Duration::days(60)).timestamp_millis();
        let second = bed.second(Clock::new(move || later)).await;
        assert_eq!(second.sweep().await.unwrap().kept_answers, 0);
        bed.set_time(id, "run_at", 0).await;
        let again = claim(&second, 1).await.remove(0);
        effect(&again).await;
        assert_eq!(customer::Entity::find().all(bed.gate.engine()).await.unwrap().len(), 1);
        again.settle(Ok(None)).await.unwrap();
        assert_eq!(second.sweep().await.unwrap().kept_answers, 1);
        assert!(kept_answer::Entity::find().all(bed.gate.engine()).await.unwrap().is_empty());
    })
    .await;
}
