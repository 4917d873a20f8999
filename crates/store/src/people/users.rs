//! Users as records, with what their answers never show: a password that somebody else sets, or an invitation to choose
//! one.

use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{User, login_names};
use kehu_domain::read::Finding;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::machine::{self, Answer, Change, Machine, Resource, Shown, Verb, WriteOptions, Written, answer, warning};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::tx::Tx;

use super::hashing::Password;
use super::history;
use super::invitations::{self, Invitation};
use super::passwords;

/// How many times a write is tried that another server's transaction got in the way of.
const TRIES: u32 = 3;

/// The member of a body that is no field.
const PASSWORD: &str = "password";

pub(super) fn users() -> Result<&'static dyn Machine, Failure> {
    registry::machine("user").ok_or_else(|| Failure::Internal("there is no machine for users".into()))
}

/// Makes a user. The body is a user's, and may bring a `password`; without one the answer has one more member,
/// `invitation: {"token", "expires_at"}`, which is shown this once and left out of an answer kept for its idempotency
/// key.
///
/// # Errors
/// As making any record; a password that breaks the rules, with `/password`.
pub async fn create_user(caller: &Caller, body: Value, options: &WriteOptions) -> Result<Written, Failure> {
    noting(caller, Refusal::of("user", "create", None), create(caller, body, options)).await
}

async fn create(caller: &Caller, body: Value, options: &WriteOptions) -> Result<Written, Failure> {
    caller.reach(Action::Create, "user")?;
    let machine = users()?;
    let (body, password, mut findings) = take_password(body);
    match machine.draft(caller, body.clone()) {
        Err(Failure::Refused(more)) => findings.extend(more),
        Err(other) => return Err(other),
        Ok(_) => {}
    }
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    let hash = match password {
        Some(password) => {
            passwords::check(caller, &password, &names_in(&body), "/password")?;
            Some(caller.gate().hashing().hash(&password).await?)
        }
        None => None,
    };
    let mut tries = 1;
    loop {
        let draft = machine.draft(caller, body.clone())?;
        let (hash, options) = (hash.clone(), options.clone());
        let made = caller
            .write(async move |tx: &Tx<'_>| {
                keeping(tx, Verb::Created, &options, async || {
                    let record = machine.insert(tx, draft, options.allow_duplicate).await?;
                    let id = record.base().id;
                    let invitation = match hash {
                        Some(hash) => {
                            passwords::set(tx, id, hash, None).await?;
                            passwords::must_change(tx, id).await?;
                            None
                        }
                        None => Some(invitations::invite(tx, id).await?),
                    };
                    Ok((record, invitation))
                })
                .await
            })
            .await;
        match made {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => tries += 1,
            made => return machine::still_readable(caller, machine, made?).await,
        }
    }
}

/// Changes a user by a merge patch. The body may bring a `password` that an administrator sets: it ends the user's
/// sessions.
///
/// # Errors
/// As changing any record; a password that breaks the rules, or the caller's own, with `/password`.
pub async fn update_user(caller: &Caller, id: Uuid, body: Value, options: &WriteOptions) -> Result<Written, Failure> {
    if body.get(PASSWORD).is_none() {
        return machine::update(caller, Resource(users()?), id, body, options).await;
    }
    noting(caller, Refusal::of("user", "update", Some(id)), with_password(caller, id, body, options)).await
}

async fn with_password(caller: &Caller, id: Uuid, body: Value, options: &WriteOptions) -> Result<Written, Failure> {
    let machine = users()?;
    caller.reach(Action::Update, "user")?;
    if caller.principal().user() == Some(id) {
        // Whoever has nothing but a token must not take the account over.
        return Err(Failure::refused("/password", Flaw::new(&codes::PASSWORD_OWN)));
    }
    let (body, password, mut findings) = take_password(body);
    let known = machine::read::within_reach::<User>(caller, vec![id]).await?;
    let known = known.into_iter().next().ok_or(Failure::NotFound)?;
    if !caller.covers(Action::Update, User::KIND, &known.base) {
        // Before anything is compared: otherwise the answer would tell which earlier passwords the user had.
        return Err(Failure::Forbidden);
    }
    let Some(password) = password else {
        if findings.is_empty() {
            findings.push(Finding { pointer: "/password".into(), flaw: text_expected() });
        }
        return Err(Failure::Refused(findings));
    };
    passwords::refuse_over(caller, id, "/password")?;
    let own = login_names(&known.data).into_iter().map(|(_, name)| name);
    passwords::check(caller, &password, &names_in(&body).into_iter().chain(own).collect::<Vec<_>>(), "/password")?;
    history::refuse_reuse(caller, id, &password, "/password").await?;
    let hash = caller.gate().hashing().hash(&password).await?;
    let mut tries = 1;
    loop {
        let (body, hash, options) = (body.clone(), hash.clone(), options.clone());
        let done = caller
            .write(async move |tx: &Tx<'_>| {
                keeping(tx, Verb::Updated, &options, async || {
                    let allow_duplicate = options.allow_duplicate;
                    let change = Change { id, body, expected: options.expected, allow_duplicate };
                    let record = machine.change(tx, change).await?.record;
                    passwords::set(tx, id, hash, None).await?;
                    passwords::must_change(tx, id).await?;
                    Ok((record, None))
                })
                .await
            })
            .await;
        match done {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => tries += 1,
            done => return machine::still_readable(caller, machine, done?).await,
        }
    }
}

/// Does the work and answers it, unless it was done before under the same idempotency key.
async fn keeping(
    tx: &Tx<'_>,
    verb: Verb,
    options: &WriteOptions,
    work: impl AsyncFnOnce() -> Result<(Box<dyn Shown>, Option<Invitation>), Failure>,
) -> Result<Written, Failure> {
    if let Some(idempotency) = &options.idempotency
        && let Some(kept) = kept::find(tx, idempotency, 0, Vec::new()).await?
    {
        let (kept, warnings) = warning::apart(kept);
        return Ok(Written { verb, answer: Answer::of_kept(kept), warnings, replayed: true });
    }
    let (record, invitation) = work().await?;
    let body = answer::render(tx, &*record).await?;
    let mut answer = Answer::of_record(record.base().id, record.base().version, body);
    let warnings = tx.warnings_of(record.base().id);
    if let Some(idempotency) = &options.idempotency {
        let location = answer.id.map(|id| id.to_string());
        let kept = Kept { status: verb.status(), location, body: warning::with(&answer.body, &warnings) };
        kept::keep(tx, idempotency, 0, &kept)?;
    }
    if let Some(invitation) = invitation {
        answer.body = with_invitation(answer.body, &invitation);
    }
    Ok(Written { verb, answer, warnings, replayed: false })
}

/// The record with the invitation as its last member.
fn with_invitation(mut record: String, invitation: &Invitation) -> String {
    let Invitation { token, expires_at } = invitation;
    let member = json!({ "token": token.reveal(), "expires_at": format_time(*expires_at) });
    if record.ends_with('}') {
        record.pop();
        record.push_str(&format!(",\"invitation\":{member}}}"));
    }
    record
}

fn text_expected() -> Flaw {
    Flaw::new(&codes::TYPE_WRONG).with("expected_en", "a text").with("expected_zh", "文本")
}

/// Takes the password out of a body; null is none.
fn take_password(mut body: Value) -> (Value, Option<Password>, Vec<Finding>) {
    let said = body.as_object_mut().and_then(|members| members.remove(PASSWORD));
    match said {
        None | Some(Value::Null) => (body, None, Vec::new()),
        Some(Value::String(password)) => (body, Some(Password::from(password)), Vec::new()),
        Some(_) => (body, None, vec![Finding { pointer: "/password".into(), flaw: text_expected() }]),
    }
}

/// The sign-in names that a body brings.
fn names_in(body: &Value) -> Vec<String> {
    let text = |name: &&str| body.get(name)?.as_str().map(str::to_owned);
    ["email", "mobile", "user_name"].iter().filter_map(text).collect()
}
