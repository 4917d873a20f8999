//! A full disk: writes are refused with words, reading goes on, and so does everything once there is space again.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kehu_tests::server::{ADMIN, Home, Server, under};
use kehu_tests::{PASSWORD, Reply, Session, unique};
use serde_json::json;

use crate::disk::Disk;
use crate::load::{Chance, WRITERS, customer};
use crate::rows::intact;

/// MiB: the database, a full write-ahead log and some.
const SIZE: usize = 16;

/// Where the data is, on the disk.
fn home() -> (Home, Disk) {
    let home = Home::sqlite_in("disk/data");
    let disk = Disk::mount(&home.path().join("disk"), SIZE);
    (home, disk)
}

/// `kehu serve`, its log on the same disk as its data.
fn serve(home: &Home, disk: &Disk) -> Command {
    let log = "exec \"$@\" 2>>\"$0\"";
    let file = home.path().join("disk/log");
    let command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
    disk.with(&under(&["sh", "-c", log, file.to_str().unwrap()], &command))
}

#[derive(Default)]
struct Seen {
    made: Mutex<Vec<String>>,
    refused: Mutex<HashSet<String>>,
    strange: Mutex<Vec<String>>,
    read: AtomicUsize,
}

#[test]
fn writes_are_refused_reading_goes_on_and_space_brings_all_back() {
    let (home, disk) = home();
    let server = home.start_from(serve(&home, &disk));
    let admin = server.admin();
    let first = admin.post("/v1/customers", &customer(&mut Chance::new(1))).expect(201).json();
    let (seen, ended) = (Seen::default(), AtomicBool::new(false));
    // What each writer was told last: 201 or 507.
    let last: Vec<AtomicUsize> = (0..WRITERS).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for (writer, last) in last.iter().enumerate() {
            let (admin, seen, ended) = (&admin, &seen, &ended);
            scope.spawn(move || write(admin, seen, ended, last, writer));
        }
        for _ in 0..2 {
            scope.spawn(|| read(&admin, first["id"].as_str().unwrap(), &seen, &ended));
        }
        // Whatever fails below, the threads end.
        let _end = End(&ended);
        all_are_told(&last, 201);
        disk.fill();
        all_are_told(&last, 507);
        let before = seen.read.load(Ordering::Relaxed);
        signing_in_says_why(&server);
        while seen.read.load(Ordering::Relaxed) < before + 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        disk.free();
        all_are_told(&last, 201);
        let _ = server.admin();
    });
    assert_eq!(*seen.strange.lock().unwrap(), Vec::<String>::new());
    everything_is_there(&admin, &seen);
    assert!(server.stop().success());
    let copy = tempfile::TempDir::new_in(home.path()).unwrap();
    disk.copy_out("data", copy.path());
    intact(&copy.path().join("kehu.db"));
}

/// Ends the threads of a test, also when it fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn all_are_told(last: &[AtomicUsize], status: usize) {
    let begun = Instant::now();
    while last.iter().any(|last| last.load(Ordering::Relaxed) != status) {
        assert!(begun.elapsed() < Duration::from_secs(30), "not everybody is told {status}: {last:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn write(admin: &Session, seen: &Seen, ended: &AtomicBool, last: &AtomicUsize, writer: usize) {
    let mut chance = Chance::new(u64::try_from(writer).unwrap());
    let chinese = writer.is_multiple_of(2);
    let admin = admin.with("accept-language", if chinese { "zh-CN" } else { "en" });
    while !ended.load(Ordering::Relaxed) {
        let mut body = customer(&mut chance);
        let phone = body["phones"][0].as_str().unwrap().to_owned();
        // Long ones fill the log quickly.
        body["remark"] = json!("满".repeat(300));
        let reply = admin.with("idempotency-key", &format!("full-{:016}", unique())).post("/v1/customers", &body);
        last.store(usize::from(reply.status), Ordering::Relaxed);
        match reply.status {
            201 => seen.made.lock().unwrap().push(phone),
            507 if is_clear(&reply, chinese) => {
                seen.refused.lock().unwrap().insert(phone);
            }
            _ => seen.strange.lock().unwrap().push(format!("{} {}", reply.status, reply.text)),
        }
    }
}

/// Says what it is, that nothing was stored, and what to do.
fn is_clear(reply: &Reply, chinese: bool) -> bool {
    let body = reply.json();
    let detail = body["detail"].as_str().unwrap_or_default();
    let words = if chinese { ["未保存", "空间"] } else { ["Nothing was stored", "Free space"] };
    reply.code() == "disk_full"
        && reply.header("content-type") == Some("application/problem+json")
        && words.iter().all(|word| detail.contains(word))
}

fn read(admin: &Session, id: &str, seen: &Seen, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let search = json!({"q": "断电", "limit": 3});
        for reply in [
            admin.get("/v1/customers?limit=5"),
            admin.get(&format!("/v1/customers/{id}?expand=contacts")),
            admin.post("/v1/customers/search", &search),
            admin.post("/v1/lookup", &json!({"phone": "13900000000"})),
        ] {
            if reply.status == 200 {
                seen.read.fetch_add(1, Ordering::Relaxed);
            } else {
                seen.strange.lock().unwrap().push(format!("a read: {} {}", reply.status, reply.text));
            }
        }
    }
}

/// A session is a row: without space there is none, and whoever signs in is told so and not that the password is wrong.
fn signing_in_says_why(server: &Server) {
    let said = json!({"login": ADMIN, "password": PASSWORD});
    let reply = Session::anonymous(&server.base).post("/v1/auth/login", &said);
    // So small a write may find space that a larger one gave up.
    assert!(reply.status == 200 || reply.code() == "disk_full", "{} {}", reply.status, reply.text);
}

fn everything_is_there(admin: &Session, seen: &Seen) {
    let (made, refused) = (seen.made.lock().unwrap(), seen.refused.lock().unwrap());
    assert!(refused.len() >= WRITERS);
    for phone in made.iter().rev().take(200) {
        let found = admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!(found.len(), 1, "lost: {phone}");
    }
    for phone in refused.iter().take(200) {
        let found = admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!(found, Vec::<serde_json::Value>::new(), "refused, and there all the same");
    }
    let page = admin.get("/v1/customers?count=exact&limit=1").expect(200).json();
    assert_eq!(page["page"]["count"], json!(made.len() + 1), "what was acknowledged, and nothing else");
}

#[test]
fn a_start_on_a_full_disk_says_so_and_harms_nothing() {
    let (home, disk) = home();
    // Nothing is there yet.
    disk.fill();
    says_so(&home, &disk);
    disk.free();
    let server = home.start_from(serve(&home, &disk));
    let id = server.admin().post("/v1/customers", &customer(&mut Chance::new(1))).expect(201).id();
    server.kill();
    // What the kill left is read, or it is said why not.
    disk.fill();
    match home.try_start(disk.with(&home.command(&["serve", "--listen", "127.0.0.1:0"]))) {
        Ok(server) => server.kill(),
        Err(status) => said(&home, status.code()),
    }
    disk.free();
    let server = home.start_from(serve(&home, &disk));
    let _ = server.admin().get(&format!("/v1/customers/{id}")).expect(200);
    assert!(server.stop().success());
    // After an orderly stop there is no room for the files beside the database.
    disk.fill();
    says_so(&home, &disk);
    disk.free();
    let server = home.start_from(serve(&home, &disk));
    let _ = server.admin().get(&format!("/v1/customers/{id}")).expect(200);
}

fn says_so(home: &Home, disk: &Disk) {
    match home.try_start(disk.with(&home.command(&["serve", "--listen", "127.0.0.1:0"]))) {
        Ok(_) => panic!("it started"),
        Err(status) => said(home, status.code()),
    }
}

fn said(home: &Home, code: Option<i32>) {
    let log = home.log();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.trim_end().ends_with("the disk is full") && !log.contains("panic"), "{log}");
}
