//! Fields that an organisation added: lists by one of them beside lists by a field of the kind, and creating with them
//! and without.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::client::{Connection, Session};
use crate::load::float;
use crate::progress;
use crate::report::{Report, Table, number};
use crate::server::{Home, Key, Server};
use crate::settings::{Engine, Settings};
use crate::wire::Call;

/// Fields of a customer, and how many of them are filterable.
const FIELDS: usize = 50;
const FILTERABLE: usize = 10;
/// Customers that are made through the door; the others are copies of their rows.
const MODELS: usize = 2000;
const BATCH: usize = 500;
/// How much longer a list by a field that was added may take.
const AIM: f64 = 1.5;
/// Customers that are made one by one in each round.
const CREATES: usize = 300;

/// Measures and tells.
///
/// # Errors
/// The server does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("Fields that an organisation added");
    report.say(&format!(
        "{} customers with {FIELDS} fields of their own, {FILTERABLE} of them filterable: pages of 50 by one of these and \
         by a field of the kind that selects as many, in turns on one connection; medians of rounds. {MODELS} customers \
         are made through the door, the others are copies of their rows. The aim is {AIM} times.",
        settings.rows
    ));
    for engine in &settings.engines {
        progress(&format!("fields on {}", engine.name()));
        lists(settings, *engine, key, report)?;
        creates(settings, *engine, key, report)?;
    }
    Ok(())
}

/// Adds the fields; the first ones are filterable.
fn define(admin: &mut Session) -> Result<()> {
    for at in 0..FIELDS {
        let holds = ["choice", "number", "text", "date", "money"].get(at % 5).copied().unwrap_or("text");
        let mut field = json!({
            "kind": "customer", "key": format!("f{at}"), "type": holds, "label": {"en": format!("Field {at}")},
            "filterable": at < FILTERABLE,
        });
        if let Some(field) = field.as_object_mut() {
            if holds == "choice" {
                let items: Vec<Value> = (0..5)
                    .map(|item| json!({"key": format!("c{item}"), "label": {"en": format!("C{item}")}}))
                    .collect();
                field.insert("choices".to_owned(), items.into());
            }
            if holds == "money" {
                field.insert("currency".to_owned(), "CNY".into());
            }
        }
        admin.post("/v1/fields", &field)?;
    }
    Ok(())
}

fn customer(place: usize, custom: bool) -> Value {
    let stage = ["potential", "active", "dormant", "lost", "partner"].get(place % 5).copied().unwrap_or_default();
    let mut customer = json!({"name": format!("自定义{place}号有限公司"), "kind": "company", "stage": stage});
    if !custom {
        return customer;
    }
    let mut values = Map::new();
    for at in 0..FIELDS {
        let value = match at % 5 {
            0 => json!(format!("c{}", place % 5)),
            1 => json!((place * 7919 + at) % 100_000),
            2 => json!(format!("文本{}号{at}", (place * 31 + at) % 50_000)),
            3 => json!(format!("20{:02}-{:02}-{:02}", place % 26, place % 12 + 1, place % 28 + 1)),
            _ => json!(format!("{}.50", (place * 13 + at) % 90_000)),
        };
        values.insert(format!("f{at}"), value);
    }
    if let Some(customer) = customer.as_object_mut() {
        customer.insert("custom".to_owned(), values.into());
    }
    customer
}

/// A page by a field that was added, and one by a field of the kind.
const PAIRS: [(&str, &str, &str); 4] = [
    (
        "equal, the latest first",
        "filter%5Bcustom.f0%5D=c1&sort=-updated_at",
        "filter%5Bstage%5D=active&sort=-updated_at",
    ),
    ("ordered by a text", "sort=custom.f2", "sort=name"),
    ("ordered by a number, down", "sort=-custom.f1", "sort=-created_at"),
    (
        "a range in its order",
        "filter%5Bcustom.f1.gte%5D=50000&sort=custom.f1",
        "filter%5Bcreated_at.gte%5D=2020-01-01&sort=created_at",
    ),
];

fn lists(settings: &Settings, engine: Engine, key: &Key, report: &mut Report) -> Result<()> {
    let home = Home::new(engine, key)?;
    let server = home.start()?;
    let mut admin = home.organisation(&server, "fields")?;
    define(&mut admin)?;
    for from in (0..MODELS).step_by(BATCH) {
        let items: Vec<Value> = (from..(from + BATCH).min(MODELS)).map(|place| customer(place, true)).collect();
        make(&mut admin, &items)?;
    }
    server.stop()?;
    copy(&home, settings.rows)?;
    let server = home.start()?;
    let mut admin = admin.elsewhere(&server.base)?;
    let mut table = Table::new([engine.name(), "added: CPU ms", "p50 ms", "of the kind: CPU ms", "p50 ms", "times"]);
    for (what, added, own) in PAIRS {
        let mut sides = [Side::new(added), Side::new(own)];
        for _ in 0..settings.rounds {
            let token = admin.renew()?;
            for side in &mut sides {
                side.measure(&server, &token, settings.seconds.as_secs_f64())?;
            }
        }
        let [added, own] = &sides;
        let times = median(&added.millis) / median(&own.millis);
        table.row(vec![
            what.to_owned(),
            number(median(&added.cpu)),
            number(median(&added.millis)),
            number(median(&own.cpu)),
            number(median(&own.millis)),
            number(times),
        ]);
    }
    server.stop()?;
    report.table(&table);
    Ok(())
}

/// One of two pages.
struct Side {
    path: String,
    cpu: Vec<f64>,
    millis: Vec<f64>,
}

impl Side {
    fn new(query: &str) -> Self {
        Self { path: format!("/v1/customers?limit=50&{query}"), cpu: Vec::new(), millis: Vec::new() }
    }

    /// Asks for the page and those behind it, for a while.
    fn measure(&mut self, server: &Server, token: &str, seconds: f64) -> Result<()> {
        let mut connection = Connection::open(&server.base)?;
        let (begun, before) = (Instant::now(), server.processes.cpu());
        let (mut took, mut after) = (Vec::new(), String::new());
        while begun.elapsed().as_secs_f64() < seconds || took.len() < 20 {
            let path = format!("{}{after}", self.path);
            let sent = Instant::now();
            let page = connection.ask(&Call { method: "GET", path, token: token.to_owned(), ..Call::default() })?;
            took.push(sent.elapsed().as_secs_f64() * 1000.0);
            let rows = page.get("data").and_then(Value::as_array).context("a page")?;
            ensure!(rows.len() == 50, "{} customers on a page of {}", rows.len(), self.path);
            let next = page.pointer("/page/next").and_then(Value::as_str);
            // A few hundred pages deep, and again from the front.
            let next = next.filter(|_| !took.len().is_multiple_of(300));
            after = next.map(|next| format!("&after={next}")).unwrap_or_default();
        }
        let cpu = (server.processes.cpu() - before).all().as_secs_f64() * 1000.0;
        self.cpu.push(cpu / float(took.len().max(1)));
        self.millis.push(median(&took));
        Ok(())
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn make(admin: &mut Session, items: &[Value]) -> Result<()> {
    let many = items.len();
    let done = admin.post("/v1/customers/batch", &json!({ "atomic": false, "items": items }))?;
    let made = done.get("data").and_then(Value::as_array).context("a batch answers with data")?;
    let refused = made.iter().find(|item| item.get("id").is_none_or(Value::is_null));
    ensure!(made.len() == many && refused.is_none(), "refused: {refused:?}");
    Ok(())
}

/// Copies the rows of the customers until there are so many: each with an id and a number of its own, changed one
/// millisecond after the other.
fn copy(home: &Home, rows: usize) -> Result<()> {
    let rounds = rows.div_ceil(MODELS).saturating_sub(1);
    progress(&format!("{rounds} copies of {MODELS} customers"));
    match home.url() {
        None => {
            let db = rusqlite::Connection::open(home.folder().join("data").join("kehu.db"))?;
            let columns = columns(&db)?;
            let (names, values) = parts(&columns, "randomblob(16)", "updated_at + :round * 2000 + rowid");
            let sql = format!("INSERT INTO customers ({names}) SELECT {values} FROM customers WHERE rowid <= :models");
            // All at once, in memory: each index is written once.
            db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -6000000; BEGIN")?;
            let models = i64::try_from(MODELS)?;
            for round in 1..=i64::try_from(rounds)? {
                db.execute(&sql, rusqlite::named_params! { ":round": round, ":models": models })?;
            }
            db.execute_batch("COMMIT")?;
            Ok(())
        }
        Some(url) => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut db = sqlx::PgConnection::connect(url).await?;
            let sql =
                "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_name = 'customers'";
            let names: String = sqlx::query_scalar(sql).fetch_one(&mut db).await?;
            let columns: Vec<String> = names.split(',').map(str::to_owned).collect();
            sqlx::raw_sql("CREATE TEMP TABLE models AS SELECT * FROM customers").execute(&mut db).await?;
            for round in 1..=rounds {
                let at = format!("updated_at + {round} * interval '2 seconds' + random() * interval '2 seconds'");
                let (names, values) = parts(&columns, "gen_random_uuid()", &at);
                let values = values.replace(":round", &round.to_string());
                let sql = format!("INSERT INTO customers ({names}) SELECT {values} FROM models");
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut db).await?;
            }
            sqlx::raw_sql("ANALYZE customers").execute(&mut db).await?;
            Ok(())
        }),
    }
}

fn columns(db: &rusqlite::Connection) -> Result<Vec<String>> {
    let mut statement = db.prepare("SELECT name FROM pragma_table_info('customers')")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// The columns, and what stands in each of a copy.
fn parts(columns: &[String], id: &str, updated: &str) -> (String, String) {
    let names: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let values = columns.iter().map(|name| match name.as_str() {
        "id" => id.to_owned(),
        "number" => "number || '-' || :round".to_owned(),
        "updated_at" => updated.to_owned(),
        other => format!("\"{other}\""),
    });
    (names.join(", "), values.collect::<Vec<_>>().join(", "))
}

/// Creating one by one, where there are no fields, where there are and nothing is said, and with all of them.
fn creates(settings: &Settings, engine: Engine, key: &Key, report: &mut Report) -> Result<()> {
    let home = Home::new(engine, key)?;
    let server = home.start()?;
    let mut none = home.organisation(&server, "none")?;
    let mut some = home.organisation(&server, "some")?;
    define(&mut some)?;
    let mut table = Table::new([engine.name(), "CPU ms", "p50 ms"]);
    let mut figures = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for _ in 0..settings.rounds {
        for (side, custom) in [(0, false), (1, false), (2, true)] {
            let session = if side == 0 { &mut none } else { &mut some };
            let token = session.renew()?;
            let mut connection = Connection::open(&server.base)?;
            let (before, mut took) = (server.processes.cpu(), Vec::new());
            for place in 0..CREATES {
                let body = customer(place, custom).to_string();
                let sent = Instant::now();
                connection.ask(&Call {
                    method: "POST",
                    path: "/v1/customers".to_owned(),
                    token: token.clone(),
                    body,
                    ..Call::default()
                })?;
                took.push(sent.elapsed().as_secs_f64() * 1000.0);
            }
            let cpu = (server.processes.cpu() - before).all().as_secs_f64() * 1000.0;
            if let Some((cpus, millis)) = figures.get_mut(side) {
                cpus.push(cpu / float(CREATES));
                millis.push(median(&took));
            }
        }
    }
    server.stop()?;
    let names = ["create, no fields were added", "fields were added, none is said", "with all of them"];
    for (name, (cpu, millis)) in names.into_iter().zip(&figures) {
        table.row(vec![name.to_owned(), number(median(cpu)), number(median(millis))]);
    }
    report.table(&table);
    Ok(())
}
