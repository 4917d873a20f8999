//! The parts of a rule that are said in a word or a list.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::{Flaw, Said};
use crate::kinds::Stage;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// The most characters of a message.
const MAX_MESSAGE: usize = 300;
/// The most characters of a field's name.
const MAX_NAME: usize = 100;

/// The name of a field: a member of the record, or `custom.<key>`. That there is one is checked with the whole rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleField(String);

impl RuleField {
    /// A stored name; no rule is applied.
    #[must_use]
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key, where it is a field that the organisation made.
    #[must_use]
    pub fn custom(&self) -> Option<&str> {
        self.0.strip_prefix("custom.")
    }
}

impl FieldValue for RuleField {
    const SHAPE: Shape = Shape::Word;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let name = reader.text(json)?.trim();
        let length = name.chars().count();
        if name.is_empty() {
            reader.flaw(Flaw::new(&codes::TEXT_EMPTY));
        } else if length > MAX_NAME {
            reader.flaw(Flaw::new(&codes::TEXT_TOO_LONG).with("max", MAX_NAME).with("length", length));
        } else {
            return Some(Self(name.to_owned()));
        }
        None
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.text(&self.0);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.0.clone()))
    }
}

/// Stages of a customer's life, each once; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(pub Vec<Stage>);

impl Stages {
    /// The text that is stored: keys with commas between them.
    #[must_use]
    pub fn to_stored(&self) -> String {
        self.0.iter().map(|stage| stage.key()).collect::<Vec<_>>().join(",")
    }

    /// The stages of a stored text; `None` when one of them is not known.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        text.split(',').map(Stage::from_key).collect::<Option<Vec<_>>>().map(Self)
    }
}

impl FieldValue for Stages {
    const SHAPE: Shape = Shape::Data("EntryStages");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of stages", "阶段列表")?;
        if items.is_empty() {
            reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "stages"));
            return None;
        }
        let read = |(at, item)| reader.inside(at, |reader| Stage::read(item, reader, None));
        let all: Vec<Option<Stage>> = items.iter().enumerate().map(read).collect();
        let mut stages = Vec::new();
        for stage in all {
            let stage = stage?;
            if !stages.contains(&stage) {
                stages.push(stage);
            }
        }
        Some(Self(stages))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.0.iter().map(|stage| stage.key()));
    }
}

/// What is said where a rule is not kept. Where only one language is given, it stands for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(pub Said);

impl Message {
    /// The text that is stored: JSON as answers show it.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut out = Out::new();
        self.write(&mut out);
        out.into_text()
    }

    /// The message of a stored text; `None` when it is not such a text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let said = |name: &str| json.get(name)?.as_str().map(str::to_owned);
        Some(Self(Said { zh: said("zh-CN")?, en: said("en")? }))
    }

    fn write(&self, out: &mut Out) {
        out.object(|out| {
            out.key("zh-CN").text(&self.0.zh);
            out.key("en").text(&self.0.en);
        });
    }
}

impl FieldValue for Message {
    const SHAPE: Shape = Shape::Data("EntryMessage");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let members = reader.object(json)?;
        let found = reader.findings().len();
        let rest = members.iter().filter(|(name, _)| !matches!(name.as_str(), "zh-CN" | "en"));
        let rest = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        reader.refuse_rest(&rest, &["zh-CN", "en"]);
        let mut said = |name: &str| {
            let text = members.get(name).filter(|text| !text.is_null())?;
            reader.inside(name, |reader| sentence(text, reader))
        };
        let (zh, en) = (said("zh-CN"), said("en"));
        if reader.findings().len() > found {
            return None;
        }
        let Some(either) = zh.clone().or_else(|| en.clone()) else {
            reader.flaw(Flaw::new(&codes::RULE_EMPTY).with("known", "zh-CN, en"));
            return None;
        };
        Some(Self(Said { zh: zh.unwrap_or_else(|| either.clone()), en: en.unwrap_or(either) }))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        self.write(out);
    }
}

fn sentence(json: &Value, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(json)?;
    reader.keep(crate::fields::Line::<MAX_MESSAGE>::parse(text)).map(crate::fields::Line::into_string)
}

/// True where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct On(pub bool);

impl FieldValue for On {
    const SHAPE: Shape = Shape::Flag;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self(true))
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        reader.typed(json.as_bool(), "true or false", "true 或 false").map(Self)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.flag(self.0);
    }
}
