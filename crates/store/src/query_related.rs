//! Conditions on related records, by the index that leads from a record to them.

use kehu_domain::filter::{POINTS_BACK, Related};
use kehu_domain::rights::{Action, Reach};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

use crate::dialect;
use crate::machine::read::col;
use crate::pii::padded;
use crate::policy;
use crate::query::Compiler;

impl<C: ConnectionTrait> Compiler<'_, C> {
    /// That one of the related records which the caller may read fits. Where a sealed value selects few of them, they
    /// lead to the records; else every record leads to its few related ones.
    pub(crate) fn related(&self, related: &Related) -> Expr {
        let (relation, to) = (related.relation, related.relation.to);
        let leads = related.filter.asks_sealed_equality();
        let inner = Compiler { kind: to, brought: !leads, unled: &[], ..*self };
        let (own, theirs) = match relation.by {
            Some(by) => (by, "id"),
            None => ("id", POINTS_BACK),
        };
        let mut query = Query::select();
        query
            .from(Alias::new(to.path))
            .and_where(col("org_id").eq(self.caller.org().id))
            .and_where(col("deleted_at").is_null())
            .cond_where(inner.compile(&related.filter));
        let reach = self.caller.rights().reach(Action::Read, to.name);
        if let Some(within) = inner.within(reach) {
            query.and_where(within);
        }
        if leads {
            let found = col(own).in_subquery(query.column(Alias::new(theirs)).to_owned());
            // A reference that is missing leads nowhere, and is not unknown.
            return if relation.by.is_some() { col(own).is_not_null().and(found) } else { found };
        }
        let own = Expr::col((Alias::new(self.kind.path), Alias::new(own)));
        Expr::exists(query.expr(Expr::val(1)).and_where(col(theirs).eq(own)).to_owned())
    }

    /// A condition that a record is within a reach; none where everything is. No index is walked by it.
    pub(crate) fn within(&self, reach: Reach) -> Option<Expr> {
        policy::parts(self.caller, self.kind, reach).held()
    }

    /// The id of a record; where it was brought by another one, no index is walked by it.
    pub(crate) fn id(&self) -> Expr {
        if self.brought { dialect::unindexed(self.db, "id") } else { col("id") }
    }

    /// Records of those ids.
    pub(crate) fn among(&self, ids: Vec<Uuid>) -> Expr {
        if ids.is_empty() { Expr::val(1).eq(0) } else { self.id().is_in(padded(ids)) }
    }
}
