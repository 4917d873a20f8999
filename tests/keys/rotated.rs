use std::time::{Duration, Instant};

use kehu_tests::server::{Home, Server};
use kehu_tests::{Load, Session};
use serde_json::{Value, json};

use crate::command::{homes, of, told};

/// Customers with a contact each, made before the rotation.
const CUSTOMERS: usize = 1500;
/// Soon after a server died another one goes on with its jobs.
const FLAGS: [&str; 2] = ["--job-lease", "1"];

fn phone(at: usize) -> String {
    format!("1350013{at:04}")
}

fn fill(admin: &Session) {
    for part in (0..CUSTOMERS).collect::<Vec<_>>().chunks(500) {
        let items: Vec<Value> = part
            .iter()
            .map(|at| {
                json!({"name": format!("第{at}有限公司"), "kind": "company", "phones": [phone(*at)], "address": "世纪大道100号",
                       "contacts": [{"name": "周一", "wechat": format!("wx-{at}"), "birthday": "1987-06-05"}]})
            })
            .collect();
        let made = admin.post("/v1/customers/batch", &json!({ "items": items })).expect(200).data();
        assert_eq!(made.len(), part.len());
    }
}

/// Waits until no rotation is under way.
fn finished(home: &Home) -> String {
    let begun = Instant::now();
    loop {
        let status = told(home, &["keys", "status"]);
        if !status.contains("keys.rotate") {
            return status;
        }
        assert!(!status.contains("dead") && begun.elapsed() < Duration::from_secs(120), "{status}\n{}", home.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Nothing is left under the roots that were there first.
fn resealed(home: &Home) -> String {
    let status = told(home, &["keys", "status", "--cells"]);
    for org in ["main", "-"] {
        let lines = of(&status, org);
        assert!(lines.iter().any(|line| line.starts_with("enc   root 1 retired")), "{status}");
        assert!(lines.iter().any(|line| line.starts_with("enc   root 2 primary")), "{status}");
        let cells = lines.last().unwrap();
        assert!(cells.starts_with("cells: ") && cells.ends_with(" under root 2"), "{status}");
        assert!(!cells.contains("root 1"), "{status}");
    }
    status
}

/// Everything is as it was.
fn check(home: &Home, admin: &Session) {
    for at in [0, CUSTOMERS / 2, CUSTOMERS - 1] {
        let found = admin.post("/v1/lookup", &json!({"phone": phone(at)})).expect(200).data();
        assert_eq!(found.len(), 1, "{found:?}");
        let path = format!("/v1/customers/{}?expand=contacts", found[0]["id"].as_str().unwrap());
        let customer = admin.get(&path).expect(200).json();
        assert_eq!(
            (&customer["version"], &customer["phones"][0]["value"]),
            (&json!(1), &json!(format!("+86{}", phone(at))))
        );
        assert_eq!(customer["contacts"][0]["wechat"], format!("wx-{at}"));
        let history =
            admin.get(&format!("/v1/customers/{}/history", found[0]["id"].as_str().unwrap())).expect(200).data();
        assert_eq!(history.len(), 1);
    }
    let sound = told(home, &["audit", "verify"]);
    assert!(!sound.contains("BROKEN"), "{sound}");
}

#[test]
fn beside_writers_and_readers() {
    for home in homes() {
        let server = home.start_with(&FLAGS);
        let admin = server.admin();
        // No answer but that of a request that was done: nobody is turned away, nothing fails.
        let load = Load::run(&admin, |load| {
            for _ in 0..8 {
                load.progress();
            }
            let done = told(&home, &["keys", "rotate", "--all", "--wait"]);
            assert!(done.contains("main: done") && done.contains("-: done"), "{done}");
            load.progress();
            let done = told(&home, &["keys", "reindex", "--all", "--wait"]);
            assert!(done.contains("main: done"), "{done}");
        });
        load.check(&admin, Duration::from_secs(5));
        assert_eq!(load.turned_away(), 0, "{}", load.account());
        let status = resealed(&home);
        assert!(of(&status, "main").iter().any(|line| line.starts_with("index root 2 primary")), "{status}");
        assert!(server.stop().success());
    }
}

#[test]
fn while_servers_are_killed() {
    for home in homes() {
        let start = || home.start_with(&FLAGS);
        let mut servers: Vec<Server> = vec![start()];
        fill(&servers[0].admin());
        if home.database_url().is_some() {
            servers.push(start());
        }
        told(&home, &["keys", "rotate", "--all"]);
        let mut seen = Vec::new();
        for turn in 0..4_u64 {
            // The first time before the new root is taken into use, later in the middle of the work.
            std::thread::sleep(Duration::from_millis(1500 + 700 * turn));
            seen.push(told(&home, &["keys", "status"]).contains("keys.rotate"));
            servers.remove(0).kill();
            servers.push(start());
        }
        assert!(seen[0], "the rotation was over before a server was killed");
        finished(&home);
        resealed(&home);
        check(&home, &servers[0].admin());
        servers.into_iter().for_each(|server| assert!(server.stop().success()));
    }
}
