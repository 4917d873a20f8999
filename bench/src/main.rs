//! Workloads against the program as it is shipped, and the numbers they gave.

mod client;
mod core;
mod custom;
mod floors;
mod intake;
mod journal;
mod leads;
mod load;
mod made_up;
mod million;
mod parts;
mod postgres;
mod quoted;
mod random;
mod report;
mod rotation;
mod sealed;
mod server;
mod settings;
mod sign_ins;
mod start;
mod types;
mod usage;
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::leads::Lead;
use crate::report::Report;
use crate::server::Key;
use crate::settings::{Engine, HELP, MADE_UP, Mode, Settings, env};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "kehu-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some("types") {
        return types_of(std::env::args().skip(2));
    }
    if std::env::args().nth(1).as_deref() == Some("million") {
        return million::run(std::env::args().skip(2));
    }
    let Some(mut settings) = Settings::parse(std::env::args().skip(1))? else { return print(HELP) };
    let path = settings.csv.clone().unwrap_or_else(|| PathBuf::from(MADE_UP));
    if settings.generate {
        leads::write(&path, &leads::make_up(settings.rows))?;
        return print(&format!("{} leads in {}", settings.rows, path.display()));
    }
    if settings.answer {
        return floors::http::serve(&path, print);
    }
    if env("KEHU_BENCH_PG_URL").is_none() {
        settings.engines.retain(|engine| *engine == Engine::Sqlite);
    }
    let mut report = Report::default();
    let measured = measure(&settings, &path, &mut report);
    // What was measured before something failed took minutes as well.
    print(report.text())?;
    measured?;
    if let Some(out) = &settings.out {
        let text = format!(
            "# Results\n\nWritten by `make bench`, and again by it; [README.md](README.md) says what is measured, and where an aim is missed, why.\n\n{}\n{}",
            report.text(),
            by_others(out)
        );
        std::fs::write(out, text).with_context(|| out.display().to_string())?;
    }
    if settings.quoted {
        quoted::write(Path::new("."), &report.quoted)?;
    }
    Ok(())
}

/// Begin what others measured and put behind the rest, by hand or in other runs: from the first of them on it stays.
const BY_OTHERS: [&str; 2] = ["\n## Text search\n", "\n## A million: "];

fn by_others(out: &Path) -> String {
    let before = std::fs::read_to_string(out).unwrap_or_default();
    let begin = BY_OTHERS.iter().filter_map(|heading| before.find(heading)).min();
    begin.and_then(|begin| before.get(begin..)).unwrap_or_default().to_owned()
}

/// `types --csv FILE`: needs no server and measures nothing.
fn types_of(mut args: impl Iterator<Item = String>) -> Result<()> {
    match (args.next().as_deref(), args.next(), args.next()) {
        (Some("--csv"), Some(path), None) => print(&types::run(Path::new(&path))?),
        _ => anyhow::bail!("kehu-bench types --csv FILE"),
    }
}

fn measure(settings: &Settings, path: &Path, report: &mut Report) -> Result<()> {
    let key = Key::make()?;
    report.say(&format!("{}. {}. {}", usage::machine(), today()?, versions()));
    report.quote("machine.cores", usage::cores().to_string());
    let others = [
        Mode::Journal,
        Mode::Rotation,
        Mode::SignIns,
        Mode::Page,
        Mode::Lookup,
        Mode::Fields,
        Mode::Intake,
        Mode::Start,
    ];
    if settings.modes.iter().any(|mode| !others.contains(mode)) {
        core::run(settings, &key, report)?;
    }
    if settings.modes.contains(&Mode::Journal) {
        journal::run(settings, &key, report)?;
    }
    if settings.modes.contains(&Mode::Rotation) {
        rotation::run(settings, &key, report)?;
    }
    if settings.modes.contains(&Mode::SignIns) {
        sign_ins::run(settings, &key, report)?;
    }
    sealed::run(settings, &key, report)?;
    if settings.modes.contains(&Mode::Fields) {
        custom::run(settings, &key, report)?;
    }
    if settings.modes.contains(&Mode::Intake) {
        progress("intake");
        let leads = leads_at(settings, path)?;
        let folder = Path::new(MADE_UP).parent().context("a folder")?;
        intake::run(settings, &key, &leads, folder, report)?;
    }
    if settings.modes.contains(&Mode::Start) {
        progress("start");
        start::run(&key, report)?;
    }
    Ok(())
}

/// Says what is being done: a run takes minutes.
fn progress(what: &str) {
    let _ = writeln!(std::io::stderr(), "kehu-bench: {what}");
}

/// Leads of a file that was named, or else made-up ones, which are written down so that their lines can be looked up.
fn leads_at(settings: &Settings, path: &Path) -> Result<Vec<Lead>> {
    if settings.csv.is_some() {
        return leads::read(path);
    }
    let leads = leads::make_up(settings.rows);
    leads::write(path, &leads)?;
    Ok(leads)
}

/// What is measured, as far as it tells: the commit, and each program by its own words.
fn versions() -> String {
    let first_line = |command: &mut Command| {
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8_lossy(&output.stdout).lines().next().map(|line| line.trim().to_owned())
    };
    let version = |program: String| first_line(Command::new(program).arg("--version"));
    let commit = first_line(Command::new("git").args(["rev-parse", "--short", "HEAD"]));
    let programs = [env("KEHU_BIN"), env("KEHU_BENCH_POCKETBASE"), Some("postgres".to_owned())];
    let told = programs.into_iter().flatten().filter_map(version);
    let told: Vec<String> = commit.map(|commit| format!("Commit {commit}")).into_iter().chain(told).collect();
    format!("{}.", told.join(", "))
}

fn today() -> Result<String> {
    let date = Command::new("date").arg("+%Y-%m-%d").output().context("date")?;
    Ok(String::from_utf8_lossy(&date.stdout).trim().to_owned())
}

fn print(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
