//! Documents that an older program left: what they found is found at once, and they are written anew while people work.

use std::time::{Duration, Instant};

use kehu_tests::cluster::Session as Database;
use kehu_tests::server::Home;
use kehu_tests::{Session, company, encoded, own_postgres};
use serde_json::{Value, json};

use crate::rows::number;

/// The newest change of the search undone, on both engines but for their full text.
const OLDER: &str = "DROP INDEX search_text_unfilled; DELETE FROM search_text WHERE kind NOT IN ('customer', 'contact'); \
    ALTER TABLE search_text DROP COLUMN text; DELETE FROM seaql_migrations WHERE version LIKE '%_000029_documents'; \
    DELETE FROM schedules WHERE name = 'search.look'";

/// Documents of SQLite that go.
const OLDER_FTS: &str = "DELETE FROM search_fts WHERE rowid IN \
    (SELECT rid FROM search_text WHERE kind NOT IN ('customer', 'contact'))";

/// Within this time a schedule is looked at and its jobs are done, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn filled_on_sqlite() {
    let home = Home::sqlite();
    filled(&home, || {
        let file = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
        file.execute_batch(&format!("BEGIN; {OLDER_FTS}; {OLDER}; COMMIT")).unwrap();
    });
}

#[test]
fn filled_on_postgres() {
    let home = Home::postgres(own_postgres().url);
    filled(&home, || Database::open(home.database_url().unwrap()).run(OLDER));
}

fn found(admin: &Session, kind: &str, words: &str) -> usize {
    admin.get(&format!("/v1/{kind}?q={}", encoded(words))).expect(200).data().len()
}

fn filled(home: &Home, make_older: impl Fn()) {
    let server = home.start();
    let admin = server.admin();
    let mut body = company("北京字节跳动科技有限公司");
    body["remark"] = json!("展会上认识");
    body["contacts"] = json!([{"name": "欧阳靖"}]);
    let customer = admin.post("/v1/customers", &body).expect(201).json()["id"].clone();
    let note = json!({"record_kind": "customer", "record_id": customer, "body": "老板爱好围棋"});
    let _ = admin.post("/v1/notes", &note).expect(201);
    // Many, so that there is more than one step.
    let items: Vec<Value> = (0..450).map(|at| company(&format!("大批{at}号有限公司"))).collect();
    let _ = admin.post("/v1/customers/batch", &json!({"items": items})).expect(200);
    drop(admin);
    assert!(server.stop().success());
    make_older();

    let server = home.start_with(&["--job-slots", "0"]);
    let admin = server.admin();
    let older = |admin: &Session| {
        for (kind, words) in
            [("customers", "字节"), ("customers", "跳动 北京"), ("contacts", "欧阳"), ("customers", "欧阳")]
        {
            assert_eq!(found(admin, kind, words), 1, "{kind} {words}");
        }
    };
    older(&admin);
    assert_eq!((found(&admin, "customers", "展会"), found(&admin, "notes", "围棋")), (0, 0));
    // What is written meanwhile is found by all of it.
    let _ = admin
        .patch(&format!("/v1/customers/{}", customer.as_str().unwrap()), &json!({"remark": "论坛上认识"}))
        .expect(200);
    assert_eq!((found(&admin, "customers", "论坛"), found(&admin, "customers", "展会")), (1, 0));
    drop(admin);
    assert!(server.stop().success());
    assert!(number(home, "SELECT count(*) FROM search_text WHERE text IS NULL") > 450);

    let server = home.start();
    let admin = server.admin();
    let begun = Instant::now();
    while number(home, "SELECT count(*) FROM search_text WHERE text IS NULL") > 0 {
        older(&admin);
        assert!(begun.elapsed() < PATIENCE, "documents are left: {}", home.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    older(&admin);
    for (kind, words, many) in [
        ("notes", "围棋", 1),
        ("customers", "论坛", 1),
        ("customers", "zjtd", 1),
        ("customers", "oyj", 1),
        ("customers", "大批", 450),
        ("users", "管理员", 1),
        ("users", "gly", 1),
    ] {
        let page = admin.get(&format!("/v1/{kind}?limit=500&q={}", encoded(words))).expect(200);
        assert_eq!(page.data().len(), many, "{kind} {words}");
    }
    drop(admin);
    assert!(server.stop().success());
}
