//! The history of one record: its changes, as whoever may read the record may see them.

use kehu_domain::flaw::Lang;
use kehu_domain::rights::Relation;
use kehu_domain::show::Out;
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::engine::rows::Reads;
use crate::entities::journal;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::{Answer, Machine, Resource};
use crate::paging;
use crate::refusals::{self, Refusal};

use super::Class;
use super::show::{self, Reader, Told};

/// What was asked of a history.
struct Asked {
    limit: u64,
    /// Version and id of the entry that the page before ended with.
    after: Option<(i64, Uuid)>,
}

impl Asked {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, Failure> {
        let mut asked = Self { limit: paging::DEFAULT_LIMIT, after: None };
        for (name, value) in parameters {
            match name.as_str() {
                "limit" => asked.limit = paging::limit(&value)?,
                "after" => {
                    let place = paging::place::<(String, i64, Uuid)>(&value);
                    let (_, version, id) = place.filter(|(of, ..)| of == "history").ok_or_else(paging::wrong_cursor)?;
                    asked.after = Some((version, id));
                }
                _ => return Err(paging::unknown(&name, "limit, after")),
            }
        }
        Ok(asked)
    }
}

/// A page of the changes of a record, the newest first.
///
/// # Errors
/// As reading the record: [`Failure::NotFound`], [`Failure::Forbidden`]; the question is wrong.
pub async fn history(
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    parameters: Vec<(String, String)>,
    lang: Lang,
) -> Result<Answer, Failure> {
    let machine = resource.0;
    let asked = Asked::read(parameters)?;
    let read = async move |caller: &Caller| page(caller, machine, id, &asked, lang).await;
    refusals::noting(caller, Refusal::of(machine.kind().name, "read", Some(id)), caller.at_one_moment(read)).await
}

async fn page(caller: &Caller, machine: &dyn Machine, id: Uuid, asked: &Asked, lang: Lang) -> Result<Answer, Failure> {
    let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::NotFound)?;
    let relation: Relation = caller.standing_to(record.base()).relation();
    let mut rows = read(caller, machine.kind().name, id, asked).await?;
    let more = paging::cut(&mut rows, asked.limit);
    let next = rows.last().filter(|_| more).map(|row| paging::cursor(&json!(["history", row.version, row.id])));
    let told: Vec<Told> = rows.into_iter().map(|row| Told::of(caller, row)).collect();
    let names = show::names(caller, &told).await?;
    let reader = Reader { caller, names: &names, lang };
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for one in &told {
                reader.change(out, one, relation);
            }
        });
        paging::page(out, next.as_deref(), more);
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// The entries of a page and one more. A record has one entry for each of its versions.
async fn read(caller: &Caller, kind: &str, id: Uuid, asked: &Asked) -> Result<Vec<journal::Model>, Failure> {
    use journal::Column as C;
    let mut query = journal::Entity::find()
        .filter(C::OrgId.eq(caller.org().id))
        .filter(C::RecordId.eq(id))
        .filter(C::Version.gt(0))
        .filter(C::Class.eq(Class::Change.key()))
        .filter(C::Kind.eq(kind));
    if let Some((version, entry)) = asked.after {
        let column = |name: &str| Expr::col(Alias::new(name));
        let place = Expr::tuple([column("version"), column("id")]);
        query = query.filter(place.lt(Expr::tuple([Expr::val(version), Expr::val(entry)])));
    }
    let query = query.order_by_desc(C::Version).order_by_desc(C::Id).limit(asked.limit + 1);
    Ok(caller.db().all(query).await?)
}
