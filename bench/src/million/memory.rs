//! Memory of the program under several loads, one after the other on one server.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::asks::get;
use super::crowd::Crowd;
use super::kept::Kept;
use super::mixture::Mixture;
use super::operations::short;
use super::options::Options;
use super::place::Place;
use crate::load::CONNECTIONS;
use crate::progress;
use crate::report::{Report, Table, mebibytes};
use crate::usage::{Memory, Processes};
use crate::wire::Call;

/// How long it rests before and after.
const REST: Duration = Duration::from_secs(10);
const LOAD: Duration = Duration::from_secs(5);
/// How often memory is looked at.
const STEP: Duration = Duration::from_millis(200);
/// Lanes of a thousand connections, and how many each of them has.
const THOUSAND: (usize, usize) = (16, 63);
const BATCH: usize = 1000;
const BATCHES_AT_ONCE: usize = 4;

/// The most that was seen while something was done, and what was left at its end.
struct Seen {
    what: &'static str,
    most: Memory,
    last: Memory,
}

/// Measures and tells.
///
/// # Errors
/// A server does not start, or a connection breaks.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    report.say(&format!(
        "{}. One server at each size, one load after the other, {} s each; resident (RSS) and proportional (PSS) memory \
         of the program in MiB, the most that was seen while it lasted and what there was at its end.",
        options.engine.name(),
        LOAD.as_secs()
    ));
    let ends: Vec<&Kept> = kept.first().into_iter().chain(kept.last().filter(|_| kept.len() > 1)).collect();
    let columns = ends.iter().flat_map(|one| {
        let size = short(one.size);
        [format!("{size}: most RSS"), "PSS".to_owned(), "at its end RSS".to_owned(), "PSS".to_owned()]
    });
    let mut table = Table::with(std::iter::once("load".to_owned()).chain(columns));
    let seen = ends.into_iter().map(one_size).collect::<Result<Vec<_>>>()?;
    for at in 0..seen.first().map_or(0, Vec::len) {
        let at: Vec<&Seen> = seen.iter().filter_map(|seen| seen.get(at)).collect();
        let cells = at.iter().flat_map(|seen| [seen.most.rss, seen.most.pss, seen.last.rss, seen.last.pss]);
        let what = at.first().map(|seen| seen.what.to_owned()).unwrap_or_default();
        table.row(std::iter::once(what).chain(cells.map(mebibytes)).collect());
    }
    report.table(&table);
    Ok(())
}

fn one_size(kept: &Kept) -> Result<Vec<Seen>> {
    progress(&format!("memory at {} customers", kept.size));
    let mut place = Place::open(kept)?;
    place.restart()?;
    place.sign_in()?;
    let server = place.server.processes;
    let mut seen = vec![watch("idle", server, REST)];
    let mixture = Mixture::new(&place)?;
    let mixed = |number| mixture.call(number);
    let gets = |number| Ok(get(&mut mixture.asker(number)?));
    let pages = |number| page(&mixture, number);
    let batches = |number| mixture.batch(number, BATCH);
    let base = place.server.base.as_str();
    let loads = [
        ("mixed, 16 connections", Crowd::new(base, CONNECTIONS, &mixed)),
        ("1,000 connections that each ask", Crowd { connections: THOUSAND.1, ..Crowd::new(base, THOUSAND.0, &gets) }),
        ("pages of 500, 16 connections", Crowd::new(base, CONNECTIONS, &pages)),
        ("batches of 1,000, 4 at once", Crowd::new(base, BATCHES_AT_ONCE, &batches)),
    ];
    for (what, crowd) in loads {
        seen.push(crowd.during(|_| Ok(watch(what, server, LOAD))).context(what)?);
    }
    seen.push(watch("after it all, at rest", server, REST));
    place.close()?;
    Ok(seen)
}

/// A big page of one of the salespeople.
fn page(mixture: &Mixture<'_>, number: usize) -> Result<Call> {
    let asker = mixture.asker(number)?;
    let owners = asker.owners();
    let owner = owners.get(number % owners.len().max(1)).map(String::as_str).unwrap_or_default();
    Ok(asker.get(format!("/v1/customers?filter%5Bowner_id%5D={owner}&sort=-updated_at&limit=500")))
}

fn watch(what: &'static str, server: Processes, time: Duration) -> Seen {
    let begun = Instant::now();
    let mut seen = Seen { what, most: Memory::default(), last: Memory::default() };
    while begun.elapsed() < time {
        std::thread::sleep(STEP);
        seen.last = server.memory();
        seen.most.rss = seen.most.rss.max(seen.last.rss);
        seen.most.pss = seen.most.pss.max(seen.last.pss);
    }
    seen
}
