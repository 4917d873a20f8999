//! Questions to a list: one tree of conditions, read from a body or from an address, for every kind.

mod custom;
mod external;
mod members;
mod scalar;
mod sealed;
mod segment;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::custom::CustomField;
use crate::flaw::Flaw;
use crate::read::Finding;
use crate::record::Kind;
use crate::sensitive::Sensitive;

pub use custom::{CustomCondition, CustomOperand, custom_ops};
pub use members::{Class, Member, Op, field_members, members, sorts};
pub use scalar::time;
use scalar::{flag, int};
pub use sealed::{external_id_form, sealed_form};
pub use segment::{SEGMENT, SegmentCondition};

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them hold; of none: everything.
    And(Vec<Self>),
    /// One of them holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// A condition on one member.
    Is(Condition),
    /// A condition on a field that the organisation added.
    Custom(CustomCondition),
    /// That it is one of a segment, or of none of some.
    Segment(SegmentCondition),
}

/// A condition on one member.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The member.
    pub member: Member,
    /// The operator.
    pub op: Op,
    /// What it is compared with; one value for most, two for `between`, none for `is_null`.
    pub values: Vec<Scalar>,
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text, a key, a code.
    Text(String),
    /// The normalised value of a sealed member.
    Sealed(Sensitive<String>),
    /// An id.
    Id(Uuid),
    /// A moment.
    Time(DateTime<Utc>),
    /// A whole number.
    Int(i64),
    /// True or false.
    Flag(bool),
}

const MAX_CONDITIONS: usize = 20;
const MAX_DEPTH: usize = 5;
const MAX_VALUES: usize = 500;
/// Most tags that `has_all` takes.
const MAX_ALL: usize = 20;
/// Longest text that `contains` and `starts_with` take, in characters.
const MAX_TEXT: usize = 200;

/// Reads questions about one kind.
pub struct FilterReader<'a> {
    /// The kind that is asked for.
    pub kind: &'static Kind,
    /// Region assumed for phone numbers.
    pub region: &'a str,
    /// What `within_last` counts back from.
    pub now: DateTime<Utc>,
    /// Where days begin.
    pub zone: Tz,
    /// Names of members that are as unknown to whoever asks.
    hidden: Vec<&'static str>,
    /// Fields that the organisation added, and whoever asks may ask for.
    custom: Vec<Arc<CustomField>>,
    /// Whether the question is kept, and asked again by others.
    kept: bool,
    conditions: usize,
    values: usize,
}

type Read<T> = Result<T, Finding>;

impl<'a> FilterReader<'a> {
    /// A reader for questions about a kind.
    #[must_use]
    pub fn new(kind: &'static Kind, region: &'a str, now: DateTime<Utc>, zone: Tz) -> Self {
        Self { kind, region, now, zone, hidden: Vec::new(), custom: Vec::new(), kept: false, conditions: 0, values: 0 }
    }

    /// The same reader, to whoever may not see these members of every record: they are as if unknown.
    #[must_use]
    pub fn without(self, hidden: Vec<&'static str>) -> Self {
        Self { hidden, ..self }
    }

    /// The same reader, which knows these fields that the organisation added.
    #[must_use]
    pub fn with(self, custom: Vec<Arc<CustomField>>) -> Self {
        Self { custom, ..self }
    }

    /// Reads the `where` of a search body.
    ///
    /// # Errors
    /// The first thing that is wrong, with its pointer.
    pub fn body(&mut self, json: &Value, at: &str) -> Read<Filter> {
        self.node(json, at, 1)
    }

    /// Reads one `filter[field.op]=value` of an address; lists are separated by commas.
    ///
    /// # Errors
    /// What is wrong, with the parameter's name; a sealed member may not stand in an address.
    pub fn parameter(&mut self, name: &str, value: &str) -> Read<Filter> {
        let at = format!("filter[{name}]");
        if name.starts_with("custom.") {
            return self.custom_parameter(name, value, &at);
        }
        if name.starts_with(external::PREFIX) {
            return self.external_parameter(name, value, &at);
        }
        let (member, op) = match self.member(name, &at) {
            Ok(member) => (member, Op::Eq),
            Err(unknown) => match name.rsplit_once('.').and_then(|(name, op)| Some((name, Op::from_key(op)?))) {
                Some((name, op)) => (self.member(name, &at)?, op),
                None => return Err(unknown),
            },
        };
        if let Class::Sealed(_) = member.class {
            return Err(finding(&at, Flaw::new(&codes::SEALED_IN_URL).with("field", member.name)));
        }
        self.condition(member, op, &operand_of(op, value), &at)
    }

    fn node(&mut self, json: &Value, at: &str, depth: usize) -> Read<Filter> {
        if depth > MAX_DEPTH {
            return Err(self.too_large(at));
        }
        let shape = || finding(at, Flaw::new(&codes::FILTER_SHAPE));
        let node = json.as_object().ok_or_else(shape)?;
        if let Some(field) = node.get("field") {
            if node.keys().any(|key| !matches!(key.as_str(), "field" | "op" | "value")) {
                return Err(shape());
            }
            let name = field.as_str().ok_or_else(shape)?;
            if name.starts_with("custom.") {
                return self.custom_node(name, node, at);
            }
            if name.starts_with(external::PREFIX) {
                return self.external_node(name, node, at);
            }
            let member = self.member(name, &format!("{at}/field"))?;
            let op = match node.get("op") {
                None => Op::Eq,
                Some(op) => {
                    let key = op.as_str().ok_or_else(shape)?;
                    Op::from_key(key).ok_or_else(|| finding(&format!("{at}/op"), op_unknown(member, key)))?
                }
            };
            return self.condition(member, op, node.get("value").unwrap_or(&Value::Null), at);
        }
        let mut entries = node.iter();
        match (entries.next(), entries.next()) {
            (Some((key, Value::Array(parts))), None) if key == "and" || key == "or" => {
                let parts = parts.iter().enumerate();
                let parts: Read<Vec<Filter>> =
                    parts.map(|(i, part)| self.node(part, &format!("{at}/{key}/{i}"), depth + 1)).collect();
                Ok(if key == "and" { Filter::And(parts?) } else { Filter::Or(parts?) })
            }
            (Some((key, part)), None) if key == "not" => {
                Ok(Filter::Not(Box::new(self.node(part, &format!("{at}/not"), depth + 1)?)))
            }
            _ => Err(shape()),
        }
    }

    fn too_large(&self, at: &str) -> Finding {
        let flaw = Flaw::new(&codes::FILTER_TOO_LARGE).with("conditions", MAX_CONDITIONS);
        finding(at, flaw.with("depth", MAX_DEPTH).with("values", MAX_VALUES))
    }

    fn member(&self, name: &str, at: &str) -> Read<Member> {
        let known = || members(self.kind).filter(|member| !self.hidden.contains(&member.name));
        known().find(|member| member.name == name).ok_or_else(|| self.unknown(name, at))
    }

    fn unknown(&self, name: &str, at: &str) -> Finding {
        let known = members(self.kind).filter(|member| !self.hidden.contains(&member.name));
        let custom = self.custom.iter().filter(|field| field.filterable).map(|field| field.name.as_str());
        let known: Vec<&str> = known.map(|member| member.name).chain(custom).collect();
        finding(at, Flaw::new(&codes::FILTER_FIELD).with("field", name).with("known", known.join(", ")))
    }

    fn condition(&mut self, member: Member, op: Op, json: &Value, at: &str) -> Read<Filter> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.too_large(at));
        }
        if !member.class.ops().contains(&op) {
            return Err(finding(at, op_unknown(member, op.key())));
        }
        self.refuse_kept(member, op, at)?;
        let values = self.operands(member, op, json, at)?;
        self.values += values.len();
        if self.values > MAX_VALUES {
            return Err(self.too_large(at));
        }
        if member.class == Class::Segment {
            return Ok(SegmentCondition::filter(op, &values, at));
        }
        Ok(Filter::Is(Condition { member, op, values }))
    }

    fn operands(&self, member: Member, op: Op, json: &Value, at: &str) -> Read<Vec<Scalar>> {
        let wrong = |en, zh| self.wrong(member, json, en, zh, at);
        match op {
            Op::IsNull => match json {
                Value::Null => Ok(vec![Scalar::Flag(true)]),
                _ => flag(json)
                    .map(|value| vec![Scalar::Flag(value)])
                    .ok_or_else(|| wrong("true or false", "true 或 false")),
            },
            Op::In | Op::Nin | Op::HasAny | Op::HasAll => {
                let items = json.as_array().ok_or_else(|| wrong("a list", "列表"))?;
                if op == Op::HasAll && items.len() > MAX_ALL {
                    return Err(wrong("at most 20 tags", "最多 20 个标签"));
                }
                items.iter().map(|item| self.scalar(member, item, at)).collect()
            }
            Op::Between => match json.as_array().map(Vec::as_slice) {
                Some([from, to]) => Ok(vec![self.scalar(member, from, at)?, self.scalar(member, to, at)?]),
                _ => Err(wrong("two values", "两个值")),
            },
            Op::WithinLast | Op::NotWithinLast => {
                let days = int(json).filter(|days| (0..=36500).contains(days));
                let days = days.ok_or_else(|| wrong("a number of days", "天数"))?;
                Ok(vec![Scalar::Time(self.now - Duration::days(days))])
            }
            Op::Contains | Op::StartsWith => {
                let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= MAX_TEXT;
                let text = json.as_str().filter(fits);
                Ok(vec![Scalar::Text(
                    text.ok_or_else(|| wrong("a text of at most 200 characters", "不超过 200 个字符的文本"))?
                        .to_owned(),
                )])
            }
            _ => Ok(vec![self.scalar(member, json, at)?]),
        }
    }

    fn wrong(&self, member: Member, json: &Value, en: &str, zh: &str, at: &str) -> Finding {
        let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", member.name).with("value", shown);
        finding(at, flaw.with("expected_en", en).with("expected_zh", zh))
    }
}

/// What a parameter says: a list, where the operator takes one.
fn operand_of(op: Op, value: &str) -> Value {
    let several = matches!(op, Op::In | Op::Nin | Op::Between | Op::HasAny | Op::HasAll);
    if several { Value::Array(value.split(',').map(Value::from).collect()) } else { Value::from(value) }
}

fn finding(at: &str, flaw: Flaw) -> Finding {
    Finding { pointer: at.to_owned(), flaw }
}

fn op_unknown(member: Member, op: &str) -> Flaw {
    let known: Vec<&str> = member.class.ops().iter().map(|op| op.key()).collect();
    Flaw::new(&codes::FILTER_OP).with("field", member.name).with("op", op).with("known", known.join(", "))
}
