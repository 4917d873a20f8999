use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::field::Group;
use crate::kinds::{Contact, Customer, KINDS};
use crate::read::{Members, Reader};
use crate::record::{Record, Veiled};
use crate::show::{Name, Plain};

/// Sees so much of what is not general.
struct Seen(Sight, Name);

impl View for Seen {
    fn sight(&self, field: &Field) -> Sight {
        if field.group == Group::General { Sight::Full } else { self.0 }
    }
    fn name(&self, _: Uuid) -> Option<&Name> {
        Some(&self.1)
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
}

fn seen(sight: Sight) -> Seen {
    Seen(sight, Name { name: "某人".into(), color: None })
}

fn told(kind: Option<&Kind>, body: &Value, named: &[&str], sight: Sight) -> (Value, Withheld) {
    let mut out = Out::new();
    let withheld = States::of(body).show(&mut out, (kind, &CustomFields::default()), named, &seen(sight), Lang::En);
    (serde_json::from_str(&out.into_text()).unwrap(), withheld)
}

fn read<R: Record>(body: &Value) -> R {
    let mut made = 0;
    let mut make_id = || {
        made += 1;
        Uuid::from_u128(made)
    };
    let mut reader = Reader::new("CN", &mut make_id);
    let mut members: Members = body.as_object().unwrap().clone();
    R::create(&mut members, &mut reader).unwrap_or_else(|| panic!("{:?}", reader.findings()))
}

fn shown<R: Record>(record: &R, view: &dyn View) -> Value {
    let mut out = Out::new();
    out.object(|out| record.show(out, view, &mut Veiled::default()));
    serde_json::from_str(&out.into_text()).unwrap()
}

/// The body of the entry that made a record.
fn made<R: Record>(record: &R) -> Value {
    json!({ "after": shown(record, &Plain) })
}

fn customer(phone: &str, email: &str, street: &str) -> Customer {
    read(&json!({
        "name": "云启科技有限公司", "kind": "company", "phones": [phone], "emails": [{"value": email, "label": "公司"}],
        "address": street, "owner_id": Uuid::from_u128(9),
    }))
}

#[test]
fn what_was_made_lists_the_fields_that_are_set() {
    let record = customer("13800138000", "wang@example.com", "世纪大道100号");
    let (changes, withheld) = told(Some(Customer::KIND), &made(&record), &[], Sight::Full);
    let fields: Vec<&str> = changes.as_array().unwrap().iter().map(|c| c["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"phones") && !fields.contains(&"wechat") && !fields.contains(&"tags"), "{fields:?}");
    let of = |name: &str| changes.as_array().unwrap().iter().find(|c| c["field"] == name).unwrap().clone();
    assert_eq!(of("name"), json!({"field": "name", "label": "Name", "from": null, "to": "云启科技有限公司"}));
    assert_eq!(of("owner_id")["to"], json!({"id": Uuid::from_u128(9), "name": "某人"}));
    assert_eq!(of("phones")["to"][0]["value"], "+8613800138000");
    assert_eq!(withheld.masked, Vec::<&str>::new());
    // Members beside a reference (`owner`) are of the answer, not of the kind.
    assert!(withheld.hidden.iter().all(|name| Customer::KIND.field(name).is_none()), "{withheld:?}");
}

#[test]
fn a_change_has_both_sides_even_where_one_is_empty() {
    let body = json!({"before": {"tags": [], "remark": "旧"}, "after": {"tags": [{"id": Uuid::from_u128(5)}], "remark": null}});
    let (changes, _) = told(Some(Customer::KIND), &body, &["tags", "remark"], Sight::Full);
    let of = |name: &str| changes.as_array().unwrap().iter().find(|c| c["field"] == name).unwrap().clone();
    assert_eq!(of("tags")["from"], json!([]));
    assert_eq!(of("tags")["to"], json!([{"id": Uuid::from_u128(5), "name": "某人"}]));
    assert_eq!((&of("remark")["from"], &of("remark")["to"]), (&json!("旧"), &json!(null)));
}

#[test]
fn what_no_field_knows_is_named_and_not_told() {
    let body = json!({"before": {"passport": "E12345678"}, "after": {"passport": null}});
    for kind in [Some(Customer::KIND), None] {
        let (changes, withheld) = told(kind, &body, &["passport", "bank"], Sight::Full);
        assert_eq!(changes, json!([]));
        assert_eq!(withheld.hidden, ["passport", "bank"]);
    }
}

#[test]
fn a_value_of_another_shape_is_told_whole_or_masked_whole() {
    // As if phones had been one text, and the address a list.
    let body = json!({"before": {"phones": "13800138000", "address": ["世纪大道100号"]}, "after": {"phones": [7], "address": {}}});
    let (changes, _) = told(Some(Customer::KIND), &body, &[], Sight::Full);
    assert!(changes.to_string().contains("13800138000"));
    let (changes, _) = told(Some(Customer::KIND), &body, &[], Sight::Masked);
    let text = changes.to_string();
    assert!(!text.contains("13800138000") && !text.contains("世纪"), "{text}");
    assert!(text.contains(r#""from":"****""#), "{text}");
}

#[test]
fn ids_of_all_sides_are_named() {
    let id = |n: u128| Uuid::from_u128(n);
    let body = json!({
        "before": {"owner_id": id(1), "tags": [{"id": id(2)}]}, "after": {"owner_id": id(3), "tags": [{"id": id(4)}], "name": id(5)},
    });
    let mut ids = Vec::new();
    States::of(&body).refs(Customer::KIND, &CustomFields::default(), &mut ids);
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4].map(id));
}

/// What a masked reader is told of each field is what the record's own answer shows.
#[test]
fn masks_are_those_of_the_answer() {
    let record: Customer = read(&json!({
        "name": "王五", "kind": "person", "phones": ["010-62345678"], "emails": ["w@example.com"],
        "address": "中关村大街1号", "id_number": "11010119900307002X",
        "bank_accounts": [{"value": "6222026360837783531", "bank": "工商银行", "label": "货款"}],
    }));
    let contact: Contact = read(&json!({
        "customer_id": Uuid::from_u128(1), "name": "王五", "phones": ["13900139000"], "birthday": "1990-03-07", "wechat": "wx_1",
        "id_number": "110101199003070265",
    }));
    let answers = [shown(&record, &seen(Sight::Masked)), shown(&contact, &seen(Sight::Masked))];
    let bodies = [(Customer::KIND, made(&record)), (Contact::KIND, made(&contact))];
    for ((kind, body), answer) in bodies.into_iter().zip(answers) {
        let (changes, withheld) = told(Some(kind), &body, &[], Sight::Masked);
        assert!(["phones", "id_number"].iter().all(|name| withheld.masked.iter().any(|masked| masked == name)));
        for change in changes.as_array().unwrap() {
            let name = change["field"].as_str().unwrap();
            if withheld.masked.iter().any(|masked| *masked == name) {
                assert_eq!(change["to"], answer[name], "{name}");
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_masked_or_hidden_is_never_told(
        phone in "1(38|39|52|88)[0-9]{8}", local in "[a-z]{3,12}", street in "[一-十]{2,4}路[0-9]{3,5}号",
    ) {
        let email = format!("{local}@example.com");
        let record = customer(&phone, &email, &street);
        let other = customer("13912345678", "other@example.com", "别处");
        let plain = |record: &Customer| shown(record, &Plain);
        let bodies = [
            made(&record), json!({"before": plain(&record)}), json!({"before": plain(&record), "after": plain(&other)}),
            json!({"before": plain(&other), "after": plain(&record)}),
        ];
        for body in &bodies {
            for sight in [Sight::Masked, Sight::Hidden] {
                let (changes, withheld) = told(Some(Customer::KIND), body, &[], sight);
                let text = changes.to_string();
                for secret in [&phone, &email, &street] {
                    prop_assert!(!text.contains(secret.as_str()), "{}", text);
                }
                for name in ["phones", "emails", "address"] {
                    let masked = withheld.masked.iter().any(|masked| *masked == name);
                    let hidden = withheld.hidden.iter().any(|hidden| hidden == name);
                    prop_assert_eq!((masked, hidden), (sight == Sight::Masked, sight == Sight::Hidden));
                }
            }
        }
    }

    #[test]
    fn whatever_shape_was_kept_a_mask_hides_it(depth in 0..3_usize, list in any::<bool>()) {
        let secret = "13800138000";
        let mut value = json!(secret);
        for _ in 0..depth {
            value = if list { json!([value]) } else { json!({ "number": value }) };
        }
        for kind in KINDS {
            for field in kind.fields.iter().filter(|field| field.group != Group::General) {
                let body = json!({"before": { field.name: value.clone() }, "after": { field.name: null }});
                let (changes, _) = told(Some(kind), &body, &[], Sight::Masked);
                prop_assert!(!changes.to_string().contains(secret), "{}.{}: {changes}", kind.name, field.name);
            }
        }
    }
}
