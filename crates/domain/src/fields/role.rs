//! Roles, said by their keys.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// The most roles that one user has beside the first.
const MAX: usize = 10;

/// The key of a role: `salesperson`, or one that the organisation made. That there is such a role is checked where it
/// is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKey(String);

impl RoleKey {
    /// Reads a key: 2 to 40 lower-case letters, digits and underscores, beginning with a letter.
    ///
    /// # Errors
    /// `role_key_invalid`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let key = raw.trim();
        let plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if plain && (2..=40).contains(&key.len()) && key.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Ok(Self(key.to_owned()));
        }
        let shown: String = raw.chars().take(50).collect();
        Err(Flaw::new(&codes::ROLE_KEY_INVALID).with("value", shown))
    }

    /// A stored key; no rule is applied.
    #[must_use]
    pub fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldValue for RoleKey {
    const SHAPE: Shape = Shape::Word;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.text(&self.0);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.0.clone()))
    }
}

/// Several roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleKeys(pub Vec<RoleKey>);

impl RoleKeys {
    /// The text that is stored: the keys, with spaces between them.
    #[must_use]
    pub fn to_stored(&self) -> String {
        self.0.iter().map(RoleKey::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The roles of a stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.split_whitespace().map(|key| RoleKey(key.to_owned())).collect())
    }
}

impl FieldValue for RoleKeys {
    const SHAPE: Shape = Shape::Words;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
        if items.len() > MAX {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX));
            return None;
        }
        let mut roles: Vec<RoleKey> = Vec::new();
        let found = reader.findings().len();
        for (at, item) in items.iter().enumerate() {
            let role = reader.inside(at, |reader| RoleKey::read(item, reader, None));
            roles.extend(role.filter(|role| !roles.contains(role)));
        }
        (reader.findings().len() == found).then_some(Self(roles))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.0.iter().map(RoleKey::as_str));
    }
}
