//! Counts of a long list, on both engines.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, ExprTrait as _, SqliteQueryBuilder};
use sea_orm::{ConnectionTrait as _, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::super::read::col;
use super::super::selected::Selected;
use super::{Count, CountIs, Counted, MAX_COUNT, estimate, exact};
use crate::dialect::statement;
use crate::engine::{self, Engine};
use crate::failure::Failure;
use crate::people::tests::bed::on_both;

const MANY: u32 = 40_000;
const ORG: Uuid = Uuid::from_u128(0x0190_a3c4_7e1b_7c3d_8f00_5b1f_0c2d_3e4f);

/// An id whose bytes look random, the same in every run.
fn id(at: u32) -> Uuid {
    Uuid::from_slice(&Sha256::digest(at.to_be_bytes())[..16]).unwrap()
}

/// Customers of an organisation: every fourth one lost.
async fn fill(engine: &Engine, many: u32) {
    let columns = "org_id, id, version, touched, created_at, updated_at, number, name, name_norm, name_sort, initial, \
                   kind, stage, tag_ids, last_follow_up_at, next_follow_up_at, flags";
    let row = format!("({})", vec!["?"; 17].join(", "));
    let done: Result<(), Failure> = engine
        .write(async move |tx: &engine::Tx| {
            let time: DateTime<Utc> = DateTime::UNIX_EPOCH;
            for chunk in (0..many).collect::<Vec<_>>().chunks(500) {
                let sql =
                    format!("INSERT INTO customers ({columns}) VALUES {}", vec![row.as_str(); chunk.len()].join(", "));
                let values = chunk.iter().flat_map(|at| {
                    let stage = if at % 4 == 0 { "lost" } else { "active" };
                    let number = format!("{at}");
                    let values: [Value; 17] = [
                        ORG.into(),
                        id(*at).into(),
                        1_i64.into(),
                        "{}".into(),
                        time.into(),
                        time.into(),
                        number.into(),
                        "甲".into(),
                        "甲".into(),
                        "jia".into(),
                        "J".into(),
                        "company".into(),
                        stage.into(),
                        Vec::<u8>::new().into(),
                        time.into(),
                        time.into(),
                        "".into(),
                    ];
                    values
                });
                tx.execute_raw(statement(tx, &sql, values)).await?;
            }
            Ok(())
        })
        .await;
    done.unwrap();
}

fn selected(stage: &str) -> Selected {
    let living = Cond::all().add(col("org_id").eq(ORG)).add(col("deleted_at").is_null());
    let condition = living.clone().add(col("stage").eq(stage));
    Selected::all_of(living, condition)
}

async fn counted(engine: &Engine, how: Count, stage: &str, seen: u64) -> Counted {
    let selected = selected(stage);
    match how {
        Count::Exact => exact(engine, "customers", &selected).await.unwrap(),
        _ => estimate(engine, "customers", &selected, seen).await.unwrap(),
    }
}

#[tokio::test]
async fn a_long_list_is_counted_to_a_bound_or_by_a_sample() {
    on_both(|bed| async move {
        let engine = bed.gate.engine();
        fill(engine, MANY).await;
        let most = counted(engine, Count::Exact, "active", 0).await;
        assert_eq!(most, Counted { n: MAX_COUNT, is: CountIs::AtLeast });
        assert_eq!(counted(engine, Count::Exact, "lost", 0).await, Counted::exactly(10_000));
        // Within five standard errors: of a sample of one in 64.
        for (stage, there) in [("active", 30_000_f64), ("lost", 10_000.0)] {
            let Counted { n, is } = counted(engine, Count::Estimate, stage, 0).await;
            let error = 5.0 * (63.0 * there).sqrt();
            assert_eq!(is, CountIs::Estimate);
            assert!((f64::from(u32::try_from(n).unwrap()) - there).abs() < error, "{stage}: {n}, not {there}");
        }
        // At least what was seen.
        assert_eq!(counted(engine, Count::Estimate, "partner", 51).await, Counted { n: 51, is: CountIs::Estimate });
    })
    .await;
}

#[tokio::test]
async fn a_short_list_is_counted_whole() {
    on_both(|bed| async move {
        let engine = bed.gate.engine();
        fill(engine, 1_000).await;
        assert_eq!(counted(engine, Count::Estimate, "active", 51).await, Counted::exactly(750));
        assert_eq!(counted(engine, Count::Estimate, "partner", 0).await, Counted::exactly(0));
    })
    .await;
}

/// SQLite has no statistics to choose by: it is led to the sample by how its index is made.
#[tokio::test]
async fn the_sample_has_an_index_of_its_own() {
    on_both(|bed| async move {
        let engine = bed.gate.engine();
        let Some(path) = bed.sqlite() else { return };
        let db = rusqlite::Connection::open(path).unwrap();
        for table in ["customers", "contacts", "follow_ups", "notes", "attachments"] {
            let living = selected("lost").living;
            let selected = Selected::all_of(living.clone(), living);
            let sql = super::of_sample(engine, table, &selected).to_string(SqliteQueryBuilder);
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(plan[0].contains(&format!("{table}_sample")), "{plan:?}");
        }
    })
    .await;
}
