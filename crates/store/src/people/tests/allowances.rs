//! What a user may be told of masked values: hour by hour, and the same on every server.

use serde_json::json;

use super::bed::{Bed, on_both, request};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::{WriteOptions, create, resource, reveal};

/// Long enough for the next hour.
const HOUR: i64 = 3_600_000;

async fn shown(caller: &Caller, id: uuid::Uuid) -> Result<String, Failure> {
    let body = json!({"fields": ["id_number"], "reason": "核对"});
    reveal(caller, resource("customer").unwrap(), id, &body).await.map(|answer| answer.body)
}

#[tokio::test]
async fn an_hour_begins_anew_and_servers_that_ask_at_once_share_it() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let person = json!({"name": "周芷若", "kind": "person", "id_number": "11010119900307002X"});
        let customers = resource("customer").unwrap();
        let made = create(&admin, customers, person, &WriteOptions::default()).await.unwrap().answer.id.unwrap();
        // SQLite has one server.
        let second = match bed.postgres() {
            Some(_) => bed.second().await,
            None => bed.gate.clone(),
        };
        let signed_in = bed.sign_in("admin@acme.test", super::bed::PASSWORD).await.unwrap();
        let there = second.user(signed_in.verified, request("10.0.0.2")).await.unwrap();
        let shown_of = |answers: &[Result<String, Failure>]| answers.iter().filter(|answer| answer.is_ok()).count();
        let asked = tokio::join!(shown(&admin, made), shown(&there, made), shown(&admin, made), shown(&there, made));
        let answers = [asked.0, asked.1, asked.2, asked.3];
        assert_eq!(shown_of(&answers), 2, "{answers:?}");
        assert!(answers.iter().flatten().all(|body| body.contains("11010119900307002X")));
        for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert!(matches!(refused, Failure::RevealLimited(seconds) if (1..=3600).contains(seconds)), "{refused:?}");
        }
        // Two that were given, one entry for all that were not.
        assert_eq!(bed.entries("customer.revealed").await, 3);
        bed.wait(HOUR);
        let signed_in = bed.sign_in("admin@acme.test", super::bed::PASSWORD).await.unwrap();
        let later = bed.caller(signed_in.verified).await.unwrap();
        for expected in [true, true, false, false] {
            assert_eq!(shown(&later, made).await.is_ok(), expected);
        }
        assert_eq!(bed.entries("customer.revealed").await, 6);
        assert_eq!(bed.gate.sweep().await.unwrap().allowances, 1, "the hour that is over");
        if bed.postgres().is_some() {
            second.close().await;
        }
        bed.gate.close().await;
    })
    .await;
}
