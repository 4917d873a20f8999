//! Scalars of a question: from JSON, or from the text of a parameter.

use chrono::{DateTime, Datelike, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use crate::field::Shape;
use crate::fields::Day;
use crate::sensitive::Sensitive;
use crate::value::{Budget, Industry, Quarter, Region};

use super::{Class, FilterReader, Member, Read, Scalar, finding, sealed_form};

pub(super) fn flag(json: &Value) -> Option<bool> {
    json.as_bool().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

pub(super) fn int(json: &Value) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

/// A moment, or a day that begins in a time zone; between the years 1900 and 9999, which both engines can compare.
#[must_use]
pub fn time(json: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    let text = json.as_str()?;
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    let time = moment.or_else(|| {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        // Where the clock is put forward at midnight, the day begins later.
        let begin = [0, 1, 2].into_iter().filter_map(|hour| day.and_hms_opt(hour, 0, 0));
        let begin = begin.filter_map(|begin| zone.from_local_datetime(&begin).earliest()).next()?;
        Some(begin.with_timezone(&Utc))
    })?;
    (1900..=9999).contains(&time.year()).then_some(time)
}

impl FilterReader<'_> {
    fn is_choice(&self, member: Member, key: &str) -> bool {
        match self.kind.field(member.name).map(|field| field.shape) {
            Some(Shape::Choices(vocabulary)) => vocabulary.items.iter().any(|(known, ..)| *known == key),
            _ => false,
        }
    }

    /// A value of a member.
    pub(super) fn scalar(&self, member: Member, json: &Value, at: &str) -> Read<Scalar> {
        let wrong = |en, zh| self.wrong(member, json, en, zh, at);
        let text = json.as_str();
        match member.class {
            Class::Word | Class::Name | Class::Phrase | Class::Prose => {
                text.map(|text| Scalar::Text(text.to_owned())).ok_or_else(|| wrong("a text", "文本"))
            }
            Class::Choices => text
                .filter(|key| self.is_choice(member, key))
                .map(|key| Scalar::Text(key.to_owned()))
                .ok_or_else(|| wrong("a key of its vocabulary", "可选值之一")),
            Class::Day => text
                .and_then(|text| Day::parse(text).ok())
                .map(|day| Scalar::Text(day.to_string()))
                .ok_or_else(|| wrong("a date (YYYY-MM-DD)", "日期（YYYY-MM-DD）")),
            Class::Quarter => text
                .and_then(|text| Quarter::parse(text).ok())
                .map(|quarter| Scalar::Text(quarter.to_string()))
                .ok_or_else(|| wrong("a quarter such as 2026-Q1", "季度，如 2026-Q1")),
            Class::Budget => {
                let said = text.map(str::to_owned).or_else(|| json.is_number().then(|| json.to_string()));
                let yuan = said.and_then(|said| Budget::bound(&said).ok());
                yuan.map(Scalar::Int).ok_or_else(|| wrong("an amount in 万元", "以万元计的金额"))
            }
            Class::Tags => {
                let text = text.ok_or_else(|| wrong("a name or an id", "名称或编号"))?;
                Ok(Uuid::parse_str(text).map_or_else(|_| Scalar::Text(text.to_owned()), Scalar::Id))
            }
            Class::Id | Class::Segment => {
                text.and_then(|text| Uuid::parse_str(text).ok()).map(Scalar::Id).ok_or_else(|| wrong("an id", "编号"))
            }
            Class::Time => time(json, self.zone)
                .map(Scalar::Time)
                .ok_or_else(|| wrong("a time (RFC 3339) or a date", "时间（RFC 3339）或日期")),
            Class::Int => int(json).map(Scalar::Int).ok_or_else(|| wrong("a whole number", "整数")),
            Class::Flag => flag(json).map(Scalar::Flag).ok_or_else(|| wrong("true or false", "true 或 false")),
            Class::Industry => {
                let industry = text.and_then(|text| Industry::parse(text).ok());
                industry.map(|i| Scalar::Text(i.code().to_owned())).ok_or_else(|| wrong("an industry", "行业"))
            }
            Class::Region => {
                let region = text.and_then(|text| Region::parse(text).ok());
                region.map(|r| Scalar::Text(r.code().to_owned())).ok_or_else(|| wrong("a region", "地区"))
            }
            Class::Sealed(find) => {
                let text = text.ok_or_else(|| wrong("a text", "文本"))?;
                sealed_form(find, text, self.region)
                    .map(|form| Scalar::Sealed(Sensitive::new(form)))
                    .map_err(|flaw| finding(at, flaw))
            }
        }
    }
}
