//! Somebody leaves: the account is disabled at once, with its sessions, and a job hands over what it looked after to
//! named successors, a few customers in each transaction. Nothing is left without an owner who is there.

mod handing;
mod keys;
mod preview;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{User, unknown_reference};
use kehu_domain::read::Finding;
use kehu_domain::record::Record as _;
use kehu_domain::rights::{Action, Right};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::api_keys::revoke_personal;
use crate::entities::{customer, user};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::{Answer, Change, Machine as _, Of, TRIES, pause, read};
use crate::ops::logins;
use crate::org::rights_of;
use crate::people::sessions;
use crate::pii::padded;
use crate::queue::{self, NewJob, Priority, Spec};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

pub use handing::hand_over;

/// The job that hands over.
pub static HAND_OVER: Spec =
    Spec::new("users.hand_over", 1).priority(Priority::High).attempts(10).within(Duration::from_secs(6 * 3600));

/// The most successors of one leaver.
pub const MOST_SUCCESSORS: usize = 20;
/// The most customers that are named one by one.
pub const MOST_NAMED: usize = 1000;

/// What is to become of what a leaver looks after.
#[derive(Clone, Debug, Default)]
pub struct Leave {
    /// Who takes over, each in turn.
    pub successors: Vec<Uuid>,
    /// Customers that go to one of them by name.
    pub named: Vec<(Uuid, Vec<Uuid>)>,
    /// Whether customers stay in the team that they are in, instead of going to their new owner's.
    pub keep_team: bool,
    /// Why.
    pub reason: Option<String>,
}

/// What a job hands over, and to whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToHandOver {
    user: Uuid,
    successors: Vec<Uuid>,
    named: BTreeMap<Uuid, Uuid>,
    keep_team: bool,
    reason: Option<String>,
}

impl ToHandOver {
    fn of(user: Uuid, leave: &Leave) -> Self {
        let named = leave.named.iter().flat_map(|(to, customers)| customers.iter().map(|customer| (*customer, *to)));
        Self {
            user,
            successors: leave.successors.clone(),
            named: named.collect(),
            keep_team: leave.keep_team,
            reason: leave.reason.clone(),
        }
    }
}

/// Tells what would go to whom; changes nothing.
///
/// # Errors
/// As [`leave`].
pub async fn preview(caller: &Caller, id: Uuid, leave: Leave) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("user", "leave", Some(id)), async {
        permit(caller, id).await?;
        check(caller, id, &leave).await?;
        preview::told(caller, &ToHandOver::of(id, &leave)).await
    })
    .await
}

/// Disables a user, ends the sessions, and asks for the job that hands over. Asked again, a job that is still at it is
/// given; another one goes on where an earlier one failed or was taken back.
///
/// # Errors
/// There is no such user within reach, the caller may not change users or grant rights, a successor cannot take over, or
/// nobody would be left who grants rights.
pub async fn leave(caller: &Caller, id: Uuid, leave: Leave) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("user", "leave", Some(id)), async {
        permit(caller, id).await?;
        check(caller, id, &leave).await?;
        let asking = leave.reason.as_deref().map_or_else(|| caller.clone(), |reason| caller.because(reason));
        let mut tries = 1;
        loop {
            let leave = leave.clone();
            match asking.write(async move |tx: &Tx<'_>| ask(tx, id, &leave).await).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(failure) => return Err(failure),
                Ok(job) => {
                    let standing = queue::standing(caller, job, &key(id)).await?;
                    return queue::asked_for(caller, standing.unwrap_or(job)).await;
                }
            }
        }
    })
    .await
}

fn key(user: Uuid) -> String {
    format!("{}:{user}", HAND_OVER.name())
}

/// Whether the caller may have a user leave.
async fn permit(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    let found = read::within_reach::<User>(caller, vec![id]).await?;
    let found = found.first().ok_or(Failure::NotFound)?;
    caller.reach(Action::Update, User::KIND.name)?;
    if !caller.covers(Action::Update, User::KIND, &found.base) {
        return Err(Failure::Forbidden);
    }
    caller.may(Right::RightsGrant)
}

/// The last who grants rights does not leave.
async fn check(caller: &Caller, id: Uuid, leave: &Leave) -> Result<(), Failure> {
    fit(caller, caller.db(), id, leave).await?;
    owned(caller, id, leave).await?;
    let governs =
        caller.org().users.get(&id).is_some_and(|person| {
            !person.disabled && crate::ops::roles::governs(person.roles.iter().map(String::as_str))
        });
    if governs && !logins::others_govern(caller.db(), caller.org().id, Some(id)).await? {
        return Err(Failure::refused("", Flaw::new(&codes::LAST_ADMINISTRATOR)));
    }
    Ok(())
}

/// A record of which no more is asked.
#[derive(FromQueryResult)]
struct Known {
    id: Uuid,
}

/// A successor as a row says.
#[derive(Clone, Debug, FromQueryResult)]
struct Successor {
    id: Uuid,
    role: Option<String>,
    other_roles: String,
    team_id: Option<Uuid>,
}

impl Successor {
    /// Whether the roles change customers of one's own.
    fn looks_after_customers(&self, caller: &Caller) -> bool {
        let mut roles = user::roles_of(self.role.as_deref(), &self.other_roles);
        roles.any(|role| {
            rights_of(caller.org(), role).is_some_and(|rights| rights.reach(Action::Update, "customer").own)
        })
    }
}

/// Those of some users who may sign in.
async fn enabled(db: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<Vec<Successor>, Failure> {
    use user::Column as C;
    let query = user::Entity::find().select_only().columns([C::Id, C::Role, C::OtherRoles, C::TeamId]);
    let query = query.filter(C::OrgId.eq(org)).filter(C::Id.is_in(padded(ids.to_vec())));
    let query = query.filter(C::Disabled.eq(false)).filter(C::DeletedAt.is_null());
    Ok(query.into_model().all(db).await?)
}

/// Checks that every successor can take over.
async fn fit(caller: &Caller, db: &impl ConnectionTrait, leaver: Uuid, leave: &Leave) -> Result<(), Failure> {
    if leave.successors.is_empty() {
        return Err(Failure::refused("/successors", Flaw::new(&codes::REQUIRED).with("field", "successors")));
    }
    let known = enabled(db, caller.org().id, &leave.successors).await?;
    let mut findings = Vec::new();
    for (at, id) in leave.successors.iter().enumerate() {
        let found = known.iter().find(|successor| successor.id == *id);
        let flaw = match found {
            Some(found) if *id != leaver && found.looks_after_customers(caller) => continue,
            None if !caller.org().users.contains_key(id) => unknown_reference("user", id),
            _ => Flaw::new(&codes::SUCCESSOR_UNFIT).with("value", id),
        };
        findings.push(Finding { pointer: format!("/successors/{at}"), flaw });
    }
    let strangers = leave.named.iter().enumerate().filter(|(_, (to, _))| !leave.successors.contains(to));
    findings.extend(strangers.map(|(at, (to, _))| Finding {
        pointer: format!("/named/{at}/successor_id"),
        flaw: Flaw::new(&codes::SUCCESSOR_UNFIT).with("value", to),
    }));
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

/// Checks that the customers that are named are the leaver's.
async fn owned(caller: &Caller, leaver: Uuid, leave: &Leave) -> Result<(), Failure> {
    use customer::Column as C;
    let named: Vec<Uuid> = leave.named.iter().flat_map(|(_, customers)| customers.iter().copied()).collect();
    if named.is_empty() {
        return Ok(());
    }
    let known = customer::Entity::find().select_only().column(C::Id).filter(C::OrgId.eq(caller.org().id));
    let known = known.filter(C::OwnerId.eq(leaver)).filter(C::Id.is_in(padded(named)));
    let known: Vec<Known> = known.into_model().all(caller.db()).await?;
    let known: HashSet<Uuid> = known.into_iter().map(|row| row.id).collect();
    let mut findings = Vec::new();
    for (list, (_, customers)) in leave.named.iter().enumerate() {
        for (at, id) in customers.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
            let flaw = unknown_reference("customer", id);
            findings.push(Finding { pointer: format!("/named/{list}/customer_ids/{at}"), flaw });
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

/// Disables the user, the way of every change, and asks for the job.
async fn ask(tx: &Tx<'_>, id: Uuid, leave: &Leave) -> Result<Uuid, Failure> {
    let change = Change { id, body: json!({ "disabled": true }), expected: None, allow_duplicate: false };
    Of::<User>::NEW.change(tx, change).await.map_err(of_the_door)?;
    // Whoever was disabled before may have sessions of a moment ago.
    sessions::end_all(tx, id).await?;
    revoke_personal(tx, id).await?;
    // Under the lock of all changes of users: nobody disables a successor meanwhile.
    fit(tx.caller(), tx.db(), id, leave).await?;
    let said = json!({ "successors": leave.successors, "keep_team": leave.keep_team });
    tx.log(Entry::admin("user.left", Some(("user", id))).saying(&said));
    let payload = serde_json::to_value(ToHandOver::of(id, leave)).map_err(|e| Failure::Internal(e.to_string()))?;
    Ok(tx.enqueue(NewJob::new(&HAND_OVER, payload).unique(key(id))))
}

/// The body of this door has no member `disabled`.
fn of_the_door(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(found) => {
            Failure::Refused(found.into_iter().map(|one| Finding { pointer: String::new(), ..one }).collect())
        }
        other => other,
    }
}
