//! crm-core: the same operations on Kehu and on PocketBase, one after the other in one run.

mod asked;
mod kehu;
mod measure;
mod peer;
mod pocketbase;
mod rows;
mod tell;

use anyhow::Result;

use self::asked::{OPERATIONS, Operation, Plan};
use self::kehu::Kehu;
use self::measure::{Batch, Sample};
use self::peer::Peer;
use self::pocketbase::PocketBase;
use self::rows::{Row, Rows};
use crate::report::Report;
use crate::server::Key;
use crate::settings::{Engine, Settings};

/// The set of the rows that batches write.
const BATCH_SET: u64 = 59;

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

/// Measures everything on every system and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    let mut peers = start(settings, key)?;
    let mut measured: Vec<Measured> = peers.iter().map(|peer| Measured::new(&**peer)).collect();
    remember(&peers, &mut measured);
    for peer in &mut peers {
        peer.load(settings.rows)?;
    }
    remember(&peers, &mut measured);
    for operation in OPERATIONS {
        let mut samples: Vec<Vec<Sample>> = peers.iter().map(|_| Vec::new()).collect();
        for round in 0..settings.rounds {
            let seconds = usize::try_from(settings.seconds.as_secs())?;
            let plan = Plan::new(operation, round, settings.rows, seconds);
            for (peer, samples) in peers.iter_mut().zip(&mut samples) {
                samples.push(measure::operation(&mut **peer, operation, &plan, settings.seconds)?);
            }
        }
        for (measured, samples) in measured.iter_mut().zip(samples) {
            measured.samples.push((operation, samples));
        }
    }
    let rows: Vec<Row> = (0..settings.rows).map(|place| Rows { set: BATCH_SET }.row(place)).collect();
    for (peer, measured) in peers.iter_mut().zip(&mut measured) {
        measured.batches = peer.loading().to_vec();
        measured.batches.push(measure::batches(&mut **peer, &rows)?);
    }
    remember(&peers, &mut measured);
    for peer in peers {
        peer.stop()?;
    }
    tell::tell(settings, &measured, report);
    Ok(())
}

/// All run from the beginning to the end: whoever rests costs nothing.
fn start(settings: &Settings, key: &Key) -> Result<Vec<Box<dyn Peer>>> {
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    let kehu = |engine: Engine| -> Result<Option<Box<dyn Peer>>> {
        Ok(if settings.engines.contains(&engine) { Some(Box::new(Kehu::start(engine, key)?)) } else { None })
    };
    peers.extend(kehu(Engine::Sqlite)?);
    if let Some(program) = pocketbase::program() {
        peers.push(Box::new(PocketBase::start(&program)?));
    }
    peers.extend(kehu(Engine::Postgres)?);
    Ok(peers)
}

impl Measured {
    fn new(peer: &dyn Peer) -> Self {
        Self { name: peer.name(), samples: Vec::new(), batches: Vec::new(), memory: Vec::new() }
    }
}

/// Notes how much memory each needs now.
fn remember(peers: &[Box<dyn Peer>], measured: &mut [Measured]) {
    for (peer, measured) in peers.iter().zip(measured) {
        let processes = peer.processes();
        measured.memory.push(Memory { program: processes.memory().pss, database: processes.database_pss() });
    }
}
