//! All or nothing, nothing in clear, and leads as they really are.

use serde_json::{Value, json};

use super::bed::{Bed, id};

fn connection(bed: &Bed) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(bed.database.folder.path().join("test.db")).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    db
}

fn rows(db: &rusqlite::Connection, table: &str) -> i64 {
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

const TABLES: [&str; 9] = [
    "customers",
    "contacts",
    "follow_ups",
    "submissions",
    "submission_bodies",
    "journal",
    "pii_index",
    "search_text",
    "counters",
];

#[tokio::test]
async fn a_failure_anywhere_leaves_nothing_behind() {
    let bed = Bed::sqlite(&json!({})).await;
    let db = connection(&bed);
    let before = TABLES.map(|table| rows(&db, table));
    let lead = json!({"company": "汇卓建筑工程有限公司", "name": "罗杰红", "mobile": "13800138000"});
    for table in ["contacts", "pii_index", "submissions", "submission_bodies", "journal"] {
        let trigger = format!("CREATE TRIGGER fails BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END");
        db.execute_batch(&trigger).unwrap();
        assert!(bed.try_send(lead.clone(), None).await.is_err(), "{table}");
        db.execute_batch("DROP TRIGGER fails").unwrap();
        assert_eq!(TABLES.map(|table| rows(&db, table)), before, "{table}");
    }
    assert_eq!(bed.send(lead).await["status"], "created");
    assert_eq!(bed.all("customer").await[0]["number"], "2026-OTH-001");
}

#[tokio::test]
async fn nothing_that_is_sealed_stands_in_the_database_in_clear() {
    let bed = Bed::sqlite(&json!({})).await;
    let lead = json!({
        "company": "汇卓建筑工程有限公司 18610415203", "name": "罗杰红", "mobile": "186-1041-5203", "address": "创业街563号",
        "email": "luo.jiehong@pubunu.com", "wechat": "luo_jh88", "message": "打 18610415203 或 luo.jiehong@pubunu.com",
        "landing_url": "https://www.example.com/?tel=18610415203", "source_id": "18610415203", "else": "18610415203",
    });
    bed.send(lead.clone()).await;
    bed.tick(25);
    let mut again = lead;
    again["source_id"] = json!("2");
    bed.send(again).await;
    connection(&bed).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let file = std::fs::read(bed.database.folder.path().join("test.db")).unwrap();
    for secret in ["18610415203", "186-1041-5203", "1041 5203", "luo.jiehong@pubunu.com", "luo_jh88", "创业街"] {
        assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    let clear = "罗杰红";
    assert!(file.windows(clear.len()).any(|part| part == clear.as_bytes()));
}

#[tokio::test]
async fn what_was_sent_can_be_opened_for_90_days() {
    let bed = Bed::sqlite(&json!({})).await;
    let row = bed.send(json!({"mobile": 13_800_138_000_u64})).await;
    let open = async || {
        let answer = crate::intake::get(&bed.caller, id(&bed.form), id(&row)).await.unwrap();
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    assert_eq!(open().await["raw"]["body"], r#"{"mobile":13800138000}"#);
    bed.tick(24 * 90 - 1);
    assert_eq!(crate::intake::sweep(&bed.gate).await.unwrap(), 0);
    bed.tick(1);
    assert_eq!(crate::intake::sweep(&bed.gate).await.unwrap(), 1);
    assert_eq!((open().await["raw"].clone(), open().await["status"].clone()), (Value::Null, json!("created")));
    let opened = "SELECT count(*) FROM journal WHERE event = 'submission.opened' AND class = 'access'";
    assert_eq!(connection(&bed).query_row(opened, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
}

#[tokio::test]
async fn the_journal_tells_the_owner() {
    let bed = Bed::sqlite(&json!({})).await;
    bed.send(json!({"mobile": "13800138000"})).await;
    bed.send(json!({"mobile": "13800138000"})).await;
    bed.tick(25);
    bed.send(json!({"mobile": "13800138000"})).await;
    let db = connection(&bed);
    let sql = "SELECT event, actor_kind, owner_after IS NOT NULL FROM journal WHERE kind = 'submission' ORDER BY seq";
    let mut query = db.prepare(sql).unwrap();
    let told: Vec<(String, String, bool)> =
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect();
    let entry = |event: &str| (event.to_owned(), "form".to_owned(), true);
    assert_eq!(told, [entry("submission.created"), entry("submission.matched")]);
}

/// Rows as such lists really have them: columns swapped, addresses where numbers belong, numbers out of spreadsheets.
#[tokio::test]
async fn leads_as_they_really_are() {
    let bed = Bed::sqlite(&json!({"assign": null})).await;
    let all = [
        ("海信教育咨询有限公司", "黄芳强", "15066247215", "huang.fangqiang@leloce.com", "created"),
        ("林晨玲", "上海航源辰服装集团有限公司", "15808717264", "", "created"),
        ("", "刘伟", "13998921587", "liu.wei@outlook.com", "created"),
        ("凌安投资管理有限公司", "冯磊", "0532-48400221", "lei.feng@doxo.cn", "created"),
        ("普力中物流有限公司", "董雨浩", "kjian @deyuna.cn", "15693612459", "created"),
        ("天泰管理咨询有限公司", "赵然", "１７７４６１３３２１５", "", "created"),
        ("日拓智能科技有限公司", "黄磊玉", "13667512865.0", "", "created"),
        ("泰川星创教育咨询有限公司", "陈丽", "008613337651763", "", "created"),
        ("日拓智能科技", "黄磊", "+86 136-6751-2865", "", "matched"),
        ("同嘉生物科技有限公司", "张勇雷", "1.38001E+10", "", "quarantined"),
        ("", "", "15228634247", "", "created"),
        ("通旭服装有限责任公司", "李伟", "", "", "quarantined"),
    ];
    for (company, name, mobile, email, status) in all {
        let row = bed.send(json!({"company": company, "name": name, "mobile": mobile, "email": email})).await;
        assert_eq!(row["status"], status, "{company} {name}: {}", row["flags"]);
    }
    let customers = bed.all("customer").await;
    assert_eq!((customers.len(), bed.all("contact").await.len()), (9, 7));
    let named = |name: &str| customers.iter().find(|customer| customer["name"] == name).unwrap();
    assert_eq!(named("上海航源辰服装集团有限公司")["flags"], json!(["names_swapped"]));
    assert_eq!(named("刘伟")["kind"], "person");
    assert_eq!(named("访客 152****4247")["flags"], json!(["required_missing", "name_missing"]));
    assert!(customers.iter().all(|customer| customer["owner_id"].is_null()));
}
