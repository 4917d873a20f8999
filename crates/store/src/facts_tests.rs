//! Random filters over random records: the database selects exactly those that a filter holds of in memory.

use std::collections::BTreeSet;

use kehu_domain::filter::{Class, FilterReader, SEGMENT, members};
use kehu_domain::record::FieldName;
use kehu_domain::rights::Rights;
use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Alias, Cond, ExprTrait, Query};
use serde_json::{Map, json};

use super::*;
use crate::engine::Kind as Column;
use crate::gate::{Principal, RequestInfo};
use crate::machine::read::col;
use crate::machine::{Asked, WriteOptions, create, resource};
use crate::query::Compiler;
use crate::queue::tests::bed::{Bed, on_both};
use crate::segments::ChangeOfMembers;

#[path = "facts_lists.rs"]
mod lists;
#[path = "facts_world.rs"]
mod world;

use world::{Dice, custom, customer, follow_up};

/// Where the chances begin; a failure names the filter, and a run is the same every time.
const SEED: u64 = 0x6b65_6875;
const CUSTOMERS: usize = 90;
/// Filters of each kind and caller.
const FILTERS: usize = 200;
/// Segments of each kind and caller: filters, lists, and such as use others.
const SEGMENTS: [usize; 3] = [5, 2, 3];
const NO_TAG: &str = "没有的标签";
const NOBODY: &str = "01900000-0000-7000-8000-000000000001";

async fn make(caller: &Caller, kind: &str, body: Value) -> Uuid {
    let options = WriteOptions { allow_duplicate: true, ..WriteOptions::default() };
    let made = create(caller, resource(kind).unwrap(), body.clone(), &options).await;
    made.unwrap_or_else(|failure| panic!("{body}: {failure:?}")).answer.id.unwrap()
}

async fn fields(caller: &Caller) {
    let two = json!([{"key": "gold"}, {"key": "silver"}]);
    for kind in ["customer", "contact", "follow_up", "note"] {
        for (key, mut field) in [
            ("motto", json!({"type": "text"})),
            ("slogan", json!({"type": "text", "searchable": true})),
            ("story", json!({"type": "long_text", "searchable": true})),
            ("output", json!({"type": "number"})),
            ("founded", json!({"type": "date"})),
            ("seen", json!({"type": "time"})),
            ("listed", json!({"type": "boolean"})),
            ("level", json!({"type": "choice", "choices": two})),
            ("medals", json!({"type": "choices", "choices": two})),
            ("passport", json!({"type": "text", "sensitive": true})),
        ] {
            field["kind"] = kind.into();
            field["key"] = key.into();
            field["label"] = json!({"en": key});
            field["filterable"] = (key != "story").into();
            make(caller, "field", field).await;
        }
    }
}

/// Everything of a kind that the caller may read, with all that hangs on it.
async fn everything(caller: &Caller, kind: &'static Kind) -> Vec<Rc<Dossier>> {
    let all: Vec<Value> = relations(kind)
        .map(|relation| relation.to)
        .flat_map(|to| relations(kind).filter(move |relation| relation.to.name == to.name))
        .map(|relation| json!({"related": relation.name, "where": {"and": []}}))
        .collect();
    let phone = |name: &str| json!({"field": name, "value": "13800138000"});
    let mut filter = json!({"or": all});
    let parts = filter["or"].as_array_mut().unwrap();
    if kind.field("phones").is_some() {
        parts.push(phone("phone"));
    }
    if relations(kind).any(|relation| relation.name == "customer") {
        parts.push(phone("customer.phone"));
    }
    let filter = reader(caller, kind).body(&filter, "").unwrap();
    let ids = selected(caller, kind, &Filter::And(Vec::new())).await.into_iter().collect();
    let records = machine(kind.name).unwrap().load(caller, ids).await.unwrap();
    load(caller, kind, records.into_iter().map(Rc::from).collect(), &[&filter]).await.unwrap()
}

fn reader<'c>(caller: &'c Caller, kind: &'static Kind) -> FilterReader<'c> {
    question::filters(caller, kind, policy::hidden(caller, kind))
}

/// What the database selects.
async fn selected(caller: &Caller, kind: &'static Kind, filter: &Filter) -> BTreeSet<Uuid> {
    let sealed = sealed_query::resolve(caller, kind, filter).await.unwrap();
    let compiler =
        Compiler { db: caller.db(), caller, kind, sealed: &sealed, named: false, brought: false, unled: &[] };
    let within = compiler.within(caller.rights().reach(Action::Read, kind.name));
    let condition = Cond::all().add(col("org_id").eq(caller.org().id)).add(col("deleted_at").is_null());
    let condition = condition.add(compiler.compile(filter));
    let alias = Column::Uuid.alias("id");
    let mut query = Query::select();
    query.expr_as(col("id"), Alias::new(alias.as_str())).from(Alias::new(kind.path)).cond_where(condition);
    if let Some(within) = within {
        query.and_where(within);
    }
    let rows = caller.db().query_all(&query).await.unwrap();
    rows.into_iter().map(|row| row.try_get("", &alias).unwrap()).collect()
}

/// Values that a member is asked for by: those that records have, and one that none has.
fn values(class: Class, facts: &[Fact]) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    let mut tell = |scalar: &Scalar| {
        let value = match scalar {
            Scalar::Text(text) => json!(text),
            Scalar::Id(id) => json!(id),
            Scalar::Time(time) => json!(time.to_rfc3339()),
            Scalar::Int(yuan) if class == Class::Budget => json!(format!("{}.{:04}", yuan / 10_000, yuan % 10_000)),
            Scalar::Int(int) => json!(int),
            Scalar::Flag(flag) => json!(flag),
            Scalar::Sealed(_) => return,
        };
        if !values.contains(&value) {
            values.push(value);
        }
    };
    for fact in facts {
        match fact {
            Fact::One(scalar) => tell(scalar),
            Fact::Several(several) => several.iter().for_each(&mut tell),
            Fact::Missing | Fact::Sealed => {}
        }
    }
    let more: &[&str] = match class {
        Class::Time => &["today", "this_year", "last_quarter", "2026-01-01", "2026-01-01T00:00:00.0005Z"],
        Class::Day => &["today", "last_month", "2026-01-01"],
        Class::Quarter => &["this_quarter", "next_quarter", "this_year"],
        Class::Tags => &["重点", "vip", NO_TAG, NOBODY],
        Class::Industry => &["I", "C", "I65", "J"],
        Class::Region => &["440000", "440300", "广东省", "350000"],
        Class::Id => &[NOBODY],
        Class::Word | Class::Name | Class::Phrase => &["远景", "x", "总"],
        Class::Sealed(Find::Phone) => &["138 0013 8000", "+8613912345678", "+4930123456", "13700000000"],
        Class::Sealed(Find::Email) => &["LI@acme.com", "nobody@acme.com", "wang@example.cn"],
        Class::Sealed(Find::Wechat) => &["wx_one", "nobody"],
        Class::Sealed(Find::IdNumber) => &["110101199003070265"],
        Class::Sealed(Find::BankAccount) => &["6222 0263 6083 7783 531"],
        Class::Sealed(Find::Birthday) => {
            &["03-07", "1990-03-07", "1991-03-07", "lunar:08-15", "lunar:2023-02-01", "lunar:02-01"]
        }
        _ => &[],
    };
    values.extend(more.iter().map(|text| json!(text)));
    values
}

/// A member that conditions are made of.
#[derive(Clone)]
struct Askable {
    name: String,
    ops: Vec<&'static str>,
    values: Vec<Value>,
    is_text: bool,
    is_sealed: bool,
}

fn askable(caller: &Caller, kind: &'static Kind, all: &[Rc<Dossier>]) -> Vec<Askable> {
    let (hidden, none) = (policy::hidden(caller, kind), Looked::default());
    let asked = members(kind).filter(|member| member.class != Class::Segment && !hidden.contains(&member.name));
    let own = asked.map(|member| {
        let facts: Vec<Fact> = all.iter().map(|one| one.facts(caller, &none).fact(member)).collect();
        let values = match member.class {
            Class::Flag => vec![json!(true), json!(false)],
            class => values(class, &facts),
        };
        let is_text = matches!(member.class, Class::Name | Class::Phrase | Class::Prose);
        // No record has one: whether it is there can be asked all the same.
        let ops = member.class.ops().iter().map(|op| op.key()).filter(|op| !values.is_empty() || *op == "is_null");
        let ops = ops.collect();
        let is_sealed = matches!(member.class, Class::Sealed(_));
        Askable { name: member.name.to_owned(), ops, values, is_text, is_sealed }
    });
    let custom = policy::askable(caller, kind).into_iter().map(|field| {
        let values = match field.key.as_str() {
            "motto" | "slogan" | "story" => {
                vec![json!("诚信"), json!("QUALITY"), json!("质量 第一"), json!("尾"), json!("e3")]
            }
            "output" => vec![json!(0), json!(2), json!(9.5)],
            "founded" => vec![json!("2026-01-01"), json!("today"), json!("last_year")],
            "seen" => vec![json!("2026-01-01"), json!("2026-01-01T00:00:00Z"), json!("this_year")],
            "listed" => vec![json!(true), json!(false)],
            "passport" => vec![json!("g1"), json!("G2"), json!("G3")],
            _ => vec![json!("gold"), json!("silver")],
        };
        let ops = field.ops().iter().map(|op| op.key()).collect();
        let (name, is_sealed) = (FieldName::from(field.name.clone()).into_owned(), field.sensitive);
        Askable { name, ops, values, is_text: false, is_sealed }
    });
    own.chain(custom).collect()
}

fn condition(dice: &mut Dice, askable: &[Askable], prefix: &str) -> Value {
    let one = dice.pick(askable);
    let op = *dice.pick(&one.ops);
    let value = match op {
        "is_null" => json!(dice.one_in(2)),
        "between" => json!([dice.pick(&one.values), dice.pick(&one.values)]),
        "in" | "nin" | "has_any" | "has_all" => (0..dice.below(4)).map(|_| dice.pick(&one.values).clone()).collect(),
        "within_last" | "not_within_last" | "within_next" | "not_within_next" => json!(*dice.pick(&[0, 30, 365, 3000])),
        "contains" | "starts_with" => {
            let text = dice.pick(&one.values).as_str().unwrap_or("远").to_owned();
            let skip = if op == "contains" || !one.is_text { dice.below(2) } else { 0 };
            let piece: String = text.chars().skip(skip).take(dice.below(4) + 1).collect();
            if piece.trim().is_empty() { json!("限公") } else { json!(piece) }
        }
        _ => dice.pick(&one.values).clone(),
    };
    json!({"field": format!("{prefix}{}", one.name), "op": op, "value": value})
}

type Ways = Vec<(&'static str, Vec<Askable>)>;

fn tree(dice: &mut Dice, own: &[Askable], ways: &Ways, depth: usize) -> Value {
    if depth == 0 || dice.one_in(3) {
        if !ways.is_empty() && dice.one_in(3) {
            let (name, theirs) = dice.pick(ways);
            if dice.one_in(3) {
                return json!({"related": name, "where": tree(dice, theirs, &Vec::new(), depth.min(1))});
            }
            return condition(dice, theirs, &format!("{name}."));
        }
        return condition(dice, own, "");
    }
    let part = |dice: &mut Dice| tree(dice, own, ways, depth - 1);
    let mut node = Map::new();
    match dice.below(5) {
        0 => node.insert("not".into(), part(dice)),
        1 | 2 => node.insert("and".into(), (0..dice.below(3) + 1).map(|_| part(dice)).collect()),
        _ => node.insert("or".into(), (0..dice.below(4)).map(|_| part(dice)).collect()),
    };
    node.into()
}

/// What may stand in a filter that is kept: no confidential values, no tags that are not there.
fn keepable(askable: &[Askable]) -> Vec<Askable> {
    let mut kept = askable.to_vec();
    for one in &mut kept {
        if one.is_sealed {
            one.ops.retain(|op| *op == "is_null");
        }
        if one.name == "tags" {
            one.values.retain(|value| *value != NO_TAG && *value != NOBODY);
        }
    }
    kept.retain(|one| !one.ops.is_empty());
    kept
}

/// Random segments of a kind, by which records are asked for: live ones, static ones, and live ones that use others.
async fn segments(
    maker: &Caller,
    kind: &'static Kind,
    dice: &mut Dice,
    (own, ways): (&[Askable], &Ways),
    all: &[Rc<Dossier>],
) -> Askable {
    let own = keepable(own);
    let ways: Ways = ways.iter().map(|(name, theirs)| (*name, keepable(theirs))).collect();
    let [live, lists, nested] = SEGMENTS;
    let mut values: Vec<Value> = Vec::new();
    for at in 0..live + lists + nested {
        let mut body = json!({"name": at.to_string(), "kind": kind.name, "type": "live", "shared": "everybody"});
        if at < live {
            body["where"] = tree(dice, &own, &ways, 1);
        } else if at < live + lists {
            body["type"] = json!("static");
        } else {
            let used = [dice.pick(&values).clone(), dice.pick(&values).clone()];
            let used = json!({"field": "segment", "op": dice.pick(&["in", "nin"]), "value": used});
            let word = *dice.pick(&["and", "or"]);
            body["where"] = json!({word: [used, tree(dice, &own, &ways, 0)]});
        }
        let is_list = body["type"] == "static";
        let id = make(maker, "segment", body).await;
        if is_list {
            let add = all.iter().filter(|_| dice.one_in(2)).map(|one| one.id()).collect();
            let change = ChangeOfMembers { add, ..ChangeOfMembers::default() };
            segments::change_members(maker, id, change).await.unwrap();
        }
        values.push(json!(id));
    }
    let ops = Class::Segment.ops().iter().map(|op| op.key()).collect();
    Askable { name: SEGMENT.to_owned(), ops, values, is_text: false, is_sealed: false }
}

/// Of the filters that were compared: how many, and how many of them selected some but not all.
#[derive(Default)]
struct Tally {
    compared: usize,
    telling: usize,
    /// The same of those that ask for segments.
    by_segment: usize,
    telling_by_segment: usize,
}

async fn compare(maker: &Caller, caller: &Caller, kind: &'static Kind, dice: &mut Dice, tally: &mut Tally) {
    let all = everything(caller, kind).await;
    assert!(!all.is_empty(), "no {}", kind.path);
    let mut own = askable(caller, kind, &all);
    let mut ways: Ways = Vec::new();
    for relation in relations(kind) {
        let theirs = everything(caller, relation.to).await;
        if !theirs.is_empty() {
            ways.push((relation.name, askable(caller, relation.to, &theirs)));
        }
    }
    let by_segment = segments(maker, kind, dice, (&own, &ways), &all).await;
    // As likely as several of the others together.
    own.extend(vec![by_segment; 12]);
    let ids: Vec<Uuid> = all.iter().map(|one| one.id()).collect();
    for at in 0..FILTERS {
        let asked = tree(dice, &own, &ways, 2);
        let filter = reader(caller, kind).body(&asked, "").unwrap_or_else(|found| panic!("{asked}: {found:?}"));
        let found = selected(caller, kind, &filter).await;
        let looked = Looked::up(caller, kind, &filter, &ids).await.unwrap();
        let held: BTreeSet<Uuid> =
            all.iter().filter(|one| one.fits(caller, &filter, &looked)).map(|one| one.id()).collect();
        let odd: Vec<&Uuid> = found.symmetric_difference(&held).take(3).collect();
        let engine = caller.db().get_database_backend();
        assert!(
            odd.is_empty(),
            "seed {SEED:#x}, {engine:?}, {} {at}: {asked}\n{filter:?}\ndiffer in {odd:?}",
            kind.path
        );
        if at % 3 == 0 {
            lists::compare(caller, kind, &asked, &held).await;
        }
        let telling = usize::from(!found.is_empty() && found.len() < all.len());
        let asks = usize::from(!filter.segments().is_empty());
        tally.compared += 1;
        tally.telling += telling;
        tally.by_segment += asks;
        tally.telling_by_segment += asks * telling;
    }
}

#[tokio::test]
async fn the_database_selects_what_a_filter_holds_of() {
    on_both(1, async |bed: Bed| {
        let mut dice = Dice(SEED);
        let org = bed.callers[0].org().id;
        fields(&bed.callers[0]).await;
        // No job runs here; as after it, documents lead to what a searchable field contains.
        let filled = bed.gate.write_raw(async move |db: &crate::engine::Tx| {
            db.execute_unprepared("UPDATE fields SET filling = NULL").await?;
            Ok(())
        });
        filled.await.unwrap();
        let mut teams: Vec<Uuid> = Vec::new();
        let mut owners: Vec<Uuid> = Vec::new();
        for name in ["seller", "buyer", "other"] {
            teams.push(make(&bed.callers[0], "team", json!({"name": name})).await);
            let made = json!({"name": "销售员", "user_name": name, "role": "salesperson", "team_id": teams.last()});
            let made = crate::people::create_user(&bed.callers[0], made, &WriteOptions::default()).await;
            owners.push(made.unwrap().answer.id.unwrap());
        }
        let seller = owners[0];
        let system = bed.gate.system(org, RequestInfo::default()).await.unwrap();
        for at in 0..CUSTOMERS {
            let mut body = customer(&mut dice, at);
            if dice.one_in(2) {
                body["owner_id"] = json!(seller);
            } else if dice.one_in(2) {
                body["owner_id"] = json!(owners[1 + dice.below(2)]);
            }
            if dice.one_in(6) {
                body["collaborators"] = json!([{"user_id": owners[dice.below(2)]}]);
            }
            make(&system, "customer", body).await;
        }
        let customers = everything(&system, Customer::KIND).await;
        for _ in 0..CUSTOMERS {
            let at = dice.below(customers.len());
            let contacts: Vec<Uuid> = customers[at].related["contacts"].iter().map(|one| one.id()).collect();
            let body = follow_up(&mut dice, customers[at].id(), &contacts);
            make(&system, "follow_up", body).await;
            let body = json!({"record_kind": "customer", "record_id": dice.pick(&customers).id(), "body": "记",
                "pinned": dice.one_in(2), "custom": custom(&mut dice)});
            make(&system, "note", body).await;
        }
        // They know the tags that were made meanwhile.
        let system = bed.gate.system(org, RequestInfo::default()).await.unwrap();
        let own = Principal::User { id: seller, session: Uuid::nil() };
        let rights = Rights::of("salesperson");
        let org = bed.gate.org(org).await.unwrap();
        let seller = bed.gate.caller(org.clone(), own, rights, Vec::new(), RequestInfo::default()).await.unwrap();
        let own = Principal::User { id: owners[1], session: Uuid::nil() };
        let rights = Rights::of("manager");
        let led = vec![teams[1], teams[2]];
        let manager = bed.gate.caller(org, own, rights, led, RequestInfo::default()).await.unwrap();
        let mut tally = Tally::default();
        for caller in [&system, &seller, &manager] {
            for kind in ["customer", "contact", "follow_up", "note"] {
                let kind = resource(kind).unwrap().kind();
                compare(&system, caller, kind, &mut dice, &mut tally).await;
            }
        }
        let Tally { compared, telling, by_segment, telling_by_segment } = tally;
        assert!(telling * 4 > compared, "only {telling} of {compared} filters tell records apart");
        assert!(by_segment * 6 > compared, "only {by_segment} of {compared} filters ask for segments");
        assert!(telling_by_segment * 4 > by_segment, "only {telling_by_segment} of {by_segment} tell records apart");
        // The door that holds a question against records; what a segment asks of related ones is loaded too.
        let ids: Vec<Uuid> = customers.iter().map(|one| one.id()).collect();
        let asked = json!({"field": "contacts.position", "value": "总经理"});
        let body = json!({"name": "总经理", "kind": "customer", "type": "live", "shared": "everybody", "where": asked});
        let asked = json!({"field": "segment", "value": make(&system, "segment", body).await});
        let fit = fitting(&system, resource("customer").unwrap(), &asked, ids).await.unwrap();
        let page = Asked::from_body(&system, Customer::KIND, &json!({"where": asked, "limit": 500})).unwrap();
        let page = machine("customer").unwrap().page(&system, &page).await.unwrap();
        let listed: BTreeSet<Uuid> = page.records.iter().map(|record| record.base().id).collect();
        assert!(!fit.is_empty() && fit.into_iter().collect::<BTreeSet<Uuid>>() == listed);
    })
    .await;
}
