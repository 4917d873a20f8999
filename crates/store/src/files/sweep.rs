//! Deleting files that no row names: what a crash left, and what an erasure did not get to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::pii::padded;

use super::{Files, apart, failure};

/// How long a file may be there before its row is: an upload that is under way ends before that.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// Files that are looked up together.
const TOGETHER: usize = 200;

/// A file that is old enough to have a row.
struct Found {
    org: Uuid,
    id: Uuid,
    path: PathBuf,
}

/// Deletes files without a row that are older than a day, and what was never finished. Folders of organisations that
/// the database does not know are left alone: somebody may have named the wrong database.
///
/// # Errors
/// The database or the file system is away; what was deleted until then is.
pub(crate) async fn sweep(gate: &Gate) -> Result<u64, Failure> {
    sweep_in(gate, gate.files()).await
}

async fn sweep_in(gate: &Gate, files: &Files) -> Result<u64, Failure> {
    let before = SystemTime::from(gate.now()).checked_sub(GRACE).unwrap_or(SystemTime::UNIX_EPOCH);
    let (mut deleted, found) = {
        let files = files.clone();
        apart(move || old(&files, before)).await?.map_err(|error| failure(&error))?
    };
    for part in found.chunk_by(|one, next| one.org == next.org).flat_map(|of_org| of_org.chunks(TOGETHER)) {
        let Some(org) = part.first().map(|one| one.org) else { continue };
        if !is_known(gate, org).await? {
            continue;
        }
        let named = named(gate, org, part.iter().map(|one| one.id).collect()).await?;
        let gone: Vec<PathBuf> =
            part.iter().filter(|one| !named.contains(&one.id)).map(|one| one.path.clone()).collect();
        deleted += apart(move || gone.iter().filter(|path| fs::remove_file(path).is_ok()).count()).await?;
    }
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// Deletes what was never finished, and finds the files that are old enough.
fn old(files: &Files, before: SystemTime) -> io::Result<(usize, Vec<Found>)> {
    let mut deleted = 0;
    for path in inside(&files.incoming())? {
        if is_older(&path, before) && fs::remove_file(&path).is_ok() {
            deleted += 1;
        }
    }
    let mut found = Vec::new();
    for of_org in inside(&files.folder)? {
        let Some(org) = id_of(&of_org) else { continue };
        for spread in inside(&of_org)? {
            for path in inside(&spread)? {
                if let Some(id) = id_of(&path).filter(|_| is_older(&path, before)) {
                    found.push(Found { org, id, path });
                }
            }
        }
    }
    Ok((deleted, found))
}

/// What is in a folder; nothing where there is none.
fn inside(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
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
        u64::try_from(
            inside(&files.folder)
                .unwrap()
                .iter()
                .flat_map(|org| inside(org).unwrap())
                .flat_map(|at| inside(&at).unwrap())
                .count(),
        )
        .unwrap()
    }

    fn aged(path: &Path, age: Duration, now: SystemTime) {
        fs::File::options().write(true).open(path).unwrap().set_modified(now - age).unwrap();
    }

    #[tokio::test]
    async fn what_no_row_names_goes_after_a_day() {
        let mut bed = Bed::sqlite(&json!({})).await;
        let data = tempfile::tempdir().unwrap();
        let files = Files::of(data.path());
        let (org, now) = (bed.caller.org().id, SystemTime::from(bed.gate.now()));
        let (old, young) = (Duration::from_secs(25 * 3600), Duration::from_secs(3600));
        let customer = bed.make("customer", json!({"name": "文件有限公司", "kind": "company"})).await;
        let customer = Uuid::parse_str(customer["id"].as_str().unwrap()).unwrap();
        let (named, kept) = written(&files, org, old, now);
        let (_, fresh) = written(&files, org, young, now);
        let (_, orphan) = written(&files, org, old, now);
        let (_, foreign) = written(&files, Uuid::from_u128(9), old, now);
        let incoming = [("a", old), ("b", young)].map(|(name, age)| {
            let path = files.incoming().join(name);
            fs::write(&path, b"x").unwrap();
            aged(&path, age, now);
            path
        });
        let at = bed.gate.now();
        let row = attachment::Model {
            org_id: org,
            id: named,
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
        let insert = async move |db: &engine::Tx| -> Result<(), Failure> {
            attachment::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
            Ok(())
        };
        bed.gate.write_raw(insert).await.unwrap();
        assert_eq!(sweep_in(&bed.gate, &files).await.unwrap(), 2);
        assert!(kept.exists(), "a deleted record keeps its file");
        assert!(fresh.exists(), "its row may not be there yet");
        assert!(foreign.exists(), "an organisation that is not known here");
        assert!(!orphan.exists() && !incoming[0].exists() && incoming[1].exists());
        assert_eq!(sweep_in(&bed.gate, &files).await.unwrap(), 0);
        bed.end().await;
    }
}
