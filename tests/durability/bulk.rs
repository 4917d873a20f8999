//! Killed amid a bulk change, again and again: every record is changed once, and undone once.

use std::time::{Duration, Instant};

use kehu_tests::own_postgres;
use kehu_tests::server::Home;
use serde_json::{Value, json};

use crate::load::{Chance, customer};
use crate::rows::{number, sound};

const CUSTOMERS: i64 = 600;
/// A server that was killed loses its jobs soon.
const FLAGS: [&str; 2] = ["--job-lease", "1"];

#[test]
fn sqlite() {
    killed_amid(&Home::sqlite(), 3);
}

#[test]
fn postgres() {
    killed_amid(&Home::postgres(own_postgres().url), 2);
}

/// How many customers were changed so often.
fn changes(home: &Home, version: i64) -> i64 {
    number(home, &format!("SELECT count(*) FROM customers WHERE version = {version}"))
}

fn killed_amid(home: &Home, kills: i64) {
    let mut server = home.start_with(&FLAGS);
    let admin = server.admin();
    let mut chance = Chance::new(31);
    let items: Vec<Value> = (0..CUSTOMERS).map(|_| customer(&mut chance)).collect();
    let _ = admin.post("/v1/customers/batch", &json!({"items": items})).expect(200);
    let body = json!({"where": {"and": []}, "change": {"grade": "a", "remark": "批量"}});
    let mut job = admin.post("/v1/customers/bulk", &body).expect(202).id();
    drop(admin);
    // Forth, and back.
    for version in [2, 3] {
        let mut amid = 0;
        for round in 1..=kills {
            let enough = CUSTOMERS * round / (kills + 1);
            let begun = Instant::now();
            while changes(home, version) < enough && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            sound(home);
            amid += usize::from(changes(home, version) < CUSTOMERS);
            server = home.start_with(&FLAGS);
        }
        assert!(amid > 0, "no kill came amid the change to version {version}");
        let admin = server.admin();
        let told = admin.done(&format!("/v1/jobs/{job}"), 60);
        assert_eq!(changes(home, version), CUSTOMERS, "each once: {told}");
        let counted = if version == 2 { "changed" } else { "undone" };
        assert_eq!(told["result"][counted], CUSTOMERS, "{told}");
        let of = format!("SELECT count(*) FROM bulk_records WHERE status = '{counted}' AND version = {version}");
        assert_eq!(number(home, &of), CUSTOMERS);
        if version == 2 {
            job = admin.post(&format!("/v1/jobs/{job}/undo"), &json!({})).expect(202).id();
        }
    }
    let entries = "SELECT count(*) FROM journal WHERE event = 'customer.updated' AND via = 'bulk'";
    assert_eq!(number(home, entries), 2 * CUSTOMERS);
    assert_eq!(number(home, "SELECT count(*) FROM customers WHERE grade IS NOT NULL OR remark IS NOT NULL"), 0);
    assert!(server.stop().success());
    sound(home);
}
