//! Conditions on fields that an organisation added.

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use serde_json::Value;

use crate::codes;
use crate::custom::{CustomField, CustomType, SlotValue};
use crate::flaw::Flaw;
use crate::read::{Finding, Members};
use crate::sensitive::Sensitive;
use crate::value::quoted;

use super::scalar::{self, DAY_EN, DAY_ZH, TIME_EN, TIME_ZH, flag};
use super::span::{self, Said};
use super::{
    DAYS, Filter, FilterReader, MAX_ALL, MAX_CONDITIONS, MAX_TEXT, MAX_VALUES, Op, PART, Read, days, finding, inside,
    operand_of, part, text_of,
};

/// A condition on a field that the organisation added.
#[derive(Clone, Debug)]
pub struct CustomCondition {
    /// The field: filterable, and its values in their slots.
    pub field: Arc<CustomField>,
    /// The operator.
    pub op: Op,
    /// What it is compared with; one value for most, two for `between`, none but a flag for `is_null`.
    pub values: Vec<CustomOperand>,
}

impl PartialEq for CustomCondition {
    fn eq(&self, other: &Self) -> bool {
        (self.field.id, self.op) == (other.field.id, other.op) && self.values == other.values
    }
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum CustomOperand {
    /// As it stands in the slot, or in a link.
    Slot(SlotValue),
    /// As a sealed value is found.
    Sealed(Sensitive<String>),
    /// True or false.
    Flag(bool),
}

impl FilterReader<'_> {
    pub(super) fn custom_parameter(&mut self, name: &str, value: &str, at: &str) -> Read<Filter> {
        let known = |name: &str| self.scope.custom.iter().any(|field| field.name == name);
        let (name, op) = match name.rsplit_once('.') {
            Some((field, op)) if !known(name) && known(field) => (field, op),
            _ => (name, Op::Eq.key()),
        };
        let field = self.custom_field(name, at)?;
        let op = Op::from_key(op).ok_or_else(|| finding(at, self.custom_op_unknown(&field, op)))?;
        if field.sensitive {
            let name = format!("{}{name}", self.prefix);
            return Err(finding(at, Flaw::new(&codes::SEALED_IN_URL).with("field", name)));
        }
        self.custom_condition(&field, op, &operand_of(op, value), at)
    }

    pub(super) fn custom_node(&mut self, name: &str, node: &Members, at: &str) -> Read<Filter> {
        let field = self.custom_field(name, &format!("{at}/field"))?;
        let op = match node.get("op") {
            None => Op::Eq,
            Some(op) => {
                let key = text_of(op);
                let unknown = || finding(&format!("{at}/op"), self.custom_op_unknown(&field, &key));
                Op::from_key(&key).ok_or_else(unknown)?
            }
        };
        self.custom_condition(&field, op, node.get("value").unwrap_or(&Value::Null), at)
    }

    /// A field that can be asked for.
    fn custom_field(&self, name: &str, at: &str) -> Read<Arc<CustomField>> {
        let field = self.scope.custom.iter().find(|field| field.name == name);
        let Some(field) = field else { return Err(self.unknown(name, at)) };
        if !field.filterable {
            let name = format!("{}{name}", self.prefix);
            return Err(finding(at, Flaw::new(&codes::CUSTOM_NOT_FILTERABLE).with("field", name)));
        }
        if !field.is_indexed {
            return Err(finding(at, self.custom_not_indexed(name)));
        }
        Ok(field.clone())
    }

    fn custom_not_indexed(&self, name: &str) -> Flaw {
        Flaw::new(&codes::CUSTOM_NOT_INDEXED).with("field", format!("{}{name}", self.prefix))
    }

    fn custom_condition(&mut self, field: &Arc<CustomField>, op: Op, json: &Value, at: &str) -> Read<Filter> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.too_large(at));
        }
        if !field.ops().contains(&op) {
            return Err(finding(&part(at, "op"), self.custom_op_unknown(field, op.key())));
        }
        if field.asks_links(op) && !field.is_linked {
            return Err(finding(at, self.custom_not_indexed(&field.name)));
        }
        self.refuse_kept_custom(field, op, at)?;
        let said = self.custom_operands(field, op, json, &part(at, "value"))?;
        self.values += said.len();
        if self.values > MAX_VALUES {
            return Err(self.too_large(&part(at, "value")));
        }
        let is = |op, values| Filter::Custom(CustomCondition { field: Arc::clone(field), op, values });
        Ok(span::compared(op, &said, &is))
    }

    fn custom_operands(&self, field: &CustomField, op: Op, json: &Value, at: &str) -> Read<Vec<Said<CustomOperand>>> {
        let wrong = |en, zh| self.custom_wrong(field, json, (en, zh), at);
        let item = |(i, json): (usize, &Value)| self.custom_said(field, json, &inside(at, i));
        let slot = |value| Said::One(CustomOperand::Slot(value));
        match op {
            Op::IsNull => {
                let wants = if json.is_null() { Some(true) } else { flag(json) };
                let wants = wants.ok_or_else(|| wrong("true or false", "true 或 false"))?;
                Ok(vec![Said::One(CustomOperand::Flag(wants))])
            }
            Op::In | Op::Nin | Op::HasAny | Op::HasAll => {
                let items = json.as_array().ok_or_else(|| wrong("a list of values", "由若干值组成的列表"))?;
                if op == Op::HasAll && items.len() > MAX_ALL {
                    return Err(wrong("at most 20 values", "最多 20 个值"));
                }
                items.iter().enumerate().map(item).collect()
            }
            Op::Between => match json.as_array().map(Vec::as_slice) {
                Some([from, to]) => Ok(vec![item((0, from))?, item((1, to))?]),
                _ => Err(wrong("two values: the least and the most", "两个值：下限和上限")),
            },
            Op::WithinLast | Op::NotWithinLast | Op::WithinNext | Op::NotWithinNext => {
                let ahead = matches!(op, Op::WithinNext | Op::NotWithinNext);
                let bounds = days(json).and_then(|days| match field.holds {
                    CustomType::Date => {
                        let days = Days::new(days);
                        let today = scalar::today(self.now, self.zone);
                        let other = if ahead { today.checked_add_days(days) } else { today.checked_sub_days(days) }?;
                        Some([today.min(other), today.max(other)].map(CustomField::slot_of_day))
                    }
                    _ => {
                        let (from, to) = scalar::around((self.now, self.zone), days, ahead)?;
                        Some([from, to].map(slot_of_time))
                    }
                });
                let bounds = bounds.ok_or_else(|| wrong(DAYS.0, DAYS.1))?;
                Ok(bounds.into_iter().map(slot).collect())
            }
            Op::Contains | Op::StartsWith if op == Op::Contains || field.holds == CustomType::LongText => {
                let said = json.as_str().filter(|said| said.chars().count() <= MAX_TEXT);
                let part = said.and_then(CustomField::part);
                Ok(vec![slot(SlotValue::Text(part.ok_or_else(|| wrong(PART.0, PART.1))?))])
            }
            Op::StartsWith => {
                let prefix = field.prefix(json).ok_or_else(|| wrong("the beginning of a text", "文本的开头"))?;
                Ok(vec![slot(SlotValue::Text(prefix))])
            }
            _ => Ok(vec![self.custom_said(field, json, at)?]),
        }
    }

    /// What a value means.
    fn custom_said(&self, field: &CustomField, json: &Value, at: &str) -> Read<Said<CustomOperand>> {
        if json.is_null() {
            return Err(self.custom_wrong(field, json, scalar::MISSING, at));
        }
        let open = !field.sensitive;
        let span = match field.holds {
            CustomType::Time if open => scalar::times(json, self.now, self.zone).map(|said| said.map(slot_of_time)),
            CustomType::Date if open => {
                let days = span::days_of(json.as_str().unwrap_or_default(), scalar::today(self.now, self.zone));
                days.map(|(from, to)| Said::Span(from, to).map(CustomField::slot_of_day))
            }
            _ => None,
        };
        match span {
            Some(span) => Ok(span.map(CustomOperand::Slot)),
            None => self.custom_operand(field, json, at).map(Said::One),
        }
    }

    fn custom_operand(&self, field: &CustomField, json: &Value, at: &str) -> Read<CustomOperand> {
        let value = if field.sensitive {
            let form = field.sealed_operand(json, self.region);
            form.map(|form| CustomOperand::Sealed(Sensitive::new(form)))
        } else {
            field.operand(json, self.zone).map(CustomOperand::Slot)
        };
        value.ok_or_else(|| match field.holds {
            CustomType::Choice | CustomType::Choices => {
                let keys: Vec<&str> = field.choices.iter().map(|item| item.key.as_str()).collect();
                let shown = quoted(&text_of(json));
                finding(at, Flaw::new(&codes::CHOICE_UNKNOWN).with("value", shown).with("choices", keys.join(", ")))
            }
            holds => self.custom_wrong(field, json, expected(holds), at),
        })
    }

    fn custom_op_unknown(&self, field: &CustomField, op: &str) -> Flaw {
        let known: Vec<&str> = field.ops().iter().map(|op| op.key()).collect();
        let name = format!("{}{}", self.prefix, field.name);
        Flaw::new(&codes::FILTER_OP).with("field", name).with("op", op).with("known", known.join(", "))
    }

    fn custom_wrong(&self, field: &CustomField, json: &Value, (en, zh): (&str, &str), at: &str) -> Finding {
        let name = format!("{}{}", self.prefix, field.name);
        let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", name).with("value", quoted(&text_of(json)));
        finding(at, flaw.with("expected_en", en).with("expected_zh", zh))
    }
}

fn slot_of_time(time: DateTime<Utc>) -> SlotValue {
    SlotValue::Number(time.timestamp_millis())
}

/// The operators that a custom field knows; none where it is not filterable, or not yet.
pub fn custom_ops(field: &CustomField) -> impl Iterator<Item = Op> {
    let is_known = |op: &Op| field.is_linked || !field.asks_links(*op);
    field.ops().iter().copied().filter(move |op| field.filterable && field.is_indexed && is_known(op))
}

fn expected(holds: CustomType) -> (&'static str, &'static str) {
    match holds {
        CustomType::Number => ("a number", "数字"),
        CustomType::Money => ("an amount of money", "金额"),
        CustomType::Date => (DAY_EN, DAY_ZH),
        CustomType::Time => (TIME_EN, TIME_ZH),
        CustomType::Boolean => ("true or false", "true 或 false"),
        CustomType::Reference => ("an id", "编号"),
        CustomType::Phone => ("a phone number", "电话号码"),
        CustomType::Email => ("an e-mail address", "邮箱地址"),
        _ => ("a text", "文本"),
    }
}
