//! Comparisons of a column with what a question says: true or false, never unknown.

use kehu_domain::custom::SlotValue;
use kehu_domain::filter::{Condition, CustomCondition, CustomOperand, Op, Scalar};
use sea_orm::Value;
use sea_orm::sea_query::{Expr, ExprTrait};

use crate::machine::read::col;
use crate::pii::padded;
use crate::rows::sentinel;

/// A condition on what stands in a slot.
pub(crate) fn slot_condition(column: &str, condition: &CustomCondition) -> Expr {
    let value = |operand: &CustomOperand| match operand {
        CustomOperand::Slot(SlotValue::Text(text)) => text.clone().into(),
        CustomOperand::Slot(SlotValue::Number(number)) => (*number).into(),
        CustomOperand::Flag(flag) => (*flag).into(),
        CustomOperand::Sealed(_) => Value::Bool(None),
    };
    let wants_null = condition.values.first() == Some(&CustomOperand::Flag(true));
    let values = condition.values.iter().map(value).collect();
    compare((column, &|| col(column)), condition.op, values, wants_null)
}

pub(crate) fn wants_null(condition: &Condition) -> bool {
    condition.values.first() == Some(&Scalar::Flag(true))
}

pub(crate) fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => text.clone().into(),
        Scalar::Sealed(value) => value.expose().clone().into(),
        Scalar::Id(id) => (*id).into(),
        Scalar::Time(time) => (*time).into(),
        Scalar::Int(int) => (*int).into(),
        Scalar::Flag(flag) => (*flag).into(),
    }
}

/// A condition on what stands in a column.
pub(crate) fn plain(name: &str, column: &dyn Fn() -> Expr, condition: &Condition) -> Expr {
    compare((name, column), condition.op, condition.values.iter().map(value).collect(), wants_null(condition))
}

/// A condition on a column: true or false, never unknown.
fn compare((name, column): (&str, &dyn Fn() -> Expr), op: Op, values: Vec<Value>, wants_null: bool) -> Expr {
    let first = || Expr::val(values.first().cloned().unwrap_or(Value::Bool(None)));
    let second = || Expr::val(values.get(1).cloned().unwrap_or(Value::Bool(None)));
    // A missing value satisfies no comparison; where a sentinel stands for it, it is named.
    let some = |expr: Expr| match sentinel(name) {
        Some(missing) => expr.and(column().ne(missing)),
        None => expr.and(column().is_not_null()),
    };
    let missing = || match sentinel(name) {
        Some(missing) => column().eq(missing),
        None => column().is_null(),
    };
    let between = || some(column().gte(first()).and(column().lte(second())));
    match op {
        Op::Eq | Op::HasAny | Op::HasAll | Op::Contains => some(column().eq(first())),
        Op::Ne => some(column().eq(first())).not(),
        Op::Lt => some(column().lt(first())),
        Op::Lte => some(column().lte(first())),
        Op::Gt => some(column().gt(first())),
        Op::Gte => some(column().gte(first())),
        Op::In if values.is_empty() => Expr::val(1).eq(0),
        Op::Nin if values.is_empty() => Expr::val(1).eq(1),
        Op::In => some(column().is_in(padded(values))),
        Op::Nin => some(column().is_in(padded(values))).not(),
        Op::Between | Op::WithinLast | Op::WithinNext => between(),
        Op::NotWithinLast | Op::NotWithinNext => between().not(),
        Op::IsNull if wants_null => missing(),
        Op::IsNull => missing().not(),
        Op::StartsWith => match values.first() {
            Some(Value::String(Some(text))) => {
                some(column().gte(text.as_str()).and(column().lt(format!("{text}\u{10ffff}"))))
            }
            _ => Expr::val(1).eq(0),
        },
    }
}
