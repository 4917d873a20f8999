//! Minutes of the same load: what grows, and does not stop growing.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::crowd::Crowd;
use super::kept::Kept;
use super::measure::within;
use super::mixture::Mixture;
use super::operations::short;
use super::options::Options;
use super::place::Place;
use crate::load::{CONNECTIONS, float};
use crate::progress;
use crate::report::{Report, Table, number};

/// How often is looked.
const STEP: Duration = Duration::from_secs(10);
/// How long the peak is measured, after as long a warming.
const PEAK: Duration = Duration::from_secs(8);
/// Steps of a line of the table.
const STEPS_OF_LINE: usize = 6;
const MIB: f64 = 1_048_576.0;

/// What was seen at one look.
struct Look {
    rss: f64,
    pss: f64,
    handles: f64,
    wal: f64,
    p99: f64,
    requests: f64,
}

/// Something that is looked at.
struct Figure {
    name: &'static str,
    of: fn(&Look) -> f64,
    /// What it may grow by in the last third of the time, at the least; else a twentieth.
    floor: Option<f64>,
}

const FIGURES: [Figure; 5] = [
    Figure { name: "RSS MiB", of: |look| look.rss, floor: Some(2.0) },
    Figure { name: "PSS MiB", of: |look| look.pss, floor: Some(2.0) },
    Figure { name: "file handles", of: |look| look.handles, floor: Some(4.0) },
    // It grows to its limit and begins anew.
    Figure { name: "WAL MiB", of: |look| look.wal, floor: Some(4.0) },
    Figure { name: "p99 ms", of: |look| look.p99, floor: None },
];

/// Measures the largest size and tells.
///
/// # Errors
/// A server does not start, or a connection breaks.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    let kept = kept.last().context("no size")?;
    let mut place = Place::open(kept)?;
    place.restart()?;
    place.sign_in()?;
    let mixture = Mixture::new(&place)?;
    let call = |number| mixture.call(number);
    progress("soak: measuring the peak");
    let peak = Crowd::new(&place.server.base, CONNECTIONS, &call).during(|crowd| {
        std::thread::sleep(PEAK);
        crowd.took.take();
        std::thread::sleep(PEAK);
        Ok(float(crowd.took.take().len()) / PEAK.as_secs_f64())
    })?;
    let rate = peak * f64::from(options.percent) / 100.0;
    let crowd = Crowd { rate: Some(rate), ..Crowd::new(&place.server.base, CONNECTIONS, &call) };
    let steps = usize::try_from(options.minutes)? * 60 / usize::try_from(STEP.as_secs())?;
    let looks = crowd.during(|crowd| watch(&place, crowd, steps))?;
    let refused = crowd.took.refused();
    place.close()?;
    report.say(&format!(
        "{}, {} customers. The mixture of crm-core on {CONNECTIONS} connections, {} requests a second: {} % of the {} of \
         a closed loop. A request is due at its time, whether or not the ones before it were answered, and its time is \
         counted from then. {} minutes; {refused} requests were refused.",
        options.engine.name(),
        short(kept.size),
        number(rate),
        options.percent,
        number(peak),
        options.minutes
    ));
    tell(&looks, report);
    Ok(())
}

fn watch(place: &Place<'_>, crowd: &Crowd<'_>, steps: usize) -> Result<Vec<Look>> {
    let begun = Instant::now();
    let mut looks = Vec::with_capacity(steps);
    for step in 1..=steps {
        std::thread::sleep((STEP * u32::try_from(step)?).saturating_sub(begun.elapsed()));
        if crowd.stop.is_asked() {
            bail!("a connection broke");
        }
        let pid = place.server.processes.server;
        let memory = place.server.processes.memory();
        let took = crowd.took.take();
        let mebibytes = |bytes: Option<u64>| {
            bytes.map_or(0.0, |bytes| float(usize::try_from(bytes >> 10).unwrap_or(0)) * 1024.0 / MIB)
        };
        let wal = fs::metadata(place.home().folder().join("data/kehu.db-wal")).ok().map(|data| data.len());
        let look = Look {
            rss: mebibytes(memory.rss),
            pss: mebibytes(memory.pss),
            handles: float(fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)),
            wal: mebibytes(wal),
            p99: within(&took, 990),
            requests: float(took.len()) / STEP.as_secs_f64(),
        };
        if step.is_multiple_of(STEPS_OF_LINE) {
            let Look { rss, handles, wal, p99, requests, .. } = &look;
            progress(&format!(
                "soak: {} s, {requests:.0} requests/s, RSS {rss:.1} MiB, {handles} handles, WAL {wal:.1} MiB, p99 {p99:.2} ms",
                begun.elapsed().as_secs()
            ));
        }
        looks.push(look);
    }
    Ok(looks)
}

fn tell(looks: &[Look], report: &mut Report) {
    let last = looks.get(looks.len() - looks.len() / 3..).unwrap_or_default();
    let mut table = Table::new(["last third", "mean", "least", "most", "grows a minute", "in the third", "flat"]);
    for figure in &FIGURES {
        let trend = Trend::of(&last.iter().map(figure.of).collect::<Vec<_>>());
        let third = trend.slope * (trend.count - 1.0).max(0.0);
        let allowed = figure.floor.unwrap_or(0.0).max(trend.mean / 20.0);
        let flat = if figure.floor.is_none() {
            "–"
        } else if third <= allowed {
            "yes"
        } else {
            "no"
        };
        let a_minute = trend.slope * 60.0 / STEP.as_secs_f64();
        let mut row = vec![figure.name.to_owned()];
        row.extend([trend.mean, trend.least, trend.most].map(number));
        row.extend([format!("{a_minute:+.3}"), format!("{third:+.2}"), flat.to_owned()]);
        table.row(row);
    }
    report.table(&table);
    let mut table = Table::with(
        std::iter::once("minute".to_owned())
            .chain(FIGURES.iter().map(|figure| figure.name.to_owned()))
            .chain(std::iter::once("requests/s".to_owned())),
    );
    for (minute, line) in looks.chunks(STEPS_OF_LINE).enumerate() {
        let mean = |of: fn(&Look) -> f64| number(line.iter().map(of).sum::<f64>() / float(line.len().max(1)));
        let mut row = vec![(minute + 1).to_string()];
        row.extend(FIGURES.iter().map(|figure| mean(figure.of)));
        row.push(mean(|look| look.requests));
        table.row(row);
    }
    report.table(&table);
}

/// Where values go.
struct Trend {
    count: f64,
    mean: f64,
    least: f64,
    most: f64,
    /// From one to the next, by least squares.
    slope: f64,
}

impl Trend {
    fn of(values: &[f64]) -> Self {
        let count = float(values.len());
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let middle = (count - 1.0) / 2.0;
        let places = || (0..values.len()).map(|place| float(place) - middle);
        let square: f64 = places().map(|place| place * place).sum();
        let along: f64 = places().zip(values).map(|(place, value)| place * (value - mean)).sum();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { count, mean, least, most, slope: if square > 0.0 { along / square } else { 0.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_found() {
        let trend = Trend::of(&[1.0, 3.0, 5.0, 7.0]);
        assert!((trend.slope - 2.0).abs() < 1e-9 && (trend.mean - 4.0).abs() < 1e-9);
        assert!((trend.least - 1.0).abs() < 1e-9 && (trend.most - 7.0).abs() < 1e-9);
        assert!(Trend::of(&[5.0]).slope.abs() < 1e-9);
        assert!(Trend::of(&[5.0, 5.0, 5.0]).slope.abs() < 1e-9);
    }
}
