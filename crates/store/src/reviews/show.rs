//! Reviews and their items as answers show them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::{ACTIONS, RIGHTS, Rights, actions_of, kind_names};
use kehu_domain::show::Out;
use sea_orm::sea_query::Query;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::Kind;
use crate::entities::{access_review, access_review_item, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Answer;
use crate::org::rights_of;
use crate::paging;
use crate::pii::padded;
use crate::refusals::{Refusal, noting};
use crate::sealed::access_review_item::REASON;
use crate::uses;

use super::{REVIEW, Seen, Word, find, sees};

/// What is asked for where nobody has decided.
const NONE: &str = "none";

/// How many items of a review have which decision, by review.
type Counts = HashMap<Uuid, BTreeMap<String, i64>>;

async fn counts(caller: &Caller, reviews: &[Uuid]) -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    if reviews.is_empty() {
        return Ok(counts);
    }
    let ids = padded(reviews.to_vec());
    let places = vec!["?"; ids.len()].join(", ");
    let (many, word) = (Kind::Integer.alias("n"), Kind::Text.alias("word"));
    let sql = format!(
        "SELECT review_id, COALESCE(decision, CASE WHEN kept_because IS NULL THEN 'unanswered' ELSE 'kept' END) \
         AS {word}, count(*) AS {many} FROM access_review_items WHERE org_id = ? AND review_id IN ({places}) \
         GROUP BY 1, 2"
    );
    let values = std::iter::once(caller.org().id).chain(ids).map(sea_orm::Value::from);
    for row in caller.db().query_all_raw(statement(caller.db(), &sql, values)).await? {
        let of = counts.entry(row.try_get("", "review_id")?).or_default();
        of.insert(row.try_get("", &word)?, row.try_get("", &many)?);
    }
    Ok(counts)
}

fn reference(caller: &Caller, out: &mut Out, id: Option<Uuid>) {
    match id.and_then(|id| Some((id, caller.org().name_of(id)?))) {
        Some((id, name)) => out.object(|out| {
            out.key("id").id(id);
            out.key("name").text(&name.name);
        }),
        None => out.null(),
    }
}

fn write_review(caller: &Caller, out: &mut Out, row: &access_review::Model, counts: &Counts) {
    let state = match (row.closed_at, row.closing_at) {
        (Some(_), _) => "closed",
        (None, Some(_)) => "closing",
        (None, None) => "open",
    };
    let time = |at: Option<DateTime<Utc>>| at.map(format_time);
    out.key("id").id(row.id);
    out.key("state").text(state);
    out.key("period").text_or_null(row.period.as_deref());
    out.key("opened_at").plain(&format_time(row.opened_at));
    out.key("opened_by").id_or_null(row.opened_by);
    out.key("opener");
    reference(caller, out, row.opened_by);
    out.key("due_at").plain(&format_time(row.due_at));
    out.key("revoke_unanswered").flag(row.revoke_unanswered);
    out.key("closed_at").text_or_null(time(row.closed_at).as_deref());
    out.key("closed_by").id_or_null(row.closed_by);
    let none = BTreeMap::new();
    let of = counts.get(&row.id).unwrap_or(&none);
    out.key("counts").object(|out| {
        out.key("users").number(of.values().sum());
        for word in ["confirm", "change", "revoke", "kept", "unanswered"] {
            out.key(word).number(of.get(word).copied().unwrap_or_default());
        }
    });
}

/// A review, with how many decisions there are.
///
/// # Errors
/// The caller sees no reviews, or there is none of that id.
pub async fn get(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(REVIEW, "read", Some(id)), async {
        sees(caller)?;
        let row = find(caller, id).await?;
        let counts = counts(caller, &[id]).await?;
        let mut out = Out::new();
        out.object(|out| write_review(caller, out, &row, &counts));
        Ok(Answer { id: Some(id), etag: None, body: out.into_text() })
    })
    .await
}

/// A page of reviews, the newest first.
///
/// # Errors
/// The caller sees none, or the question is wrong.
pub async fn list(caller: &Caller, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    use access_review::Column as C;
    noting(caller, Refusal::to(REVIEW, "read"), async {
        sees(caller)?;
        let asked = Asked::read(parameters, &[], "limit, after")?;
        let mut query = access_review::Entity::find().filter(C::OrgId.eq(caller.org().id));
        if let Some(id) = asked.place("access_reviews")? {
            query = query.filter(C::Id.lt(id));
        }
        let mut rows = query.order_by_desc(C::Id).limit(asked.limit + 1).all(caller.db()).await?;
        let more = paging::cut(&mut rows, asked.limit);
        let counts = counts(caller, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        let next = rows.last().filter(|_| more).map(|row| paging::cursor(&json!(["access_reviews", null, row.id])));
        let mut out = Out::new();
        out.object(|out| {
            out.key("data").array(|out| {
                rows.iter().for_each(|row| out.object(|out| write_review(caller, out, row, &counts)));
            });
            paging::page(out, next.as_deref(), more);
        });
        Ok(Answer { id: None, etag: None, body: out.into_text() })
    })
    .await
}

/// What was asked of a list.
struct Asked {
    decision: Option<String>,
    limit: u64,
    after: Option<String>,
}

impl Asked {
    fn read(parameters: Vec<(String, String)>, words: &[&str], known: &str) -> Result<Self, Failure> {
        let mut asked = Self { decision: None, limit: paging::DEFAULT_LIMIT, after: None };
        for (name, value) in parameters {
            match name.as_str() {
                "filter[decision]" if words.contains(&value.as_str()) => asked.decision = Some(value),
                "filter[decision]" if !words.is_empty() => {
                    let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", words.join(", "));
                    return Err(Failure::question(name, flaw));
                }
                "limit" => asked.limit = paging::limit(&value)?,
                "after" => asked.after = Some(value),
                _ => return Err(paging::unknown(&name, known)),
            }
        }
        Ok(asked)
    }

    /// The id that the page begins behind.
    fn place(&self, list: &str) -> Result<Option<Uuid>, Failure> {
        let Some(text) = &self.after else { return Ok(None) };
        let place: Option<(String, Option<String>, Uuid)> = paging::place(text);
        let fits = place.filter(|(of, decision, _)| of == list && *decision == self.decision);
        fits.map(|(_, _, id)| Some(id)).ok_or_else(paging::wrong_cursor)
    }
}

/// What a user under review has now.
#[derive(FromQueryResult)]
struct Now {
    id: Uuid,
    role: Option<String>,
    other_roles: String,
    team_id: Option<Uuid>,
    disabled: bool,
}

/// Items within the caller's reach.
fn within_reach(caller: &Caller, review: Uuid) -> Result<Select<access_review_item::Entity>, Failure> {
    use access_review_item::Column as C;
    let all = access_review_item::Entity::find().filter(C::OrgId.eq(caller.org().id)).filter(C::ReviewId.eq(review));
    Ok(match sees(caller)? {
        Seen::All => all,
        Seen::Teams => {
            let people = Query::select()
                .column(user::Column::Id)
                .from(user::Entity)
                .and_where(user::Column::OrgId.eq(caller.org().id))
                .and_where(user::Column::TeamId.is_in(padded(caller.teams().to_vec())))
                .to_owned();
            all.filter(C::UserId.in_subquery(people))
        }
    })
}

/// A page of the users under a review, by id.
///
/// # Errors
/// The caller sees no reviews, there is none of that id, or the question is wrong.
pub async fn items(caller: &Caller, review: Uuid, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    use access_review_item::Column as C;
    noting(caller, Refusal::of(REVIEW, "read", Some(review)), async {
        let mut query = within_reach(caller, review)?;
        find(caller, review).await?;
        let words = Word::ALL.map(Word::key).into_iter().chain([NONE]).collect::<Vec<_>>();
        let asked = Asked::read(parameters, &words, "filter[decision], limit, after")?;
        query = match asked.decision.as_deref() {
            None => query,
            Some(NONE) => query.filter(C::Decision.is_null()),
            Some(word) => query.filter(C::Decision.eq(word)),
        };
        let list = review.to_string();
        if let Some(id) = asked.place(&list)? {
            query = query.filter(C::UserId.gt(id));
        }
        let mut rows = query.order_by_asc(C::UserId).limit(asked.limit + 1).all(caller.db()).await?;
        let more = paging::cut(&mut rows, asked.limit);
        let next = rows.last().filter(|_| more).map(|row| paging::cursor(&json!([list, asked.decision, row.user_id])));
        let shown = shown(caller, rows).await?;
        let mut out = Out::new();
        out.object(|out| {
            out.key("data").array(|out| shown.iter().for_each(|item| out.object(|out| item.write(caller, out))));
            paging::page(out, next.as_deref(), more);
        });
        Ok(Answer { id: None, etag: None, body: out.into_text() })
    })
    .await
}

/// One of them.
pub(super) async fn item(caller: &Caller, review: Uuid, user: Uuid) -> Result<Answer, Failure> {
    let query = within_reach(caller, review)?.filter(access_review_item::Column::UserId.eq(user));
    let rows = query.all(caller.db()).await?;
    let item = shown(caller, rows).await?.pop().ok_or(Failure::NotFound)?;
    let mut out = Out::new();
    out.object(|out| item.write(caller, out));
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// An item with its reason opened, and what its user has now.
struct Item {
    row: access_review_item::Model,
    reason: Option<String>,
    now: Option<Now>,
}

async fn shown(caller: &Caller, rows: Vec<access_review_item::Model>) -> Result<Vec<Item>, Failure> {
    use user::Column as C;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = padded(rows.iter().map(|row| row.user_id).collect());
    let people = user::Entity::find()
        .select_only()
        .columns([C::Id, C::Role, C::OtherRoles, C::TeamId, C::Disabled])
        .filter(C::OrgId.eq(caller.org().id))
        .filter(C::Id.is_in(ids));
    let people = Now::find_by_statement(people.build(caller.db().get_database_backend())).all(caller.db()).await?;
    let mut people: HashMap<Uuid, Now> = people.into_iter().map(|now| (now.id, now)).collect();
    let open = |row: access_review_item::Model| {
        let reason = row.reason.as_deref().map(|cell| caller.ring().open_text(REASON, row.id, cell)).transpose()?;
        Ok(Item { now: people.remove(&row.user_id), reason, row })
    };
    rows.into_iter().map(open).collect()
}

impl Item {
    fn roles(&self) -> impl Iterator<Item = &str> {
        user::roles_of(self.row.role.as_deref(), &self.row.other_roles)
    }

    /// What the roles of then give, as they are now.
    fn rights(&self, caller: &Caller) -> Arc<Rights> {
        let rights = self.roles().filter_map(|role| rights_of(caller.org(), role));
        rights.reduce(|one, other| Arc::new(one.with(&other))).unwrap_or_default()
    }

    fn write(&self, caller: &Caller, out: &mut Out) {
        let Self { row, reason, now } = self;
        let time = |at: Option<DateTime<Utc>>| at.map(format_time);
        out.key("user_id").id(row.user_id);
        out.key("user");
        reference(caller, out, Some(row.user_id));
        out.key("role").text_or_null(row.role.as_deref());
        out.key("other_roles").texts(row.other_roles.split_whitespace());
        out.key("team_id").id_or_null(row.team_id);
        out.key("team");
        reference(caller, out, row.team_id);
        out.key("last_login_at").text_or_null(time(row.last_login_at).as_deref());
        out.key("rights").array(|out| self.write_rights(caller, out));
        let same = now.as_ref().is_some_and(|now| {
            (&now.role, &now.other_roles, now.team_id) == (&row.role, &row.other_roles, row.team_id) && !now.disabled
        });
        out.key("changed_since").flag(!same);
        out.key("decision").text_or_null(row.decision.as_deref());
        out.key("decided_at").text_or_null(time(row.decided_at).as_deref());
        out.key("decided_by").id_or_null(row.decided_by);
        out.key("decider");
        reference(caller, out, row.decided_by);
        out.key("reason").text_or_null(reason.as_deref());
        out.key("kept_because").text_or_null(row.kept_because.as_deref());
    }

    fn write_rights(&self, caller: &Caller, out: &mut Out) {
        let rights = self.rights(caller);
        let used: BTreeMap<String, String> = serde_json::from_str(&self.row.uses).unwrap_or_default();
        let mut one = |name: &str, reach: &[&str]| {
            out.object(|out| {
                out.key("right").text(name);
                out.key("reach").texts(reach.iter().copied());
                out.key("last_used_at").text_or_null(used.get(name).map(String::as_str));
            });
        };
        for kind in kind_names() {
            for (action, _) in ACTIONS.iter().filter(|(action, _)| actions_of(kind).contains(action)) {
                let reach = rights.reach(*action, kind);
                if let Some(name) = uses::name(kind, *action).filter(|_| !reach.is_none()) {
                    one(name, &reach.words());
                }
            }
        }
        RIGHTS.iter().filter(|(right, _)| rights.grants(*right)).for_each(|(_, word)| one(word, &["all"]));
    }
}
