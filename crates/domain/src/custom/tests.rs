use serde_json::json;

use super::*;

pub(super) const ALL: [CustomType; 13] = [
    CustomType::Text,
    CustomType::LongText,
    CustomType::Number,
    CustomType::Money,
    CustomType::Date,
    CustomType::Time,
    CustomType::Boolean,
    CustomType::Choice,
    CustomType::Choices,
    CustomType::Phone,
    CustomType::Email,
    CustomType::Url,
    CustomType::Reference,
];

fn item(key: &str, zh: &str, en: &str, retired: bool) -> ChoiceItem {
    ChoiceItem { key: key.to_owned(), zh: zh.to_owned(), en: en.to_owned(), retired }
}

pub(super) fn field(holds: CustomType) -> CustomField {
    CustomField {
        id: Uuid::nil(),
        no: 1,
        key: "x".to_owned(),
        name: "custom.x".to_owned(),
        holds,
        zh: "某".to_owned(),
        en: "X".to_owned(),
        help: None,
        group: None,
        order: 0,
        required: false,
        unique: false,
        sensitive: holds.is_always_sensitive(),
        filterable: false,
        searchable: false,
        default: None,
        choices: vec![
            item("gold", "金牌", "Gold", false),
            item("old", "旧", "Old", true),
            item("new", "新", "New", false),
        ],
        min: None,
        max: None,
        pattern: None,
        currency: Some("CNY".to_owned()),
        target: Some("customer"),
        slot: None,
        is_indexed: false,
        is_linked: true,
        is_filling: false,
        retired: false,
    }
}

pub(super) fn sealed(holds: CustomType) -> CustomField {
    CustomField { sensitive: true, ..field(holds) }
}

/// What is kept of a value, or the first code and its place.
pub(super) fn read_seeing(
    field: &CustomField,
    json: &Value,
    old: Option<&Value>,
    sight: Sight,
) -> Result<Value, (String, String)> {
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new("CN", &mut no_id);
    reader.sight = sight;
    let kept = field.read(json, &mut reader, old);
    let findings = reader.into_findings();
    assert_eq!(kept.is_some(), findings.is_empty(), "what is refused says why, and what is taken has no flaw");
    kept.ok_or_else(|| (findings[0].flaw.code.key.to_owned(), findings[0].pointer.clone()))
}

pub(super) fn read(field: &CustomField, json: &Value) -> Result<Value, String> {
    read_seeing(field, json, None, Sight::Full).map_err(|(code, _)| code)
}

pub(super) fn show(field: &CustomField, kept: &Value, sight: Sight) -> Value {
    let mut out = Out::new();
    field.show(kept, &mut out, sight);
    serde_json::from_str(&out.into_text()).unwrap()
}

#[test]
fn every_type_reads_what_people_send() {
    let id = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
    for (holds, said, kept, shown) in [
        (CustomType::Text, json!(" ＡＢ  "), json!("ＡＢ"), json!("ＡＢ")),
        (CustomType::LongText, json!("a\nb \n"), json!("a\nb"), json!("a\nb")),
        (CustomType::Number, json!(12.5), json!("12.5"), json!(12.5)),
        (CustomType::Number, json!("12.50"), json!("12.5"), json!(12.5)),
        (CustomType::Number, json!("-１,２８０．５"), json!("-1280.5"), json!(-1280.5)),
        (CustomType::Number, json!(-0.0), json!("0"), json!(0)),
        (CustomType::Number, json!(900_000_000_000_i64), json!("900000000000"), json!(900_000_000_000_i64)),
        (CustomType::Money, json!(1280), json!({"amount": "1280.00", "currency": "CNY"}), Value::Null),
        (CustomType::Money, json!("1,280.5"), json!({"amount": "1280.50", "currency": "CNY"}), Value::Null),
        (CustomType::Money, json!({"amount": 0.1}), json!({"amount": "0.10", "currency": "CNY"}), Value::Null),
        (CustomType::Date, json!("2026-11-22"), json!("2026-11-22"), json!("2026-11-22")),
        (
            CustomType::Time,
            json!("2026-11-22T08:30:00.1239+08:00"),
            json!(1_795_307_400_123_i64),
            json!("2026-11-22T00:30:00.123Z"),
        ),
        (CustomType::Boolean, json!(true), json!(true), json!(true)),
        (CustomType::Choice, json!("gold"), json!("gold"), json!("gold")),
        (CustomType::Choice, json!("金牌"), json!("gold"), json!("gold")),
        (CustomType::Choice, json!("ＧＯＬＤ"), json!("gold"), json!("gold")),
        (CustomType::Choices, json!(["新", "gold", "new"]), json!(["new", "gold"]), json!(["new", "gold"])),
        (CustomType::Phone, json!("138 0013 8000"), json!("+8613800138000"), json!("+8613800138000")),
        (CustomType::Email, json!("Li@Example.COM"), json!("Li@example.com"), json!("Li@example.com")),
        (CustomType::Url, json!("HTTPS://Example.com"), json!("https://example.com/"), json!("https://example.com/")),
        (CustomType::Reference, json!(id.to_uppercase()), json!(id), json!(id)),
    ] {
        let field = field(holds);
        assert_eq!(read(&field, &said), Ok(kept.clone()), "{said}");
        let shown = if shown.is_null() { kept.clone() } else { shown };
        assert_eq!(show(&field, &kept, Sight::Full), shown, "{said}");
    }
}

#[test]
fn every_type_refuses_with_a_code() {
    for (holds, said, code) in [
        (CustomType::Text, json!(""), "text_empty"),
        (CustomType::Text, json!("a\nb"), "text_control_characters"),
        (CustomType::Text, json!("汉".repeat(501)), "text_too_long"),
        (CustomType::Text, json!(5), "type_wrong"),
        (CustomType::LongText, json!("汉".repeat(10_001)), "text_too_long"),
        (CustomType::Number, json!("1.2E3"), "decimal_invalid"),
        (CustomType::Number, json!("1,5"), "decimal_invalid"),
        (CustomType::Number, json!("1280,500"), "decimal_invalid"),
        (CustomType::Number, json!("."), "decimal_invalid"),
        (CustomType::Number, json!("1."), "decimal_invalid"),
        (CustomType::Number, json!(0.000_000_1), "decimal_invalid"),
        (CustomType::Number, json!(900_000_000_001_i64), "decimal_invalid"),
        (CustomType::Number, json!(u64::MAX), "decimal_invalid"),
        (CustomType::Number, json!(123_456_789_012.123_45), "decimal_rounded"),
        (CustomType::Number, json!(true), "type_wrong"),
        (CustomType::Money, json!({"amount": "1", "currency": "USD"}), "currency_other"),
        (CustomType::Money, json!({"amount": "1", "of": 1}), "field_unknown"),
        (CustomType::Money, json!({}), "type_wrong"),
        (CustomType::Money, json!("0.001"), "decimal_invalid"),
        (CustomType::Date, json!("2026-02-29"), "date_invalid"),
        (CustomType::Date, json!("1899-12-31"), "date_invalid"),
        (CustomType::Time, json!("2026-11-22"), "instant_invalid"),
        (CustomType::Boolean, json!("true"), "type_wrong"),
        (CustomType::Choice, json!("silver"), "choice_unknown"),
        (CustomType::Choice, json!("旧"), "choice_retired"),
        (CustomType::Choices, json!("gold"), "type_wrong"),
        (CustomType::Choices, json!(["gold", "old"]), "choice_retired"),
        (CustomType::Choices, json!(vec!["gold"; 51]), "list_too_long"),
        (CustomType::Phone, json!("138****8000"), "mask_in_text"),
        (CustomType::Phone, json!("1380013800"), "phone_invalid"),
        (CustomType::Email, json!("li"), "email_invalid"),
        (CustomType::Url, json!("ftp://example.com"), "url_invalid"),
        (CustomType::Url, json!("https://me:secret@example.com"), "url_invalid"),
        (CustomType::Url, json!("javascript:alert(1)"), "url_invalid"),
        (CustomType::Url, json!(format!("https://example.com/{}", "a".repeat(2000))), "url_invalid"),
        (CustomType::Reference, json!("x"), "id_invalid"),
    ] {
        assert_eq!(read(&field(holds), &said), Err(code.to_owned()), "{said}");
    }
    let place = |holds, said| read_seeing(&field(holds), &said, None, Sight::Full).unwrap_err().1;
    assert_eq!(place(CustomType::Choices, json!(["gold", "no"])), "/1");
    assert_eq!(place(CustomType::Money, json!({"amount": "x"})), "/amount");
    assert_eq!(place(CustomType::Money, json!({"amount": 1, "currency": "USD"})), "/currency");
}

#[test]
fn bounds_are_said_and_kept_in_the_unit_of_the_type() {
    for (holds, min, max, fits, below, above) in [
        (CustomType::Number, json!("0.5"), json!(10), json!(0.5), json!(0.499_999), json!("10.000001")),
        (CustomType::Money, json!("1.00"), json!(2), json!(2), json!("0.99"), json!("2.01")),
        (
            CustomType::Date,
            json!("2026-01-01"),
            json!("2026-12-31"),
            json!("2026-12-31"),
            json!("2025-12-31"),
            json!("2027-01-01"),
        ),
        (
            CustomType::Time,
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-02T00:00:00Z"),
            json!("2026-01-02T00:00:00Z"),
            json!("2025-12-31T23:59:59.999Z"),
            json!("2026-01-02T00:00:00.001Z"),
        ),
        (CustomType::Text, json!(2), json!(3), json!("汉字"), json!("汉"), json!("汉汉汉汉")),
        (CustomType::LongText, json!(2), json!(3), json!("汉字"), json!("汉"), json!("汉汉汉汉")),
        (CustomType::Choices, json!(1), json!(1), json!(["gold"]), json!([]), json!(["gold", "new"])),
    ] {
        let mut no_id = Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        let mut bounded = field(holds);
        bounded.min = read_bound(holds, Some("CNY"), &min, &mut reader);
        bounded.max = read_bound(holds, Some("CNY"), &max, &mut reader);
        assert!(bounded.min.is_some() && bounded.max.is_some(), "{holds:?}");
        let mut out = Out::new();
        show_bound(holds, Some("CNY"), bounded.max.unwrap(), &mut out);
        let shown: Value = serde_json::from_str(&out.into_text()).unwrap();
        assert_eq!(read_bound(holds, Some("CNY"), &shown, &mut reader), bounded.max, "{holds:?}");
        assert!(read(&bounded, &fits).is_ok(), "{holds:?}");
        let codes = [read(&bounded, &below).unwrap_err(), read(&bounded, &above).unwrap_err()];
        let expected = match holds {
            CustomType::Text | CustomType::LongText => ["text_too_short", "text_too_long"],
            CustomType::Choices => ["list_too_short", "list_too_long"],
            _ => ["value_too_small", "value_too_large"],
        };
        assert_eq!(codes, expected, "{holds:?}");
    }
    let patterned = CustomField { pattern: compile_pattern("[A-Z]{2}-\\d{4}").ok(), ..field(CustomType::Text) };
    assert_eq!(read(&patterned, &json!("AB-1234")), Ok(json!("AB-1234")));
    assert_eq!(read(&patterned, &json!("AB-12345")), Err("pattern_mismatch".to_owned()));
}

#[test]
fn what_a_record_has_it_keeps() {
    let retired = |holds, said: Value, old: Value| read_seeing(&field(holds), &said, Some(&old), Sight::Full);
    assert_eq!(retired(CustomType::Choice, json!("old"), json!("old")), Ok(json!("old")));
    assert_eq!(retired(CustomType::Choice, json!("旧"), json!("old")), Ok(json!("old")));
    assert_eq!(retired(CustomType::Choice, json!("gone"), json!("gone")), Ok(json!("gone")));
    assert_eq!(retired(CustomType::Choices, json!(["old", "new"]), json!(["old"])), Ok(json!(["old", "new"])));
    assert!(retired(CustomType::Choice, json!("old"), json!("gold")).is_err());
    // The text has more digits than the JSON number that an answer shows.
    let (long, number) = (json!("123456789012.123456"), CustomType::Number);
    let shown = show(&field(number), &long, Sight::Full);
    assert_eq!(retired(number, shown, long.clone()), Ok(long));
}

#[test]
fn masks_tell_nothing_and_come_back_as_nothing_new() {
    for (holds, kept, mask) in [
        (CustomType::Phone, json!("+8613800138000"), "138****8000"),
        (CustomType::Email, json!("wang@example.com"), "w***@example.com"),
        (CustomType::Text, json!("secret"), "****"),
        (CustomType::Number, json!("12.5"), "****"),
        (CustomType::Money, json!({"amount": "1.00", "currency": "CNY"}), "****"),
        (CustomType::Boolean, json!(true), "****"),
        (CustomType::Choices, json!(["gold"]), "****"),
    ] {
        let field = sealed(holds);
        assert_eq!(show(&field, &kept, Sight::Masked), json!(mask));
        assert_eq!(read_seeing(&field, &json!(mask), Some(&kept), Sight::Masked), Ok(kept.clone()));
        // Who sees the value does not mean its mask.
        for (old, sight) in [(Some(&kept), Sight::Full), (None, Sight::Masked)] {
            let refused = read_seeing(&field, &json!(mask), old, sight).unwrap_err();
            assert_eq!(refused.0, "mask_in_text", "{holds:?}");
        }
        assert_eq!(field.slot_value(&kept), None, "sealed values stand in no slot");
        assert!(field.links(&kept).iter().all(|link| link == "there"), "links say that a value is there, not which");
    }
}

#[test]
fn sealed_values_are_found_in_any_spelling() {
    for (holds, kept, said) in [
        (CustomType::Phone, json!("+861062345678;ext=801"), json!("010-62345678")),
        (CustomType::Email, json!("Wang@example.com"), json!("wANG@EXAMPLE.com")),
        (CustomType::Text, json!("卓宏信息技術"), json!(" 卓宏信息技术")),
        (CustomType::Url, json!("https://example.com/A"), json!("https://example.com/a")),
        (CustomType::Number, json!("12.5"), json!(12.50)),
        (CustomType::Date, json!("2026-11-22"), json!("2026-11-22")),
    ] {
        let field = sealed(holds);
        let form = field.index_form(&kept);
        assert!(form.is_some() && form == field.sealed_operand(&said, "CN"), "{holds:?} {form:?}");
    }
    for holds in ALL {
        assert_eq!(sealed(holds).ops().is_empty(), !holds.has_index_form(), "{holds:?}");
    }
    assert_eq!(field(CustomType::Text).index_form(&json!("a")), None);
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let yen = CustomField { currency: Some("JPY".to_owned()), ..field(CustomType::Money) };
    let kept = read(&yen, &json!("1280")).unwrap();
    assert_eq!(kept, json!({"amount": "1280", "currency": "JPY"}));
    assert_eq!(yen.slot_value(&kept), Some(SlotValue::Number(1280)));
    assert_eq!(read(&yen, &json!(1.5)), Err("decimal_invalid".to_owned()));
    let dinar = CustomField { currency: Some("KWD".to_owned()), ..field(CustomType::Money) };
    assert_eq!(read(&dinar, &json!(1.5)).unwrap(), json!({"amount": "1.500", "currency": "KWD"}));
}

#[test]
fn a_cut_text_is_none_of_another_text() {
    let field = field(CustomType::Text);
    let slot = |text: &str| match field.slot_value(&json!(text)) {
        Some(SlotValue::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    let same = "汉".repeat(200);
    let (one, two) = (slot(&format!("{same}a")), slot(&format!("{same}b")));
    assert_ne!(one, two, "they differ behind the cut");
    assert_eq!(slot(&format!("{same}A")), one);
    assert_eq!(one.chars().count(), 200);
    assert_ne!(slot(&one), one, "no short text looks like a cut one");
    assert_eq!(slot(&same), same);
    assert!(one.starts_with(&field.prefix(&json!("汉".repeat(167))).unwrap()));
    assert_eq!(field.prefix(&json!("汉".repeat(168))), None);
}

#[test]
fn each_part_of_a_long_text_stands_in_one_piece() {
    let field = field(CustomType::Text);
    let whole: String = (0..500_u32).filter_map(|at| char::from_u32(0x4e00 + at % 431)).collect();
    let kept = json!(whole);
    let (pieces, whole) = (field.links(&kept), crate::text::normalise(&whole));
    let letters: Vec<char> = whole.chars().collect();
    for length in [1, 2, 167, 200, 250] {
        for part in letters.windows(length).map(|part| part.iter().collect::<String>()) {
            assert!(pieces.iter().any(|piece| piece.contains(&part)), "{part}");
        }
    }
    // A ligature of one character is normalised to eighteen.
    let wide = field.links(&json!("\u{fdfa}".repeat(500)));
    assert!(wide.len() > 1 && wide.iter().all(|piece| piece.chars().count() <= 500), "{}", wide.len());
    assert_eq!(field.links(&json!("短")), Vec::<String>::new());
    let own = sealed(CustomType::Text);
    assert_eq!((own.links(&json!("G1")), own.has_links()), (vec!["there".to_owned()], true));
    assert!(!sealed(CustomType::Money).has_links() && !super::tests::field(CustomType::Url).has_links());
    assert_eq!(CustomField::part(" ＡＢ "), Some("ab".to_owned()));
    assert_eq!((CustomField::part(" "), CustomField::part(&"\u{fdfa}".repeat(20))), (None, None));
}
