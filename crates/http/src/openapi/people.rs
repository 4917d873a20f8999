//! What making and changing users takes and gives beside the fields of a user: a password, an invitation.

use kehu_domain::kinds::User;
use kehu_domain::record::{Kind, Record};
use serde_json::{Map, Value, json};

use super::shapes::{described, object};

/// Suffixes of the schemas of a create's body and answer.
pub(super) fn create_forms(kind: &Kind) -> (&'static str, &'static str) {
    if is_user(kind) { ("Create", "Created") } else { ("Input", "") }
}

fn is_user(kind: &Kind) -> bool {
    kind.name == User::KIND.name
}

/// Adds to the schemas of users what is beside their fields.
pub(super) fn extend(kind: &Kind, schemas: &mut Vec<(String, Value)>) {
    if !is_user(kind) {
        return;
    }
    let name = kind.schema;
    let like = |of: String, new: &str, member: (&str, Value), schemas: &[(String, Value)]| {
        let schema = schemas.iter().find(|(name, _)| *name == of).map(|(_, schema)| with(schema.clone(), member));
        (format!("{name}{new}"), schema.unwrap_or_default())
    };
    let make = "The password to sign in with; without one the answer carries an invitation to choose one.";
    let mut created = like(name.to_owned(), "Created", ("invitation", invitation()), schemas);
    // Generators call types by their titles: two of one name would be one.
    if let Some(created) = created.1.as_object_mut() {
        created.insert("title".into(), "New user".into());
    }
    let create = like(format!("{name}Input"), "Create", ("password", password(make, true)), schemas);
    let set = "A new password, set by an administrator; it ends the user's sessions.";
    let patch = like(format!("{name}Patch"), "Patch", ("password", password(set, false)), schemas);
    // Nothing takes a user without these: there is no batch of users.
    schemas.retain(|(known, _)| *known != patch.0 && *known != format!("{name}Input"));
    schemas.extend([create, created, patch]);
}

fn with(mut schema: Value, (name, member): (&str, Value)) -> Value {
    if let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        members.insert(name.to_owned(), member);
    }
    schema
}

fn password(doc: &str, or_null: bool) -> Value {
    let kind = if or_null { json!(["string", "null"]) } else { json!("string") };
    let schema = json!({ "type": kind, "format": "password", "minLength": 8, "maxLength": 128, "writeOnly": true, "title": "Password" });
    described(schema, doc)
}

fn invitation() -> Value {
    let mut members = Map::new();
    let token = json!({ "type": "string", "examples": ["inv_…"] });
    let doc = "For `POST /v1/auth/accept_invitation`; shown this once.";
    members.insert("token".into(), described(token, doc));
    let time = json!({ "type": "string", "format": "date-time" });
    members.insert("expires_at".into(), described(time, "Until when it can be accepted."));
    object("Where no password was given: lets the new user choose one.", members, &["token", "expires_at"], false)
}
