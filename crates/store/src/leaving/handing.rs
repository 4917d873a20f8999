//! Handing over, as a job: a few customers in each transaction, each of them a change like any other. A run that was
//! killed goes on with what the leaver still has; whose turn it is and what was done are noted with what was done.

use std::collections::BTreeMap;
use std::time::Duration;

use kehu_domain::fields::Ref;
use kehu_domain::kinds::Customer;
use kehu_domain::record::Stored;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::{collaborator, customer};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::read::count;
use crate::machine::{TRIES, pause, update};
use crate::ops::children;
use crate::pii::padded;
use crate::queue::{Ended, Run, Step, Work};
use crate::rows::Rows as _;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::keys::KeysMade;
use super::preview::{deleted, living, shared};
use super::{Known, Successor, ToHandOver, enabled, keys};

/// Customers of one transaction: each takes its contacts and follow-ups along.
const TOGETHER: usize = 20;
/// Ids that are looked up at once.
const AHEAD: u64 = 1000;
/// Other servers take it from whoever leaves at the latest a second after it is written, and finish what they were at:
/// whoever looks once so long has passed finds the last of it.
const SETTLED: Duration = Duration::from_millis(2500);
/// How long is waited at a time, so that a server that ends does not wait longer.
const NAP: Duration = Duration::from_millis(250);

/// What the leaver has, and is looked for in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Customers.
    Living,
    /// Customers that were deleted, and may be restored.
    Deleted,
    /// Customers of others that are shared with the leaver.
    Shared,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    /// Whose turn it is.
    next: usize,
    /// How much went, by kind.
    counts: BTreeMap<String, i64>,
    /// How many customers each successor got.
    shares: BTreeMap<Uuid, i64>,
}

impl Place {
    fn add(&mut self, what: &str, many: i64) {
        *self.counts.entry(what.to_owned()).or_default() += many;
    }

    fn done(&self) -> i64 {
        let of = |what: &str| self.counts.get(what).copied().unwrap_or_default();
        of("customers") + of("deleted_customers") + of("collaborations")
    }
}

/// Hands over.
///
/// # Errors
/// The job is to end before, no successor may sign in any more, or the database is away.
pub async fn hand_over(work: Work) -> Run {
    let asked: ToHandOver = work.payload()?;
    let caller = asked.reason.as_deref().map_or_else(|| work.caller().clone(), |why| work.caller().because(why));
    let place = work.checkpoint()?.unwrap_or_default();
    let left = left(&caller, asked.user).await?;
    let mut handing = Handing { total: left, work, caller, asked, place };
    handing.total += handing.place.done();
    handing.run().await
}

/// How many customers are left, and how many are shared with the leaver.
async fn left(caller: &Caller, user: Uuid) -> Result<i64, Failure> {
    let (db, org) = (caller.db(), caller.org().id);
    Ok(living(db, org, user, "customers").await? + deleted(db, org, user).await? + shared(db, org, user).await?)
}

/// A hand-over that is under way.
struct Handing {
    work: Work,
    caller: Caller,
    asked: ToHandOver,
    place: Place,
    /// How much there is in all, as far as that is known.
    total: i64,
}

impl Handing {
    async fn run(mut self) -> Run {
        let begun = Instant::now();
        loop {
            let is_last = begun.elapsed() >= SETTLED;
            let mut found = false;
            for part in [Part::Living, Part::Deleted, Part::Shared] {
                loop {
                    let ids = self.find(part).await?;
                    if ids.is_empty() {
                        break;
                    }
                    found = true;
                    for some in ids.chunks(TOGETHER) {
                        self.work.go_on()?;
                        self.step(part, some).await?;
                    }
                }
            }
            if is_last && !found {
                return self.end().await;
            }
            while begun.elapsed() < SETTLED {
                self.work.go_on()?;
                sleep(NAP).await;
            }
        }
    }

    /// Customers of a part, the first ones.
    async fn find(&self, part: Part) -> Result<Vec<Uuid>, Failure> {
        let (org, user) = (self.caller.org().id, self.asked.user);
        let db = self.caller.db();
        if part == Part::Shared {
            use collaborator::Column as C;
            let rows = collaborator::Entity::find().filter(C::OrgId.eq(org)).filter(C::UserId.eq(user));
            let rows = rows.order_by_asc(C::CustomerId).limit(AHEAD).all(db).await?;
            return Ok(rows.into_iter().map(|row| row.customer_id).collect());
        }
        use customer::Column as C;
        let ids = customer::Entity::find().select_only().column(C::Id).filter(C::OrgId.eq(org));
        let ids = ids.filter(C::OwnerId.eq(user));
        let ids = match part {
            Part::Living => ids.filter(C::DeletedAt.is_null()).order_by_asc(C::UpdatedAt).order_by_asc(C::Id),
            _ => ids.filter(C::DeletedAt.is_not_null()).order_by_asc(C::Id),
        };
        let rows: Vec<Known> = ids.limit(AHEAD).into_model().all(db).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// One transaction.
    async fn step(&mut self, part: Part, ids: &[Uuid]) -> Result<(), Ended> {
        let mut tries = 1;
        loop {
            let (work, asked, place) = (self.work.clone(), self.asked.clone(), self.place.clone());
            let (ids, total) = (ids.to_vec(), self.total);
            let write = async move |tx: &Tx<'_>| {
                let Some(place) = give(tx, &asked, part, ids, place).await? else { return Ok(None) };
                let noted = serde_json::to_value(&place).map_err(|error| Failure::Internal(error.to_string()))?;
                let total = total.max(place.done());
                work.note(tx, Step::default().checkpoint(noted).progress(place.done(), Some(total)));
                Ok(Some(place))
            };
            match self.caller.write(write).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(failure) => return Err(failure.into()),
                Ok(Some(place)) => {
                    self.place = place;
                    return Ok(());
                }
                Ok(None) => {
                    let detail = "No successor may sign in any more: have the user leave again, with another one.";
                    return Err(Ended::Final { code: "successors_gone", detail: detail.to_owned() });
                }
            }
        }
    }

    /// Looks whether anything is left, tells the journal, and ends the job.
    async fn end(self) -> Run {
        let Self { work, caller, asked, place, .. } = self;
        let (db, org, user) = (caller.db(), caller.org().id, asked.user);
        let mut left = left(&caller, user).await?;
        for (table, _) in children::TABLES {
            left += living(db, org, user, table).await?;
        }
        let keys = keys::made_by(&caller, user).await?;
        let result = result(&asked, &place, left, &keys);
        let (noted, said) = (work.clone(), result.clone());
        let write = async move |tx: &Tx<'_>| {
            tx.log(Entry::admin("user.handed_over", Some(("user", user))).saying(&said));
            noted.note(tx, Step::default().done(Some(said)));
            Ok(())
        };
        caller.write(write).await?;
        Ok(Some(result))
    }
}

fn result(asked: &ToHandOver, place: &Place, left: i64, keys: &KeysMade) -> Value {
    let of = |what: &str| place.counts.get(what).copied().unwrap_or_default();
    let names = ["customers", "deleted_customers", "contacts", "follow_ups", "notes", "attachments", "collaborations"];
    let counts: BTreeMap<&str, i64> = names.into_iter().map(|name| (name, of(name))).collect();
    let share = |to: &Uuid| place.shares.get(to).copied().unwrap_or_default();
    let shares: Vec<Value> =
        asked.successors.iter().map(|to| json!({ "successor_id": to, "customers": share(to) })).collect();
    json!({ "user_id": asked.user, "handed_over": counts, "shares": shares, "left": left, "keys_made": keys })
}

/// Gives some customers away, or takes the leaver out of those that are shared. How far it is then; nothing where no
/// successor is there.
async fn give(
    tx: &Tx<'_>,
    asked: &ToHandOver,
    part: Part,
    ids: Vec<Uuid>,
    mut place: Place,
) -> Result<Option<Place>, Failure> {
    let there = enabled(tx.db(), tx.org_id(), &asked.successors).await?;
    // In the order in which they were named.
    let in_turn: Vec<&Successor> =
        asked.successors.iter().filter_map(|id| there.iter().find(|one| one.id == *id)).collect();
    if in_turn.is_empty() && part != Part::Shared {
        return Ok(None);
    }
    let mut given = Vec::new();
    for (before, touched) in locked(tx, ids.clone()).await? {
        let mut data = before.data.clone();
        data.collaborators = data.collaborators.without(asked.user);
        if before.base.owner_id == Some(asked.user) && part != Part::Shared {
            let named = asked.named.get(&before.base.id).and_then(|to| in_turn.iter().find(|one| one.id == *to));
            let to = match named {
                Some(to) => *to,
                None => {
                    let at = place.next % in_turn.len().max(1);
                    place.next = at + 1;
                    in_turn.get(at).copied().ok_or_else(|| Failure::Internal("nobody's turn".into()))?
                }
            };
            data.owner_id = Some(Ref::new(to.id));
            if !asked.keep_team {
                data.team_id = to.team_id.map(Ref::new);
            }
            *place.shares.entry(to.id).or_default() += 1;
            place.add(if before.base.deleted_at.is_some() { "deleted_customers" } else { "customers" }, 1);
            given.push(before.base.id);
        }
        if data.collaborators != before.data.collaborators {
            place.add("collaborations", 1);
        }
        update::write(tx, &before, &touched, data).await?;
    }
    if part == Part::Shared {
        forget(tx, asked.user, ids).await?;
    }
    for (table, _) in children::TABLES {
        place.add(table, hanging(tx, table, given.clone()).await?);
    }
    Ok(Some(place))
}

/// Customers of those ids, deleted ones too, in a fixed order: on PostgreSQL they are locked.
async fn locked(tx: &Tx<'_>, ids: Vec<Uuid>) -> Result<Vec<(Stored<Customer>, String)>, Failure> {
    use customer::Column as C;
    let rows = customer::Entity::find().filter(C::OrgId.eq(tx.org_id())).filter(C::Id.is_in(padded(ids)));
    let rows = rows.order_by_asc(C::Id).lock_exclusive().all(tx.db()).await?;
    let opener = Opener(tx.caller().ring());
    rows.into_iter().map(|row| Customer::from_row(row, &opener)).collect()
}

/// What a table says that is found by user, whatever the customers' rows say.
async fn forget(tx: &Tx<'_>, user: Uuid, ids: Vec<Uuid>) -> Result<(), Failure> {
    let ids = padded(ids);
    let places = vec!["?"; ids.len()].join(", ");
    let sql = format!("DELETE FROM collaborators WHERE org_id = ? AND user_id = ? AND customer_id IN ({places})");
    let values = [tx.org_id(), user].into_iter().chain(ids).map(sea_orm::Value::from);
    tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    Ok(())
}

/// Living rows that hang on customers.
async fn hanging(tx: &Tx<'_>, table: &str, customers: Vec<Uuid>) -> Result<i64, Failure> {
    if customers.is_empty() {
        return Ok(0);
    }
    let ids = padded(customers);
    let places = vec!["?"; ids.len()].join(", ");
    let from = format!("{table} WHERE org_id = ? AND customer_id IN ({places}) AND deleted_at IS NULL");
    count(tx.db(), &from, std::iter::once(tx.org_id()).chain(ids).map(sea_orm::Value::from)).await
}
