//! How the engines go through what lists ask for: each part by an index, in the order that is asked for.

use kehu_domain::filter::Filter;
use kehu_domain::kinds::{Attachment, Contact, Customer, FollowUp, Note};
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use rusqlite::Connection;
use sea_orm::QueryTrait as _;
use sea_orm::sea_query::{PostgresQueryBuilder, SqliteQueryBuilder};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::*;
use crate::machine::question::filters;
use crate::machine::{WriteOptions, create, resource};
use crate::people::tests::bed::{Bed, PASSWORD, make_user, on_both};
use crate::policy;
use crate::shapes::shapes;

const TEAMS: usize = 10;

/// Who asks.
struct Asking {
    caller: Caller,
    /// The parts of what is asked for that an index leads to: one's own, and each team's.
    parts: usize,
    /// Whether there is a part that is shared.
    shared: bool,
}

async fn make(caller: &Caller, kind: &str, body: Json) -> Uuid {
    create(caller, resource(kind).unwrap(), body, &WriteOptions::default()).await.unwrap().answer.id.unwrap()
}

async fn signed_in(bed: &Bed, email: &str) -> Caller {
    let signed_in = bed.sign_in(email, PASSWORD).await.unwrap();
    bed.caller(signed_in.verified).await.unwrap()
}

/// An administrator, a manager of ten teams, a salesperson.
async fn everybody(bed: &Bed) -> Vec<Asking> {
    let admin = bed.administrator().await;
    let mut teams: Vec<Uuid> = Vec::new();
    for at in 0..TEAMS {
        let body = json!({"name": format!("团队{at}"), "parent_id": teams.first()});
        teams.push(make(&admin, "team", body).await);
    }
    let manager = json!({"name": "经理", "email": "manager@acme.test", "role": "manager", "password": PASSWORD,
        "team_id": teams[0]});
    crate::people::create_user(&admin, manager, &WriteOptions::default()).await.unwrap();
    make_user(&admin, "sales@acme.test", "salesperson").await;
    let manager = signed_in(bed, "manager@acme.test").await;
    assert_eq!(manager.teams().len(), TEAMS);
    let sales = signed_in(bed, "sales@acme.test").await;
    let asking = |caller: Caller, parts| {
        let reach = policy::parts(&caller, Customer::KIND, caller.reach(Action::Read, "customer").unwrap());
        Asking { caller, parts, shared: !reach.all && reach.shared.is_some() }
    };
    vec![asking(admin, 1), asking(manager, 1 + TEAMS), asking(sales, 1)]
}

fn value_of(member: &str) -> Json {
    match member {
        "stage" => json!("active"),
        "grade" => json!("a"),
        "source" => json!("referral"),
        _ => json!("01900000-0000-7000-8000-000000000001"),
    }
}

/// The filter of a question of equal members.
fn asked_for(caller: &Caller, kind: &'static Kind, equal: &[&str]) -> Filter {
    let parts: Vec<Json> =
        equal.iter().map(|member| json!({"field": member, "op": "eq", "value": value_of(member)})).collect();
    filters(caller, kind, Vec::new()).body(&json!({"and": parts}), "").unwrap()
}

/// What a list of a filter in an order is asked for by.
async fn query<R: Rows>(caller: &Caller, filter: &Filter, sort: &str) -> (Select<R::Entity>, usize) {
    let selected = Selected::by(caller, R::KIND, filter, None, Use { sort: Some(sort), counts: false }).await.unwrap();
    let cursor = Cursor {
        back: false,
        key: if sort == "name" { SortKey::Text("a".into()) } else { SortKey::Time(DateTime::UNIX_EPOCH) },
        id: Uuid::nil(),
    };
    let walk = Walk { db: caller.db(), sort, selected: &selected, cursor: Some(&cursor), desc: true };
    (walk.records::<R>(caller.org().id, 51), selected.branches.len())
}

/// What an engine does, a step in each line.
enum Plans {
    Sqlite(Connection),
    Postgres(PgConnection),
}

impl Plans {
    async fn of(bed: &Bed) -> Self {
        match bed.postgres() {
            None => Self::Sqlite(Connection::open(bed.sqlite().unwrap()).unwrap()),
            Some(options) => {
                let mut conn = PgConnection::connect_with(&options).await.unwrap();
                // It knows of no rows: what is left is what indexes can do.
                for off in ["enable_seqscan", "enable_sort", "enable_bitmapscan", "enable_hashagg"] {
                    sqlx::raw_sql(AssertSqlSafe(format!("SET {off} = off"))).execute(&mut conn).await.unwrap();
                }
                Self::Postgres(conn)
            }
        }
    }

    async fn plan<R: Rows>(&mut self, query: Select<R::Entity>) -> Vec<String> {
        let query = query.into_query();
        match self {
            Self::Sqlite(conn) => {
                let sql = query.to_string(SqliteQueryBuilder);
                let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(conn) => {
                let sql = format!("EXPLAIN (COSTS OFF) {}", query.to_string(PostgresQueryBuilder));
                let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(conn).await.unwrap();
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }
        }
    }
}

/// Steps that go through all rows, and such as bring rows into order.
fn walks_and_sorts(plan: &[String], table: &str) -> (usize, usize) {
    let is_walk = |step: &&String| step.contains(&format!("SCAN {table}")) || step.contains("Seq Scan on");
    let is_sort = |step: &&String| {
        step.contains("TEMP B-TREE FOR") && step.contains("ORDER BY")
            || step.trim_start_matches([' ', '-', '>']) == "Sort"
    };
    (plan.iter().filter(is_walk).count(), plan.iter().filter(is_sort).count())
}

async fn every_shape<R: Rows>(plans: &mut Plans, asking: &Asking) {
    let Asking { caller, parts, shared } = asking;
    for (shape, sort) in shapes(R::KIND).flat_map(|shape| shape.sorts.iter().map(move |sort| (shape, *sort))) {
        let filter = asked_for(caller, R::KIND, shape.equal);
        let (query, branches) = query::<R>(caller, &filter, sort).await;
        let plan = plans.plan::<R>(query).await;
        let told = || format!("{} {:?} {sort}, {parts} parts:\n{}", R::KIND.name, shape.equal, plan.join("\n"));
        let (walks, sorts) = walks_and_sorts(&plan, R::KIND.path);
        assert_eq!(walks, 0, "{}", told());
        // What is shared is a list that is brought into order; all else comes in it.
        assert!(sorts <= usize::from(*shared && branches > 1), "{}", told());
        if let Plans::Sqlite(_) = plans {
            // What is demanded leads, where whoever asks reaches everything; else the part does.
            let leads = |member: &&str| plan.iter().any(|step| step.contains(&format!("{member}=?")));
            let scoped = *parts > 1 || *shared;
            let led = shape.equal.iter().all(|member| leads(&member));
            assert!(led || scoped && (leads(&"owner_id") || leads(&"team_id")), "{}", told());
        }
    }
}

#[tokio::test]
async fn an_index_leads_to_every_shape_in_its_order_whoever_asks() {
    on_both(|bed| async move {
        let everybody = everybody(&bed).await;
        let mut plans = Plans::of(&bed).await;
        for asking in &everybody {
            every_shape::<Customer>(&mut plans, asking).await;
            every_shape::<Contact>(&mut plans, asking).await;
            every_shape::<FollowUp>(&mut plans, asking).await;
            every_shape::<Note>(&mut plans, asking).await;
            every_shape::<Attachment>(&mut plans, asking).await;
        }
        if let Plans::Postgres(conn) = plans {
            conn.close().await.unwrap();
        }
        drop(everybody);
        bed.gate.close().await;
    })
    .await;
}
