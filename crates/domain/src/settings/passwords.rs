//! What an organisation asks of passwords.

use serde::{Deserialize, Serialize};

/// What passwords must be, and when they end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Fewest characters, 8 to 64.
    pub min_length: u32,
    /// How many of the four classes there must be: small letters, capital letters, digits, anything else. A letter
    /// without case, such as a Chinese character, counts as anything else.
    pub classes: u32,
    /// After how many days a password must be changed.
    pub max_age_days: Option<u32>,
    /// How many of the last passwords, the present one among them, a new one must differ from.
    pub history: u32,
    /// When an account is locked after failed sign-ins. It lets strangers lock people out.
    pub lock: Option<LockPolicy>,
    /// Whether a password that somebody else set must be changed at the next sign-in.
    pub change_after_reset: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: Self::MIN_LENGTH,
            classes: 0,
            max_age_days: None,
            history: 0,
            lock: None,
            change_after_reset: false,
        }
    }
}

impl PasswordPolicy {
    /// The least that can be asked for, in characters.
    pub const MIN_LENGTH: u32 = 8;
    /// The most that can be asked for, in characters.
    pub const MAX_MIN_LENGTH: u32 = 64;
    /// How many classes of characters there are.
    pub const CLASSES: u32 = 4;
    /// The longest that a password may last, in days: ten years.
    pub const MAX_AGE_DAYS: u32 = 3650;
    /// The longest history.
    pub const MAX_HISTORY: u32 = 24;
}

/// When an account is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockPolicy {
    /// After how many failed sign-ins, from whatever addresses.
    pub failures: u32,
    /// For how many minutes; failures that are as far apart do not count together.
    pub minutes: u32,
}

impl LockPolicy {
    /// The fewest failures: people mistype.
    pub const MIN_FAILURES: u32 = 3;
    /// The most failures.
    pub const MAX_FAILURES: u32 = 100;
    /// The longest lock, in minutes: a day.
    pub const MAX_MINUTES: u32 = 1440;
}
