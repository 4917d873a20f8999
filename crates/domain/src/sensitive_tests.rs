use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::filter::{FilterReader, members};
use crate::intake::Given;
use crate::kinds::{Contact, Customer, KINDS, User};
use crate::read::{Members, Reader};
use crate::record::{Kind, Record, Veiled};
use crate::show::{Out, Plain};
use crate::value::LoginName;

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

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => {
            // Ids are no secret.
            members.iter().filter(|(name, _)| *name != "id").for_each(|(_, value)| texts(value, found));
        }
        _ => {}
    }
}

/// What a record with every sealed field filled prints has nothing of them.
fn check<R: Record + std::fmt::Debug>(record: &R, checked: &mut BTreeSet<&'static str>) {
    let mut out = Out::new();
    out.object(|out| record.show(out, &Plain, &mut Veiled::default()));
    let shown: Value = serde_json::from_str(&out.into_text()).unwrap();
    let printed = format!("{record:?}");
    for field in R::KIND.fields.iter().filter(|field| field.sealed) {
        let mut secrets = Vec::new();
        texts(&shown[field.name], &mut secrets);
        assert!(!secrets.is_empty(), "{}.{} is not filled", R::KIND.name, field.name);
        for secret in secrets {
            assert!(!printed.contains(&secret), "{}.{}: {printed}", R::KIND.name, field.name);
        }
    }
    checked.insert(R::KIND.name);
}

#[test]
fn nothing_sealed_of_any_kind_is_printed() {
    let mut checked = BTreeSet::new();
    check::<Customer>(
        &read(&json!({
            "name": "周芷若", "kind": "person", "address": "世纪大道100号", "wechat": "wx-secret-1",
            "phones": [{"value": "13800138000", "label": "夜间"}], "emails": ["secret@example.com"],
            "id_number": "11010119900307002X",
            "bank_accounts": [{"value": "6222026360837783531", "bank": "工商银行张江支行", "label": "货款"}],
        })),
        &mut checked,
    );
    check::<Contact>(
        &read(&json!({
            "customer_id": Uuid::from_u128(77), "name": "周芷若", "wechat": "wx-secret-2", "birthday": "1990-03-07",
            "phones": ["13800138000"], "emails": ["secret@example.com"], "id_number": "110101199003070265",
        })),
        &mut checked,
    );
    check::<User>(
        &read(&json!({
            "name": "周芷若", "role": "manager", "email": "secret@example.com", "mobile": "13800138000",
            "user_name": "secret.name",
        })),
        &mut checked,
    );
    let sealing = KINDS.iter().copied().filter(|kind: &&Kind| kind.has_masked());
    assert_eq!(checked, sealing.map(|kind| kind.name).collect(), "a kind that nobody printed");
}

#[test]
fn nor_are_values_that_are_asked_for() {
    let values =
        ["13800138000", "secret@example.com", "wx-secret-1", "11010119900307002X", "6222026360837783531", "1990-03-07"];
    for kind in KINDS {
        let sealed = members(kind).filter(|member| matches!(member.class, crate::filter::Class::Sealed(_)));
        for member in sealed {
            let ask = |value: &str| {
                let mut reader = FilterReader::new(kind, "CN", chrono::DateTime::UNIX_EPOCH, chrono_tz::UTC);
                reader.body(&json!({"field": member.name, "value": value}), "/where").ok()
            };
            let read: Vec<_> = values.into_iter().filter_map(|value| Some((value, ask(value)?))).collect();
            assert!(!read.is_empty(), "{}", member.name);
            for (value, filter) in read {
                let printed = format!("{filter:?}");
                assert!(!printed.contains(value.trim_start_matches("+86")), "{printed}");
                assert!(!printed.contains("138001"), "{printed}");
            }
        }
    }
}

#[test]
fn nor_are_sign_in_names_and_what_was_submitted() {
    for name in ["secret@example.com", "13800138000", "secret.name"] {
        let printed = format!("{:?}", LoginName::parse(name, "CN").unwrap());
        assert!(!printed.contains("secret") && !printed.contains("138001"), "{printed}");
    }
    let given = Given::json(r#"{"mobile": "13800138000"}"#).unwrap();
    assert!(!format!("{given:?}").contains("138"), "{given:?}");
}
