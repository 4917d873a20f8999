//! Jobs in the description.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes::{self as codes, ProblemCode};

/// Whose jobs somebody sees.
const REACH: &str = "Administrators see every job of the organisation, others those that they asked for.";

fn operation(method: &'static str, path: &str, id: &str, summary: &str, text: &str) -> Operation {
    let (summary, description) = (summary.to_owned(), format!("{text} {REACH}"));
    Operation { summary, description, ..Operation::new(method, path, id, "jobs") }
}

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let cancel =
        "A job that waits is cancelled at once; one that runs ends at its next step, `cancel_asked` until then.";
    let retry = "Puts a dead job into the queue again, with all its attempts; it goes on where it stood.";
    vec![
        list(),
        one("get", "/v1/jobs/{id}", "jobs_get", "Get a job", "How a job stands.", &[]),
        one("post", "/v1/jobs/{id}/cancel", "jobs_cancel", "Take a job back", cancel, &[&codes::JOB_ENDED]),
        one(
            "post",
            "/v1/jobs/{id}/retry",
            "jobs_retry",
            "Try a dead job again",
            retry,
            &[&codes::CONFLICT, &codes::JOB_NOT_DEAD],
        ),
    ]
}

fn list() -> Operation {
    let text = "What was and is done later, the newest first.";
    let mut list = operation("get", "/v1/jobs", "jobs_list", "List jobs", text);
    let filter = json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Only those in a state, or of a kind: `filter[state]=dead`, `filter[kind]=…`.",
        "schema": {
            "type": "object", "additionalProperties": false, "properties": {
                "state": described(schema_ref("JobState"), "How it stands."),
                "kind": text_of("What is done."),
            },
        },
    });
    list.parameters = vec![filter, parameter_ref("Limit"), parameter_ref("After")];
    list.answers = vec![Answer::json(200, "A page of jobs.", schema_ref("JobPage"))];
    list.asks = true;
    list
}

fn one(
    method: &'static str,
    path: &str,
    id: &str,
    summary: &str,
    text: &str,
    problems: &[&'static ProblemCode],
) -> Operation {
    let mut one = operation(method, path, id, summary, text);
    one.parameters = vec![parameter_ref("RecordId")];
    one.answers = vec![Answer::json(200, "The job.", schema_ref("Job"))];
    one.problems = vec![&codes::NOT_FOUND];
    one.problems.extend(problems);
    one
}

/// Schemas of jobs.
pub(super) fn schemas() -> Map<String, Value> {
    let states = [
        "`queued` waits for its time and a server",
        "`running` is being done",
        "`done` did what was asked",
        "`dead` failed for good",
        "`cancelled` was taken back",
    ];
    let state = json!({
        "type": "string", "description": format!("How a job stands: {}.", states.join(", ")),
        "x-extensible-enum": ["queued", "running", "done", "dead", "cancelled"],
    });
    let page = json!({
        "data": { "type": "array", "items": schema_ref("Job"), "description": "The jobs." },
        "page": schema_ref("PageInfo"),
    });
    let mut all = Map::new();
    all.insert("JobState".into(), state);
    all.insert("Job".into(), whole("Something that is done later, and how far it is.", members()));
    let reason =
        json!({ "type": "string", "minLength": 1, "maxLength": 300, "description": "Why. It is kept sealed." });
    let reason = Map::from_iter([("reason".to_owned(), reason)]);
    all.insert("ToErase".into(), object("Why a record is erased.", reason, &["reason"], true));
    all.insert("JobPage".into(), whole("A page of jobs.", page));
    all
}

fn members() -> Value {
    json!({
        "id": { "type": "string", "format": "uuid", "description": "The job's id." },
        "kind": text_of("What is done."),
        "state": described(schema_ref("JobState"), "How it stands."),
        "priority": {
            "type": "string", "x-extensible-enum": ["high", "normal", "low"],
            "description": "What goes first; every fourth turn is of those that have waited for five minutes.",
        },
        "progress": or_null(whole("How far it is; null where nothing is known.", json!({
            "done": number("How much is done."), "total": or_null(number("Of how much; null where that is not known.")),
        }))),
        "cancel_asked": { "type": "boolean", "description": "Whether it was taken back while it ran." },
        "attempts": number("How often it was begun."),
        "max_attempts": number("How often it is begun before it is dead."),
        "run_at": time("When it is due, or was."),
        "created_at": time("When it was asked for."),
        "started_at": or_null(time("When it was last begun.")),
        "finished_at": or_null(time("When it ended.")),
        "created_by": or_null(json!({ "type": "string", "format": "uuid", "description": "Who asked for it; null for the system." })),
        "creator": described(or_null(schema_ref("Reference")), "The same with the name."),
        "result": { "description": "What came out of it; null until it is done, and where there is nothing to say." },
        "failure": or_null(whole("Why it failed, the last time; null where it did not.", json!({
            "code": text_of("What programs compare."), "detail": or_null(text_of("What people read.")),
        }))),
    })
}

fn text_of(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn number(description: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "description": description })
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}
