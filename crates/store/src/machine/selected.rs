//! What a question selects: conditions that every statement over it has, and the parts of the caller's reach.

use kehu_domain::filter::Filter;
use kehu_domain::record::Kind;
use kehu_domain::rights::{Action, Reach};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Cond, Expr, ExprTrait, Query};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::policy::{self, Parts};
use crate::query::{self, Compiler};
use crate::sealed_query;
use crate::search::Words;

use super::lead::{Lead, Question, leads};
use super::read::col;

/// The records of a kind that a question selects: the living ones, where it does not ask for deleted ones too.
#[derive(Clone)]
pub(crate) struct Selected {
    /// That they are the organisation's, and living where only those are asked for.
    pub(crate) living: Cond,
    /// What the filter says they are like, that included. The reach is not in it.
    filtered: Cond,
    /// What the words of `q` say they are like.
    pub(crate) worded: Cond,
    /// The words of `q`.
    pub(crate) words: Words,
    /// Parts of what is selected within reach, each of which walks an index of its own in the order that is asked for. No
    /// record is in two of them. The words are not in them.
    pub(crate) branches: Vec<Branch>,
    /// The same, each led to by what selects the fewest; empty where nothing is counted.
    counted: Vec<Branch>,
    /// The caller's whole reach.
    pub(crate) reach: Cond,
    /// Whether a condition selects few of them by an index of its own.
    pub(crate) few: bool,
}

/// A part of what is selected.
#[derive(Clone)]
pub(crate) struct Branch {
    pub(crate) condition: Cond,
    /// Whether it selects few records, to be brought into order afterwards.
    pub(crate) few: bool,
}

/// What is to be done with what is selected.
#[derive(Clone, Copy)]
pub(crate) struct Use<'u> {
    /// The order of the list.
    pub(crate) sort: Option<&'u str>,
    /// Whether it is counted.
    pub(crate) counts: bool,
}

impl Use<'_> {
    pub(crate) const COUNT: Self = Self { sort: None, counts: true };
    pub(crate) const GROUP: Self = Self { sort: None, counts: false };
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
        to: Use<'_>,
    ) -> Result<Self, Failure> {
        let sealed = sealed_query::resolve(caller, kind, filter).await?;
        let filter = sealed.opened(filter);
        let narrowed = query::narrow(caller, kind, &filter, q).await?;
        let reach = policy::parts(caller, kind, caller.reach(Action::Read, kind.name)?);
        let living = of_org(caller).add(col("deleted_at").is_null());
        let named = narrowed.among.is_some();
        let among = narrowed.among.map(|ids| col("id").is_in(padded(ids)));
        let filtered = |brought, unled: &[&'static str]| {
            let compiler = Compiler { db: caller.db(), caller, kind, sealed: &sealed, named, brought, unled };
            living.clone().add(compiler.compile(&filter)).add_option(among.clone())
        };
        let branch =
            |lead: Lead| Branch { condition: filtered(lead.brought, &lead.unled).add(lead.part), few: lead.few };
        let all = filtered(false, &[]);
        let (few, reach, filter, bound) = (narrowed.few, &reach, &filter, &|| bound(caller.db(), &all));
        let of = |sort| Question { kind, filter, sort, reach, few, bound };
        let branches = |sort| leads(&of(sort)).into_iter().map(branch).collect::<Vec<Branch>>();
        let worded = narrowed.words.condition(caller, kind);
        let listed = to.sort.map_or_else(Vec::new, |sort| branches(Some(sort)));
        let counted = if to.counts { branches(None) } else { Vec::new() };
        Ok(Self {
            filtered: all.clone(),
            worded,
            branches: listed,
            counted,
            reach: reach.any().map_or_else(Cond::all, |reach| Cond::all().add(reach)),
            few,
            words: narrowed.words,
            living,
        })
    }

    /// The same of deleted records too, as far as the caller may delete such.
    ///
    /// # Errors
    /// The kind is not the caller's to read.
    pub(crate) async fn with_deleted(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<Self, Failure> {
        let reach = policy::parts(caller, kind, caller.reach(Action::Read, kind.name)?);
        let sealed = sealed_query::resolve(caller, kind, filter).await?;
        // What leads to few records leads to living ones.
        let compiler =
            Compiler { db: caller.db(), caller, kind, sealed: &sealed, named: true, brought: false, unled: &[] };
        let living = of_org(caller);
        let condition = living.clone().add(compiler.compile(&sealed.opened(filter)));
        let branches = apart(caller, kind, &reach, &condition);
        Ok(Self {
            filtered: condition,
            worded: Cond::all(),
            counted: branches.clone(),
            branches,
            reach: reach.any().map_or_else(Cond::all, |reach| Cond::all().add(reach)),
            few: false,
            words: Words::default(),
            living,
        })
    }

    /// Records of a condition, without a reach.
    #[cfg(test)]
    pub(crate) fn all_of(living: Cond, condition: Cond) -> Self {
        let branches = vec![Branch { condition: condition.clone(), few: false }];
        Self {
            filtered: condition,
            worded: Cond::all(),
            words: Words::default(),
            counted: branches.clone(),
            branches,
            reach: Cond::all(),
            few: false,
            living,
        }
    }

    /// Those of them that fulfil other conditions in the place of the words.
    pub(crate) fn with(&self, worded: Cond) -> Self {
        Self { worded, words: Words::default(), ..self.clone() }
    }

    /// What they are like, with the words of `q` too. The reach is not in it.
    pub(crate) fn condition(&self) -> Cond {
        self.filtered.clone().add(self.worded.clone())
    }

    /// The parts by which they are counted.
    pub(crate) fn counted(&self) -> impl Iterator<Item = Cond> {
        self.counted.iter().map(|branch| branch.condition.clone().add(self.worded.clone()))
    }
}

/// How many values a condition has.
fn bound(db: &impl ConnectionTrait, condition: &Cond) -> usize {
    let statement = Query::select().expr(Expr::val(1)).cond_where(condition.clone()).to_owned();
    db.get_database_backend().build(&statement).values.map_or(0, |values| values.0.len())
}

fn of_org(caller: &Caller) -> Cond {
    Cond::all().add(col("org_id").eq(caller.org().id))
}

/// The parts of a reach, the living and the deleted records of each apart: each walks an index of its own. Of deleted ones
/// those that the caller may delete.
fn apart(caller: &Caller, kind: &'static Kind, reach: &Parts, condition: &Cond) -> Vec<Branch> {
    // Sharing goes as far as changing, never as far as deleting.
    let deletes = Reach { shared: false, ..caller.rights().reach(Action::Delete, kind.name) };
    let may = policy::parts(caller, kind, deletes).any();
    let everything = Filter::And(Vec::new());
    // Each part is there twice.
    let bound = || 2 * bound(caller.db(), condition);
    let question = Question { kind, filter: &everything, sort: Some("updated_at"), reach, few: false, bound: &bound };
    let parts = || leads(&question).into_iter();
    let of = |part: Cond, few, which: Expr| Branch { condition: condition.clone().add(which).add(part), few };
    let living = parts().map(|lead| of(lead.part, lead.few, col("deleted_at").is_null()));
    let deleted = parts().map(|lead| of(lead.part.add_option(may.clone()), lead.few, col("deleted_at").is_not_null()));
    living.chain(deleted).collect()
}
