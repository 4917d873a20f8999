//! Which indexes SQLite takes: it has no statistics, and the journal is the largest table there is.

use rusqlite::Connection;
use tempfile::TempDir;

use crate::journal::header::Sealed;
use crate::journal::known::{ADMIN, OF_RECORD};
use crate::journal::verify_record::HISTORY;

fn plan(database: &Connection, sql: &str) -> String {
    let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for at in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(at, 0).unwrap();
    }
    let (mut rows, mut steps) = (statement.raw_query(), Vec::new());
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get::<_, String>("detail").unwrap());
    }
    steps.join("\n")
}

#[tokio::test]
async fn a_verification_reads_what_it_is_about() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    let options = crate::engine::EngineOptions::sqlite(&file);
    let engine = crate::engine::Engine::open(options, |db| {
        Box::pin(async move { <kehu_migrations::Migrator as sea_orm_migration::MigratorTrait>::up(db, None).await })
    });
    let engine = engine.await.unwrap();
    let database = Connection::open(&file).unwrap();
    for (rest, index) in [
        (ADMIN, "journal_notable (org_id=? AND class=?)"),
        (OF_RECORD, "journal_record (org_id=? AND record_id=?)"),
        (HISTORY, "journal_record (org_id=? AND record_id=?"),
        ("AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?", "journal_feed (org_id=? AND seq>? AND seq<?)"),
    ] {
        let sql = format!("{} WHERE org_id = ? {rest}", Sealed::select());
        let plan = plan(&database, &sql);
        assert!(plan.contains(&format!("USING INDEX {index}")), "{rest}: {plan}");
    }
    drop(database);
    engine.close().await;
}
