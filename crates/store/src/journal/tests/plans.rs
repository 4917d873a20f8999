//! Which index SQLite walks: it has no statistics, and the journal is the largest table there is.

use rusqlite::Connection;
use sea_orm::{DbBackend, QueryTrait};
use tempfile::TempDir;
use uuid::Uuid;

use super::bed::{Bed, on_both};
use crate::entities::journal;
use crate::journal::audit::{newest_path, written_path};
use crate::journal::known::{ADMIN, OF_RECORD};
use crate::journal::question::{Asked, Place};
use crate::journal::verify_record::HISTORY;
use crate::queue::tests::plans::plan;

#[tokio::test]
async fn a_part_of_a_page_walks_one_index_in_its_order() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let Some(database) = bed.sqlite().map(|file| Connection::open(file).unwrap()) else {
            return bed.gate.close().await;
        };
        for (condition, value, newest) in [
            ("kind", "customer", "journal_entry (org_id=? AND id>?)"),
            ("changed", "grade", "journal_entry (org_id=? AND id>?)"),
            ("class", "change", "journal_entry (org_id=? AND id>?)"),
            ("class", "security", "journal_notable (org_id=? AND class=? AND id>?)"),
            ("outcome", "denied", "journal_refused (org_id=? AND outcome=? AND id>?)"),
            ("actor_id", "01a2008d-7400-7d38-840d-2cd2d888e8b1", "journal_actor (org_id=? AND actor_id=? AND id>?)"),
        ] {
            let asked = vec![(format!("filter[{condition}]"), value.to_owned())];
            let asked = Asked::read(&caller, asked).unwrap();
            let (path, rest) = newest_path(&caller, &asked);
            let found =
                plan(&database, &path.part(&rest, Some(Place::Id(Uuid::nil())), 51).build(DbBackend::Sqlite).sql);
            assert_eq!(found, format!("SEARCH journal USING INDEX {newest}"), "{condition}");
            let (path, rest) = written_path(&caller, &asked, 0, 100);
            let found = plan(&database, &path.part(&rest, Some(Place::Seq(50)), 51).build(DbBackend::Sqlite).sql);
            let order = "SEARCH journal USING INDEX journal_feed (org_id=? AND seq>? AND seq<?)";
            assert_eq!(found, order, "{condition}");
        }
        bed.gate.close().await;
    })
    .await;
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
        let sql = format!("{} WHERE org_id = ? {rest}", crate::engine::rows::select::<journal::Entity>());
        let plan = plan(&database, &sql);
        assert!(plan.contains(&format!("USING INDEX {index}")), "{rest}: {plan}");
    }
    drop(database);
    engine.close().await;
}
