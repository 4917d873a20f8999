use uuid::Uuid;

use crate::crypto::cell;
use crate::crypto::roots::Purpose;
use crate::dialect::statement;
use crate::engine::EngineError;
use crate::entities::customer as rows;
use crate::failure::Failure;
use crate::gate::{Caller, Gate};
use crate::journal::Entry;
use crate::keys::begin::make_primary;
use crate::keys::guard::lane;
use crate::machine::{self, WriteOptions, resource};
use crate::org::INSTALLATION;
use crate::sealed::customer::WECHAT;
use crate::tx::Tx;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::json;
use sqlx::Connection as _;

use super::bed::*;

/// An update through a server that has not looked at the organisation since.
async fn change(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    let body = json!({"wechat": "wx-new"});
    machine::update(caller, resource("customer").unwrap(), id, body, &WriteOptions::default()).await.map(drop)
}

async fn root_of(gate: &Gate, org: Uuid, id: Uuid) -> Option<u32> {
    let row = rows::Entity::find_by_id((org, id)).one(gate.engine()).await.unwrap().unwrap();
    cell::key_id(&row.wechat.unwrap())
}

/// The clock stands still, so the second server never looks by itself: as if it had been stopped for the time.
#[tokio::test]
async fn a_server_that_knows_nothing_of_a_rotation_seals_nothing_under_the_old_root() {
    on_both(|bed: Bed| async move {
        let first = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), first.org().id);
        let id = customer(&first, 1).await;
        let second = bed.second().await;
        let verified = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap().verified;
        let late = second.user(verified, Default::default()).await.unwrap();
        change(&late, id).await.unwrap();
        assert_eq!(root_of(&gate, org, id).await, Some(1));
        gate.rotate_keys(org).await.unwrap();
        make_primary(&gate, org, Purpose::Enc, 2).await.unwrap();
        let write = async || {
            late.write(async move |tx: &Tx<'_>| {
                let cell = tx.caller().ring().seal(WECHAT, id, b"wx-newer")?;
                let sql = "UPDATE customers SET wechat = ? WHERE id = ?";
                tx.db().execute_raw(statement(tx.db(), sql, [cell.into(), id.into()])).await?;
                tx.log(Entry::admin("test", None));
                Ok(())
            })
            .await
        };
        match write().await {
            // Looked at when the transaction began.
            Ok(()) => assert!(bed.sqlite().is_some()),
            // Looked at with the commit.
            Err(failure) => {
                assert!(matches!(failure, Failure::Engine(EngineError::Busy)), "{failure:?}");
                assert!(bed.postgres().is_some());
                assert_eq!(root_of(&gate, org, id).await, Some(1));
                write().await.unwrap();
            }
        }
        assert_eq!(root_of(&gate, org, id).await, Some(2));
        second.close().await;
        gate.close().await;
    })
    .await;
}

/// A server that knows of the new root never fails for it.
#[tokio::test]
async fn a_server_that_knows_of_a_rotation_is_not_disturbed() {
    on_both(|bed: Bed| async move {
        let first = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), first.org().id);
        let id = customer(&first, 1).await;
        gate.rotate_keys(org).await.unwrap();
        let second = bed.second().await;
        let verified = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap().verified;
        let late = second.user(verified, Default::default()).await.unwrap();
        assert!(late.ring().is_about_to_change());
        make_primary(&gate, org, Purpose::Enc, 2).await.unwrap();
        change(&late, id).await.unwrap();
        assert_eq!(root_of(&gate, org, id).await, Some(2));
        second.close().await;
        gate.close().await;
    })
    .await;
}

/// Whoever changes people holds the organisation's row, and a part of the lock that making a root primary waits for.
#[tokio::test]
async fn nobody_waits_for_a_row_that_a_rotation_holds() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        let Some(options) = bed.postgres() else { return gate.close().await };
        gate.rotate_keys(org).await.unwrap();
        let mut writer = sqlx::PgConnection::connect_with(&options).await.unwrap();
        let shared = format!("SELECT pg_advisory_xact_lock_shared({})", lane(org));
        for sql in ["BEGIN", &shared] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut writer).await.unwrap();
        }
        let people = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            let sql = format!("UPDATE organisations SET state = state + 1 WHERE id = '{org}'; COMMIT");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut writer).await
        };
        let (made, changed) = tokio::join!(make_primary(&gate, org, Purpose::Enc, 2), people);
        made.unwrap();
        changed.unwrap();
        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "active"), (2, "primary")]));
        writer.close().await.unwrap();
        gate.close().await;
    })
    .await;
}

/// A server that was not told finds out by itself.
#[tokio::test]
async fn a_refused_commit_has_the_keys_read_anew() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        let id = customer(&caller, 1).await;
        gate.rotate_keys(org).await.unwrap();
        gate.ring(org).await.unwrap();
        let silent = async move |db: &crate::engine::Tx| {
            for (state, root) in [("active", 1_i64), ("primary", 2)] {
                let sql = "UPDATE tenant_keys SET state = ? WHERE org_id = ? AND purpose = 'enc' AND key_id = ?";
                db.execute_raw(statement(db, sql, [state.into(), org.into(), root.into()])).await?;
            }
            Ok(())
        };
        gate.write_raw(silent).await.unwrap();
        change(&caller, id).await.unwrap();
        assert_eq!(root_of(&gate, org, id).await, Some(2));
        gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_root_never_becomes_primary_again() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        gate.rotate_keys(org).await.unwrap();
        for root in [2, 1, 2] {
            make_primary(&gate, org, Purpose::Enc, root).await.unwrap();
            assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "active"), (2, "primary")]));
        }
        gate.close().await;
    })
    .await;
}

/// Under load somebody always points to a user: such a row is not passed over, or the end would never come.
#[tokio::test]
async fn rows_that_others_point_to_are_rewritten() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let (gate, org) = (bed.gate.clone(), caller.org().id);
        customer(&caller, 1).await;
        let Some(options) = bed.postgres() else { return gate.close().await };
        let mut pointing = sqlx::PgConnection::connect_with(&options).await.unwrap();
        for sql in ["BEGIN", "SELECT id FROM users FOR KEY SHARE", "SELECT id FROM customers FOR KEY SHARE"] {
            sqlx::raw_sql(sql).execute(&mut pointing).await.unwrap();
        }
        gate.rotate_keys(org).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        gate.reindex_keys(INSTALLATION).await.unwrap();
        assert_eq!(run(&bed).await, "done");
        pointing.close().await.unwrap();
        gate.close().await;
    })
    .await;
}
