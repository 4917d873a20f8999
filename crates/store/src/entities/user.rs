//! Users.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub touched: String,
    pub owner_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub created_by: Option<Uuid>,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_with: Option<Uuid>,
    pub custom: Option<String>,
    pub custom_sealed: Option<Vec<u8>>,
    pub name: String,
    pub name_norm: String,
    pub name_sort: String,
    pub initial: String,
    pub email: Option<Vec<u8>>,
    pub mobile: Option<Vec<u8>>,
    pub user_name: Option<Vec<u8>>,
    pub role: Option<String>,
    pub other_roles: String,
    pub disabled: bool,
    pub password_hash: Option<String>,
    pub password_changed_at: Option<DateTimeUtc>,
    pub must_change_password: bool,
    pub last_login_at: Option<DateTimeUtc>,
    pub last_login_address: Option<Vec<u8>>,
    pub failed_since: Option<DateTimeUtc>,
}

impl Model {
    /// Keys of every role of the user.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        roles_of(self.role.as_deref(), &self.other_roles)
    }
}

/// Keys of roles, as two columns hold them: the first, and further ones with spaces between them.
pub(crate) fn roles_of<'r>(role: Option<&'r str>, others: &'r str) -> impl Iterator<Item = &'r str> {
    role.into_iter().chain(others.split_whitespace())
}

crate::engine::rows::row!(Model {
    org_id,
    id,
    version,
    touched,
    owner_id,
    team_id,
    created_at,
    updated_at,
    created_by,
    deleted_at,
    deleted_with,
    custom,
    custom_sealed,
    name,
    name_norm,
    name_sort,
    initial,
    email,
    mobile,
    user_name,
    role,
    other_roles,
    disabled,
    password_hash,
    password_changed_at,
    must_change_password,
    last_login_at,
    last_login_address,
    failed_since,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
