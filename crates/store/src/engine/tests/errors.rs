use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set, Statement};
use uuid::Uuid;

use super::{
    bed::{count, insert, on_both},
    schema::{ActiveModel, Column, Entity, thing},
};
use crate::engine::{Engine, EngineError};

#[tokio::test]
async fn violated_rules_have_the_same_names_on_both_engines() {
    on_both(async |engine: Engine| {
        let id = insert(&engine, ActiveModel { number_or: Set(Some(1)), ..thing("a") }).await.unwrap();
        for (row, name) in [
            (thing("a"), "uq_thing_name"),
            (ActiveModel { id: Set(id), ..thing("b") }, "thing_pkey"),
            (ActiveModel { number_or: Set(Some(1)), ..thing("c") }, "thing_number_or_key"),
        ] {
            match insert(&engine, row).await.unwrap_err() {
                EngineError::Unique { constraint } => assert_eq!(constraint.as_deref(), Some(name)),
                other => panic!("{name}: {other}"),
            }
        }
        let orphan = ActiveModel { parent_id: Set(Some(Uuid::now_v7())), ..thing("d") };
        assert!(matches!(insert(&engine, orphan).await, Err(EngineError::ForeignKey)));
        let negative = ActiveModel { number: Set(-1), ..thing("e") };
        assert!(matches!(insert(&engine, negative).await, Err(EngineError::Check)));
        insert(&engine, ActiveModel { parent_id: Set(Some(id)), ..thing("child") }).await.unwrap();
        let deleted = engine
            .write(async move |tx| Ok::<_, EngineError>(Entity::delete_by_id(id).exec(tx).await?.rows_affected))
            .await;
        assert!(matches!(deleted, Err(EngineError::ForeignKey)), "{deleted:?}");
        assert_eq!(count(&engine).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_swallowed_error_is_not_a_success() {
    on_both(async |engine: Engine| {
        insert(&engine, thing("a")).await.unwrap();
        let result = engine
            .write(async |tx| {
                Entity::insert(thing("b")).exec(tx).await?;
                let _ = Entity::insert(thing("a")).exec(tx).await;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(matches!(result, Err(EngineError::Misuse(_))), "{result:?}");
        let result = engine
            .write(async |tx| {
                let _ = Entity::insert(thing("a")).exec(tx).await;
                Entity::insert(thing("b")).exec(tx).await?;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(matches!(result, Err(EngineError::Misuse(_))), "{result:?}");
        assert_eq!(count(&engine).await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_attempt_undoes_its_own_changes_only() {
    on_both(async |engine: Engine| {
        let outcome = engine
            .write(async |tx| {
                Entity::insert(thing("a")).exec(tx).await?;
                let failed = tx
                    .attempt(async |tx| {
                        Entity::insert(thing("undone")).exec(tx).await?;
                        Entity::insert(thing("a")).exec(tx).await?;
                        Ok::<_, EngineError>(())
                    })
                    .await;
                let swallowed = tx
                    .attempt(async |tx| {
                        let _ = Entity::insert(thing("a")).exec(tx).await;
                        Ok::<_, EngineError>(())
                    })
                    .await;
                let nested = tx.attempt(async |tx| tx.attempt(async |_| Ok::<_, EngineError>(())).await).await;
                tx.attempt(async |tx| {
                    Entity::insert(thing("b")).exec(tx).await?;
                    Ok::<_, EngineError>(())
                })
                .await?;
                Ok::<_, EngineError>((failed, swallowed, nested))
            })
            .await
            .unwrap();
        assert!(matches!(outcome.0, Err(EngineError::Unique { .. })), "{outcome:?}");
        assert!(matches!(outcome.1, Err(EngineError::Misuse(_))), "{outcome:?}");
        assert!(matches!(outcome.2, Err(EngineError::Misuse(_))), "{outcome:?}");
        assert_eq!(count(&engine).await, 2);
    })
    .await;
}

#[tokio::test]
async fn transactions_are_not_ended_by_text() {
    on_both(async |engine: Engine| {
        for sql in ["COMMIT", " rollback", "-- note\nEND", "SAVEPOINT x", "BEGIN", ";COMMIT"] {
            let result = engine
                .write(async move |tx| {
                    Entity::insert(thing("a")).exec(tx).await?;
                    tx.execute_unprepared(sql).await?;
                    Ok::<_, EngineError>(())
                })
                .await;
            assert!(matches!(result, Err(EngineError::Misuse(_))), "{sql}: {result:?}");
            assert_eq!(count(&engine).await, 0, "{sql}");
        }
        // Nor behind another statement.
        let result = engine
            .write(async |tx| {
                tx.execute_unprepared("DELETE FROM thing; COMMIT").await?;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(result.is_err());
    })
    .await;
}

#[tokio::test]
async fn nothing_can_be_written_through_a_read() {
    on_both(async |engine: Engine| {
        let id = insert(&engine, thing("a")).await.unwrap();
        let backend = engine.get_database_backend();
        for sql in [
            "UPDATE thing SET number = 1 RETURNING number",
            "DELETE FROM thing RETURNING number",
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('x', 1) RETURNING version",
        ] {
            let error = engine.query_all_raw(Statement::from_string(backend, sql)).await.unwrap_err();
            assert!(matches!(EngineError::from(error), EngineError::Misuse(_)), "{sql}");
        }
        let error = Entity::delete_by_id(id).exec(&engine).await.unwrap_err();
        assert!(matches!(EngineError::from(error), EngineError::Misuse(_)));
        assert!(engine.execute_unprepared("DELETE FROM thing").await.is_err());
        let left = Entity::find().filter(Column::Number.eq(0)).all(&engine).await.unwrap();
        assert_eq!(left.len(), 1);
    })
    .await;
}
