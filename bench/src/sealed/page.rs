//! A page of 100 customers with every sealed member filled, and the same page with nothing in them.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use super::median;
use crate::client::{Session, text};
use crate::load::{Load, drive, float};
use crate::progress;
use crate::report::{Report, Table, number};
use crate::server::{Home, Key, Server, user};
use crate::settings::{Engine, Settings};
use crate::wire::Call;

/// Customers of a page.
const PAGE: usize = 100;
/// What the page may cost more with its sealed members than without, in percent.
const AIM: f64 = 25.0;
/// The sealed members of a customer, and what each is given.
const SEALED: [&str; 6] = ["phones", "emails", "wechat", "address", "id_number", "bank_accounts"];
/// How many of them are filled.
const CELLS: usize = 5;

/// Measures and tells.
///
/// # Errors
/// The server does not start, or an answer is not what it should be.
pub(super) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("A page with sealed members");
    for engine in &settings.engines {
        progress(&format!("a page with sealed members on {}", engine.name()));
        let home = Home::new(*engine, key)?;
        let server = home.start()?;
        let sides = sides(settings, &home, &server)?;
        server.stop()?;
        tell(*engine, &sides, report);
    }
    Ok(())
}

/// One of the two pages, in each round.
struct Side {
    cells: usize,
    path: String,
    bytes: usize,
    cpu: Vec<f64>,
    millis: Vec<f64>,
}

fn sides(settings: &Settings, home: &Home, server: &Server) -> Result<[Side; 2]> {
    let mut admin = home.organisation(server, "page")?;
    let known = admin.get("/openapi.json")?;
    let known = known.pointer("/components/schemas/CustomerInput/properties").and_then(Value::as_object);
    let members: Vec<&str> =
        SEALED.into_iter().filter(|name| known.is_some_and(|known| known.contains_key(*name))).collect();
    let members = members.get(members.len().saturating_sub(CELLS)..).unwrap_or_default();
    let mut sides = [side(&mut admin, members)?, side(&mut admin, &[])?];
    for _ in 0..settings.rounds {
        for side in &mut sides {
            let token = admin.renew()?;
            let call = Call { method: "GET", path: side.path.clone(), token, ..Call::default() };
            let bytes = call.bytes(&server.base);
            let before = server.processes.cpu();
            let load: Load =
                drive(&server.base, Some(settings.seconds), |_| Some(&bytes), |_, answer| answer.succeeded())?;
            let cpu = (server.processes.cpu() - before).all().as_secs_f64() * 1000.0;
            side.cpu.push(cpu / float(load.requests().max(1)));
            side.millis.push(load.within(500).as_secs_f64() * 1000.0);
        }
    }
    Ok(sides)
}

/// Makes the customers of a page, which belong to somebody of their own.
fn side(admin: &mut Session, members: &[&str]) -> Result<Side> {
    let name = format!("page{}", members.len());
    let owner = text(&admin.post("/v1/users", &user(&name, "salesperson", None, &format!("{name}@page.test")))?, "id")?;
    let items: Vec<Value> = (0..PAGE).map(|place| customer(place, &owner, members)).collect();
    let made = admin.post("/v1/customers/batch", &json!({ "atomic": true, "items": items }))?;
    ensure!(made.get("data").and_then(Value::as_array).is_some_and(|made| made.len() == PAGE), "{made}");
    let path = format!("/v1/customers?filter%5Bowner_id%5D={owner}&limit={PAGE}");
    let page = admin.get(&path)?;
    let rows = page.get("data").and_then(Value::as_array).context("a page")?;
    ensure!(rows.len() == PAGE, "{} customers on the page", rows.len());
    // The description may know a member that is not filled: then it is no page of so many cells.
    let is_there = |value: &Value| !value.is_null() && *value != json!([]);
    let filled = |row: &Value| members.iter().filter(|name| row.get(**name).is_some_and(is_there)).count();
    ensure!(rows.iter().all(|row| filled(row) == members.len()), "members are missing");
    Ok(Side { cells: members.len(), path, bytes: page.to_string().len(), cpu: Vec::new(), millis: Vec::new() })
}

fn customer(place: usize, owner: &str, members: &[&str]) -> Value {
    let mut customer = Map::new();
    // A company has no ID number.
    customer.insert("name".to_owned(), "王晓明".into());
    customer.insert("kind".to_owned(), "person".into());
    // It would be taken from the address.
    customer.insert("region".to_owned(), "110105".into());
    customer.insert("owner_id".to_owned(), owner.into());
    for name in members {
        let value = match *name {
            "phones" => json!([format!("138{:08}", 10_000_000 + place)]),
            "emails" => json!([format!("page{place}@example.com")]),
            "wechat" => json!(format!("wx_page_{place}")),
            "address" => json!(format!("北京市朝阳区建国路{place}号")),
            "id_number" => json!(id_number(&format!("110101199003{:02}{place:03}", 1 + place % 28))),
            _ => json!([format!("62220202{:011}", 100_112_233 + place)]),
        };
        customer.insert((*name).to_owned(), value);
    }
    customer.into()
}

/// An ID number (GB 11643) with its check digit.
fn id_number(digits: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let weighed = digits.chars().filter_map(|digit| digit.to_digit(10)).zip(weights);
    let sum: u32 = weighed.map(|(digit, weight)| digit * weight).sum();
    let check = usize::try_from(sum % 11).ok().and_then(|at| "10X98765432".chars().nth(at));
    format!("{digits}{}", check.unwrap_or_default())
}

fn tell(engine: Engine, [sealed, empty]: &[Side; 2], report: &mut Report) {
    let name = engine.name();
    report.say(&format!(
        "{PAGE} customers with {} sealed members each, and with none, in turns on one server; medians. The page with \
         none is {} % shorter as well.",
        sealed.cells,
        100 - empty.bytes * 100 / sealed.bytes.max(1)
    ));
    let mut table = Table::new([name, "sealed", "empty", "more %", "aim"]);
    for (what, [sealed, empty]) in [
        ("CPU ms", [&sealed.cpu, &empty.cpu].map(|rounds| median(rounds))),
        ("p50 ms, 16 connections", [&sealed.millis, &empty.millis].map(|rounds| median(rounds))),
    ] {
        let more = (sealed / empty - 1.0) * 100.0;
        table.row(vec![what.to_owned(), number(sealed), number(empty), format!("{more:.1}"), format!("{AIM:.0}")]);
    }
    report.table(&table);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_numbers_carry_their_check_digit() {
        // The example of GB 11643.
        assert_eq!(id_number("11010519491231002"), "11010519491231002X");
    }
}
