//! Every operation at every size, and how much longer it takes at the largest.

use anyhow::{Context as _, Result};

use super::asks::{self, Ask};
use super::kept::Kept;
use super::measure::{self, Sample};
use super::options::Options;
use super::place::Place;
use crate::progress;
use crate::report::{Report, Table, number};

/// What was measured of one operation.
struct Measured {
    ask: Ask,
    samples: Vec<Sample>,
    failed: Option<String>,
}

/// Measures and tells.
///
/// # Errors
/// A server does not start.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    let mut places = kept.iter().map(Place::open).collect::<Result<Vec<_>>>()?;
    let asks = asks::all(places.first_mut().context("no size")?)?;
    let asked = |ask: &Ask| options.only.as_ref().is_none_or(|only| ask.name.contains(only.as_str()));
    let mut measured = Vec::new();
    for ask in asks.into_iter().filter(asked) {
        progress(&format!("{}, {}", ask.name, ask.who.word()));
        // One that fails is told and leaves the others to be measured.
        let (samples, failed) = match measure::ask(options, &mut places, &ask) {
            Ok(samples) => (samples, None),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        if let Some(failed) = &failed {
            progress(failed);
        }
        measured.push(Measured { ask, samples, failed });
    }
    places.into_iter().try_for_each(Place::close)?;
    tell(options, &measured, report);
    Ok(())
}

fn tell(options: &Options, measured: &[Measured], report: &mut Report) {
    report.say(&format!(
        "{}. One connection, one request after the other; {} rounds of {} at most, the sizes in turn, all servers up at \
         once and their databases in memory as far as they fit; medians of rounds. “times” is the p99 at the largest \
         size by that at the smallest: the aim is {} times, {} for text search. kB is the size of an answer where that \
         differs: who sees few records is answered more when there are more.",
        options.engine.name(),
        options.rounds,
        crate::report::millis(options.time / options.rounds) + " ms",
        asks::LISTED,
        asks::TEXT
    ));
    let (mut met, mut aimed) = (0, 0);
    for group in groups(measured) {
        report.say(&format!("**{group}**"));
        let mut table = Table::with(columns(&options.sizes));
        for one in measured.iter().filter(|one| one.ask.group == group) {
            table.row(one.cells(options.sizes.len()));
            if let (Some(_), Some(times)) = (one.ask.aim, one.times()) {
                aimed += 1;
                met += usize::from(one.ask.aim.is_none_or(|aim| times <= aim));
            }
        }
        report.table(&table);
    }
    report.say(&format!("{met} of {aimed} operations are within their aim."));
    for one in measured.iter().filter(|one| one.failed.is_some()) {
        let words = one.failed.as_deref().unwrap_or_default();
        report.say(&format!("Failed: {}, {}: {words}", one.ask.name, one.ask.who.word()));
    }
}

fn groups(measured: &[Measured]) -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = measured.iter().map(|one| one.ask.group).collect();
    groups.dedup();
    groups
}

/// 10000 as 10k.
pub(super) fn short(size: usize) -> String {
    match size {
        size if size >= 1_000_000 && size.is_multiple_of(1_000_000) => format!("{}M", size / 1_000_000),
        size if size >= 1000 && size.is_multiple_of(1000) => format!("{}k", size / 1000),
        size => size.to_string(),
    }
}

fn columns(sizes: &[usize]) -> Vec<String> {
    let mut columns = vec!["operation".to_owned(), "as".to_owned()];
    for what in ["p50 ms", "p99 ms", "CPU ms"] {
        let names: Vec<String> = sizes.iter().map(|size| short(*size)).collect();
        let first = names.first().map(|name| format!("{what}: {name}"));
        columns.extend(first.into_iter().chain(names.into_iter().skip(1)));
    }
    columns.extend(["times", "aim", "missed", "kB"].map(str::to_owned));
    columns
}

impl Measured {
    /// The p99 at the largest size by that at the smallest; none where there is but one, or an answer was refused.
    fn times(&self) -> Option<f64> {
        let [first, .., last] = self.samples.as_slice() else { return None };
        let refused = self.samples.iter().any(|sample| sample.refused > 0);
        (!refused).then(|| last.within(990) / first.within(990).max(1e-9))
    }

    fn cells(&self, sizes: usize) -> Vec<String> {
        let mut cells = vec![self.ask.name.clone(), self.ask.who.word().to_owned()];
        let mut add = |tell: fn(&Sample) -> f64| {
            let told = self
                .samples
                .iter()
                .map(|sample| if sample.refused > 0 { "refused".to_owned() } else { number(tell(sample)) });
            let mut told: Vec<String> = told.collect();
            told.resize(sizes, "–".to_owned());
            cells.extend(told);
        };
        add(|sample| sample.within(500));
        add(|sample| sample.within(990));
        add(Sample::cpu_each);
        let times = self.times();
        cells.push(times.map_or("–".to_owned(), number));
        cells.push(self.ask.aim.map_or("–".to_owned(), |aim| aim.to_string()));
        cells.push(self.missed(times).to_owned());
        cells.push(self.kilobytes());
        cells
    }

    fn missed(&self, times: Option<f64>) -> &'static str {
        match (self.ask.aim, times) {
            _ if self.failed.is_some() => "failed",
            (Some(_), None) if self.samples.iter().any(|sample| sample.refused > 0) => "refused",
            (Some(aim), Some(times)) if times > aim => "missed",
            _ => "",
        }
    }

    /// Where answers grow with the data.
    fn kilobytes(&self) -> String {
        let [first, .., last] = self.samples.as_slice() else { return String::new() };
        let (first, last) = (first.kilobytes(), last.kilobytes());
        if last > first * 1.1 || last < first * 0.9 {
            format!("{}→{}", number(first), number(last))
        } else {
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_short() {
        assert_eq!([1000, 100_000, 1_000_000, 1_234].map(short), ["1k", "100k", "1M", "1234"]);
        assert_eq!(columns(&[1000, 5000])[2..4], ["p50 ms: 1k", "5k"]);
    }
}
