//! Rights: what a role gives, what can be given, and who can see a record by which rule.

use kehu_domain::record::Kind;
use kehu_domain::rights::{ACTIONS, RIGHTS, actions_of, kind_names, reach_of};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, or_null, schema_ref, whole};
use crate::problem_codes as codes;

/// The operation that explains who can see a record of a kind.
pub(super) fn access(kind: &'static Kind) -> Operation {
    let name = kind.name.replace('_', "-");
    Operation {
        summary: format!("Explain who can see a {name}"),
        description: "What a user can do with the record, and by which role and reach; without `user`, the caller. Of \
                      others it is told to those who grant rights, and to those who may give the record away."
            .to_owned(),
        parameters: vec![parameter_ref("RecordId"), parameter_ref("User")],
        answers: vec![Answer::json(200, "What the user can do, and why.", schema_ref("Access"))],
        problems: vec![&codes::FORBIDDEN, &codes::NOT_FOUND],
        ..Operation::new("get", format!("/v1/{}/{{id}}/access", kind.path), format!("{}_access", kind.path), kind.path)
    }
}

/// What can be given to a role.
pub(super) fn operations() -> Vec<Operation> {
    vec![Operation {
        summary: "What can be given to a role?".to_owned(),
        description:
            "Kinds with their actions and fields, rights that are about no record, and what the built-in roles \
                      have: enough to draw the page on which a role is made. Roles that the organisation made are \
                      under `/v1/roles`."
                .to_owned(),
        answers: vec![Answer::json(200, "Everything that a role may have.", schema_ref("RightsCatalogue"))],
        ..Operation::new("get", "/v1/rights".to_owned(), "rights_get".to_owned(), "roles")
    }]
}

fn words(choices: &[&str], description: &str) -> Value {
    let items = json!({ "type": "string", "enum": choices });
    json!({ "type": "array", "items": items, "uniqueItems": true, "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn sight(choices: &[&str], description: &str) -> Value {
    json!({ "type": "string", "enum": choices, "description": description })
}

/// Said as one word for every record, or one each; given as one each.
fn sees(choices: &[&str], description: &str) -> Value {
    let each = json!({
        "own": sight(choices, "Of one's own records, and those shared with one."),
        "team": sight(choices, "Of those of one's team and the teams below."),
        "other": sight(choices, "Of every other record."),
    });
    let each = json!({ "type": "object", "properties": each, "additionalProperties": false });
    json!({ "oneOf": [sight(choices, "Of every record."), each], "description": description })
}

const SIGHTS: [&str; 3] = ["hidden", "masked", "full"];

fn rights_of_kind(kind: &str) -> Value {
    let far = reach_of(kind).choices();
    let known = ACTIONS.iter().filter(|(action, _)| actions_of(kind).contains(action));
    let mut members: Map<String, Value> = known
        .map(|(_, word)| ((*word).to_owned(), words(&far, "How far it reaches; nothing is not at all.")))
        .collect();
    let field = json!({ "type": "object", "additionalProperties": false, "properties": {
        "sees": sees(&SIGHTS, "How much is seen; as its group says where nothing is said."),
        "writes": flag("Whether it may be written; yes where nothing is said."),
    } });
    let fields = json!({ "type": "object", "additionalProperties": field });
    members.insert("fields".into(), described(fields, "Fields that are seen or written otherwise than their group."));
    json!({ "type": "object", "properties": members, "additionalProperties": false,
        "description": format!("What may be done with records of the kind `{kind}`.") })
}

/// Schemas of rights.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    let kinds: Map<String, Value> = kind_names().map(|kind| (kind.to_owned(), rights_of_kind(kind))).collect();
    let kinds = json!({ "type": "object", "properties": kinds, "additionalProperties": false,
        "description": "Reach per kind and action. What is not said is not given." });
    let rights = json!({
        "type": "object", "additionalProperties": false,
        "description": "What a role may do. What is not said is not given.",
        "properties": {
            "kinds": kinds,
            "contact_data": sees(&SIGHTS, "How much is seen of phones, e-mails, WeChat ids, addresses and birthdays."),
            "identity": sees(&["hidden", "masked"], "How much is seen of ID numbers and bank accounts: never all."),
            "besides": words(&RIGHTS.map(|(_, word)| word), "Rights that are about no record."),
        },
    });
    all.insert("RoleRights".into(), rights);
    let user = json!({ "type": "string", "format": "uuid", "description": "The user." });
    let shared = json!({
        "type": "object", "required": ["user_id"], "additionalProperties": false,
        "properties": {
            "user_id": user,
            "access": { "type": "string", "enum": ["read", "write"], "description": "How far; `read` where nothing is said." },
            "user": described(schema_ref("Reference"), "The user's name; not written."),
        },
    });
    all.insert(
        "Collaborators".into(),
        json!({ "type": "array", "maxItems": 50, "items": shared,
            "description": "Users whom the record is shared with, beside its owner and team." }),
    );
    all.insert("Access".into(), access_schema());
    all.insert("RightsCatalogue".into(), catalogue());
    all
}

fn access_schema() -> Value {
    let rule = whole(
        "A rule that lets the user do it.",
        json!({ "role": text("The role."), "reach": text("The part of its reach that covers the record.") }),
    );
    let can = json!({ "type": "object", "additionalProperties": { "type": "array", "items": rule },
        "description": "The rules that let the user do each action; of none it is not allowed." });
    let standing = whole(
        "How the record stands to the user.",
        json!({
            "own": flag("Whether the user owns it."),
            "team": described(or_null(schema_ref("Reference")), "The team that it belongs to, where that is the user's or one below."),
            "shared": { "type": ["string", "null"], "enum": ["read", "write", null], "description": "How far it is shared with the user." },
        }),
    );
    whole(
        "What a user can do with a record, and why.",
        json!({
            "user": described(schema_ref("Reference"), "The user."),
            "disabled": flag("Whether the user is disabled, and can do nothing."),
            "roles": texts("The user's roles."),
            "standing": standing,
            "can": can,
            "hidden": texts("Fields of which the user sees nothing."),
            "masked": texts("Fields of which the user sees a mask."),
            "read_only": texts("Fields that the user does not write."),
        }),
    )
}

fn catalogue() -> Value {
    let label = json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": "What people call it, by language." });
    let field = whole(
        "A field.",
        json!({
            "name": text("Its name."), "label": label,
            "group": text("What decides how much is seen where a role says nothing of the field: `general`, `contact_data`, `identity`."),
            "sees": texts("How much a role may let be seen."),
        }),
    );
    let kind = whole(
        "A kind of record, or jobs.",
        json!({
            "kind": text("Its name."), "label": label, "actions": texts("What can be done."),
            "reach": texts("Words that say how far."),
            "fields": { "type": "array", "items": field, "description": "Its fields." },
        }),
    );
    let role = whole(
        "A built-in role.",
        json!({
            "key": text("Its key."), "label": label,
            "rights": described(schema_ref("RoleRights"), "What it may do."),
        }),
    );
    whole(
        "Everything that a role may have.",
        json!({
            "kinds": { "type": "array", "items": kind, "description": "Kinds of records." },
            "besides": texts("Rights that are about no record."),
            "roles": { "type": "array", "items": role, "description": "The roles that every organisation has." },
        }),
    )
}
