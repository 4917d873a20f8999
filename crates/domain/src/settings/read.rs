//! Reading settings that somebody says: every flaw with its pointer.

use serde_json::Value;

use super::{
    AccessReviews, AddressPolicy, AttachmentPolicy, ClientPolicy, EmailPolicy, LockPolicy, NumberPolicy,
    PasswordPolicy, SecondFactorPolicy, SessionPolicy, Settings,
};
use crate::address::{Network, Networks};
use crate::codes;
use crate::flaw::Flaw;
use crate::media;
use crate::read::{Members, Reader};

/// Hours of a session that no policy makes longer: those of pages and servers, and those of apps.
const HOURS_SHORT: u32 = 12;
const HOURS_LONG: u32 = 720;
/// The most roles that are named.
const MOST_ROLES: usize = 50;

impl Settings {
    /// Reads settings as a whole: what is absent or null is as by default. `knows` says whether there is a role of that
    /// key. Means nothing where the reader found flaws.
    pub fn read(json: &Value, reader: &mut Reader<'_>, knows: &Roles<'_>) -> Self {
        let mut settings = Self::default();
        read_object(json, reader, |members, reader| {
            member(members, reader, "separation_of_duties", |json, reader| {
                settings.separation_of_duties = flag(json, reader);
            });
            member(members, reader, "second_factor", |json, reader| {
                settings.second_factor = second_factor(json, reader, knows);
            });
            member(members, reader, "passwords", |json, reader| settings.passwords = passwords(json, reader));
            member(members, reader, "sessions", |json, reader| settings.sessions = sessions(json, reader));
            member(members, reader, "addresses", |json, reader| settings.addresses = addresses(json, reader, knows));
            member(members, reader, "access_reviews", |json, reader| {
                settings.access_reviews = access_reviews(json, reader);
            });
            member(members, reader, "attachments", |json, reader| settings.attachments = attachments(json, reader));
            member(members, reader, "emails", |json, reader| settings.emails = emails(json, reader));
            member(members, reader, "numbers", |json, reader| settings.numbers = NumberPolicy::read(json, reader));
            &[
                "separation_of_duties",
                "second_factor",
                "passwords",
                "sessions",
                "addresses",
                "access_reviews",
                "attachments",
                "numbers",
                "emails",
            ]
        });
        settings
    }
}

/// The roles that there are, and those that are named already: a role that is gone makes nothing unreadable.
pub struct Roles<'a> {
    /// Keys of the roles of the organisation.
    pub known: &'a [String],
    /// Settings as they are.
    pub before: &'a Settings,
}

impl Roles<'_> {
    fn check(&self, role: &str, reader: &mut Reader<'_>) {
        let said = self.before.second_factor.required_roles.iter().any(|known| known == role)
            || self.before.addresses.roles.contains_key(role);
        if !said && self.known.iter().all(|known| known != role) {
            let flaw = Flaw::new(&codes::ROLE_UNKNOWN).with("value", role.chars().take(50).collect::<String>());
            reader.flaw(flaw.with("known", self.known.join(", ")));
        }
    }
}

/// Reads an object by its members; `read` gives the names of those it knows.
pub(super) fn read_object(
    json: &Value,
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Members, &mut Reader<'_>) -> &'static [&'static str],
) {
    let Some(mut members) = reader.object(json).cloned() else { return };
    let known = read(&mut members, reader);
    reader.refuse_rest(&members, known);
}

/// Reads a member, where it is said.
pub(super) fn member(
    members: &mut Members,
    reader: &mut Reader<'_>,
    name: &str,
    read: impl FnOnce(&Value, &mut Reader<'_>),
) {
    let json = members.remove(name).filter(|json| !json.is_null());
    if let Some(json) = json {
        reader.inside(name, |reader| read(&json, reader));
    }
}

fn flag(json: &Value, reader: &mut Reader<'_>) -> bool {
    reader.typed(json.as_bool(), "true or false", "true 或 false").unwrap_or_default()
}

fn number(json: &Value, reader: &mut Reader<'_>, min: u32, max: u32) -> Option<u32> {
    let number = reader.typed(json.as_i64(), "a whole number", "整数")?;
    let within = u32::try_from(number).ok().filter(|number| (min..=max).contains(number));
    if within.is_none() {
        let flaw = Flaw::new(&codes::NUMBER_OUT_OF_RANGE).with("value", number);
        reader.flaw(flaw.with("min", min).with("max", max));
    }
    within
}

fn second_factor(json: &Value, reader: &mut Reader<'_>, roles: &Roles<'_>) -> SecondFactorPolicy {
    let mut policy = SecondFactorPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "required_roles", |json, reader| {
            let named = texts(json, reader, MOST_ROLES);
            for (at, role) in named.into_iter().enumerate() {
                reader.inside(at, |reader| roles.check(&role, reader));
                if !policy.required_roles.contains(&role) {
                    policy.required_roles.push(role);
                }
            }
        });
        &["required_roles"]
    });
    policy
}

fn access_reviews(json: &Value, reader: &mut Reader<'_>) -> AccessReviews {
    let mut reviews = AccessReviews::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "quarterly", |json, reader| reviews.quarterly = flag(json, reader));
        member(members, reader, "days", |json, reader| {
            reviews.days = number(json, reader, 1, AccessReviews::MAX_DAYS).unwrap_or_default();
        });
        member(members, reader, "revoke_unanswered", |json, reader| {
            reviews.revoke_unanswered = flag(json, reader);
        });
        &["quarterly", "days", "revoke_unanswered"]
    });
    reviews
}

fn attachments(json: &Value, reader: &mut Reader<'_>) -> AttachmentPolicy {
    let mut policy = AttachmentPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "max_bytes", |json, reader| {
            policy.max_bytes = number(json, reader, 1, AttachmentPolicy::MOST_BYTES).unwrap_or_default();
        });
        member(members, reader, "types", |json, reader| {
            policy.types.clear();
            for (at, name) in texts(json, reader, media::KNOWN.len()).into_iter().enumerate() {
                if media::known(&name).is_none() {
                    let known = media::KNOWN.iter().map(|(known, ..)| *known).collect::<Vec<_>>().join(", ");
                    let value = name.chars().take(100).collect::<String>();
                    let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", known);
                    reader.inside(at, |reader| reader.flaw(flaw));
                }
                policy.types.insert(name);
            }
        });
        &["max_bytes", "types"]
    });
    policy
}

fn emails(json: &Value, reader: &mut Reader<'_>) -> EmailPolicy {
    let mut policy = EmailPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "refuse_disposable", |json, reader| policy.refuse_disposable = flag(json, reader));
        &["refuse_disposable"]
    });
    policy
}

fn passwords(json: &Value, reader: &mut Reader<'_>) -> PasswordPolicy {
    type P = PasswordPolicy;
    let mut policy = P::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "min_length", |json, reader| {
            policy.min_length = number(json, reader, P::MIN_LENGTH, P::MAX_MIN_LENGTH).unwrap_or_default();
        });
        member(members, reader, "classes", |json, reader| {
            policy.classes = number(json, reader, 0, P::CLASSES).unwrap_or_default();
        });
        member(members, reader, "max_age_days", |json, reader| {
            policy.max_age_days = number(json, reader, 1, P::MAX_AGE_DAYS);
        });
        member(members, reader, "history", |json, reader| {
            policy.history = number(json, reader, 0, P::MAX_HISTORY).unwrap_or_default();
        });
        member(members, reader, "lock", |json, reader| policy.lock = lock(json, reader));
        member(members, reader, "change_after_reset", |json, reader| policy.change_after_reset = flag(json, reader));
        &["min_length", "classes", "max_age_days", "history", "lock", "change_after_reset"]
    });
    policy
}

fn lock(json: &Value, reader: &mut Reader<'_>) -> Option<LockPolicy> {
    let (mut failures, mut minutes) = (None, None);
    read_object(json, reader, |members, reader| {
        for name in ["failures", "minutes"] {
            if members.get(name).is_none_or(Value::is_null) {
                let flaw = Flaw::new(&codes::REQUIRED).with("field", name);
                reader.inside(name, |reader| reader.flaw(flaw));
            }
        }
        member(members, reader, "failures", |json, reader| {
            failures = number(json, reader, LockPolicy::MIN_FAILURES, LockPolicy::MAX_FAILURES);
        });
        member(members, reader, "minutes", |json, reader| {
            minutes = number(json, reader, 1, LockPolicy::MAX_MINUTES);
        });
        &["failures", "minutes"]
    });
    Some(LockPolicy { failures: failures?, minutes: minutes? })
}

fn sessions(json: &Value, reader: &mut Reader<'_>) -> SessionPolicy {
    let mut policy = SessionPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "max_sessions", |json, reader| {
            policy.max_sessions = number(json, reader, 1, SessionPolicy::MOST_SESSIONS);
        });
        member(members, reader, "web", |json, reader| policy.web = client(json, reader, HOURS_SHORT));
        member(members, reader, "mobile", |json, reader| policy.mobile = client(json, reader, HOURS_LONG));
        member(members, reader, "mini_program", |json, reader| policy.mini_program = client(json, reader, HOURS_LONG));
        member(members, reader, "server", |json, reader| policy.server = client(json, reader, HOURS_SHORT));
        &["max_sessions", "web", "mobile", "mini_program", "server"]
    });
    policy
}

fn client(json: &Value, reader: &mut Reader<'_>, hours: u32) -> ClientPolicy {
    let mut policy = ClientPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "idle_minutes", |json, reader| {
            policy.idle_minutes = number(json, reader, ClientPolicy::MIN_IDLE, ClientPolicy::MAX_IDLE);
        });
        member(members, reader, "absolute_hours", |json, reader| {
            policy.absolute_hours = number(json, reader, 1, hours);
        });
        &["idle_minutes", "absolute_hours"]
    });
    policy
}

fn addresses(json: &Value, reader: &mut Reader<'_>, roles: &Roles<'_>) -> AddressPolicy {
    let mut policy = AddressPolicy::default();
    read_object(json, reader, |members, reader| {
        member(members, reader, "allow", |json, reader| policy.allow = networks(json, reader));
        member(members, reader, "roles", |json, reader| {
            let Some(lists) = reader.object(json) else { return };
            if lists.len() > MOST_ROLES {
                reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST_ROLES));
                return;
            }
            for (role, list) in lists.iter().filter(|(_, list)| !list.is_null()) {
                reader.inside(role, |reader| {
                    roles.check(role, reader);
                    let networks = networks(list, reader);
                    // An empty list is no limit here as there.
                    if !networks.is_empty() {
                        policy.roles.insert(role.clone(), networks);
                    }
                });
            }
        });
        &["allow", "roles"]
    });
    policy
}

fn networks(json: &Value, reader: &mut Reader<'_>) -> Networks {
    let texts = texts(json, reader, AddressPolicy::MOST);
    let read = |(at, text): (usize, String)| reader.inside(at, |reader| reader.keep(Network::parse(&text)));
    texts.into_iter().enumerate().filter_map(read).collect()
}

/// A list of texts.
fn texts(json: &Value, reader: &mut Reader<'_>, most: usize) -> Vec<String> {
    let Some(items) = reader.typed(json.as_array(), "a list of texts", "文本列表") else { return Vec::new() };
    if items.len() > most {
        reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", most));
        return Vec::new();
    }
    let text = |(at, item)| reader.inside(at, |reader| reader.text(item).unwrap_or_default().to_owned());
    items.iter().enumerate().map(text).collect()
}
