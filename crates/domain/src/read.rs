//! Reading what a client said: members of a JSON object into typed values, every flaw with its pointer.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::codes;
use crate::field::{Field, Sight, Write};
use crate::flaw::Flaw;
use crate::record::FieldValue;

/// A JSON object that is being read; a member is taken out when it is read.
pub type Members = Map<String, Value>;

/// A flaw and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What is wrong.
    pub flaw: Flaw,
}

/// A step into a body: a member's name or an element's place.
pub struct Step(String);

impl From<usize> for Step {
    fn from(at: usize) -> Self {
        Self(at.to_string())
    }
}

impl From<&str> for Step {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<&String> for Step {
    fn from(name: &String) -> Self {
        Self(name.clone())
    }
}

/// What reading needs to know, and what it found.
pub struct Reader<'a> {
    /// Region assumed for phone numbers without a country code: `CN`.
    pub region: &'a str,
    /// A fresh id, for elements of lists.
    pub make_id: &'a mut dyn FnMut() -> Uuid,
    /// What the reader of the answer may see of the field that is being read.
    pub sight: Sight,
    findings: Vec<Finding>,
    path: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader at the root of a body.
    pub fn new(region: &'a str, make_id: &'a mut dyn FnMut() -> Uuid) -> Self {
        Self { region, make_id, sight: Sight::Full, findings: Vec::new(), path: Vec::new() }
    }

    /// Reads inside a member or an element.
    pub fn inside<T>(&mut self, step: impl Into<Step>, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into().0);
        let out = read(self);
        self.path.pop();
        out
    }

    /// Notes a flaw at the place that is being read.
    pub fn flaw(&mut self, flaw: Flaw) {
        let pointer = pointer(&self.path);
        self.findings.push(Finding { pointer, flaw });
    }

    /// The value, or nothing and a noted flaw.
    pub fn keep<T>(&mut self, result: Result<T, Flaw>) -> Option<T> {
        result.map_err(|flaw| self.flaw(flaw)).ok()
    }

    /// The text, or nothing and a noted flaw about the type.
    pub fn text<'v>(&mut self, json: &'v Value) -> Option<&'v str> {
        self.typed(json.as_str(), "a text", "文本")
    }

    /// The object, or nothing and a noted flaw about the type.
    pub fn object<'v>(&mut self, json: &'v Value) -> Option<&'v Members> {
        self.typed(json.as_object(), "an object", "对象")
    }

    /// The value that a JSON accessor gave, or nothing and a flaw that says which type was expected.
    pub fn typed<T>(&mut self, value: Option<T>, en: &'static str, zh: &'static str) -> Option<T> {
        if value.is_none() {
            self.flaw(Flaw::new(&codes::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh));
        }
        value
    }

    /// Notes every member that nobody read.
    pub fn refuse_rest(&mut self, members: &Members, known: &[&str]) {
        for name in members.keys() {
            let mut flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name);
            flaw = flaw.with("known", nearest_first(name, known).join(", "));
            self.inside(name, |reader| reader.flaw(flaw));
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// All that was found, by value.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// Reads one field of a new record.
    pub fn create<T: FieldValue>(&mut self, field: &Field, members: &mut Members) -> Option<T> {
        let json = members.remove(field.name);
        if field.write == Write::Never {
            if json.is_some_and(|json| !json.is_null()) {
                self.inside(field.name, |reader| reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", field.name)));
            }
            return T::absent();
        }
        self.inside(field.name, |reader| match json {
            Some(Value::Null) | None => {
                let absent = T::absent();
                if absent.is_none() {
                    reader.flaw(field.missing());
                }
                absent
            }
            Some(json) => {
                reader.sight = Sight::Full;
                T::read(&json, reader, None)
            }
        })
    }

    /// Reads one field of a merge patch (RFC 7396) over its stored value; a member that was not brought, is hidden and
    /// null, or equals its own mask leaves it. A field that can not be said here is taken out by the caller before.
    pub fn patch<T: FieldValue>(&mut self, field: &Field, members: &mut Members, old: &T, sight: Sight) -> Option<T> {
        if matches!(field.write, Write::Never | Write::Once) {
            return Some(old.clone());
        }
        let Some(json) = members.remove(field.name) else { return Some(old.clone()) };
        self.inside(field.name, |reader| {
            reader.sight = sight;
            match sight {
                Sight::Hidden if json.is_null() => Some(old.clone()),
                Sight::Hidden => {
                    reader.flaw(Flaw::new(&codes::FIELD_HIDDEN).with("field", field.name));
                    None
                }
                _ if json.is_null() => {
                    let absent = T::absent();
                    if absent.is_none() {
                        reader.flaw(field.missing());
                    }
                    absent
                }
                _ => T::read(&json, reader, Some(old)),
            }
        })
    }
}

/// Names that are known, those first that somebody who wrote another one may have meant.
fn nearest_first<'k>(name: &str, known: &[&'k str]) -> Vec<&'k str> {
    const NEAR: usize = 2;
    let meant = |known: &&&str| known.starts_with(name) || name.starts_with(**known) || distance(name, known) <= NEAR;
    let (near, others): (Vec<&str>, Vec<&str>) = known.iter().partition(|known| meant(known));
    near.into_iter().chain(others).collect()
}

/// How many letters must be put in, left out or changed to make one word of another (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, a) in one.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let change = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = change.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The JSON pointer of a path.
#[must_use]
pub fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |mut out, step| {
        out.push('/');
        out.push_str(&step.replace('~', "~0").replace('/', "~1"));
        out
    })
}

#[cfg(test)]
mod tests {
    use super::nearest_first;

    #[test]
    fn what_may_have_been_meant_comes_first() {
        let known = ["name", "kind", "phones", "emails", "region"];
        assert_eq!(nearest_first("phone", &known).first(), Some(&"phones"));
        assert_eq!(nearest_first("regoin", &known).first(), Some(&"region"));
        assert_eq!(nearest_first("email", &known).first(), Some(&"emails"));
        assert_eq!(nearest_first("colour", &known), known);
        assert_eq!(nearest_first("", &[]), Vec::<&str>::new());
    }
}
