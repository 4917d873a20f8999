//! PocketBase, as its clients ask it: the fastest peer that could be run, Go and SQLite in one binary.
//!
//! Its collections have the indexes that Kehu's tables have. It writes with `synchronous=NORMAL`, keeps values in the
//! clear, keeps no journal and looks for no duplicates.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rusqlite::params;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Connection, text};
use crate::core::asked::Asked;
use crate::core::peer::Peer;
use crate::core::rows::{Row, Rows};
use crate::random::Random;
use crate::server::{Running, folder};
use crate::settings::env;
use crate::usage::Processes;
use crate::wire::Call;

const LOGIN: &str = "admin@example.com";
const PASSWORD: &str = "password12345";
const RECORDS: &str = "/api/collections/customers/records";
/// Customers in one batch.
const BATCH: usize = 500;

/// Where the program is, if the environment says so.
pub(crate) fn program() -> Option<PathBuf> {
    env("KEHU_BENCH_POCKETBASE").map(PathBuf::from)
}

/// A running PocketBase.
pub(crate) struct PocketBase {
    base: String,
    token: String,
    running: Running,
    folder: TempDir,
}

impl PocketBase {
    /// Starts one with empty collections.
    ///
    /// # Errors
    /// It does not start, or refuses the collections.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let folder = folder()?;
        let command = || {
            let mut command = Command::new(program);
            command.arg("--dir").arg(folder.path().join("data")).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = command().args(["superuser", "upsert", LOGIN, PASSWORD]).status().context("PocketBase")?;
        ensure!(made.success(), "PocketBase makes no superuser");
        // It cannot say which port it chose; this one was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let running = Running::new(command().args(["serve", "--http", &address]).spawn().context("PocketBase")?);
        let mut started = Self { base: format!("http://{address}"), token: String::new(), running, folder };
        started.await_answer()?;
        started.renew()?;
        started.set_up()?;
        Ok(started)
    }

    /// Stops it.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop()
    }

    fn await_answer(&self) -> Result<()> {
        let begun = Instant::now();
        let call = Call { method: "GET", path: "/api/health".to_owned(), ..Call::default() };
        while begun.elapsed() < Duration::from_secs(30) {
            if Connection::open(&self.base).and_then(|mut server| server.ask(&call)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("PocketBase does not answer within 30 seconds")
    }

    fn with_token(&self, method: &'static str, path: &str, body: String) -> Call {
        Call { method, path: path.to_owned(), token: self.token.clone(), key: String::new(), body }
    }

    fn post(&self, method: &'static str, path: &str, body: &Value) -> Result<Value> {
        Connection::open(&self.base)?.ask(&self.with_token(method, path, body.to_string()))
    }

    /// No limits, batches allowed, no log kept; three collections.
    fn set_up(&self) -> Result<()> {
        let batch = json!({ "enabled": true, "maxRequests": 2000, "timeout": 60, "maxBodySize": 100_000_000 });
        let settings = json!({ "batch": batch, "rateLimits": { "enabled": false }, "logs": { "maxDays": 0 } });
        self.post("PATCH", "/api/settings", &settings)?;
        let words = |names: &[&str]| names.iter().map(|name| json!({ "name": name, "type": "text" })).collect();
        let mut fields: Vec<Value> = words(&COLUMNS);
        fields.push(json!({ "name": "tags", "type": "json" }));
        let customers = self.collection(
            "customers",
            fields,
            &[
                "CREATE INDEX c_osu ON customers (owner, stage, updated)",
                "CREATE INDEX c_ph ON customers (phone)",
                "CREATE UNIQUE INDEX c_no ON customers (no)",
            ],
        )?;
        let relation = json!({
            "name": "customer", "type": "relation", "collectionId": customers, "maxSelect": 1, "cascadeDelete": true,
        });
        for (name, columns, index) in [
            ("contacts", ["name", "phone", "email", "title"], "CREATE INDEX k_c ON contacts (customer)"),
            ("follow_ups", ["kind", "note", "at", "by"], "CREATE INDEX f_c ON follow_ups (customer)"),
        ] {
            let fields = [vec![relation.clone()], words(&columns)].concat();
            self.collection(name, fields, &[index])?;
        }
        Ok(())
    }

    /// Makes a collection whose records know when they were made and changed; gives its id.
    fn collection(&self, name: &str, mut fields: Vec<Value>, indexes: &[&str]) -> Result<String> {
        for (field, changes) in [("created", false), ("updated", true)] {
            fields.push(json!({ "name": field, "type": "autodate", "onCreate": true, "onUpdate": changes }));
        }
        let body = json!({ "name": name, "type": "base", "fields": fields, "indexes": indexes });
        text(&self.post("POST", "/api/collections", &body)?, "id")
    }

    fn list(&self, limit: usize, sort: &str, filter: &str) -> Call {
        let filter = percent_encoded(filter);
        let path = format!("{RECORDS}?perPage={limit}&skipTotal=1{sort}&filter={filter}");
        self.with_token("GET", &path, String::new())
    }
}

impl Peer for PocketBase {
    fn name(&self) -> &'static str {
        "PocketBase"
    }

    fn base(&self) -> &str {
        &self.base
    }

    fn processes(&self) -> Processes {
        Processes { server: self.running.id(), database: None }
    }

    fn renew(&mut self) -> Result<()> {
        let path = "/api/collections/_superusers/auth-with-password";
        self.token.clear();
        self.token = text(&self.post("POST", path, &json!({ "identity": LOGIN, "password": PASSWORD }))?, "token")?;
        Ok(())
    }

    /// Through its SQLite file: its own batches take minutes, and loading is not measured here.
    fn load(&mut self, rows: usize) -> Result<()> {
        let mut database = rusqlite::Connection::open(self.folder.path().join("data").join("data.db"))?;
        database.busy_timeout(Duration::from_secs(60))?;
        let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for place in 0..rows {
            insert(&transaction, place, &Rows { set: 0 }.row(place))?;
        }
        transaction.commit()?;
        Ok(database.execute_batch("ANALYZE")?)
    }

    fn call(&self, asked: &Asked) -> Call {
        match asked {
            Asked::Get(place) => self.with_token("GET", &one(*place), String::new()),
            Asked::List(owner, stage) => {
                self.list(50, "&sort=-updated", &format!("owner=\"{}\" && stage=\"{stage}\"", owner_name(*owner)))
            }
            Asked::Phone(phone) => self.list(20, "", &format!("phone=\"{phone}\"")),
            Asked::Name(part) => self.list(20, "", &format!("name~\"{part}\"")),
            Asked::Update(place, remark) => {
                self.with_token("PATCH", &one(*place), json!({ "remark": remark }).to_string())
            }
        }
    }

    fn create(&self, row: &Row) -> Call {
        let id = scattered_id(row);
        let mut requests = vec![request("customers", &customer(row, &id))];
        requests.extend(row.contacts.first().map(|contact| {
            let (name, phone, email, title) = (&contact.name, &contact.phone, &contact.email, contact.title);
            let body = json!({ "name": name, "phone": phone, "email": email, "title": title, "customer": id });
            request("contacts", &body)
        }));
        self.with_token("POST", "/api/batch", json!({ "requests": requests }).to_string())
    }

    fn batches(&self, rows: &[Row]) -> Vec<Call> {
        let batch = |rows: &[Row]| {
            let one = |row: &Row| request("customers", &customer(row, &scattered_id(row)));
            let requests: Vec<Value> = rows.iter().map(one).collect();
            self.with_token("POST", "/api/batch", json!({ "requests": requests }).to_string())
        };
        rows.chunks(BATCH).map(batch).collect()
    }

    fn written(&self, answer: &Value) -> usize {
        let status = |item: &Value| item.get("status").and_then(Value::as_u64);
        answer.as_array().into_iter().flatten().filter(|item| status(item) == Some(200)).count()
    }

    fn found(&self) -> &'static [u8] {
        br#"{"items":[{"#
    }
}

const COLUMNS: [&str; 10] =
    ["no", "name", "industry", "stage", "owner", "source", "phone", "email", "address", "remark"];

fn customer(row: &Row, id: &str) -> Value {
    let Row { no, name, industry, stage, owner, source, phone, email, address, remark, tags, .. } = row;
    json!({
        "no": no, "name": name, "industry": industry, "stage": stage, "owner": owner_name(*owner), "source": source,
        "phone": phone, "email": email, "address": address, "remark": remark, "tags": tags, "id": id,
    })
}

fn request(collection: &str, body: &Value) -> Value {
    json!({ "method": "POST", "url": format!("/api/collections/{collection}/records"), "body": body })
}

fn owner_name(owner: usize) -> String {
    format!("u{owner:02}")
}

fn one(place: usize) -> String {
    format!("{RECORDS}/{}", loaded_id('c', place, 0))
}

/// An id of fifteen characters.
fn loaded_id(kind: char, place: usize, at: usize) -> String {
    format!("{kind}{place:012}{at:02}")
}

/// An id without order, as it makes them itself; made here, because the contact must name it.
fn scattered_id(row: &Row) -> String {
    let number = row.no.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let mut random = Random::new(number);
    (0..15).map(|_| random.letter("abcdefghijklmnopqrstuvwxyz0123456789")).collect()
}

/// Writes a customer of set 0 with contacts and follow-ups.
fn insert(database: &rusqlite::Connection, place: usize, row: &Row) -> Result<()> {
    let its_time = |time: &str| time.replace('T', " ");
    let Row { no, name, industry, stage, owner, source, phone, email, address, remark, tags, .. } = row;
    let (id, created, updated) = (loaded_id('c', place, 0), its_time(&row.created), its_time(&row.updated));
    let sql = format!(
        "INSERT INTO customers(id, {}, tags, created, updated) VALUES (?{})",
        COLUMNS.join(", "),
        ", ?".repeat(13)
    );
    let (owner, tags) = (owner_name(*owner), json!(tags).to_string());
    database.prepare_cached(&sql)?.execute(params![
        id, no, name, industry, stage, owner, source, phone, email, address, remark, tags, created, updated
    ])?;
    let sql = "INSERT INTO contacts(id, customer, name, phone, email, title, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    for (at, one) in row.contacts.iter().enumerate() {
        let values =
            params![loaded_id('k', place, at), id, one.name, one.phone, one.email, one.title, created, created];
        database.prepare_cached(sql)?.execute(values)?;
    }
    let sql =
        "INSERT INTO follow_ups(id, customer, kind, note, at, by, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    for (at, one) in row.follow_ups.iter().enumerate() {
        let values =
            params![loaded_id('f', place, at), id, one.kind, one.note, one.at, owner_name(one.by), created, created];
        database.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

/// RFC 3986, nothing reserved left.
fn percent_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}
