//! Kehu, as integrators ask it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Session, text};
use crate::core::asked::Asked;
use crate::core::measure::Batch;
use crate::core::peer::Peer;
use crate::core::rows::{Contact, FollowUp, OWNERS, Row, Rows};
use crate::server::{Home, Key, PASSWORD, Server, user};
use crate::settings::Engine;
use crate::usage::Processes;
use crate::wire::Call;

/// Customers with contacts in one batch.
const WITH_CONTACTS: usize = 500;
/// The most items that a batch may have.
const BATCH: usize = 1000;

/// A running Kehu with an organisation.
pub(crate) struct Kehu {
    engine: Engine,
    server: Server,
    admin: Session,
    token: String,
    owners: Vec<String>,
    ids: Vec<String>,
    loading: Vec<Batch>,
    home: Home,
    /// Short name of the organisation.
    slug: String,
}

/// What a rotation of keys did.
pub(crate) struct Rotated {
    /// Cells sealed anew.
    pub(crate) cells: usize,
    /// From the command to its end.
    pub(crate) took: Duration,
}

impl Kehu {
    /// Starts one with an organisation of twenty salespeople.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(engine: Engine, key: &Key) -> Result<Self> {
        let home = Home::new(engine, key)?;
        let server = home.start()?;
        let mut admin = home.organisation(&server, "core")?;
        let mut owners = Vec::new();
        for place in 0..OWNERS {
            let body = user(&format!("u{place:02}"), "salesperson", None, &format!("u{place:02}@core.test"));
            owners.push(text(&admin.post("/v1/users", &body)?, "id")?);
        }
        let token = admin.renew()?;
        let slug = admin.get("/v1/me")?;
        let slug = slug.pointer("/organisation/slug").and_then(Value::as_str).context("an organisation")?.to_owned();
        Ok(Self { engine, server, admin, token, owners, ids: Vec::new(), loading: Vec::new(), home, slug })
    }

    /// A sign-in of one of the salespeople.
    pub(crate) fn sign_in(&self, number: usize) -> Call {
        let login = format!("u{:02}@core.test", number % OWNERS);
        let body = json!({ "login": login, "password": PASSWORD }).to_string();
        Call { method: "POST", path: "/v1/auth/login".to_owned(), body, ..Call::default() }
    }

    /// A second server for the same organisation, with its database at another address.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn through(&self, url: &str) -> Result<Self> {
        let home = self.home.beside(url.to_owned())?;
        let mut server = home.start()?;
        server.processes.database = self.server.processes.database;
        let mut admin = self.admin.elsewhere(&server.base)?;
        let token = admin.renew()?;
        let (owners, ids, slug) = (self.owners.clone(), self.ids.clone(), self.slug.clone());
        Ok(Self { engine: self.engine, server, admin, token, owners, ids, loading: Vec::new(), home, slug })
    }

    /// Stops it, has something done to its database, and starts it again.
    ///
    /// # Errors
    /// It does not end or start, or what was to be done was not.
    pub(crate) fn restart(&mut self, act: impl FnOnce(&Path, Option<&str>) -> Result<()>) -> Result<()> {
        self.server.end()?;
        let (file, url) = self.database();
        act(&file, url.as_deref())?;
        self.server = self.home.start()?;
        self.admin = self.admin.elsewhere(&self.server.base)?;
        self.renew()
    }

    /// Its SQLite file, and the address of its database on PostgreSQL.
    pub(crate) fn database(&self) -> (PathBuf, Option<String>) {
        (self.home.folder().join("data/kehu.db"), self.home.url().map(str::to_owned))
    }

    /// Reads an address, as the administrator.
    ///
    /// # Errors
    /// Any status but 2xx.
    pub(crate) fn ask(&mut self, path: &str) -> Result<Value> {
        self.admin.get(path)
    }

    /// Has the command line verify the journal: how many entries, and how long it took.
    ///
    /// # Errors
    /// It is not sound.
    pub(crate) fn verify(&self) -> Result<(usize, Duration)> {
        let begun = Instant::now();
        let told = self.home.run(&["audit", "verify"])?;
        let took = begun.elapsed();
        let many = |line: &str| line.split("sound, ").nth(1)?.split(' ').next()?.parse::<usize>().ok();
        let unclosed = |line: &str| line.split(" not closed").next()?.rsplit(' ').next()?.parse::<usize>().ok();
        Ok((told.lines().map(|line| many(line).unwrap_or(0) + unclosed(line).unwrap_or(0)).sum(), took))
    }

    /// Has everything sealed under another root, and waits until it is.
    ///
    /// # Errors
    /// It is not done.
    pub(crate) fn rotate(&self) -> Result<Rotated> {
        let begun = Instant::now();
        let told = self.home.run(&["keys", "rotate", "--org", &self.slug, "--wait"])?;
        let took = begun.elapsed();
        let total = |line: &str| line.split(" of ").nth(1)?.split(' ').next()?.parse::<usize>().ok();
        let cells = told.lines().filter_map(total).next_back().context("how many cells there were")?;
        Ok(Rotated { cells, took })
    }

    /// Stops it.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) fn stop(self) -> Result<()> {
        self.server.stop()
    }

    /// Posts items in batches, one after the other; gives their ids.
    fn write(&mut self, what: &'static str, path: &str, size: usize, items: &[Value]) -> Result<Vec<String>> {
        self.admin.renew()?;
        let bodies: Vec<Value> = items.chunks(size).map(|chunk| json!({ "atomic": false, "items": chunk })).collect();
        let (before, begun) = (self.server.processes.cpu(), Instant::now());
        let mut ids = Vec::with_capacity(items.len());
        for body in &bodies {
            let answer = self.admin.post(path, body)?;
            for item in answer.get("data").and_then(Value::as_array).context("a batch answers with data")? {
                ids.push(text(item, "id").with_context(|| format!("{what}: refused: {item}"))?);
            }
        }
        let (wall, cpu) = (begun.elapsed(), self.server.processes.cpu() - before);
        ensure!(ids.len() == items.len(), "{what}: {} of {} were written", ids.len(), items.len());
        self.loading.push(Batch { what, rows: items.len(), wall, cpu });
        Ok(ids)
    }

    fn customer(&self, row: &Row, contacts: usize) -> Value {
        let Row { name, industry, stage, owner, source, phone, email, address, remark, tags, .. } = row;
        let mut customer = json!({
            "name": name, "kind": "company", "industry": ours(industry), "stage": ours(stage),
            "owner_id": self.owners.get(*owner), "source": source, "phones": [phone], "emails": [email],
            "address": address, "remark": remark, "tags": tags,
        });
        if let (true, Some(members)) = (contacts > 0, customer.as_object_mut()) {
            let contacts = row.contacts.iter().take(contacts).map(contact).collect::<Vec<_>>();
            members.insert("contacts".to_owned(), contacts.into());
        }
        customer
    }

    fn one(&self, place: usize) -> String {
        format!("/v1/customers/{}", self.ids.get(place).map(String::as_str).unwrap_or_default())
    }

    fn with_token(&self, method: &'static str, path: String, body: String) -> Call {
        Call { method, path, token: self.token.clone(), key: String::new(), body }
    }

    fn search(&self, condition: &Value) -> Call {
        let body = json!({ "where": condition, "limit": 20 }).to_string();
        self.with_token("POST", "/v1/customers/search".to_owned(), body)
    }
}

impl Peer for Kehu {
    fn name(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "Kehu on SQLite",
            Engine::Postgres => "Kehu on PostgreSQL",
        }
    }

    fn base(&self) -> &str {
        &self.server.base
    }

    fn processes(&self) -> Processes {
        self.server.processes
    }

    fn renew(&mut self) -> Result<()> {
        self.token = self.admin.renew()?;
        Ok(())
    }

    fn load(&mut self, rows: usize) -> Result<()> {
        let rows: Vec<Row> = (0..rows).map(|place| Rows { set: 0 }.row(place)).collect();
        let customers: Vec<Value> = rows.iter().map(|row| self.customer(row, usize::MAX)).collect();
        self.ids = self.write("customers with contacts", "/v1/customers/batch", WITH_CONTACTS, &customers)?;
        let of = |(row, id): (&Row, &String)| row.follow_ups.iter().map(|one| follow_up(one, id)).collect::<Vec<_>>();
        let follow_ups: Vec<Value> = rows.iter().zip(&self.ids).flat_map(of).collect();
        self.write("follow-ups", "/v1/follow_ups/batch", BATCH, &follow_ups)?;
        Ok(())
    }

    fn loading(&self) -> &[Batch] {
        &self.loading
    }

    fn call(&self, asked: &Asked) -> Call {
        match asked {
            Asked::Get(place) => self.with_token("GET", self.one(*place), String::new()),
            Asked::List(owner, stage) => {
                let (owner, stage) = (self.owners.get(*owner).map(String::as_str).unwrap_or_default(), ours(stage));
                // Percent-encoded brackets, as HTTP libraries send them.
                let filter = format!("filter%5Bowner_id%5D={owner}&filter%5Bstage%5D={stage}");
                let path = format!("/v1/customers?{filter}&sort=-updated_at&limit=50");
                self.with_token("GET", path, String::new())
            }
            Asked::Phone(phone) => self.search(&json!({ "field": "phone", "op": "eq", "value": phone })),
            Asked::Name(part) => self.search(&json!({ "field": "name", "op": "contains", "value": part })),
            Asked::Update(place, remark) => {
                self.with_token("PATCH", self.one(*place), json!({ "remark": remark }).to_string())
            }
        }
    }

    fn create(&self, row: &Row) -> Call {
        self.with_token("POST", "/v1/customers".to_owned(), self.customer(row, 1).to_string())
    }

    fn batches(&self, rows: &[Row]) -> Vec<Call> {
        let batch = |rows: &[Row]| {
            let items: Vec<Value> = rows.iter().map(|row| self.customer(row, 0)).collect();
            let body = json!({ "atomic": false, "items": items }).to_string();
            self.with_token("POST", "/v1/customers/batch".to_owned(), body)
        };
        rows.chunks(BATCH).map(batch).collect()
    }

    fn written(&self, answer: &Value) -> usize {
        let items = answer.get("data").and_then(Value::as_array);
        items.into_iter().flatten().filter(|item| item.get("id").is_some_and(Value::is_string)).count()
    }

    fn found(&self) -> &'static [u8] {
        br#"{"data":[{"#
    }
}

/// A contact as it is made along with its customer.
pub(crate) fn contact(contact: &Contact) -> Value {
    let Contact { name, phone, email, title } = contact;
    json!({ "name": name, "position": title, "phones": [phone], "emails": [email] })
}

/// Whoever posts it is its author here.
fn follow_up(follow_up: &FollowUp, customer: &str) -> Value {
    let FollowUp { kind, note, at, by: _ } = follow_up;
    json!({ "customer_id": customer, "kind": ours(kind), "summary": note, "happened_at": at })
}

/// Our code for a code of the rows: stages, industries and kinds of follow-ups that we call otherwise.
pub(crate) fn ours(code: &'static str) -> &'static str {
    match code {
        "lead" | "contacted" => "potential",
        "qualified" => "dormant",
        "proposal" => "partner",
        "won" => "active",
        "RET" => "TRD",
        "ENE" => "UTL",
        "wechat" => "message",
        same => same,
    }
}
