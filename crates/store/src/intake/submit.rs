//! Taking a submission: kept whole, placed, told, in one transaction.

use chrono::Duration;
use kehu_domain::intake::{Attribution, HookAnswer, Lead};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::crypto::token::TokenKind;
use crate::entities::{submission, submission_body};
use crate::failure::Failure;
use crate::gate::{Caller, Gate, RequestInfo, worth_another_try};
use crate::journal::{Class, Entry, Outcome};
use crate::kept::{self, Kept};
use crate::machine::Idempotency;
use crate::sealed::form::ID_SALT;
use crate::sealed::submission::DETAIL;
use crate::sealed::submission_body::RAW;
use crate::tx::Tx;

use super::place::{self, Placed, Status};
use super::{OpenForm, Received, Sent};

/// How long a submission is kept as it was sent, in days.
const RAW_DAYS: i64 = 90;

/// How much of the sender's id is shown, in characters.
const SHOWN_ID: usize = 200;

/// How many times a submission is tried that another server's transaction got in the way of.
const TRIES: u32 = 3;

/// Everything that a transaction needs: read and parsed before it.
#[derive(Clone)]
struct Work {
    form: OpenForm,
    lead: Lead,
    attribution: Attribution,
    source_hash: Option<Vec<u8>>,
    raw: String,
    idempotency: Option<Idempotency>,
}

/// Takes a submission. What it says never makes it fail: a lead that can be reached is placed, any other is kept.
///
/// # Errors
/// [`Failure::FormPaused`], [`Failure::KeyReused`], or the database is away; then nothing was made.
pub async fn submit(gate: &Gate, form: OpenForm, sent: Sent, request: RequestInfo) -> Result<Received, Failure> {
    if form.form.paused {
        return Err(Failure::FormPaused);
    }
    let caller = gate.form(form.org, form.id, request).await?;
    let work = prepare(&caller, form, sent)?;
    let mut tries = 1;
    loop {
        let work = work.clone();
        match caller.write(async move |tx: &Tx<'_>| take(tx, work).await).await {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

fn prepare(caller: &Caller, form: OpenForm, sent: Sent) -> Result<Work, Failure> {
    let lead = Lead::read(&form.form, &sent.given, &caller.org().region);
    // A rehearsal takes no id away from the lead that comes after it.
    let source_id = lead.source_id.as_deref().filter(|_| !lead.test);
    let source_hash = source_id.map(|id| source_hash(caller, &form, id)).transpose()?;
    let raw = json!({"content_type": sent.content_type, "body": sent.body, "query": sent.query}).to_string();
    Ok(Work {
        attribution: Attribution::read(&sent.given),
        form,
        lead,
        source_hash,
        raw,
        idempotency: sent.idempotency,
    })
}

/// What the sender's id of a lead is compared by: it may be personal itself, so only a salted hash stands in the clear.
/// Each door has ids of its own: whoever reads the public key in a page cannot take the ids of a platform.
fn source_hash(caller: &Caller, form: &OpenForm, source_id: &str) -> Result<Vec<u8>, Failure> {
    let missing = || Failure::Internal(format!("form {} has no salt", form.id));
    let salt = caller.ring().open(ID_SALT, form.id, form.id_salt.as_deref().ok_or_else(missing)?)?;
    let door: &[u8] = if form.door == TokenKind::Hook { b"hook\0" } else { b"public\0" };
    let hash = Sha256::new().chain_update(b"kehu-source/v1\0").chain_update(salt.as_slice()).chain_update(door);
    Ok(hash.chain_update(source_id.as_bytes()).finalize().to_vec())
}

async fn take(tx: &Tx<'_>, work: Work) -> Result<Received, Failure> {
    let idempotency = work.idempotency.clone();
    if let Some(idempotency) = &idempotency
        && let Some(kept) = kept::find(tx, idempotency, 0, Vec::new()).await?
    {
        let id = kept.location.and_then(|id| Uuid::parse_str(&id).ok()).unwrap_or_default();
        return Ok(received(&work.form, id, true));
    }
    let form = work.form.clone();
    let id = match known_source(tx, &work).await? {
        Some(first) => first,
        None => store(tx, work).await?,
    };
    if let Some(idempotency) = &idempotency {
        let kept = Kept { status: 202, location: Some(id.to_string()), body: String::new() };
        kept::keep(tx, idempotency, 0, &kept)?;
    }
    Ok(received(&form, id, false))
}

fn received(form: &OpenForm, id: Uuid, replayed: bool) -> Received {
    let usual = || json!({"code": 0, "message": "success", "id": id});
    let configured = form.form.answer.as_ref().map(|answer: &HookAnswer| answer.fill(id));
    Received { id, answer: configured.unwrap_or_else(usual), replayed }
}

/// The submission that brought the same lead, by the sender's own id.
async fn known_source(tx: &Tx<'_>, work: &Work) -> Result<Option<Uuid>, Failure> {
    let Some(hash) = &work.source_hash else { return Ok(None) };
    #[derive(sea_orm::FromQueryResult)]
    struct Only {
        id: Uuid,
    }
    let row = submission::Entity::find()
        .select_only()
        .column(submission::Column::Id)
        .filter(submission::Column::OrgId.eq(tx.org_id()))
        .filter(submission::Column::FormId.eq(work.form.id))
        .filter(submission::Column::SourceHash.eq(hash.clone()))
        .into_model::<Only>()
        .one(tx.db())
        .await?;
    Ok(row.map(|row| row.id))
}

/// Places the lead and writes the submission.
async fn store(tx: &Tx<'_>, work: Work) -> Result<Uuid, Failure> {
    let Work { form, mut lead, attribution, source_hash, raw, idempotency: _ } = work;
    let id = tx.new_id();
    let placed = place::place(tx, &form, &mut lead).await?;
    // Shown to people, who need not see all of a long one.
    let source_id = lead.source_id.as_deref().map(|id| id.chars().take(SHOWN_ID).collect::<String>());
    // What made nothing takes no id away from a later delivery that can be reached.
    let source_hash = source_hash.filter(|_| matches!(placed.status, Status::Created | Status::Matched));
    let detail = json!({
        "attribution": attribution, "source_id": source_id, "unmapped": lead.unmapped, "conflict": placed.conflict,
    });
    let ring = tx.caller().ring();
    let row = submission::Model {
        org_id: tx.org_id(),
        id,
        form_id: form.id,
        form_version: form.version,
        received_at: tx.now(),
        status: placed.status.key().to_owned(),
        customer_id: placed.customer,
        contact_id: placed.contact,
        follow_up_id: placed.follow_up,
        repeat_of: placed.repeat_of,
        repeat_count: 0,
        flags: lead.flags.join(","),
        source_hash,
        detail: ring.seal(DETAIL, id, detail.to_string().as_bytes())?,
    };
    submission::Entity::insert(row.into_active_model()).exec_without_returning(tx.db()).await?;
    let body = submission_body::Model {
        org_id: tx.org_id(),
        submission_id: id,
        raw: ring.seal(RAW, id, raw.as_bytes())?,
        expires_at: tx.now() + Duration::days(RAW_DAYS),
    };
    submission_body::Entity::insert(body.into_active_model()).exec_without_returning(tx.db()).await?;
    tell(tx, id, &form, &lead, &placed);
    Ok(id)
}

/// The journal's entry: what tells the owner. A repeat and a rehearsal tell nobody.
fn tell(tx: &Tx<'_>, id: Uuid, form: &OpenForm, lead: &Lead, placed: &Placed) {
    if placed.repeat_of.is_some() || placed.status == Status::Test {
        return;
    }
    let body: Value = json!({"after": {
        "form_id": form.id, "status": placed.status.key(), "customer_id": placed.customer,
        "contact_id": placed.contact, "follow_up_id": placed.follow_up, "flags": lead.flags, "conflict": placed.conflict,
    }});
    tx.log(Entry {
        class: Class::Change,
        outcome: Outcome::Ok,
        event: format!("submission.{}", placed.status.key()),
        kind: Some("submission"),
        record_id: Some(id),
        version: 1,
        changed: Vec::new(),
        owner: (None, placed.owner),
        team: (None, placed.team),
        body: body.to_string(),
    });
}
