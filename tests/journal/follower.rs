//! Somebody who follows the log, as a SIEM does.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use kehu_tests::{Reply, Session};
use serde_json::Value;

/// Entries of a page.
const PAGE: usize = 200;

/// A reader with its place.
pub(crate) struct Follower {
    session: Session,
    after: String,
    /// What it has read, in order.
    pub(crate) entries: Vec<Value>,
}

impl Follower {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, after: String::new(), entries: Vec::new() }
    }

    /// Goes on at another server.
    pub(crate) fn at(&mut self, session: Session) {
        self.session = session;
    }

    /// Reads a page; how many entries. Nothing, where the server does not answer.
    pub(crate) fn read(&mut self) -> Option<usize> {
        let path = format!("/v1/audit?sort=seq&limit={PAGE}{}", self.after);
        let reply = self.session.try_send("GET", &path, &[], "").ok().filter(|reply| reply.status == 200)?;
        let page = reply.json();
        let next = page["page"]["next"].as_str().expect("a follower has a next page");
        self.after = format!("&after={next}");
        let entries = page["data"].as_array().unwrap();
        self.entries.extend(entries.iter().cloned());
        Some(entries.len())
    }

    /// Reads until nothing has come for a while.
    pub(crate) fn read_to_the_end(&mut self) {
        let mut still = Instant::now();
        while still.elapsed() < Duration::from_millis(1500) {
            if self.read().expect("an answer") > 0 {
                still = Instant::now();
            } else {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Each entry once, in the journal's order, and every record's versions one after the other.
    pub(crate) fn check(&self) {
        let mut last = 0;
        let mut ids = HashSet::new();
        let mut versions: HashMap<&str, i64> = HashMap::new();
        for entry in &self.entries {
            let seq = entry["seq"].as_i64().unwrap();
            assert!(seq > last, "{seq} after {last}");
            last = seq;
            assert!(ids.insert(entry["id"].as_str().unwrap()), "twice: {entry}");
            if entry["class"] == "change" {
                let version = entry["version"].as_i64().unwrap();
                let before = versions.insert(entry["record_id"].as_str().unwrap(), version);
                assert_eq!(before.unwrap_or(0) + 1, version, "{entry}");
            }
        }
    }

    pub(crate) fn ids(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect()
    }
}

/// Waits for the end of a job.
pub(crate) fn ended(session: &Session, id: &str) -> Value {
    session.ended(&format!("/v1/jobs/{id}"), 180)
}

/// The job of an answer that accepted one.
pub(crate) fn accepted(reply: Reply) -> String {
    let reply = reply.expect(202);
    let id = reply.id();
    assert_eq!(reply.header("location"), Some(format!("/v1/jobs/{id}").as_str()));
    id
}
