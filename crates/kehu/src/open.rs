//! Opening the data: its folder, its key, its database.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use kehu_store::backup;
use kehu_store::clock::Clock;
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::crypto::keyfile::create_key_file;
use kehu_store::engine::EngineOptions;
use kehu_store::files::Files;
use kehu_store::{Gate, GateOptions, HourlyLimits};

use crate::Failed;
use crate::alone::Alone;
use crate::config::Data;

/// Name of the SQLite file in the data folder.
const DATABASE: &str = "kehu.db";
/// Name of the key file beside the data folder.
const KEY_FILE: &str = "kehu.key";

/// An opened installation.
pub(crate) struct Opened {
    /// The door to the data.
    pub(crate) gate: Gate,
    /// The key file, if it was made just now.
    pub(crate) new_key: Option<PathBuf>,
    /// That no other server runs on the folder; not asked on PostgreSQL, nor by a command beside a server.
    pub(crate) alone: Option<Alone>,
}

/// Opens data that is there already: a command beside a server makes no installation of its own.
pub(crate) async fn open_existing(data: &Data) -> Result<Opened, Failed> {
    if url(data).is_none() && !data.data.join(DATABASE).exists() {
        return Err(Failed::Configuration(format!(
            "there is no database in {}: name the folder of the data with --data, or start `kehu serve` there first",
            data.data.display()
        )));
    }
    open(data, &folder(&data.data)?, None).await
}

/// Opens data for a server, where no other one serves them: makes the folder and the key where they may be made.
pub(crate) async fn open_to_serve(data: &Data) -> Result<Opened, Failed> {
    let folder = folder(&data.data)?;
    let alone = if url(data).is_none() { Some(Alone::in_folder(&folder)?) } else { None };
    if alone.is_some() {
        // A restore that was killed may have left somebody in it who was erased.
        backup::remove_database(&restoring(&folder.join(DATABASE))).map_err(anyhow::Error::new)?;
    }
    open(data, &folder, alone).await
}

/// Migrates and opens.
async fn open(data: &Data, folder: &Path, alone: Option<Alone>) -> Result<Opened, Failed> {
    let url = url(data);
    let place = match url {
        Some(url) => {
            EngineOptions::postgres(url).map_err(|error| Failed::Configuration(format!("--database-url: {error}")))?
        }
        None => EngineOptions::sqlite(folder.join(DATABASE)),
    };
    let may_make = url.is_none() && !folder.join(DATABASE).exists();
    let (keys, new_key) = key(data, folder, may_make)?;
    let gate = gate(data, place, keys, Files::of(folder)).await?;
    Ok(Opened { gate, new_key, alone })
}

async fn gate(data: &Data, place: EngineOptions, keys: LocalKeys, files: Files) -> Result<Gate, Failed> {
    let Data { read_limit: reads, reveal_limit: reveals, seal_limit, .. } = *data;
    let limits = HourlyLimits { reads, reveals };
    let options = GateOptions { place, keys: Arc::new(keys), clock: Clock::system(), limits, seal_limit, files };
    Ok(Gate::open(options).await.context("the database cannot be opened")?)
}

/// Opens a database file of the folder that nobody serves yet.
pub(crate) async fn open_file(data: &Data, file: &Path, keys: LocalKeys) -> Result<Gate, Failed> {
    let files = Files::of(file.parent().unwrap_or(Path::new(".")));
    gate(data, EngineOptions::sqlite(file), keys, files).await
}

/// The SQLite file of a folder, whether it is there or not, and the key that there is.
pub(crate) fn file_and_key(data: &Data) -> Result<(PathBuf, LocalKeys), Failed> {
    if !is_embedded(data) {
        return Err(Failed::Configuration(
            "a PostgreSQL database is copied by its own means (pg_dump, pg_restore); what was erased goes with `kehu \
             erasures export` and `kehu erasures replay`"
                .to_owned(),
        ));
    }
    let folder = folder(&data.data)?;
    let (keys, _) = key(data, &folder, false)?;
    Ok((folder.join(DATABASE), keys))
}

/// The copy that a restore works on.
pub(crate) fn restoring(file: &Path) -> PathBuf {
    backup::beside(file, ".restoring")
}

/// Whether the data is a SQLite file in the folder.
pub(crate) fn is_embedded(data: &Data) -> bool {
    url(data).is_none()
}

/// The URL of PostgreSQL, where that is used.
fn url(data: &Data) -> Option<&str> {
    data.database_url.as_deref().filter(|url| !url.trim().is_empty())
}

/// The data folder, made for its owner only if it is not there.
fn folder(path: &Path) -> Result<PathBuf, Failed> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path).and_then(|()| path.canonicalize());
    let folder = made.map_err(|error| Failed::Configuration(format!("data folder {}: {error}", path.display())))?;
    let mode = fs::metadata(&folder).map(|folder| folder.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        tracing::warn!("the data folder is open to other users of this machine: chmod 700");
    }
    Ok(folder)
}

/// The key, and its file if it was made just now: `KEHU_KEK`, else the file. One is made only where nothing is sealed
/// yet, never where another server may share the database.
fn key(data: &Data, folder: &Path, may_make: bool) -> Result<(LocalKeys, Option<PathBuf>), Failed> {
    let told = |error: kehu_store::crypto::kek::KeyError| Failed::Configuration(error.to_string());
    if let Some(text) = data.kek.as_deref().filter(|text| !text.trim().is_empty()) {
        return Ok((LocalKeys::from_text(text).map_err(told)?, None));
    }
    let file = match &data.kek_file {
        Some(file) => file.clone(),
        None => folder.parent().map(|parent| parent.join(KEY_FILE)).ok_or_else(|| {
            Failed::Configuration("the data folder has no folder around it for the key: give --kek-file".to_owned())
        })?,
    };
    if file.exists() {
        return Ok((LocalKeys::from_file(&file, Some(folder)).map_err(told)?, None));
    }
    if !may_make {
        return Err(Failed::Configuration(no_key(data, &file)));
    }
    Ok((create_key_file(&file, Some(folder)).map_err(told)?, Some(file)))
}

fn no_key(data: &Data, file: &Path) -> String {
    let file = file.display();
    if data.database_url.is_some() {
        format!(
            "there is no key file {file}, and on PostgreSQL none is made by itself, because every server needs the \
             same one. Make one with `kehu keys new`, keep a copy apart from the data, and give it to every server as \
             KEHU_KEK or with --kek-file"
        )
    } else {
        format!(
            "the database is sealed, and its key file {file} is not there. Bring it back, or name it with --kek-file: \
             another key cannot open the data"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(folder: &Path, url: Option<&str>) -> Data {
        Data {
            data: folder.join("data"),
            database_url: url.map(str::to_owned),
            kek_file: None,
            kek: None,
            read_limit: 0,
            seal_limit: kehu_store::keys::SEAL_LIMIT,
            reveal_limit: 0,
        }
    }

    #[test]
    fn a_key_is_made_beside_new_data_and_found_again() {
        let around = tempfile::tempdir().unwrap();
        let data = data(around.path(), None);
        let folder = folder(&data.data).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let (_, made) = key(&data, &folder, true).unwrap();
        assert_eq!(made.unwrap().file_name().unwrap(), "kehu.key");
        assert!(around.path().join("kehu.key").exists());
        assert!(key(&data, &folder, false).unwrap().1.is_none());
    }

    #[test]
    fn no_key_is_made_where_something_is_sealed_or_shared() {
        let around = tempfile::tempdir().unwrap();
        let mut data = data(around.path(), None);
        let folder = folder(&data.data).unwrap();
        let refused = key(&data, &folder, false).unwrap_err().to_string();
        assert!(refused.contains("Bring it back"), "{refused}");
        data.database_url = Some("postgres://localhost/kehu".to_owned());
        let refused = key(&data, &folder, false).unwrap_err().to_string();
        assert!(refused.contains("kehu keys new") && refused.contains("--kek-file"), "{refused}");
        assert!(!around.path().join("kehu.key").exists());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let around = tempfile::tempdir().unwrap();
        let mut data = data(around.path(), None);
        let folder = folder(&data.data).unwrap();
        key(&data, &folder, true).unwrap();
        data.kek = Some("mine:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned());
        assert_eq!(format!("{:?}", key(&data, &folder, false).unwrap().0), "LocalKeys(mine)");
        data.kek = Some(" ".to_owned());
        assert_ne!(format!("{:?}", key(&data, &folder, false).unwrap().0), "LocalKeys(mine)");
    }
}
