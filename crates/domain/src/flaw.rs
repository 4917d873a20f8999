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
            (None, Lang::Zh) => self.fill(self.code.zh),
            (None, Lang::En) => self.fill(self.code.en),
        }
    }

    /// The sentence that says how to mend it; empty where there is none.
    #[must_use]
    pub fn hint(&self, lang: Lang) -> String {
        self.fill(match lang {
            Lang::Zh => self.code.hint_zh,
            Lang::En => self.code.hint_en,
        })
    }

    fn fill(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (name, value) in &self.params {
            out = out.replace(&format!("{{{name}}}"), value);
        }
        out
    }
}
