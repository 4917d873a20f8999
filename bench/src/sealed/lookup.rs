//! `POST /v1/lookup` of one phone, by the number of customers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{home, within};
use crate::client::{Connection, Session};
use crate::core::Rows;
use crate::load::{drive, float};
use crate::random::Random;
use crate::report::{Report, Table, millis, number};
use crate::server::{Home, Key, Server};
use crate::settings::{Engine, Settings};
use crate::wire::Call;
use crate::{made_up, progress};

/// The smallest number of customers that is measured, unless fewer are asked for; each next is ten times as many.
const FIRST: usize = 10_000;
/// Customers of one batch.
const BATCH: usize = 1000;
/// Of a hundred calls, how many are from nobody.
const STRANGERS: u64 = 10;
/// Numbers that no customer has begin here.
const UNKNOWN: u64 = 80_000_000;
/// Different calls, asked again and again.
const CALLS: usize = 20_000;
/// Milliseconds within which 99 of 100 are to be answered.
const AIM: f64 = 5.0;

/// Measures and tells.
///
/// # Errors
/// The server does not start, or an answer is not what it should be.
pub(super) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("Who is calling");
    report.say(&format!(
        "`POST /v1/lookup` of one phone over all kinds, {STRANGERS} of 100 known to nobody; one after the other on one \
         connection, and on 16 at once. The aim is a p99 of {AIM} ms for one."
    ));
    for engine in &settings.engines {
        let mut table = Table::new([
            engine.name(),
            "p50 ms",
            "p99 ms",
            "longest ms",
            "16 at once: requests/s",
            "p50 ms",
            "p99 ms",
            "CPU ms",
        ]);
        let mut directory = Directory::open(settings, *engine, key)?;
        for size in sizes(settings.rows, directory.filled) {
            progress(&format!("{size} customers on {}", engine.name()));
            directory.fill(size)?;
            table.row(directory.measure(settings.seconds)?);
        }
        directory.server.stop()?;
        report.table(&table);
    }
    Ok(())
}

/// What is measured on the way to so many, where so many are there already.
fn sizes(wanted: usize, there: usize) -> Vec<usize> {
    let steps = std::iter::successors(Some(FIRST), |size| size.checked_mul(10));
    let mut sizes: Vec<usize> = steps.take_while(|size| *size < wanted).filter(|size| *size >= there).collect();
    sizes.push(wanted.max(there));
    sizes
}

/// A server with customers, the same ones every time: the row at each place of set 0.
struct Directory {
    filled: usize,
    admin: Session,
    home: Home,
    server: Server,
}

impl Directory {
    fn open(settings: &Settings, engine: Engine, key: &Key) -> Result<Self> {
        let home = home(settings, engine, key)?;
        let server = home.start()?;
        let admin = home.same_organisation(&server, "lookup")?;
        Ok(Self { filled: home.noted("rows")?.map_or(Ok(0), |rows| rows.parse())?, admin, home, server })
    }

    /// Makes customers, through the door for batches, until there are so many.
    fn fill(&mut self, size: usize) -> Result<()> {
        let begun = Instant::now();
        while self.filled < size {
            if self.filled.is_multiple_of(50 * BATCH) {
                self.admin.renew()?;
                let rate = float(self.filled) / begun.elapsed().as_secs_f64().max(1.0);
                progress(&format!("{} of {size} customers, {rate:.0} a second", self.filled));
            }
            let end = size.min(self.filled + BATCH);
            let items: Vec<Value> = (self.filled..end).map(customer).collect();
            let made = self.admin.post("/v1/customers/batch", &json!({ "atomic": false, "items": items }))?;
            let made = made.get("data").and_then(Value::as_array).context("a batch answers with data")?;
            let refused = made.iter().find(|item| item.get("id").is_none_or(Value::is_null));
            ensure!(refused.is_none(), "refused: {refused:?}");
            self.filled = end;
            self.home.note("rows", &end.to_string())?;
        }
        Ok(())
    }

    fn measure(&mut self, time: Duration) -> Result<Vec<String>> {
        let token = self.admin.renew()?;
        let random = &mut Random::new(u64::try_from(self.filled)?);
        let call = |known: Option<usize>, phone: String| {
            let body = json!({ "phone": phone }).to_string();
            let call =
                Call { method: "POST", path: "/v1/lookup".to_owned(), token: token.clone(), key: String::new(), body };
            (call, known.is_some())
        };
        let calls: Vec<(Call, bool)> = (0..CALLS)
            .map(|_| match random.percent(STRANGERS) {
                true => call(None, made_up::mobile(UNKNOWN + random.below(1_000_000))),
                false => {
                    let place = random.place(self.filled);
                    call(Some(place), Rows { set: 0 }.phone(place))
                }
            })
            .collect();
        let mut one = self.one_after_the_other(&calls, time)?;
        one.sort_unstable();
        let bytes: Vec<Vec<u8>> = calls.iter().map(|(call, _)| call.bytes(&self.server.base)).collect();
        let before = self.server.processes.cpu();
        let load = drive(
            &self.server.base,
            Some(time),
            |number| bytes.get(number % CALLS).map(Vec::as_slice),
            |number, answer| {
                answer.succeeded()?;
                let known = calls.get(number % CALLS).is_some_and(|(_, known)| *known);
                ensure!(answer.holds(br#""resource""#) == known, "somebody else was found, or nobody");
                Ok(())
            },
        )?;
        let cpu = (self.server.processes.cpu() - before).all().as_secs_f64() * 1000.0 / float(load.requests().max(1));
        Ok(vec![
            format!("{} customers", self.filled),
            millis(within(&one, 500)),
            millis(within(&one, 990)),
            millis(within(&one, 1000)),
            number(load.rate()),
            millis(load.within(500)),
            millis(load.within(990)),
            number(cpu),
        ])
    }

    /// How long each of them took, on a connection of their own.
    fn one_after_the_other(&self, calls: &[(Call, bool)], time: Duration) -> Result<Vec<Duration>> {
        let mut connection = Connection::open(&self.server.base)?;
        let (mut took, begun) = (Vec::new(), Instant::now());
        for (call, known) in calls.iter().cycle() {
            let sent = Instant::now();
            let answer = connection.send(call)?;
            took.push(sent.elapsed());
            answer.succeeded()?;
            ensure!(answer.holds(br#""resource""#) == *known, "somebody else was found, or nobody");
            if begun.elapsed() >= time {
                break;
            }
        }
        Ok(took)
    }
}

fn customer(place: usize) -> Value {
    let row = Rows { set: 0 }.row(place);
    json!({
        "name": row.name, "kind": "company", "source": row.source, "phones": [row.phone], "emails": [row.email],
        "address": row.address, "remark": row.remark, "tags": row.tags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_tenfold_and_never_shrink() {
        assert_eq!(sizes(1_000_000, 0), [10_000, 100_000, 1_000_000]);
        assert_eq!(sizes(300_000, 10_500), [100_000, 300_000]);
        assert_eq!(sizes(10_000, 0), [10_000]);
        assert_eq!(sizes(200, 0), [200]);
        assert_eq!(sizes(10_000, 1_000_000), [1_000_000]);
    }
}
