//! Sweeping files that no row names: what a crash left, and what an erasure did not get to. None is deleted at once: a
//! database that was replaced may name it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Days, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::pii::padded;

use super::{Files, apart};

/// How long a file may be there before its row is: an upload that is under way ends before that.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// For how long a file is kept that was set aside.
const KEPT: Days = Days::new(30);
/// Files that are looked up together.
const TOGETHER: usize = 200;

/// Files of an organisation in one folder.
struct Found {
    org: Uuid,
    files: Vec<(Uuid, PathBuf)>,
}

/// Sets files aside that have no row and are older than a day, and deletes those that lay there for a month; what was
/// never finished goes after a day. One of the 256 folders of each organisation is looked through, another one every
/// hour, so that the work stays small. Organisations that the database does not know are left alone: somebody may have
/// named the wrong database. Gives how many files went from their place.
///
/// # Errors
/// The database is away; what was done until then is.
pub(crate) async fn sweep(gate: &Gate) -> Result<u64, Failure> {
    sweep_in(gate, gate.files(), of_the_hour(gate.now())).await
}

/// The folder whose turn it is.
fn of_the_hour(now: DateTime<Utc>) -> u8 {
    u8::try_from((now.timestamp() / 3600).rem_euclid(256)).unwrap_or_default()
}

async fn sweep_in(gate: &Gate, files: &Files, spread: u8) -> Result<u64, Failure> {
    let before = SystemTime::from(gate.now()).checked_sub(GRACE).unwrap_or(SystemTime::UNIX_EPOCH);
    let today = gate.now().date_naive();
    let own = files.clone();
    let (mut gone, orgs) = apart(move || (unfinished(&own, before), inside(&own.folder))).await?;
    for org in orgs.iter().filter_map(|folder| id_of(folder)) {
        let folder = files.of_org(org).join(format!("{spread:02x}"));
        let found = apart(move || old(org, &folder, before)).await?;
        let files = files.clone();
        gone +=
            settle(gate, found, move |org, id, _, is_named| !is_named && told(id, &files.set_aside(org, id, today)))
                .await?;
    }
    if let Some(before) = today.checked_sub_days(KEPT) {
        let own = files.clone();
        for day in apart(move || own.days_aside(before)).await? {
            gone += after_a_month(gate, files, day).await?;
        }
    }
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

/// Deletes what was set aside on a day that is long past; what is named again comes back.
async fn after_a_month(gate: &Gate, files: &Files, day: PathBuf) -> Result<usize, Failure> {
    let folder = day.clone();
    let mut gone = 0;
    for of_org in apart(move || inside(&folder)).await? {
        let Some(org) = id_of(&of_org) else { continue };
        let folder = of_org.clone();
        let found = apart(move || Found { org, files: all(&folder) }).await?;
        let files = files.clone();
        gone += settle(gate, found, move |org, id, path, is_named| {
            if is_named {
                told(id, &files.put_back(org, id));
                return false;
            }
            told(id, &fs::remove_file(path))
        })
        .await?;
        // Only where nothing is left in it.
        let _ = apart(move || fs::remove_dir(of_org)).await?;
    }
    let _ = apart(move || fs::remove_dir(day)).await?;
    Ok(gone)
}

/// Does something with each file, knowing whether a row names it; with how many it was done.
async fn settle(
    gate: &Gate,
    found: Found,
    act: impl Fn(Uuid, Uuid, &Path, bool) -> bool + Clone + Send + 'static,
) -> Result<usize, Failure> {
    let org = found.org;
    if found.files.is_empty() || !is_known(gate, org).await? {
        return Ok(0);
    }
    let mut done = 0;
    for part in found.files.chunks(TOGETHER) {
        let named = named(gate, org, part.iter().map(|(id, _)| *id).collect()).await?;
        let (part, act) = (part.to_vec(), act.clone());
        done += apart(move || part.iter().filter(|(id, path)| act(org, *id, path, named.contains(id))).count()).await?;
    }
    Ok(done)
}

/// Whether it was done; why not is said, and hinders nothing else.
fn told<T>(file: Uuid, done: &io::Result<T>) -> bool {
    if let Err(error) = done {
        tracing::warn!(%file, %error, "a file that nobody names was not swept");
    }
    done.is_ok()
}

/// Deletes what was never finished.
fn unfinished(files: &Files, before: SystemTime) -> usize {
    let incoming = inside(&files.incoming());
    incoming.iter().filter(|path| is_older(path, before) && fs::remove_file(path).is_ok()).count()
}

/// The files of a folder that are old enough to have a row.
fn old(org: Uuid, folder: &Path, before: SystemTime) -> Found {
    let files = all(folder).into_iter().filter(|(_, path)| is_older(path, before)).collect();
    Found { org, files }
}

fn all(folder: &Path) -> Vec<(Uuid, PathBuf)> {
    inside(folder).into_iter().filter_map(|path| Some((id_of(&path)?, path))).collect()
}

/// What is in a folder; nothing where there is none. One that cannot be read is told of, and the others are swept.
fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match entries {
        Ok(paths) => paths,
        Err(error) => {
            if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                tracing::warn!(folder = %folder.display(), %error, "a folder of attached files is not swept");
            }
            Vec::new()
        }
    }
}

fn id_of(path: &Path) -> Option<Uuid> {
    Uuid::parse_str(path.file_name()?.to_str()?).ok()
}

fn is_older(path: &Path, before: SystemTime) -> bool {
    fs::metadata(path).and_then(|file| file.modified()).is_ok_and(|modified| modified < before)
}

async fn is_known(gate: &Gate, org: Uuid) -> Result<bool, Failure> {
    let db = gate.engine();
    let sql = "SELECT id FROM organisations WHERE id = ?";
    Ok(db.query_one_raw(statement(db, sql, [org.into()])).await?.is_some())
}

/// Those that a row names, a deleted one too.
async fn named(gate: &Gate, org: Uuid, ids: Vec<Uuid>) -> Result<Vec<Uuid>, Failure> {
    let db = gate.engine();
    let ids = padded(ids);
    let places = vec!["?"; ids.len()].join(", ");
    let sql = format!("SELECT id FROM attachments WHERE org_id = ? AND id IN ({places})");
    let values = std::iter::once(org).chain(ids).map(sea_orm::Value::from);
    let rows = db.query_all_raw(statement(db, &sql, values)).await?;
    rows.iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine;
    use crate::entities::attachment;
    use crate::files::Writer;
    use crate::intake::tests::bed::Bed;
    use sea_orm::{EntityTrait, IntoActiveModel};
    use serde_json::json;

    fn written(files: &Files, org: Uuid, age: Duration, now: SystemTime) -> (Uuid, PathBuf) {
        let id = Uuid::from_u128(u128::from(rand_like(files)) << 64 | 7);
        Writer::begin(files, org, id, &[1; 32]).unwrap().finish().unwrap();
        let path = files.path(org, id);
        aged(&path, age, now);
        (id, path)
    }

    /// Another number for every file.
    fn rand_like(files: &Files) -> u64 {
        let folders = inside(&files.folder).into_iter().flat_map(|org| inside(&org));
        u64::try_from(folders.flat_map(|at| inside(&at)).count()).unwrap()
    }

    fn aged(path: &Path, age: Duration, now: SystemTime) {
        fs::File::options().write(true).open(path).unwrap().set_modified(now - age).unwrap();
    }

    #[tokio::test]
    async fn what_no_row_names_is_set_aside_after_a_day_and_goes_after_a_month() {
        let mut bed = Bed::sqlite(&json!({})).await;
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        let (org, now) = (bed.caller.org().id, SystemTime::from(bed.gate.now()));
        let (old, young) = (Duration::from_secs(25 * 3600), Duration::from_secs(3600));
        let customer = bed.make("customer", json!({"name": "文件有限公司", "kind": "company"})).await;
        let customer = Uuid::parse_str(customer["id"].as_str().unwrap()).unwrap();
        let (named, kept) = written(&files, org, old, now);
        let (_, fresh) = written(&files, org, young, now);
        let (lost, orphan) = written(&files, org, old, now);
        let (found, missed) = written(&files, org, old, now);
        let (_, foreign) = written(&files, Uuid::from_u128(9), old, now);
        let incoming = [("a", old), ("b", young)].map(|(name, age)| {
            let path = files.incoming().join(name);
            fs::write(&path, b"x").unwrap();
            aged(&path, age, now);
            path
        });
        let at = bed.gate.now();
        let row = move |id: Uuid| attachment::Model {
            org_id: org,
            id,
            version: 1,
            touched: "{}".into(),
            owner_id: None,
            team_id: None,
            created_at: at,
            updated_at: at,
            created_by: None,
            deleted_at: Some(at),
            deleted_with: None,
            custom: None,
            custom_sealed: None,
            shared_with: None,
            record_kind: "customer".into(),
            record_id: customer,
            customer_id: customer,
            name: "a.txt".into(),
            name_norm: "a.txt".into(),
            name_sort: "a.txt".into(),
            media_type: "text/plain".into(),
            size: 0,
        };
        let insert = async |id: Uuid| {
            let row = row(id).into_active_model();
            let write = async move |db: &engine::Tx| -> Result<(), Failure> {
                attachment::Entity::insert(row.clone()).exec_without_returning(db).await?;
                Ok(())
            };
            bed.gate.write_raw(write).await.unwrap();
        };
        insert(named).await;
        assert_eq!(sweep_in(&bed.gate, &files, 8).await.unwrap(), 1, "another folder's turn: what was not finished");
        assert_eq!(sweep_in(&bed.gate, &files, 7).await.unwrap(), 2);
        assert!(kept.exists(), "a deleted record keeps its file");
        assert!(fresh.exists(), "its row may not be there yet");
        assert!(foreign.exists(), "an organisation that is not known here");
        assert!(!orphan.exists() && !incoming[0].exists() && incoming[1].exists());
        assert_eq!(sweep_in(&bed.gate, &files, 7).await.unwrap(), 0);
        // The database that names it is back.
        insert(found).await;
        bed.tick(29 * 24);
        assert_eq!(sweep_in(&bed.gate, &files, 8).await.unwrap(), 1, "the other one that was not finished");
        assert!(files.found_aside(org, lost).is_some() && files.found_aside(org, found).is_some());
        bed.tick(2 * 24);
        assert_eq!(sweep_in(&bed.gate, &files, 8).await.unwrap(), 1);
        assert!(files.found_aside(org, lost).is_none() && !orphan.exists(), "nobody asked for it for a month");
        assert!(missed.exists(), "what is named again comes back");
        assert_eq!(inside(&files.folder.join("unnamed")), Vec::<PathBuf>::new(), "nor is a folder left");
        bed.end().await;
    }
}
