//! What an organisation lays down for itself. Kept as one JSON text; what it does not say is as it is by default.

mod addresses;
mod attachments;
mod number_template;
mod numbers;
mod passwords;
mod preset;
mod read;
mod sessions;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::codes;
use crate::record::{RuleFinding, Weight};

pub use addresses::AddressPolicy;
pub use attachments::AttachmentPolicy;
pub use number_template::{NumberTemplate, Numbered};
pub(crate) use numbers::by_code;
pub use numbers::{NumberPolicy, NumberReset, NumberScope};
pub use passwords::{LockPolicy, PasswordPolicy};
pub use preset::Preset;
pub use read::Roles;
pub use sessions::{ClientPolicy, SessionPolicy};

/// The settings of an organisation. Everything that restricts people is off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Nobody holds two of the roles that administer, protect and audit the organisation, and nobody holds all of them
    /// as administrator.
    pub separation_of_duties: bool,
    /// Who needs a second factor.
    pub second_factor: SecondFactorPolicy,
    /// What passwords must be.
    pub passwords: PasswordPolicy,
    /// How long sessions last, and how many there may be.
    pub sessions: SessionPolicy,
    /// From which addresses people may come.
    pub addresses: AddressPolicy,
    /// Whether and how the rights of everybody are reviewed each quarter.
    pub access_reviews: AccessReviews,
    /// Which files may be attached.
    pub attachments: AttachmentPolicy,
    /// How customers are numbered.
    pub numbers: NumberPolicy,
    /// Which e-mail addresses records may have.
    pub emails: EmailPolicy,
}

/// Which e-mail addresses records may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailPolicy {
    /// Whether one of a domain that gives throw-away mailboxes is refused; otherwise it is told.
    pub refuse_disposable: bool,
}

/// Who needs a second factor to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactorPolicy {
    /// Roles, by key, of which each needs one.
    pub required_roles: Vec<String>,
}

/// How the rights of everybody are reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessReviews {
    /// Whether a review is opened on the first day of each quarter.
    pub quarterly: bool,
    /// For how many days it can be answered.
    pub days: u32,
    /// Whether what nobody answered by then is revoked.
    pub revoke_unanswered: bool,
}

impl AccessReviews {
    /// The longest time to answer, in days: a quarter begins anew after that.
    pub const MAX_DAYS: u32 = 90;
}

impl Default for AccessReviews {
    fn default() -> Self {
        Self { quarterly: false, days: 14, revoke_unanswered: false }
    }
}

impl Settings {
    /// The settings of a stored text; `None` where it is none, or says something that this program does not know: a
    /// policy that is not understood must not be taken for none.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        // Serde takes a list for a struct.
        if has_the_shape_of(&json!(Self::default()), &json) { serde_json::from_value(json).ok() } else { None }
    }

    /// What a finding does to a write in this organisation.
    #[must_use]
    pub fn weight(&self, rule: &RuleFinding) -> Weight {
        if self.emails.refuse_disposable && rule.flaw.code == &codes::EMAIL_DISPOSABLE {
            return Weight::Refuses;
        }
        rule.weight
    }

    /// The text that is stored.
    #[must_use]
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Whether there is an object wherever there should be one.
fn has_the_shape_of(model: &Value, json: &Value) -> bool {
    let Value::Object(model) = model else { return true };
    let inside = |(name, json): (&String, &Value)| model.get(name).is_none_or(|model| has_the_shape_of(model, json));
    json.as_object().is_some_and(|members| members.iter().all(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_everything_off() {
        assert_eq!(Settings::from_stored("{}"), Some(Settings::default()));
        let stored = Settings::default().to_stored();
        assert_eq!(Settings::from_stored(&stored), Some(Settings::default()));
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_nothing() {
        for text in [
            "",
            "null",
            "[]",
            r#"{"passwords": {"min_length": "8"}}"#,
            r#"{"passwords": {"colour": 1}}"#,
            r#"{"x": 1}"#,
            r#"{"sessions": {"web": []}}"#,
        ] {
            assert_eq!(Settings::from_stored(text), None, "{text}");
        }
    }
}
