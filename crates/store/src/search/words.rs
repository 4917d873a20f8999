//! The words of `q` as conditions: how each is looked for is settled before the query is written.

use std::collections::HashSet;

use kehu_domain::record::Kind;
use kehu_domain::text::words::{Word, words};
use sea_orm::sea_query::{Cond, Expr, ExprTrait};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::col;
use crate::pii::padded;

use super::few::{are_many, few};
use super::fill::is_filled;
use super::found::{Begins, Searcher, Terms};
use super::is_found_by_document;

/// How a word is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The records that it finds are known.
    Known,
    /// By the list that the index gives.
    Listed,
    /// Record by record.
    Row,
}

/// The words of `q`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    words: Vec<(Word, How)>,
    /// All records that are found are among these.
    pub(crate) among: Option<Vec<Uuid>>,
    /// How names that begin with the first word are looked for, where lists can be ordered by that.
    begins: Option<How>,
}

/// What is found, names that begin with what was asked for apart.
#[derive(Debug)]
pub(crate) struct Ranks {
    /// Their names begin so.
    pub(crate) first: Cond,
    /// Theirs do not.
    pub(crate) rest: Cond,
}

impl Words {
    /// Settles how the words of `q` are looked for in a kind.
    pub(crate) async fn of(caller: &Caller, kind: &'static Kind, q: Option<&str>) -> Result<Self, Failure> {
        let db = caller.db();
        let searcher = Searcher::new(db, caller, kind);
        let (mut all, mut among) = (Vec::new(), None::<HashSet<Uuid>>);
        for word in words(q.unwrap_or_default()) {
            let found = few(&searcher, &word).await?;
            let how = if found.is_some() { How::Known } else { How::Listed };
            if let Some(found) = found {
                among = Some(match among {
                    Some(known) => found.into_iter().filter(|id| known.contains(id)).collect(),
                    None => found.into_iter().collect(),
                });
            }
            all.push((word, how));
        }
        let Some((first, how)) = all.first().cloned() else { return Ok(Self::default()) };
        for (word, how) in all.iter_mut().filter(|(_, how)| *how == How::Listed) {
            if among.is_some() || are_many(&searcher, &Terms::All(&word.terms)).await? {
                *how = How::Row;
            }
        }
        let ranks =
            kind.field("name").is_some() && (!is_found_by_document(kind) || is_filled(db, caller.org().id).await?);
        let begins = match ranks {
            false => None,
            true if among.is_some() || how == How::Known => Some(How::Row),
            true if are_many(&searcher, &Terms::Any(&first.begins)).await? => Some(How::Row),
            true => Some(How::Listed),
        };
        Ok(Self { words: all, among: among.map(|ids| ids.into_iter().collect()), begins })
    }

    /// That every word is found.
    pub(crate) fn condition(&self, caller: &Caller, kind: &'static Kind) -> Cond {
        let searcher = Searcher::new(caller.db(), caller, kind);
        self.known(self.words.iter().fold(Cond::all(), |all, word| all.add_option(one(&searcher, word))))
    }

    /// The same in two parts; nothing where names tell no order.
    pub(crate) fn ranks(&self, caller: &Caller, kind: &'static Kind) -> Option<Ranks> {
        let searcher = Searcher::new(caller.db(), caller, kind);
        let (how, (word, _)) = (self.begins?, self.words.first()?);
        let Begins { listed, row } = searcher.begins(word)?;
        // What begins with a word is found by it.
        let others = self.words.iter().skip(1);
        let first = Cond::all().add(if how == How::Listed { listed } else { row.clone() });
        let first = others.fold(first, |all, word| all.add_option(one(&searcher, word)));
        Some(Ranks { first: self.known(first), rest: self.condition(caller, kind).add(row.not()) })
    }

    fn known(&self, condition: Cond) -> Cond {
        match &self.among {
            Some(ids) if ids.is_empty() => condition.add(Expr::val(1).eq(0)),
            Some(ids) => condition.add(col("id").is_in(padded(ids.clone()))),
            None => condition,
        }
    }
}

fn one<C: sea_orm::ConnectionTrait>(searcher: &Searcher<'_, C>, (word, how): &(Word, How)) -> Option<Expr> {
    match how {
        How::Known => None,
        How::Listed => Some(searcher.listed(word)),
        How::Row => Some(searcher.row(word)),
    }
}
