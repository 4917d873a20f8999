//! Submissions to forms, and what a form is made of.

use kehu_domain::intake::MapsTo;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use super::operation::{Answer, Guard, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, vocabulary_schema, whole};
use crate::problem_codes as codes;
use crate::routes::forms::SubmissionAnswer;

/// Content types that senders use.
const BODIES: &[&str] = &["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

fn operation(method: &'static str, path: &str, id: &str, summary: &str, description: &str, guard: Guard) -> Operation {
    let (summary, description) = (summary.to_owned(), description.to_owned());
    Operation { summary, description, guard, ..Operation::new(method, path, id, "submissions") }
}

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    vec![submit(), list(), get(), hook("post", "hooks_post"), hook("get", "hooks_get")]
}

fn submit() -> Operation {
    let text = "Takes a submission with the public key of the form: as a Bearer token, as `key` in the address, or as `_key` \
                in the body. Any text type is read. The answer is the same whatever becomes of it: it tells nobody who is \
                a customer. Values that are no valid phone or e-mail are no error; a person who can be reached is a lead.";
    let path = "/v1/forms/{id}/submissions";
    let mut submit = operation("post", path, "submissions_create", "Submit", text, Guard::FormKey);
    submit.parameters = vec![parameter_ref("RecordId"), parameter_ref("IdempotencyKey")];
    submit.body = Some((BODIES, schema_ref("SubmissionInput")));
    submit.example = Some(json!({
        "values": { "company": "上海云启信息技术有限公司", "name": "李文静", "mobile": "13800138000", "message": "请报价" },
        "utm_source": "baidu", "landing_url": "https://www.example.com/?utm_campaign=spring",
    }));
    let answer = Answer::json(202, "It was taken.", schema_ref("SubmissionAnswer"));
    submit.answers = vec![answer.with_headers(&["Idempotency-Replayed"])];
    submit.problems = vec![&codes::IDEMPOTENCY_KEY_INVALID, &codes::IDEMPOTENCY_KEY_REUSED];
    submit
}

fn list() -> Operation {
    let text = "What became of submissions, the newest first; no values that were sent.";
    let path = "/v1/forms/{id}/submissions";
    let mut list = operation("get", path, "submissions_list", "List submissions", text, Guard::Token);
    let status = json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Only those of which that became: `filter[status]=quarantined`.",
        "schema": {
            "type": "object", "properties": { "status": described(schema_ref("SubmissionStatus"), "What became of it.") },
            "additionalProperties": false,
        },
    });
    list.parameters = vec![parameter_ref("RecordId"), status, parameter_ref("Limit"), parameter_ref("After")];
    list.answers = vec![Answer::json(200, "A page of submissions.", schema_ref("SubmissionPage"))];
    list.problems = vec![&codes::FORBIDDEN, &codes::NOT_FOUND];
    list.asks = true;
    list
}

fn get() -> Operation {
    let text = "A submission with what was sent, for those who may change the form. It is kept for 90 days, and that it was \
                opened is journaled.";
    let path = "/v1/forms/{id}/submissions/{submission_id}";
    let mut get = operation("get", path, "submissions_get", "Open a submission", text, Guard::Token);
    let id = json!({ "type": "string", "format": "uuid" });
    get.parameters = vec![
        parameter_ref("RecordId"),
        json!({ "name": "submission_id", "in": "path", "required": true, "schema": id, "description": "The submission's id." }),
    ];
    get.answers = vec![Answer::json(200, "The submission.", schema_ref("SubmissionWhole"))];
    get.problems = vec![&codes::FORBIDDEN, &codes::NOT_FOUND];
    get
}

fn hook(method: &'static str, id: &str) -> Operation {
    let text = "The secret address of a form, for senders that can set no header: any JSON (numbers keep their digits), a \
                form, a text, or values in the address. Answers what the form has configured.";
    let summary = if method == "get" { "Submit in the address" } else { "Submit to a secret address" };
    let mut hook = operation(method, "/v1/hooks/{key}", id, summary, text, Guard::Public);
    let key = json!({ "type": "string", "pattern": "^hk_" });
    hook.parameters = vec![
        json!({ "name": "key", "in": "path", "required": true, "schema": key, "description": "The hook key of the form." }),
        parameter_ref("IdempotencyKey"),
    ];
    if method == "post" {
        hook.body = Some((BODIES, json!({ "type": "object", "description": "Whatever the sender says." })));
    }
    let answer = Answer::json(200, "It was taken.", schema_ref("FormAnswer"));
    hook.answers = vec![answer.with_headers(&["Idempotency-Replayed"])];
    hook.problems = vec![
        &codes::FORM_KEY_INVALID,
        &codes::FORM_PAUSED,
        &codes::IDEMPOTENCY_KEY_INVALID,
        &codes::IDEMPOTENCY_KEY_REUSED,
    ];
    hook
}

/// Schemas of forms and submissions.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    form(&mut all);
    submission(&mut all);
    all.insert("MapsTo".into(), vocabulary_schema(MapsTo::VOCABULARY));
    let mut answer = json!(SubmissionAnswer::schema());
    super::special::tidy(&mut answer);
    all.insert("SubmissionAnswer".into(), answer);
    all
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn text_or_null(description: &str) -> Value {
    or_null(text(description))
}

fn id(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn list_of(items: &Value, description: &str) -> Value {
    json!({ "type": "array", "items": items, "description": description })
}

fn form(all: &mut Map<String, Value>) {
    let field = json!({
        "type": "object", "description": "One value of a form.", "required": ["key", "maps_to"], "additionalProperties": false,
        "properties": {
            "key": described(json!({ "type": "string", "minLength": 1, "maxLength": 200 }),
                "What the sender calls it: a member's name, or a JSON pointer (RFC 6901) such as `/lead/phone`."),
            "maps_to": described(schema_ref("MapsTo"), "Where it goes. `phone`, `email`, `name`, `company` and the like are short for these."),
            "required": { "type": "boolean", "description": "Whether a submission without it is marked." },
            "label": or_null(json!({ "type": "string", "maxLength": 100, "description": "What people call it." })),
        },
    });
    all.insert(
        "FormFields".into(),
        json!({ "type": "array", "minItems": 1, "maxItems": 100, "items": field, "description": "The values of a form." }),
    );
    let team = json!({ "team_id": id("The team; its people and those of the teams below get customers in turn.") });
    let team = team.as_object().cloned().unwrap_or_default();
    all.insert("FormAssign".into(), object("Who gets new customers.", team, &["team_id"], true));
    all.insert(
        "FormAnswer".into(),
        json!({ "type": "object", "description": "What a sender at the secret address is answered.", "additionalProperties": true }),
    );
}

fn submission(all: &mut Map<String, Value>) {
    let input = json!({
        "values": { "type": "object", "description": "Values by the keys of the form. Without it every member is a value." },
        "source_id": { "type": ["string", "integer"], "description": "The sender's own id: one lead per id for ever." },
        "test": { "type": "boolean", "description": "A rehearsal: everything is read, nothing is made." },
        "_key": text("The public key of the form, for senders that can set no header."),
    });
    let input = input.as_object().cloned().unwrap_or_default();
    let doc = "A submission. Further members are taken, `utm_source`, `landing_url`, `referrer` and click ids as attribution.";
    let mut input = object(doc, input, &[], false);
    if let Some(input) = input.as_object_mut() {
        input.insert("additionalProperties".into(), true.into());
    }
    all.insert("SubmissionInput".into(), input);
    let status = [
        "`created` a customer was made",
        "`matched` the person was known",
        "`quarantined` nobody can be reached, or a program sent it",
        "`test` a rehearsal",
    ];
    all.insert(
        "SubmissionStatus".into(),
        json!({
            "type": "string", "description": format!("What became of it: {}.", status.join(", ")),
            "x-extensible-enum": ["created", "matched", "quarantined", "test"],
        }),
    );
    all.insert("Attribution".into(), attribution());
    let members = members();
    let mut opened = members.as_object().cloned().unwrap_or_default();
    opened.insert("raw".into(), raw());
    all.insert("Submission".into(), whole("What came in through a form, and what became of it.", members));
    all.insert("SubmissionWhole".into(), whole("A submission with what was sent.", opened.into()));
    let page = json!({
        "data": list_of(&schema_ref("Submission"), "The submissions."), "page": schema_ref("PageInfo"),
    });
    all.insert("SubmissionPage".into(), whole("A page of submissions.", page));
}

fn members() -> Value {
    let maybe = |doc: &str| or_null(id(doc));
    json!({
        "id": id("The submission's id."),
        "form_id": id("The form."),
        "form_version": { "type": "integer", "format": "int64", "description": "The form's version then." },
        "received_at": { "type": "string", "format": "date-time", "description": "When it came." },
        "status": described(schema_ref("SubmissionStatus"), "What became of it."),
        "test": { "type": "boolean", "description": "Whether it was a rehearsal." },
        "customer_id": maybe("The customer that it made or matched."),
        "contact_id": maybe("The person there."),
        "follow_up_id": maybe("The follow-up that tells of it."),
        "repeat_of": maybe("The submission that it repeats."),
        "repeat_count": { "type": "integer", "format": "int64", "description": "How many repeated it." },
        "flags": list_of(&json!({ "type": "string" }), "Codes of what is wrong with it."),
        "source_id": text_or_null("The sender's own id."),
        "unmapped": list_of(&json!({ "type": "string" }), "Names of values that the form does not ask for."),
        "attribution": described(schema_ref("Attribution"), "Through what it came."),
    })
}

fn attribution() -> Value {
    let ad = json!({
        "platform": text_or_null("The platform."), "account_id": text_or_null("The account there."),
        "campaign_id": text_or_null("The campaign there."), "creative_id": text_or_null("The creative there."),
    });
    let clicks = json!({
        "type": "object", "additionalProperties": { "type": "string" },
        "description": "Ids of clicks by the name that the platform gives them: `{\"gclid\": \"…\"}`.",
    });
    whole(
        "Through which campaign, advertisement and page a submission came.",
        json!({
            "channel": text_or_null("The channel, as the sender calls it."),
            "utm_source": text_or_null("Where the visitor came from."),
            "utm_medium": text_or_null("By which means."),
            "utm_campaign": text_or_null("The campaign."),
            "utm_term": text_or_null("The words that were searched for."),
            "utm_content": text_or_null("Which of several advertisements."),
            "click_ids": clicks,
            "ad": whole("The advertisement.", ad),
            "landing_url": text_or_null("The page that the visitor came to."),
            "referrer": text_or_null("The page before."),
        }),
    )
}

fn raw() -> Value {
    let pair = json!({ "type": "array", "items": { "type": "string" }, "minItems": 2, "maxItems": 2 });
    or_null(whole(
        "What was sent, as it was sent; null after 90 days.",
        json!({
            "content_type": text("What the sender called it."),
            "body": text("The body."),
            "query": list_of(&pair, "Names and values of the address, without keys."),
        }),
    ))
}
