//! Writers and readers who go on while something is done to the database, and who remember what they were told.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Reply, Session};
use crate::organisation::mobile;
use crate::unique;

/// How many write at once.
const WRITERS: usize = 16;
/// How many read at once.
const READERS: usize = 4;

/// What everybody was told.
#[derive(Default)]
pub struct Load {
    told: Mutex<Told>,
    stop: AtomicBool,
    written: AtomicUsize,
    read: AtomicUsize,
}

#[derive(Default)]
struct Told {
    /// Every key under which something was sent.
    keys: Vec<(String, Value)>,
    /// The record that was acknowledged under a key.
    acknowledged: HashMap<String, String>,
    /// Answers that say: later.
    later: HashMap<String, usize>,
    /// Answers that must not be.
    wrong: Vec<String>,
    slowest: Duration,
}

impl Load {
    /// Lets writers and readers work while `during` runs, which gets what they have done.
    ///
    /// # Panics
    /// With what panicked.
    pub fn run(admin: &Session, during: impl FnOnce(&Self)) -> Self {
        let load = Self::default();
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| load.write(admin));
            }
            for _ in 0..READERS {
                scope.spawn(|| load.look(admin));
            }
            let ends = Ends(&load.stop);
            load.progress();
            during(&load);
            load.progress();
            drop(ends);
        });
        load
    }

    /// Waits until more was written and read: by then the database is well. Half a minute at most.
    ///
    /// # Panics
    /// When nothing is.
    #[track_caller]
    pub fn progress(&self) {
        let (written, read) = (self.written.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed));
        let begun = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(20));
            let more = self.written.load(Ordering::Relaxed) >= written + 2 * WRITERS
                && self.read.load(Ordering::Relaxed) >= read + 2 * READERS;
            if more {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "nothing goes on: {}", self.account());
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes customers, each under a key of its own; what was not acknowledged is sent again under its key.
    fn write(&self, admin: &Session) {
        while !self.stop.load(Ordering::Relaxed) {
            let key = format!("load-{:016}", unique());
            let body = json!({
                "name": "负载有限公司", "kind": "company", "phones": [mobile()], "remark": key,
                "contacts": [{"name": "周一"}],
            });
            self.told().keys.push((key.clone(), body.clone()));
            while !self.stop.load(Ordering::Relaxed) {
                let keyed = admin.with("idempotency-key", &key);
                let Some(reply) = self.send(&keyed, "POST", "/v1/customers", &body.to_string(), 201) else { continue };
                self.told().acknowledged.insert(key, reply.id());
                self.written.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    }

    /// Reads lists and what was acknowledged.
    fn look(&self, admin: &Session) {
        let mut turn = 0;
        while !self.stop.load(Ordering::Relaxed) {
            turn += 1;
            let known = self.told().acknowledged.values().nth(turn % 8).cloned();
            let path = match known {
                Some(id) if turn % 2 == 0 => format!("/v1/customers/{id}?expand=contacts"),
                _ => "/v1/customers?limit=20".to_owned(),
            };
            if self.send(admin, "GET", &path, "", 200).is_some() {
                self.read.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends once. What is neither done nor "503, come again" is remembered as wrong.
    fn send(&self, session: &Session, method: &str, path: &str, body: &str, done: u16) -> Option<Reply> {
        let kind = if body.is_empty() { "" } else { "application/json" };
        let begun = Instant::now();
        let sent = session.try_send(method, path, body.as_bytes(), kind);
        let took = begun.elapsed();
        let mut told = self.told();
        told.slowest = told.slowest.max(took);
        match sent {
            Ok(reply) if reply.status == done => return Some(reply),
            // Also where what was sent before under the key has not ended.
            Ok(reply) if is_later(&reply) => {
                *told.later.entry(format!("{method} {}", reply.code())).or_default() += 1;
            }
            Ok(reply) => told.wrong.push(format!("{method} {path}: {} {}", reply.status, reply.text)),
            Err(error) => told.wrong.push(format!("{method} {path}: {error}")),
        }
        drop(told);
        // Sooner than asked for: a client that hurries must not do harm.
        std::thread::sleep(Duration::from_millis(50));
        None
    }

    /// How often such an answer came: `"POST unavailable"`.
    #[must_use]
    pub fn later(&self, what: &str) -> usize {
        self.told().later.get(what).copied().unwrap_or_default()
    }

    /// How many requests were told to come again later.
    #[must_use]
    pub fn turned_away(&self) -> usize {
        self.told().later.values().sum()
    }

    /// What went on, for the messages of tests.
    #[must_use]
    pub fn account(&self) -> String {
        let told = self.told();
        format!(
            "{} keys, {} acknowledged, later: {:?}, slowest {:?}, wrong: {:?}",
            told.keys.len(),
            told.acknowledged.len(),
            told.later,
            told.slowest,
            told.wrong.iter().take(5).collect::<Vec<_>>(),
        )
    }

    /// Nothing was answered that must not be, nobody waited for longer than this, and of what was acknowledged nothing
    /// is lost, nothing is there twice, nothing half.
    ///
    /// # Panics
    /// When something is.
    #[track_caller]
    pub fn check(&self, admin: &Session, longest: Duration) {
        let account = self.account();
        let told = self.told();
        assert!(told.wrong.is_empty(), "{account}");
        assert!(told.slowest < longest, "somebody waited: {account}");
        let mut expected = HashMap::new();
        for (key, body) in &told.keys {
            let again = admin.with("idempotency-key", key).post("/v1/customers", body).expect(201);
            if let Some(id) = told.acknowledged.get(key) {
                assert_eq!(again.id(), *id, "another record under the same key");
                assert!(again.header("idempotency-replayed").is_some(), "an acknowledged record was made again");
            }
            expected.insert(again.id(), key.clone());
        }
        let mut numbers = HashSet::new();
        let mut found = HashMap::new();
        for record in every_customer(admin) {
            let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            assert_eq!(
                record.get("contacts").and_then(Value::as_array).map(Vec::len),
                Some(1),
                "half a record: {record}"
            );
            assert!(numbers.insert(text("number")), "a number was given twice: {record}");
            found.insert(text("id"), text("remark"));
        }
        assert_eq!(found, expected, "lost, or there twice");
    }
}

/// Sets a flag when dropped: also those who wait for it end when a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All customers with their contacts.
#[track_caller]
fn every_customer(admin: &Session) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.get(&format!("/v1/customers?limit=500&expand=contacts&sort=created_at{after}")).expect(200);
        all.extend(page.data());
        match page.json().pointer("/page/next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// Whether an answer says: come again.
fn is_later(reply: &Reply) -> bool {
    let busy = reply.status == 503 || reply.status == 409 && reply.code() == "idempotency_key_busy";
    busy && reply.header("retry-after").is_some()
}
