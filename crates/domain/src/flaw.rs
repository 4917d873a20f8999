//! What is wrong with a value: a stable code, the words for it in two languages, and the parameters that fill them.

use std::fmt;

/// A language an answer can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

/// A stable error code and its texts. `{name}` in a text is filled from the flaw's parameters.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// What programs compare: `phone_invalid`.
    pub key: &'static str,
    /// What is wrong, in English.
    pub en: &'static str,
    /// What is wrong, in Chinese.
    pub zh: &'static str,
    /// How to mend it, in English; may be empty.
    pub hint_en: &'static str,
    /// How to mend it, in Chinese; may be empty.
    pub hint_zh: &'static str,
}

/// Words of an organisation's own, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// One thing wrong with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Which rule was broken.
    pub code: &'static Code,
    /// Values for the placeholders of the texts, also given to programs.
    pub params: Vec<(&'static str, String)>,
    /// What stands in the place of the code's sentence, where the organisation says it in its own words.
    pub said: Option<Box<Said>>,
}

impl Flaw {
    /// A flaw without parameters.
    #[must_use]
    pub fn new(code: &'static Code) -> Self {
        Self { code, params: Vec::new(), said: None }
    }

    /// The same flaw with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// The same flaw, told in the organisation's own words.
    #[must_use]
    pub fn saying(mut self, said: Option<Said>) -> Self {
        self.said = said.map(Box::new);
        self
    }

    /// The sentence that says what is wrong.
    #[must_use]
    pub fn message(&self, lang: Lang) -> String {
        match (&self.said, lang) {
            (Some(said), Lang::Zh) => said.zh.clone(),
            (Some(said), Lang::En) => said.en.clone(),
            (None, Lang::Zh) => self.fill(self.code.zh, lang),
            (None, Lang::En) => self.fill(self.code.en, lang),
        }
    }

    /// The sentence that says how to mend it; empty where there is none.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> String {
        let hint = match lang {
            Lang::Zh => self.code.hint_zh,
            Lang::En => self.code.hint_en,
        };
        self.fill(hint, lang)
    }

    /// Where a parameter has words of its own in the language, these stand for it: `choices_zh` where a text says
    /// `{choices}`.
    fn fill(&self, text: &str, lang: Lang) -> String {
        let ending = match lang {
            Lang::Zh => "_zh",
            Lang::En => "_en",
        };
        let mut out = text.to_owned();
        for (name, value) in &self.params {
            let own = self.params.iter().find(|(other, _)| other.strip_suffix(ending) == Some(name));
            out = out.replace(&format!("{{{name}}}"), own.map_or(value, |(_, words)| words));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Customer, Stage, unknown_reference};
    use crate::record::Record as _;

    #[test]
    fn a_reader_is_told_in_the_words_of_the_language_and_a_program_in_keys() {
        let flaw = Stage::VOCABULARY.unknown("成交");
        let param =
            |wanted: &str| flaw.params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
        assert!(param("choices").is_some_and(|keys| keys.contains("active") && !keys.contains('（')), "{flaw:?}");
        assert!(flaw.hint(Lang::Zh).contains("active（成交"), "{}", flaw.hint(Lang::Zh));
        assert!(flaw.hint(Lang::En).is_ascii(), "{}", flaw.hint(Lang::En));
        let missing = Customer::KIND.field("name").unwrap().missing();
        assert_eq!(
            missing.message(Lang::Zh),
            format!("缺少必填项“{}（name）”。", Customer::KIND.field("name").unwrap().zh)
        );
        assert_eq!(missing.message(Lang::En), "“name” is required.");
        let unknown = unknown_reference("follow_up", "7");
        assert!(unknown.message(Lang::Zh).contains("（跟进）"), "{}", unknown.message(Lang::Zh));
        assert!(unknown.message(Lang::En).contains("no follow_up with"), "{}", unknown.message(Lang::En));
    }
}
