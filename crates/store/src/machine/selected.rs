//! What a question selects: conditions that every statement over it has, and the parts of the caller's reach.

use kehu_domain::filter::Filter;
use kehu_domain::record::Kind;
use kehu_domain::rights::Action;
use sea_orm::sea_query::{Cond, Expr, ExprTrait};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::policy;
use crate::query::{self, Compiler};
use crate::sealed_query;
use crate::search::Words;

use super::read::col;

/// The living records of a kind that a question selects.
pub(crate) struct Selected {
    /// That they are the organisation's, and living.
    pub(crate) living: Cond,
    /// What the filter says they are like, that included.
    pub(crate) filtered: Cond,
    /// What they are like, with the words of `q` too. The reach is not in it.
    pub(crate) condition: Cond,
    /// The words of `q`.
    pub(crate) words: Words,
    /// The parts of the caller's reach, each of which walks an index of its own.
    pub(crate) branches: Vec<Option<Expr>>,
    /// Whether a condition selects few of them by an index of its own.
    pub(crate) few: bool,
}

impl Selected {
    /// Looks up what has to be known first, and compiles a filter and the words of `q`.
    ///
    /// # Errors
    /// The kind is not the caller's to read, or too many records hold a sealed value.
    pub(crate) async fn by(
        caller: &Caller,
        kind: &'static Kind,
        filter: &Filter,
        q: Option<&str>,
    ) -> Result<Self, Failure> {
        let reach = caller.reach(Action::Read, kind.name)?;
        let sealed = sealed_query::resolve(caller, kind, filter).await?;
        let filter = sealed.opened(filter);
        let narrowed = query::narrow(caller, kind, &filter, q).await?;
        let named = narrowed.among.is_some();
        let compiler = Compiler { db: caller.db(), caller, kind, sealed: &sealed, named, brought: false };
        let living = Cond::all().add(col("org_id").eq(caller.org().id)).add(col("deleted_at").is_null());
        let mut filtered = living.clone().add(compiler.compile(&filter));
        if let Some(ids) = narrowed.among {
            filtered = filtered.add(col("id").is_in(padded(ids)));
        }
        let condition = filtered.clone().add(narrowed.words.condition(caller, kind));
        let branches = policy::branches(caller, kind, reach);
        Ok(Self { living, filtered, condition, words: narrowed.words, branches, few: narrowed.few })
    }

    /// Those of them that fulfil other conditions in the place of the words.
    pub(crate) fn with(&self, condition: Cond) -> Self {
        let filtered = self.filtered.clone();
        let condition = filtered.clone().add(condition);
        let (living, branches) = (self.living.clone(), self.branches.clone());
        Self { living, filtered, condition, words: Words::default(), branches, few: self.few }
    }

    /// The caller's whole reach as one condition.
    pub(crate) fn reach(&self) -> Cond {
        let parts: Option<Vec<Expr>> = self.branches.iter().cloned().collect();
        match parts {
            // Of no part nothing is within reach.
            Some(parts) if parts.is_empty() => Cond::all().add(Expr::val(1).eq(0)),
            Some(parts) => parts.into_iter().fold(Cond::any(), Cond::add),
            None => Cond::all(),
        }
    }
}
