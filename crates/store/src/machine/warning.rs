//! What rules say of a write that was done all the same: told in its answer alone, and kept with it, so that a repeat
//! under the same idempotency key is told the same.

use kehu_domain::flaw::Lang;
use kehu_domain::read::Finding;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kept::Kept;

/// A finding that refused nothing. Its sentences are in both languages: who repeats the request may ask in the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// JSON pointer (RFC 6901) into the record.
    pub pointer: String,
    /// What programs compare.
    pub code: String,
    /// What fills the sentences.
    pub params: Vec<(String, String)>,
    zh: Sentences,
    en: Sentences,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sentences {
    message: String,
    hint: String,
}

impl Warning {
    /// The warning of a finding.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        let Finding { pointer, flaw } = finding;
        let sentences = |lang| Sentences { message: flaw.message(lang), hint: flaw.hint(lang) };
        Self {
            pointer: pointer.clone(),
            code: flaw.code.key.to_owned(),
            params: flaw.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            zh: sentences(Lang::Zh),
            en: sentences(Lang::En),
        }
    }

    /// The sentence that says what is wrong.
    #[must_use]
    pub fn message(&self, lang: Lang) -> &str {
        &self.sentences(lang).message
    }

    /// The sentence that says how to mend it, where there is one.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> Option<&str> {
        Some(self.sentences(lang).hint.as_str()).filter(|hint| !hint.is_empty())
    }

    fn sentences(&self, lang: Lang) -> &Sentences {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// The warnings of findings.
pub(crate) fn of_all(findings: &[Finding]) -> Vec<Warning> {
    findings.iter().map(Warning::of).collect()
}

/// The text of an answer with what it warned of on a line of its own. JSON has no line breaks of its own here.
pub(crate) fn with<W: Serialize>(body: &str, warnings: &W) -> String {
    format!("{body}\n{}", serde_json::to_string(warnings).unwrap_or_default())
}

/// Takes the two apart again. What was kept before answers warned has one line.
pub(crate) fn apart<W: DeserializeOwned + Default>(kept: Kept) -> (Kept, W) {
    match kept.body.split_once('\n') {
        Some((body, warnings)) => {
            let warnings = serde_json::from_str(warnings).unwrap_or_default();
            (Kept { body: body.to_owned(), ..kept }, warnings)
        }
        None => (kept, W::default()),
    }
}

#[cfg(test)]
mod tests {
    use kehu_domain::codes;
    use kehu_domain::flaw::{Flaw, Said};

    use super::*;

    #[test]
    fn what_was_kept_is_taken_apart_again() {
        let said = Said { zh: "请核对".to_owned(), en: "Check\nit".to_owned() };
        let flaw = Flaw::new(&codes::REQUIRED).with("field", "name").saying(Some(said));
        let warnings = of_all(&[Finding { pointer: "/name".to_owned(), flaw }]);
        let body = "{\"id\":\"x\"}";
        let kept = |body: String| Kept { status: 201, location: None, body };
        let (back, told): (_, Vec<Warning>) = apart(kept(with(body, &warnings)));
        assert_eq!((back.body.as_str(), &told), (body, &warnings));
        assert_eq!((told[0].message(Lang::Zh), told[0].message(Lang::En)), ("请核对", "Check\nit"));
        let (old, none): (_, Vec<Warning>) = apart(kept(body.to_owned()));
        assert_eq!((old.body.as_str(), none.len()), (body, 0));
    }
}
