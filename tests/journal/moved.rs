//! A database that was dumped and restored into another PostgreSQL server, whose transactions are numbered anew.

use std::process::Command;

use kehu_tests::cluster::{self, Cluster};
use kehu_tests::server::Home;
use kehu_tests::{company, own_postgres};
use serde_json::json;

use crate::follower::{Follower, accepted, ended};

/// Where pg_dump and psql are.
fn program(name: &str) -> Command {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let found = Command::new(root.join("scripts/postgres.sh")).arg("install").output().unwrap();
    Command::new(format!("{}/{name}", String::from_utf8_lossy(&found.stdout).trim()))
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
    let dump = program("pg_dump").args(["--no-owner", "--dbname", &url]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let file = before.path().join("dump.sql");
    std::fs::write(&file, &dump.stdout).unwrap();
    let mut restore = program("psql");
    restore.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &cluster.url, "--file"]).arg(&file);
    let restored = restore.output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));

    let after = Home::postgres(cluster.url.clone());
    std::fs::copy(before.key_file(), after.key_file()).unwrap();
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
