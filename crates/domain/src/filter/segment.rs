//! Conditions on the segments that a record is one of, and questions that are kept as segments.

use uuid::Uuid;

use crate::codes;
use crate::custom::CustomField;
use crate::flaw::Flaw;

use super::span::Said;
use super::{Class, Filter, FilterReader, Member, Op, Read, Scalar, finding};

/// The name by which segments are asked for.
pub const SEGMENT: &str = "segment";

/// A condition on the segments that a record is one of.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentCondition {
    /// The operator: `eq`, `ne`, `in` or `nin`.
    pub op: Op,
    /// The segments. What they are is looked up when the question is asked.
    pub ids: Vec<Uuid>,
    /// Where it stands in the question, for what is wrong with them.
    pub at: String,
}

impl SegmentCondition {
    pub(super) fn filter(op: Op, said: Vec<Said<Scalar>>, at: &str) -> Filter {
        let id = |said: Said<Scalar>| match said {
            Said::One(Scalar::Id(id)) => Some(id),
            _ => None,
        };
        Filter::Segment(Self { op, ids: said.into_iter().filter_map(id).collect(), at: at.to_owned() })
    }

    /// That a record is one of a segment, which is known.
    #[must_use]
    pub fn is_one_of(segment: Uuid) -> Filter {
        Filter::Segment(Self { op: Op::Eq, ids: vec![segment], at: SEGMENT.to_owned() })
    }

    /// Whether it holds for records that are in none of them.
    #[must_use]
    pub fn excludes(&self) -> bool {
        matches!(self.op, Op::Ne | Op::Nin)
    }
}

impl Filter {
    /// Every condition on segments in it.
    #[must_use]
    pub fn segments(&self) -> Vec<&SegmentCondition> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::segments).collect(),
            Self::Not(part) => part.segments(),
            Self::Segment(condition) => vec![condition],
            // Related records are asked for by no segment of theirs.
            Self::Is(_) | Self::Custom(_) | Self::Related(_) => Vec::new(),
        }
    }
}

impl FilterReader<'_> {
    /// The same reader, for a question that is kept: it may hold no value that is confidential.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    pub(super) fn refuse_kept(&self, member: Member, op: Op, at: &str) -> Read<()> {
        self.refuse_sealed(matches!(member.class, Class::Sealed(_)), op, member.name, at)
    }

    pub(super) fn refuse_kept_custom(&self, field: &CustomField, op: Op, at: &str) -> Read<()> {
        self.refuse_sealed(field.sensitive, op, &field.name, at)
    }

    fn refuse_sealed(&self, sealed: bool, op: Op, name: &str, at: &str) -> Read<()> {
        if self.kept && sealed && op != Op::IsNull {
            return Err(finding(at, Flaw::new(&codes::SEGMENT_SEALED).with("field", name)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::kinds::{Contact, Tag};
    use crate::record::Record;

    #[test]
    fn a_kept_question_holds_nothing_confidential() {
        let read = |kept: bool, said| {
            let reader = FilterReader::new(Contact::KIND, "CN", DateTime::UNIX_EPOCH, chrono_tz::Asia::Shanghai);
            let mut reader = if kept { reader.kept() } else { reader };
            let read = reader.body(&said, "/where").map(|_| ());
            read.map_err(|finding| (finding.pointer, finding.flaw.code.key))
        };
        let phone = json!({"and": [{"field": "phone", "op": "eq", "value": "13800138000"}]});
        assert_eq!(read(false, phone.clone()), Ok(()));
        assert_eq!(read(true, phone), Err(("/where/and/0".to_owned(), "segment_sealed")));
        assert_eq!(read(true, json!({"field": "phone", "op": "is_null", "value": false})), Ok(()));
    }

    #[test]
    fn records_of_some_kinds_are_asked_for_by_segment() {
        let id = Uuid::from_u128(1);
        let asked = json!({"or": [{"field": "segment", "op": "nin", "value": [id]}]});
        let read =
            |kind| FilterReader::new(kind, "CN", DateTime::UNIX_EPOCH, chrono_tz::Asia::Shanghai).body(&asked, "");
        let found = read(Contact::KIND).unwrap();
        let at = "/or/0".to_owned();
        assert_eq!(found.segments(), [&SegmentCondition { op: Op::Nin, ids: vec![id], at }]);
        assert_eq!(read(Tag::KIND).unwrap_err().flaw.code.key, "filter_field_unknown");
    }
}
