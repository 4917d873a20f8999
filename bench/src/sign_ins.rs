//! People who sign in beside others who read: hashing a password takes a core for tens of milliseconds, and reading is
//! to suffer little from it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::client::Connection;
use crate::core::{Asked, Kehu, Peer as _};
use crate::load::float;
use crate::progress;
use crate::report::{Report, Table, number};
use crate::server::Key;
use crate::settings::Settings;

/// How many sign in.
const SIGN_INS: usize = 1000;
/// How many of them at once.
const AT_ONCE: usize = 16;
/// How many read at once.
const READERS: usize = 4;
/// How much longer the slowest of a hundred reads may take meanwhile.
const AIM: f64 = 3.0;

/// Measures and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("Sign-ins beside reads");
    report.say(&format!(
        "{SIGN_INS} sign-ins, {AT_ONCE} at a time, while {READERS} clients read customers by id, each as fast as it is \
         answered; before that the same reads alone. The aim is p99 within {AIM} times."
    ));
    let mut table = Table::new([
        "reads on",
        "alone: p50 ms",
        "p99 ms",
        "meanwhile: p50 ms",
        "p99 ms",
        "times",
        "sign-ins/s",
        "sign-in p50 ms",
        "p99 ms",
    ]);
    for engine in &settings.engines {
        let name = engine.name();
        progress(&format!("sign-ins on {name}"));
        let mut kehu = Kehu::start(*engine, key)?;
        kehu.load(settings.rows)?;
        kehu.renew()?;
        let (alone, ()) = beside(&kehu, settings.rows, || {
            std::thread::sleep(settings.seconds);
            Ok(())
        })?;
        let (meanwhile, (sign_ins, took)) = beside(&kehu, settings.rows, || sign_in(&kehu))?;
        kehu.stop()?;
        let times = at(&meanwhile, 99) / at(&alone, 99);
        table.row(vec![
            name.to_owned(),
            number(at(&alone, 50)),
            number(at(&alone, 99)),
            number(at(&meanwhile, 50)),
            number(at(&meanwhile, 99)),
            number(times),
            number(float(SIGN_INS) / took.as_secs_f64()),
            number(at(&sign_ins, 50)),
            number(at(&sign_ins, 99)),
        ]);
    }
    report.table(&table);
    Ok(())
}

/// Lets some read while something is done; how long each read took, in order of length.
fn beside<T>(kehu: &Kehu, rows: usize, act: impl FnOnce() -> Result<T>) -> Result<(Vec<Duration>, T)> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stop = &stop;
        let readers: Vec<_> =
            (0..READERS).map(|reader| scope.spawn(move || read(kehu, (reader, rows), stop))).collect();
        let done = act();
        stop.store(true, Ordering::Relaxed);
        Ok((sorted(readers)?, done?))
    })
}

fn read(kehu: &Kehu, (reader, rows): (usize, usize), stop: &AtomicBool) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(kehu.base())?;
    let (mut times, mut at) = (Vec::new(), reader);
    while !stop.load(Ordering::Relaxed) {
        // A step that visits every record, and no neighbours one after the other.
        at = (at + 7919) % rows.max(1);
        let begun = Instant::now();
        connection.ask(&kehu.call(&Asked::Get(at)))?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// Everybody signs in; how long each took, in order of length, and all together.
fn sign_in(kehu: &Kehu) -> Result<(Vec<Duration>, Duration)> {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let times = std::thread::scope(|scope| {
        let next = &next;
        let clients: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(move || {
                    let mut connection = Connection::open(kehu.base())?;
                    let mut times = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= SIGN_INS {
                            return Ok(times);
                        }
                        let begun = Instant::now();
                        connection.ask(&kehu.sign_in(number))?;
                        times.push(begun.elapsed());
                    }
                })
            })
            .collect();
        sorted(clients)
    })?;
    ensure!(times.len() == SIGN_INS, "{} of {SIGN_INS} signed in", times.len());
    Ok((times, begun.elapsed()))
}

fn sorted(clients: Vec<ScopedJoinHandle<'_, Result<Vec<Duration>>>>) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    for client in clients {
        all.extend(client.join().ok().context("a client panicked")??);
    }
    all.sort_unstable();
    Ok(all)
}

/// A percentile in milliseconds.
fn at(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
}
