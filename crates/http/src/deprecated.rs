//! Operations that will go: declared once in [`DEPRECATED`], told in every answer (RFC 9745, RFC 8594) and in the
//! description.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue, HttpDate};
use chrono::{NaiveDate, NaiveTime};

use crate::openapi::Operation;

/// Since when (RFC 9745).
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// Until when (RFC 8594).
const SUNSET: HeaderName = HeaderName::from_static("sunset");
/// Where more stands.
const LINK: &str = "</docs>; rel=\"deprecation\"; type=\"text/html\"";

/// One operation that will go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// Its name in the description: `customers_list`.
    pub operation: &'static str,
    /// Since when it should not be used any more: `2027-01-31`.
    pub since: &'static str,
    /// The day from which on it may be gone; none where that is not decided.
    pub sunset: Option<&'static str>,
    /// What to use in its place, for the description.
    pub instead: &'static str,
}

/// Every operation that will go. Tests hold the names and days in it against the description.
pub static DEPRECATED: &[Deprecation] = &[];

impl Deprecation {
    /// The declaration of an operation in a list.
    #[must_use]
    pub fn named<'a>(list: &'a [Self], operation: &str) -> Option<&'a Self> {
        list.iter().find(|deprecation| deprecation.operation == operation)
    }

    /// What the description says of it.
    #[must_use]
    pub fn words(&self) -> String {
        let end = self.sunset.map(|day| format!(", may be gone from {day}")).unwrap_or_default();
        format!("Deprecated since {}{end}. {}", self.since, self.instead)
    }

    /// The headers of its answers; nothing where a day is none.
    fn headers(&self) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let since = midnight(self.since)?;
        let mut all = vec![(DEPRECATION, HeaderValue::from_str(&format!("@{since}")).ok()?)];
        if let Some(day) = self.sunset {
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(midnight(day)?);
            all.push((SUNSET, HeaderValue::from_str(&HttpDate::from(end).to_string()).ok()?));
        }
        all.push((header::LINK, HeaderValue::from_static(LINK)));
        Some(all)
    }
}

/// The beginning of a day, in seconds of UNIX time.
fn midnight(day: &str) -> Option<u64> {
    let day: NaiveDate = day.parse().ok()?;
    u64::try_from(day.and_time(NaiveTime::MIN).and_utc().timestamp()).ok()
}

/// The headers of deprecated operations, by method and address.
#[derive(Debug, Default)]
pub(crate) struct Headers(HashMap<(String, String), Vec<(HeaderName, HeaderValue)>>);

impl Headers {
    /// Those of a list.
    pub(crate) fn of(list: &[Deprecation], operations: &[Operation]) -> Self {
        let declared = operations.iter().filter_map(|operation| {
            let headers = Deprecation::named(list, &operation.id)?.headers()?;
            Some(((operation.method.to_uppercase(), operation.path.clone()), headers))
        });
        Self(declared.collect())
    }

    /// Says so in an answer; `address` is the pattern that was matched.
    pub(crate) fn say(&self, method: &str, address: Option<&str>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let declared = address.and_then(|address| self.0.get(&(method.to_owned(), address.to_owned())));
        for (name, value) in declared.into_iter().flatten() {
            headers.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::operations;

    #[test]
    fn what_is_declared_exists_and_has_days() {
        let operations = operations();
        for deprecation in DEPRECATED {
            assert!(operations.iter().any(|operation| operation.id == deprecation.operation), "{deprecation:?}");
            assert!(deprecation.headers().is_some(), "{deprecation:?}");
        }
        assert_eq!(Headers::of(DEPRECATED, &operations).0.len(), DEPRECATED.len());
    }

    #[test]
    fn days_are_told_as_the_standards_have_it() {
        let declared = Deprecation {
            operation: "tags_list",
            since: "2027-01-31",
            sunset: Some("2027-07-31"),
            instead: "Use another.",
        };
        let headers = Headers::of(&[declared], &operations());
        let mut said = HeaderMap::new();
        headers.say("GET", Some("/v1/tags"), &mut said);
        assert_eq!(said.get("deprecation").unwrap(), "@1801353600");
        assert_eq!(said.get("sunset").unwrap(), "Sat, 31 Jul 2027 00:00:00 GMT");
        assert_eq!(said.get("link").unwrap(), LINK);
        let mut others = HeaderMap::new();
        headers.say("POST", Some("/v1/tags"), &mut others);
        headers.say("GET", Some("/v1/tags/{id}"), &mut others);
        headers.say("GET", None, &mut others);
        assert!(others.is_empty());
        assert_eq!(Deprecation { since: "soon", ..declared }.headers(), None);
    }
}
