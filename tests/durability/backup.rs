//! Copies made while a server writes, and put back: what was erased since is not in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kehu_tests::Session;
use kehu_tests::server::{Home, under};
use serde_json::{Value, json};

use crate::rows::{intact, number};
use crate::trace::strace;

const NAME: &str = "金丝雀实业有限公司";
const PERSON: &str = "燕鸣春";
const PHONE: &str = "13912345671";

fn run(mut command: Command) -> Output {
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

#[track_caller]
fn refused(output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    assert!(said(output).contains(words), "{}", said(output));
}

fn plant(admin: &Session) -> String {
    let body = json!({
        "name": NAME, "kind": "company", "phones": [PHONE], "contacts": [{"name": PERSON, "phones": ["13912345672"]}],
    });
    admin.post("/v1/customers", &body).expect(201).id()
}

fn erase(admin: &Session, id: &str) {
    let job = admin.post(&format!("/v1/customers/{id}/erase"), &json!({"reason": "应本人要求"})).expect(202).id();
    let begun = Instant::now();
    while admin.get(&format!("/v1/jobs/{job}")).expect(200).json()["state"] != "done" {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn backup(home: &Home, to: &Path) -> Output {
    let mut command = home.command(&["backup"]);
    command.arg(to);
    run(command)
}

fn restore(home: &Home, from: &Path, more: &[&str]) -> Command {
    let mut command = home.command(&["restore"]);
    command.arg(from).args(more);
    command
}

/// Files of the data folder in which a text stands.
fn holding(home: &Home, text: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path());
    let holds =
        |file: &PathBuf| std::fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes());
    files.filter(holds).collect()
}

fn kept_aside(home: &Home) -> Vec<PathBuf> {
    let files = std::fs::read_dir(home.data()).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.to_str().unwrap().contains(".before-")).collect()
}

#[test]
fn a_copy_made_under_load_comes_back_without_what_was_erased_since() {
    let home = Home::sqlite();
    let copy = home.path().join("copy.db");
    let server = home.start();
    let admin = server.admin();
    let id = plant(&admin);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (admin, stop) = (&admin, &stop);
            scope.spawn(move || {
                let mut at = 0;
                while !stop.load(Ordering::Relaxed) {
                    at += 1;
                    let body = json!({"name": format!("负载{writer}-{at}有限公司"), "kind": "company"});
                    let _ = admin.post("/v1/customers", &body).expect(201);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        let written = backup(&home, &copy);
        stop.store(true, Ordering::Relaxed);
        assert!(done(&written).contains("opened with the key (1 organisations)"), "{}", said(&written));
    });
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&copy).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    intact(&copy);
    refused(&backup(&home, &copy), "never replaces");
    let key = std::fs::read_to_string(home.key_file()).unwrap();
    let key = key.trim().split_once(':').unwrap().1.to_owned();
    assert!(!std::fs::read(&copy).unwrap().windows(key.len()).any(|window| window == key.as_bytes()));

    refused(&run(restore(&home, &copy, &[])), "another server runs");
    erase(&admin, &id);
    let after = admin.post("/v1/customers", &json!({"name": "后来有限公司", "kind": "company"})).expect(201).id();
    drop(admin);
    assert!(server.stop().success());
    assert_eq!(holding(&home, NAME), Vec::<PathBuf>::new());
    assert_eq!(holding(&home, PERSON), Vec::<PathBuf>::new());

    let told = done(&run(restore(&home, &copy, &[])));
    assert!(told.contains("erasures taken over") && told.contains("1 were there and are erased"), "{told}");
    assert_eq!(kept_aside(&home).len(), 1);
    assert_eq!(holding(&home, NAME), Vec::<PathBuf>::new());
    assert_eq!(holding(&home, PERSON), Vec::<PathBuf>::new());
    intact(&home.data().join("kehu.db"));
    let server = home.start();
    let admin = server.admin();
    for gone in [&id, &after] {
        let _ = admin.get(&format!("/v1/customers/{gone}")).expect(404);
    }
    assert_eq!(admin.post("/v1/lookup", &json!({"phone": PHONE})).expect(200).data(), Vec::<Value>::new());
    assert!(number(&home, "SELECT count(*) FROM customers WHERE name LIKE '负载%'") > 4);
    drop(admin);
    assert!(server.stop().success());
    done(&run(home.command(&["audit", "verify"])));
}

#[test]
fn a_restore_without_a_ledger_is_asked_for_in_words() {
    let home = Home::sqlite();
    let (copy, ledger) = (home.path().join("copy.db"), home.path().join("ledger"));
    let server = home.start();
    let admin = server.admin();
    let id = plant(&admin);
    done(&backup(&home, &copy));
    erase(&admin, &id);
    drop(admin);
    assert!(server.stop().success());
    let lines = run(home.command(&["erasures", "export"]));
    assert!(lines.status.success(), "{}", said(&lines));
    std::fs::write(&ledger, &lines.stdout).unwrap();
    let file = home.data().join("kehu.db");
    let ledger = ledger.to_str().unwrap();

    // The disk is gone.
    std::fs::remove_file(&file).unwrap();
    refused(&run(restore(&home, &copy, &[])), "--without-erasures");
    // Or what is on it.
    std::fs::write(&file, b"rubbish").unwrap();
    refused(&run(restore(&home, &copy, &[])), "--without-erasures");
    assert_eq!(std::fs::read(&file).unwrap(), b"rubbish");
    let forged = home.path().join("forged");
    std::fs::write(&forged, String::from_utf8_lossy(&lines.stdout).replacen("customer", "contact", 1)).unwrap();
    refused(&run(restore(&home, &copy, &["--erasures", forged.to_str().unwrap()])), "was changed");
    assert_eq!(std::fs::read(&file).unwrap(), b"rubbish");
    let told = done(&run(restore(&home, &copy, &["--erasures", ledger])));
    assert!(told.contains("1 were there and are erased"), "{told}");
    assert_eq!(kept_aside(&home).len(), 1);
    assert_eq!(number(&home, "SELECT count(*) FROM customers"), 0);
    let told = done(&run(restore(&home, &copy, &["--without-erasures"])));
    // The one that is replaced has its ledger, whatever was said.
    assert!(told.contains("erasures taken over"), "{told}");
    assert_eq!(number(&home, "SELECT count(*) FROM customers"), 0);
    std::fs::remove_file(&file).unwrap();
    done(&run(restore(&home, &copy, &["--without-erasures"])));
    assert_eq!(number(&home, "SELECT count(*) FROM customers"), 1);
    // Beside a database that is served or not: the same by command.
    let told = done(&run({
        let mut command = home.command(&["erasures", "replay"]);
        command.arg(ledger);
        command
    }));
    assert!(told.contains("1 were there and are erased"), "{told}");
    assert_eq!(number(&home, "SELECT count(*) FROM customers"), 0);

    let wrong = Home::sqlite();
    assert!(wrong.start().stop().success());
    refused(&run(restore(&wrong, &copy, &[])), "the key does not open");
}

#[test]
fn a_restore_that_is_killed_leaves_one_whole_database() {
    let home = Home::sqlite();
    let copy = home.path().join("copy.db");
    let server = home.start();
    let admin = server.admin();
    let id = plant(&admin);
    done(&backup(&home, &copy));
    erase(&admin, &id);
    let _ = admin.post("/v1/customers", &json!({"name": "后来有限公司", "kind": "company"})).expect(201);
    drop(admin);
    assert!(server.stop().success());
    let trace = home.path().join("trace");
    for tamper in [
        "fsync:signal=KILL:when=1",
        "pwrite64:signal=KILL:when=60",
        "linkat:signal=KILL:when=1",
        "rename:signal=KILL:when=1",
    ] {
        let (call, _) = tamper.split_once(':').unwrap();
        let killed = run(under(&strace(call, Some(tamper), &trace), &restore(&home, &copy, &[])));
        assert!(!killed.status.success(), "{tamper}: {}", said(&killed));
        intact(&home.data().join("kehu.db"));
        assert_eq!(number(&home, "SELECT count(*) FROM customers WHERE name = '后来有限公司'"), 1, "{tamper}");
        assert!(!std::fs::read(home.data().join("kehu.db")).unwrap().windows(NAME.len()).any(|w| w == NAME.as_bytes()));
    }
    assert!(home.data().join("kehu.db.restoring").exists());
    assert!(home.start().stop().success());
    assert!(!home.data().join("kehu.db.restoring").exists(), "somebody may be in it who was erased");
    done(&run(restore(&home, &copy, &[])));
    assert_eq!(number(&home, "SELECT count(*) FROM customers"), 0);
    assert!(!home.data().join("kehu.db.restoring").exists());
    assert_eq!(holding(&home, NAME), Vec::<PathBuf>::new());
}
