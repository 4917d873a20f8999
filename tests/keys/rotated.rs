use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kehu_tests::server::{Home, Server};
use kehu_tests::{Load, PASSWORD, Session, unique};
use serde_json::{Value, json};

use crate::command::{homes, of, told};

/// Customers with a contact each, made before the rotation.
const CUSTOMERS: usize = 4000;
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

/// Waits until a rotation of the organisation has sealed more than that, and is not done; how much it has.
fn in_the_middle(home: &Home, before: i64) -> i64 {
    let begun = Instant::now();
    loop {
        let output = home.command(&["keys", "status", "--org", "main"]).output().unwrap();
        if String::from_utf8_lossy(&output.stderr).contains("a lock was not had in time") {
            // A slow machine, and a server that writes all the time.
            continue;
        }
        let status = String::from_utf8(output.stdout).unwrap();
        let line = of(&status, "main").into_iter().find(|line| line.starts_with("keys.rotate")).map(str::to_owned);
        let line = line.unwrap_or_else(|| panic!("the rotation was over before a server was killed: {status}"));
        let far = line.split(", ").find_map(|part| part.split_once(" of "));
        let far =
            far.and_then(|(done, total)| Some((done.parse().ok()?, total.split(' ').next()?.parse::<i64>().ok()?)));
        match far {
            Some((done, total)) if done > before && done < total => return done,
            _ => assert!(begun.elapsed() < Duration::from_secs(60), "{status}\n{}", home.log()),
        }
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

/// Somebody who takes on people and renames tags all the time: what servers keep in memory of the organisation, and the
/// index of sign-in names.
struct Staff {
    stop: Arc<AtomicBool>,
    working: JoinHandle<Vec<String>>,
    admin: Session,
}

impl Staff {
    fn of(admin: &Session) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (until, session) = (stop.clone(), admin.clone());
        let working = std::thread::spawn(move || {
            let mut names = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let name = format!("staff{}", unique());
                let user = json!({"name": "周二", "user_name": name, "role": "salesperson", "password": PASSWORD});
                let _ = session.post("/v1/users", &user).expect(201);
                let _ = session.post("/v1/tags", &json!({"name": format!("标签{}", unique())})).expect(201);
                names.push(name);
            }
            names
        });
        Self { stop, working, admin: admin.clone() }
    }

    /// Everybody that was taken on signs in.
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let names = self.working.join().unwrap();
        assert!(names.len() > 2, "{}", names.len());
        let some = names.iter().step_by((names.len() / 10).max(1));
        some.for_each(|name| drop(Session::login(self.admin.base(), name, PASSWORD, None)));
    }
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
            let staff = Staff::of(&admin);
            let done = told(&home, &["keys", "rotate", "--all", "--wait"]);
            assert!(done.contains("main: done") && done.contains("-: done"), "{done}");
            load.progress();
            let done = told(&home, &["keys", "reindex", "--all", "--wait"]);
            assert!(done.contains("main: done"), "{done}");
            staff.end();
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
        // Before the new root is taken into use.
        servers.remove(0).kill();
        servers.push(start());
        // In the middle of the work, twice.
        let mut before = 0;
        for _ in 0..2 {
            let done = in_the_middle(&home, before);
            servers.remove(0).kill();
            servers.push(start());
            before = done;
        }
        finished(&home);
        resealed(&home);
        check(&home, &servers[0].admin());
        servers.into_iter().for_each(|server| assert!(server.stop().success()));
    }
}
