//! Somebody with write access to the database, and without the key.

use std::process::Output;
use std::time::Duration;

use kehu_tests::cluster;
use kehu_tests::server::Home;
use kehu_tests::{Session, company, own_postgres};
use serde_json::{Value, json};

use crate::follower::{Follower, accepted, ended};

fn homes() -> [Home; 2] {
    [Home::sqlite(), Home::postgres(own_postgres().url)]
}

fn run(home: &Home, sql: &str) {
    match home.database_url() {
        Some(url) => cluster::Session::open(url).run(sql),
        None => {
            let file = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
            file.busy_timeout(Duration::from_secs(5)).unwrap();
            file.execute_batch(sql).unwrap();
        }
    }
}

fn verified(admin: &Session, body: &Value) -> Value {
    let job = ended(admin, &accepted(admin.post("/v1/audit/verify", body)));
    assert_eq!((&job["state"], &job["kind"]), (&json!("done"), &json!("audit.verify")), "{job}");
    job["result"].clone()
}

fn command(home: &Home, words: &[&str]) -> Output {
    home.command(words).output().unwrap()
}

#[test]
fn what_was_done_is_found_and_named() {
    for home in homes() {
        let server = home.start();
        let admin = server.admin();
        assert_eq!(admin.get("/v1/audit/verify").expect(404).code(), "not_found");
        let ids: Vec<String> =
            (0..12).map(|_| admin.post("/v1/customers", &company("北京云帆科技有限公司")).expect(201).id()).collect();
        let sound = verified(&admin, &json!({}));
        assert_eq!((&sound["sound"], &sound["broken"]), (&json!(true), &Value::Null), "{sound}");
        let told = command(&home, &["audit", "verify"]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(told.status.success() && text.contains("main: sound"), "{text}");
        let mut follower = Follower::new(admin.clone());
        follower.read_to_the_end();
        let entry = follower.entries.iter().find(|entry| entry["record_id"] == ids[5].as_str()).unwrap();
        let (seq, id) = (entry["seq"].as_i64().unwrap(), entry["id"].as_str().unwrap());
        run(&home, &format!("UPDATE journal SET event = 'customer.deleted' WHERE seq = {seq}"));
        for body in [json!({}), json!({"record_id": ids[5]})] {
            let broken = verified(&admin, &body);
            assert_eq!(broken["sound"], false);
            let broken = &broken["broken"];
            assert_eq!(
                [&broken["flaw"], &broken["seq"], &broken["entry_id"]],
                [&json!("changed"), &json!(seq), &json!(id)]
            );
        }
        assert_eq!(verified(&admin, &json!({"record_id": ids[6]}))["sound"], true);
        let told = command(&home, &["audit", "verify", "--org", "main"]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(told.status.code(), Some(1));
        assert!(text.contains("BROKEN") && text.contains(&format!("entry {seq} ({id})")), "{text}");
        run(&home, &format!("UPDATE journal SET event = 'customer.created' WHERE seq = {seq}"));
        assert_eq!(verified(&admin, &json!({}))["sound"], true);
        let last = admin.get("/v1/audit/verify").expect(200).json();
        assert_eq!((&last["state"], &last["result"]["sound"]), (&json!("done"), &json!(true)));
        drop(admin);
        assert!(server.stop().success());
    }
}

#[test]
fn a_removal_and_another_chain_are_found() {
    for home in &homes() {
        let server = home.start();
        let admin = server.admin();
        let ids: Vec<String> =
            (0..5).map(|_| admin.post("/v1/customers", &company("上海远航贸易有限公司")).expect(201).id()).collect();
        let closed = verified(&admin, &json!({}));
        let head = closed["head"].as_str().unwrap();
        let again = verified(&admin, &json!({"head": head}));
        assert_eq!(again["sound"], true, "{again}");
        let other = format!("{}:{}", head.split_once(':').unwrap().0, "0".repeat(64));
        assert_eq!(verified(&admin, &json!({"head": other}))["broken"]["flaw"], "another_chain");
        let mut follower = Follower::new(admin.clone());
        follower.read_to_the_end();
        let gone = follower.entries.iter().find(|entry| entry["record_id"] == ids[2].as_str()).unwrap();
        let seq = gone["seq"].as_i64().unwrap();
        run(home, &format!("DELETE FROM journal WHERE seq = {seq}"));
        let broken = verified(&admin, &json!({}));
        assert_eq!((&broken["broken"]["flaw"], &broken["broken"]["seq"]), (&json!("removed"), &json!(seq)), "{broken}");
        drop(admin);
        assert!(server.stop().success());
    }
}

#[test]
fn values_are_erased_and_the_chain_holds() {
    for home in homes() {
        let server = home.start();
        let admin = server.admin();
        let mut body = company("广州南风科技有限公司");
        body["remark"] = json!("曾患重病");
        let id = admin.post("/v1/customers", &body).expect(201).id();
        let history = format!("/v1/customers/{id}/history");
        assert!(admin.get(&history).expect(200).text.contains("曾患重病"));
        let words = ["audit", "erase", "--org", "main", "--kind", "customer", "--record", &id, "--reason", "本人要求"];
        let told = command(&home, &words);
        assert!(told.status.success(), "{told:?}");
        let shown = admin.get(&history).expect(200);
        assert!(!shown.text.contains("曾患重病"));
        assert_eq!((&shown.data()[0]["erased"], &shown.data()[0]["changes"]), (&json!(true), &json!([])));
        let result = verified(&admin, &json!({}));
        assert_eq!((&result["sound"], &result["erased"]), (&json!(true), &json!(1)), "{result}");
        // Who did it, and why, is in the log.
        let log = admin.get("/v1/audit?filter[event]=journal.erased").expect(200);
        assert_eq!(
            log.data()[0]["details"]["reason"].as_str().or(log.data()[0]["reason"].as_str()),
            Some("本人要求"),
            "{}",
            log.text
        );
        for (words, about) in [
            (["audit", "erase", "--org", "nobody", "--kind", "customer", "--record", &id, "--reason", "x"], "--org"),
            (["audit", "erase", "--org", "main", "--kind", "thing", "--record", &id, "--reason", "x"], "--kind"),
            (["audit", "erase", "--org", "main", "--kind", "customer", "--record", &id, "--reason", " "], "--reason"),
        ] {
            let refused = command(&home, &words);
            assert_eq!(refused.status.code(), Some(2), "{words:?}");
            assert!(String::from_utf8_lossy(&refused.stderr).contains(about), "{refused:?}");
        }
        drop(admin);
        assert!(server.stop().success());
    }
}

#[test]
fn only_whoever_may_read_the_log_has_it_verified() {
    let home = Home::sqlite();
    let server = home.start();
    let admin = server.admin();
    let body = json!({"name": "李雷", "user_name": "lilei", "role": "manager", "password": kehu_tests::PASSWORD});
    let _ = admin.post("/v1/users", &body).expect(201);
    let manager = Session::login(&server.base, "lilei", kehu_tests::PASSWORD, None);
    assert_eq!(manager.post("/v1/audit/verify", &json!({})).expect(403).code(), "forbidden");
    assert_eq!(manager.get("/v1/audit/verify").expect(403).code(), "forbidden");
    for (body, place) in [
        (json!({"head": "1:x"}), "/head"),
        (json!({"head": 1}), "/head"),
        (json!({"record_id": "x"}), "/record_id"),
        (json!({"records": []}), "/records"),
        (json!([]), ""),
    ] {
        let refused = admin.post("/v1/audit/verify", &body).expect(422);
        assert_eq!(refused.errors().first().map(|error| error.0.clone()).as_deref(), Some(place), "{}", refused.text);
    }
    let text =
        admin.with("accept-language", "zh-CN").post("/v1/audit/verify", &json!({"head": "1:x"})).expect(422).text;
    assert!(text.contains("十六进制"), "{text}");
}
