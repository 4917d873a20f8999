//! A database on a disk that can be broken, a group of writes on it, and what must be true afterwards.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, Statement};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use super::{
    bed::{insert, quick},
    disk::Disk,
    schema::{self, ActiveModel, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions, Tx};

/// The error that a write fails with by itself.
const OWN: EngineError = EngineError::Misuse("on purpose");

/// The writes of the group, in this order.
const WRITES: [&str; 8] = ["first", "bad", "panicking", "gone", "attempting", "double", "big", "last"];

/// How a write ended for its caller.
#[derive(Debug)]
pub(super) enum End {
    Done,
    Refused(EngineError),
    /// By its own error or panic, or its caller went away.
    Own,
}

pub(super) type Ends = BTreeMap<&'static str, End>;

/// A database on a disk that can be broken.
pub(super) struct Stage {
    folder: TempDir,
    pub(super) path: PathBuf,
    pub(super) disk: Arc<Disk>,
    pub(super) engine: Engine,
}

impl Stage {
    /// From the files that a killed process left.
    pub(super) async fn from_killed(file: &Path, set: fn(&mut EngineOptions)) -> Self {
        Self::open(file, true, set).await
    }

    /// From the file of a database that is closed.
    pub(super) async fn from(file: &Path, set: fn(&mut EngineOptions)) -> Self {
        Self::open(file, false, set).await
    }

    async fn open(file: &Path, wal: bool, set: fn(&mut EngineOptions)) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().canonicalize().unwrap().join("test.db");
        fs::copy(file, &path).unwrap();
        if wal {
            fs::copy(file.with_extension("db-wal"), path.with_extension("db-wal")).unwrap();
        }
        let disk = Disk::beneath(&path);
        let mut options = quick(EngineOptions::sqlite(&path));
        set(&mut options);
        let engine = Engine::open(options, schema::migrate).await.unwrap();
        Self { folder, path, disk, engine }
    }

    /// The files as they are now, somewhere else: what another process would find if this one ended here.
    pub(super) fn as_killed(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        fs::create_dir(&copy).unwrap();
        fs::copy(&self.path, copy.join("test.db")).unwrap();
        fs::copy(self.path.with_extension("db-wal"), copy.join("test.db-wal")).unwrap();
        copy.join("test.db")
    }
}

/// A closed database with one row.
pub(super) async fn template() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("test.db");
    let engine = Engine::open(quick(EngineOptions::sqlite(&path)), schema::migrate).await.unwrap();
    insert(&engine, thing("old")).await.unwrap();
    engine.close().await;
    (folder, path)
}

/// Two rows that belong together.
async fn pair(tx: &Tx, name: &str) -> Result<(), EngineError> {
    let parent = Entity::insert(thing(name)).exec(tx).await?.last_insert_id;
    let child = ActiveModel { parent_id: Set(Some(parent)), ..thing(&format!("child of {name}")) };
    Entity::insert(child).exec(tx).await?;
    Ok(())
}

/// Writes a pair and ends as the name says.
pub(super) async fn write(engine: Engine, name: &'static str) -> Result<(), EngineError> {
    let job = async move |tx: &Tx| {
        pair(tx, name).await?;
        match name {
            "bad" => Err(OWN),
            "panicking" => panic!("on purpose"),
            "double" => Ok(Entity::insert(thing("old")).exec(tx).await.map(drop)?),
            "big" => {
                let big = ActiveModel { data: Set(vec![7; 60_000]), ..thing("the big one") };
                Ok(Entity::insert(big).exec(tx).await.map(drop)?)
            }
            "attempting" => {
                let attempt = tx.attempt(async |tx| {
                    Entity::insert(thing("undone")).exec(tx).await?;
                    Ok(Entity::insert(thing("old")).exec(tx).await.map(drop)?)
                });
                match attempt.await {
                    Err(EngineError::Unique { .. }) => Ok(()),
                    other => other,
                }
            }
            _ => Ok(()),
        }
    };
    engine.write(job).await
}

/// How it ended, in bounded time.
pub(super) async fn end(task: JoinHandle<Result<(), EngineError>>) -> End {
    match timeout(Duration::from_secs(20), task).await.expect("a write hangs") {
        Ok(Ok(())) => End::Done,
        Ok(Err(EngineError::Misuse("on purpose") | EngineError::Unique { .. })) => End::Own,
        Ok(Err(error)) => End::Refused(error),
        Err(gone) if gone.is_cancelled() || gone.is_panic() => End::Own,
        Err(other) => panic!("{other}"),
    }
}

/// Runs all writes as one group, as far as the disk allows; one caller goes away before its write starts.
pub(super) async fn run(engine: &Engine) -> Ends {
    let (go, wait) = mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let own = engine.clone();
    let held = tokio::spawn(async move {
        let job = async move |tx: &Tx| {
            let _ = started.send(());
            let _ = wait.recv();
            pair(tx, "held").await
        };
        own.write(job).await
    });
    // An error: the group could not even begin.
    let _ = timeout(Duration::from_secs(20), running).await.expect("the writer hangs");
    let tasks: Vec<_> = WRITES.map(|name| (name, tokio::spawn(write(engine.clone(), name)))).into();
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    for (_, task) in tasks.iter().filter(|(name, _)| *name == "gone") {
        task.abort();
    }
    // The receiver may have been refused.
    let _ = go.send(());
    let mut ends = Ends::from([("held", end(held).await)]);
    for (name, task) in tasks {
        ends.insert(name, end(task).await);
    }
    ends
}

/// Nothing half, nothing lost, nothing that was refused. `doubt`: the disk is still broken, and a process that ended
/// there may have left what its callers were told is not known.
pub(super) async fn check(engine: &Engine, ends: &Ends, doubt: bool, what: &str) {
    let rows = Entity::find().all(engine).await.unwrap();
    let names: HashSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.contains("old") && !names.contains("undone"), "{what}: {names:?}");
    for (name, end) in ends {
        let child = format!("child of {name}");
        let there = names.contains(name);
        assert_eq!(there, names.contains(child.as_str()), "{what}: half of {name}");
        assert!(*name != "big" || there == names.contains("the big one"), "{what}: half of {name}");
        match end {
            End::Done => assert!(there, "{what}: {name} is lost"),
            End::Refused(EngineError::Unavailable) if doubt => {}
            End::Refused(error @ (EngineError::Unavailable | EngineError::Full)) => {
                assert!(!there, "{what}: {name} is there, although refused: {error}");
            }
            End::Refused(error) => panic!("{what}: {name} heard: {error}"),
            End::Own => assert!(!there || *name == "gone", "{what}: {name} is there"),
        }
    }
    let sql = "SELECT integrity_check AS found__text FROM pragma_integrity_check";
    let found = engine.query_all_raw(Statement::from_string(engine.get_database_backend(), sql)).await.unwrap();
    let found: Vec<String> = found.iter().map(|row| row.try_get("", "found__text").unwrap()).collect();
    assert_eq!(found, ["ok"], "{what}");
}

/// The same in a database that is closed.
pub(super) async fn check_closed(path: &Path, ends: &Ends, doubt: bool, what: &str) {
    let engine = Engine::open(quick(EngineOptions::sqlite(path)), schema::migrate).await.unwrap();
    check(&engine, ends, doubt, what).await;
    engine.close().await;
}
