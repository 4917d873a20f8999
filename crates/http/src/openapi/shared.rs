//! What stands once in the description: its head, its groups, shared parameters and headers, how callers prove who they
//! are.

use kehu_domain::kinds::KINDS;
use serde_json::{Map, Value, json};

use super::kinds::PAGE;
use super::{external, special, standard};

const ABOUT: &str = "Customers, contacts, follow-ups and tags, and everything that hangs on them.\n\n\
    Bodies are JSON in snake_case; ids are UUIDv7; times are RFC 3339 in UTC with milliseconds. Every property of an \
    answer is always present: empty is null, and a field that the caller may not see is null and named in `hidden`. \
    Unknown members of a body and unknown parameters are refused.\n\n\
    Errors are `application/problem+json` (RFC 9457); programs compare `code`, people read `title`, `detail` and \
    `errors`, in the language of `Accept-Language`. A write may carry an `Idempotency-Key`; the same request under the \
    same key is done once. Clients that cannot send PATCH send POST with `X-HTTP-Method-Override: PATCH`. \
    `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` say how many requests are left.";

/// What `q` is.
pub(super) const WORDS: &str = "Words that are looked for, 8 at most; all of them must be found. Parts of texts, in \
    traditional or simplified characters; names also by pinyin, spelled or by first letters (`zjtd`), from any character \
    on. Where no `sort` is asked for, names that begin with the first word come first, then the rest, the latest change \
    first in each.";

/// What `deleted` is.
pub(super) const DELETED: &str = "`include`: deleted records too, with `deleted_at`, as far as the caller may delete such. \
    Not together with `q`, confidential values, external ids, segments, long texts of added fields and `contains` of texts that are no name, which find living records alone.";

pub(super) fn info() -> Value {
    json!({
        "title": "Kehu API",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Customer management for front ends, integrators and mobile apps.",
        "description": ABOUT,
        "contact": { "name": "Kehu" },
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

pub(super) fn tags() -> Value {
    let kinds = KINDS.iter().map(|kind| json!({ "name": kind.path, "description": kind.doc.trim() }));
    let special = special::TAGS.iter().map(|(name, description)| json!({ "name": name, "description": description }));
    kinds.chain(special).collect()
}

pub(super) fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token from `POST /v1/auth/login`, good for 15 minutes; a key of a program (`sk_…`) or a \
                            personal token (`pat_…`).",
        },
        "ticket": {
            "type": "apiKey", "in": "query", "name": "ticket",
            "description": "Stands in addresses that `POST /v1/tickets` gives; good for GET of that address, for five minutes.",
        },
        "form_key": {
            "type": "http", "scheme": "bearer", "bearerFormat": "pk_…",
            "description": "The public key of a form; good for submissions to that form, from its origins.",
        },
        "form_key_parameter": {
            "type": "apiKey", "in": "query", "name": "key",
            "description": "The same key in the address, for senders that can set no header.",
        },
    })
}

/// A character of a reason: printable ASCII but `%`, or percent-encoded, Chinese too.
const CHARACTER: &str =
    "(?:[!-$&-~]|%(?:2[1-9A-Fa-f]|[3-6][0-9A-Fa-f]|7[0-9A-Ea-e])|%[Ee][4-9]%[89ABab][0-9A-Fa-f]%[89ABab][0-9A-Fa-f])";

/// Shared parameters, by the name that operations point to.
pub(super) fn parameters() -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |name: &str, place: &str, member: &str, schema: Value, doc: &str| {
        let parameter = json!({
            "name": member, "in": place, "required": place == "path", "schema": schema, "description": doc,
        });
        all.insert(name.to_owned(), parameter);
    };
    add("RecordId", "path", "id", json!({ "type": "string", "format": "uuid" }), "The record's id.");
    add("SessionId", "path", "session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.");
    let cursor = || json!({ "type": "string" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": PAGE, "default": 50 });
    add("Limit", "query", "limit", limit, "How many records a page has.");
    add(
        "After",
        "query",
        "after",
        cursor(),
        "Cursor of the page: `page.next` or `page.prev` of an answer to the same question.",
    );
    let user = json!({ "type": "string", "format": "uuid" });
    add("User", "query", "user", user, "The user that is asked about; the caller where none is said.");
    let view = json!({ "type": "string", "enum": ["organisation"] });
    add("View", "query", "view", view, "Whose description: with a token, that of the caller's organisation.");
    let words = json!({ "type": "string" });
    add("Words", "query", "q", words, WORDS);
    let count = json!({ "type": "string", "enum": ["none", "estimate", "exact"], "default": "none" });
    let doc = "Whether to count the records: an exact count stops at 10,000, an estimate is made from a sample where the \
               list is long.";
    add("Count", "query", "count", count, doc);
    let number = json!({ "type": "integer", "minimum": 1, "maximum": 10_000 });
    let doc = "The number of the page, from 1, instead of a cursor: up to 10,000 rows.";
    add("PageNumber", "query", "page", number, doc);
    let can = json!({ "type": "boolean", "default": false });
    add("Can", "query", "can", can, "Whether each record says in `can` what the caller may do to it.");
    let allow = json!({ "type": "string", "enum": ["allow"] });
    add(
        "OnDuplicate",
        "query",
        "on_duplicate",
        allow,
        "Makes it although a living record has the same phone, e-mail or code.",
    );
    let flag = json!({ "type": "boolean", "default": false });
    add("DryRun", "query", "dry_run", flag, "Whether only to tell what would go.");
    let set = json!({ "type": "string" });
    add("TagSetKey", "path", "key", set, "The key of a set of tags.");
    let key = json!({ "type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$" });
    add(
        "IdempotencyKey",
        "header",
        "Idempotency-Key",
        key,
        "Makes a repeat of this request answer what the first one did, for 24 hours.",
    );
    let reason = json!({
        "type": "string", "pattern": format!("^{CHARACTER}(?:(?:{CHARACTER}| |%20){{0,298}}{CHARACTER})?$"), "examples": ["%E5%AE%A2%E6%88%B7%E8%A6%81%E6%B1%82"],
    });
    add(
        "ChangeReason",
        "header",
        "X-Change-Reason",
        reason,
        "Why, in 1 to 300 characters; other characters than ASCII as percent-encoded UTF-8. It stands in the history.",
    );
    let tag = || json!({ "type": "string", "examples": ["\"7-5f3a09c1\""] });
    let one = json!({ "type": "string", "pattern": "^(W/)?\"[0-9]{1,18}-[!#-~]+\"$", "examples": ["\"7-5f3a09c1\""] });
    add("IfMatch", "header", "If-Match", one, "The ETag that was read: what others changed since is not overwritten.");
    add("IfNoneMatch", "header", "If-None-Match", tag(), "The ETag that was read: 304 where nothing changed.");
    let any = json!({ "type": "string", "enum": ["*"] });
    add("OnlyNew", "header", "If-None-Match", any, "Makes the record only where there is none: else 412.");
    let deleted = json!({ "type": "string", "enum": ["include"] });
    add("Deleted", "query", "deleted", deleted, DELETED);
    let range = json!({ "type": "string", "examples": ["bytes=0-1023"] });
    add("Range", "header", "Range", range, "The bytes that are wanted, one range of them.");
    for (name, member, doc) in external::PARAMETERS {
        add(name, "query", member, external::parameter(), doc);
    }
    for (name, member, schema, doc) in standard::parameters() {
        add(name, "query", member, schema, doc);
    }
    let language = json!({ "type": "string", "examples": ["zh-CN", "en"] });
    add("AcceptLanguage", "header", "Accept-Language", language, "The language of messages: Chinese or English.");
    all
}

/// Shared headers of answers, by name.
pub(super) fn headers(deprecated: bool) -> Value {
    let number = |doc: &str| json!({ "description": doc, "schema": { "type": "integer", "minimum": 0 } });
    let text = |doc: &str| json!({ "description": doc, "schema": { "type": "string" } });
    let mut all = json!({
        "X-Request-Id": text("The id of the request, for questions about it; the caller's own where it sent one."),
        "ETag": text("The version and a hash of the answer, `\"7-5f3a09c1\"`; of what has no version, a hash."),
        "Content-Disposition": text("To be saved, under which name (RFC 6266)."),
        "Location": text("The address of the new record."),
        "Idempotency-Replayed": text("`true` where the answer is the one that was given before under the same key."),
        "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 0 } },
        "Cache-Control": text("For how long the answer may be kept."),
        "RateLimit-Limit": number("How many requests of one address are answered in a minute, where there is a limit."),
        "RateLimit-Remaining": number("How many more may come at once."),
        "RateLimit-Reset": number("Seconds until the whole limit is there again."),
    });
    if let Some(all) = all.as_object_mut().filter(|_| deprecated) {
        all.insert(
            "Deprecation".into(),
            text("Since when the operation should not be used any more: `@` and seconds of UNIX time (RFC 9745)."),
        );
        all.insert("Sunset".into(), text("From when on it may be gone (RFC 8594)."));
    }
    all
}
