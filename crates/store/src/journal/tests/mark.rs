//! Several writers at once, on PostgreSQL: who commits last may stand first.

use std::collections::BTreeSet;
use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::bed::{Bed, entries, history, make, on_both, verify};
use crate::gate::Gate;
use crate::journal::reader;

/// An entry of another organisation: the chain that is verified here is left alone.
const COPY: &str = "INSERT INTO journal (org_id, id, at, class, outcome, event, actor_kind, via, request_id, version, \
                    changed, commitment) SELECT gen_random_uuid(), id, at, class, outcome, event, actor_kind, via, \
                    request_id, version, changed, commitment FROM journal LIMIT 1";

async fn run(session: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await.unwrap();
}

#[tokio::test]
async fn nothing_is_read_before_it_is_complete() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        let last = entries(&bed.gate, org).await.last().unwrap().seq;
        // An own change is seen at once.
        assert_eq!(bed.gate.settled().await.unwrap(), last);
        let Some(options) = bed.postgres() else { return bed.gate.close().await };
        let mut slow = PgConnection::connect_with(&options).await.unwrap();
        // Its entry is the first thing that it writes.
        run(&mut slow, &format!("BEGIN; {COPY}")).await;
        make(&caller, "广州南风科技有限公司").await;
        let newer = entries(&bed.gate, org).await.last().unwrap().seq;
        assert_eq!(newer, last + 2);
        assert_eq!(bed.gate.settled().await.unwrap(), last);
        assert!(bed.gate.journal_lag().places >= 2);
        // Who reads to the mark does not meet the entry that is ahead of an open one.
        let read = reader::headers(bed.gate.engine(), last, bed.gate.settled().await.unwrap(), 10).await.unwrap();
        assert!(read.is_empty());
        // One who asks again and again, and is killed in between, has read nothing of it either.
        let second = bed.second().await;
        assert_eq!(second.settled().await.unwrap(), 0);
        drop(second);
        run(&mut slow, "COMMIT").await;
        assert_eq!(bed.gate.settled().await.unwrap(), newer);
        assert_eq!((bed.gate.journal_lag().places, bed.gate.journal_lag().waited), (0, Duration::ZERO));
        // One that is given up leaves a gap, and nobody waits for it; nor for one that writes no entry, or reads them.
        run(&mut slow, &format!("BEGIN; {COPY}; ROLLBACK")).await;
        run(&mut slow, "BEGIN; CREATE TABLE elsewhere (a integer); SELECT count(*) FROM journal").await;
        make(&caller, "成都锦程贸易有限公司").await;
        let newest = entries(&bed.gate, org).await.last().unwrap().seq;
        assert_eq!((newest, bed.gate.settled().await.unwrap()), (newer + 2, newest));
        run(&mut slow, "ROLLBACK; DELETE FROM journal WHERE mac = ''").await;
        bed.gate.close_journal().await.unwrap();
        assert!(verify(&bed.gate, org).await.is_sound());
        slow.close().await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

/// How many ask at once.
const MANY: u64 = 200;

/// What each of many is told.
async fn settled_for_many(gate: &Gate) -> BTreeSet<i64> {
    let mut asking = JoinSet::new();
    for _ in 0..MANY {
        let gate = gate.clone();
        asking.spawn(async move { gate.settled().await.unwrap() });
    }
    asking.join_all().await.into_iter().collect()
}

/// How often the database is asked where many ask before the first of them looks. Pauses take no part: how many
/// share a look after one is a matter of how fast this machine is.
async fn looks_of_many(gate: &Gate) -> u64 {
    let (mark, before) = (gate.mark(), gate.mark().looks());
    let held = mark.hold().await;
    let mut asking: Vec<_> = (0..MANY).map(|_| Box::pin(mark.is_settled_since(before, gate.engine()))).collect();
    let waits = poll_fn(|context| Poll::Ready(asking.iter_mut().all(|ask| ask.as_mut().poll(context).is_pending())));
    assert!(waits.await);
    drop(held);
    for ask in asking {
        assert!(!ask.await.unwrap());
    }
    mark.looks() - before
}

#[tokio::test]
async fn many_who_ask_at_once_share_what_is_found() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        history(&caller).await;
        let last = bed.gate.settled().await.unwrap();
        let Some(options) = bed.postgres() else { return bed.gate.close().await };
        let mut slow = PgConnection::connect_with(&options).await.unwrap();
        run(&mut slow, &format!("BEGIN; {COPY}")).await;
        make(&caller, "广州南风科技有限公司").await;
        let newer = entries(&bed.gate, caller.org().id).await.last().unwrap().seq;
        assert_eq!(settled_for_many(&bed.gate).await, BTreeSet::from([last]));
        assert_eq!(looks_of_many(&bed.gate).await, 1);
        run(&mut slow, "COMMIT").await;
        assert_eq!(settled_for_many(&bed.gate).await, BTreeSet::from([newer]));
        slow.close().await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_state_of_the_database_is_read_on() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        history(&caller).await;
        let before = bed.gate.settled().await.unwrap();
        let Some(options) = bed.postgres() else { return bed.gate.close().await };
        let mut session = PgConnection::connect_with(&options).await.unwrap();
        // As after a restore that this server did not notice: places are given again.
        run(&mut session, "DELETE FROM journal WHERE seq > 3; SELECT setval('journal_order', 3)").await;
        assert_eq!(bed.gate.settled().await.unwrap(), 3);
        let mut slow = PgConnection::connect_with(&options).await.unwrap();
        run(&mut slow, &format!("BEGIN; {COPY}")).await;
        let customer: Uuid = make(&caller, "成都锦程贸易有限公司").await;
        assert_eq!(bed.gate.settled().await.unwrap(), 3);
        run(&mut slow, "COMMIT").await;
        let settled = bed.gate.settled().await.unwrap();
        assert!(settled < before);
        let read = reader::headers(bed.gate.engine(), 3, settled, 10).await.unwrap();
        assert_eq!(read.iter().map(|header| header.record_id).collect::<Vec<_>>(), [None, Some(customer)]);
        bed.gate.close().await;
    })
    .await;
}
