//! Merges that a job is still about.

use super::*;
use crate::dialect::statement;
use crate::engine;
use crate::intake::tests::bed::{Bed, id};
use sea_orm::ConnectionTrait as _;

fn job_of(merged: &Merged) -> Uuid {
    match merged {
        Merged::Job(answer) => answer.id.unwrap(),
        Merged::Done(_) => panic!("it was done at once"),
    }
}

#[tokio::test]
async fn while_a_job_merges_a_tag_it_is_merged_into_no_other_one() {
    for mut bed in Bed::each(&json!({})).await {
        let mut tags = Vec::new();
        for name in ["旧词", "新词", "另一词"] {
            tags.push(id(&bed.make("tag", json!({"name": name})).await));
        }
        let (from, org) = (tags[0], bed.caller.org().id);
        let write = async move |tx: &engine::Tx| {
            for record in 0..=u128::from(AT_ONCE) {
                let sql = "INSERT INTO tag_links (org_id, tag_id, kind, record_id) VALUES (?, ?, 'customer', ?)";
                let values = [org, from, Uuid::from_u128(record)].map(sea_orm::Value::from);
                tx.execute_raw(statement(tx, sql, values)).await?;
            }
            Ok(())
        };
        bed.gate.write_raw(write).await.unwrap();
        let job = job_of(&merge(&bed.caller, from, tags[1]).await.unwrap());
        assert_eq!(job_of(&merge(&bed.caller, from, tags[1]).await.unwrap()), job, "the same");
        let elsewhere = merge(&bed.caller, from, tags[2]).await.err();
        assert!(matches!(elsewhere, Some(Failure::MergingElsewhere(into)) if into == tags[1]), "{elsewhere:?}");
        queue::cancel(&bed.caller, job).await.unwrap();
        assert_ne!(job_of(&merge(&bed.caller, from, tags[2]).await.unwrap()), job);
        bed.end().await;
    }
}
