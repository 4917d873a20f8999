//! What goes with time.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{Datelike, Months};
use sea_orm::EntityTrait;
use sqlx::{Connection, PgConnection};

use super::bed::{Bed, entries, history, make, on_both, sql, verify};
use crate::entities::journal;
use crate::journal::{EXPIRED, Flaw, Keep, months};

const DAY: i64 = 86_400_000;

#[test]
fn half_a_year_is_the_least() {
    assert!(Keep::days(179).is_err());
    assert!(Keep::days(180).is_ok());
}

#[tokio::test]
async fn whole_months_go_and_the_chain_holds() {
    on_both(|bed: Bed| async move {
        let keep = Keep::days(1096).unwrap();
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        bed.wait(40 * DAY);
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        assert_eq!(bed.gate.keep_journal(keep).await.unwrap().stretches, 0);
        let (first, all) = {
            let all = entries(&bed.gate, org).await;
            (all.iter().filter(|entry| entry.at.month() == all[0].at.month()).count(), all.len())
        };
        assert!(first > 0 && first < all);
        // Not closed is not dropped, however old; so here: the month of the first ones is over three years ago.
        bed.wait(1070 * DAY);
        make(&caller, "广州南风科技有限公司").await;
        let kept = bed.gate.keep_journal(keep).await.unwrap();
        assert_eq!((kept.stretches, bed.entries(EXPIRED).await), (1, 1));
        let left = entries(&bed.gate, org).await;
        assert_eq!(left.len(), all - first + 2);
        let verdict = verify(&bed.gate, org).await;
        assert_eq!((verdict.is_sound(), verdict.expired, verdict.stretches), (true, 1, 1), "{verdict:?}");
        bed.gate.close_journal().await.unwrap();
        assert!(verify(&bed.gate, org).await.is_sound());
        assert_eq!(bed.gate.keep_journal(keep).await.unwrap().stretches, 0);
        // What is not too old is no expiry.
        let drop = "UPDATE journal_stretches SET digests = NULL WHERE org_id = ? AND number = 2";
        sql(&bed.gate, drop, vec![org.into()]).await.unwrap();
        assert_eq!(verify(&bed.gate, org).await.broken.unwrap().flaw, Flaw::Dropped);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn addresses_go_after_half_a_year() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        bed.wait(100 * DAY);
        make(&caller, "广州南风科技有限公司").await;
        bed.wait(81 * DAY);
        bed.gate.close_journal().await.unwrap();
        let with = async || {
            let rows = journal::Entity::find().all(bed.gate.engine()).await.unwrap();
            rows.iter().filter(|row| row.origin.is_some()).count()
        };
        let before = with().await;
        let kept = bed.gate.keep_journal(Keep::days(1096).unwrap()).await.unwrap();
        assert_eq!((with().await, usize::try_from(kept.origins).unwrap()), (1, before - 1));
        assert_eq!(bed.gate.keep_journal(Keep::days(1096).unwrap()).await.unwrap().origins, 0);
        assert!(verify(&bed.gate, org).await.is_sound());
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn months_have_tables_on_postgresql_and_no_clock_loses_an_entry() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        let Some(options) = bed.postgres() else { return bed.gate.close().await };
        let keep = Keep::days(1096).unwrap();
        // The bed's clock need not be the server's: this month stands in the rest.
        history(&caller).await;
        bed.gate.keep_journal(keep).await.unwrap();
        let tables = months::tables(&bed.gate).await.unwrap();
        let next = bed.gate.now().checked_add_months(Months::new(1)).unwrap();
        let name = format!("journal_{:04}_{:02}", next.year(), next.month());
        assert!(tables.contains(&name), "{tables:?}");
        bed.wait(31 * DAY);
        make(&caller, "广州南风科技有限公司").await;
        // Years ahead and back.
        bed.wait(3650 * DAY);
        make(&caller, "成都锦程贸易有限公司").await;
        bed.wait(-3700 * DAY);
        make(&caller, "武汉楚天机电有限公司").await;
        let many = entries(&bed.gate, org).await.len();
        assert_eq!(bed.gate.close_journal().await.unwrap(), u64::try_from(many).unwrap());
        assert!(verify(&bed.gate, org).await.is_sound());
        let mut session = PgConnection::connect_with(&options).await.unwrap();
        let (there,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {name}")))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(there, 1);
        // When its time has come the month goes as a whole.
        bed.wait(3700 * DAY);
        bed.gate.keep_journal(keep).await.unwrap();
        assert!(!months::tables(&bed.gate).await.unwrap().contains(&name));
        assert!(verify(&bed.gate, org).await.is_sound());
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_for_long_keeps_a_month_and_no_writer() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let Some(options) = bed.postgres() else { return bed.gate.close().await };
        let keep = Keep::days(1096).unwrap();
        bed.gate.keep_journal(keep).await.unwrap();
        bed.wait(31 * DAY);
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        let before = months::tables(&bed.gate).await.unwrap();
        // Old enough to go; and months that are to be made.
        bed.wait(1200 * DAY);
        let mut reader = PgConnection::connect_with(&options).await.unwrap();
        for sql in ["BEGIN", "SELECT count(*) FROM journal"] {
            sqlx::raw_sql(sql).execute(&mut reader).await.unwrap();
        }
        let kept = AtomicBool::new(false);
        let writing = async {
            let mut written = 0;
            while !kept.load(Ordering::Relaxed) {
                make(&caller, "广州南风科技有限公司").await;
                written += 1;
            }
            written
        };
        let keeping = async {
            let done = bed.gate.keep_journal(keep).await;
            kept.store(true, Ordering::Relaxed);
            done
        };
        let (done, written) = tokio::join!(keeping, writing);
        // It ends well with the reader there, and between two tries others write.
        assert!(done.unwrap().stretches > 0);
        assert_eq!(months::tables(&bed.gate).await.unwrap(), before);
        assert!(written > 4, "{written}");
        assert!(verify(&bed.gate, caller.org().id).await.is_sound());
        sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        reader.close().await.unwrap();
        bed.gate.keep_journal(keep).await.unwrap();
        let after = months::tables(&bed.gate).await.unwrap();
        assert!(before.iter().any(|month| !after.contains(month)), "{after:?}");
        assert!(after.iter().any(|month| !before.contains(month)), "{after:?}");
        assert!(verify(&bed.gate, caller.org().id).await.is_sound());
        bed.gate.close().await;
    })
    .await;
}
