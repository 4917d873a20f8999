//! Conditions on what a text contains or begins with: of fields of the kind and of those that the organisation added.

use kehu_domain::custom::{CustomField, CustomType, SLOT_CUT, SlotValue};
use kehu_domain::filter::{Class, Condition, CustomCondition, CustomOperand, Op, Scalar};
use kehu_domain::text::document::{custom_mark, mark_of};
use kehu_domain::text::normalise;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, Func};

use crate::dialect::position_function;
use crate::machine::read::col;
use crate::query::Compiler;
use crate::rows::custom::column;
use crate::search::Searcher;

/// Whether a condition is on the text of an added field, not on what stands in its slot alone.
pub(crate) fn is_text(condition: &CustomCondition) -> bool {
    condition.field.holds == CustomType::LongText || condition.op == Op::Contains
}

/// Whether documents have the text of a field, of every record that has one.
pub(crate) fn is_documented(field: &CustomField) -> bool {
    field.searchable && !field.is_filling
}

/// What of a part that is asked for the index knows wherever it stands: digits at its ends may belong to a longer run,
/// and long ones are in no index.
pub(crate) fn indexed_part(text: &str) -> &str {
    text.trim_matches(char::is_numeric)
}

impl<C: ConnectionTrait> Compiler<'_, C> {
    fn place(&self, text: Expr, part: &str) -> Expr {
        let function = Func::cust(Alias::new(position_function(self.db)));
        Expr::expr(function.arg(text).arg(Expr::val(part)))
    }

    /// The same condition; tokens narrow it first, where they may lead to records.
    fn narrowed(&self, searcher: &Searcher<'_, C>, text: &str, holds: Expr) -> Expr {
        match searcher.tokens(text) {
            Some(found) if !self.named && !self.brought => self.id().in_subquery(found).and(holds),
            _ => holds,
        }
    }

    /// The real substring, or beginning, of a normalised text.
    pub(crate) fn text(&self, condition: &Condition) -> Expr {
        let Some(Scalar::Text(text)) = condition.values.first() else { return Expr::val(1).eq(0) };
        let anywhere = condition.op == Op::Contains;
        let searcher = Searcher::new(self.db, self.caller, self.kind);
        let holds = if condition.member.class == Class::Name {
            let at = self.place(col("name_norm"), &normalise(text));
            if anywhere { at.gt(0) } else { at.eq(1) }
        } else {
            searcher.field_holds(&mark_of(condition.member.name), text, anywhere)
        };
        self.narrowed(&searcher, indexed_part(text), holds)
    }

    /// The same of a field that the organisation added: of a line by its place, of a long text by the document.
    pub(crate) fn custom_text(&self, condition: &CustomCondition) -> Expr {
        let (field, first) = (&condition.field, condition.values.first());
        let searcher = Searcher::new(self.db, self.caller, self.kind);
        let mark = custom_mark(field.no);
        if condition.op == Op::IsNull {
            let some = searcher.field_holds(&mark, "", false);
            return if first == Some(&CustomOperand::Flag(true)) { some.not() } else { some };
        }
        let Some(CustomOperand::Slot(SlotValue::Text(text))) = first else { return Expr::val(1).eq(0) };
        let holds = match field.slot {
            Some(slot) => self.slot_contains(&column(slot), field, text),
            None => searcher.field_holds(&mark, text, condition.op == Op::Contains),
        };
        if is_documented(field) { self.narrowed(&searcher, indexed_part(text), holds) } else { holds }
    }

    /// That a text in a slot contains a part. Of one that is cut there the digest says nothing; its pieces are looked at.
    fn slot_contains(&self, column: &str, field: &CustomField, part: &str) -> Expr {
        let cut = || self.place(col(column), &SLOT_CUT.to_string());
        let whole = cut().eq(0).and(self.place(col(column), part).gt(0));
        let in_piece = self.is_linked(field.id, Cond::all().add(self.place(col("value"), part).gt(0)));
        col(column).is_not_null().and(whole.or(cut().gt(0).and(in_piece)))
    }
}
