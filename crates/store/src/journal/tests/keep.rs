//! What goes with time.

use chrono::{Datelike, Months};
use sea_orm::EntityTrait;

use super::bed::{Bed, entries, history, make, on_both, sql, verify};
use crate::entities::journal;
use crate::journal::{EXPIRED, Flaw, Keep};

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
        let tables = crate::journal::months::tables(&bed.gate).await.unwrap();
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
        let mut session = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
        let (there,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {name}")))
            .fetch_one(&mut session)
            .await
            .unwrap();
        assert_eq!(there, 1);
        // When its time has come the month goes as a whole.
        bed.wait(3700 * DAY);
        bed.gate.keep_journal(keep).await.unwrap();
        assert!(!crate::journal::months::tables(&bed.gate).await.unwrap().contains(&name));
        assert!(verify(&bed.gate, org).await.is_sound());
        bed.gate.close().await;
    })
    .await;
}
