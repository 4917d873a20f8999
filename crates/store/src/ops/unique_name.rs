//! Names that stand once in an organisation: tags, teams.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::text::normalise;
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::failure::Failure;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

/// Refuses a name that another living record of the kind has.
pub(crate) async fn check<R: Rows>(tx: &Tx<'_>, name: &str, own: Option<Uuid>) -> Result<(), Failure> {
    let row = R::Entity::find()
        .filter(Expr::col(Alias::new("org_id")).eq(tx.org_id()))
        .filter(Expr::col(Alias::new("name_norm")).eq(normalise(name)))
        .filter(Expr::col(Alias::new("deleted_at")).is_null())
        .one(tx.db())
        .await?;
    let taken = match row {
        Some(row) => R::from_row(row, &Opener(tx.caller().ring()))?.0.base.id,
        None => return Ok(()),
    };
    if own == Some(taken) {
        return Ok(());
    }
    Err(Failure::refused("/name", Flaw::new(&codes::NAME_TAKEN).with("value", name)))
}
