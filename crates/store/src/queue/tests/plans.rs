use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::engine::EngineOptions;
use crate::queue::claim::HeadColumns;
use crate::queue::set_right::ahead;
use crate::queue::take_back::has_ended;
use crate::queue::{Claims, QUEUED, RUNNING, due};

use super::bed::{Bed, KINDS};

/// What SQLite does for a question, a step in each line.
pub(crate) fn plan(database: &Connection, sql: &str) -> String {
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
async fn sqlite_goes_through_the_index_that_is_meant() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("test.db");
    let bed = Bed::open(EngineOptions::sqlite(&file), 0).await;
    let (db, database) = (bed.gate.engine(), Connection::open(&file).unwrap());
    let claims = Claims::new(&KINDS, 4, Duration::from_secs(1));
    let heads = plan(&database, &claims.heads_sql(db, &[HeadColumns::new(0), HeadColumns::new(1)]));
    let tables = heads.lines().filter(|step| step.contains("SEARCH") || step.contains("SCAN jobs"));
    assert_eq!(tables.clone().count(), 7, "{heads}");
    for step in tables {
        assert!(step.contains("INDEX jobs_due (org_id"), "{heads}");
    }
    for (sql, index) in [
        (format!("SELECT id FROM jobs WHERE {} ORDER BY {QUEUED} LIMIT 1", due(db)), "INDEX jobs_oldest (<expr><?)"),
        (format!("SELECT id FROM jobs WHERE {} LIMIT 1", ahead(db)), "INDEX jobs_ahead (<expr>>?)"),
        (format!("SELECT org_id FROM jobs WHERE {RUNNING}"), "INDEX jobs_running (lease_until>?)"),
        (format!("SELECT id FROM jobs WHERE {RUNNING} AND cancel_asked"), "INDEX jobs_running (lease_until>?)"),
        (
            format!("SELECT id FROM jobs WHERE {RUNNING} AND {} LIMIT 9", has_ended(db)),
            "INDEX jobs_running (lease_until>?)",
        ),
        ("SELECT id FROM jobs WHERE state = 'dead' ORDER BY id LIMIT 9".to_owned(), "INDEX jobs_dead"),
    ] {
        let plan = plan(&database, &sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
