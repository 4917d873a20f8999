//! The history of one record.

use serde_json::json;

use super::bed::{Bed, change, entries, history, make, on_both, sql};
use crate::gate::Gate;
use crate::journal::{Flaw, Verdict};

async fn verify(gate: &Gate, org: uuid::Uuid, record: uuid::Uuid) -> Verdict {
    gate.verify_record(org, record).await.unwrap()
}

#[tokio::test]
async fn a_record_is_verified_by_itself() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        let [one, other] = history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        change(&caller, one, json!({"grade": "a"})).await;
        let verdict = verify(&bed.gate, org, one).await;
        assert_eq!((verdict.is_sound(), verdict.entries, verdict.unclosed), (true, 5, 1), "{verdict:?}");
        // Nobody's, and another organisation's, are empty.
        for (org, record) in [(org, uuid::Uuid::from_u128(5)), (crate::org::INSTALLATION, one)] {
            assert_eq!(verify(&bed.gate, org, record).await, Verdict::default());
        }
        let of = entries(&bed.gate, org).await.into_iter().filter(|entry| entry.record_id == Some(one));
        let seqs: Vec<i64> = of.map(|entry| entry.seq).collect();
        sql(&bed.gate, "CREATE TABLE journal_copy AS SELECT * FROM journal", vec![]).await.unwrap();
        let (third, open) = (seqs[2], seqs[5]);
        for (text, seq, flaw, at) in [
            ("UPDATE journal SET changed = 'x' WHERE seq = ?", third, Flaw::Changed, third),
            ("UPDATE journal SET changed = 'x' WHERE seq = ?", open, Flaw::Changed, open),
            ("UPDATE journal SET body = NULL WHERE seq = ?", third, Flaw::BodyRemoved, third),
            ("UPDATE journal SET body = commitment WHERE seq = ?", open, Flaw::BodyChanged, open),
            ("DELETE FROM journal WHERE seq = ?", seqs[0], Flaw::Removed, seqs[1]),
            ("DELETE FROM journal WHERE seq = ?", third, Flaw::Removed, seqs[3]),
            ("UPDATE journal SET seq = 1 WHERE seq = ?", third, Flaw::Moved, 1),
            ("UPDATE journal SET seq = seq + 1000 WHERE seq = ?", seqs[1], Flaw::Moved, seqs[2]),
        ] {
            // A place of its own for what is moved.
            sql(&bed.gate, "DELETE FROM journal WHERE seq = 1 AND ? <> 1", vec![seq.into()]).await.unwrap();
            assert_eq!(sql(&bed.gate, text, vec![seq.into()]).await.unwrap(), 1, "{text}");
            let broken = verify(&bed.gate, org, one).await.broken.unwrap();
            assert_eq!((broken.flaw, broken.seq), (flaw, Some(at)), "{text}");
            assert!(verify(&bed.gate, org, other).await.is_sound());
            sql(&bed.gate, "DELETE FROM journal", vec![]).await.unwrap();
            sql(&bed.gate, "INSERT INTO journal SELECT * FROM journal_copy", vec![]).await.unwrap();
        }
        // The newest one, which nothing but the record itself tells of.
        sql(&bed.gate, "DELETE FROM journal WHERE seq = ?", vec![open.into()]).await.unwrap();
        let broken = verify(&bed.gate, org, one).await.broken.unwrap();
        assert_eq!((broken.flaw, broken.seq), (Flaw::Removed, None));
        sql(&bed.gate, "DELETE FROM journal", vec![]).await.unwrap();
        sql(&bed.gate, "INSERT INTO journal SELECT * FROM journal_copy", vec![]).await.unwrap();
        sql(&bed.gate, "DELETE FROM journal_stretches WHERE org_id = ?", vec![org.into()]).await.unwrap();
        assert_eq!(verify(&bed.gate, org, one).await.broken.unwrap().flaw, Flaw::StretchRemoved);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn erased_values_are_no_flaw() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        let record = make(&caller, "广州南风科技有限公司").await;
        bed.gate.close_journal().await.unwrap();
        bed.gate.erase_history(org, "customer", record, "asked for").await.unwrap();
        let verdict = verify(&bed.gate, org, record).await;
        assert_eq!((verdict.is_sound(), verdict.erased, verdict.entries, verdict.unclosed), (true, 1, 1, 1));
        bed.gate.close().await;
    })
    .await;
}
