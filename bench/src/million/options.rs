//! What is to be measured at three sizes, and where the data is kept.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::settings::{Engine, env};

/// What `million --help` says.
pub(super) const HELP: &str = "\
kehu-bench million [seed] [ops] [start] [memory] [disk] [head] [soak]
                                       all but soak, or those named; see bench/README.md

  --keep DIR        where the data of each size stays, outside the checkout; default: ~/.cache/kehu/million. One run at
                    a time. Sizes that are not there yet are seeded first
  --sizes N,N,N     how many customers; default 10000,100000,1000000
  --seconds N       how long each operation is measured at each size, all rounds together; default 3
  --rounds N        default 3; the median of their p99 is told
  --only WORDS      ops: those alone whose name has these words
  --minutes N       soak: how long; default 20
  --rate PERCENT    soak: how much of the peak; default 70
  --engine NAME     sqlite (default) or postgres
  --out FILE        the file in which each part writes its section anew; default bench/results.md where the sizes are
                    the default ones, else none
";

/// Sizes, unless others are asked for.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// A part of the whole, with a section of its own in the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Making the data.
    Seed,
    /// Single operations at each size.
    Operations,
    /// Starting, and resting.
    Start,
    /// Memory under several loads.
    Memory,
    /// Bytes of each customer, by table and index.
    Disk,
    /// What a short request waits behind long ones.
    Head,
    /// Minutes of the same load.
    Soak,
}

/// What was asked for.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) parts: Vec<Part>,
    pub(super) sizes: Vec<usize>,
    pub(super) time: Duration,
    pub(super) rounds: u32,
    pub(super) only: Option<String>,
    pub(super) minutes: u64,
    pub(super) percent: u32,
    pub(super) keep: PathBuf,
    pub(super) engine: Engine,
    pub(super) out: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; `None` where help was asked for.
    ///
    /// # Errors
    /// A word that is not understood.
    pub(super) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut options = Self {
            parts: Vec::new(),
            sizes: SIZES.to_vec(),
            time: Duration::from_secs(3),
            rounds: 3,
            only: None,
            minutes: 20,
            percent: 70,
            keep: PathBuf::new(),
            engine: Engine::Sqlite,
            out: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match word.as_str() {
                "seed" => options.parts.push(Part::Seed),
                "ops" => options.parts.push(Part::Operations),
                "start" => options.parts.push(Part::Start),
                "memory" => options.parts.push(Part::Memory),
                "disk" => options.parts.push(Part::Disk),
                "head" => options.parts.push(Part::Head),
                "soak" => options.parts.push(Part::Soak),
                "--keep" => options.keep = value()?.into(),
                "--sizes" => options.sizes = sizes(&value()?)?,
                "--seconds" => options.time = Duration::from_secs(value()?.parse().context("--seconds")?),
                "--rounds" => options.rounds = value()?.parse().context("--rounds")?,
                "--only" => options.only = Some(value()?),
                "--minutes" => options.minutes = value()?.parse().context("--minutes")?,
                "--rate" => options.percent = value()?.parse().context("--rate")?,
                "--engine" => options.engine = Engine::named(&value()?)?,
                "--out" => options.out = Some(value()?.into()),
                "--help" | "-h" => return Ok(None),
                other => bail!("{other} is not known\n\n{HELP}"),
            }
        }
        ensure!((1..=20).contains(&options.rounds), "--rounds: 1 to 20");
        options.complete()?;
        Ok(Some(options))
    }

    fn complete(&mut self) -> Result<()> {
        if self.parts.is_empty() {
            self.parts = vec![Part::Operations, Part::Start, Part::Memory, Part::Disk, Part::Head];
        }
        if self.keep.as_os_str().is_empty() {
            let home = env("HOME").context("--keep: where is the data to stay?")?;
            self.keep = PathBuf::from(home).join(".cache/kehu/million");
        }
        if self.out.is_none() && self.sizes == SIZES && self.only.is_none() {
            self.out = Some("bench/results.md".into());
        }
        Ok(())
    }
}

fn sizes(words: &str) -> Result<Vec<usize>> {
    let mut sizes = words.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>().context("--sizes")?;
    sizes.sort_unstable();
    sizes.dedup();
    ensure!(sizes.first().is_some_and(|size| *size >= 1000), "--sizes: 1000 and more");
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn all_but_the_soak_is_measured_unless_something_is_named() {
        let all = parsed("--keep /k").unwrap().unwrap();
        assert_eq!((all.parts.len(), all.sizes.last()), (5, Some(&1_000_000)));
        assert!(!all.parts.contains(&Part::Soak) && all.out.is_some());
        let soak = parsed("soak --minutes 2 --sizes 5000,1000 --keep /k").unwrap().unwrap();
        assert_eq!((soak.parts, soak.minutes, soak.sizes), (vec![Part::Soak], 2, vec![1000, 5000]));
        assert!(soak.out.is_none());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(parsed("--help").unwrap().is_none());
        for line in ["opps", "--sizes 10", "--sizes x", "--rounds 0", "--keep"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
