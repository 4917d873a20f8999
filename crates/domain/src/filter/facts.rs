//! Filters that are held against a record in memory: true or false, exactly as the database says it.

use std::cmp::Ordering;

use serde_json::Value;
use uuid::Uuid;

use crate::custom::{CustomField, CustomType, SlotValue};
use crate::field::Find;
use crate::text;

use super::{Class, Condition, CustomCondition, CustomOperand, Filter, Member, Op, Relation, Scalar};

/// What a record has under a member.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Nothing.
    Missing,
    /// One value.
    One(Scalar),
    /// Several values, or none: tags, choices.
    Several(Vec<Scalar>),
    /// A sealed value; by which it is found, [`Facts::forms`] says.
    Sealed,
}

/// A record, as conditions are held against it. What whoever asks may not read is not told: a related record out of
/// reach is not among the related ones.
pub trait Facts {
    /// What it has under a member.
    fn fact(&self, member: Member) -> Fact;
    /// The normalised forms under which it is found; those of a customer are its contacts' too.
    fn forms(&self, find: Find) -> Vec<String>;
    /// The value of a field that the organisation added, as it is kept.
    fn custom(&self, field: &CustomField) -> Option<&Value>;
    /// The living tag that a value names.
    fn tag(&self, said: &Scalar) -> Option<Uuid>;
    /// Whether it is one of a segment; what the segment stands for was looked up.
    fn in_segment(&self, segment: Uuid) -> bool;
    /// Whether one of the related records fits.
    fn has_related(&self, relation: &Relation, fits: &dyn Fn(&dyn Facts) -> bool) -> bool;
}

impl Filter {
    /// Whether a record fits. A missing value satisfies only `is_null`, `ne`, `nin`, `not_within_last` and
    /// `not_within_next`.
    #[must_use]
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(facts)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(facts)),
            Self::Not(part) => !part.holds(facts),
            Self::Is(condition) => condition.holds(facts),
            Self::Custom(condition) => condition.holds(facts),
            Self::Segment(condition) => condition.ids.iter().any(|id| facts.in_segment(*id)) != condition.excludes(),
            Self::Related(related) => facts.has_related(related.relation, &|one| related.filter.holds(one)),
        }
    }
}

impl Condition {
    fn holds(&self, facts: &dyn Facts) -> bool {
        let (member, op) = (self.member, self.op);
        let fact = facts.fact(member);
        if op == Op::IsNull {
            let missing = match &fact {
                Fact::Missing => true,
                Fact::Several(values) => values.is_empty(),
                Fact::One(_) | Fact::Sealed => false,
            };
            return missing == (self.values.first() == Some(&Scalar::Flag(true)));
        }
        match (member.class, fact) {
            (Class::Sealed(find), _) => {
                let forms = facts.forms(find);
                let has = |value: &Scalar| match value {
                    Scalar::Sealed(form) => forms.iter().any(|known| known == form.expose()),
                    _ => false,
                };
                self.values.iter().any(has) != (op == Op::Ne)
            }
            (Class::Tags, fact) => {
                let held = several(fact);
                let asked = self.values.iter().map(|said| facts.tag(said));
                let asked: Vec<bool> =
                    asked.map(|tag| tag.is_some_and(|tag| held.contains(&Scalar::Id(tag)))).collect();
                listed(op, &asked)
            }
            (Class::Choices, fact) => {
                let held = several(fact);
                let asked: Vec<bool> = self.values.iter().map(|key| held.contains(key)).collect();
                listed(op, &asked)
            }
            (Class::Name | Class::Phrase | Class::Prose, fact) if matches!(op, Op::Contains | Op::StartsWith) => {
                let (Fact::One(Scalar::Text(held)), Some(Scalar::Text(asked))) = (fact, self.values.first()) else {
                    return false;
                };
                if op == Op::Contains { text::holds(&held, asked) } else { text::begins(&held, asked) }
            }
            (_, fact) => {
                let value = match fact {
                    Fact::One(value) => Some(value),
                    _ => None,
                };
                compare(op, value.as_ref(), &self.values, order, begins)
            }
        }
    }
}

fn several(fact: Fact) -> Vec<Scalar> {
    match fact {
        Fact::Several(values) => values,
        _ => Vec::new(),
    }
}

/// A condition on a list, of which is known whether each of the values that are asked for is in it.
fn listed(op: Op, asked: &[bool]) -> bool {
    match op {
        Op::HasAll => asked.iter().all(|held| *held),
        Op::Ne | Op::Nin => !asked.contains(&true),
        _ => asked.contains(&true),
    }
}

impl CustomCondition {
    fn holds(&self, facts: &dyn Facts) -> bool {
        let (field, op) = (&self.field, self.op);
        let kept = facts.custom(field);
        let wants_null = self.values.first() == Some(&CustomOperand::Flag(true));
        if field.sensitive {
            let form = kept.and_then(|kept| field.index_form(kept));
            if op == Op::IsNull {
                return form.is_none() == wants_null;
            }
            let has = |value: &CustomOperand| match (value, &form) {
                (CustomOperand::Sealed(asked), Some(form)) => asked.expose() == form,
                _ => false,
            };
            return self.values.iter().any(has) != (op == Op::Ne);
        }
        if op == Op::Contains || field.holds == CustomType::LongText {
            return self.text_holds(kept.and_then(Value::as_str), wants_null);
        }
        if field.slot.is_none() {
            let held = kept.map(|kept| field.links(kept)).unwrap_or_default();
            if op == Op::IsNull {
                return held.is_empty() == wants_null;
            }
            let has = |value: &CustomOperand| match value {
                CustomOperand::Slot(SlotValue::Text(key)) => held.contains(key),
                _ => false,
            };
            return listed(op, &self.values.iter().map(has).collect::<Vec<bool>>());
        }
        let value = kept.and_then(|kept| field.slot_value(kept));
        if op == Op::IsNull {
            return value.is_none() == wants_null;
        }
        let asked: Vec<SlotValue> = self.values.iter().filter_map(CustomOperand::slot).collect();
        compare(op, value.as_ref(), &asked, order_slots, |value, prefix| match (value, prefix) {
            (SlotValue::Text(value), SlotValue::Text(prefix)) => value.starts_with(prefix),
            _ => false,
        })
    }
}

impl CustomCondition {
    /// What a text contains or begins with, and whether there is one.
    fn text_holds(&self, kept: Option<&str>, wants_null: bool) -> bool {
        let Some(kept) = kept else { return self.op == Op::IsNull && wants_null };
        match (self.op, self.values.first()) {
            (Op::IsNull, _) => !wants_null,
            (Op::Contains, Some(CustomOperand::Slot(SlotValue::Text(part)))) => text::holds(kept, part),
            (_, Some(CustomOperand::Slot(SlotValue::Text(part)))) => text::begins(kept, part),
            _ => false,
        }
    }
}

impl CustomOperand {
    fn slot(&self) -> Option<SlotValue> {
        match self {
            Self::Slot(value) => Some(value.clone()),
            Self::Sealed(_) | Self::Flag(_) => None,
        }
    }
}

fn order(one: &Scalar, other: &Scalar) -> Option<Ordering> {
    match (one, other) {
        (Scalar::Text(one), Scalar::Text(other)) => Some(one.cmp(other)),
        (Scalar::Id(one), Scalar::Id(other)) => Some(one.cmp(other)),
        (Scalar::Time(one), Scalar::Time(other)) => Some(one.cmp(other)),
        (Scalar::Int(one), Scalar::Int(other)) => Some(one.cmp(other)),
        (Scalar::Flag(one), Scalar::Flag(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

fn begins(value: &Scalar, prefix: &Scalar) -> bool {
    matches!((value, prefix), (Scalar::Text(value), Scalar::Text(prefix)) if value.starts_with(prefix))
}

fn order_slots(one: &SlotValue, other: &SlotValue) -> Option<Ordering> {
    match (one, other) {
        (SlotValue::Text(one), SlotValue::Text(other)) => Some(one.cmp(other)),
        (SlotValue::Number(one), SlotValue::Number(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// A comparison of one value, or of none, with what is asked for. Texts are compared by their bytes.
fn compare<V>(
    op: Op,
    value: Option<&V>,
    asked: &[V],
    order: impl Fn(&V, &V) -> Option<Ordering>,
    begins: impl Fn(&V, &V) -> bool,
) -> bool {
    let is = |at: usize, fits: fn(Ordering) -> bool| {
        value.zip(asked.get(at)).and_then(|(value, asked)| order(value, asked)).is_some_and(fits)
    };
    let among = || value.is_some_and(|value| asked.iter().any(|one| order(value, one) == Some(Ordering::Equal)));
    let between = || is(0, Ordering::is_ge) && is(1, Ordering::is_le);
    match op {
        Op::Eq | Op::Contains | Op::HasAny | Op::HasAll => is(0, Ordering::is_eq),
        Op::Ne => !is(0, Ordering::is_eq),
        Op::Lt => is(0, Ordering::is_lt),
        Op::Lte => is(0, Ordering::is_le),
        Op::Gt => is(0, Ordering::is_gt),
        Op::Gte => is(0, Ordering::is_ge),
        Op::In => among(),
        Op::Nin => !among(),
        Op::Between | Op::WithinLast | Op::WithinNext => between(),
        Op::NotWithinLast | Op::NotWithinNext => !between(),
        Op::StartsWith => value.zip(asked.first()).is_some_and(|(value, prefix)| begins(value, prefix)),
        Op::IsNull => value.is_none(),
    }
}
