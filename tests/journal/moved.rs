//! A database that was dumped and restored into another PostgreSQL server, whose transactions are numbered anew.

use kehu_tests::cluster::{self, Cluster};
use kehu_tests::server::Home;
use kehu_tests::{company, own_postgres};
use serde_json::json;

use crate::follower::{Follower, accepted, ended};

/// Every table, but for those of months.
const TABLES: &str = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                      WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition";

/// Moves what is in one database into another one with the same tables, and their sequence, as a dump and its restore
/// do. (pg_dump itself is not everywhere where there is a server.)
fn restore(from: &str, into: &Cluster) {
    let folder = into.path().display();
    let each = |what: &str| {
        format!(
            "DO $$ DECLARE t text; BEGIN FOR t IN {TABLES} LOOP EXECUTE format('{what}', t, '{folder}/' || t || '.copy'); END LOOP; END $$"
        )
    };
    let mut old = cluster::Session::open(from);
    old.run(&each("COPY (SELECT * FROM %1$I) TO %2$L (FORMAT binary)"));
    let last = old.number("SELECT last_value FROM journal_order");
    let mut new = into.session();
    new.run("SET session_replication_role = replica");
    new.run(&each("TRUNCATE %1$I CASCADE"));
    new.run(&each("COPY %1$I FROM %2$L (FORMAT binary)"));
    new.run(&format!("SELECT setval('journal_order', {last})"));
}

#[test]
fn readers_go_on_where_they_were() {
    let before = Home::postgres(own_postgres().url);
    let url = before.database_url().unwrap().to_owned();
    // Far from the numbers of a new server.
    cluster::Session::open(&url)
        .run("DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
    let server = before.start();
    let admin = server.admin();
    let id = admin.post("/v1/customers", &company("北京字节跳动科技有限公司")).expect(201).id();
    let mut follower = Follower::new(admin.clone());
    follower.read_to_the_end();
    let read = follower.entries.len();
    // Written, and not read before the dump.
    let _ = admin.patch(&format!("/v1/customers/{id}"), &json!({"grade": "a"})).expect(200);
    drop(admin);
    assert!(server.stop().success());

    let cluster = Cluster::start();
    let after = Home::postgres(cluster.url.clone());
    std::fs::copy(before.key_file(), after.key_file()).unwrap();
    // The tables.
    assert!(after.start().stop().success());
    restore(&url, &cluster);
    let server = after.start();
    let admin = server.admin();
    follower.at(admin.clone());
    let _ = admin.patch(&format!("/v1/customers/{id}"), &json!({"grade": "b"})).expect(200);
    follower.read_to_the_end();
    follower.check();
    let versions: Vec<i64> = follower.entries[read..]
        .iter()
        .filter(|entry| entry["record_id"] == id.as_str())
        .map(|entry| entry["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [2, 3]);
    let job = ended(&admin, &accepted(admin.post("/v1/audit/verify", &json!({}))));
    assert_eq!(job["result"]["sound"], true, "{job}");
    drop(admin);
    assert!(server.stop().success());
}

#[test]
fn what_was_erased_after_a_dump_is_erased_from_it() {
    let before = Home::postgres(own_postgres().url);
    let url = before.database_url().unwrap().to_owned();
    let server = before.start();
    let admin = server.admin();
    let id = admin.post("/v1/customers", &company("金丝雀实业有限公司")).expect(201).id();
    let _ = admin.post("/v1/customers", &company("旁观有限公司")).expect(201);
    drop(admin);
    assert!(server.stop().success());
    let cluster = Cluster::start();
    let after = Home::postgres(cluster.url.clone());
    std::fs::copy(before.key_file(), after.key_file()).unwrap();
    assert!(after.start().stop().success());
    restore(&url, &cluster);

    let server = before.start();
    let admin = server.admin();
    let why = json!({"reason": "应本人要求"});
    let job = ended(&admin, &accepted(admin.post(&format!("/v1/customers/{id}/erase"), &why)));
    assert_eq!(job["result"]["erased"]["customers"], 1, "{job}");
    drop(admin);
    assert!(server.stop().success());
    let ledger = before.path().join("ledger");
    std::fs::write(&ledger, before.command(&["erasures", "export"]).output().unwrap().stdout).unwrap();

    let count = |name: &str| cluster.session().number(&format!("SELECT count(*) FROM customers WHERE name = '{name}'"));
    assert_eq!((count("金丝雀实业有限公司"), count("旁观有限公司")), (1, 1));
    for times in 0..2 {
        let told = after.command(&["erasures", "replay"]).arg(&ledger).output().unwrap();
        let told = (told.status.success(), String::from_utf8_lossy(&told.stdout).into_owned());
        assert!(told.0 && told.1.contains(&format!("{} were there and are erased", 1 - times)), "{told:?}");
        assert_eq!((count("金丝雀实业有限公司"), count("旁观有限公司")), (0, 1));
    }
    assert!(after.command(&["audit", "verify"]).status().unwrap().success());
}
