//! Bodies of a few plain members: every flaw with its place, and whatever nobody knows refused.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::Instant;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::problem::Problem;

/// A body that is being read. A member that is null is absent.
pub(super) struct Members {
    said: Map<String, Value>,
    known: Vec<&'static str>,
    findings: Vec<Finding>,
}

impl Members {
    /// The members of an object.
    ///
    /// # Errors
    /// 422 for anything else.
    pub(super) fn of(body: Value) -> Result<Self, Problem> {
        match body {
            Value::Object(said) => Ok(Self { said, known: Vec::new(), findings: Vec::new() }),
            _ => Err(Problem::validation(vec![Finding { pointer: String::new(), flaw: typed("an object", "对象") }])),
        }
    }

    /// Notes what is wrong with a member.
    pub(super) fn flaw(&mut self, name: &str, flaw: Flaw) {
        self.findings.push(Finding { pointer: format!("/{name}"), flaw });
    }

    /// A text, where it is said.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        match self.said.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.flaw(name, typed("a text", "文本"));
                None
            }
        }
    }

    /// A member of any type, where it is said.
    pub(super) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.said.remove(name).filter(|value| !value.is_null())
    }

    /// A member of any type, null among them, where it is said.
    pub(super) fn said(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.said.remove(name)
    }

    /// True or false, where it is said.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let said = self.value(name)?;
        if said.as_bool().is_none() {
            self.flaw(name, typed("true or false", "true 或 false"));
        }
        said.as_bool()
    }

    /// An id, where it is said.
    pub(super) fn id(&mut self, name: &'static str) -> Option<Uuid> {
        let said = self.value(name)?;
        self.id_of(name, &said)
    }

    /// A list of at most so many ids, each once, where it is said.
    pub(super) fn ids(&mut self, name: &'static str, most: usize) -> Option<Vec<Uuid>> {
        let said = self.value(name)?;
        self.ids_of(name, &said, most)
    }

    /// The ids of a list at a place, each once.
    pub(super) fn ids_of(&mut self, place: &str, said: &Value, most: usize) -> Option<Vec<Uuid>> {
        let mut ids: Vec<Uuid> = Vec::new();
        for id in self.ids_in_order(place, said, most)? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Some(ids)
    }

    /// The ids of a list at a place as they stand there, repeated ones too: what comes of each is told by its place.
    pub(super) fn ids_in_order(&mut self, place: &str, said: &Value, most: usize) -> Option<Vec<Uuid>> {
        let Some(items) = said.as_array() else {
            self.flaw(place, typed("a list of ids", "编号列表"));
            return None;
        };
        if items.len() > most {
            self.flaw(place, Flaw::new(&codes::LIST_TOO_LONG).with("max", most));
            return None;
        }
        items.iter().enumerate().map(|(at, item)| self.id_of(&format!("{place}/{at}"), item)).collect()
    }

    /// The id at a place.
    pub(super) fn id_of(&mut self, place: &str, said: &Value) -> Option<Uuid> {
        let Some(text) = said.as_str() else {
            self.flaw(place, typed("an id", "编号"));
            return None;
        };
        let id = Uuid::try_parse(text).ok();
        if id.is_none() {
            let shown: String = text.chars().take(50).collect();
            self.flaw(place, Flaw::new(&codes::ID_INVALID).with("value", shown));
        }
        id
    }

    /// A text that must be said. The answer means nothing until [`finish`](Self::finish) found nothing wrong.
    pub(super) fn required(&mut self, name: &'static str) -> String {
        let wrong = self.findings.len();
        let text = self.text(name);
        if text.is_none() && self.findings.len() == wrong {
            self.flaw(name, Flaw::new(&codes::REQUIRED).with("field", name));
        }
        text.unwrap_or_default()
    }

    /// A list of texts, where it is said.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.known.push(name);
        let said = self.said.remove(name).filter(|said| !said.is_null())?;
        let texts: Option<Vec<String>> =
            said.as_array().and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.flaw(name, typed("a list of texts", "文本列表"));
        }
        texts
    }

    /// A moment, where it is said.
    pub(super) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        match Instant::parse(&self.text(name)?) {
            Ok(time) => Some(time.time()),
            Err(flaw) => {
                self.flaw(name, flaw);
                None
            }
        }
    }

    /// Notes what a rule finds, where nothing was wrong with the member before.
    pub(super) fn check(&mut self, name: &str, rule: impl FnOnce() -> Option<Flaw>) {
        let pointer = format!("/{name}");
        let found = self.findings.iter().any(|finding| finding.pointer == pointer);
        if let Some(flaw) = if found { None } else { rule() } {
            self.findings.push(Finding { pointer, flaw });
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 with all that was found, members that nobody asked for among it.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let known = self.known.join(", ");
        for name in std::mem::take(&mut self.said).keys() {
            let pointer = kehu_domain::read::pointer(std::slice::from_ref(name));
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", &known);
            self.findings.push(Finding { pointer, flaw });
        }
        if self.findings.is_empty() { Ok(()) } else { Err(Problem::validation(self.findings)) }
    }
}

pub(super) fn typed(en: &'static str, zh: &'static str) -> Flaw {
    Flaw::new(&codes::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh)
}
