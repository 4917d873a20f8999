//! How long an organisation lets sessions last.

use serde::{Deserialize, Serialize};

/// How long sessions last, by what signs in, and how many of a user there may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionPolicy {
    /// How many sessions a user may have; one more ends the oldest.
    pub max_sessions: Option<u32>,
    /// Pages in a browser.
    pub web: ClientPolicy,
    /// Apps on a phone.
    pub mobile: ClientPolicy,
    /// Mini-programs.
    pub mini_program: ClientPolicy,
    /// Other servers.
    pub server: ClientPolicy,
}

/// How long sessions of one kind of client last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientPolicy {
    /// Minutes without a request after which a session ends, give or take one: use is noted once a minute.
    pub idle_minutes: Option<u32>,
    /// Hours after which a session ends, used or not.
    pub absolute_hours: Option<u32>,
}

impl SessionPolicy {
    /// The most sessions that can be allowed.
    pub const MOST_SESSIONS: u32 = 100;

    /// What holds for a client, by its key; nothing for one that is not known, which signs nobody in.
    #[must_use]
    pub fn of(&self, client: &str) -> ClientPolicy {
        match client {
            "web" => self.web,
            "mobile" => self.mobile,
            "mini_program" => self.mini_program,
            "server" => self.server,
            _ => ClientPolicy::default(),
        }
    }
}

impl ClientPolicy {
    /// The shortest time without a request, in minutes: much more than the minute in which use is noted.
    pub const MIN_IDLE: u32 = 5;
    /// The longest time without a request, in minutes: 30 days.
    pub const MAX_IDLE: u32 = 43_200;
}
