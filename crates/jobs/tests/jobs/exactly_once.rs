//! Processes that are killed: every effect is there once.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kehu_jobs::{Kinds, start};
use kehu_store::engine::EngineOptions;
use kehu_store::queue::{self, NewJob, Run, Spec, Step, Work};
use kehu_store::{Caller, Gate};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::bed::{KEK, OPTIONS, administrator, effect, effects, many, open, until};

/// Says to a process that it is a worker: where the database is.
const ROLE: &str = "KEHU_JOBS_WORKER";
/// Its key.
const ROLE_KEK: &str = "KEHU_JOBS_WORKER_KEK";

const JOBS: usize = 40;
const STEPS: u64 = 4;

static MAKES: Spec = Spec::new("test.makes", 1).attempts(50);

#[derive(Deserialize)]
struct Said {
    name: String,
}

/// Makes one customer a step, each with a checkpoint behind it.
async fn makes(work: Work) -> Run {
    let Said { name } = work.payload()?;
    let done = work.checkpoint::<u64>()?.unwrap_or_default();
    for step in done..STEPS {
        work.go_on()?;
        effect(&work, &name, step).await?;
        work.save(Step::default().checkpoint(json!(step + 1))).await?;
        sleep(Duration::from_millis(5)).await;
    }
    Ok(None)
}

fn from_environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the server is")]
    std::env::var(name).ok()
}

/// Not a test: what a worker's process runs, until it is killed.
#[test]
fn worker() {
    let (Some(place), Some(kek)) = (from_environment(ROLE), from_environment(ROLE_KEK)) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let gate = open(place_of(&place), &kek).await;
        let _jobs = start(&gate, Kinds::default().with(&MAKES, makes), OPTIONS);
        std::future::pending::<()>().await;
    });
}

fn place_of(place: &str) -> EngineOptions {
    if place.starts_with("postgres") { EngineOptions::postgres(place).unwrap() } else { EngineOptions::sqlite(place) }
}

/// A process that is killed at the latest when the test ends.
struct Worker(Child);

impl Worker {
    fn start(place: &str, kek: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["exactly_once::worker", "--exact"]).env(ROLE, place).env(ROLE_KEK, kek);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Frozen for longer than its leases last: others have its jobs when it goes on.
    async fn freeze(&self) {
        self.signal("-STOP");
        sleep(OPTIONS.lease * 2).await;
        self.signal("-CONT");
        sleep(OPTIONS.lease / 2).await;
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ask(caller: &Caller) -> Vec<String> {
    let mut expected = Vec::new();
    for at in 0..JOBS {
        let name = format!("任务 {at:02}");
        queue::enqueue(caller, NewJob::new(&MAKES, json!({ "name": name }))).await.unwrap();
        expected.extend((0..STEPS).map(|step| format!("{name} {step}")));
    }
    expected.sort_unstable();
    expected
}

async fn made(caller: &Caller, at_least: usize) {
    until("effects", async || effects(caller).await.len() >= at_least).await;
}

/// `servers` processes; one after the other is killed in the middle of its work, and another takes its place. Where there
/// are others, every second one is frozen before.
async fn kill_one_after_the_other(gate: &Gate, place: &str, kek: &str, servers: usize) {
    let caller = administrator(gate).await;
    let mut workers: Vec<Worker> = (0..servers).map(|_| Worker::start(place, kek)).collect();
    let expected = ask(&caller).await;
    for round in 1..=4 {
        made(&caller, round * expected.len() / 6).await;
        let mut worker = workers.remove(0);
        if servers > 1 && round % 2 == 0 {
            worker.freeze().await;
        }
        worker.kill();
        workers.push(Worker::start(place, kek));
    }
    until("all jobs are done", async || many(&caller, "done").await == JOBS).await;
    let found = effects(&caller).await;
    let different: BTreeSet<&String> = found.iter().collect();
    assert_eq!((found.len(), different.len()), (expected.len(), expected.len()), "made twice, or not at all");
    assert_eq!(found, expected);
}

#[tokio::test]
async fn every_effect_is_there_once_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("test.db");
    let gate = open(EngineOptions::sqlite(&place), KEK).await;
    kill_one_after_the_other(&gate, place.to_str().unwrap(), KEK, 1).await;
    gate.close().await;
}

#[tokio::test]
async fn every_effect_is_there_once_on_postgresql() {
    let named = from_environment("KEHU_TEST_POSTGRES_DB").zip(from_environment("KEHU_TEST_POSTGRES_KEK"));
    let Some((place, kek)) = named else {
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED ON POSTGRESQL: KEHU_TEST_POSTGRES_DB is not set ***\n");
        return;
    };
    let kek = std::fs::read_to_string(kek).unwrap().trim().to_owned();
    // Beside the server of the black-box tests, which does not know this kind of job.
    let gate = open(place_of(&place), &kek).await;
    kill_one_after_the_other(&gate, &place, &kek, 2).await;
    gate.close().await;
}
