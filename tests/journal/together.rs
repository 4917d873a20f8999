//! Two servers on one database, fifty writers, jobs, and one of the servers is killed.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kehu_tests::server::Home;
use kehu_tests::{Session, company, own_postgres};
use serde_json::{Value, json};

use crate::follower::{Follower, ended};

/// How many write at once.
const WRITERS: usize = 50;
/// Jobs that are asked for, unless the environment says how many.
const JOBS: usize = 500;

/// What the writers were told.
#[derive(Default)]
struct Told {
    /// Versions that were acknowledged, by record.
    versions: HashMap<String, i64>,
    /// Jobs that were.
    jobs: Vec<String>,
}

struct Scene<'a> {
    sessions: [&'a Session; 2],
    /// Whether the first server is gone.
    alone: AtomicBool,
    asked: AtomicUsize,
    jobs: usize,
    told: Mutex<Told>,
}

impl Scene<'_> {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's server; once that is dead the other one.
    fn session(&self, writer: usize) -> &Session {
        let mine = if self.alone.load(Ordering::Relaxed) { 1 } else { writer % 2 };
        self.sessions[mine]
    }

    fn send(&self, writer: usize, method: &str, path: &str, body: &Value) -> Option<Value> {
        let body = body.to_string();
        loop {
            match self.session(writer).try_send(method, path, body.as_bytes(), "application/json") {
                Ok(reply) if (200..300).contains(&reply.status) => return Some(reply.json()),
                Ok(reply) if reply.status == 503 => std::thread::sleep(Duration::from_millis(20)),
                Ok(reply) => panic!("{method} {path}: {} {}", reply.status, reply.text),
                // It was done or not: nobody was told.
                Err(_) => {
                    std::thread::sleep(Duration::from_millis(50));
                    return None;
                }
            }
        }
    }

    fn note(&self, record: &Value) -> String {
        let (id, version) = (record["id"].as_str().unwrap().to_owned(), record["version"].as_i64().unwrap());
        let mut told = self.told();
        let known = told.versions.entry(id.clone()).or_default();
        *known = version.max(*known);
        id
    }

    /// Makes customers, changes them, and has the history of each verified, until enough was asked for.
    fn write(&self, writer: usize) {
        while self.asked.load(Ordering::Relaxed) < self.jobs {
            let made = self.send(writer, "POST", "/v1/customers", &company("北京同行科技有限公司"));
            let Some(id) = made.map(|made| self.note(&made)) else { continue };
            for grade in ["a", "b"] {
                let changed = self.send(writer, "PATCH", &format!("/v1/customers/{id}"), &json!({"grade": grade}));
                if let Some(changed) = changed {
                    self.note(&changed);
                }
            }
            for _ in 0..2 {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let asked = self.send(writer, "POST", "/v1/audit/verify", &json!({"record_id": id}));
                if let Some(asked) = asked {
                    self.told().jobs.push(asked["id"].as_str().unwrap().to_owned());
                }
            }
        }
    }
}

fn jobs() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a longer run is asked for in the environment")]
    std::env::var("KEHU_TEST_SHOW_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(JOBS)
}

#[test]
fn every_change_is_read_once_and_every_job_is_done_once() {
    let home = Home::postgres(own_postgres().url);
    let (first, second) = (home.start_with(&["--job-lease", "2"]), home.start_with(&["--job-lease", "2"]));
    let sessions = [&first.admin(), &second.admin()];
    let scene = Scene {
        sessions,
        alone: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
        jobs: jobs(),
        told: Mutex::default(),
    };
    let mut followers = sessions.map(|session| Follower::new(session.clone()));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn({
                    let scene = &scene;
                    move || scene.write(writer)
                })
            })
            .collect();
        for follower in &mut followers {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // The server of one of them is killed: that one goes on elsewhere later, from its place.
                    if follower.read().is_none_or(|read| read == 0) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        // The whole journal is closed and verified again and again, by both servers, while all this goes on.
        let verifier = scope.spawn({
            let (scene, stop) = (&scene, &stop);
            move || {
                let mut turn = 0;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    if let Some(asked) = scene.send(turn, "POST", "/v1/audit/verify", &json!({})) {
                        let id = asked["id"].as_str().unwrap();
                        scene.told().jobs.push(id.to_owned());
                        // One after the other: a large journal takes longer than any pause.
                        ended(scene.sessions[1], id);
                    }
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
        });
        while scene.asked.load(Ordering::Relaxed) < scene.jobs * 2 / 5 {
            std::thread::sleep(Duration::from_millis(5));
        }
        first.kill();
        scene.alone.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        verifier.join().unwrap();
    });
    let told = scene.told.into_inner().unwrap_or_else(PoisonError::into_inner);
    for job in &told.jobs {
        let job = ended(sessions[1], job);
        assert_eq!((&job["state"], &job["result"]["sound"]), (&json!("done"), &json!(true)), "{job}");
    }
    let behind = followers[0].entries.len();
    followers[0].at(sessions[1].clone());
    followers.iter_mut().for_each(Follower::read_to_the_end);
    let mut anew = Follower::new(sessions[1].clone());
    anew.read_to_the_end();
    assert!(behind > 0 && behind < anew.entries.len());
    for follower in &followers {
        follower.check();
        assert_eq!(follower.ids(), anew.ids());
    }
    committed_changes_are_there(&anew, &told);
    effects_are_there_once(&anew, &told);
    assert!(second.stop().success());
    let verified = home.command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

fn committed_changes_are_there(read: &Follower, told: &Told) {
    let read: HashSet<(&str, i64)> = read
        .entries
        .iter()
        .filter(|entry| entry["class"] == "change")
        .map(|entry| (entry["record_id"].as_str().unwrap(), entry["version"].as_i64().unwrap()))
        .collect();
    assert!(!told.versions.is_empty());
    for (record, version) in &told.versions {
        for version in 1..=*version {
            assert!(read.contains(&(record.as_str(), version)), "{record} version {version}");
        }
    }
}

/// The effect of a verification is its entry: once, and behind the entry of whoever asked.
fn effects_are_there_once(read: &Follower, told: &Told) {
    let mut asked = HashSet::new();
    let mut done = HashSet::new();
    for entry in &read.entries {
        let job = entry["record_id"].as_str().unwrap_or_default();
        match entry["type"].as_str().unwrap() {
            "audit.verification_asked" => assert!(asked.insert(job), "{entry}"),
            "audit.verified" => {
                assert!(asked.contains(job), "done before it was asked for: {entry}");
                assert!(done.insert(job), "done twice: {entry}");
                assert_eq!(entry["actor"]["kind"], "job");
            }
            _ => {}
        }
    }
    assert!(told.jobs.iter().all(|job| done.contains(job.as_str())));
    // Those that were asked for and never acknowledged were done, too.
    assert_eq!(asked, done);
}
