//! Tests of reading submissions through a form.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::read::Reader;

fn form(more: &Value) -> Form {
    let mut body = json!({"name": "官网", "fields": [
        {"key": "company", "maps_to": "customer.name", "required": true, "label": "公司"},
        {"key": "name", "maps_to": "contact.name", "label": "姓名"},
        {"key": "mobile", "maps_to": "contact.phone", "label": "手机"},
        {"key": "email", "maps_to": "email"},
        {"key": "wechat", "maps_to": "wechat"},
        {"key": "industry", "maps_to": "industry", "label": "行业"},
        {"key": "size", "maps_to": "size"},
        {"key": "uscc", "maps_to": "credit_code"},
        {"key": "address", "maps_to": "address"},
        {"key": "post", "maps_to": "position"},
        {"key": "message", "maps_to": "remark", "label": "留言"},
    ]});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().cloned().unwrap());
    let mut make_id = || Uuid::nil();
    let mut reader = Reader::new("CN", &mut make_id);
    let form = Form::create(members, &mut reader);
    assert_eq!(reader.findings(), []);
    form.unwrap()
}

fn lead(body: &Value) -> Lead {
    Lead::read(&form(&json!({})), &Given::json(&body.to_string()).unwrap(), "CN")
}

fn records(lead: &Lead) -> (Customer, Option<Contact>) {
    let mut last = 0;
    lead.records(&form(&json!({})), Uuid::from_u128(1), true, &mut || {
        last += 1;
        Uuid::from_u128(last)
    })
}

#[test]
fn a_whole_lead_is_a_customer_and_its_contact() {
    let lead = lead(&json!({"values": {
        "company": "上海航源辰服装集团有限公司", "name": "林晨玲", "mobile": 15_808_717_264_u64, "email": "lin@example.com",
        "industry": "I", "size": "10 to 49", "address": "上海市浦东新区世纪大道100号", "post": "采购经理",
        "message": "请寄样品", "utm_source": "baidu", "budget": "5", "wechat": "lin_chenling",
    }, "source_id": 9_007_199_254_740_993_i64}));
    assert_eq!((lead.flags.as_slice(), lead.spam, lead.test), (&[][..], false, false));
    assert_eq!(lead.unmapped, ["budget"]);
    // The form does not say where the sender's id stands.
    assert_eq!(lead.source_id, None);
    let (customer, contact) = records(&lead);
    let contact = contact.unwrap();
    assert_eq!((customer.name.as_str(), customer.kind), ("上海航源辰服装集团有限公司", CustomerKind::Company));
    assert_eq!(customer.industry.unwrap().short_code(), "IT");
    assert_eq!((customer.size, customer.phones.0.len()), (Some(SizeBand::Small), 0));
    assert_eq!(customer.remark.unwrap().as_str(), "请寄样品");
    assert_eq!(customer.source.unwrap().key(), "web_form");
    assert_eq!((contact.name.as_str(), contact.position.unwrap().as_str()), ("林晨玲", "采购经理"));
    assert_eq!(contact.phones.0[0].value.e164(), "+8615808717264");
    assert_eq!((contact.emails.0.len(), contact.wechat.is_some(), contact.primary), (1, true, true));
}

#[test]
fn somebody_who_gives_no_name_still_is_one() {
    let lead = lead(&json!({"mobile": "13800138000"}));
    assert_eq!(lead.flags, ["required_missing"]);
    let (customer, contact) = records(&lead);
    assert_eq!((customer.name.as_str(), customer.kind), ("访客 138****8000", CustomerKind::Person));
    assert_eq!(customer.flags.0, ["required_missing", "name_missing"]);
    assert_eq!((customer.phones.0.len(), contact.is_none()), (1, true));
}

#[test]
fn what_a_keyboard_refuses_is_marked() {
    let lead = lead(&json!({
        "company": "某公司", "name": "王先生", "mobile": "138001380", "email": "13900139000", "industry": "造梦",
        "uscc": "91370202XWDD4E9R03", "wechat": "同手机",
    }));
    assert_eq!(lead.flags, ["phone_invalid", "wechat_invalid", "industry_unknown", "credit_code_check"]);
    let (customer, contact) = records(&lead);
    assert_eq!(customer.flags.0[4..], ["name_placeholder".to_owned(), "person_name_title".to_owned()]);
    assert_eq!(contact.unwrap().phones.0[0].value.e164(), "+8613900139000");
    let remark = customer.remark.unwrap();
    assert!(remark.as_str().contains("行业：造梦"), "{}", remark.as_str());
}

#[test]
fn nothing_sealed_is_said_in_clear() {
    let secrets = ["13800138000", "wang.fang@example.com", "110101199003070021", "世纪大道", "wx_fang88"];
    let lead = lead(&json!({
        "company": "汇卓有限公司 13800138000", "name": "王芳 wang.fang@example.com", "mobile": "+86 138-0013-8000",
        "email": "wang.fang@example.com", "wechat": "wx_fang88", "address": "世纪大道100号", "industry": "13800138000",
        "message": "身份证110101199003070021，打 13800138000 或写信 wang.fang@example.com",
    }));
    let (customer, contact) = records(&lead);
    let summary = lead.summary(&form(&json!({})), true);
    assert!(summary.contains("公司：汇卓有限公司") && summary.contains("手机：138****8000"), "{summary}");
    let contact = contact.unwrap();
    let clear = [&summary, customer.name.as_str(), contact.name.as_str(), customer.remark.as_ref().unwrap().as_str()];
    for secret in secrets {
        assert!(clear.iter().all(|text| !text.contains(secret)), "{secret} in {clear:?}");
    }
    let printed = format!("{lead:?} {customer:?} {contact:?}");
    for secret in secrets {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(customer.flags.0.contains(&"number_in_name".to_owned()));
    assert!(customer.flags.0.contains(&"number_in_text".to_owned()));
}

#[test]
fn a_number_in_the_text_counts_where_there_is_no_other() {
    let only = lead(&json!({"message": "请回电 13800138000"}));
    assert_eq!(only.reach.phones[0].0.e164(), "+8613800138000");
    let beside = lead(&json!({"message": "同事电话 13800138000", "mobile": "13900139000"}));
    assert_eq!(beside.reach.phones.len(), 1);
    assert_eq!(lead(&json!({"message": "你好"})).flags, ["required_missing", "unreachable"]);
}

#[test]
fn programs_and_rehearsals_are_known() {
    let form = form(&json!({"honeypot": "website", "source_id": "/lead/id"}));
    let read = |body: Value| Lead::read(&form, &Given::json(&body.to_string()).unwrap(), "CN");
    let spam = read(json!({"mobile": "13800138000", "website": "http://x"}));
    assert!(spam.spam && spam.flags.contains(&"spam_honeypot".to_owned()));
    let clean = read(json!({"mobile": "13800138000", "website": " ", "lead": {"id": "L1", "x": 2}, "test": "1"}));
    assert!(!clean.spam && clean.test);
    assert_eq!((clean.source_id.as_deref(), clean.unmapped), (Some("L1"), vec!["/lead/x".to_owned()]));
}

#[test]
fn a_text_that_names_nothing_is_searched() {
    let lead = Lead::read(&form(&json!({})), &Given::text("王芳，请回电 13800138000".to_owned()), "CN");
    assert_eq!(lead.reach.phones[0].0.e164(), "+8613800138000");
    assert_eq!(records(&lead).0.remark.unwrap().as_str(), "王芳，请回电 138****8000");
}

#[test]
fn an_id_is_taken_whole_and_names_are_masked() {
    let id = "x".repeat(300);
    let body = json!({"id": id, "source_id": "1", "13800138000": "x", "mobile": "13800138000", "website": false});
    let form = form(&json!({"source_id": "/id", "honeypot": "website"}));
    let lead = Lead::read(&form, &Given::json(&body.to_string()).unwrap(), "CN");
    assert_eq!(lead.source_id, Some(id));
    assert!(!lead.spam);
    assert_eq!(lead.unmapped, ["source_id", "138****8000"]);
}

proptest! {
    #[test]
    fn any_submission_is_read(
        company in "\\PC{0,40}|[0-9 -]{0,20}", name in ".{0,20}", mobile in "[0-9+ ()/;@.a-z张-]{0,30}|\\PC{0,30}",
        email in "\\PC{0,30}", message in "(?s).{0,60}",
    ) {
        let lead = lead(&json!({"company": company, "name": name, "mobile": mobile, "email": email, "message": message}));
        let (customer, _) = records(&lead);
        prop_assert!(!customer.name.as_str().is_empty());
        let row = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|row| row.len() >= 7);
        let summary = lead.summary(&form(&json!({})), true);
        prop_assert!(!row(&summary), "{summary}");
        prop_assert!(!row(customer.name.as_str()));
    }

    #[test]
    fn a_mobile_number_reaches_the_record_digit_for_digit(tail in 0_u64..100_000_000) {
        let number = 13_800_000_000 + tail;
        let lead = lead(&json!({"mobile": number}));
        prop_assert_eq!(lead.reach.phones[0].0.e164(), format!("+86{number}"));
    }
}
