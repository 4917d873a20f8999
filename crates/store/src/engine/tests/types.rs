use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Set, Statement, entity::prelude::*,
};

use super::{
    bed::{insert, is_sqlite, on_both},
    schema::{self, Column, Entity, Model, thing},
};
use crate::engine::{Engine, EngineError, Kind};

fn time(seconds: i64, nanos: u32) -> DateTimeUtc {
    DateTimeUtc::from_timestamp(seconds, nanos).unwrap()
}

fn full() -> Model {
    Model {
        id: Uuid::now_v7(),
        parent_id: None,
        name: "上海客户 'quoted' \u{1F600}".to_owned(),
        number: i64::MAX,
        flag: true,
        ratio: 0.1,
        data: vec![0, 255, 39, 0],
        doc: serde_json::json!({"b": [1, null, "x"], "a": {"deep": 1.5}}),
        at: time(1_800_000_000, 123_999_999),
        name_or: Some(String::new()),
        number_or: Some(0),
        flag_or: Some(false),
        ratio_or: Some(-1.0e300),
        data_or: Some(Vec::new()),
        doc_or: Some(serde_json::json!("text")),
        at_or: Some(time(-1, 999_999_999)),
    }
}

/// What both engines keep of it.
fn kept(mut model: Model) -> Model {
    model.at = time(1_800_000_000, 123_000_000);
    model.at_or = Some(time(-1, 999_000_000));
    model
}

#[tokio::test]
async fn every_type_reads_back_and_null_stays_null() {
    on_both(async |engine: Engine| {
        let one = full();
        insert(&engine, one.clone().into_active_model().reset_all()).await.unwrap();
        assert_eq!(Entity::find_by_id(one.id).one(&engine).await.unwrap(), Some(kept(one.clone())));

        let empty = thing("empty");
        let id = insert(&engine, empty).await.unwrap();
        let read = Entity::find_by_id(id).one(&engine).await.unwrap().unwrap();
        let nothing = (read.parent_id, read.name_or, read.number_or, read.flag_or);
        assert_eq!(nothing, (None, None, None, None));
        assert_eq!((read.ratio_or, read.data_or, read.doc_or, read.at_or), (None, None, None, None));
    })
    .await;
}

#[tokio::test]
async fn returning_gives_the_same_row() {
    on_both(async |engine: Engine| {
        let one = full();
        let row = one.clone().into_active_model().reset_all();
        let returned = engine
            .write(async move |tx| Ok::<_, EngineError>(Entity::insert(row).exec_with_returning(tx).await?))
            .await
            .unwrap();
        assert_eq!(returned, kept(one.clone()));
        let updated = engine
            .write(async move |tx| {
                let mut row = returned.into_active_model();
                row.flag_or = Set(None);
                row.number = Set(7);
                Ok::<_, EngineError>(row.update(tx).await?)
            })
            .await
            .unwrap();
        assert_eq!((updated.flag_or, updated.number, updated.at), (None, 7, kept(one).at));
    })
    .await;
}

#[tokio::test]
async fn conditions_compare_as_the_types_do() {
    on_both(async |engine: Engine| {
        // 2001-09-09 is where the milliseconds get another digit: as texts they would sort the other way round.
        for (name, seconds) in [("old", 999_999_999), ("new", 1_000_000_000), ("before 1970", -1)] {
            let row = schema::ActiveModel { at: Set(time(seconds, 0)), ..thing(name) };
            insert(&engine, row).await.unwrap();
        }
        let all = Entity::find().order_by_asc(Column::At).all(&engine).await.unwrap();
        let names: Vec<&str> = all.iter().map(|thing| thing.name.as_str()).collect();
        assert_eq!(names, ["before 1970", "old", "new"]);
        // A bound time is cut to milliseconds as a stored one is.
        let same = Entity::find().filter(Column::At.eq(time(999_999_999, 999))).all(&engine).await.unwrap();
        assert_eq!(same.len(), 1);
        let some = Entity::find().filter(Column::Flag.eq(false)).limit(2).offset(1).all(&engine).await.unwrap();
        assert_eq!(some.len(), 2);
        let by_id =
            Entity::find().filter(Column::Id.is_in(all.iter().map(|thing| thing.id))).all(&engine).await.unwrap();
        assert_eq!(by_id.len(), 3);
    })
    .await;
}

#[derive(Debug, FromQueryResult)]
struct Summary {
    #[sea_orm(from_alias = "last__ms")]
    last: Option<DateTimeUtc>,
    #[sea_orm(from_alias = "first__uuid")]
    first: Option<Uuid>,
    #[sea_orm(from_alias = "longest__text")]
    longest: Option<String>,
    rows: i64,
}

#[tokio::test]
async fn an_expression_carries_its_type_in_its_alias() {
    on_both(async |engine: Engine| {
        let query = Entity::find()
            .select_only()
            .column_as(Column::At.max(), Kind::Millis.alias("last"))
            .column_as(Expr::cust("(SELECT id FROM thing ORDER BY name LIMIT 1)"), Kind::Uuid.alias("first"))
            .column_as(Column::Name.max(), Kind::Text.alias("longest"))
            .column_as(Column::Id.count(), "rows");
        let none = query.clone().into_model::<Summary>().one(&engine).await.unwrap().unwrap();
        assert_eq!((none.last, none.first, none.longest, none.rows), (None, None, None, 0));
        let id = insert(&engine, schema::ActiveModel { at: Set(time(5, 0)), ..thing("a") }).await.unwrap();
        let one = query.into_model::<Summary>().one(&engine).await.unwrap().unwrap();
        assert_eq!((one.last, one.first, one.longest, one.rows), (Some(time(5, 0)), Some(id), Some("a".to_owned()), 1));
    })
    .await;
}

#[tokio::test]
async fn what_sqlite_cannot_tell_is_an_error() {
    on_both(async |engine: Engine| {
        if !is_sqlite(&engine) {
            return;
        }
        insert(&engine, thing("a")).await.unwrap();
        for (sql, word) in [
            ("SELECT max(name) AS longest FROM thing", "mapping"),
            ("SELECT id, id FROM thing", "one name"),
            ("SELECT id FROM thing WHERE name = ?", "driver"),
        ] {
            let query = Statement::from_string(DbBackend::Sqlite, sql);
            let error = EngineError::from(engine.query_all_raw(query).await.unwrap_err());
            assert!(error.to_string().contains(word), "{sql}: {error}");
        }
    })
    .await;
}
