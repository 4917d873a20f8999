//! What sealing costs a list, and how long it takes to find who is calling.

mod lookup;
mod page;

use std::time::Duration;

use anyhow::Result;

use crate::report::Report;
use crate::server::{Home, Key};
use crate::settings::{Engine, Mode, Settings};

/// Measures and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    if settings.modes.contains(&Mode::Page) {
        page::run(settings, key, report)?;
    }
    if settings.modes.contains(&Mode::Lookup) {
        lookup::run(settings, key, report)?;
    }
    Ok(())
}

/// A home that goes with the run, or the one that was asked to be kept.
fn home(settings: &Settings, engine: Engine, key: &Key) -> Result<Home> {
    match (&settings.keep, engine) {
        (Some(folder), Engine::Sqlite) => Home::kept(folder, None),
        _ => Home::new(engine, key),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The time within which so many of a thousand were answered; the shortest stand first.
fn within(sorted: &[Duration], permille: usize) -> Duration {
    let place = (sorted.len() * permille / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}
