//! Who gets a new customer: the people of a team, in turn.

use kehu_domain::kinds::Form;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::Kind;
use crate::failure::Failure;
use crate::tx::Tx;

/// Owner and team of the next customer of a form. People who may not sign in are left out; where there is nobody, the
/// customer belongs to the team alone.
pub(super) async fn next(tx: &Tx<'_>, id: Uuid, form: &Form) -> Result<(Option<Uuid>, Option<Uuid>), Failure> {
    let Some(team) = form.assign.map(|assign| assign.team_id) else { return Ok((None, None)) };
    let org = tx.caller().org();
    let teams = org.team_and_below(team);
    let belongs = |team: Option<Uuid>| team.is_some_and(|team| teams.contains(&team));
    let mut people: Vec<(Uuid, Option<Uuid>)> = org
        .users
        .iter()
        .filter(|(_, person)| !person.disabled && belongs(person.team_id))
        .map(|(id, person)| (*id, person.team_id))
        .collect();
    people.sort_unstable();
    let Ok(count) = i64::try_from(people.len()) else { return Ok((None, Some(team))) };
    if count == 0 {
        return Ok((None, Some(team)));
    }
    let turn = usize::try_from((turn(tx, id).await? - 1).rem_euclid(count)).unwrap_or(0);
    let (owner, team) = people.get(turn).copied().unwrap_or_default();
    Ok((Some(owner), team))
}

/// How many customers the form has made, this one included.
async fn turn(tx: &Tx<'_>, form: Uuid) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("last");
    let sql = format!(
        "INSERT INTO counters (org_id, name, last) VALUES (?, ?, 1) \
         ON CONFLICT (org_id, name) DO UPDATE SET last = counters.last + 1 RETURNING last AS {alias}"
    );
    let values = [tx.org_id().into(), format!("form:{form}").into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    Ok(row.try_get("", &alias)?)
}
