//! Killed at every kind of moment of a first start and of an upgrade: strace kills the program as it enters a system
//! call that writes, so that each moment is the same in every run.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use kehu_tests::cluster::Session;
use kehu_tests::own_postgres;
use kehu_tests::server::{Home, under};
use serde_json::{Value, json};

use crate::load::{Chance, customer};
use crate::rows::{number, sound};
use crate::trace::{calls, strace};

/// System calls at which the world outside may have changed.
const FIRST: &str = "openat,write,pwrite64,ftruncate,fsync,fdatasync,linkat,unlink";
const UPGRADE: &str = "pwrite64,ftruncate,fsync,fdatasync";
const POSTGRES: &str = "sendto";

/// What the newest changes of the schema made, undone: a database as an older program left it, with a journal whose
/// entries have no codes.
const OLDER_SQLITE: &str = "BEGIN; DROP TABLE allowances; CREATE TABLE disclosures (told integer); ALTER TABLE customers DROP COLUMN id_number; ALTER TABLE customers DROP COLUMN bank_accounts; \
    ALTER TABLE contacts DROP COLUMN id_number; DROP TABLE jobs; DROP TABLE schedules; DROP TABLE journal_stretches; DROP TABLE journal_heads; \
    DROP TABLE journal_readers; DROP INDEX journal_entry; DROP INDEX journal_record; DROP INDEX journal_feed; \
    DROP INDEX journal_actor; DROP INDEX journal_notable; DROP INDEX journal_refused; \
    ALTER TABLE journal DROP COLUMN mac; \
    CREATE INDEX journal_record ON journal (org_id, record_id, version); \
    CREATE INDEX journal_feed ON journal (org_id, seq); DELETE FROM tenant_keys WHERE purpose = 'chain'; \
    DROP INDEX contacts_reports_to; ALTER TABLE customers DROP COLUMN needs; ALTER TABLE customers DROP COLUMN \
    need_products; ALTER TABLE customers DROP COLUMN budget_min; ALTER TABLE customers DROP COLUMN budget_max; ALTER \
    TABLE customers DROP COLUMN purchase_window; ALTER TABLE customers DROP COLUMN preferences; ALTER TABLE \
    customers DROP COLUMN cooperation_history; ALTER TABLE customers DROP COLUMN cooperation_since; ALTER TABLE \
    customers DROP COLUMN contact_count; ALTER TABLE customers DROP COLUMN follow_up_count; ALTER TABLE contacts \
    DROP COLUMN attitude; ALTER TABLE contacts DROP COLUMN reports_to_id; ALTER TABLE follow_ups DROP COLUMN \
    duration_minutes; ALTER TABLE follow_ups DROP COLUMN outcome; ALTER TABLE follow_ups DROP COLUMN needs_heard; \
    ALTER TABLE follow_ups DROP COLUMN pain_points; \
    DELETE FROM seaql_migrations WHERE version LIKE '%_000008_journal' OR version LIKE '%_000009_jobs' \
    OR version LIKE '%_000011_identity' OR version LIKE '%_000021_standard_fields'; COMMIT";

/// On PostgreSQL the journal was one table.
const OLDER_POSTGRES: &str = "DROP TABLE allowances; CREATE TABLE disclosures (told bigint); ALTER TABLE customers DROP COLUMN id_number; ALTER TABLE customers DROP COLUMN bank_accounts; \
    ALTER TABLE contacts DROP COLUMN id_number; DROP TABLE jobs; DROP TABLE schedules; DROP TABLE journal_stretches; DROP TABLE journal_heads; \
    DROP TABLE journal_readers; ALTER TABLE journal RENAME TO journal_after; \
    CREATE TABLE journal AS SELECT * FROM journal_after ORDER BY seq; ALTER TABLE journal DROP COLUMN mac; \
    CREATE SEQUENCE journal_seq_seq OWNED BY journal.seq; DROP TABLE journal_after; DROP SEQUENCE journal_order; \
    ALTER TABLE journal ALTER COLUMN seq SET DEFAULT nextval('journal_seq_seq'), ADD PRIMARY KEY (seq); \
    CREATE INDEX journal_record ON journal (org_id, record_id, version); \
    CREATE INDEX journal_feed ON journal (org_id, seq); DELETE FROM tenant_keys WHERE purpose = 'chain'; \
    DROP INDEX contacts_reports_to; ALTER TABLE customers DROP COLUMN needs; ALTER TABLE customers DROP COLUMN \
    need_products; ALTER TABLE customers DROP COLUMN budget_min; ALTER TABLE customers DROP COLUMN budget_max; ALTER \
    TABLE customers DROP COLUMN purchase_window; ALTER TABLE customers DROP COLUMN preferences; ALTER TABLE \
    customers DROP COLUMN cooperation_history; ALTER TABLE customers DROP COLUMN cooperation_since; ALTER TABLE \
    customers DROP COLUMN contact_count; ALTER TABLE customers DROP COLUMN follow_up_count; ALTER TABLE contacts \
    DROP COLUMN attitude; ALTER TABLE contacts DROP COLUMN reports_to_id; ALTER TABLE follow_ups DROP COLUMN \
    duration_minutes; ALTER TABLE follow_ups DROP COLUMN outcome; ALTER TABLE follow_ups DROP COLUMN needs_heard; \
    ALTER TABLE follow_ups DROP COLUMN pain_points; \
    DELETE FROM seaql_migrations WHERE version LIKE '%_000008_journal' OR version LIKE '%_000009_jobs' \
    OR version LIKE '%_000011_identity' OR version LIKE '%_000021_standard_fields'";

/// Whether the newest changes are not made yet.
const OLDER: &str = "SELECT 1 - count(*) FROM seaql_migrations WHERE version LIKE '%_000009_jobs'";

/// Customers whose count of contacts is not that of their contacts.
const MISCOUNTED: &str = "SELECT count(*) FROM customers WHERE contact_count <> (SELECT count(*) FROM contacts \
    WHERE contacts.org_id = customers.org_id AND contacts.customer_id = customers.id AND contacts.deleted_at IS NULL)";

/// Customers that stand in a database before its upgrade.
const CUSTOMERS: usize = 100;

#[test]
fn first_start_on_sqlite() {
    let moments = moments(&Home::sqlite(), FIRST, 24);
    for (call, nth) in moments {
        let home = Home::sqlite();
        killed_at(&home, &call, nth);
        works(&home, &format!("killed at {call} number {nth}"), &[]);
    }
}

#[test]
fn first_start_on_postgres() {
    let home = Home::postgres(own_postgres().url);
    for (call, nth) in moments(&home, POSTGRES, 8) {
        let home = Home::postgres(own_postgres().url);
        killed_at(&home, &call, nth);
        works(&home, &format!("killed at {call} number {nth}"), &[]);
    }
}

#[test]
fn upgrade_on_sqlite() {
    let home = Home::sqlite();
    upgraded(&home, UPGRADE, 8, || {
        let file = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
        file.execute_batch(OLDER_SQLITE).unwrap();
    });
    chained(&home);
}

#[test]
fn upgrade_on_postgres() {
    let home = Home::postgres(own_postgres().url);
    upgraded(&home, POSTGRES, 5, || Session::open(home.database_url().unwrap()).run(OLDER_POSTGRES));
    chained(&home);
}

/// What is older than the chain is told apart from what it holds, and all of it is still there.
fn chained(home: &Home) {
    let told = home.command(&["audit", "verify", "--org", "main"]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success() && text.contains("main: sound") && text.contains("older than the chain"), "{text}");
}

/// A database with customers in it, made older and killed at its upgrade, again and again: each time they are found.
fn upgraded(home: &Home, calls: &str, most: usize, make_older: impl Fn()) {
    works(home, "the first start", &[]);
    let phones = filled(home);
    let entries = || number(home, "SELECT count(*) FROM journal WHERE class = 'change'");
    let mut before = entries();
    let mut again = |after: &str| {
        works(home, after, &phones);
        // A customer and its contact were made.
        before += 2;
        assert_eq!(entries(), before, "{after}");
    };
    let mut older = 0;
    make_older();
    for (call, nth) in moments(home, calls, most) {
        make_older();
        killed_at(home, &call, nth);
        older += number(home, OLDER);
        again(&format!("killed at {call} number {nth} of an upgrade"));
    }
    assert!(older > 0, "no kill came before the upgrade was done");
    make_older();
    again("the upgrade");
    // What hung on customers before is counted.
    assert_eq!(number(home, MISCOUNTED), 0);
    assert!(number(home, "SELECT count(*) FROM customers WHERE contact_count > 0") > 0, "no customer has a contact");
}

/// Makes customers; the phone of each and its id.
fn filled(home: &Home) -> Vec<(Value, Value)> {
    let server = home.start();
    let admin = server.admin();
    let mut chance = Chance::new(2);
    let items: Vec<Value> = (0..CUSTOMERS).map(|_| customer(&mut chance)).collect();
    let made = admin.post("/v1/customers/batch", &json!({"items": items})).expect(200).data();
    assert_eq!(made.len(), CUSTOMERS);
    let phones = items.iter().zip(made).map(|(item, made)| (item["phones"][0].clone(), made["id"].clone())).collect();
    drop(admin);
    assert!(server.stop().success());
    phones
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

/// A start succeeds, somebody signs in, a customer is made and found, and so are those of before by their phones.
fn works(home: &Home, after: &str, before: &[(Value, Value)]) {
    let server = match home.try_start(serve(home)) {
        Ok(server) => server,
        Err(status) => panic!("no start after {after}: {status} {}", home.log()),
    };
    let admin = server.admin();
    let body = customer(&mut Chance::new(1));
    let made = admin.post("/v1/customers", &body).expect(201).id();
    for (phone, id) in before.iter().chain([&(body["phones"][0].clone(), json!(made))]) {
        let found = admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!((found.len(), &found[0]["id"]), (1, id), "{after}");
    }
    // The server waits a while for whoever keeps a connection.
    drop(admin);
    assert!(server.stop().success(), "{after}");
    assert_eq!(number(home, "SELECT count(*) FROM organisations"), 2, "{after}: the installation and one organisation");
    assert_eq!(number(home, "SELECT count(*) FROM users"), 1, "{after}");
    sound(home);
}
