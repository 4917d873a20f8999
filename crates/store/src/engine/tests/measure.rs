//! Figures, not a test: `cargo test -p kehu-store -- --ignored --nocapture measure`.

use std::time::Instant;

use sea_orm::EntityTrait;

use super::{
    bed::{insert, postgres, sqlite},
    schema::{Entity, thing},
};
use crate::engine::Engine;

async fn inserts(engine: &Engine, clients: usize, each: usize) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for number in 0..each {
                    insert(&engine, thing(&format!("{clients} {client} {number}"))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let micros = start.elapsed().as_secs_f64() * 1e6;
    let writes = u32::try_from(clients * each).unwrap();
    micros / f64::from(writes)
}

#[tokio::test]
#[ignore = "prints figures"]
async fn measure() {
    for bed in [Some(sqlite().await), postgres().await].into_iter().flatten() {
        let id = insert(&bed.engine, thing("read")).await.unwrap();
        println!("{:?}", bed.engine.kind());
        println!("  insert, 1 client: {:.0} µs each", inserts(&bed.engine, 1, 500).await);
        println!("  insert, 64 clients: {:.0} µs each", inserts(&bed.engine, 64, 100).await);
        let start = Instant::now();
        for _ in 0..5000 {
            Entity::find_by_id(id).one(&bed.engine).await.unwrap().unwrap();
        }
        println!("  get by id: {:.0} µs each", start.elapsed().as_secs_f64() * 1e6 / 5000.0);
        println!("  {:?}", bed.engine.stats());
        bed.end().await;
    }
}
