//! Conditions on ids in other systems: `external_ids.shop`.

use serde_json::Value;

use crate::codes;
use crate::field::Find;
use crate::fields::is_source;
use crate::flaw::Flaw;
use crate::read::Members;
use crate::sensitive::Sensitive;

use super::{
    Class, Condition, Filter, FilterReader, MAX_CONDITIONS, MAX_VALUES, Member, Op, Read, Scalar, external_id_form,
    finding, operand_of,
};

/// How such a member begins; its source follows.
pub(super) const PREFIX: &str = "external_ids.";

/// An id is found as a whole, and nothing else is known of it.
const OPS: &[Op] = &[Op::Eq, Op::Ne, Op::In];

impl FilterReader<'_> {
    pub(super) fn external_parameter(&mut self, name: &str, value: &str, at: &str) -> Read<Filter> {
        let (name, op) = match name.rsplit_once('.') {
            // The source itself stands behind the last point, unless an operator does.
            Some((before, op)) if before.contains('.') => (before, op),
            _ => (name, Op::Eq.key()),
        };
        let op = self.external_op(name, op, at)?;
        self.external(name, op, &operand_of(op, value), at)
    }

    pub(super) fn external_node(&mut self, name: &str, node: &Members, at: &str) -> Read<Filter> {
        let key = node.get("op").map_or(Some(Op::Eq.key()), Value::as_str).unwrap_or_default();
        let op = self.external_op(name, key, &format!("{at}/op"))?;
        self.external(name, op, node.get("value").unwrap_or(&Value::Null), at)
    }

    fn external_op(&self, name: &str, key: &str, at: &str) -> Read<Op> {
        let known: Vec<&str> = OPS.iter().map(|op| op.key()).collect();
        let flaw = || Flaw::new(&codes::FILTER_OP).with("field", name).with("op", key).with("known", known.join(", "));
        Op::from_key(key).filter(|op| OPS.contains(op)).ok_or_else(|| finding(at, flaw()))
    }

    fn external(&mut self, name: &str, op: Op, json: &Value, at: &str) -> Read<Filter> {
        let field = self.kind.fields.iter().find(|field| field.find == Some(Find::ExternalId));
        let field = field.filter(|field| !self.scope.hidden.contains(&field.name));
        let source = name.strip_prefix(PREFIX).filter(|source| is_source(source));
        let (Some(field), Some(source)) = (field, source) else { return Err(self.unknown(name, at)) };
        let wrong = |json: &Value| {
            let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
            let flaw = Flaw::new(&codes::FILTER_VALUE).with("field", name).with("value", shown);
            finding(at, flaw.with("expected_en", "a text").with("expected_zh", "文本"))
        };
        let one = |json: &Value| {
            let id = json.as_str().ok_or_else(|| wrong(json))?;
            Ok(Scalar::Sealed(Sensitive::new(external_id_form(self.kind.name, source, id))))
        };
        let values = match op {
            Op::In => {
                let items = json.as_array().ok_or_else(|| wrong(json))?;
                items.iter().map(one).collect::<Read<Vec<_>>>()?
            }
            _ => vec![one(json)?],
        };
        self.conditions += 1;
        self.values += values.len();
        if self.conditions > MAX_CONDITIONS || self.values > MAX_VALUES {
            return Err(self.too_large(at));
        }
        let member = Member { name: field.name, class: Class::Sealed(Find::ExternalId) };
        Ok(Filter::Is(Condition { member, op, values }))
    }
}
