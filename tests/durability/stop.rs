//! Stopped by SIGTERM under load: no request that was sent goes without an answer.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kehu_tests::server::Home;
use kehu_tests::{Session, own_postgres};
use serde_json::Value;

use crate::load::{Chance, WRITERS, customer};
use crate::rows::{count, sound};
use crate::wire::{Answer, Wire, request};

#[test]
fn sqlite() {
    no_request_is_dropped(&Home::sqlite());
}

#[test]
fn postgres() {
    no_request_is_dropped(&Home::postgres(own_postgres().url));
}

#[test]
fn a_running_request_is_finished_and_who_comes_late_is_told() {
    let home = Home::sqlite();
    let server = home.start();
    let admin = server.admin();
    let token = admin.token().unwrap();
    let ask = |more: &str| request("GET", "/v1/me", token, more, &Value::Null);
    let body = customer(&mut Chance::new(1));
    let bytes = request("POST", "/v1/customers", token, "", &body);
    let (most, rest) = bytes.split_at(bytes.len() - 10);
    let mut running = Wire::connect(&server.base).unwrap();
    running.send(most).unwrap();
    let mut kept = Wire::connect(&server.base).unwrap();
    kept.send(&ask("")).unwrap();
    assert!(!kept.answer().unwrap().closes());
    server.signal(libc::SIGTERM);
    let told = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let mut late = Wire::connect(&server.base).unwrap();
        late.send(&ask("Accept-Language: zh-CN\r\n")).unwrap();
        Some(late.answer().unwrap()).filter(|answer| answer.status == 503)
    });
    let told = told.expect("a server that stops");
    assert_eq!(
        (told.json()["code"].as_str(), told.json()["title"].as_str()),
        (Some("shutting_down"), Some("服务器正在关闭"))
    );
    assert!(told.closes() && told.header("retry-after").is_some() && told.header("x-request-id").is_some(), "{told:?}");
    assert_eq!(told.header("content-type"), Some("application/problem+json"));
    // What was open before may still ask, for a moment and for the last time.
    kept.send(&ask("")).unwrap();
    let last = kept.answer().unwrap();
    assert_eq!((last.status, last.closes()), (200, true));
    running.send(rest).unwrap();
    let made = running.answer().unwrap();
    assert_eq!((made.status, made.closes()), (201, true));
    assert!(server.ended().success());
    assert!(home.log().contains("\"stopped\""), "{}", home.log());
    assert_eq!(count(&home, "customers"), 1);
}

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    made: i64,
    read: usize,
    /// Told to go elsewhere.
    turned_away: usize,
    /// Sent, and not answered whole.
    dropped: Vec<String>,
    wrong: Vec<String>,
}

impl Seen {
    /// Takes an answer down; whether the client asks on.
    fn goes_on(&mut self, writes: bool, answer: io::Result<Answer>) -> bool {
        match answer {
            Ok(answer) if answer.status == 201 && writes => self.made += 1,
            Ok(answer) if answer.status == 200 && !writes => self.read += 1,
            Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => {
                self.turned_away += 1;
                let ends = answer.json()["code"] == "shutting_down";
                assert!(!ends || answer.closes(), "{answer:?}");
                return !ends;
            }
            Ok(answer) => {
                self.wrong.push(format!("{answer:?}"));
                return false;
            }
            Err(error) => {
                self.dropped.push(error.to_string());
                return false;
            }
        }
        true
    }
}

fn no_request_is_dropped(home: &Home) {
    let mut made = 0;
    for round in 0..3 {
        let server = home.start();
        let admin = server.admin();
        let (seen, stopping) = (Mutex::new(Seen::default()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for client in 0..WRITERS {
                let (admin, seen, stopping) = (&admin, &seen, &stopping);
                let chance = Chance::new(round * 100 + u64::try_from(client).unwrap());
                scope.spawn(move || keep_asking(admin, seen, stopping, chance));
            }
            let begun = Instant::now();
            while seen.lock().unwrap().made < 20 && begun.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(5));
            }
            stopping.store(true, Ordering::Relaxed);
            let status = server.stop();
            assert!(status.success(), "{status}: {}", home.log());
        });
        let seen = seen.into_inner().unwrap();
        assert_eq!((&seen.dropped, &seen.wrong), (&Vec::new(), &Vec::new()), "round {round}: {seen:?}");
        assert!(seen.made >= 20 && seen.read > 0, "{seen:?}");
        made += seen.made;
        let there = count(home, "customers");
        assert_eq!(there, made, "what was acknowledged is there, and nothing else");
    }
    sound(home);
}

/// A client with one connection that it keeps as long as the server does, until it is turned away.
fn keep_asking(admin: &Session, seen: &Mutex<Seen>, stopping: &AtomicBool, mut chance: Chance) {
    let token = admin.token().unwrap();
    let mut kept: Option<Wire> = None;
    loop {
        let mut wire = match kept.take().filter(|wire| !wire.is_closed()) {
            Some(wire) => wire,
            None => match Wire::connect(admin.base()) {
                Ok(wire) => wire,
                // It listens no more: nothing was sent.
                Err(_) if stopping.load(Ordering::Relaxed) => return,
                Err(error) => panic!("{error}"),
            },
        };
        let writes = chance.below(2) == 0;
        let bytes = if writes {
            request("POST", "/v1/customers", token, "", &customer(&mut chance))
        } else {
            request("GET", "/v1/customers?limit=5", token, "", &Value::Null)
        };
        let answer = wire.send(&bytes).and_then(|()| wire.answer());
        kept = answer.as_ref().is_ok_and(|answer| !answer.closes()).then_some(wire);
        if !seen.lock().unwrap().goes_on(writes, answer) {
            return;
        }
        if chance.below(4) == 0 {
            std::thread::sleep(Duration::from_millis(u64::try_from(chance.below(30)).unwrap()));
        }
    }
}
