//! The organisation, its settings, and resetting a password, in the description.

use kehu_domain::media;
use kehu_domain::settings::{AttachmentPolicy, ClientPolicy, LockPolicy, PasswordPolicy, Preset, SessionPolicy};
use serde_json::{Map, Value, json};

use super::numbers;
use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const TAG: &str = "organisation";
const SETTINGS: &str = "What the organisation lays down for itself.";
const RIGHT: &str = "Takes the right `settings.manage`.";

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    vec![get(), patch(), preset(), reset()]
}

fn organisation(status: u16, text: &str) -> Answer {
    Answer::json(status, text, schema_ref("Organisation")).with_headers(&["ETag"])
}

fn get() -> Operation {
    let description = "Who the organisation is. What it lays down for itself is null and named in `hidden` for who may \
                       not change it.";
    Operation {
        summary: "Get the organisation".into(),
        description: description.into(),
        parameters: vec![parameter_ref("IfNoneMatch")],
        answers: vec![
            organisation(200, "The organisation."),
            Answer::empty(304, "It is as it was.").with_headers(&["ETag"]),
        ],
        ..Operation::new("get", "/v1/organisation", "organisation_get", TAG)
    }
}

fn patch() -> Operation {
    let description = "A JSON merge patch (RFC 7396), through the settings too: null is the default. A list of addresses \
                       that does not hold the caller's own is refused.";
    Operation {
        summary: "Change the organisation".into(),
        description: format!("{description} {RIGHT}"),
        parameters: vec![parameter_ref("IfMatch"), parameter_ref("ChangeReason")],
        body: Some((&["application/merge-patch+json", "application/json"], schema_ref("OrganisationPatch"))),
        example: Some(
            json!({ "settings": { "passwords": { "min_length": 10 }, "sessions": { "web": { "idle_minutes": 30 } } } }),
        ),
        answers: vec![organisation(200, "The organisation as it is now.")],
        problems: vec![&codes::FORBIDDEN, &codes::VERSION_CONFLICT, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL],
        ..Operation::new("patch", "/v1/organisation", "organisation_update", TAG)
    }
}

fn preset() -> Operation {
    let description = "Makes the settings at least as strict as a preset says; what is stricter stays. `dengbao_3` is \
                       what GB/T 22239-2019 asks of level 3 in 8.1.4.1 and 8.1.4.2.";
    Operation {
        summary: "Apply a preset of settings".into(),
        description: format!("{description} {RIGHT}"),
        parameters: vec![parameter_ref("ChangeReason")],
        body: Some((&["application/json"], schema_ref("PresetRequest"))),
        example: Some(json!({ "preset": Preset::Dengbao3.key() })),
        answers: vec![organisation(200, "The organisation as it is now.")],
        problems: vec![&codes::FORBIDDEN, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL],
        ..Operation::new("post", "/v1/organisation/apply_preset", "organisation_apply_preset", TAG)
    }
}

fn reset() -> Operation {
    let description = "Takes the user's password away, ends the user's sessions and lifts a lock. The answer has a token \
                       with which the user chooses another password, once, within seven days, by `POST \
                       /v1/auth/accept_invitation`; it is shown this once. One's own password is changed by `POST \
                       /v1/me/password`.";
    Operation {
        summary: "Reset a user's password".into(),
        description: description.into(),
        parameters: vec![parameter_ref("RecordId"), parameter_ref("ChangeReason")],
        answers: vec![Answer::json(200, "What lets the user choose another password.", schema_ref("PasswordReset"))],
        problems: vec![
            &codes::FORBIDDEN,
            &codes::NOT_FOUND,
            &codes::VALIDATION,
            &codes::DATABASE_READ_ONLY,
            &codes::DISK_FULL,
        ],
        ..Operation::new("post", "/v1/users/{id}/reset_password", "users_reset_password", "users")
    }
}

fn text(doc: &str, example: &str) -> Value {
    described(json!({ "type": "string", "examples": [example] }), doc)
}

fn flag(doc: &str) -> Value {
    described(json!({ "type": "boolean" }), doc)
}

fn number(doc: &str, min: u32, max: u32) -> Value {
    described(json!({ "type": "integer", "minimum": min, "maximum": max }), doc)
}

fn networks(doc: &str) -> Value {
    let item = json!({ "type": "string", "examples": ["10.0.0.0/8"] });
    described(json!({ "type": "array", "maxItems": 100, "items": item }), doc)
}

/// Members of a policy: in an answer each is there, in a patch each may be left out or null.
pub(super) fn policy(doc: &str, members: &[(&str, Value)], patch: bool) -> Value {
    let of = |value: &Value| if patch && !can_be_null(value) { or_null(value.clone()) } else { value.clone() };
    let properties: Map<String, Value> = members.iter().map(|(name, value)| ((*name).to_owned(), of(value))).collect();
    if patch { object(doc, properties, &[], true) } else { whole(doc, properties.into()) }
}

fn can_be_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(|kind| kind == "null"))
}

fn passwords(patch: bool) -> Value {
    type P = PasswordPolicy;
    let lock = [
        ("failures", number("After how many failures.", LockPolicy::MIN_FAILURES, LockPolicy::MAX_FAILURES)),
        ("minutes", number("For how long; failures as far apart do not count together.", 1, LockPolicy::MAX_MINUTES)),
    ];
    let lock_doc = "Locks an account after failed sign-ins from whatever addresses; null is off. It lets strangers lock \
                    people out.";
    let members = [
        ("min_length", number("Fewest characters.", P::MIN_LENGTH, P::MAX_MIN_LENGTH)),
        (
            "classes",
            number("How many of small letters, capital letters, digits and others there must be.", 0, P::CLASSES),
        ),
        (
            "max_age_days",
            or_null(number("Days after which a password must be changed; null is never.", 1, P::MAX_AGE_DAYS)),
        ),
        ("history", number("How many of the last passwords a new one must differ from.", 0, P::MAX_HISTORY)),
        ("lock", or_null(policy(lock_doc, &lock, patch))),
        ("change_after_reset", flag("Whether a password that somebody else set must be changed at the next sign-in.")),
    ];
    policy("What passwords must be.", &members, patch)
}

fn sessions(patch: bool) -> Value {
    let client = |doc: &str, hours| {
        let idle = "Minutes without a request after which a session ends, give or take one; null is no limit.";
        let absolute = "Hours after which a session ends, used or not; null is the longest there is.";
        let members = [
            ("idle_minutes", or_null(number(idle, ClientPolicy::MIN_IDLE, ClientPolicy::MAX_IDLE))),
            ("absolute_hours", or_null(number(absolute, 1, hours))),
        ];
        policy(doc, &members, patch)
    };
    let most = "How many sessions a user may have: one more ends the oldest; null is any number.";
    let members = [
        ("max_sessions", or_null(number(most, 1, SessionPolicy::MOST_SESSIONS))),
        ("web", client("Pages in a browser.", 12)),
        ("mobile", client("Apps on a phone.", 720)),
        ("mini_program", client("Mini-programs.", 720)),
        ("server", client("Other servers.", 12)),
    ];
    policy("How long sessions last, by what signs in.", &members, patch)
}

fn settings(patch: bool) -> Value {
    let role = json!({ "type": "string", "examples": ["administrator"] });
    let roles = described(json!({ "type": "array", "items": role }), "Keys of roles of which each needs one.");
    let list = networks("Where whoever has the role may come from.");
    let list = if patch { or_null(list) } else { list };
    let by_role = json!({ "type": "object", "additionalProperties": list });
    let addresses = [
        ("allow", networks("Where everybody may come from; an empty list is no limit.")),
        ("roles", described(by_role, "Lists by the key of a role, beside that.")),
    ];
    let members = [
        ("separation_of_duties", flag("Nobody both administers, protects and audits the organisation.")),
        ("second_factor", policy("Who needs a second factor.", &[("required_roles", roles)], patch)),
        ("passwords", passwords(patch)),
        ("sessions", sessions(patch)),
        ("addresses", policy("From which addresses people may come.", &addresses, patch)),
        ("emails", policy("Which e-mail addresses records may have.", &emails(), patch)),
        ("access_reviews", policy("How the rights of everybody are reviewed.", &reviews(), patch)),
        ("attachments", policy("Which files may be attached.", &attachments(), patch)),
        ("numbers", numbers::settings(patch)),
    ];
    policy(SETTINGS, &members, patch)
}

fn attachments() -> [(&'static str, Value); 2] {
    let names: Vec<&str> = media::KNOWN.iter().map(|(name, ..)| *name).collect();
    let name = json!({ "type": "string", "enum": names });
    let types = json!({ "type": "array", "maxItems": media::KNOWN.len(), "items": name });
    [
        ("max_bytes", number("How many bytes a file may have.", 1, AttachmentPolicy::MOST_BYTES)),
        ("types", described(types, "Media types that are taken. What a file is, its first bytes say.")),
    ]
}

fn emails() -> [(&'static str, Value); 1] {
    [(
        "refuse_disposable",
        flag("Whether one of a domain that gives throw-away mailboxes is refused; otherwise it is told."),
    )]
}

fn reviews() -> [(&'static str, Value); 3] {
    let days = json!({ "type": "integer", "minimum": 1, "maximum": 90 });
    [
        ("quarterly", flag("Whether a review is opened on the first day of each quarter.")),
        ("days", described(days, "For how many days it can be answered.")),
        ("revoke_unanswered", flag("Whether what nobody answered by then is revoked.")),
    ]
}

fn profile() -> Vec<(&'static str, Value)> {
    vec![
        ("name", text("Its name.", "我的公司")),
        ("locale", described(json!({ "type": "string", "enum": ["zh-CN", "en"] }), "Its language.")),
        ("time_zone", text("Where its days and years begin: a name of the IANA database.", "Asia/Shanghai")),
        ("currency", text("Its currency, ISO 4217.", "CNY")),
        ("region", text("Its region, ISO 3166-1: phone numbers without a country code belong there.", "CN")),
    ]
}

fn base() -> Vec<(&'static str, Value)> {
    let hidden = json!({ "type": "array", "items": { "type": "string" } });
    vec![
        ("id", described(json!({ "type": "string", "format": "uuid" }), "The id.")),
        ("slug", text("The short name.", "main")),
        ("version", described(json!({ "type": "integer" }), "Counts its changes.")),
        ("created_at", described(json!({ "type": "string", "format": "date-time" }), "When it was made.")),
        ("hidden", described(hidden, "Members that the caller may not see.")),
    ]
}

/// Schemas of bodies.
pub(super) fn schemas() -> Map<String, Value> {
    let members =
        |members: Vec<(&'static str, Value)>| members.into_iter().map(|(name, value)| (name.to_owned(), value));
    let shown: Map<String, Value> = members(base())
        .chain(members(profile()))
        .chain([("settings".to_owned(), described(or_null(schema_ref("Settings")), SETTINGS))])
        .collect();
    let read_only = |(name, mut value): (String, Value)| {
        if let Some(value) = value.as_object_mut().filter(|_| name != "version") {
            value.insert("readOnly".into(), true.into());
        }
        (name, value)
    };
    let said: Map<String, Value> = members(base())
        .map(read_only)
        .chain(members(profile()))
        .chain([("settings".to_owned(), described(or_null(schema_ref("SettingsPatch")), SETTINGS))])
        .collect();
    let preset = json!({ "type": "string", "enum": [Preset::Dengbao3.key()] });
    let preset: Map<String, Value> = [("preset".to_owned(), described(preset, "Its key."))].into_iter().collect();
    let reset = json!({
        "token": text("For `POST /v1/auth/accept_invitation`; shown this once.", "inv_…"),
        "expires_at": described(json!({ "type": "string", "format": "date-time" }), "Until when it works."),
    });
    [
        ("Organisation", whole("An organisation.", shown.into())),
        ("OrganisationPatch", object("A change of an organisation.", said, &[], true)),
        ("Settings", settings(false)),
        ("SettingsPatch", settings(true)),
        ("PresetRequest", object("A preset that is applied.", preset, &["preset"], true)),
        ("PasswordReset", whole("Lets a user choose another password.", reset)),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
