//! Killed with SIGKILL in the middle of writing.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use sea_orm::{ConnectionTrait, EntityTrait, Set, Statement};
use tempfile::TempDir;
use uuid::Uuid;

use super::schema::{self, ActiveModel, Entity, thing};
use crate::engine::{Engine, EngineError, EngineOptions};

const FOLDER: &str = "KEHU_TEST_CRASH_FOLDER";

/// The victim: writes a parent and its child in each of 16 writers until killed, and says what was acknowledged.
/// Does nothing when it runs as a test by itself.
#[tokio::test]
async fn victim() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let engine = open(std::path::Path::new(&folder)).await;
    let writers: Vec<_> = (0..16).map(|_| tokio::spawn(write_for_ever(engine.clone()))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_for_ever(engine: Engine) {
    loop {
        let parent = Uuid::now_v7();
        let write = engine.write(async move |tx| {
            let name = parent.to_string();
            Entity::insert(ActiveModel { id: Set(parent), ..thing(&name) }).exec(tx).await?;
            let child = ActiveModel { parent_id: Set(Some(parent)), ..thing(&format!("child of {name}")) };
            Entity::insert(child).exec(tx).await?;
            Ok::<_, EngineError>(())
        });
        write.await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acknowledged {parent}").unwrap();
        out.flush().unwrap();
    }
}

async fn open(folder: &std::path::Path) -> Engine {
    Engine::open(EngineOptions::sqlite(folder.join("test.db")), schema::migrate).await.unwrap()
}

#[tokio::test]
async fn every_acknowledged_write_survives_a_kill_whole_and_once() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..5 {
        acknowledged.extend(kill_after(folder.path(), 100 + 70 * round));
        let engine = open(folder.path()).await;
        check(&engine, &acknowledged).await;
        engine.close().await;
    }
    assert!(acknowledged.len() >= 500, "{}", acknowledged.len());
}

/// Runs the victim until it has acknowledged so many, and kills it; everything it could still say counts.
fn kill_after(folder: &std::path::Path, writes: usize) -> Vec<Uuid> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::tests::crash::victim", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ids = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        ids.extend(line.strip_prefix("acknowledged ").and_then(|id| Uuid::parse_str(id).ok()));
        if ids.len() >= writes && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(!child.wait().unwrap().success(), "the victim ended by itself");
    ids
}

async fn check(engine: &Engine, acknowledged: &HashSet<Uuid>) {
    let all = Entity::find().all(engine).await.unwrap();
    let parents: HashSet<Uuid> = all.iter().filter(|row| row.parent_id.is_none()).map(|row| row.id).collect();
    let children: Vec<Uuid> = all.iter().filter_map(|row| row.parent_id).collect();
    let lost: Vec<&Uuid> = acknowledged.difference(&parents).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert_eq!(children.len(), parents.len(), "half a write");
    assert_eq!(children.iter().copied().collect::<HashSet<_>>(), parents);
    let sql = "SELECT integrity_check AS found__text FROM pragma_integrity_check";
    let found = engine.query_all_raw(Statement::from_string(engine.get_database_backend(), sql)).await.unwrap();
    let found: Vec<String> = found.iter().map(|row| row.try_get("", "found__text").unwrap()).collect();
    assert_eq!(found, ["ok"]);
}
