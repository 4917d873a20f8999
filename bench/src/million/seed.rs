//! Fills a size through the doors for batches, and keeps it. What was interrupted goes on where it ended.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use super::cast::Cast;
use super::items;
use super::kept::{ID_LINE, IDS, Kept};
use crate::client::{Session, text};
use crate::core::Rows;
use crate::load::float;
use crate::progress;
use crate::server::{Home, PASSWORD, Server};

/// Customers of one chunk, and records of one batch.
const CHUNK: usize = 1000;
/// Chunks that are made at once: while one is written the next one is read and sealed.
const LANES: usize = 3;
/// How long an access token is used.
const TOKEN: Duration = Duration::from_secs(8 * 60);
const CONTACTS: usize = 3;

/// Fills it, unless it is full.
///
/// # Errors
/// The server does not start, or refuses a record.
pub(super) fn fill(kept: &Kept) -> Result<()> {
    if kept.is_full()? {
        return Ok(());
    }
    let folder = kept.folder();
    if !folder.join("cast").exists() && folder.exists() {
        // Teams and people were not all made: nothing in it is worth going on with.
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    kept.prepare()?;
    let home = kept.home()?;
    let server = home.start()?;
    let mut admin = home.same_organisation(&server, "million")?;
    let cast = match home.noted("cast")? {
        Some(cast) => Cast::from_json(&cast)?,
        None => {
            let cast = Cast::make(&mut admin)?;
            home.note("cast", &cast.to_json())?;
            cast
        }
    };
    Seeding::new(kept, &home, &server, &cast, admin.login())?.run()?;
    server.stop()?;
    kept.settle()?;
    home.note("full", &kept.size.to_string())
}

/// What the lanes share.
struct Seeding<'a> {
    kept: &'a Kept,
    server: &'a Server,
    cast: &'a Cast,
    login: &'a str,
    begun: Instant,
    from: usize,
    next: AtomicUsize,
    failed: AtomicBool,
    ids: Mutex<Ids>,
}

/// The file of ids: chunks are written in their order.
struct Ids {
    file: File,
    next: usize,
    waiting: BTreeMap<usize, Vec<String>>,
}

impl<'a> Seeding<'a> {
    fn new(kept: &'a Kept, home: &Home, server: &'a Server, cast: &'a Cast, login: &'a str) -> Result<Self> {
        let path = home.folder().join(IDS);
        let there = fs::metadata(&path).map_or(0, |data| data.len());
        let chunk = u64::try_from(CHUNK * ID_LINE)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(there / chunk * chunk)?;
        let from = usize::try_from(there / chunk)?;
        if from > 0 {
            progress(&format!("{} customers: going on at {}", kept.size, from * CHUNK));
        }
        let ids = Mutex::new(Ids { file, next: from, waiting: BTreeMap::new() });
        let (next, failed) = (AtomicUsize::new(from), AtomicBool::new(false));
        Ok(Self { kept, server, cast, login, begun: Instant::now(), from, next, failed, ids })
    }

    fn run(&self) -> Result<()> {
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(|| self.lane())).collect();
            lanes.into_iter().try_for_each(|lane| lane.join().map_err(|_| anyhow!("a lane broke off"))?)
        })
    }

    fn lane(&self) -> Result<()> {
        let done = self.chunks();
        if done.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        done
    }

    fn chunks(&self) -> Result<()> {
        let mut admin = Session::sign_in(&self.server.base, self.login, PASSWORD)?;
        let mut signed_in = Instant::now();
        while !self.failed.load(Ordering::Relaxed) {
            let chunk = self.next.fetch_add(1, Ordering::Relaxed);
            if chunk * CHUNK >= self.kept.size {
                break;
            }
            if signed_in.elapsed() > TOKEN {
                admin.renew()?;
                signed_in = Instant::now();
            }
            let ids = self.chunk(&mut admin, chunk).with_context(|| format!("chunk {chunk}"))?;
            self.note(chunk, ids)?;
        }
        Ok(())
    }

    /// Makes the customers of a chunk with their contacts and follow-ups, as far as they are not there.
    fn chunk(&self, admin: &mut Session, chunk: usize) -> Result<Vec<String>> {
        let rows = Rows { set: 0 };
        let places = chunk * CHUNK..self.kept.size.min((chunk + 1) * CHUNK);
        let customers: Vec<Value> =
            places.clone().map(|place| items::customer(self.cast, rows, place, CONTACTS)).collect();
        let made = batch(admin, "/v1/customers/batch", &customers)?;
        let mut ids = Vec::with_capacity(made.len());
        let mut follow_ups = Vec::with_capacity(made.len() * 5);
        for (place, item) in places.zip(&made) {
            let (id, there) = match item.get("id").and_then(Value::as_str) {
                Some(id) => (id.to_owned(), 0),
                None => known(admin, item)?,
            };
            follow_ups.extend(items::follow_ups(rows, place, &id).into_iter().skip(there));
            ids.push(id);
        }
        for part in follow_ups.chunks(CHUNK) {
            let made = batch(admin, "/v1/follow_ups/batch", part)?;
            let refused = made.iter().find(|item| item.get("id").is_none_or(Value::is_null));
            ensure!(refused.is_none(), "refused: {refused:?}");
        }
        Ok(ids)
    }

    /// Notes the ids of a chunk that is done.
    fn note(&self, chunk: usize, ids: Vec<String>) -> Result<()> {
        let mut kept = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        kept.waiting.insert(chunk, ids);
        while let Some(ids) = {
            let next = kept.next;
            kept.waiting.remove(&next)
        } {
            let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
            kept.file.write_all(lines.as_bytes())?;
            kept.next += 1;
            self.kept.filled((kept.next * CHUNK).min(self.kept.size))?;
            if kept.next.is_multiple_of(10) {
                let done = (kept.next - self.from) * CHUNK;
                let rate = float(done) / self.begun.elapsed().as_secs_f64();
                progress(&format!("{} of {} customers, {rate:.0} a second", kept.next * CHUNK, self.kept.size));
            }
        }
        Ok(())
    }
}

fn batch(admin: &mut Session, path: &str, items: &[Value]) -> Result<Vec<Value>> {
    let mut made = admin.post(path, &json!({ "atomic": false, "items": items }))?;
    let data = made.get_mut("data").map(Value::take);
    let Some(Value::Array(data)) = data else { bail!("a batch answers with data") };
    ensure!(data.len() == items.len(), "{} of {} were answered", data.len(), items.len());
    Ok(data)
}

/// The customer that a run before this one made, and how many of its follow-ups: they are made in their order.
fn known(admin: &mut Session, refused: &Value) -> Result<(String, usize)> {
    let existing = refused.pointer("/error/existing").with_context(|| format!("refused: {refused}"))?;
    let id = text(existing, "id")?;
    let id = match existing.get("resource").and_then(Value::as_str) {
        Some("contact") => text(&admin.get(&format!("/v1/contacts/{id}"))?, "customer_id")?,
        _ => id,
    };
    let customer = admin.get(&format!("/v1/customers/{id}?fields=follow_up_count"))?;
    let count = customer.get("follow_up_count").and_then(Value::as_u64).context("how many follow-ups")?;
    Ok((id, usize::try_from(count)?))
}
