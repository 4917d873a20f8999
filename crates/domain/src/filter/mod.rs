//! Questions to a list: one tree of conditions, read from a body or from an address, for every kind.

mod custom;
mod external;
mod facts;
mod members;
mod relation;
mod scalar;
mod sealed;
mod segment;
mod span;
mod told;

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::custom::CustomField;
use crate::flaw::Flaw;
use crate::read::{Finding, Members};
use crate::record::Kind;
use crate::sensitive::Sensitive;
use crate::value::quoted;

pub use custom::{CustomCondition, CustomOperand, custom_ops};
pub use facts::{Fact, Facts};
pub use members::{Class, Member, Op, field_members, members, sorts};
use relation::Way;
pub use relation::{POINTS_BACK, RELATIONS, Related, Relation, relations};
pub use scalar::time;
use scalar::{flag, int};
pub use sealed::{external_id_form, sealed_form};
pub use segment::{SEGMENT, SegmentCondition};
use span::Said;
pub use span::WORDS;
use told::{found, inside, near, part, text_of};

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
    /// A condition on related records.
    Related(Related),
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
    /// What it is compared with; one value for most, two for `between` and the `within` ones (the first and the last),
    /// a flag for `is_null`.
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

/// What may be asked of a kind.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Names of members that are as unknown to whoever asks.
    pub hidden: Vec<&'static str>,
    /// Fields that the organisation added, and whoever asks may ask for.
    pub custom: Vec<Arc<CustomField>>,
}

/// Reads questions about one kind.
pub struct FilterReader<'a> {
    /// The kind that is asked for.
    pub kind: &'static Kind,
    /// Region assumed for phone numbers.
    pub region: &'a str,
    /// What days and weeks are counted from.
    pub now: DateTime<Utc>,
    /// Where days begin.
    pub zone: Tz,
    scope: Scope,
    /// Relations along which questions may be asked.
    ways: Vec<Way>,
    /// What stands before the names of members in messages.
    prefix: String,
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
        let (scope, prefix) = (Scope::default(), String::new());
        Self { kind, region, now, zone, scope, ways: Vec::new(), prefix, kept: false, conditions: 0, values: 0 }
    }

    /// The same reader, to whoever may not see these members of every record: they are as if unknown.
    #[must_use]
    pub fn without(mut self, hidden: Vec<&'static str>) -> Self {
        self.scope.hidden = hidden;
        self
    }

    /// The same reader, which knows these fields that the organisation added.
    #[must_use]
    pub fn with(mut self, custom: Vec<Arc<CustomField>>) -> Self {
        self.scope.custom = custom;
        self
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
        match self.related(name) {
            Some((way, member)) => self.related_parameter(way, member, value, &at),
            None => self.condition_parameter(name, value, &at),
        }
    }

    fn condition_parameter(&mut self, name: &str, value: &str, at: &str) -> Read<Filter> {
        if name.starts_with("custom.") {
            return self.custom_parameter(name, value, at);
        }
        if name.starts_with(external::PREFIX) {
            return self.external_parameter(name, value, at);
        }
        let (member, op) = match self.member(name, at) {
            Ok(member) => (member, Op::Eq),
            Err(unknown) => match name.rsplit_once('.') {
                // Without such a member, no operator of it is known either.
                Some((name, op)) => {
                    let member = self.member(name, at)?;
                    (member, Op::from_key(op).ok_or_else(|| finding(at, self.op_unknown(member, op)))?)
                }
                None => return Err(unknown),
            },
        };
        if let Class::Sealed(_) = member.class {
            let name = format!("{}{}", self.prefix, member.name);
            return Err(finding(at, Flaw::new(&codes::SEALED_IN_URL).with("field", name)));
        }
        self.condition(member, op, &operand_of(op, value), at)
    }

    fn node(&mut self, json: &Value, at: &str, depth: usize) -> Read<Filter> {
        if depth > MAX_DEPTH {
            return Err(self.too_large(at));
        }
        let shape = || {
            let (en, zh) = found(json);
            finding(at, Flaw::new(&codes::FILTER_SHAPE).with("found_en", en).with("found_zh", zh))
        };
        let node = json.as_object().ok_or_else(shape)?;
        if let Some(field) = node.get("field") {
            if let Some(key) = node.keys().find(|key| !matches!(key.as_str(), "field" | "op" | "value")) {
                let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", key).with("known", "field, op, value");
                return Err(finding(&part(at, key), flaw));
            }
            // What is no text is no field's name.
            let name = text_of(field);
            return match self.related(&name) {
                Some((way, member)) => self.related_condition(way, member, node, at),
                None => self.condition_node(&name, node, at),
            };
        }
        if let (Some(relation), Some(filter), 2) = (node.get("related"), node.get("where"), node.len()) {
            return self.related_node(&text_of(relation), filter, at, depth);
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
            (Some((key, other)), None) if key == "and" || key == "or" => {
                let (en, zh) = found(other);
                let flaw = Flaw::new(&codes::FILTER_LIST).with("field", key).with("found_en", en).with("found_zh", zh);
                Err(finding(&part(at, key), flaw))
            }
            _ => Err(shape()),
        }
    }

    fn condition_node(&mut self, name: &str, node: &Members, at: &str) -> Read<Filter> {
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
                let key = text_of(op);
                Op::from_key(&key).ok_or_else(|| finding(&format!("{at}/op"), self.op_unknown(member, &key)))?
            }
        };
        self.condition(member, op, node.get("value").unwrap_or(&Value::Null), at)
    }

    fn too_large(&self, at: &str) -> Finding {
        let flaw = Flaw::new(&codes::FILTER_TOO_LARGE).with("conditions", MAX_CONDITIONS);
        finding(at, flaw.with("depth", MAX_DEPTH).with("values", MAX_VALUES))
    }

    fn members(&self) -> impl Iterator<Item = Member> {
        members(self.kind).filter(|member| !self.scope.hidden.contains(&member.name))
    }

    fn member(&self, name: &str, at: &str) -> Read<Member> {
        self.members().find(|member| member.name == name).ok_or_else(|| self.unknown(name, at))
    }

    fn unknown(&self, name: &str, at: &str) -> Finding {
        let prefix = &self.prefix;
        let own = self.members().map(|member| format!("{prefix}{}", member.name));
        let custom = self.scope.custom.iter().filter(|field| field.filterable);
        let custom = custom.map(|field| format!("{prefix}{}", field.name));
        let related = self.ways.iter().map(|way| format!("{}.…", way.relation.name));
        let mut known: Vec<String> = own.chain(custom).chain(related).collect();
        // Those that may be meant come first.
        let asked = near(name);
        known.sort_by_key(|known| near(known.strip_prefix(prefix.as_str()).unwrap_or(known)) != asked);
        let flaw = Flaw::new(&codes::FILTER_FIELD).with("field", format!("{prefix}{name}"));
        finding(at, flaw.with("known", known.join(", ")))
    }

    fn relation_unknown(&self, name: &str, at: &str) -> Finding {
        let known: Vec<&str> = self.ways.iter().map(|way| way.relation.name).collect();
        finding(at, Flaw::new(&codes::FILTER_RELATION).with("value", name).with("known", known.join(", ")))
    }

    fn op_unknown(&self, member: Member, op: &str) -> Flaw {
        let known: Vec<&str> = member.class.ops().iter().map(|op| op.key()).collect();
        let name = format!("{}{}", self.prefix, member.name);
        Flaw::new(&codes::FILTER_OP).with("field", name).with("op", op).with("known", known.join(", "))
    }

    fn condition(&mut self, member: Member, op: Op, json: &Value, at: &str) -> Read<Filter> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(self.too_large(at));
        }
        if !member.class.ops().contains(&op) {
            return Err(finding(&part(at, "op"), self.op_unknown(member, op.key())));
        }
        self.refuse_kept(member, op, at)?;
        let said = self.operands(member, op, json, &part(at, "value"))?;
        self.values += said.len();
        if self.values > MAX_VALUES {
            return Err(self.too_large(&part(at, "value")));
        }
        if member.class == Class::Segment {
            return Ok(SegmentCondition::filter(op, said, at));
        }
        Ok(span::compared(op, &said, &|op, values| Filter::Is(Condition { member, op, values })))
    }

    fn operands(&self, member: Member, op: Op, json: &Value, at: &str) -> Read<Vec<Said<Scalar>>> {
        let wrong = |en, zh| self.wrong(member, json, en, zh, at);
        match op {
            Op::IsNull => {
                let wants = if json.is_null() { Some(true) } else { flag(json) };
                let wants = wants.ok_or_else(|| wrong("true or false", "true 或 false"))?;
                Ok(vec![Said::One(Scalar::Flag(wants))])
            }
            Op::In | Op::Nin | Op::HasAny | Op::HasAll => {
                let items = json.as_array().ok_or_else(|| wrong("a list of values", "由若干值组成的列表"))?;
                if op == Op::HasAll && items.len() > MAX_ALL {
                    return Err(wrong("at most 20 values", "最多 20 个值"));
                }
                items.iter().enumerate().map(|(i, item)| self.said(member, item, &inside(at, i))).collect()
            }
            Op::Between => match json.as_array().map(Vec::as_slice) {
                Some([from, to]) => {
                    Ok(vec![self.said(member, from, &inside(at, 0))?, self.said(member, to, &inside(at, 1))?])
                }
                _ => Err(wrong("two values: the least and the most", "两个值：下限和上限")),
            },
            Op::WithinLast | Op::NotWithinLast | Op::WithinNext | Op::NotWithinNext => {
                let ahead = matches!(op, Op::WithinNext | Op::NotWithinNext);
                let bounds = days(json).and_then(|days| match member.class {
                    Class::Day => {
                        let today = scalar::today(self.now, self.zone);
                        let (from, to) = if ahead {
                            (today, today.checked_add_days(Days::new(days))?)
                        } else {
                            (today.checked_sub_days(Days::new(days))?, today)
                        };
                        Some([Scalar::Text(from.to_string()), Scalar::Text(to.to_string())])
                    }
                    _ => {
                        let (from, to) = scalar::around((self.now, self.zone), days, ahead)?;
                        Some([Scalar::Time(from), Scalar::Time(to)])
                    }
                });
                let bounds = bounds.ok_or_else(|| wrong(DAYS.0, DAYS.1))?;
                Ok(bounds.into_iter().map(Said::One).collect())
            }
            Op::Contains | Op::StartsWith => {
                let fits = |text: &&str| !text.trim().is_empty() && text.chars().count() <= MAX_TEXT;
                let text = json.as_str().filter(fits);
                let text = text.ok_or_else(|| wrong(PART.0, PART.1))?;
                Ok(vec![Said::One(Scalar::Text(text.to_owned()))])
            }
            _ => Ok(vec![self.said(member, json, at)?]),
        }
    }

    fn wrong(&self, member: Member, json: &Value, en: &str, zh: &str, at: &str) -> Finding {
        let name = format!("{}{}", self.prefix, member.name);
        let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", name).with("value", quoted(&text_of(json)));
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

/// What `contains` and `starts_with` take.
const PART: (&str, &str) = ("a text of 1 to 200 characters", "1 到 200 个字符的文本");

/// What `within_last` and its like take.
const DAYS: (&str, &str) = ("a whole number of days from 0 to 36500", "0 到 36500 之间的整数天数");

fn days(json: &Value) -> Option<u64> {
    int(json).and_then(|days| u64::try_from(days).ok()).filter(|days| *days <= span::MAX_DAYS)
}
