use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::failure::Failure;
use crate::journal::{Entry, Outcome};
use crate::queue::{Ended, Step, Work, renew, set_right, take_back};
use crate::tx::Tx;

use super::bed::{Bed, KIND, URGENT, claim, on_both};

const LEASE: Duration = Duration::from_secs(9);

/// An effect in the database: an entry of the journal, with a checkpoint in the same transaction.
async fn effect(work: &Work, step: Step) -> Result<(), Failure> {
    let noted = work.clone();
    work.caller()
        .write(async move |tx: &Tx<'_>| {
            tx.log(Entry::security("test.effect", Outcome::Ok, None));
            noted.note(tx, step);
            Ok(())
        })
        .await
}

fn failed(code: &'static str) -> Ended {
    Ended::Failed { code, detail: "13800138000".to_owned() }
}

#[tokio::test]
async fn a_job_whose_server_is_gone_is_claimed_again_and_the_late_server_writes_nothing() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        let late = bed.claim(1).await.remove(0);
        effect(&late, Step::default().checkpoint(json!(1)).progress(1, Some(2))).await.unwrap();
        assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 0);
        bed.set_time(id, "lease_until", -1).await;
        // Nobody took it yet: it is still this server's.
        effect(&late, Step::default().checkpoint(json!(2))).await.unwrap();
        assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 1);
        let refused = |result: Result<(), Failure>| assert!(matches!(result, Err(Failure::LeaseLost)), "{result:?}");
        refused(effect(&late, Step::default()).await);
        // The other server's clock is forty years behind.
        let second = bed.second(Clock::new(|| 500_000_000_000)).await;
        let next = claim(&second, 1).await.remove(0);
        assert_eq!(next.checkpoint::<i64>().unwrap(), Some(2));
        refused(effect(&late, Step::default().checkpoint(json!(9))).await);
        refused(late.save(Step::default().done(None)).await);
        assert_eq!(late.settle(Ok(None)).await.unwrap(), "lost");
        let lease = late.lease();
        assert!(renew(&bed.gate, vec![late], LEASE).await.unwrap().contains(&lease));
        effect(&next, Step::default().done(Some(json!({ "made": 3 })))).await.unwrap();
        assert_eq!(next.settle(Ok(None)).await.unwrap(), "done");
        let row = bed.row(id).await;
        assert_eq!((row.state.as_str(), row.attempts, row.lease), ("done", 2, None));
        let entries = bed.entries("test.effect").await;
        assert_eq!(entries.len(), 3);
        assert!(
            entries.iter().all(|entry| entry.actor_kind == "job" && entry.actor_id == Some(id) && entry.via == "job")
        );
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_is_renewed_is_kept() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        let work = bed.claim(1).await.remove(0);
        bed.set_time(id, "lease_until", -1).await;
        assert!(renew(&bed.gate, vec![work.clone()], LEASE).await.unwrap().is_empty());
        assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 0);
        assert_eq!(work.settle(Ok(None)).await.unwrap(), "done");
    })
    .await;
}

#[tokio::test]
async fn a_server_does_not_take_back_what_it_runs_itself() {
    on_both(1, async |bed: Bed| {
        let (own, other) = (bed.ask(0, &KIND, "x").await, bed.ask(0, &KIND, "x").await);
        let work = bed.claim(1).await.remove(0);
        assert_eq!((work.id(), bed.claim(1).await.len()), (own, 1));
        bed.set_time(own, "lease_until", -1).await;
        bed.set_time(other, "lease_until", -1).await;
        assert_eq!(take_back(&bed.gate, vec![work.clone()], LEASE).await.unwrap(), 1);
        assert_eq!(bed.row(other).await.state, "queued");
        // It was renewed, so that no other server takes it back either.
        assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 0);
        assert_eq!(work.settle(Ok(None)).await.unwrap(), "done");
        assert_eq!(bed.row(own).await.attempts, 1);
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_was_given_while_the_clock_ran_ahead_is_taken_back() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        bed.claim(1).await;
        bed.set_time(id, "lease_until", 7 * 86_400).await;
        assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 1);
        assert_eq!(bed.claim(1).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_for_while_the_clock_ran_ahead_waits_no_longer_than_it_should() {
    const DAY: i64 = 86_400;
    on_both(1, async |bed: Bed| {
        let (asked, delayed, failed) =
            (bed.ask(0, &KIND, "x").await, bed.ask(0, &KIND, "x").await, bed.ask(0, &KIND, "x").await);
        for (id, column, seconds) in [
            (asked, "run_at", DAY),
            (asked, "created_at", DAY),
            (delayed, "created_at", DAY),
            (delayed, "run_at", DAY + 600),
            (failed, "started_at", DAY),
            (failed, "run_at", DAY + 60),
        ] {
            bed.set_time(id, column, seconds).await;
        }
        assert!(bed.claim(9).await.is_empty());
        assert_eq!(set_right(&bed.gate).await.unwrap(), 3);
        assert_eq!(set_right(&bed.gate).await.unwrap(), 0);
        assert_eq!(bed.claim(9).await.len(), 1);
        let waits =
            |row: crate::entities::job::Model| (row.run_at - row.started_at.unwrap_or(row.created_at)).num_seconds();
        assert_eq!((waits(bed.row(delayed).await), waits(bed.row(failed).await)), (600, 60));
    })
    .await;
}

#[tokio::test]
async fn failures_pause_and_the_last_one_is_dead() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        for attempt in 1..=3 {
            let work = bed.claim(1).await.remove(0);
            let outcome = work.settle(Err(failed("unreachable"))).await.unwrap();
            let row = bed.row(id).await;
            assert_eq!((row.attempts, row.failure.as_deref()), (attempt, Some("unreachable")));
            assert!(!row.detail.unwrap().windows(11).any(|part| part == b"13800138000"));
            if attempt < 3 {
                assert_eq!((outcome, row.state.as_str()), ("failed", "queued"));
                let pause = row.run_at - row.started_at.unwrap();
                assert!(pause >= chrono::Duration::milliseconds(1000 << (attempt - 1)), "{pause}");
                assert!(bed.claim(1).await.is_empty());
                bed.set_time(id, "run_at", 0).await;
            } else {
                assert_eq!((outcome, row.state.as_str()), ("dead", "dead"));
                assert!((row.expires_at.unwrap() - row.finished_at.unwrap()).num_days() == 90);
            }
        }
        let other = bed.ask(0, &KIND, "x").await;
        let unreadable = Ended::from(Failure::refused("", kehu_domain::flaw::Flaw::new(&kehu_domain::codes::REQUIRED)));
        bed.claim(1).await[0].settle(Err(unreadable)).await.unwrap();
        assert_eq!((bed.row(other).await.state.as_str(), bed.row(other).await.attempts), ("dead", 1));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_takes_every_server_down_is_dead_in_the_end() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        for _ in 0..3 {
            assert_eq!(bed.claim(1).await.len(), 1);
            bed.set_time(id, "lease_until", -1).await;
            assert_eq!(take_back(&bed.gate, Vec::new(), LEASE).await.unwrap(), 1);
        }
        let row = bed.row(id).await;
        assert_eq!((row.state.as_str(), row.failure.as_deref(), row.attempts), ("dead", Some("lost"), 3));
        assert!(bed.claim(1).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_a_server_that_ends_gives_back_costs_no_attempt() {
    on_both(1, async |bed: Bed| {
        let id = bed.ask(0, &KIND, "x").await;
        let work = bed.claim(1).await.remove(0);
        assert!(work.go_on().is_ok());
        work.stop();
        let ended = work.go_on().unwrap_err();
        assert_eq!(ended, Ended::Stopped);
        assert_eq!(work.settle(Err(ended)).await.unwrap(), "given_back");
        assert_eq!((bed.row(id).await.state.as_str(), bed.row(id).await.attempts), ("queued", 0));
        assert_eq!(bed.claim(1).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn ended_jobs_are_swept_in_their_time() {
    on_both(1, async |bed: Bed| {
        let (gone, kept) = (bed.ask(0, &URGENT, "x").await, bed.ask(0, &URGENT, "x").await);
        for work in bed.claim(3).await {
            work.settle(Ok(Some(Value::Null))).await.unwrap();
        }
        let row = bed.row(gone).await;
        assert_eq!((row.expires_at.unwrap() - row.finished_at.unwrap()).num_days(), 1);
        bed.set_time(gone, "expires_at", -1).await;
        assert_eq!(bed.gate.sweep().await.unwrap().jobs, 1);
        assert_eq!(bed.states().await, HashMap::from([("done".to_owned(), 1)]));
        assert_eq!(bed.row(kept).await.state, "done");
    })
    .await;
}
