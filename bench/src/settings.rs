//! What is to be measured, and where.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// What `--help` says.
pub(crate) const HELP: &str = "\
kehu-bench [core] [parts] [floors] [postgres] [journal] [rotation] [sign-ins] [page] [lookup] [fields]
           [intake] [start]
                                       measures all of them, or those named; see bench/README.md
kehu-bench generate                    writes made-up leads to --csv
kehu-bench million                     10,000, 100,000 and 1,000,000 customers; million --help says more
kehu-bench types --csv FILE            what the types refuse and warn of in a file of leads; needs no server

  --csv FILE        leads that are posted; default: made-up ones, written to bench/data/leads.csv
  --rows N          customers of the single operations and leads that are made up; default 10000. lookup measures
                    10000, 100000 and so on up to it
  --seconds N       how long each operation is measured on each system in each round; default 2
  --rounds N        how often; medians are told; default 3
  --keep DIR        lookup: the folder of SQLite's key and data, made if it is not there, kept afterwards, and filled
                    further by the next run; outside the checkout
  --engine NAME     sqlite or postgres alone; default: both
  --out FILE        where the results go besides standard output; default: bench/results.md when all is measured,
                    and then the READMEs quote them

KEHU_BIN names the program. KEHU_BENCH_PG_URL names a database of a throw-away PostgreSQL; without it only SQLite is
measured. KEHU_BENCH_POCKETBASE names the program that the single operations are compared with; without it they are not. KEHU_BENCH_DIR is a folder for data, on the disk to be measured; default: the system's for temporary files.
";

/// Where leads are written that were made up.
pub(crate) const MADE_UP: &str = "bench/data/leads.csv";

/// Customers and leads, unless something else is asked for.
const ROWS: usize = 10_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What the journal costs, and how it is read.
    Journal,
    /// Sealing everything anew while somebody works.
    Rotation,
    /// Sign-ins while somebody reads.
    SignIns,
    /// A page with sealed members beside one without.
    Page,
    /// Who is calling, by the number of customers.
    Lookup,
    /// Lists by fields that an organisation added.
    Fields,
    /// Leads posted through a form.
    Intake,
    /// Idle memory and start-up time.
    Start,
    /// Single operations beside PocketBase.
    Core,
    /// What a request's CPU time goes to.
    Parts,
    /// What the machine itself can do.
    Floors,
    /// Round trips, and PostgreSQL beside pgbench.
    Postgres,
}

/// All of them, in the order in which results are told.
const MODES: [Mode; 12] = [
    Mode::Core,
    Mode::Parts,
    Mode::Floors,
    Mode::Postgres,
    Mode::Journal,
    Mode::Rotation,
    Mode::SignIns,
    Mode::Page,
    Mode::Lookup,
    Mode::Fields,
    Mode::Intake,
    Mode::Start,
];

/// A database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Embedded.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// What it is called on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// The one of that name on the command line.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn named(word: &str) -> Result<Self> {
        let found = [Self::Sqlite, Self::Postgres].into_iter().find(|engine| engine.word() == word);
        found.with_context(|| format!("--engine {word}: sqlite or postgres"))
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Write leads and measure nothing.
    pub(crate) generate: bool,
    /// Serve the JSON of a file and measure nothing: how the bench starts a bare server of its own.
    pub(crate) answer: bool,
    /// What is measured.
    pub(crate) modes: Vec<Mode>,
    /// On which engines.
    pub(crate) engines: Vec<Engine>,
    /// Leads of somebody else.
    pub(crate) csv: Option<PathBuf>,
    /// A folder for key and data that stays.
    pub(crate) keep: Option<PathBuf>,
    /// Customers and made-up leads.
    pub(crate) rows: usize,
    /// Of each operation on each system in each round.
    pub(crate) seconds: Duration,
    /// Rounds of each operation.
    pub(crate) rounds: u64,
    /// Where the results go.
    pub(crate) out: Option<PathBuf>,
    /// READMEs are to quote them.
    pub(crate) quoted: bool,
}

impl Settings {
    /// Reads the command line; `None` where help was asked for.
    ///
    /// # Errors
    /// A word that is not understood.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut settings = Self {
            generate: false,
            answer: false,
            modes: Vec::new(),
            engines: vec![Engine::Sqlite, Engine::Postgres],
            csv: None,
            keep: None,
            rows: ROWS,
            seconds: Duration::from_secs(2),
            rounds: 3,
            out: None,
            quoted: false,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} wants a value"));
            match word.as_str() {
                "intake" => settings.modes.push(Mode::Intake),
                "start" => settings.modes.push(Mode::Start),
                "core" => settings.modes.push(Mode::Core),
                "parts" => settings.modes.push(Mode::Parts),
                "floors" => settings.modes.push(Mode::Floors),
                "postgres" => settings.modes.push(Mode::Postgres),
                "journal" => settings.modes.push(Mode::Journal),
                "rotation" => settings.modes.push(Mode::Rotation),
                "sign-ins" => settings.modes.push(Mode::SignIns),
                "page" => settings.modes.push(Mode::Page),
                "lookup" => settings.modes.push(Mode::Lookup),
                "fields" => settings.modes.push(Mode::Fields),
                "answer" => settings.answer = true,
                "generate" => settings.generate = true,
                "--csv" => settings.csv = Some(value()?.into()),
                "--keep" => settings.keep = Some(value()?.into()),
                "--out" => settings.out = Some(value()?.into()),
                "--rows" => settings.rows = value()?.parse().context("--rows")?,
                "--seconds" => settings.seconds = Duration::from_secs(value()?.parse().context("--seconds")?),
                "--rounds" => settings.rounds = value()?.parse().context("--rounds")?,
                "--engine" => settings.engines = vec![Engine::named(&value()?)?],
                "--help" | "-h" => return Ok(None),
                other => bail!("{other} is not known\n\n{HELP}"),
            }
        }
        if settings.modes.is_empty() {
            settings.modes = MODES.to_vec();
            // They say how many rows there are, and speak of both engines.
            settings.quoted = settings.out.is_none() && settings.rows == ROWS && settings.engines.len() == 2;
            settings.out.get_or_insert_with(|| "bench/results.md".into());
        }
        // Every round creates customers of its own, and there are numbers for so many.
        ensure!((1..=20).contains(&settings.rounds), "--rounds: 1 to 20");
        Ok(Some(settings))
    }
}

/// A setting of the environment.
pub(crate) fn env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the script hands over what it started in the environment")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Settings>> {
        Settings::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn results_are_kept_when_all_is_measured() {
        let all = parsed("--seconds 2").unwrap().unwrap();
        assert_eq!((all.modes.len(), all.engines.len(), all.seconds.as_secs()), (12, 2, 2));
        assert!(all.out.is_some() && all.quoted);
        assert!(!parsed("--rows 50").unwrap().unwrap().quoted);
        assert!(!parsed("--out /tmp/x").unwrap().unwrap().quoted);
        let one = parsed("core --engine postgres --rows 50").unwrap().unwrap();
        assert_eq!((one.modes, one.engines, one.rows), (vec![Mode::Core], vec![Engine::Postgres], 50));
        assert!(one.out.is_none());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(parsed("--help").unwrap().is_none());
        for (line, about) in [
            ("intakes", "intakes"),
            ("--csv", "wants a value"),
            ("--engine mysql", "mysql"),
            ("--rounds 0", "--rounds"),
        ] {
            assert!(parsed(line).unwrap_err().to_string().contains(about), "{line}");
        }
    }
}
