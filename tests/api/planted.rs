//! Jobs that a test writes into the database itself: no server knows their kind, so they stay as they are.

use std::path::Path;
use std::time::Duration;

use kehu_tests::cluster::Session as Database;
use kehu_tests::{Engine, Org, env, new_id};
use rusqlite::Connection;

/// Writes a job of an organisation; its id. It belongs to a user, or else to the system.
pub(crate) fn plant(org: &Org, user: Option<&str>, state: &str) -> String {
    let org_id = org.admin.get("/v1/me").expect(200).json()["organisation"]["id"].as_str().unwrap().to_owned();
    let id = new_id();
    let failure = if state == "dead" { "'lost'" } else { "NULL" };
    let sql = |uuid: &dyn Fn(&str) -> String, now: &str, no: &str, payload: &str| {
        format!(
            "INSERT INTO jobs (org_id, id, kind, version, payload, state, priority, created_at, run_at, attempts, \
             max_attempts, cancel_asked, progress_done, failure, created_by, request_id) VALUES \
             ({org}, {id}, 'planted.{state}', 1, {payload}, '{state}', 1, {now}, {now}, 1, 5, {no}, 7, {failure}, \
             {user}, 'planted')",
            org = uuid(&org_id),
            id = uuid(&id),
            user = user.map_or("NULL".to_owned(), uuid),
        )
    };
    match org.engine {
        Engine::Sqlite => {
            let database = Connection::open(Path::new(&env("KEHU_TEST_SQLITE_DATA")).join("kehu.db")).unwrap();
            database.busy_timeout(Duration::from_secs(10)).unwrap();
            let bytes = |id: &str| format!("x'{}'", id.replace('-', ""));
            database.execute_batch(&sql(&bytes, "1795305600000", "0", "x'00'")).unwrap();
        }
        Engine::Postgres => {
            let text = |id: &str| format!("'{id}'");
            let sql = sql(&text, "now()", "false", "'\\x00'");
            Database::open(&env("KEHU_TEST_POSTGRES_DB")).run(&sql);
        }
    }
    id
}
