//! Callers that go away, and writes that fail beside others: neither leaves anything half done or harms anybody.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use kehu_tests::server::{Home, Server};
use kehu_tests::{Session, mobile, own_postgres, unique};
use serde_json::{Value, json};

use crate::load::{Chance, WRITERS, customer};
use crate::rows::{count, sound};
use crate::wire::{Wire, request};

/// Requests of each client.
const EACH: usize = 8;

#[test]
fn sqlite() {
    let home = Home::sqlite();
    who_goes_away_leaves_nothing_half_done(&home);
    one_that_fails_harms_no_other(&home);
}

#[test]
fn postgres() {
    let home = Home::postgres(own_postgres().url);
    who_goes_away_leaves_nothing_half_done(&home);
    one_that_fails_harms_no_other(&home);
}

/// How a client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    InTheHead,
    InTheBody,
    AfterSending,
    AfterSendingForGood,
    AtTheFirstByte,
    /// It stays, and must not notice the others.
    NotAtAll,
}

const GOINGS: [Going; 6] = [
    Going::InTheHead,
    Going::InTheBody,
    Going::AfterSending,
    Going::AfterSendingForGood,
    Going::AtTheFirstByte,
    Going::NotAtAll,
];

struct Sent {
    going: Going,
    key: String,
    body: Value,
}

fn who_goes_away_leaves_nothing_half_done(home: &Home) {
    let server = home.start_with(&["--metrics-listen", "127.0.0.1:0"]);
    let admin = server.admin();
    let sent = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..WRITERS {
            let (admin, sent) = (&admin, &sent);
            let mut chance = Chance::new(u64::try_from(client).unwrap());
            scope.spawn(move || {
                for _ in 0..EACH {
                    let going = GOINGS[chance.below(GOINGS.len())];
                    let (key, body) = (format!("gone-{:016}", unique()), customer(&mut chance));
                    go(admin, going, &key, &body, &mut chance);
                    sent.lock().unwrap().push(Sent { going, key, body });
                }
            });
        }
    });
    let sent = sent.into_inner().unwrap();
    all_is_quiet(&server, &admin);
    // Each is there whole, or not at all.
    sound(home);
    let mut there = 0;
    for Sent { going, body, .. } in &sent {
        let found = admin.post("/v1/lookup", &json!({"phone": body["phones"][0]})).expect(200).data().len();
        match going {
            Going::InTheHead | Going::InTheBody => assert_eq!(found, 0, "{going:?}"),
            Going::AtTheFirstByte | Going::NotAtAll => assert_eq!(found, 1, "{going:?}"),
            Going::AfterSending | Going::AfterSendingForGood => assert!(found <= 1, "{going:?}"),
        }
        there += i64::try_from(found).unwrap();
    }
    assert_eq!(count(home, "customers"), there);
    // Repeated under its key, each is there once.
    for Sent { key, body, .. } in &sent {
        let _ = admin.with("idempotency-key", key).post("/v1/customers", body).expect(201);
    }
    assert_eq!(usize::try_from(count(home, "customers")), Ok(WRITERS * EACH));
    sound(home);
    drop(admin);
    assert!(server.stop().success());
}

/// Sends as much as it does, and goes.
fn go(admin: &Session, going: Going, key: &str, body: &Value, chance: &mut Chance) {
    let bytes = request("POST", "/v1/customers", admin.token().unwrap(), &format!("Idempotency-Key: {key}\r\n"), body);
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let mut wire = Wire::connect(admin.base()).unwrap();
    let sent = match going {
        Going::InTheHead => 1 + chance.below(head - 1),
        Going::InTheBody => head + chance.below(bytes.len() - head),
        _ => bytes.len(),
    };
    wire.send(&bytes[..sent]).unwrap();
    match going {
        Going::InTheHead | Going::InTheBody | Going::AfterSending => drop(wire),
        Going::AfterSendingForGood => {
            // Sometimes before the server has looked at it, sometimes in the middle of the write.
            std::thread::sleep(Duration::from_micros(u64::try_from(chance.below(8000)).unwrap()));
            wire.cut();
        }
        Going::AtTheFirstByte => {
            wire.wait();
            wire.cut();
        }
        Going::NotAtAll => assert_eq!(wire.answer().unwrap().status, 201),
    }
}

/// Nothing is held for those who went: no request, no connection to the database, no write that waits.
fn all_is_quiet(server: &Server, admin: &Session) {
    let _ = admin.get("/v1/me").expect(200);
    let figures = Session::anonymous(server.metrics.as_deref().unwrap().trim_end_matches("/metrics"));
    let begun = Instant::now();
    loop {
        let text = figures.get("/metrics").expect(200).text;
        let figure = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.and_then(|value| value.parse::<usize>().ok()).unwrap_or_else(|| panic!("no {name}: {text}"))
        };
        let busy = [
            figure("kehu_http_requests_in_flight"),
            figure("kehu_store_queue_depth"),
            figure("kehu_store_connections_in_use"),
            // That of the administrator.
            figure("kehu_http_connections").saturating_sub(1),
        ];
        if busy == [0; 4] {
            return;
        }
        // The half requests are waited for as long as their heads and bodies may take to arrive.
        assert!(begun.elapsed() < Duration::from_secs(20), "still busy: {busy:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sixteen clients, each with good requests between such as are refused inside their transactions.
fn one_that_fails_harms_no_other(home: &Home) {
    let server = home.start();
    let admin = server.admin();
    let taken = customer(&mut Chance::new(1));
    let known = admin.post("/v1/customers", &taken).expect(201).id();
    let path = format!("/v1/customers/{known}");
    let _ = admin.patch(&path, &json!({"remark": "先来"})).expect(200);
    let before = count(home, "customers");
    std::thread::scope(|scope| {
        for client in 0..WRITERS {
            let (admin, path, taken) = (&admin, &path, &taken);
            let mut chance = Chance::new(u64::try_from(client).unwrap());
            scope.spawn(move || {
                for _ in 0..EACH {
                    refused(admin, path, taken, &mut chance);
                    let _ = admin.post("/v1/customers", &customer(&mut chance)).expect(201);
                }
            });
        }
    });
    assert_eq!(usize::try_from(count(home, "customers") - before), Ok(WRITERS * EACH));
    assert_eq!(admin.get(&path).expect(200).json()["remark"], "先来");
    sound(home);
    drop(admin);
    assert!(server.stop().success());
}

/// One that is refused in the middle of its write.
fn refused(admin: &Session, path: &str, taken: &Value, chance: &mut Chance) {
    match chance.below(5) {
        0 => {
            let mut body = customer(chance);
            body["phones"] = taken["phones"].clone();
            assert_eq!(admin.post("/v1/customers", &body).expect(409).code(), "duplicate");
        }
        1 => {
            let nobody = kehu_tests::new_id();
            let body =
                json!({"customer_id": nobody, "kind": "call", "summary": "x", "happened_at": "2026-11-01T00:00:00Z"});
            let _ = admin.post("/v1/follow_ups", &body).expect(422);
        }
        2 => {
            let stale = admin.with("if-match", "\"1-0\"").patch(path, &json!({"remark": "后到"}));
            assert_eq!(stale.expect(412).code(), "version_conflict");
        }
        3 => {
            // All or none: the last one meets a customer that is there.
            let mut items = vec![customer(chance), customer(chance), customer(chance)];
            items[2]["contacts"][0]["phones"] = taken["phones"].clone();
            let _ = admin.post("/v1/customers/batch", &json!({"atomic": true, "items": items})).expect(409);
        }
        _ => {
            let mut body = customer(chance);
            body["owner_id"] = json!(kehu_tests::new_id());
            body["phones"] = json!([mobile()]);
            let _ = admin.post("/v1/customers", &body).expect(422);
        }
    }
}
