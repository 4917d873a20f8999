//! One process: panics, cancelling, the end.

use std::time::Duration;

use kehu_jobs::{Jobs, Kinds, start};
use kehu_store::queue::{self, Ended, NewJob, Spec, Step, Work};
use kehu_store::{Caller, Gate};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use crate::bed::{OPTIONS, administrator, in_folder, job, until};

static PANICS: Spec = Spec::new("test.panics", 1).attempts(1);
static STEPS: Spec = Spec::new("test.steps", 1);
static SLEEPS: Spec = Spec::new("test.sleeps", 1);
static BLOCKS: Spec = Spec::new("test.blocks", 1);
static SLOW: Spec = Spec::new("test.slow", 1).attempts(1).within(Duration::from_millis(300));
static QUICK: Spec = Spec::new("test.quick", 1);

/// Goes on until somebody says stop.
async fn steps(work: Work) -> queue::Run {
    let mut at = work.checkpoint::<i64>()?.unwrap_or_default();
    loop {
        work.go_on()?;
        at += 1;
        work.save(Step::default().checkpoint(json!(at)).progress(at, None)).await?;
        sleep(Duration::from_millis(10)).await;
    }
}

async fn panics(_: Work) -> queue::Run {
    panic!("on purpose")
}

async fn sleeps(_: Work) -> queue::Run {
    sleep(Duration::from_secs(600)).await;
    Ok(None)
}

/// Stands still for longer than its lease, and everything else of the process with it; then goes on for a while.
async fn blocks(work: Work) -> queue::Run {
    std::thread::sleep(OPTIONS.lease * 2);
    for step in 0..20 {
        sleep(OPTIONS.lease / 10).await;
        work.save(Step::default().progress(step, None)).await?;
    }
    Ok(None)
}

async fn quick(work: Work) -> queue::Run {
    let said: Value = work.payload()?;
    if said == json!("wrong") { Err(Ended::Final { code: "wrong", detail: String::new() }) } else { Ok(Some(said)) }
}

fn kinds() -> Kinds {
    let kinds = Kinds::default().with(&PANICS, panics).with(&STEPS, steps).with(&SLEEPS, sleeps);
    kinds.with(&QUICK, quick).with(&BLOCKS, blocks).with(&SLOW, sleeps)
}

async fn with_jobs(test: impl AsyncFnOnce(&Gate, &Caller, Jobs)) {
    let folder = TempDir::new().unwrap();
    let set = LocalSet::new();
    set.run_until(async {
        let gate = in_folder(folder.path()).await;
        let caller = administrator(&gate).await;
        let jobs = start(&gate, kinds(), OPTIONS);
        test(&gate, &caller, jobs).await;
        gate.close().await;
    })
    .await;
}

async fn ask(caller: &Caller, spec: &'static Spec, payload: Value) -> uuid::Uuid {
    queue::enqueue(caller, NewJob::new(spec, payload)).await.unwrap()
}

async fn in_state(caller: &Caller, id: uuid::Uuid, state: &str) {
    until(state, async || job(caller, id).await["state"] == state).await;
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_harms_nothing_else() {
    with_jobs(async |gate, caller, jobs| {
        let bad = ask(caller, &PANICS, Value::Null).await;
        let good = ask(caller, &QUICK, json!({ "made": 3 })).await;
        let wrong = ask(caller, &QUICK, json!("wrong")).await;
        in_state(caller, bad, "dead").await;
        in_state(caller, wrong, "dead").await;
        in_state(caller, good, "done").await;
        assert_eq!(job(caller, bad).await["failure"]["code"], "panicked");
        assert_eq!(job(caller, good).await["result"], json!({ "made": 3 }));
        let ended = gate.job_stats().ended;
        assert_eq!(ended[&("test.panics".to_owned(), "dead")], 1);
        assert_eq!(ended[&("test.quick".to_owned(), "done")], 1);
        jobs.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_asked_for_begins_at_once() {
    with_jobs(async |_, caller, jobs| {
        // By the clock alone each of them would wait a second for the next look.
        let five = async {
            for _ in 0..5 {
                let id = ask(caller, &QUICK, Value::Null).await;
                while job(caller, id).await["state"] != "done" {
                    sleep(Duration::from_millis(5)).await;
                }
            }
        };
        timeout(Duration::from_millis(3500), five).await.unwrap();
        jobs.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_running_job_that_is_taken_back_ends_at_its_next_step() {
    with_jobs(async |_, caller, jobs| {
        let id = ask(caller, &STEPS, Value::Null).await;
        until("progress", async || job(caller, id).await["progress"]["done"].as_i64() > Some(2)).await;
        queue::cancel(caller, id).await.unwrap();
        in_state(caller, id, "cancelled").await;
        jobs.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_ends_under_a_running_job_is_renewed() {
    with_jobs(async |gate, caller, jobs| {
        let id = ask(caller, &BLOCKS, Value::Null).await;
        in_state(caller, id, "done").await;
        assert_eq!(job(caller, id).await["attempts"], 1);
        let ended = gate.job_stats().ended;
        let runs: Vec<_> = ended.iter().filter(|((kind, _), _)| kind == "test.blocks").collect();
        assert_eq!(runs, [(&("test.blocks".to_owned(), "done"), &1)]);
        jobs.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_does_not_end_by_itself_is_cut_off() {
    with_jobs(async |_, caller, jobs| {
        let (slow, cancelled) = (ask(caller, &SLOW, Value::Null).await, ask(caller, &SLEEPS, Value::Null).await);
        in_state(caller, cancelled, "running").await;
        queue::cancel(caller, cancelled).await.unwrap();
        in_state(caller, cancelled, "cancelled").await;
        in_state(caller, slow, "dead").await;
        assert_eq!(job(caller, slow).await["failure"]["code"], "took_too_long");
        jobs.end().await;
    })
    .await;
}

#[tokio::test]
async fn the_end_gives_back_what_runs_and_the_next_process_goes_on() {
    with_jobs(async |gate, caller, jobs| {
        let (minds, ignores) = (ask(caller, &STEPS, Value::Null).await, ask(caller, &SLEEPS, Value::Null).await);
        until("progress", async || job(caller, minds).await["progress"]["done"].as_i64() > Some(2)).await;
        in_state(caller, ignores, "running").await;
        jobs.end().await;
        let stood = job(caller, minds).await;
        for id in [minds, ignores] {
            let given_back = job(caller, id).await;
            assert_eq!((&given_back["state"], &given_back["attempts"]), (&json!("queued"), &json!(0)));
        }
        let next = start(gate, kinds(), OPTIONS);
        let further =
            async || job(caller, minds).await["progress"]["done"].as_i64() > stood["progress"]["done"].as_i64();
        until("the next process goes on", further).await;
        next.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_schedule_fires_by_itself() {
    let folder = TempDir::new().unwrap();
    let set = LocalSet::new();
    set.run_until(async {
        let gate = in_folder(folder.path()).await;
        let kinds = Kinds::default().with(&QUICK, quick).every(&QUICK, "0 3 * * *").unwrap();
        let jobs = start(&gate, kinds, OPTIONS);
        let done = async || gate.job_stats().ended.contains_key(&("test.quick".to_owned(), "done"));
        until("the schedule fired", done).await;
        jobs.end().await;
        gate.close().await;
    })
    .await;
}
