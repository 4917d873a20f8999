//! Where a lead goes: to the known customer as a follow-up, or to a new one.

use chrono::Duration;
use kehu_domain::fields::{ExternalIds, Instant, Ref, Text};
use kehu_domain::intake::{Lead, flags};
use kehu_domain::kinds::{Customer, FollowUp, FollowUpKind};
use kehu_domain::rights::Action;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::EngineError;
use crate::entities::{customer, submission};
use crate::failure::Failure;
use crate::machine::draft::{EntryRules, New, Said};
use crate::machine::{create, read, update};
use crate::tx::Tx;

use super::matching::{self, Known};
use super::{OpenForm, assign};

/// How many earlier submissions of a customer are looked at.
const MAX_EARLIER: u64 = 50;

/// What became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// A customer was made.
    Created,
    /// The person was known.
    Matched,
    /// There is no way to reach the person, or a program sent it.
    Quarantined,
    /// A rehearsal: nothing was made.
    Test,
}

impl Status {
    /// Every key, in order.
    pub(super) const KEYS: [&'static str; 4] = ["created", "matched", "quarantined", "test"];

    /// The stable key.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Matched => "matched",
            Self::Quarantined => "quarantined",
            Self::Test => "test",
        }
    }
}

/// Where a lead went.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) status: Status,
    pub(super) customer: Option<Uuid>,
    pub(super) contact: Option<Uuid>,
    pub(super) follow_up: Option<Uuid>,
    pub(super) repeat_of: Option<Uuid>,
    pub(super) owner: Option<Uuid>,
    pub(super) team: Option<Uuid>,
    pub(super) conflict: Vec<Uuid>,
}

impl Placed {
    pub(super) fn nowhere(status: Status) -> Self {
        Self {
            status,
            customer: None,
            contact: None,
            follow_up: None,
            repeat_of: None,
            owner: None,
            team: None,
            conflict: Vec::new(),
        }
    }
}

/// Puts a lead where it belongs.
pub(super) async fn place(tx: &Tx<'_>, form: &OpenForm, lead: &mut Lead) -> Result<Placed, Failure> {
    if lead.test {
        return Ok(Placed::nowhere(Status::Test));
    }
    if lead.spam || lead.reach.is_empty() {
        return Ok(Placed::nowhere(Status::Quarantined));
    }
    match matching::find(tx, lead).await? {
        None => make(tx, form, lead).await,
        Some(known) => match earlier(tx, form, &known).await? {
            Some(first) => count(tx, first, &known).await,
            None => follow_up(tx, form, lead, known).await,
        },
    }
}

fn is_zh(tx: &Tx<'_>) -> bool {
    tx.caller().org().locale.starts_with("zh")
}

/// Makes a customer, with its contact.
async fn make(tx: &Tx<'_>, form: &OpenForm, lead: &mut Lead) -> Result<Placed, Failure> {
    if let Some(code) = &lead.credit_code {
        let taken = customer::Entity::find()
            .filter(customer::Column::OrgId.eq(tx.org_id()))
            .filter(customer::Column::CreditCode.eq(code.as_str()))
            .filter(customer::Column::DeletedAt.is_null())
            .count(tx.db())
            .await?;
        if taken > 0 {
            lead.credit_code = None;
            lead.flag(flags::CREDIT_CODE_TAKEN);
        }
    }
    let (owner, team) = assign::next(tx, form.id, &form.form).await?;
    let id = tx.new_id();
    let (mut data, contact) = lead.records(&form.form, id, is_zh(tx), &mut || tx.new_id());
    data.owner_id = owner.map(Ref::new);
    data.team_id = team.map(Ref::new);
    let caller = tx.caller();
    let contacts = contact.into_iter().map(|contact| Said::plain(caller, contact)).collect();
    let record = Said::plain(caller, data);
    let new = New { id, record, contacts, warnings: Vec::new(), entry: EntryRules::Flag, said: None };
    let create::Made { record: stored, contacts, .. } = create::insert_whole(tx, new, true).await?;
    for flag in &stored.data.flags.0 {
        lead.flag(flag);
    }
    Ok(Placed {
        customer: Some(id),
        contact: contacts.first().map(|contact| contact.base.id),
        owner: stored.base.owner_id,
        team: stored.base.team_id,
        ..Placed::nowhere(Status::Created)
    })
}

/// The submission that this one repeats: the same form and person, not long ago.
async fn earlier(tx: &Tx<'_>, form: &OpenForm, known: &Known) -> Result<Option<Uuid>, Failure> {
    use submission::Column as C;
    let since = tx.now() - Duration::hours(form.form.repeat_window.0);
    let rows = submission::Entity::find()
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::CustomerId.eq(known.customer))
        .filter(C::FormId.eq(form.id))
        .filter(C::ReceivedAt.gt(since))
        .filter(C::RepeatOf.is_null())
        .order_by_desc(C::ReceivedAt)
        .order_by_desc(C::Id)
        .limit(MAX_EARLIER)
        .all(tx.db())
        .await?;
    // Somebody else at the same company is somebody else.
    let person = known.record();
    let same =
        |row: &&submission::Model| person == known.customer || row.contact_id.unwrap_or(known.customer) == person;
    Ok(rows.iter().find(same).map(|row| row.id))
}

/// Counts a repeat on the first.
async fn count(tx: &Tx<'_>, first: Uuid, known: &Known) -> Result<Placed, Failure> {
    let sql = "UPDATE submissions SET repeat_count = repeat_count + 1 WHERE org_id = ? AND id = ?";
    let done = tx.db().execute_raw(statement(tx.db(), sql, [tx.org_id().into(), first.into()])).await?;
    if done.rows_affected() == 0 {
        // The first was erased a moment ago: the whole transaction is tried again.
        return Err(EngineError::Busy.into());
    }
    Ok(Placed {
        customer: Some(known.customer),
        contact: known.contact,
        repeat_of: Some(first),
        conflict: known.conflict.clone(),
        ..Placed::nowhere(Status::Matched)
    })
}

/// What was found a moment ago is not there any more, deleted or erased: the whole transaction is tried again, and does
/// not find it.
fn gone_meanwhile(failure: Failure) -> Failure {
    match failure {
        Failure::NotFound | Failure::Refused(_) => EngineError::Busy.into(),
        other => other,
    }
}

/// Writes what came in to the known customer, which gets an owner where it has none any more.
async fn follow_up(tx: &Tx<'_>, form: &OpenForm, lead: &Lead, known: Known) -> Result<Placed, Failure> {
    let found = read::for_change::<Customer>(tx, known.customer, Action::Update).await;
    let (mut customer, touched) = found.map_err(gone_meanwhile)?;
    let is_living = |owner: Uuid| tx.caller().org().users.get(&owner).is_some_and(|person| !person.disabled);
    if !customer.base.owner_id.is_some_and(is_living) && form.form.assign.is_some() {
        let (owner, team) = assign::next(tx, form.id, &form.form).await?;
        let mut data = customer.data.clone();
        data.owner_id = owner.map(Ref::new);
        data.team_id = team.map(Ref::new);
        customer = update::write(tx, &customer, &touched, data).await?;
    }
    let summary = lead.summary(&form.form, is_zh(tx));
    let made = create::write(
        tx,
        FollowUp {
            customer_id: Ref::new(known.customer),
            contact_id: known.contact.map(Ref::new),
            kind: FollowUpKind::Form,
            summary: Text::from_stored(summary),
            happened_at: Instant::from_stored(tx.now()),
            duration_minutes: None,
            outcome: None,
            needs_heard: None,
            pain_points: None,
            next_step: None,
            next_due_at: None,
            external_ids: ExternalIds::default(),
        },
    )
    .await
    .map_err(gone_meanwhile)?;
    Ok(Placed {
        customer: Some(known.customer),
        contact: known.contact,
        follow_up: Some(made.base.id),
        owner: customer.base.owner_id,
        team: customer.base.team_id,
        conflict: known.conflict,
        ..Placed::nowhere(Status::Matched)
    })
}
