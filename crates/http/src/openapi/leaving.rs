//! Leavers in the description.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let text = "Disables the user, ends the sessions and revokes the personal tokens at once; a job then hands over, a few customers at a time, each \
                journaled as any transfer is: customers with their contacts and follow-ups, deleted ones too, to the \
                successors in turn. The user is taken out of customers that are shared with him. At its end nothing is \
                left: `result` of the job says what went to whom, counts what is left, and names the keys of programs that \
                the user made (`keys_made`): they belong to the organisation and go on until they are revoked. With `dry_run` nothing is done, \
                and the answer says what would go to whom. Asked again, the job that is still at it is given; after one \
                that failed or was taken back, another goes on. Takes `rights.grant` and the right to change users.";
    let mut leave = Operation::new("post", "/v1/users/{id}/leave", "users_leave", "users");
    (leave.summary, leave.description) = ("Have a user leave".to_owned(), text.to_owned());
    leave.parameters = vec![parameter_ref("RecordId")];
    leave.body = Some((&["application/json"], schema_ref("Leave")));
    let successor = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
    leave.example = Some(json!({ "successor_id": successor, "dry_run": true }));
    leave.answers = vec![
        Answer::json(200, "With `dry_run`: what would go to whom.", schema_ref("LeavePreview")),
        Answer::json(202, "The job.", schema_ref("Job")).with_headers(&["Location"]),
    ];
    leave.problems =
        vec![&codes::FORBIDDEN, &codes::NOT_FOUND, &codes::CONFLICT, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL];
    vec![leave]
}

fn id(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "description": description })
}

fn ids(most: usize, description: &str) -> Value {
    let id = json!({ "type": "string", "format": "uuid" });
    json!({ "type": "array", "maxItems": most, "items": id, "description": description })
}

/// Schemas of leavers.
pub(super) fn schemas() -> Map<String, Value> {
    use kehu_store::leaving::{MOST_NAMED, MOST_SUCCESSORS};
    let members = |value: Value| match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let list = json!({
        "successor_id": id("One of the successors."),
        "customer_ids": ids(MOST_NAMED, "Customers of the leaver."),
    });
    let list = object("Customers that go to one successor.", members(list), &["successor_id", "customer_ids"], true);
    let leave = json!({
        "successor_id": or_null(id("Who takes over; one of this and `successors`.")),
        "successors": or_null(ids(MOST_SUCCESSORS, "Who take over, each in turn.")),
        "named": {
            "type": ["array", "null"], "items": list,
            "description": "Customers that go to one successor whosever turn it is; 1,000 at most in all.",
        },
        "team": {
            "type": ["string", "null"], "enum": ["successor", "keep", null],
            "description": "Whether customers go to their new owner's team (`successor`, the default), or stay in theirs (`keep`).",
        },
        "dry_run": { "type": ["boolean", "null"], "description": "Whether only to tell what would go to whom." },
        "reason": {
            "type": ["string", "null"], "minLength": 1, "maxLength": 300, "description": "Why. It is kept sealed.",
        },
    });
    let mut all = Map::new();
    all.insert("Leave".into(), object("What is to become of what a leaver looks after.", members(leave), &[], true));
    all.insert("LeavePreview".into(), whole("What would go to whom.", preview()));
    all
}

fn preview() -> Value {
    let counts = json!({
        "customers": number("Customers."),
        "deleted_customers": number("Customers that were deleted, and may be restored."),
        "contacts": number("Contacts that go along."),
        "follow_ups": number("Follow-ups that go along."),
        "notes": number("Notes that go along."),
        "attachments": number("Attachments that go along."),
        "due_follow_ups": number("Those of them with a next step that is due at some time."),
        "collaborations": number("Customers of others that are shared with the user."),
        "sessions": number("Sessions that end."),
        "personal_tokens": number("Personal tokens that are revoked."),
    });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let share = whole(
        "What a successor gets.",
        json!({
            "successor": described(schema_ref("Reference"), "Who."), "customers": number("How many customers."),
        }),
    );
    let sample = whole(
        "A customer.",
        json!({
            "id": id("Its id."), "number": or_null(text("Its number.")), "name": text("Its name."),
        }),
    );
    let key = whole(
        "A key of a program.",
        json!({
            "id": id("Its id."), "name": text("What people call the program."),
            "hint": text("The beginning and the end of the key: `sk_…A1b2`."),
        }),
    );
    let keys = json!({
        "count": number("How many there are."),
        "keys": {
            "type": "array", "items": key, "maxItems": 100,
            "description": "The oldest 100 of them; empty for who does not manage keys.",
        },
    });
    json!({
        "user_id": id("Who leaves."),
        "counts": whole("How much there is.", counts),
        "shares": { "type": "array", "items": share, "description": "What each successor gets." },
        "samples": {
            "type": "array", "items": sample,
            "description": "The first five customers, as far as the caller may read them.",
        },
        "keys_made": whole("Keys of programs that the user made and that are good: they go on until they are revoked.", keys),
        "lonely_forms": {
            "type": "array", "items": schema_ref("Reference"),
            "description": "Forms whose new customers have nobody else to go to: they belong to the team alone then. \
                            Empty for who may not read forms.",
        },
    })
}
