//! Scalars of a question: from JSON, or from the text of a parameter.

use chrono::{DateTime, Datelike, Days, NaiveDate, SubsecRound as _, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use crate::field::Shape;
use crate::fields::Day;
use crate::flaw::Flaw;
use crate::sensitive::Sensitive;
use crate::value::{Budget, Industry, Quarter, Region, quoted};

use super::span::{self, Said};
use super::{Class, FilterReader, Member, Read, Scalar, finding, sealed_form, text_of};

/// What null is told.
pub(super) const MISSING: (&str, &str) =
    ("a value; whether one is missing, `is_null` asks", "具体的值；判断是否为空请用 is_null");
/// What a time can be compared with.
pub(super) const TIME_EN: &str =
    "a time (2026-11-22T08:00:00Z), a date (2026-11-22), or a word such as today, last_week, this_month";
/// The same in Chinese.
pub(super) const TIME_ZH: &str =
    "时间（2026-11-22T08:00:00Z）、日期（2026-11-22）或 today、last_week、this_month 等相对时间";
/// What a day can be compared with.
pub(super) const DAY_EN: &str = "a date (2026-11-22), or a word such as today, last_week, this_month";
/// The same in Chinese.
pub(super) const DAY_ZH: &str = "日期（2026-11-22）或 today、last_week、this_month 等相对时间";

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
    moment(text).or_else(|| span::begin_of(day(text)?, zone))
}

/// A moment, to the millisecond, which is how they are stored.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc).trunc_subsecs(3);
    (1900..=9999).contains(&time.year()).then_some(time)
}

fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// What a time means that is asked for: a moment, or the whole of a day or of what a word says.
pub(super) fn times(json: &Value, now: DateTime<Utc>, zone: Tz) -> Option<Said<DateTime<Utc>>> {
    let text = json.as_str()?;
    if let Some(time) = moment(text) {
        return Some(Said::One(time));
    }
    let whole = |day: NaiveDate| Some((day, day.succ_opt()?));
    let (from, to) = span::days_of(text, today(now, zone)).or_else(|| whole(day(text)?))?;
    Some(Said::Span(span::begin_of(from, zone)?, span::begin_of(to, zone)?))
}

/// A region with all that lies in it.
fn region(code: String) -> Said<Scalar> {
    match Region::from_stored(code.clone()).span() {
        Some((from, to)) => Said::Span(Scalar::Text(from), Scalar::Text(to)),
        None => Said::One(Scalar::Text(code)),
    }
}

/// An industry with all that belongs to it.
fn industry(code: String) -> Said<Scalar> {
    let beneath: Vec<Scalar> =
        Industry::from_stored(code.clone()).divisions().map(|one| Scalar::Text(one.code().to_owned())).collect();
    let value = Scalar::Text(code);
    if beneath.is_empty() { Said::One(value) } else { Said::Each(value, beneath) }
}

/// The day that it is in a time zone.
pub(super) fn today(now: DateTime<Utc>, zone: Tz) -> NaiveDate {
    now.with_timezone(&zone).date_naive()
}

/// The first and the last moment of so many days back or ahead: whole days, but that today ends or begins now.
pub(super) fn around(
    (now, zone): (DateTime<Utc>, Tz),
    days: u64,
    ahead: bool,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (today, now) = (today(now, zone), now.trunc_subsecs(3));
    if ahead {
        let end = span::begin_of(today.checked_add_days(Days::new(days + 1))?, zone)?;
        Some((now, end - chrono::Duration::milliseconds(1)))
    } else {
        Some((span::begin_of(today.checked_sub_days(Days::new(days))?, zone)?, now))
    }
}

impl FilterReader<'_> {
    /// A key of the vocabulary of a member.
    fn choice(&self, member: Member, key: &str) -> Result<Scalar, Flaw> {
        match self.kind.field(member.name).map(|field| field.shape) {
            Some(Shape::Choice(vocabulary) | Shape::Choices(vocabulary)) => {
                let known = vocabulary.items.iter().any(|(known, ..)| *known == key);
                if known { Ok(Scalar::Text(key.to_owned())) } else { Err(vocabulary.unknown(&quoted(key))) }
            }
            _ => Ok(Scalar::Text(key.to_owned())),
        }
    }

    /// What a value of a member means.
    pub(super) fn said(&self, member: Member, json: &Value, at: &str) -> Read<Said<Scalar>> {
        if json.is_null() {
            return Err(self.wrong(member, json, MISSING.0, MISSING.1, at));
        }
        let text = json.as_str().unwrap_or_default();
        let span = match member.class {
            Class::Time => times(json, self.now, self.zone).map(|said| said.map(Scalar::Time)),
            Class::Day => {
                let days = span::days_of(text, today(self.now, self.zone));
                days.map(|(from, to)| Said::Span(from.to_string(), to.to_string()).map(Scalar::Text))
            }
            Class::Quarter if text.ends_with("_quarter") || text.ends_with("_year") => {
                let days = span::days_of(text, today(self.now, self.zone));
                let quarter = |day: NaiveDate| format!("{:04}-Q{}", day.year(), day.month0() / 3 + 1);
                days.map(|(from, to)| Said::Span(quarter(from), quarter(to)).map(Scalar::Text))
            }
            _ => None,
        };
        if let Some(span) = span {
            return Ok(span);
        }
        let value = self.scalar(member, json, at)?;
        Ok(match (member.class, value) {
            (Class::Region, Scalar::Text(code)) => region(code),
            (Class::Industry, Scalar::Text(code)) => industry(code),
            (_, value) => Said::One(value),
        })
    }

    /// A value of a member.
    pub(super) fn scalar(&self, member: Member, json: &Value, at: &str) -> Read<Scalar> {
        let wrong = |en, zh| self.wrong(member, json, en, zh, at);
        let text = json.as_str();
        match member.class {
            Class::Word | Class::Name | Class::Phrase | Class::Prose => {
                text.map(|text| Scalar::Text(text.to_owned())).ok_or_else(|| wrong("a text", "文本"))
            }
            Class::Choice | Class::Choices => self.choice(member, &text_of(json)).map_err(|flaw| finding(at, flaw)),
            Class::Day => text
                .and_then(|text| Day::parse(text).ok())
                .map(|day| Scalar::Text(day.to_string()))
                .ok_or_else(|| wrong(DAY_EN, DAY_ZH)),
            Class::Quarter => text
                .and_then(|text| Quarter::parse(text).ok())
                .map(|quarter| Scalar::Text(quarter.to_string()))
                .ok_or_else(|| {
                    wrong(
                        "a quarter such as 2026-Q1, or a word such as this_quarter, next_quarter, this_year",
                        "季度（如 2026-Q1）或 this_quarter、next_quarter、this_year 等相对时间",
                    )
                }),
            Class::Budget => {
                let said = text.map(str::to_owned).or_else(|| json.is_number().then(|| json.to_string()));
                let yuan = said.and_then(|said| Budget::bound(&said).ok());
                yuan.map(Scalar::Int).ok_or_else(|| wrong("an amount in 万元", "以万元计的金额"))
            }
            Class::Tags => {
                let text = text.ok_or_else(|| wrong("a name or an id", "名称或编号"))?;
                Ok(Uuid::parse_str(text).map_or_else(|_| Scalar::Text(text.to_owned()), Scalar::Id))
            }
            Class::Id | Class::Segment => text
                .and_then(|text| Uuid::parse_str(text).ok())
                .map(Scalar::Id)
                .ok_or_else(|| wrong("an id, as answers have it", "编号（如返回结果中的 id）")),
            // A moment was read as what it means.
            Class::Time => Err(wrong(TIME_EN, TIME_ZH)),
            Class::Int => int(json).map(Scalar::Int).ok_or_else(|| wrong("a whole number", "整数")),
            Class::Flag => flag(json).map(Scalar::Flag).ok_or_else(|| wrong("true or false", "true 或 false")),
            Class::Industry => {
                let industry = text.and_then(|text| Industry::parse(text).ok());
                industry.map(|i| Scalar::Text(i.code().to_owned())).ok_or_else(|| {
                    wrong("an industry: its code (65), section (I) or name", "行业代码（如 65）、门类（如 I）或名称")
                })
            }
            Class::Region => {
                let region = text.and_then(|text| Region::parse(text).ok());
                region
                    .map(|r| Scalar::Text(r.code().to_owned()))
                    .ok_or_else(|| wrong("a region: its code (310000) or name", "行政区划代码（如 310000）或名称"))
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
