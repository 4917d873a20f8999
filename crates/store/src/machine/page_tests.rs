//! How the engines go through what lists ask for: each part by an index, in the order that is asked for.

use kehu_domain::filter::Filter;
use kehu_domain::kinds::{Attachment, Contact, Customer, FollowUp, Note};
use kehu_domain::record::Record as _;
use kehu_domain::rights::{Action, Rights};
use rusqlite::Connection;
use sea_orm::QueryTrait as _;
use sea_orm::sea_query::{PostgresQueryBuilder, SqliteQueryBuilder};
use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::*;
use crate::gate::RequestInfo;
use crate::machine::question::filters;
use crate::machine::{WriteOptions, create, resource};
use crate::people::tests::bed::{Bed, PASSWORD, make_user, on_both};
use crate::policy;
use crate::registry::machine;
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

/// Whether a step goes through an index from its organisation on, by nothing else that is equal.
fn is_wide(step: &str) -> bool {
    step.matches("=?").count() < 2
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
            let leads = |member: &str| plan.iter().any(|step| step.contains(&format!("{member}=?")));
            let scoped = *parts > 1 || *shared;
            let led = shape.equal.iter().all(|member| leads(member));
            assert!(led || scoped && (leads("owner_id") || leads("team_id")), "{}", told());
            // Nothing is looked for among all that the organisation has, but by who asks for all of it.
            let is_narrow = scoped || !shape.equal.is_empty();
            let wide = plan.iter().find(|step| step.contains(&format!("SEARCH {}", R::KIND.path)) && is_wide(step));
            assert!(!is_narrow || wide.is_none(), "{wide:?}: {}", told());
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

/// Which indexes a question goes through on SQLite, each once.
async fn indexes(plans: &mut Plans, caller: &Caller, filter: &Json, sort: &str) -> (Vec<String>, usize) {
    let filter = filters(caller, Customer::KIND, Vec::new()).body(filter, "").unwrap();
    let (query, branches) = query::<Customer>(caller, &filter, sort).await;
    let plan = plans.plan::<Customer>(query).await;
    let by = plan.iter().filter_map(|step| step.split("INDEX ").nth(1)).filter_map(|rest| rest.split(' ').next());
    let mut by: Vec<String> = by.filter(|index| index.starts_with("customers_")).map(str::to_owned).collect();
    by.sort();
    by.dedup();
    assert!(!plan.iter().any(|step| step.contains("SCAN customers")), "{plan:?}");
    (by, branches)
}

/// What is asked for by its owner is led to by that, whatever else is asked; a choice has a part for each value.
#[tokio::test]
async fn owners_and_choices_lead() {
    on_both(|bed| async move {
        let everybody = everybody(&bed).await;
        let mut plans = Plans::of(&bed).await;
        let admin = &everybody[0].caller;
        let manager = &everybody[1].caller;
        let owner = |n: u128| json!(Uuid::from_u128(n).to_string());
        let two = json!({"field": "owner_id", "op": "in", "value": [owner(1), owner(2), owner(1)]});
        let stages = json!({"field": "stage", "op": "in", "value": ["active", "lost", "dormant"]});
        let grade = json!({"field": "grade", "value": "a"});
        let nobody = json!({"field": "owner_id", "op": "is_null", "value": true});
        let many = json!({"field": "owner_id", "op": "in", "value": (0..17).map(owner).collect::<Vec<_>>()});
        let foreign = json!({"field": "team_id", "value": owner(3)});
        for (caller, parts, sort, index, branches) in [
            (admin, vec![&stages], "updated_at", "customers_stage", 4),
            (admin, vec![&stages], "name", "customers_name", 1),
            (admin, vec![&stages, &two], "updated_at", "customers_owner", 4),
            (admin, vec![&two, &stages], "updated_at", "customers_owner", 4),
            (admin, vec![&grade, &two], "updated_at", "customers_owner", 4),
            (manager, vec![&grade, &two], "updated_at", "customers_owner", 4),
            (manager, vec![&stages, &two], "name", "customers_owner_name", 4),
            (admin, vec![&nobody], "updated_at", "customers_owner", 1),
            (admin, vec![&nobody, &stages], "updated_at", "customers_owner_stage", 4),
            (admin, vec![&many], "updated_at", "customers_updated", 1),
            (manager, vec![&foreign], "updated_at", "customers_owner", 2),
        ] {
            let (by, found) = indexes(&mut plans, caller, &json!({"and": parts}), sort).await;
            assert_eq!(found, branches, "{parts:?} {sort}");
            if let Plans::Sqlite(_) = plans {
                assert!(by.iter().any(|one| one == index), "{parts:?} {sort}: {by:?}");
            }
        }
        if let Plans::Postgres(conn) = plans {
            conn.close().await.unwrap();
        }
        drop(everybody);
        bed.gate.close().await;
    })
    .await;
}

/// Engines take so many parts and values in one statement.
#[tokio::test]
async fn a_crowd_of_teams_and_values_is_listed_in_one_part() {
    on_both(|bed| async move {
        let admin = bed.administrator().await;
        let org = bed.gate.org(admin.org().id).await.unwrap();
        let of_teams = async |many: u128| {
            let (gate, teams) = (&bed.gate, (0..many).map(Uuid::from_u128).collect());
            let request = RequestInfo::default();
            gate.caller(org.clone(), admin.principal(), Rights::of("manager"), teams, request).await.unwrap()
        };
        let values = |many: u128| -> Vec<String> { (0..many).map(|n| Uuid::from_u128(n).to_string()).collect() };
        let asked = |many| json!({"field": "created_by", "op": "nin", "value": values(many)});
        for (teams, filter, branches) in [(600, json!({"and": []}), 1), (60, asked(20), 62), (60, asked(500), 1)] {
            let caller = of_teams(teams).await;
            let question = json!({"where": filter, "count": "exact"});
            let question = Asked::from_body(&caller, Customer::KIND, &question).unwrap();
            let to = Use { sort: Some("updated_at"), counts: false };
            let selected = Selected::by(&caller, Customer::KIND, &question.filter, None, to).await.unwrap();
            assert_eq!(selected.branches.len(), branches, "{teams} teams");
            let page = machine("customer").unwrap().page(&caller, &question).await.unwrap();
            assert!(page.records.is_empty());
            drop(caller);
        }
        drop((admin, org));
        bed.gate.close().await;
    })
    .await;
}
