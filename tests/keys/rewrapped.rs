use std::fs;

use kehu_tests::server::Home;
use serde_json::json;

use crate::command::{homes, of, told};

/// A command beside a server that writes all the time does not wait for the writer's lock.
#[test]
fn the_status_is_told_while_somebody_writes() {
    let home = Home::sqlite();
    let server = home.start();
    let writer = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE organisations SET state = state + 1").unwrap();
    let status = told(&home, &["keys", "status"]);
    assert!(of(&status, "main").len() > 2, "{status}");
    writer.execute_batch("ROLLBACK").unwrap();
    assert!(server.stop().success());
}

/// The way that docs/operations.md tells: both keys on every server, then `rewrap`, then the new key alone.
#[test]
fn under_another_key() {
    for home in homes() {
        let server = home.start();
        let body = json!({"name": "上海云帆贸易有限公司", "kind": "company", "phones": ["13500130000"]});
        let id = server.admin().post("/v1/customers", &body).expect(201).id();
        assert!(server.stop().success());

        let old = fs::read_to_string(home.key_file()).unwrap();
        let made = home.command(&["keys", "new"]);
        let new = std::process::Command::new(made.get_program()).args(["keys", "new"]).output().unwrap();
        let new = String::from_utf8(new.stdout).unwrap();
        let name = |key: &str| key.split_once(':').unwrap().0.to_owned();
        fs::write(home.key_file(), format!("{},{}", new.trim(), old.trim())).unwrap();
        let server = home.start();
        let status = told(&home, &["keys", "status"]);
        assert!(status.contains(&format!("the current key is {}", name(&new))), "{status}");
        assert!(
            of(&status, "main").iter().all(|line| line.contains(&format!("wrapped by {}", name(&old)))),
            "{status}"
        );
        let done = told(&home, &["keys", "rewrap"]);
        assert!(done.contains("6 roots were wrapped anew"), "{done}");
        // The server goes on, and so does one that has the new key alone.
        let read = server.admin().get(&format!("/v1/customers/{id}")).expect(200).json();
        assert_eq!(read["phones"][0]["value"], "+8613500130000");
        assert!(server.stop().success());
        fs::write(home.key_file(), &new).unwrap();
        let server = home.start();
        let read = server.admin().get(&format!("/v1/customers/{id}")).expect(200).json();
        assert_eq!(read["phones"][0]["value"], "+8613500130000");
        assert!(server.stop().success());

        // With the old one alone nothing starts, and it says why.
        fs::write(home.key_file(), &old).unwrap();
        let refused = home.command(&["keys", "status"]).output().unwrap();
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && why.contains(&format!("sealed under key {}", name(&new))), "{why}");
    }
}
