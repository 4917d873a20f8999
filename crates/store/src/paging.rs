//! Lists that are no lists of records (submissions, jobs, histories, the log): one way to say how many and from where,
//! to cut a page, and to tell where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::show::Out;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::machine::question::MAX_LIMIT;

pub(crate) use crate::machine::question::DEFAULT_LIMIT;

/// How many are asked for.
pub(crate) fn limit(value: &str) -> Result<u64, Failure> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        Failure::question("limit", Flaw::new(&codes::LIMIT_INVALID).with("value", value).with("max", MAX_LIMIT))
    })
}

/// A parameter that nobody knows.
pub(crate) fn unknown(name: &str, known: &str) -> Failure {
    Failure::question(name, Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", name).with("known", known))
}

/// The text of a place in a list.
pub(crate) fn cursor(place: &Value) -> String {
    URL_SAFE_NO_PAD.encode(place.to_string())
}

/// The place that a text says.
pub(crate) fn place<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A text that says no place in this list.
pub(crate) fn wrong_cursor() -> Failure {
    Failure::question("after", Flaw::new(&codes::CURSOR_INVALID))
}

/// Cuts what was found, one more than was asked for, to the page; whether there was more.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

/// The page of an answer: where the next one begins.
pub(crate) fn page(out: &mut Out, next: Option<&str>, has_more: bool) {
    out.key("page").object(|out| {
        out.key("next").text_or_null(next);
        out.key("prev").null();
        out.key("has_more").flag(has_more);
    });
}
