//! Killed amid a hand-over, again and again: every customer goes to a successor, once.

use std::time::{Duration, Instant};

use kehu_tests::own_postgres;
use kehu_tests::server::Home;
use serde_json::{Value, json};

use crate::load::{Chance, customer};
use crate::rows::{number, sound};

/// Customers of whoever leaves.
const CUSTOMERS: usize = 400;
/// A server that was killed loses its jobs soon.
const FLAGS: [&str; 2] = ["--job-lease", "1"];

#[test]
fn sqlite() {
    killed_amid(&Home::sqlite(), 4);
}

#[test]
fn postgres() {
    killed_amid(&Home::postgres(own_postgres().url), 3);
}

fn killed_amid(home: &Home, kills: usize) {
    let server = home.start_with(&FLAGS);
    let admin = server.admin();
    let user = |login: &str| {
        let body = json!({
            "name": "某人", "user_name": login, "role": "salesperson", "password": "Kehu-Test-Horse-2026",
        });
        admin.post("/v1/users", &body).expect(201).id()
    };
    let (leaver, heirs) = (user("leaver"), [user("heir-one"), user("heir-two")]);
    let mut chance = Chance::new(19);
    let items: Vec<Value> = (0..CUSTOMERS)
        .map(|_| {
            let mut body = customer(&mut chance);
            body["owner_id"] = json!(leaver);
            body
        })
        .collect();
    assert_eq!(admin.post("/v1/customers/batch", &json!({"items": items})).expect(200).data().len(), CUSTOMERS);
    let changes = "SELECT count(*) FROM journal WHERE event = 'customer.updated'";
    let job = admin.post(&format!("/v1/users/{leaver}/leave"), &json!({"successors": heirs})).expect(202).id();
    drop(admin);
    let mut server = server;
    let mut amid = 0;
    for round in 1..=kills {
        // A part of it, more each time.
        let enough = i64::try_from(CUSTOMERS * round / (kills + 1)).unwrap();
        let begun = Instant::now();
        while number(home, changes) < enough && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.kill();
        sound(home);
        amid += usize::from(number(home, changes) < i64::try_from(CUSTOMERS).unwrap());
        server = home.start_with(&FLAGS);
    }
    assert!(amid > 0, "no kill came amid the hand-over");
    let admin = server.admin();
    let told = admin.done(&format!("/v1/jobs/{job}"), 60);
    let shares: Vec<i64> =
        told["result"]["shares"].as_array().unwrap().iter().map(|share| share["customers"].as_i64().unwrap()).collect();
    let half = i64::try_from(CUSTOMERS / 2).unwrap();
    assert_eq!(shares, [half, half], "{told}");
    assert_eq!((&told["result"]["left"], &told["result"]["handed_over"]["contacts"]), (&json!(0), &json!(CUSTOMERS)));
    assert_eq!(number(home, changes), 2 * half, "each once");
    assert_eq!(number(home, "SELECT count(*) FROM customers WHERE version <> 2"), 0);
    drop(admin);
    assert!(server.stop().success());
    sound(home);
}
