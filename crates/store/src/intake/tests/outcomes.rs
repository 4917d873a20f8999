//! What becomes of a submission.

use serde_json::{Value, json};

use super::bed::{Bed, id};
use crate::machine;

fn lead(mobile: &str) -> Value {
    json!({"company": "汇卓建筑工程有限公司", "name": "罗杰红", "mobile": mobile})
}

#[tokio::test]
async fn a_new_lead_is_a_customer_with_its_contact_and_an_owner() {
    for bed in Bed::each(&json!({})).await {
        let row = bed
            .send(json!({"values": {
            "company": "上海航源辰服装集团有限公司", "name": "林晨玲", "mobile": 15_808_717_264_u64,
            "email": "lin@example.com", "message": "请寄样品", "address": "上海市浦东新区世纪大道100号", "colour": "红",
        }, "utm_source": "baidu", "landing_url": "https://www.example.com/?gclid=77"}))
            .await;
        assert_eq!((&row["status"], &row["flags"]), (&json!("created"), &json!([])));
        assert_eq!(row["unmapped"], json!(["colour"]));
        let attribution = &row["attribution"];
        assert_eq!((&attribution["utm_source"], &attribution["click_ids"]), (&json!("baidu"), &json!({"gclid": "77"})));
        let customer = &bed.all("customer").await[0];
        assert_eq!((&row["customer_id"], &customer["number"]), (&customer["id"], &json!("2026-OTH-001")));
        assert_eq!((&customer["owner_id"], &customer["team_id"]), (&json!(bed.people[0]), &json!(bed.team)));
        assert_eq!((&customer["source"], &customer["region"]["district"]), (&json!("web_form"), &json!("浦东新区")));
        assert_eq!((&customer["remark"], &customer["created_by"]), (&json!("请寄样品"), &Value::Null));
        let contact = &bed.all("contact").await[0];
        assert_eq!((&contact["phones"][0]["value"], &row["contact_id"]), (&json!("+8615808717264"), &contact["id"]));
        assert!(bed.all("follow_up").await.is_empty());
        bed.end().await;
    }
}

#[tokio::test]
async fn customers_go_round_the_people_of_the_team_and_below() {
    for mut bed in Bed::each(&json!({})).await {
        for at in 0..4 {
            bed.send(lead(&format!("1380013800{at}"))).await;
        }
        let owners = |customers: &[Value]| customers.iter().map(|c| c["owner_id"].clone()).collect::<Vec<_>>();
        let [one, two] = bed.people.map(|id| json!(id));
        let mut dealt = owners(&bed.all("customer").await);
        dealt.sort_by_key(Value::to_string);
        let mut fair = vec![one.clone(), one.clone(), two.clone(), two.clone()];
        fair.sort_by_key(Value::to_string);
        assert_eq!(dealt, fair);
        for person in bed.people {
            bed.change("user", person, json!({"disabled": true})).await;
        }
        bed.tick(1);
        bed.send(lead("13800138009")).await;
        let last = bed.all("customer").await.pop().unwrap();
        assert_eq!((&last["owner_id"], &last["team_id"]), (&Value::Null, &json!(bed.team)));
        bed.end().await;
    }
}

#[tokio::test]
async fn a_known_person_gets_a_follow_up_and_no_second_customer() {
    for bed in Bed::each(&json!({})).await {
        let first = bed.send(lead("13800138000")).await;
        bed.tick(25);
        let mut again = lead("+86 138-0013-8000");
        again["message"] = json!("请报价，另有号码 13900139000");
        let row = bed.send(again).await;
        assert_eq!((&row["status"], &row["customer_id"]), (&json!("matched"), &first["customer_id"]));
        assert_eq!((bed.all("customer").await.len(), bed.all("contact").await.len()), (1, 1));
        let follow_up = &bed.all("follow_up").await[0];
        assert_eq!((&follow_up["id"], &follow_up["kind"]), (&row["follow_up_id"], &json!("form")));
        assert_eq!((&follow_up["contact_id"], &row["contact_id"]), (&first["contact_id"], &first["contact_id"]));
        let summary = follow_up["summary"].as_str().unwrap();
        assert!(summary.contains("公司：汇卓") && summary.contains("手机：138****8000"), "{summary}");
        assert!(!summary.contains("13900139000") && summary.contains("139****9000"), "{summary}");
        assert_eq!(follow_up["happened_at"], bed.all("customer").await[0]["last_follow_up_at"]);
        bed.end().await;
    }
}

#[tokio::test]
async fn a_repeat_is_counted_on_the_first_within_its_window() {
    for bed in Bed::each(&json!({"repeat_window": 2})).await {
        let first = bed.send(lead("13800138000")).await;
        for _ in 0..2 {
            bed.tick(1);
            let row = bed.send(lead("13800138000")).await;
            let repeats = row["repeat_of"] == first["id"];
            assert_eq!((&row["status"], &row["follow_up_id"].is_null()), (&json!("matched"), &repeats));
        }
        assert_eq!(bed.submission(id(&first)).await["repeat_count"], 1);
        assert_eq!(bed.all("follow_up").await.len(), 1);
        bed.end().await;
    }
}

#[tokio::test]
async fn a_colleague_at_the_same_company_is_no_repeat() {
    for mut bed in Bed::each(&json!({})).await {
        let first = bed.send(lead("13800138000")).await;
        let colleague = json!({"customer_id": first["customer_id"], "name": "赵然", "phones": ["13900139000"]});
        let colleague = bed.make("contact", colleague).await;
        let row = bed.send(lead("13900139000")).await;
        assert_eq!((&row["contact_id"], &row["repeat_of"]), (&colleague["id"], &Value::Null));
        assert_eq!(bed.all("follow_up").await.len(), 1);
        bed.end().await;
    }
}

#[tokio::test]
async fn phone_beats_e_mail_beats_wechat_and_a_disagreement_is_kept() {
    for mut bed in Bed::each(&json!({})).await {
        let a =
            bed.make("customer", json!({"name": "甲科技有限公司", "kind": "company", "phones": ["13800138000"]})).await;
        let b = bed
            .make("customer", json!({"name": "乙科技有限公司", "kind": "company", "emails": ["b@example.com"]}))
            .await;
        let c = bed.make("customer", json!({"name": "丙科技有限公司", "kind": "company", "wechat": "bing_2026"})).await;
        let all = json!({"company": "丁", "mobile": "13800138000", "email": "B@example.com", "wechat": "bing_2026"});
        let row = bed.send(all).await;
        assert_eq!((&row["customer_id"], &row["flags"]), (&a["id"], &json!(["conflict"])));
        let row = bed.send(json!({"company": "丁", "email": "b@example.com", "wechat": "bing_2026"})).await;
        assert_eq!((&row["customer_id"], &row["flags"]), (&b["id"], &json!(["conflict"])));
        let row = bed.send(json!({"company": "丁", "wechat": "Bing_2026"})).await;
        assert_eq!((&row["customer_id"], &row["flags"]), (&c["id"], &json!([])));
        bed.end().await;
    }
}

#[tokio::test]
async fn a_known_customer_without_a_living_owner_is_assigned_as_new() {
    for mut bed in Bed::each(&json!({})).await {
        let pooled =
            bed.make("customer", json!({"name": "甲科技有限公司", "kind": "company", "phones": ["13800138000"]})).await;
        assert_eq!(pooled["owner_id"], Value::Null);
        bed.send(json!({"company": "甲", "mobile": "13800138000"})).await;
        let owned = &bed.all("customer").await[0];
        assert_eq!(owned["owner_id"], json!(bed.people[0]));
        bed.change("user", bed.people[0], json!({"disabled": true})).await;
        bed.tick(25);
        bed.send(json!({"company": "甲", "mobile": "13800138000"})).await;
        let owned = &bed.all("customer").await[0];
        assert_eq!(owned["owner_id"], json!(bed.people[1]));
        assert_eq!(bed.all("follow_up").await.len(), 2);
        bed.end().await;
    }
}

#[tokio::test]
async fn a_shared_landline_is_the_same_company_only_by_its_name() {
    for bed in Bed::each(&json!({})).await {
        let of = |company: &str, name: &str| json!({"company": company, "name": name, "mobile": "0731-74501299"});
        let first = bed.send(of("长沙明凌教育咨询股份有限公司", "王俊")).await;
        let same = bed.send(of("长沙明凌教育咨询股份有限公司", "梁曦")).await;
        assert_eq!((&same["status"], &same["customer_id"]), (&json!("matched"), &first["customer_id"]));
        let other = bed.send(of("长沙楼上贸易有限公司", "周红")).await;
        assert_eq!((&other["status"], &other["flags"]), (&json!("created"), &json!(["shared_landline"])));
        bed.end().await;
    }
}

#[tokio::test]
async fn whoever_cannot_be_reached_is_kept_and_a_program_too() {
    for bed in Bed::each(&json!({"honeypot": "website"})).await {
        let row = bed.send(json!({"company": "甲科技有限公司", "mobile": "12345", "email": "nobody"})).await;
        assert_eq!(row["status"], "quarantined");
        assert_eq!(row["flags"], json!(["phone_invalid", "email_invalid", "unreachable"]));
        let mut spam = lead("13800138000");
        spam["website"] = json!("http://spam.example");
        let row = bed.send(spam).await;
        assert_eq!((&row["status"], &row["flags"]), (&json!("quarantined"), &json!(["spam_honeypot"])));
        assert!(bed.all("customer").await.is_empty());
        let listed = bed.listed(&[("filter[status]", "quarantined"), ("limit", "1")]).await;
        let next = listed["page"]["next"].as_str().unwrap();
        let rest = bed.listed(&[("filter[status]", "quarantined"), ("limit", "1"), ("after", next)]).await;
        assert_eq!((listed["data"][0]["id"] == rest["data"][0]["id"], &rest["page"]["next"]), (false, &Value::Null));
        bed.end().await;
    }
}

#[tokio::test]
async fn a_rehearsal_makes_nothing_but_its_submission() {
    for bed in Bed::each(&json!({})).await {
        let mut body = lead("13800138000");
        body["test"] = json!(true);
        body["source_id"] = json!("L1");
        let row = bed.send(body.clone()).await;
        assert_eq!((&row["status"], &row["test"], &row["customer_id"]), (&json!("test"), &json!(true), &Value::Null));
        assert!(bed.all("customer").await.is_empty());
        body["test"] = json!(false);
        assert_eq!(bed.send(body).await["status"], "created");
        bed.end().await;
    }
}

#[tokio::test]
async fn what_a_keyboard_refuses_is_marked_on_the_customer() {
    for mut bed in Bed::each(&json!({})).await {
        let code = "91370202XWDD4E9R02";
        let taken = json!({"name": "甲科技有限公司", "kind": "company", "credit_code": code});
        let (customer, options) = (machine::resource("customer").unwrap(), machine::WriteOptions::default());
        let typed = json!({"name": "某公司", "kind": "company"});
        assert!(machine::create(&bed.caller, customer, typed, &options).await.is_err());
        bed.make("customer", taken).await;
        bed.tick(1);
        let row = bed.send(json!({"company": "某公司", "name": "王先生", "mobile": "13800138000", "uscc": code})).await;
        let flags = json!(["credit_code_taken", "name_placeholder", "person_name_title"]);
        assert_eq!((&row["status"], &row["flags"]), (&json!("created"), &flags));
        let customer = bed.all("customer").await.pop().unwrap();
        assert_eq!((&customer["flags"], &customer["credit_code"]), (&flags, &Value::Null));
        bed.end().await;
    }
}
