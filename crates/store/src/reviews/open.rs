//! Opening a review: what everybody has at that moment is put down.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::unknown_reference;
use kehu_domain::rights::Right;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::entities::{access_review, access_review_item, right_use, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::inserts::{self, Insert};
use crate::journal::Entry;
use crate::machine::Answer;
use crate::pii::padded;
use crate::queue::NewJob;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::end::END;
use super::{REVIEW, job_key, show};

/// A review that is asked for.
#[derive(Clone, Debug, Default)]
pub struct NewReview {
    /// Until when it can be answered; as many days as the organisation says where none is said.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether what nobody answered by then is revoked.
    pub revoke_unanswered: bool,
    /// Who is reviewed; everybody who is not disabled where nobody is said.
    pub users: Option<Vec<Uuid>>,
}

/// Opens a review.
///
/// # Errors
/// The caller may not grant rights, a user is unknown, or the time has passed.
pub async fn open(caller: &Caller, new: NewReview) -> Result<Answer, Failure> {
    noting(caller, Refusal::to(REVIEW, "open"), async {
        caller.may(Right::RightsGrant)?;
        if let Some(due) = new.due_at.filter(|due| *due <= caller.gate().now()) {
            let flaw = Flaw::new(&codes::DUE_PASSED).with("value", format_time(due));
            return Err(Failure::refused("/due_at", flaw));
        }
        let id = opened(caller, new, None).await?;
        show::get(caller, id).await
    })
    .await
}

/// Opens one, perhaps for a period; its id.
pub(super) async fn opened(caller: &Caller, new: NewReview, period: Option<String>) -> Result<Uuid, Failure> {
    // What this server remembers counts. Of others the last half a minute may be missing, of an hour.
    caller.gate().keep_uses().await?;
    caller.write(async move |tx: &Tx<'_>| write(tx, new, period).await).await
}

#[derive(FromQueryResult)]
struct Person {
    id: Uuid,
    role: Option<String>,
    other_roles: String,
    team_id: Option<Uuid>,
    last_login_at: Option<DateTime<Utc>>,
}

async fn people(tx: &Tx<'_>, named: Option<&[Uuid]>) -> Result<Vec<Person>, Failure> {
    use user::Column as C;
    let query = user::Entity::find()
        .select_only()
        .columns([C::Id, C::Role, C::OtherRoles, C::TeamId, C::LastLoginAt])
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::DeletedAt.is_null());
    let query = match named {
        Some(ids) => query.filter(C::Id.is_in(padded(ids.to_vec()))),
        None => query.filter(C::Disabled.eq(false)),
    };
    let found: Vec<Person> = query.order_by_asc(C::Id).into_model().all(tx.db()).await?;
    let known = |id: &Uuid| found.iter().any(|person| person.id == *id);
    if let Some((at, id)) = named.unwrap_or_default().iter().enumerate().find(|(_, id)| !known(id)) {
        let flaw = unknown_reference("user", id);
        return Err(Failure::refused(format!("/users/{at}"), flaw));
    }
    Ok(found)
}

/// When everybody last used each right, as an answer shows it.
async fn uses(tx: &Tx<'_>) -> Result<HashMap<Uuid, BTreeMap<String, String>>, Failure> {
    let rows = right_use::Entity::find().filter(right_use::Column::OrgId.eq(tx.org_id())).all(tx.db()).await?;
    let mut all: HashMap<Uuid, BTreeMap<String, String>> = HashMap::new();
    for row in rows {
        all.entry(row.user_id).or_default().insert(row.used, format_time(row.last_used_at));
    }
    Ok(all)
}

async fn write(tx: &Tx<'_>, new: NewReview, period: Option<String>) -> Result<Uuid, Failure> {
    let NewReview { due_at, revoke_unanswered, users } = new;
    let (org, id) = (tx.org_id(), tx.new_id());
    let days = i64::from(tx.caller().org().settings.access_reviews.days.max(1));
    let due_at = due_at.unwrap_or(tx.now() + Duration::days(days));
    let people = people(tx, users.as_deref()).await?;
    let mut uses = uses(tx).await?;
    let row = access_review::Model {
        org_id: org,
        id,
        period: period.clone(),
        opened_at: tx.now(),
        opened_by: tx.caller().principal().user(),
        due_at,
        revoke_unanswered,
        closing_at: None,
        closed_at: None,
        closed_by: None,
    };
    let many = people.len();
    let item = |person: Person| {
        let uses = uses.remove(&person.id).unwrap_or_default();
        let item = access_review_item::Model {
            org_id: org,
            review_id: id,
            user_id: person.id,
            id: tx.new_id(),
            role: person.role,
            other_roles: person.other_roles,
            team_id: person.team_id,
            last_login_at: person.last_login_at,
            uses: json!(uses).to_string(),
            decision: None,
            decided_at: None,
            decided_by: None,
            reason: None,
            kept_because: None,
        };
        item.into_active_model()
    };
    let items: Vec<access_review_item::ActiveModel> = people.into_iter().map(item).collect();
    inserts::write(tx.db(), vec![Insert::of(vec![row.into_active_model()])]).await?;
    inserts::write(tx.db(), vec![Insert::of(items)]).await?;
    if revoke_unanswered {
        let until = (due_at - tx.now()).to_std().unwrap_or_default();
        tx.enqueue(NewJob::new(&END, json!({ "review": id })).after(until).unique(job_key(id)));
    }
    let said = json!({
        "due_at": format_time(due_at), "revoke_unanswered": revoke_unanswered, "users": many, "period": period,
    });
    tx.log(Entry::admin("access_review.opened", Some((REVIEW, id))).saying(&said));
    Ok(id)
}
