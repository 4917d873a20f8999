//! What a request's CPU time goes to: stacks of the running server, sorted by the part that they belong to.

mod classify;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use self::classify::{PARTS, Part};
use crate::core::{Operation, Peer, Plan, operation};
use crate::load::float;
use crate::report::{Report, Table, number};
use crate::server::{Running, folder};
use crate::settings::Settings;

/// Samples a second of every running thread.
const FREQUENCY: &str = "997";
/// How long perf may take to look at all threads.
const ATTACH: Duration = Duration::from_millis(500);

/// What an operation took, by part.
struct Sampled {
    operation: Operation,
    counts: Vec<(Part, usize)>,
    /// CPU milliseconds of one request: of the program and of its database.
    program: f64,
    database: f64,
}

impl Sampled {
    fn all(&self) -> f64 {
        float(self.counts.iter().map(|(_, count)| count).sum::<usize>().max(1))
    }
}

/// Samples get and create on every Kehu and tells.
///
/// # Errors
/// An answer is not what it should be.
pub(crate) fn run(settings: &Settings, kehus: Vec<&mut dyn Peer>, report: &mut Report) -> Result<()> {
    report.heading("CPU of a request by part");
    let perf = Command::new("perf").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !perf.is_ok_and(|status| status.success()) {
        report.say("Not measured: there is no `perf` here (Debian: linux-perf).");
        return Ok(());
    }
    report.say(&format!(
        "`perf record` at {FREQUENCY} Hz on the running server under the load of crm-core. A stack belongs to the \
         innermost of its functions that belongs to a part (bench/src/parts/classify.rs); a function that the compiler \
         put into another one counts to that."
    ));
    for kehu in kehus {
        let sampled =
            [Operation::Get, Operation::Create].into_iter().map(|operation| sample(settings, kehu, operation));
        match sampled.collect::<Result<Vec<_>>>() {
            Ok(sampled) => tell(kehu.name(), &sampled, report),
            Err(error) => report.say(&format!("{}: not measured: {error:#}.", kehu.name())),
        }
    }
    Ok(())
}

fn sample(settings: &Settings, kehu: &mut dyn Peer, what: Operation) -> Result<Sampled> {
    let folder = folder()?;
    let file = folder.path().join("perf.data");
    // After the sets of the rounds, so that customers are new.
    let plan = Plan::new(what, settings.rounds, settings.rows, usize::try_from(settings.seconds.as_secs())?);
    let mut record = Command::new("perf");
    record.args(["record", "-q", "-F", FREQUENCY, "-e", "cpu-clock", "--call-graph", "dwarf,32768", "-o"]).arg(&file);
    record.arg("-p").arg(kehu.processes().server.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    let record = Running::new(record.spawn().context("perf")?);
    std::thread::sleep(ATTACH);
    let measured = operation(kehu, what, &plan, settings.seconds)?;
    record.interrupt()?;
    let counts = classify::count(&script(&file)?);
    let [all, database] = measured.cpu_each();
    Ok(Sampled { operation: what, counts, program: all - database, database })
}

/// The stacks of a recording.
fn script(file: &Path) -> Result<String> {
    let mut script = Command::new("perf");
    script.args(["script", "--no-inline", "-F", "ip,sym", "-i"]).arg(file);
    let output = script.stdin(Stdio::null()).output().context("perf script")?;
    ensure!(output.status.success() && !output.stdout.is_empty(), "perf recorded nothing");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn tell(name: &'static str, sampled: &[Sampled], report: &mut Report) {
    let mut table = Table::with([name.to_owned()].into_iter().chain(sampled.iter().flat_map(|one| {
        let word = one.operation.word();
        [format!("{word} %"), format!("{word} ms")]
    })));
    for part in PARTS {
        let cells = sampled.iter().flat_map(|one| {
            let count = one.counts.iter().find(|(known, _)| *known == part).map_or(0, |(_, count)| *count);
            let share = float(count) / one.all();
            [format!("{:.1}", share * 100.0), number(share * one.program)]
        });
        table.row([part.title().to_owned()].into_iter().chain(cells).collect());
    }
    let mut total = |what: &str, value: fn(&Sampled) -> f64| {
        let cells = sampled.iter().flat_map(|one| [String::new(), number(value(one))]);
        table.row([what.to_owned()].into_iter().chain(cells).collect());
    };
    total("the program", |one| one.program);
    if sampled.iter().any(|one| one.database > 0.0) {
        total("PostgreSQL's processes", |one| one.database);
    }
    report.table(&table);
}
