//! What a question selects: conditions that every statement over it has, and the parts of the caller's reach.

use kehu_domain::filter::Filter;
use kehu_domain::record::Kind;
use kehu_domain::rights::{Action, Reach};
use sea_orm::sea_query::{Cond, Expr, ExprTrait};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::policy;
use crate::query::{self, Compiler};
use crate::sealed_query;
use crate::search::Words;

use super::read::col;

/// The records of a kind that a question selects: the living ones, where it does not ask for deleted ones too.
pub(crate) struct Selected {
    /// That they are the organisation's, and living where only those are asked for.
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
        Self::which(caller, kind, (filter, q), false).await
    }

    /// The same of deleted records too, as far as the caller may delete such.
    ///
    /// # Errors
    /// As [`Self::by`].
    pub(crate) async fn with_deleted(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<Self, Failure> {
        Self::which(caller, kind, (filter, None), true).await
    }

    async fn which(
        caller: &Caller,
        kind: &'static Kind,
        (filter, q): (&Filter, Option<&str>),
        deleted: bool,
    ) -> Result<Self, Failure> {
        let reach = caller.reach(Action::Read, kind.name)?;
        let sealed = sealed_query::resolve(caller, kind, filter).await?;
        let filter = sealed.opened(filter);
        // What leads to few records leads to living ones.
        let narrowed =
            if deleted { query::Narrowed::default() } else { query::narrow(caller, kind, &filter, q).await? };
        let named = deleted || narrowed.among.is_some();
        let compiler = Compiler { db: caller.db(), caller, kind, sealed: &sealed, named, brought: false };
        let living = Cond::all().add(col("org_id").eq(caller.org().id));
        let living = if deleted { living } else { living.add(col("deleted_at").is_null()) };
        let mut filtered = living.clone().add(compiler.compile(&filter));
        if let Some(ids) = narrowed.among {
            filtered = filtered.add(col("id").is_in(padded(ids)));
        }
        let condition = filtered.clone().add(narrowed.words.condition(caller, kind));
        let branches = policy::branches(caller, kind, reach);
        let branches = if deleted { apart(caller, kind, &branches) } else { branches };
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

/// The parts of a reach, the living and the deleted records of each apart: each walks an index of its own. Of deleted ones
/// those that the caller may delete.
fn apart(caller: &Caller, kind: &Kind, parts: &[Option<Expr>]) -> Vec<Option<Expr>> {
    // Sharing goes as far as changing, never as far as deleting.
    let reach = Reach { shared: false, ..caller.rights().reach(Action::Delete, kind.name) };
    let deletes = policy::branches(caller, kind, reach);
    let deletes: Option<Vec<Expr>> = deletes.into_iter().collect();
    let may = deletes.map(|parts| Expr::from(parts.into_iter().fold(Cond::any(), Cond::add)));
    let within = |which: Expr, part: &Option<Expr>| part.iter().fold(which, |which, part| which.and(part.clone()));
    let living = parts.iter().map(|part| Some(within(col("deleted_at").is_null(), part)));
    let deleted = parts.iter().map(|part| {
        let which = within(col("deleted_at").is_not_null(), part);
        Some(may.iter().fold(which, |which, may| which.and(may.clone())))
    });
    living.chain(deleted).collect()
}
