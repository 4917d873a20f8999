//! Customers numbered by another template while they are made, on two servers of which one is killed: each number is
//! given once, and what was acknowledged keeps its own.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kehu_tests::Session;
use kehu_tests::own_postgres;
use kehu_tests::server::Home;
use serde_json::{Value, json};

use crate::rows::{COUNTED, number, sound_but_for};

/// Customers that are acknowledged before and after the kill, at least.
const ENOUGH: usize = 60;

/// Numbers that were acknowledged, with their customers.
type Given = Mutex<HashMap<String, String>>;

#[test]
fn sqlite() {
    killed_amid(&Home::sqlite());
}

#[test]
fn postgres() {
    killed_amid(&Home::postgres(own_postgres().url));
}

fn killed_amid(home: &Home) {
    let first = home.start();
    let admin = first.admin();
    // Of both templates, some numbers are the same.
    let lay_down = |admin: &Session, numbers: Value| {
        let _ = admin.patch("/v1/organisation", &json!({"settings": {"numbers": numbers}})).expect(200);
    };
    lay_down(&admin, json!({"template": "K{seq:1}", "reset": "never"}));
    let given = Given::default();
    let many = || given.lock().unwrap().len();
    let (first_ends, second_ends) = (AtomicBool::new(false), AtomicBool::new(false));
    let until = |enough: usize| {
        let begun = Instant::now();
        while many() < enough {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {enough}", many());
            std::thread::sleep(Duration::from_millis(2));
        }
    };
    std::thread::scope(|scope| {
        // On PostgreSQL a second server goes on; on SQLite one that is started after the kill.
        let other = home.database_url().map(|_| home.start());
        for _ in 0..2 {
            let admin = admin.clone();
            scope.spawn(|| make(admin, &given, &first_ends));
            if let Some(other) = &other {
                let admin = other.admin();
                scope.spawn(|| make(admin, &given, &second_ends));
            }
        }
        until(ENOUGH);
        lay_down(&admin, json!({"template": "K{seq:1}", "reset": "never", "scope": "organisation"}));
        until(many() + ENOUGH);
        first.kill();
        first_ends.store(true, Ordering::Relaxed);
        let other = other.unwrap_or_else(|| {
            let server = home.start();
            let admin = server.admin();
            scope.spawn(|| make(admin, &given, &second_ends));
            server
        });
        until(many() + ENOUGH);
        second_ends.store(true, Ordering::Relaxed);
        // Kept until those who talk to it have ended.
        while given_by_now(&other.admin(), &given) < many() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let admin = other.admin();
        for (number, id) in given.lock().unwrap().iter() {
            let shown = admin.get(&format!("/v1/customers/{id}")).expect(200).json();
            assert_eq!(shown["number"], number.as_str());
        }
        std::thread::sleep(Duration::from_millis(500));
        assert!(other.stop().success());
    });
    assert_eq!(number(home, "SELECT count(*) - count(DISTINCT number) FROM customers"), 0);
    sound_but_for(home, COUNTED);
}

/// How many of the acknowledged customers a server knows.
fn given_by_now(admin: &Session, given: &Given) -> usize {
    let ids: Vec<String> = given.lock().unwrap().values().cloned().collect();
    ids.iter().filter(|id| admin.get(&format!("/v1/customers/{id}?fields=id")).status == 200).count()
}

/// Makes customers, one by one and in batches, until told to end or the server is gone.
#[expect(clippy::needless_pass_by_value, reason = "a thread of its own keeps it")]
fn make(admin: Session, given: &Given, ends: &AtomicBool) {
    let body = || json!({"name": "同数科技有限公司", "kind": "company", "contacts": [{"name": "周芷若"}]});
    let mut round = 0;
    while !ends.load(Ordering::Relaxed) {
        round += 1;
        let (path, sent) = if round % 3 == 0 {
            ("/v1/customers/batch", json!({"items": [body(), body(), body()]}))
        } else {
            ("/v1/customers", body())
        };
        let Ok(reply) = admin.try_send("POST", path, sent.to_string().as_bytes(), "application/json") else { return };
        if reply.status >= 300 {
            // A template of a moment ago on one of two servers: told to try again, and nothing is written.
            assert!([409, 503].contains(&reply.status), "{} {}", reply.status, reply.text);
            continue;
        }
        let made = if round % 3 == 0 { reply.data() } else { vec![reply.json()] };
        for one in made {
            let id = one["id"].as_str().unwrap().to_owned();
            let shown = admin.try_send("GET", &format!("/v1/customers/{id}"), &[], "");
            let Ok(shown) = shown else { return };
            let number = shown.json()["number"].as_str().unwrap_or_else(|| panic!("{}", shown.text)).to_owned();
            let known = given.lock().unwrap().insert(number, id);
            assert!(known.is_none(), "a number was given twice: {}", shown.text);
        }
    }
}
