//! Conditions on fields that an organisation added.

use std::sync::Arc;

use chrono::Duration;
use serde_json::Value;

use crate::codes;
use crate::custom::{CustomField, CustomType, SlotValue};
use crate::flaw::Flaw;
use crate::read::Members;
use crate::sensitive::Sensitive;

use super::scalar::{flag, int};
use super::{Filter, FilterReader, MAX_ALL, MAX_CONDITIONS, MAX_VALUES, Op, Read, finding, operand_of};

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
        let with_op = name.rsplit_once('.').and_then(|(name, op)| Some((name, Op::from_key(op)?)));
        let (name, op) = match self.custom.iter().any(|field| field.name == name) {
            true => (name, Op::Eq),
            false => with_op.unwrap_or((name, Op::Eq)),
        };
        let field = self.custom_field(name, at)?;
        if field.sensitive {
            return Err(finding(at, Flaw::new(&codes::SEALED_IN_URL).with("field", name)));
        }
        self.custom_condition(field, op, &operand_of(op, value), at)
    }

    pub(super) fn custom_node(&mut self, name: &str, node: &Members, at: &str) -> Read<Filter> {
        let field = self.custom_field(name, &format!("{at}/field"))?;
        let op = match node.get("op") {
            None => Op::Eq,
            Some(op) => {
                let key = op.as_str().unwrap_or_default();
                Op::from_key(key).ok_or_else(|| finding(&format!("{at}/op"), op_unknown(&field, key)))?
            }
        };
        self.custom_condition(field, op, node.get("value").unwrap_or(&Value::Null), at)
    }

    /// A field that can be asked for.
    fn custom_field(&self, name: &str, at: &str) -> Read<Arc<CustomField>> {
        let field = self.custom.iter().find(|field| field.name == name);
        let Some(field) = field else { return Err(self.unknown(name, at)) };
        if !field.filterable {
            return Err(finding(at, Flaw::new(&codes::CUSTOM_NOT_FILTERABLE).with("field", name)));
        }
        if !field.is_indexed {
            return Err(finding(at, Flaw::new(&codes::CUSTOM_NOT_INDEXED).with("field", name)));
        }
        Ok(field.clone())
    }

    fn custom_condition(&mut self, field: Arc<CustomField>, op: Op, json: &Value, at: &str) -> Read<Filter> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.too_large(at));
        }
        if !field.ops().contains(&op) {
            return Err(finding(at, op_unknown(&field, op.key())));
        }
        self.refuse_kept_custom(&field, op, at)?;
        let values = self.custom_operands(&field, op, json, at)?;
        self.values += values.len();
        if self.values > MAX_VALUES {
            return Err(self.too_large(at));
        }
        Ok(Filter::Custom(CustomCondition { field, op, values }))
    }

    fn custom_operands(&self, field: &CustomField, op: Op, json: &Value, at: &str) -> Read<Vec<CustomOperand>> {
        let wrong = |en, zh| wrong(field, json, (en, zh), at);
        let one = |json: &Value| self.custom_operand(field, json, at);
        match op {
            Op::IsNull => {
                let wants = if json.is_null() { Some(true) } else { flag(json) };
                let wants = wants.ok_or_else(|| wrong("true or false", "true 或 false"))?;
                Ok(vec![CustomOperand::Flag(wants)])
            }
            Op::In | Op::Nin | Op::HasAny | Op::HasAll => {
                let items = json.as_array().ok_or_else(|| wrong("a list", "列表"))?;
                if op == Op::HasAll && items.len() > MAX_ALL {
                    return Err(wrong("at most 20 values", "最多 20 个值"));
                }
                items.iter().map(one).collect()
            }
            Op::Between => match json.as_array().map(Vec::as_slice) {
                Some([from, to]) => Ok(vec![one(from)?, one(to)?]),
                _ => Err(wrong("two values", "两个值")),
            },
            Op::WithinLast | Op::NotWithinLast => {
                let days = int(json).filter(|days| (0..=36500).contains(days));
                let days = days.ok_or_else(|| wrong("a number of days", "天数"))?;
                let since = (self.now - Duration::days(days)).timestamp_millis();
                Ok(vec![CustomOperand::Slot(SlotValue::Number(since))])
            }
            Op::StartsWith => {
                let prefix = field.prefix(json).ok_or_else(|| wrong("the beginning of a text", "文本的开头"))?;
                Ok(vec![CustomOperand::Slot(SlotValue::Text(prefix))])
            }
            _ => Ok(vec![one(json)?]),
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
                let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
                finding(at, Flaw::new(&codes::CHOICE_UNKNOWN).with("value", shown).with("choices", keys.join(", ")))
            }
            holds => wrong(field, json, expected(holds), at),
        })
    }
}

/// The operators that a custom field knows; none where it is not filterable, or not yet.
pub fn custom_ops(field: &CustomField) -> impl Iterator<Item = Op> {
    field.ops().iter().copied().filter(|_| field.filterable && field.is_indexed)
}

fn op_unknown(field: &CustomField, op: &str) -> Flaw {
    let known: Vec<&str> = field.ops().iter().map(|op| op.key()).collect();
    Flaw::new(&codes::FILTER_OP).with("field", &field.name).with("op", op).with("known", known.join(", "))
}

fn wrong(field: &CustomField, json: &Value, (en, zh): (&str, &str), at: &str) -> super::Finding {
    let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", &field.name).with("value", shown);
    finding(at, flaw.with("expected_en", en).with("expected_zh", zh))
}

fn expected(holds: CustomType) -> (&'static str, &'static str) {
    match holds {
        CustomType::Number => ("a number", "数字"),
        CustomType::Money => ("an amount of money", "金额"),
        CustomType::Date => ("a date (2026-11-22)", "日期（2026-11-22）"),
        CustomType::Time => ("a time (RFC 3339) or a date", "时间（RFC 3339）或日期"),
        CustomType::Boolean => ("true or false", "true 或 false"),
        CustomType::Reference => ("an id", "编号"),
        CustomType::Phone => ("a phone number", "电话号码"),
        CustomType::Email => ("an e-mail address", "邮箱地址"),
        _ => ("a text", "文本"),
    }
}
