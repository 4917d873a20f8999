//! Killed at every kind of moment of a first start and of an upgrade: strace kills the program as it enters a system
//! call that writes, so that each moment is the same in every run.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use kehu_tests::cluster::Session;
use kehu_tests::own_postgres;
use kehu_tests::server::{Home, under};
use serde_json::json;

use crate::load::{Chance, customer};
use crate::rows::{number, sound};
use crate::trace::{calls, strace};

/// System calls at which the world outside may have changed.
const FIRST: &str = "openat,write,pwrite64,ftruncate,fsync,fdatasync,linkat,unlink";
const UPGRADE: &str = "pwrite64,ftruncate,fsync,fdatasync";
const POSTGRES: &str = "sendto";

/// What the newest change of the schema made, undone: a database as an older program left it.
const OLDER: &str = "DROP TABLE invitations; DROP INDEX sessions_age; DROP INDEX sessions_ended; \
                     DROP INDEX login_failures_age; DELETE FROM seaql_migrations WHERE version LIKE '%invitations'";

#[test]
fn first_start_on_sqlite() {
    let moments = moments(&Home::sqlite(), FIRST, 24);
    for (call, nth) in moments {
        let home = Home::sqlite();
        killed_at(&home, &call, nth);
        works(&home, &format!("killed at {call} number {nth}"));
    }
}

#[test]
fn first_start_on_postgres() {
    let home = Home::postgres(own_postgres().url);
    for (call, nth) in moments(&home, POSTGRES, 8) {
        let home = Home::postgres(own_postgres().url);
        killed_at(&home, &call, nth);
        works(&home, &format!("killed at {call} number {nth}"));
    }
}

#[test]
fn upgrade_on_sqlite() {
    let home = Home::sqlite();
    upgraded(&home, UPGRADE, 8, || {
        rusqlite::Connection::open(home.data().join("kehu.db")).unwrap().execute_batch(OLDER).unwrap();
    });
}

#[test]
fn upgrade_on_postgres() {
    let home = Home::postgres(own_postgres().url);
    upgraded(&home, POSTGRES, 5, || Session::open(home.database_url().unwrap()).run(OLDER));
}

/// A database with something in it, made older and killed at its upgrade, again and again.
fn upgraded(home: &Home, calls: &str, most: usize, make_older: impl Fn()) {
    works(home, "the first start");
    make_older();
    for (call, nth) in moments(home, calls, most) {
        make_older();
        killed_at(home, &call, nth);
        works(home, &format!("killed at {call} number {nth} of an upgrade"));
    }
    make_older();
    works(home, "the upgrade");
}

fn serve(home: &Home) -> Command {
    home.command(&["serve", "--listen", "127.0.0.1:0"])
}

/// Moments of a start: of each call on each file of ours the first and some other, of those on sockets any.
fn moments(home: &Home, wanted: &str, most: usize) -> Vec<(String, usize)> {
    let file = home.path().join("calls");
    let words = strace(&format!("openat,{wanted}"), None, &file);
    let server = home.start_from(under(&words, &serve(home)));
    let main = server.pid();
    server.kill();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    // The first thread does it all; later ones are the workers.
    for call in calls(&file, main).into_iter().filter(|call| call.thread == main) {
        let number = numbers.entry(call.name.clone()).or_default();
        *number += 1;
        let on = call.file.filter(|file| file.contains("kehu.") && call.name != "sendto").unwrap_or_default();
        if wanted.split(',').any(|name| name == call.name) && (call.name == "sendto" || !on.is_empty()) {
            kinds.entry((call.name, on)).or_default().push(*number);
        }
    }
    let mut chance = Chance::new(7);
    let mut all: Vec<(String, usize)> = kinds.iter().map(|((call, _), numbers)| (call.clone(), numbers[0])).collect();
    for _ in all.len()..most {
        let ((call, _), numbers) = kinds.iter().nth(chance.below(kinds.len())).unwrap();
        all.push((call.clone(), numbers[chance.below(numbers.len())]));
    }
    assert!(!all.is_empty(), "a start without a system call: {kinds:?}");
    all
}

/// Starts and is killed when it enters that call, unless it listens before it comes to that.
fn killed_at(home: &Home, call: &str, nth: usize) {
    let kill = format!("{call}:signal=KILL:when={nth}");
    let words = strace(call, Some(&kill), Path::new("/dev/null"));
    match home.try_start(under(&words, &serve(home))) {
        Ok(server) => server.kill(),
        Err(status) => assert_eq!(status.signal(), Some(libc::SIGKILL), "{status}: {}", home.log()),
    }
}

/// A start succeeds, somebody signs in, and a customer is made and found.
fn works(home: &Home, after: &str) {
    let server = match home.try_start(serve(home)) {
        Ok(server) => server,
        Err(status) => panic!("no start after {after}: {status} {}", home.log()),
    };
    let admin = server.admin();
    let body = customer(&mut Chance::new(1));
    let made = admin.post("/v1/customers", &body).expect(201).id();
    let found = admin.post("/v1/lookup", &json!({"phone": body["phones"][0]})).expect(200).data();
    assert_eq!((found.len(), &found[0]["id"]), (1, &json!(made)), "{after}");
    // The server waits a while for whoever keeps a connection.
    drop(admin);
    assert!(server.stop().success(), "{after}");
    assert_eq!(number(home, "SELECT count(*) FROM organisations"), 2, "{after}: the installation and one organisation");
    assert_eq!(number(home, "SELECT count(*) FROM users"), 1, "{after}");
    sound(home);
}
