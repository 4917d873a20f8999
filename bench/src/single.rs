//! Single operations on an organisation of many customers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::client::{Call, Session, text};
use crate::customers::{OWNERS, Rows, STAGES};
use crate::floors::{shortest_answer, synced_append};
use crate::load::{Load, Until, drive, float};
use crate::random::Random;
use crate::report::{LOAD_COLUMNS, Report, Table, cpu_each, load_cells, mebibytes, millis, number};
use crate::server::{Home, Key, Server, user};
use crate::settings::{Engine, Settings};
use crate::usage::Cpu;

/// Customers of one batch.
const BATCH: usize = 500;

/// What was measured on one engine.
struct Measured {
    loads: Vec<(&'static str, Load, Cpu)>,
    batches: Vec<Batch>,
    append: Duration,
    memory: [Option<u64>; 3],
}

/// Rows that were written many at a time.
struct Batch {
    what: &'static str,
    rows: usize,
    wall: Duration,
    cpu: Cpu,
}

/// Measures on every engine and tells.
///
/// # Errors
/// A server does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("Single operations");
    report.say(&format!(
        "{} customers with one to three contacts and five follow-ups each; 16 connections, {} s an operation. `healthz` \
         is the shortest answer the server has, without sign-in and without database: the floor of HTTP on this machine.",
        settings.rows,
        settings.seconds.as_secs()
    ));
    let mut measured = Vec::new();
    for engine in &settings.engines {
        measured.push((*engine, measure(*engine, key, settings)?));
    }
    tell(&measured, report);
    Ok(())
}

fn measure(engine: Engine, key: &Key, settings: &Settings) -> Result<Measured> {
    let home = Home::new(engine, key)?;
    let append = synced_append(home.folder())?;
    let server = home.start()?;
    let mut admin = home.organisation(&server, "core")?;
    let mut owners = Vec::new();
    for place in 0..OWNERS {
        let body = user(&format!("u{place:02}"), "salesperson", None, &format!("u{place:02}@core.test"));
        owners.push(text(&admin.post("/v1/users", &body)?, "id")?);
    }
    let mut bench = Bench { server, admin, owners, ids: Vec::new(), batches: Vec::new() };
    bench.load(settings.rows)?;
    let loads = bench.operations(settings)?;
    bench.batch_alone(settings.rows)?;
    let memory = bench.server.processes.memory();
    let memory = [memory.rss, memory.pss, bench.server.processes.database_pss()];
    bench.server.stop()?;
    Ok(Measured { loads, batches: bench.batches, append, memory })
}

struct Bench {
    server: Server,
    admin: Session,
    owners: Vec<String>,
    ids: Vec<String>,
    batches: Vec<Batch>,
}

impl Bench {
    /// The set that is worked on, written in batches.
    fn load(&mut self, rows: usize) -> Result<()> {
        let set = Rows { set: 0 };
        let customers: Vec<Value> = (0..rows).map(|place| set.customer(place, &self.owners, 3)).collect();
        self.ids = self.write("customers with contacts", "/v1/customers/batch", BATCH, &customers)?;
        let ids = self.ids.iter().enumerate();
        let follow_ups: Vec<Value> = ids.flat_map(|(place, id)| set.follow_ups(place, id)).collect();
        self.write("follow-ups", "/v1/follow_ups/batch", 1000, &follow_ups)?;
        Ok(())
    }

    /// Customers without contacts, as an import brings them.
    fn batch_alone(&mut self, rows: usize) -> Result<()> {
        let set = Rows { set: 2 };
        let customers: Vec<Value> = (0..rows).map(|place| set.customer(place, &self.owners, 0)).collect();
        self.write("customers alone", "/v1/customers/batch", 1000, &customers)?;
        Ok(())
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
        self.batches.push(Batch { what, rows: items.len(), wall, cpu });
        Ok(ids)
    }

    fn operations(&mut self, settings: &Settings) -> Result<Vec<(&'static str, Load, Cpu)>> {
        let (floor, cpu) = shortest_answer(&self.server, settings.seconds)?;
        let mut loads = vec![("healthz", floor, cpu)];
        for operation in OPERATIONS {
            let token = self.admin.renew()?;
            let (ids, owners) = (&self.ids, &self.owners);
            let make = |number: usize| {
                let mut random = Random::new(u64::try_from(number).unwrap_or(0));
                let (place, owner, stage) = (random.place(ids.len()), random.place(OWNERS), random.pick(&STAGES));
                let chosen = Chosen { number, place, owner, stage, ids, owners };
                Call { token: token.clone(), ..(operation.make)(&chosen) }
            };
            let before = self.server.processes.cpu();
            let load = drive(&self.server.base, Until::Elapsed(settings.seconds), make, |_, reply| {
                let answer = reply.ok()?;
                let found = answer.get("data").and_then(Value::as_array).map_or(1, Vec::len);
                ensure!(found > 0, "nothing was found");
                Ok(())
            })?;
            loads.push((operation.name, load, self.server.processes.cpu() - before));
        }
        Ok(loads)
    }
}

/// What a request is made of.
struct Chosen<'a> {
    /// Which request of the operation it is.
    number: usize,
    /// The customer.
    place: usize,
    /// The salesperson.
    owner: usize,
    stage: &'static str,
    ids: &'a [String],
    owners: &'a [String],
}

impl Chosen<'_> {
    fn id(&self) -> &str {
        self.ids.get(self.place).map(String::as_str).unwrap_or_default()
    }
}

struct Operation {
    name: &'static str,
    make: fn(&Chosen<'_>) -> Call,
}

const OPERATIONS: &[Operation] = &[
    Operation { name: "get", make: get },
    Operation { name: "list 50 by owner and stage", make: list },
    Operation { name: "search by phone", make: by_phone },
    Operation { name: "search by part of the name", make: by_name },
    Operation { name: "update", make: update },
    Operation { name: "create with a contact", make: create },
];

fn get(chosen: &Chosen<'_>) -> Call {
    Call { method: "GET", path: format!("/v1/customers/{}", chosen.id()), ..Call::default() }
}

fn list(chosen: &Chosen<'_>) -> Call {
    let (owner, stage) = (chosen.owners.get(chosen.owner).map(String::as_str).unwrap_or_default(), chosen.stage);
    // Percent-encoded brackets, as HTTP libraries send them.
    let path =
        format!("/v1/customers?filter%5Bowner_id%5D={owner}&filter%5Bstage%5D={stage}&sort=-updated_at&limit=50");
    Call { method: "GET", path, ..Call::default() }
}

fn search(condition: &Value) -> Call {
    let body = json!({ "where": condition, "limit": 20 }).to_string();
    Call { method: "POST", path: "/v1/customers/search".to_owned(), body, ..Call::default() }
}

fn by_phone(chosen: &Chosen<'_>) -> Call {
    search(&json!({ "field": "phone", "op": "eq", "value": Rows { set: 0 }.phone(chosen.place) }))
}

fn by_name(chosen: &Chosen<'_>) -> Call {
    let part: String = Rows { set: 0 }.name(chosen.place).chars().skip(2).collect();
    search(&json!({ "field": "name", "op": "contains", "value": part }))
}

fn update(chosen: &Chosen<'_>) -> Call {
    let body = json!({ "remark": format!("更新 {}", chosen.number) }).to_string();
    Call { method: "PATCH", path: format!("/v1/customers/{}", chosen.id()), body, ..Call::default() }
}

fn create(chosen: &Chosen<'_>) -> Call {
    let body = Rows { set: 1 }.customer(chosen.number, chosen.owners, 1).to_string();
    Call { method: "POST", path: "/v1/customers".to_owned(), body, ..Call::default() }
}

fn tell(measured: &[(Engine, Measured)], report: &mut Report) {
    let [rate, cpu, database, p50, p99] = LOAD_COLUMNS;
    for (engine, measured) in measured {
        let mut table = Table::new([engine.name(), rate, cpu, database, p50, p99]);
        for (name, load, cpu) in &measured.loads {
            table.row([vec![(*name).to_owned()], load_cells(load, *cpu)].concat());
        }
        report.table(&table);
    }
    report.say("Batches, one request after the other, 500 or 1000 items each; rows a second to the last answer.");
    let mut table = Table::new(["batch", "rows", "rows/s", "CPU ms/row", "database CPU ms/row"]);
    for (engine, measured) in measured {
        for Batch { what, rows, wall, cpu } in &measured.batches {
            let [server, database] = cpu_each(*cpu, *rows);
            let rate = number(float(*rows) / wall.as_secs_f64());
            table.row(vec![format!("{}: {what}", engine.name()), rows.to_string(), rate, server, database]);
        }
    }
    report.table(&table);
    let mut table = Table::new(["after that", "RSS MiB", "PSS MiB", "database PSS MiB", "4 KiB append with sync, ms"]);
    for (engine, measured) in measured {
        let memory = measured.memory.map(mebibytes);
        table.row([vec![engine.name().to_owned()], memory.to_vec(), vec![millis(measured.append)]].concat());
    }
    report.table(&table);
}
