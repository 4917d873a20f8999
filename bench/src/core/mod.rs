//! crm-core: the same operations on Kehu and on PocketBase, one after the other in one run; and what else is measured on
//! the same loaded servers.

mod asked;
mod kehu;
mod measure;
mod peer;
mod pocketbase;
mod rows;
mod tell;

use anyhow::{Context as _, Result};

pub(crate) use self::asked::{Asked, Operation, Plan};
pub(crate) use self::kehu::{Kehu, contact, ours};
pub(crate) use self::measure::{Prepared, batches, operation};
pub(crate) use self::peer::Peer;
pub(crate) use self::rows::{FollowUp, OWNERS, Row, Rows, SOURCES, STAGES, TAGS};

use self::asked::OPERATIONS;
use self::measure::{Batch, Sample};
use self::pocketbase::PocketBase;
use crate::report::Report;
use crate::server::Key;
use crate::settings::{Engine, Mode, Settings};
use crate::{floors, parts, postgres, progress};

/// The set of the rows that batches write.
const BATCH_SET: u64 = 59;
/// Customers that are loaded when nothing but floors is measured.
const FEW: usize = 20;

/// What was measured on one system.
struct Measured {
    name: &'static str,
    /// Each operation, once a round.
    samples: Vec<(Operation, Vec<Sample>)>,
    batches: Vec<Batch>,
    memory: Vec<Memory>,
}

/// Proportional memory of the program and of its database, bytes.
struct Memory {
    program: Option<u64>,
    database: Option<u64>,
}

/// CPU milliseconds of an operation on a system.
pub(crate) struct Figure {
    pub(crate) system: &'static str,
    pub(crate) operation: Operation,
    pub(crate) millis: f64,
}

/// Measures what is asked for of crm-core, floors, parts and PostgreSQL, and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    let has = |mode| settings.modes.contains(&mode);
    let mut peers = Peers::start(settings, key)?;
    let mut measured: Vec<Measured> = peers.all().iter().map(|peer| Measured::new(&**peer)).collect();
    peers.remember(&mut measured);
    progress("loading");
    let few = settings.modes.iter().all(|mode| *mode == Mode::Floors);
    peers.all().into_iter().try_for_each(|peer| peer.load(if few { FEW } else { settings.rows }))?;
    peers.remember(&mut measured);
    if has(Mode::Core) {
        operations(settings, &mut peers, &mut measured)?;
        peers.remember(&mut measured);
        tell::tell(settings, &measured, report);
    }
    if has(Mode::Parts) {
        progress("parts");
        parts::run(settings, peers.kehus(), report)?;
    }
    if has(Mode::Floors) {
        progress("floors");
        let kehu = peers.kehus().into_iter().next().context("no Kehu to ask")?;
        floors::run(settings, kehu, &tell::figures(&measured), report)?;
    }
    if let (true, Some(kehu)) = (has(Mode::Postgres), &peers.postgres) {
        progress("PostgreSQL");
        postgres::run(settings, kehu, report)?;
    }
    peers.stop()
}

/// Every operation in every round on every system, and batches.
fn operations(settings: &Settings, peers: &mut Peers, measured: &mut [Measured]) -> Result<()> {
    let seconds = usize::try_from(settings.seconds.as_secs())?;
    for what in OPERATIONS {
        progress(what.title());
        measured.iter_mut().for_each(|one| one.samples.push((what, Vec::new())));
        for round in 0..settings.rounds {
            let plan = Plan::new(what, round, settings.rows, seconds);
            for (peer, measured) in peers.all().into_iter().zip(&mut *measured) {
                let sample = operation(peer, what, &plan, settings.seconds)?;
                measured.samples.last_mut().context("an operation")?.1.push(sample);
            }
        }
    }
    progress("batches");
    let rows: Vec<Row> = (0..settings.rows).map(|place| Rows { set: BATCH_SET }.row(place)).collect();
    for (peer, measured) in peers.all().into_iter().zip(measured) {
        measured.batches = peer.loading().to_vec();
        measured.batches.push(batches(peer, &rows)?);
    }
    Ok(())
}

/// The systems. All run from the beginning to the end: whoever rests costs next to nothing.
struct Peers {
    sqlite: Option<Kehu>,
    pocketbase: Option<PocketBase>,
    postgres: Option<Kehu>,
}

impl Peers {
    fn start(settings: &Settings, key: &Key) -> Result<Self> {
        let kehu = |engine: Engine| settings.engines.contains(&engine).then(|| Kehu::start(engine, key)).transpose();
        let program = pocketbase::program().filter(|_| settings.modes.contains(&Mode::Core));
        Ok(Self {
            sqlite: kehu(Engine::Sqlite)?,
            pocketbase: program.map(|program| PocketBase::start(&program)).transpose()?,
            postgres: kehu(Engine::Postgres)?,
        })
    }

    fn all(&mut self) -> Vec<&mut dyn Peer> {
        let mut all: Vec<&mut dyn Peer> = Vec::new();
        all.extend(self.sqlite.as_mut().map(|peer| -> &mut dyn Peer { peer }));
        all.extend(self.pocketbase.as_mut().map(|peer| -> &mut dyn Peer { peer }));
        all.extend(self.postgres.as_mut().map(|peer| -> &mut dyn Peer { peer }));
        all
    }

    fn kehus(&mut self) -> Vec<&mut dyn Peer> {
        let kehus = [&mut self.sqlite, &mut self.postgres].into_iter().flatten();
        kehus.map(|kehu| -> &mut dyn Peer { kehu }).collect()
    }

    /// Notes how much memory each needs now.
    fn remember(&mut self, measured: &mut [Measured]) {
        for (peer, measured) in self.all().into_iter().zip(measured) {
            let processes = peer.processes();
            measured.memory.push(Memory { program: processes.memory().pss, database: processes.database_pss() });
        }
    }

    fn stop(self) -> Result<()> {
        self.sqlite.map(Kehu::stop).transpose()?;
        self.pocketbase.map(PocketBase::stop).transpose()?;
        self.postgres.map(Kehu::stop).transpose()?;
        Ok(())
    }
}

impl Measured {
    fn new(peer: &dyn Peer) -> Self {
        Self { name: peer.name(), samples: Vec::new(), batches: Vec::new(), memory: Vec::new() }
    }
}
