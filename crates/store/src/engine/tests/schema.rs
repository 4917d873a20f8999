//! A table with a column of every type, made by the schema builder as it is.

use sea_orm::{DatabaseExecutor, DbErr, Set, entity::prelude::*};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager,
    prelude::{ColumnDef, ExprTrait, ForeignKey, ForeignKeyAction, Index, Table},
};

/// Every column type twice: required and nullable.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thing")]
pub(super) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(super) id: Uuid,
    pub(super) parent_id: Option<Uuid>,
    pub(super) name: String,
    pub(super) number: i64,
    pub(super) flag: bool,
    pub(super) ratio: f64,
    pub(super) data: Vec<u8>,
    pub(super) doc: Json,
    pub(super) at: DateTimeUtc,
    pub(super) name_or: Option<String>,
    pub(super) number_or: Option<i64>,
    pub(super) flag_or: Option<bool>,
    pub(super) ratio_or: Option<f64>,
    pub(super) data_or: Option<Vec<u8>>,
    pub(super) doc_or: Option<Json>,
    pub(super) at_or: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A row with this name and nothing in what may be empty.
pub(super) fn thing(name: &str) -> ActiveModel {
    ActiveModel {
        id: Set(Uuid::now_v7()),
        name: Set(name.to_owned()),
        number: Set(0),
        flag: Set(false),
        ratio: Set(0.0),
        data: Set(Vec::new()),
        doc: Set(serde_json::json!({})),
        at: Set(DateTimeUtc::UNIX_EPOCH),
        ..Default::default()
    }
}

pub(super) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Base)]
    }
}

pub(super) fn migrate(
    db: DatabaseExecutor<'_>,
) -> std::pin::Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + '_>> {
    Box::pin(Migrator::up(db, None))
}

struct Base;

impl MigrationName for Base {
    fn name(&self) -> &'static str {
        "m1_base"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Base {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create();
        table
            .table("thing")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("parent_id").uuid())
            .col(ColumnDef::new("name").text().not_null())
            .col(ColumnDef::new("number").big_integer().not_null().check(Expr::col("number").gte(0)))
            .col(ColumnDef::new("flag").boolean().not_null())
            .col(ColumnDef::new("ratio").double().not_null())
            .col(ColumnDef::new("data").blob().not_null())
            .col(ColumnDef::new("doc").json_binary().not_null())
            .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
            .col(ColumnDef::new("name_or").string_len(200))
            .col(ColumnDef::new("number_or").big_integer().unique_key())
            .col(ColumnDef::new("flag_or").boolean())
            .col(ColumnDef::new("ratio_or").double())
            .col(ColumnDef::new("data_or").var_binary(200))
            .col(ColumnDef::new("doc_or").json())
            .col(ColumnDef::new("at_or").timestamp_with_time_zone())
            .foreign_key(
                ForeignKey::create()
                    .name("fk_parent")
                    .from("thing", "parent_id")
                    .to("thing", "id")
                    .on_delete(ForeignKeyAction::Restrict),
            );
        manager.create_table(table).await?;
        let mut index = Index::create();
        index.name("uq_thing_name").table("thing").col("name").unique();
        manager.create_index(index).await
    }
}
