//! Persons with all that hangs on them, and a search for what is left.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::{has_fts5, statement};
use crate::engine::{Engine, Kind};
use crate::erasure::{ERASURE, TIDYING, erase, run, tidy};
use crate::gate::{Caller, Gate};
use crate::intake::tests::bed::ADDRESS;
pub(super) use crate::intake::tests::bed::{Bed, id};
use crate::journal::{self, ToVerify, VERIFICATION};
use crate::machine::{self, Idempotency, WriteOptions, resource};
use crate::queue::{Claims, Spec, Work};
use crate::sealed::TABLES;
use crate::segments::{ChangeOfMembers, change_members};

pub(super) const PHONE: &str = "13912345671";
/// What must not be found in any cell nor in any clear column afterwards.
pub(super) const CANARIES: [&str; 10] = [
    "13912345671",
    "13912345672",
    "13912345673",
    "canary.bird",
    "金丝雀实业有限公司",
    "燕鸣春",
    "雀跃冬",
    "夜莺留言",
    "夜莺跟进",
    ADDRESS,
];

/// A customer that came through a form, with everything that can hang on it.
pub(super) struct Person {
    pub(super) customer: Uuid,
    pub(super) contact: Uuid,
    /// All of them, the customer and the contact among them.
    pub(super) all: Vec<Uuid>,
}

fn uuid(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

/// Under a key, so that the answer is kept.
pub(super) async fn kept(bed: &Bed, kind: &str, body: Value) -> Uuid {
    let name = body.to_string();
    let idempotency = Some(Idempotency { key: name, fingerprint: [7; 32] });
    let options = WriteOptions { idempotency, ..WriteOptions::default() };
    // Boxed, as everything that goes deep: the stack of a test is small.
    let made = Box::pin(machine::create(&bed.caller, resource(kind).unwrap(), body, &options)).await;
    made.unwrap().answer.id.unwrap()
}

pub(super) async fn plant(bed: &mut Bed) -> Person {
    let lead = |message: &str| {
        json!({"values": {
            "company": "金丝雀实业有限公司", "name": "燕鸣春", "mobile": PHONE, "email": "canary.bird@cage.cn", "message": message,
        }})
    };
    let key = Idempotency { key: "form-key-canary".to_owned(), fingerprint: [1; 32] };
    let sent = bed.try_send(lead("夜莺留言"), Some(key)).await.unwrap();
    let sent = bed.submission(sent.id).await;
    let (customer, contact) = (uuid(&sent["customer_id"]), uuid(&sent["contact_id"]));
    bed.tick(2000);
    // A follow-up, and a repeat of it.
    bed.send(lead("夜莺跟进")).await;
    bed.send(lead("夜莺跟进")).await;
    let second =
        kept(bed, "contact", json!({"customer_id": customer, "name": "雀跃冬", "phones": ["13912345672"]})).await;
    let happened = "2026-11-22T00:00:00Z";
    let named = json!({
        "customer_id": customer, "contact_id": contact, "kind": "call", "summary": "夜莺跟进", "happened_at": happened,
    });
    let follow_up = kept(bed, "follow_up", named).await;
    let gone = json!({"customer_id": customer, "kind": "call", "summary": "夜莺跟进二", "happened_at": happened});
    let gone = kept(bed, "follow_up", gone).await;
    let options = WriteOptions::default();
    Box::pin(machine::delete(&bed.caller, resource("follow_up").unwrap(), gone, &options)).await.unwrap();
    // A tag that it made would have the reason in its own entry: there is one.
    bed.make("tag", json!({"name": "VIP"})).await;
    let patch = json!({"tags": ["VIP"], "phones": {"add": ["13912345673"]}, "remark": "夜莺留言二"});
    let because = bed.caller.because("夜莺留言三");
    Box::pin(machine::update(&because, resource("customer").unwrap(), customer, patch, &options)).await.unwrap();
    crate::bulk::plant(&bed.caller, customer, "夜莺留言四").await;
    // A list that it is on.
    let list =
        bed.make("segment", json!({"name": "名单", "kind": "customer", "type": "static", "shared": "everybody"})).await;
    let change = ChangeOfMembers { add: vec![customer], ..ChangeOfMembers::default() };
    Box::pin(change_members(&bed.caller, id(&list), change)).await.unwrap();
    // A job that names one of them.
    let verify = ToVerify { record_id: Some(second), head: None };
    journal::ask_to_verify(&bed.caller, verify).await.unwrap();
    let mut all = vec![customer, contact, second, follow_up, gone];
    for row in bed.all("follow_up").await {
        all.push(id(&row));
    }
    let all: BTreeSet<Uuid> = all.into_iter().collect();
    Person { customer, contact, all: all.into_iter().collect() }
}

/// Somebody else, who stays.
pub(super) async fn bystander(bed: &mut Bed) -> Uuid {
    let body = json!({"name": "旁观有限公司", "kind": "company", "phones": ["13800138000"]});
    let made = id(&bed.make("customer", body).await);
    bed.make("contact", json!({"customer_id": made, "name": "旁观者", "phones": ["13800138001"]})).await;
    made
}

/// Asks for an erasure; the job.
pub(crate) async fn ask(caller: &Caller, kind: &str, id: Uuid) -> Uuid {
    erase(caller, resource(kind).unwrap(), id, "应本人要求").await.unwrap().id.unwrap()
}

static KINDS: [&Spec; 3] = [&ERASURE, &TIDYING, &VERIFICATION];

pub(super) async fn claim(gate: &Gate) -> Vec<Work> {
    let mut claims = Claims::new(&KINDS[..2], 4, Duration::from_secs(3600));
    claims.next(gate, &HashMap::new()).await.unwrap().0
}

/// Runs what waits.
pub(crate) async fn work(gate: &Gate) {
    loop {
        let claimed = claim(gate).await;
        if claimed.is_empty() {
            return;
        }
        for work in claimed {
            let done = if work.kind() == ERASURE.name() { run(work.clone()).await } else { tidy(work.clone()).await };
            assert_eq!(work.settle(done).await.unwrap(), "done");
        }
    }
}

/// What a job says came out of it.
pub(super) async fn result(caller: &Caller, job: Uuid) -> Value {
    let answer = crate::queue::get(caller, job).await.unwrap();
    serde_json::from_str::<Value>(&answer.body).unwrap()["result"].clone()
}

async fn count(db: &Engine, sql: &str, values: Vec<sea_orm::Value>) -> i64 {
    let alias = Kind::Integer.alias("n");
    let sql = sql.replace("count(*)", &format!("count(*) AS {alias}"));
    let row = db.query_one_raw(statement(db, &sql, values)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.unwrap().try_get("", &alias).unwrap()
}

/// Every column of every table of the database.
async fn columns(db: &Engine) -> Vec<(String, String)> {
    let (table, column) = (Kind::Text.alias("t"), Kind::Text.alias("c"));
    let sql = if has_fts5(db) {
        format!(
            "SELECT m.name AS {table}, p.name AS {column} FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table'"
        )
    } else {
        format!(
            "SELECT table_name::text AS {table}, column_name::text AS {column} FROM information_schema.columns \
             WHERE table_schema = 'public'"
        )
    };
    let rows = db.query_all_raw(statement(db, &sql, [])).await.unwrap();
    rows.iter().map(|row| (row.try_get("", &table).unwrap(), row.try_get("", &column).unwrap())).collect()
}

/// Clear columns in which a text or an id stands, in any of its spellings.
pub(super) async fn clear(gate: &Gate, texts: &[String], ids: &[Uuid]) -> BTreeSet<String> {
    let db = gate.engine();
    let mut found = BTreeSet::new();
    let mut needles: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    for id in ids {
        needles.push(id.as_bytes().to_vec());
        needles.push(id.to_string().into_bytes());
        needles.push(id.simple().to_string().into_bytes());
    }
    let fts5 = has_fts5(db);
    // On PostgreSQL bytes are searched as they are shown: in hex.
    let hex = crate::hex::encode;
    let shown = |needle: Vec<u8>| String::from_utf8(needle).unwrap_or_else(|wrong| hex(wrong.as_bytes()));
    let values: Vec<sea_orm::Value> =
        needles.into_iter().map(|needle| if fts5 { needle.into() } else { shown(needle).into() }).collect();
    for (table, column) in columns(db).await {
        let holds = match fts5 {
            true => format!("instr(CAST(\"{column}\" AS BLOB), ?) > 0"),
            false => format!("strpos(\"{column}\"::text, ?) > 0"),
        };
        let any = vec![holds; values.len()].join(" OR ");
        if count(db, &format!("SELECT count(*) FROM \"{table}\" WHERE {any}"), values.clone()).await > 0 {
            // A month of the journal is the journal.
            let table = if table.starts_with("journal_2") || table == "journal_rest" { "journal" } else { &table };
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

/// Paths of cells of the organisation in which a text stands; every one is opened.
pub(super) async fn sealed(bed: &Bed, texts: &[String]) -> BTreeSet<&'static str> {
    let db = bed.gate.engine();
    let org = bed.caller.org().id;
    let (mut found, mut opened) = (BTreeSet::new(), 0);
    for table in TABLES.iter().filter(|table| table.has_org) {
        for path in table.cells {
            let sql = format!(
                "SELECT {} AS row_id, {} AS cell FROM {} WHERE org_id = ? AND {} IS NOT NULL",
                table.row,
                path.column(),
                table.name,
                path.column()
            );
            for row in db.query_all_raw(statement(db, &sql, [org.into()])).await.unwrap() {
                let (id, cell): (Uuid, Vec<u8>) =
                    (row.try_get("", "row_id").unwrap(), row.try_get("", "cell").unwrap());
                let plain = bed.caller.ring().open(*path, id, &cell).unwrap();
                opened += 1;
                let holds = |text: &String| plain.windows(text.len()).any(|window| window == text.as_bytes());
                if texts.iter().any(holds) {
                    found.insert(path.as_str());
                }
            }
        }
    }
    assert!(opened > 20, "only {opened} cells were opened");
    found
}

pub(super) fn texts(these: &[&str]) -> Vec<String> {
    these.iter().map(|text| (*text).to_owned()).collect()
}

/// Terms of the full-text index of SQLite that only an erased text had.
pub(super) async fn token_is_there(gate: &Gate, text: &str) -> bool {
    let tokens = kehu_domain::text::tokens::index_tokens(text);
    let token = tokens.into_iter().max_by_key(String::len).unwrap();
    let sql = "SELECT count(*) FROM search_fts WHERE search_fts MATCH ?";
    count(gate.engine(), sql, vec![token.into()]).await > 0
}
