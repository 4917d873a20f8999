use sea_orm::ConnectionTrait;
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine;
use crate::entities::job;
use crate::failure::Failure;
use crate::queue::{NewJob, Step, enqueue};
use crate::tx::Tx;

use super::bed::{Bed, KIND, on_both, what};

#[tokio::test]
async fn a_job_is_there_when_its_transaction_commits_and_never_before() {
    on_both(1, async |bed: Bed| {
        let asked = bed.callers[0].write(async |tx: &Tx<'_>| {
            tx.enqueue(NewJob::new(&KIND, json!({ "what": "never" })));
            Err::<(), _>(Failure::Forbidden)
        });
        assert!(matches!(asked.await, Err(Failure::Forbidden)));
        assert!(bed.states().await.is_empty() && bed.claim(9).await.is_empty());
        let asked = bed.callers[0].write(async |tx: &Tx<'_>| {
            let part = tx.attempt(async || {
                tx.enqueue(NewJob::new(&KIND, json!({ "what": "undone" })));
                Err::<(), _>(Failure::Forbidden)
            });
            assert!(part.await.is_err());
            Ok(["first", "second"].map(|what| tx.enqueue(NewJob::new(&KIND, json!({ "what": what })))))
        });
        let ids = asked.await.unwrap();
        let mut claimed = bed.claim(9).await;
        claimed.sort_by_key(|work| ids.iter().position(|id| *id == work.id()));
        assert_eq!(claimed.iter().map(what).collect::<Vec<_>>(), ["first", "second"]);
        // In time on this side of the commit, whatever this process believes of the time.
        let row = bed.row(ids[0]).await;
        assert!(row.created_at == row.run_at && row.started_at.unwrap() >= row.run_at);
    })
    .await;
}

#[tokio::test]
async fn what_a_job_asks_for_goes_back_to_whoever_asked_for_the_job() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        let ann = Uuid::from_u128(1);
        let set = bed.gate.write_raw(async move |db: &engine::Tx| {
            let sql = "UPDATE jobs SET created_by = ? WHERE id = ?";
            db.execute_raw(statement(db, sql, [ann.into(), id.into()])).await?;
            Ok(())
        });
        set.await.unwrap();
        let work = bed.claim(1).await.remove(0);
        assert_eq!((work.version(), work.asked_by()), (1, Some(ann)));
        let asked = enqueue(work.caller(), NewJob::new(&KIND, json!({ "what": "y" }))).await.unwrap();
        assert_eq!(bed.row(asked).await.created_by, Some(ann));
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_a_word() {
    on_both(1, async |bed: Bed| {
        let large = || json!({ "what": "x".repeat(1_000_000) });
        let refused = enqueue(&bed.callers[0], NewJob::new(&KIND, large())).await;
        assert!(matches!(refused, Err(Failure::TooLarge("payload"))), "{refused:?}");
        let id = bed.ask(0, &KIND, "x").await;
        let work = bed.claim(1).await.remove(0);
        let refused = work.save(Step::default().checkpoint(large())).await;
        assert!(matches!(refused, Err(Failure::TooLarge("checkpoint"))), "{refused:?}");
        assert_eq!(work.settle(Ok(Some(large()))).await.unwrap(), "dead");
        assert_eq!(bed.row(id).await.failure.as_deref(), Some("too_large"));
    })
    .await;
}

#[tokio::test]
async fn a_payload_is_sealed() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "13800138000").await;
        let row: job::Model = bed.row(id).await;
        assert!(!row.payload.windows(11).any(|part| part == b"13800138000"));
        assert_eq!(what(&bed.claim(9).await[0]), "13800138000");
    })
    .await;
}

#[tokio::test]
async fn a_unique_key_is_for_one_living_job_of_an_organisation() {
    on_both(2, async |bed: Bed| {
        let job = || NewJob::new(&KIND, json!({ "what": "x" })).unique("the one");
        let first = enqueue(&bed.callers[0], job()).await.unwrap();
        assert_eq!(enqueue(&bed.callers[0], job()).await.unwrap(), first);
        assert_ne!(enqueue(&bed.callers[1], job()).await.unwrap(), first);
        let claimed = bed.claim(9).await;
        let work = claimed.iter().find(|work| work.id() == first).unwrap();
        assert_eq!(enqueue(&bed.callers[0], job()).await.unwrap(), first);
        work.settle(Ok(None)).await.unwrap();
        let second = enqueue(&bed.callers[0], job()).await.unwrap();
        assert_ne!(second, first);
        assert_eq!(bed.row(second).await.state, "queued");
    })
    .await;
}
