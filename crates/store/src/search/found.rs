//! Conditions that a record is found by text: as a list that the index gives, or looked up row by row.

use kehu_domain::kinds::Contact;
use kehu_domain::record::{Kind, Record as _};
use kehu_domain::rights::Action;
use kehu_domain::text::document::{END, custom_mark, mark_of};
use kehu_domain::text::normalise;
use kehu_domain::text::tokens::{self, QueryTerm};
use kehu_domain::text::words::Word;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, Func, Query, SelectStatement, UnionType};

use crate::dialect::{has_fts5, position_function};
use crate::gate::Caller;
use crate::machine::read::col;
use crate::policy;
use crate::rows::custom::column;

use super::{is_documented, is_found_by_document, scope};

/// Looks for text in records of a kind, as far as the caller sees them.
pub(crate) struct Searcher<'a, C> {
    pub(super) db: &'a C,
    pub(super) caller: &'a Caller,
    pub(super) kind: &'static Kind,
    sees: Sees,
}

/// Which fields of a document are compared.
enum Sees {
    All,
    /// Those behind these marks.
    Marked(Vec<String>),
}

/// What a list asks the index for.
pub(super) enum Terms<'t> {
    All(&'t [QueryTerm]),
    Any(&'t [QueryTerm]),
}

/// Two ways to tell a name that begins with a word.
pub(crate) struct Begins {
    /// By the list that the index gives.
    pub(crate) listed: Expr,
    /// Row by row.
    pub(crate) row: Expr,
}

impl<'a, C: ConnectionTrait> Searcher<'a, C> {
    pub(crate) fn new(db: &'a C, caller: &'a Caller, kind: &'static Kind) -> Self {
        Self { db, caller, kind, sees: sees(caller, kind) }
    }

    /// The contacts by whose names a customer is found.
    pub(super) fn contacts(&self) -> Option<Self> {
        let sees = Sees::Marked(vec![mark_of("name")]);
        (self.kind.name == "customer").then_some(Self { kind: Contact::KIND, sees, ..*self })
    }

    /// A condition that a record is found by a word; what is found is listed first.
    pub(crate) fn listed(&self, word: &Word) -> Expr {
        if word.terms.is_empty() || !is_found_by_document(self.kind) {
            return self.walked(word);
        }
        let mut lists = self.lists(word);
        if let Some(contacts) = self.contacts() {
            let found = contacts.among(contacts.lists(word));
            lists.push(contacts.customers_of(found));
        }
        self.among(lists)
    }

    /// The same condition, looked up for each record: where few have to be looked at.
    pub(crate) fn row(&self, word: &Word) -> Expr {
        if word.terms.is_empty() || !is_found_by_document(self.kind) {
            return self.walked(word);
        }
        let mut own = self.document_of(Expr::col((Alias::new(self.kind.path), Alias::new("id"))));
        let mut found = Expr::exists(own.and_where(self.holds(&word.text)).clone());
        if let Some(sounds) = self.by_sound(word) {
            found = found.or(self.among(vec![sounds]));
        }
        if let Some(contacts) = self.contacts() {
            let mut document = contacts.document_of(Expr::cust("contacts.id"));
            let held = Expr::exists(document.and_where(contacts.holds(&word.text)).clone());
            let named = match contacts.by_sound(word) {
                Some(sounds) => held.or(contacts.among(vec![sounds])),
                None => held,
            };
            let mut those = contacts.customers_of(named);
            found = found.or(Expr::exists(those.and_where(Expr::cust("contacts.customer_id = customers.id")).clone()));
        }
        found
    }

    /// A condition that a name begins with a word, or begins to sound so; nothing where the index cannot tell.
    pub(crate) fn begins(&self, word: &Word) -> Option<Begins> {
        self.kind.field("name")?;
        let text = || document_column("text");
        let marks = word.begin_marks.iter().map(|mark| self.position(text(), mark).gt(0));
        let marked = marks.fold(Cond::any(), Cond::add);
        let mut own = self.document_of(Expr::col((Alias::new(self.kind.path), Alias::new("id"))));
        let row = Expr::exists(own.cond_where(marked.clone()).clone());
        if !is_found_by_document(self.kind) {
            let begins = self.position(col("name_norm"), &word.text).eq(1);
            let row = if is_documented(self.kind) { begins.or(row) } else { begins };
            return Some(Begins { listed: row.clone(), row });
        }
        let mut listed = self.found(&Terms::Any(&word.begins))?;
        Some(Begins { listed: self.among(vec![listed.cond_where(marked).clone()]), row })
    }

    /// The records whose documents have the tokens of a text; nothing where it has none to ask for.
    pub(crate) fn tokens(&self, text: &str) -> Option<SelectStatement> {
        is_found_by_document(self.kind).then(|| self.found(&Terms::All(&tokens::query_tokens(text))))?
    }

    /// A condition that the field of the document behind a mark holds a text: anywhere, or at its beginning. The empty
    /// text stands at the beginning of every field that is there.
    pub(crate) fn field_holds(&self, mark: &str, text: &str, anywhere: bool) -> Expr {
        let text = normalise(text);
        let holds = match anywhere {
            true => self.segment_holds(mark, &text),
            false => self.position(document_column("text"), &format!("{mark}{text}")).gt(0),
        };
        let mut own = self.document_of(Expr::col((Alias::new(self.kind.path), Alias::new("id"))));
        Expr::exists(own.and_where(holds).clone())
    }

    /// Few records, looked at one by one: names as they stand beside the record, sounds by the index.
    fn walked(&self, word: &Word) -> Expr {
        let holds = match self.kind.field("name") {
            Some(_) => self.position(col("name_norm"), &word.text).gt(0),
            // Long digits: no index has them, and everything would have to be read.
            None => Expr::val(1).eq(0),
        };
        let holds = if !is_found_by_document(self.kind) && self.has_searched() {
            let mut own = self.document_of(Expr::col((Alias::new(self.kind.path), Alias::new("id"))));
            holds.or(Expr::exists(own.and_where(self.holds(&word.text)).clone()))
        } else {
            holds
        };
        match self.by_sound(word).filter(|_| is_documented(self.kind)) {
            Some(sounds) => holds.or(self.among(vec![sounds])),
            None => holds,
        }
    }

    /// Whether the organisation added a field to the kind that the caller may look into.
    fn has_searched(&self) -> bool {
        policy::askable(self.caller, self.kind).iter().any(|field| field.searchable)
    }

    fn lists(&self, word: &Word) -> Vec<SelectStatement> {
        let held = self.found(&Terms::All(&word.terms)).map(|mut held| held.and_where(self.holds(&word.text)).clone());
        held.into_iter().chain(self.by_sound(word)).collect()
    }

    /// That a record is in one of the lists. PostgreSQL makes one list of them before it looks at records: joined, it
    /// may walk them anew for each record, where it guesses that there are few.
    fn among(&self, lists: Vec<SelectStatement>) -> Expr {
        let mut lists = lists.into_iter();
        let Some(mut all) = lists.next() else { return Expr::val(1).eq(0) };
        for list in lists {
            all.union(UnionType::All, list);
        }
        if has_fts5(self.db) {
            col("id").in_subquery(all)
        } else {
            Expr::cust_with_exprs("\"id\" = ANY (ARRAY($1))", [Expr::from(all)])
        }
    }

    fn by_sound(&self, word: &Word) -> Option<SelectStatement> {
        self.found(&Terms::Any(&word.sounds))
    }

    /// The records whose documents match.
    fn found(&self, terms: &Terms<'_>) -> Option<SelectStatement> {
        let matching = self.matching(terms)?;
        let mut select = Query::select();
        select.column((Alias::new("search_text"), Alias::new("record_id")));
        if has_fts5(self.db) {
            let joined = Expr::cust("search_text.rid = search_fts.rowid");
            select.from(Alias::new("search_fts")).inner_join(Alias::new("search_text"), joined);
        } else {
            select.from(Alias::new("search_text")).and_where(document_column("org_id").eq(self.caller.org().id));
        }
        Some(select.and_where(matching).to_owned())
    }

    /// The condition on the index; the word that every document of the kind has comes first.
    pub(super) fn matching(&self, terms: &Terms<'_>) -> Option<Expr> {
        let scope = scope(self.caller.org().id, self.kind.name);
        if has_fts5(self.db) {
            let words = format!("{scope} AND ({})", terms.fts5()?);
            Some(Expr::cust_with_values("search_fts MATCH ?", [words]))
        } else {
            let words = match terms {
                Terms::All(terms) => tokens::tsquery(terms)?,
                Terms::Any(terms) => tokens::tsquery_any(terms)?,
            };
            Some(Expr::cust_with_values("search_text.tokens @@ $1::tsquery", [format!("{scope} & ({words})")]))
        }
    }

    /// The document of a record.
    fn document_of(&self, record: Expr) -> SelectStatement {
        Query::select()
            .expr(Expr::val(1))
            .from(Alias::new("search_text"))
            .and_where(document_column("org_id").eq(self.caller.org().id))
            .and_where(document_column("record_id").eq(record))
            .to_owned()
    }

    /// The customers of contacts that the caller may read and that fulfil a condition.
    pub(super) fn customers_of(&self, condition: Expr) -> SelectStatement {
        let reach = self.caller.rights().reach(Action::Read, self.kind.name);
        let readable = policy::parts(self.caller, self.kind, reach).any();
        Query::select()
            .column((Alias::new("contacts"), Alias::new("customer_id")))
            .from(Alias::new("contacts"))
            .and_where(Expr::cust("contacts.deleted_at IS NULL"))
            .and_where(Expr::col((Alias::new("contacts"), Alias::new("org_id"))).eq(self.caller.org().id))
            .and_where(condition)
            .cond_where(readable.map_or_else(Cond::all, |readable| Cond::all().add(readable)))
            .to_owned()
    }

    /// A condition on documents: what the caller sees of one holds a word.
    pub(super) fn holds(&self, word: &str) -> Expr {
        let text = || document_column("text");
        let seen = match &self.sees {
            Sees::All => self.position(text(), word).gt(0),
            Sees::Marked(marks) => {
                let none = Expr::val(1).eq(0);
                marks.iter().fold(none, |any, mark| any.or(self.segment_holds(mark, word)))
            }
        };
        let filled = text().is_not_null().and(seen);
        match self.older_text() {
            Some(older) => filled.or(text().is_null().and(self.position(older, word).gt(0))),
            None => filled,
        }
    }

    /// What stood for the text of a document that an older program wrote, until it is filled: the name, and what the
    /// caller sees of the searched fields that the organisation added.
    fn older_text(&self) -> Option<Expr> {
        if !matches!(self.kind.name, "customer" | "contact") {
            return None;
        }
        let fields = match self.sees {
            Sees::Marked(_) if self.kind.name == "contact" => Vec::new(),
            _ => policy::askable(self.caller, self.kind),
        };
        let searched = fields.iter().filter(|field| field.searchable && field.is_indexed);
        let columns: Vec<String> = searched.filter_map(|field| field.slot.map(column)).collect();
        let more: String = columns.iter().map(|column| format!(" || ' ' || coalesce(older.{column}, '')")).collect();
        Some(Expr::cust(format!(
            "(SELECT older.name_norm{more} FROM {} older WHERE older.org_id = search_text.org_id AND older.id = \
             search_text.record_id)",
            self.kind.path
        )))
    }

    /// A condition on documents: the field behind a mark holds a text.
    fn segment_holds(&self, mark: &str, text: &str) -> Expr {
        let whole = || document_column("text");
        let start = || self.position(whole(), mark);
        let part = |text: Expr, from: Expr| Expr::expr(Func::cust(Alias::new("substr")).arg(text).arg(from));
        let length = i32::try_from(mark.chars().count()).unwrap_or(i32::MAX);
        let rest = part(whole(), start().add(length));
        let end = self.position(rest.clone(), &END.to_string());
        let segment = Func::cust(Alias::new("substr")).arg(rest).arg(Expr::val(1_i32)).arg(end);
        start().gt(0).and(self.position(Expr::expr(segment), text).gt(0))
    }

    fn position(&self, text: Expr, part: &str) -> Expr {
        Expr::expr(Func::cust(Alias::new(position_function(self.db))).arg(text).arg(Expr::val(part)))
    }
}

impl Terms<'_> {
    pub(super) fn fts5(&self) -> Option<String> {
        match self {
            Self::All(terms) => tokens::fts5_match(terms),
            Self::Any(terms) => tokens::fts5_any(terms),
        }
    }
}

pub(super) fn document_column(name: &str) -> Expr {
    Expr::col((Alias::new("search_text"), Alias::new(name)))
}

/// What of a kind's documents the caller may look into: a field that is hidden from him of some record is as if it
/// were not there.
fn sees(caller: &Caller, kind: &'static Kind) -> Sees {
    let hidden = policy::hidden(caller, kind);
    let askable = policy::askable(caller, kind);
    let searched = || kind.fields.iter().filter(|field| field.searched);
    let custom = caller.org().custom(kind.name);
    let all = searched().all(|field| !hidden.contains(&field.name)) && custom.iter().count() == askable.len();
    if all {
        return Sees::All;
    }
    let fields = searched().filter(|field| !hidden.contains(&field.name)).map(|field| mark_of(field.name));
    Sees::Marked(
        fields.chain(askable.iter().filter(|field| field.searchable).map(|field| custom_mark(field.no))).collect(),
    )
}
