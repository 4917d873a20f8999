//! What would go to whom.

use kehu_domain::fields::Line;
use kehu_domain::kinds::Customer;
use kehu_domain::rights::Action;
use kehu_domain::show::Out;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::entities::{customer, form};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::count;
use crate::machine::{Answer, read};
use crate::rows::NOT_DUE;

use super::{Known, ToHandOver, keys};

/// Customers that are shown.
const SAMPLES: u64 = 5;

/// Living rows of a table that a user owns.
pub(super) async fn living(db: &impl ConnectionTrait, org: Uuid, user: Uuid, table: &str) -> Result<i64, Failure> {
    let from = format!("{table} WHERE org_id = ? AND owner_id = ? AND deleted_at IS NULL");
    count(db, &from, [org.into(), user.into()]).await
}

/// Deleted customers that a user owns.
pub(super) async fn deleted(db: &impl ConnectionTrait, org: Uuid, user: Uuid) -> Result<i64, Failure> {
    let from = "customers WHERE org_id = ? AND owner_id = ? AND deleted_at IS NOT NULL";
    count(db, from, [org.into(), user.into()]).await
}

/// Customers that are shared with a user.
pub(super) async fn shared(db: &impl ConnectionTrait, org: Uuid, user: Uuid) -> Result<i64, Failure> {
    count(db, "collaborators WHERE org_id = ? AND user_id = ?", [org.into(), user.into()]).await
}

/// A form that gives its customers to a team.
#[derive(FromQueryResult)]
struct Assigning {
    id: Uuid,
    name: String,
    assign_team_id: Option<Uuid>,
}

/// Forms whose new customers would have nobody to go to once the user has left, as far as the caller may read them.
async fn lonely_forms(caller: &Caller, leaver: Uuid) -> Result<Vec<(Uuid, String)>, Failure> {
    use form::Column as C;
    let org = caller.org();
    if caller.rights().reach(Action::Read, "form").is_none() {
        return Ok(Vec::new());
    }
    let rows = form::Entity::find().select_only().columns([C::Id, C::Name, C::AssignTeamId]);
    let rows = rows.filter(C::OrgId.eq(org.id)).filter(C::DeletedAt.is_null()).filter(C::AssignTeamId.is_not_null());
    let rows: Vec<Assigning> = rows.order_by_asc(C::Id).into_model().all(caller.db()).await?;
    let lonely = |team: &Uuid| {
        let teams = org.team_and_below(*team);
        let belongs = |team: Option<Uuid>| team.is_some_and(|team| teams.contains(&team));
        let mut people = org.users.iter().filter(|(_, person)| !person.disabled && belongs(person.team_id));
        let only = people.next().is_some_and(|(id, _)| *id == leaver);
        only && people.next().is_none()
    };
    let rows = rows.into_iter().filter(|row| row.assign_team_id.as_ref().is_some_and(lonely));
    Ok(rows.map(|row| (row.id, row.name)).collect())
}

/// The first customers, as far as the caller may read them.
async fn samples(caller: &Caller, leaver: Uuid) -> Result<Vec<(Uuid, Option<String>, String)>, Failure> {
    use customer::Column as C;
    if caller.rights().reach(Action::Read, "customer").is_none() {
        return Ok(Vec::new());
    }
    let ids = customer::Entity::find().select_only().column(C::Id).filter(C::OrgId.eq(caller.org().id));
    let ids = ids.filter(C::OwnerId.eq(leaver)).filter(C::DeletedAt.is_null()).order_by_asc(C::Id).limit(SAMPLES);
    let ids: Vec<Known> = ids.into_model().all(caller.db()).await?;
    let ids: Vec<Uuid> = ids.into_iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = read::within_reach::<Customer>(caller, ids).await?;
    found.sort_by_key(|customer| customer.base.id);
    let shown = found.into_iter().map(|customer| {
        let number = customer.data.number.as_ref().map(Line::as_str).map(str::to_owned);
        (customer.base.id, number, customer.data.name.as_str().to_owned())
    });
    Ok(shown.collect())
}

/// How many of so many customers each successor gets: those that are named, and the rest in turn.
fn shares(work: &ToHandOver, customers: i64) -> Vec<(Uuid, i64)> {
    let many = i64::try_from(work.successors.len()).unwrap_or(i64::MAX).max(1);
    let named = |to: Uuid| i64::try_from(work.named.values().filter(|id| **id == to).count()).unwrap_or_default();
    let rest = (customers - i64::try_from(work.named.len()).unwrap_or_default()).max(0);
    let turns = (0..).zip(&work.successors);
    turns.map(|(at, to)| (*to, named(*to) + rest / many + i64::from(at < rest % many))).collect()
}

pub(super) async fn told(caller: &Caller, work: &ToHandOver) -> Result<Answer, Failure> {
    let (db, org, user) = (caller.db(), caller.org().id, work.user);
    let (customers, deleted) = (living(db, org, user, "customers").await?, deleted(db, org, user).await?);
    let due = "follow_ups WHERE org_id = ? AND owner_id = ? AND deleted_at IS NULL AND next_due_at < ?";
    let sessions = "sessions WHERE org_id = ? AND user_id = ? AND ended_at IS NULL AND idle_expires_at > ? \
                    AND absolute_expires_at > ?";
    let tokens = "api_keys WHERE org_id = ? AND user_id = ? AND revoked_at IS NULL";
    let now = caller.gate().now();
    let counts = [
        ("customers", customers),
        ("deleted_customers", deleted),
        ("contacts", living(db, org, user, "contacts").await?),
        ("follow_ups", living(db, org, user, "follow_ups").await?),
        ("notes", living(db, org, user, "notes").await?),
        ("attachments", living(db, org, user, "attachments").await?),
        ("due_follow_ups", count(db, due, [org.into(), user.into(), NOT_DUE.into()]).await?),
        ("collaborations", shared(db, org, user).await?),
        ("sessions", count(db, sessions, [org.into(), user.into(), now.into(), now.into()]).await?),
        ("personal_tokens", count(db, tokens, [org.into(), user.into()]).await?),
    ];
    let (samples, forms) = (samples(caller, user).await?, lonely_forms(caller, user).await?);
    let keys = keys::made_by(caller, user).await?;
    let mut out = Out::new();
    let named = |out: &mut Out, id: Uuid, name: Option<&str>| {
        out.object(|out| {
            out.key("id").id(id);
            out.key("name").text_or_null(name);
        });
    };
    out.object(|out| {
        out.key("user_id").id(user);
        out.key("counts").object(|out| counts.into_iter().for_each(|(name, many)| out.key(name).number(many)));
        out.key("shares").array(|out| {
            for (to, many) in shares(work, customers + deleted) {
                out.object(|out| {
                    out.key("successor");
                    named(out, to, caller.org().name_of(to).map(|name| name.name.as_str()));
                    out.key("customers").number(many);
                });
            }
        });
        out.key("samples").array(|out| {
            for (id, number, name) in &samples {
                out.object(|out| {
                    out.key("id").id(*id);
                    out.key("number").text_or_null(number.as_deref());
                    out.key("name").text(name);
                });
            }
        });
        out.key("keys_made").object(|out| {
            out.key("count").number(i64::try_from(keys.count).unwrap_or(i64::MAX));
            out.key("keys").array(|out| {
                for key in &keys.keys {
                    out.object(|out| {
                        out.key("id").id(key.id);
                        out.key("name").text(&key.name);
                        out.key("hint").text(&key.hint);
                    });
                }
            });
        });
        out.key("lonely_forms").array(|out| forms.iter().for_each(|(id, name)| named(out, *id, Some(name))));
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_goes_in_turn() {
        let id = Uuid::from_u128;
        let named = [(id(7), id(2)), (id(8), id(2))].into_iter().collect();
        let successors = vec![id(1), id(2), id(3)];
        let work = ToHandOver { user: id(9), successors, named, keep_team: false, reason: None };
        assert_eq!(shares(&work, 7), [(id(1), 2), (id(2), 4), (id(3), 1)]);
        assert_eq!(shares(&work, 2), [(id(1), 0), (id(2), 2), (id(3), 0)]);
    }
}
