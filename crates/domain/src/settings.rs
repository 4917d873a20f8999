//! What an organisation lays down for itself. Kept as one JSON text; what it does not say is as it is by default.

use serde::{Deserialize, Serialize};

/// The settings of an organisation. Everything is off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Nobody holds two of the roles that administer, protect and audit the organisation, and nobody holds all of them
    /// as administrator.
    pub separation_of_duties: bool,
    /// Who needs a second factor.
    pub second_factor: SecondFactorPolicy,
    /// Whether and how the rights of everybody are reviewed each quarter.
    pub access_reviews: AccessReviews,
}

/// How the rights of everybody are reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessReviews {
    /// Whether a review is opened on the first day of each quarter.
    pub quarterly: bool,
    /// For how many days it can be answered.
    pub days: u32,
    /// Whether what nobody answered by then is revoked.
    pub revoke_unanswered: bool,
}

impl Default for AccessReviews {
    fn default() -> Self {
        Self { quarterly: false, days: 14, revoke_unanswered: false }
    }
}

/// Who needs a second factor to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecondFactorPolicy {
    /// Roles, by key, of which each needs one.
    pub required_roles: Vec<String>,
}

impl Settings {
    /// The settings of a stored text; `None` where it is none.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text that is stored.
    #[must_use]
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
