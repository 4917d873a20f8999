use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::engine::EngineOptions;
use crate::queue::{Claims, NewJob, Spec, enqueue};
use crate::tx::Tx;

use super::bed::{Bed, KIND, KINDS, LATER, URGENT, claim, on_both, what};

#[tokio::test]
async fn what_is_due_goes_by_priority_and_every_fourth_turn_is_of_what_is_old() {
    on_both(1, async |bed: Bed| {
        for _ in 0..50 {
            let old = bed.ask(0, &LATER, "low, but old").await;
            bed.set_time(old, "run_at", -301).await;
        }
        bed.ask(0, &KIND, "normal").await;
        for _ in 0..4 {
            bed.ask(0, &URGENT, "high").await;
        }
        let later = NewJob::new(&URGENT, json!({ "what": "not yet" })).after(Duration::from_secs(60));
        enqueue(&bed.callers[0], later).await.unwrap();
        let mut claims = Claims::new(&KINDS, 1, Duration::from_secs(60));
        let mut order = Vec::new();
        for _ in 0..7 {
            let (works, _) = claims.next(&bed.gate, &HashMap::new()).await.unwrap();
            order.extend(works.iter().map(what));
        }
        assert_eq!(order, ["high", "high", "high", "low, but old", "high", "normal", "low, but old"]);
    })
    .await;
}

#[tokio::test]
async fn an_organisation_with_a_thousand_jobs_does_not_keep_the_others_waiting() {
    on_both(6, async |bed: Bed| {
        let asked = bed.callers[0].write(async |tx: &Tx<'_>| {
            for _ in 0..1000 {
                tx.enqueue(NewJob::new(&KIND, json!({ "what": "0" })));
            }
            Ok(())
        });
        asked.await.unwrap();
        for at in 1..6 {
            for _ in 0..3 {
                bed.ask(at, &KIND, &at.to_string()).await;
            }
        }
        // Four slots; whatever is claimed is done at once. The fifteen jobs of the small ones are through when the big
        // one has had its turns.
        let (mut claims, mut here) = (Claims::new(&KINDS, 4, Duration::from_secs(60)), HashMap::new());
        let mut order: Vec<usize> = Vec::new();
        let mut running: Vec<crate::queue::Work> = Vec::new();
        while order.len() < 40 {
            let (works, _) = claims.next(&bed.gate, &here).await.unwrap();
            order.extend(works.iter().map(|work| what(work).parse::<usize>().unwrap()));
            running.extend(works);
            let done = running.remove(0);
            done.settle(Ok(None)).await.unwrap();
            here.clear();
            running.iter().for_each(|work| *here.entry(work.org_id()).or_default() += 1);
        }
        let last = order.iter().rposition(|at| *at != 0).unwrap();
        let big = order[..last].iter().filter(|at| **at == 0).count();
        assert!(order.iter().filter(|at| **at != 0).count() == 15 && big <= 6, "{order:?}");
    })
    .await;
}

#[tokio::test]
async fn servers_that_claim_at_once_never_claim_the_same() {
    on_both(3, async |bed: Bed| {
        for at in 0..30 {
            bed.ask(at % 3, &KIND, "x").await;
        }
        let mut seen = HashSet::new();
        let second = bed.second(Clock::new(|| 0)).await;
        for _ in 0..20 {
            let (mine, others) = tokio::join!(claim(&bed.gate, 4), claim(&second, 4));
            for work in mine.into_iter().chain(others) {
                assert!(seen.insert(work.id()), "claimed twice");
            }
        }
        assert_eq!(seen.len(), 30);
        assert_eq!(bed.states().await, HashMap::from([("running".to_owned(), 30)]));
    })
    .await;
}

#[tokio::test]
async fn kinds_and_versions_that_a_server_does_not_know_are_left_to_others() {
    static NEWER: Spec = Spec::new("test", 2);
    static UNKNOWN: Spec = Spec::new("test.unknown", 1);
    on_both(1, async |bed: Bed| {
        bed.ask(0, &NEWER, "newer").await;
        bed.ask(0, &UNKNOWN, "unknown").await;
        bed.ask(0, &KIND, "known").await;
        let claimed = bed.claim(9).await;
        assert_eq!(claimed.iter().map(what).collect::<Vec<_>>(), ["known"]);
        let mut newer = Claims::new(&[&NEWER], 9, Duration::from_secs(60));
        let (works, _) = newer.next(&bed.gate, &HashMap::new()).await.unwrap();
        assert_eq!(works.iter().map(what).collect::<Vec<_>>(), ["newer"]);
        let mut nobody = Claims::new(&[], 9, Duration::from_secs(60));
        assert!(nobody.next(&bed.gate, &HashMap::new()).await.unwrap().0.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_jobs_that_a_server_does_not_know_keeps_nothing_waiting() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    let bed = Bed::open(EngineOptions::sqlite(&file), 1).await;
    // A kind of its own, and a newer version of one that is known.
    let sql = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30000) \
         INSERT INTO jobs (org_id, id, kind, version, payload, state, priority, created_at, run_at, attempts, \
         max_attempts, cancel_asked, request_id) SELECT ?1, randomblob(16), iif(n % 2, 'test', 'test.else'), \
         1 + n % 2, x'00', 'queued', n % 3, 1, 1, 0, 5, false, '' FROM n";
    let org = bed.callers[0].org().id;
    assert_eq!(Connection::open(&file).unwrap().execute(sql, [org.as_bytes()]).unwrap(), 30_000);
    for spec in KINDS {
        bed.ask(0, spec, spec.name()).await;
    }
    let mut claimed: Vec<String> = bed.claim(9).await.iter().map(what).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, ["test", "test.later", "test.urgent"]);
}

#[tokio::test]
async fn a_job_that_cannot_be_opened_fails_at_once_and_is_dead_in_the_end() {
    on_both(1, async |bed: Bed| {
        let (broken, sound) = (bed.ask(0, &KIND, "broken").await, bed.ask(0, &KIND, "sound").await);
        bed.spoil(broken).await;
        assert_eq!(bed.claim(9).await.iter().map(crate::queue::Work::id).collect::<Vec<_>>(), [sound]);
        for attempt in 1..=3 {
            let row = bed.row(broken).await;
            assert_eq!((row.attempts, row.lease, row.failure.as_deref()), (attempt, None, Some("unreadable")));
            assert_eq!(row.state, if attempt < 3 { "queued" } else { "dead" });
            bed.set_time(broken, "run_at", 0).await;
            assert!(bed.claim(9).await.is_empty());
        }
        let ended = bed.gate.job_stats().ended;
        assert_eq!((ended[&("test".to_owned(), "failed")], ended[&("test".to_owned(), "dead")]), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn more_organisations_than_one_look_takes_all_get_their_turn() {
    on_both(12, async |bed: Bed| {
        for caller in &bed.callers {
            enqueue(caller, NewJob::new(&KIND, json!({ "what": "x" }))).await.unwrap();
        }
        let mut claims = Claims::new(&KINDS, 1, Duration::from_secs(60)).looking_at(5);
        let mut looks = 0;
        let mut seen = HashSet::new();
        while seen.len() < 12 {
            let (works, more) = claims.next(&bed.gate, &HashMap::new()).await.unwrap();
            assert!(!works.is_empty() || more, "{} of 12", seen.len());
            seen.extend(works.iter().map(crate::queue::Work::org_id));
            looks += 1;
            assert!(looks < 60);
        }
    })
    .await;
}
