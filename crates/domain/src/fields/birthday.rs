//! Birthdays: sealed days of the solar or of the Chinese calendar.

use chrono::{Datelike, NaiveDate};
use serde_json::{Map, Value};

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::sensitive::Sensitive;
use crate::show::{Out, View};
use crate::value::LunarDay;

use super::sealed::{MASK, read_masked};

/// What a text of a day of the Chinese calendar begins with.
const LUNAR: &str = "lunar:";
/// The members of its object.
const MEMBERS: [&str; 7] = ["calendar", "year", "month", "leap", "day", "born_on", "celebrated_on"];

/// A day in one of the calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BirthDay {
    Solar(NaiveDate),
    Lunar(LunarDay),
}

/// A day of birth that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birthday(Sensitive<BirthDay>);

impl Birthday {
    /// Parses `YYYY-MM-DD`, between 1900 and 9999, or a day of the Chinese calendar: `lunar:1990-08-15`, `lunar:08-15`,
    /// in a leap month `lunar:2023-02L-01`.
    ///
    /// # Errors
    /// `date_invalid`, `lunar_day_invalid`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let raw = raw.trim();
        match raw.strip_prefix(LUNAR) {
            Some(text) => lunar(text)
                .map(|day| Self(Sensitive::new(BirthDay::Lunar(day))))
                .ok_or_else(|| Flaw::new(&codes::LUNAR_DAY_INVALID).with("value", raw)),
            None => NaiveDate::parse_from_str(raw, "%Y-%m-%d")
                .ok()
                .filter(|day| (1900..=9999).contains(&day.year()))
                .map(|day| Self(Sensitive::new(BirthDay::Solar(day))))
                .ok_or_else(|| Flaw::new(&codes::DATE_INVALID).with("value", raw)),
        }
    }

    /// The text that [`parse`](Self::parse) takes: what is sealed.
    #[must_use]
    pub fn to_text(self) -> String {
        match self.0.expose() {
            BirthDay::Solar(day) => day.to_string(),
            BirthDay::Lunar(day) => {
                let year = day.year().map(|year| format!("{year:04}-")).unwrap_or_default();
                let leap = if day.is_leap() { "L" } else { "" };
                format!("{LUNAR}{year}{:02}{leap}-{:02}", day.month(), day.day())
            }
        }
    }

    /// Whether it is that day of that calendar. A leap month is not told from the ordinary one.
    #[must_use]
    pub fn is(self, other: Self) -> bool {
        match (self.0.expose(), other.0.expose()) {
            (BirthDay::Lunar(a), BirthDay::Lunar(b)) => {
                (a.year(), a.month(), a.day()) == (b.year(), b.month(), b.day())
            }
            (a, b) => a == b,
        }
    }

    /// Whether it says the year.
    #[must_use]
    pub fn has_year(self) -> bool {
        match self.0.expose() {
            BirthDay::Solar(_) => true,
            BirthDay::Lunar(day) => day.year().is_some(),
        }
    }

    /// The day in the solar calendar, where it was said in that one.
    #[must_use]
    pub fn solar(self) -> Option<NaiveDate> {
        match self.0.expose() {
            BirthDay::Solar(day) => Some(*day),
            BirthDay::Lunar(_) => None,
        }
    }

    /// What it is asked for under: a day of any year as it is [found under](Self::index_form), a whole day as its text.
    #[must_use]
    pub fn asked_form(self) -> String {
        if self.has_year() { self.to_text() } else { self.index_form() }
    }

    /// Every text under which it can be asked for: a leap month is not told from the ordinary one.
    #[must_use]
    pub fn asked_forms(self) -> Vec<String> {
        let mut forms = vec![self.index_form()];
        if self.has_year() {
            let plain = self.to_text().replace('L', "");
            let leap = plain.rsplit_once('-').filter(|_| self.solar().is_none());
            forms.extend(leap.map(|(month, day)| format!("{month}L-{day}")));
            forms.push(plain);
        }
        forms
    }

    /// What it is found under: `MM-DD`, or `lunar:MM-DD`, where a leap month is not told from the ordinary one.
    #[must_use]
    pub fn index_form(self) -> String {
        match self.0.expose() {
            BirthDay::Solar(day) => day.format("%m-%d").to_string(),
            BirthDay::Lunar(day) => format!("{LUNAR}{:02}-{:02}", day.month(), day.day()),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn lunar(text: &str) -> Option<LunarDay> {
    let mut parts: Vec<&str> = text.split('-').collect();
    let day = number(parts.pop()?)?;
    let month = parts.pop()?;
    let leap = month.strip_suffix(['L', 'l']);
    let year = match parts.as_slice() {
        [] => None,
        [year] => Some(number(year)?),
        _ => return None,
    };
    LunarDay::new(year, number(leap.unwrap_or(month))?, leap.is_some(), day)
}

/// A day from the members of an object. What an answer adds is taken and says nothing.
fn read_object(members: &Map<String, Value>, reader: &mut Reader<'_>) -> Option<Birthday> {
    if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", MEMBERS.join(", "));
        reader.inside(name, |reader| reader.flaw(flaw));
        return None;
    }
    // What is said and is no number would be lost: another day, or one without its year.
    let [year, month, day] = ["year", "month", "day"].map(|name| {
        member(members, name, reader, ("a whole number", "整数"), |json| json.as_i64().filter(|number| *number >= 0))
    });
    let leap = member(members, "leap", reader, ("true or false", "true 或 false"), Value::as_bool);
    let calendar = member(members, "calendar", reader, ("a text", "文本"), |json| Some(json.as_str()?.to_owned()));
    let (year, leap) = (year?.map(|year| format!("{year:04}-")).unwrap_or_default(), leap?.unwrap_or_default());
    let (month, day, leap) = (month?.unwrap_or_default(), day?.unwrap_or_default(), if leap { "L" } else { "" });
    match calendar?.as_deref() {
        Some("lunar") => reader.keep(Birthday::parse(&format!("{LUNAR}{year}{month:02}{leap}-{day:02}"))),
        Some("solar") => reader.keep(Birthday::parse(&format!("{year}{month:02}-{day:02}"))),
        other => {
            let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", other.unwrap_or_default());
            reader.inside("calendar", |reader| reader.flaw(flaw.with("choices", "solar, lunar")));
            None
        }
    }
}

/// A member of the object, `Some(None)` where it is not said.
fn member<T>(
    members: &Map<String, Value>,
    name: &str,
    reader: &mut Reader<'_>,
    (en, zh): (&'static str, &'static str),
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Option<T>> {
    match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(json) => reader.inside(name, |reader| reader.typed(read(json), en, zh)).map(Some),
    }
}

impl FieldValue for Birthday {
    const SHAPE: Shape = Shape::Birthday;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        if let Value::Object(members) = json {
            return read_object(members, reader);
        }
        let raw = reader.typed(json.as_str(), "a text or an object with `calendar`", "文本或带 calendar 的对象")?;
        if let Some(masked) = read_masked(raw, MASK, reader, old) {
            return masked;
        }
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, sight: Sight, view: &dyn View) {
        if sight != Sight::Full {
            return out.text(MASK);
        }
        let day = match self.0.expose() {
            BirthDay::Solar(day) => return out.plain(day),
            BirthDay::Lunar(day) => *day,
        };
        let solar = |out: &mut Out, day: Option<NaiveDate>| match day {
            Some(day) => out.plain(&day),
            None => out.null(),
        };
        out.object(|out| {
            out.key("calendar").text("lunar");
            out.key("year");
            match day.year() {
                Some(year) => out.number(year.into()),
                None => out.null(),
            }
            out.key("month").number(day.month().into());
            out.key("leap").flag(day.is_leap());
            out.key("day").number(day.day().into());
            solar(out.key("born_on"), day.solar());
            solar(out.key("celebrated_on"), view.today().and_then(|today| day.celebrated_in(today.year())));
        });
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::Sealed
    }
}

#[cfg(test)]
mod tests {
    use super::Birthday;
    use crate::read::Reader;
    use crate::record::FieldValue as _;
    use crate::show::{Out, Plain};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(json: &Value) -> Result<Birthday, &'static str> {
        let mut make_id = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut make_id);
        let day = Birthday::read(json, &mut reader, None);
        day.ok_or_else(|| reader.findings()[0].flaw.code.key)
    }

    #[test]
    fn texts_and_objects() {
        for (said, kept) in [
            (json!("1990-03-07"), Ok("1990-03-07")),
            (json!({"calendar": "solar", "year": 1990, "month": 3, "day": 7}), Ok("1990-03-07")),
            (json!("lunar:1990-08-15"), Ok("lunar:1990-08-15")),
            (json!(" lunar:1990-8-15 "), Ok("lunar:1990-08-15")),
            (json!("lunar:08-15"), Ok("lunar:08-15")),
            (json!("lunar:2023-02L-01"), Ok("lunar:2023-02L-01")),
            (json!({"calendar": "lunar", "month": 8, "day": 15}), Ok("lunar:08-15")),
            (json!({"calendar": "lunar", "year": 2023, "month": 2, "leap": true, "day": 1}), Ok("lunar:2023-02L-01")),
            (json!({"calendar": "lunar", "year": 2024, "month": 2, "leap": true, "day": 1}), Err("lunar_day_invalid")),
            (json!("lunar:13-01"), Err("lunar_day_invalid")),
            (json!("lunar:1990-08-15-1"), Err("lunar_day_invalid")),
            (json!("lunar:+8-15"), Err("lunar_day_invalid")),
            (json!("1990-02-30"), Err("date_invalid")),
            (json!({"calendar": "solar", "month": 3, "day": 7}), Err("date_invalid")),
            (json!({"calendar": "julian", "month": 3, "day": 7}), Err("choice_unknown")),
            (json!({"calendar": "lunar", "month": 3, "dya": 7}), Err("field_unknown")),
            (json!(19900307), Err("type_wrong")),
            (json!({"calendar": "lunar", "year": "1990", "month": 8, "day": 15}), Err("type_wrong")),
            (json!({"calendar": "lunar", "year": 1990.5, "month": 8, "day": 15}), Err("type_wrong")),
            (json!({"calendar": "lunar", "year": -1990, "month": 8, "day": 15}), Err("type_wrong")),
            (json!({"calendar": "lunar", "month": 8, "leap": "no", "day": 15}), Err("type_wrong")),
            (json!({"calendar": 1, "month": 8, "day": 15}), Err("type_wrong")),
            (json!({"calendar": "lunar", "year": null, "month": 8, "leap": null, "day": 15}), Ok("lunar:08-15")),
        ] {
            assert_eq!(read(&said).map(Birthday::to_text), kept.map(str::to_owned), "{said}");
        }
    }

    #[test]
    fn a_member_that_is_wrong_is_pointed_at() {
        let mut make_id = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut make_id);
        let said = json!({"calendar": "lunar", "year": "1990", "month": 8, "day": "15"});
        assert!(reader.inside("birthday", |reader| Birthday::read(&said, reader, None)).is_none());
        let places: Vec<&str> = reader.findings().iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!(places, ["/birthday/year", "/birthday/day"]);
    }

    #[test]
    fn an_answer_can_be_sent_back() {
        for text in ["1990-03-07", "lunar:1990-08-15", "lunar:08-15", "lunar:2023-02L-01"] {
            let day = Birthday::parse(text).unwrap();
            let mut out = Out::new();
            day.show(&mut out, crate::field::Sight::Full, &Plain);
            assert_eq!(read(&serde_json::from_str(&out.into_text()).unwrap()), Ok(day), "{text}");
        }
    }

    #[test]
    fn a_leap_month_is_found_as_the_ordinary_one() {
        let [leap, ordinary] = ["lunar:2023-02L-01", "lunar:2023-02-01"].map(|text| Birthday::parse(text).unwrap());
        assert!(leap.is(ordinary) && leap != ordinary);
        assert_eq!(leap.index_form(), "lunar:02-01");
        assert_ne!(Birthday::parse("2023-02-01").unwrap().index_form(), leap.index_form());
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,20}|(lunar:)?([0-9]{4}-)?[0-9]{1,2}L?-[0-9]{1,2}") {
            if let Ok(day) = Birthday::parse(&raw) {
                prop_assert_eq!(Birthday::parse(&day.to_text()), Ok(day));
            }
        }
    }
}
