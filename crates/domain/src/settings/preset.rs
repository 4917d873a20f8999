//! Settings that are made together.

use super::{ClientPolicy, LockPolicy, Settings};

/// A set of settings under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// 等保 level 3: what GB/T 22239-2019, 8.1.4.1 (identification) and 8.1.4.2 (access control) ask for and a program
    /// can do. The standard names no numbers; these are the ones that assessors commonly expect.
    Dengbao3,
}

impl Preset {
    /// Its key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Dengbao3 => "dengbao_3",
        }
    }

    /// The preset of that key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        (key == Self::Dengbao3.key()).then_some(Self::Dengbao3)
    }
}

/// The roles that need a second factor: who administers, protects and audits.
const ADMINISTER: [&str; 4] = ["administrator", "system_admin", "security_admin", "auditor"];

impl Settings {
    /// At least as strict as a preset: what is stricter already stays.
    #[must_use]
    pub fn tightened(&self, preset: Preset) -> Self {
        match preset {
            Preset::Dengbao3 => self.dengbao_3(),
        }
    }

    fn dengbao_3(&self) -> Self {
        const LENGTH: u32 = 8;
        const CLASSES: u32 = 3;
        const AGE: u32 = 90;
        const HISTORY: u32 = 5;
        const FAILURES: u32 = 5;
        const MINUTES: u32 = 30;
        const IDLE: u32 = 30;
        let mut settings = self.clone();
        // 8.1.4.1 a): information that identifies must be complex and be changed regularly.
        let passwords = &mut settings.passwords;
        passwords.min_length = passwords.min_length.max(LENGTH);
        passwords.classes = passwords.classes.max(CLASSES);
        passwords.max_age_days = at_most(passwords.max_age_days, AGE);
        passwords.history = passwords.history.max(HISTORY);
        passwords.change_after_reset = true;
        // 8.1.4.1 b): failed sign-ins are dealt with, and a session that is not used ends by itself.
        let lock = passwords.lock.unwrap_or(LockPolicy { failures: FAILURES, minutes: MINUTES });
        let (failures, minutes) = (lock.failures.min(FAILURES), lock.minutes.max(MINUTES));
        passwords.lock = Some(LockPolicy { failures, minutes });
        let sessions = &mut settings.sessions;
        let clients = [&mut sessions.web, &mut sessions.mobile, &mut sessions.mini_program, &mut sessions.server];
        for client in clients {
            *client = ClientPolicy { idle_minutes: at_most(client.idle_minutes, IDLE), ..*client };
        }
        // 8.1.4.1 d): two factors, of which one is cryptographic.
        let roles = &mut settings.second_factor.required_roles;
        for role in ADMINISTER {
            if roles.iter().all(|known| known != role) {
                roles.push(role.to_owned());
            }
        }
        // 8.1.4.2 d): the rights of those who administer are kept apart.
        settings.separation_of_duties = true;
        settings
    }
}

fn at_most(value: Option<u32>, most: u32) -> Option<u32> {
    Some(value.map_or(most, |value| value.min(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_sets_what_was_off_and_keeps_what_is_stricter() {
        let mut before = Settings::default();
        before.passwords.min_length = 12;
        before.passwords.max_age_days = Some(365);
        before.passwords.lock = Some(LockPolicy { failures: 3, minutes: 10 });
        before.sessions.mobile.idle_minutes = Some(10);
        before.sessions.max_sessions = Some(2);
        let after = before.tightened(Preset::Dengbao3);
        let passwords = &after.passwords;
        assert_eq!((passwords.min_length, passwords.classes, passwords.history), (12, 3, 5));
        assert_eq!(passwords.max_age_days, Some(90));
        assert_eq!(passwords.lock, Some(LockPolicy { failures: 3, minutes: 30 }));
        assert_eq!((after.sessions.web.idle_minutes, after.sessions.mobile.idle_minutes), (Some(30), Some(10)));
        assert_eq!(after.sessions.max_sessions, Some(2));
        assert_eq!(after.second_factor.required_roles, ADMINISTER);
        assert!(after.separation_of_duties && passwords.change_after_reset);
        assert_eq!(after.tightened(Preset::Dengbao3), after, "once is enough");
    }
}
