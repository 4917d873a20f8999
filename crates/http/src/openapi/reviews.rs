//! Reviews of who may do what, in the description.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const JSON: &[&str] = &["application/json"];

/// Who sees and decides.
const REACH: &str = "Whoever grants rights (`rights.grant`) sees and decides on everybody, whoever reads the log \
                     (`audit.read`) sees everybody. Who leads a team (may transfer the team's customers) sees its people \
                     and those of the teams below, and confirms or revokes what they have, as far as they may do nothing \
                     that he may not.";

fn operation(method: &'static str, path: &str, id: &str, summary: &str, text: &str) -> Operation {
    let mut new = Operation::new(method, path, id, "access_reviews");
    (new.summary, new.description) = (summary.to_owned(), format!("{text} {REACH}"));
    new.problems = vec![&codes::FORBIDDEN];
    new
}

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    vec![list(), open(), get(), items(), decide(), close()]
}

fn list() -> Operation {
    let mut list = operation("get", "/v1/access_reviews", "access_reviews_list", "List reviews", "The newest first.");
    list.parameters = vec![parameter_ref("Limit"), parameter_ref("After")];
    list.answers = vec![Answer::json(200, "A page of reviews.", schema_ref("AccessReviewPage"))];
    list.asks = true;
    list
}

fn open() -> Operation {
    let text = "Puts down what everybody has: roles, team, last sign-in, and when each right was last used, to the hour. \
                Where an organisation says so, one is opened by itself on the first day of each quarter. Takes \
                `rights.grant`.";
    let mut open = operation("post", "/v1/access_reviews", "access_reviews_open", "Open a review", text);
    open.body = Some((JSON, schema_ref("NewAccessReview")));
    open.example = Some(json!({ "revoke_unanswered": true }));
    open.answers = vec![Answer::json(201, "The review.", schema_ref("AccessReview")).with_headers(&["Location"])];
    open.problems.extend(writing());
    open
}

fn get() -> Operation {
    let text = "How it stands, and how many decisions there are.";
    let mut get = operation("get", "/v1/access_reviews/{id}", "access_reviews_get", "Read a review", text);
    get.parameters = vec![parameter_ref("RecordId")];
    get.answers = vec![Answer::json(200, "The review.", schema_ref("AccessReview"))];
    get.problems.push(&codes::NOT_FOUND);
    get
}

fn items() -> Operation {
    let (path, id) = ("/v1/access_reviews/{id}/items", "access_reviews_items");
    let mut items = operation("get", path, id, "List the users under a review", "By id.");
    let filter = json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Only those with a decision, or with none: `filter[decision]=none`.",
        "schema": {
            "type": "object", "additionalProperties": false, "properties": {
                "decision": {
                    "type": "string", "enum": ["confirm", "change", "revoke", "none"], "description": "What was decided.",
                },
            },
        },
    });
    items.parameters = vec![parameter_ref("RecordId"), filter, parameter_ref("Limit"), parameter_ref("After")];
    items.answers = vec![Answer::json(200, "A page of users.", schema_ref("AccessReviewItemPage"))];
    items.problems.push(&codes::NOT_FOUND);
    items.asks = true;
    items
}

fn decide() -> Operation {
    let text = "A change, or the taking away of every role, goes the way of every change of a user, with the same rules: \
                the last who grants rights stays, and where duties are kept apart, nobody decides on himself. Whose roles \
                are taken away may still sign in, and do nothing. Another decision takes the place of an earlier one \
                until the review is closed.";
    let path = "/v1/access_reviews/{id}/items/{user}/decide";
    let mut decide = operation("post", path, "access_reviews_decide", "Decide on a user", text);
    let user = json!({
        "name": "user", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" },
        "description": "The user.",
    });
    decide.parameters = vec![parameter_ref("RecordId"), user];
    decide.body = Some((JSON, schema_ref("AccessDecision")));
    decide.example = Some(json!({ "decision": "revoke", "reason": "已转岗" }));
    decide.answers = vec![Answer::json(200, "What was decided.", schema_ref("AccessReviewItem"))];
    decide.problems.extend([&codes::NOT_FOUND, &codes::REVIEW_CLOSED]);
    decide.problems.extend(writing());
    decide
}

fn close() -> Operation {
    let text = "Ends a review before its time. Where what nobody answered is revoked, a job does that, and `state` is \
                `closing` until it has. Takes `rights.grant`.";
    let path = "/v1/access_reviews/{id}/close";
    let mut close = operation("post", path, "access_reviews_close", "Close a review", text);
    close.parameters = vec![parameter_ref("RecordId")];
    close.answers = vec![Answer::json(200, "The review.", schema_ref("AccessReview"))];
    close.problems.extend([&codes::NOT_FOUND, &codes::REVIEW_CLOSED]);
    close.problems.extend(writing());
    close
}

fn writing() -> [&'static codes::ProblemCode; 3] {
    [&codes::CONFLICT, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL]
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn id(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn name_of(description: &str) -> Value {
    described(or_null(schema_ref("Reference")), description)
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Schemas of reviews.
pub(super) fn schemas() -> Map<String, Value> {
    let new = json!({
        "due_at": or_null(time("Until when it can be answered; as many days as the organisation says where it is absent.")),
        "revoke_unanswered": or_null(flag("Whether what nobody answered by then is revoked; otherwise it stays open.")),
        "users": {
            "type": ["array", "null"], "maxItems": 1000, "items": { "type": "string", "format": "uuid" },
            "description": "Who is reviewed; everybody who is not disabled where it is absent.",
        },
    });
    let roles = json!({
        "type": "array", "maxItems": 10, "items": { "type": "string" },
        "description": "With `change`: keys of further roles.",
    });
    let decision = json!({
        "decision": {
            "type": "string", "enum": ["confirm", "change", "revoke"],
            "description": "`confirm` leaves the rights, `change` changes what is said here, `revoke` takes every role away.",
        },
        "role": or_null(text("With `change`: the key of the role; null for none.")),
        "other_roles": roles,
        "team_id": or_null(id("With `change`: the team; null for none.")),
        "reason": {
            "type": ["string", "null"], "minLength": 1, "maxLength": 300, "description": "Why. It is kept sealed.",
        },
    });
    let mut all = Map::new();
    all.insert("NewAccessReview".into(), object("A review that is opened.", members(new), &[], true));
    all.insert("AccessDecision".into(), object("What is decided on a user.", members(decision), &["decision"], true));
    all.insert("AccessReview".into(), whole("A review of who may do what.", review()));
    all.insert("AccessReviewItem".into(), whole("A user under review.", item()));
    for (name, of, what) in [
        ("AccessReviewPage", "AccessReview", "A page of reviews."),
        ("AccessReviewItemPage", "AccessReviewItem", "A page of users under review."),
    ] {
        let data = json!({ "type": "array", "items": schema_ref(of), "description": "They." });
        all.insert(name.into(), whole(what, json!({ "data": data, "page": schema_ref("PageInfo") })));
    }
    all
}

fn review() -> Value {
    let counts = json!({
        "users": number("Users under review."),
        "confirm": number("Those whose rights were confirmed."),
        "change": number("Those whose rights were changed."),
        "revoke": number("Those whose rights were revoked."),
        "kept": number("Those whose rights nobody answered for, and that could not be revoked."),
        "unanswered": number("Those on whom nobody has decided."),
    });
    json!({
        "id": id("The review's id."),
        "state": {
            "type": "string", "x-extensible-enum": ["open", "closing", "closed"],
            "description": "`open` takes decisions, `closing` revokes what nobody answered, `closed` is over.",
        },
        "period": or_null(text("The quarter that it was opened for by itself, `2026-Q4`; null where somebody opened it.")),
        "opened_at": time("When it was opened."),
        "opened_by": or_null(id("Who opened it; null for the system.")),
        "opener": name_of("The same with the name."),
        "due_at": time("Until when it can be answered."),
        "revoke_unanswered": flag("Whether what nobody answered by then is revoked."),
        "closed_at": or_null(time("When it was closed.")),
        "closed_by": or_null(id("Who closed it; null for the system.")),
        "counts": whole("How many decisions there are.", counts),
    })
}

fn item() -> Value {
    let right = whole(
        "A right of the user, by the roles of then.",
        json!({
            "right": text("`customer.update`, or one that is about no record: `audit.read`."),
            "reach": texts("How far it reaches: `own`, `team`, `shared`, or `all`."),
            "last_used_at": or_null(time("In which hour it was last used before the review; null where it never was.")),
        }),
    );
    json!({
        "user_id": id("The user."),
        "user": name_of("The same with the name."),
        "role": or_null(text("The role when the review was opened.")),
        "other_roles": texts("Further roles of then."),
        "team_id": or_null(id("The team of then.")),
        "team": name_of("The same with the name."),
        "last_login_at": or_null(time("When the user had last signed in.")),
        "rights": { "type": "array", "items": right, "description": "What the user may do, and when each was last used." },
        "changed_since": flag("Whether roles or team are others now, or the user is disabled."),
        "decision": or_null(json!({
            "type": "string", "x-extensible-enum": ["confirm", "change", "revoke"],
            "description": "What was decided; null where nobody has.",
        })),
        "decided_at": or_null(time("When it was decided.")),
        "decided_by": or_null(id("Who decided; null for the system.")),
        "decider": name_of("The same with the name."),
        "reason": or_null(text("Why.")),
        "kept_because": or_null(text(
            "Why rights that nobody answered for were not revoked: `last_administrator`, `user_gone`.",
        )),
    })
}
