//! What holds of every type and any value.

use proptest::prelude::*;
use serde_json::json;

use super::tests::{ALL, field, read, read_seeing, sealed, show};
use super::*;

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,30}|.{0,30}|[-+0-9.,eE]{0,24}|[0-9]{4}-[01][0-9]-[0-3][0-9]|https?://[a-z]{1,8}(\\.com)?/.{0,10}"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("amount|currency|[a-z]{1,4}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value that a field of the type takes.
fn value_of(holds: CustomType) -> BoxedStrategy<Value> {
    let decimal = (-900_000_000_000_i64..900_000_000_000, 0_u32..100).prop_map(|(n, f)| json!(format!("{n}.{f:02}")));
    match holds {
        CustomType::Text | CustomType::LongText => "[一-龥a-zA-Z0-9ß]{1,240}".prop_map(Value::from).boxed(),
        CustomType::Number | CustomType::Money => decimal.boxed(),
        CustomType::Date => (-25_567_i64..2_932_896).prop_map(|days| json!(time::date_text(days))).boxed(),
        CustomType::Time => {
            (-2_208_988_800_000_i64..253_402_300_799_999).prop_map(|ms| json!(time::time_text(ms))).boxed()
        }
        CustomType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        CustomType::Choice => "gold|new|金牌".prop_map(Value::from).boxed(),
        CustomType::Choices => prop::collection::vec("gold|new|新", 0..5).prop_map(Value::from).boxed(),
        CustomType::Phone => (13_800_000_000_u64..13_900_000_000).prop_map(|n| json!(n.to_string())).boxed(),
        CustomType::Email => "[a-zA-Z]{1,8}@[a-z]{1,8}\\.com".prop_map(Value::from).boxed(),
        CustomType::Url => "https?://[a-z]{1,8}\\.com/[一-龥a-z]{0,8}".prop_map(Value::from).boxed(),
        CustomType::Reference => any::<u128>().prop_map(|n| json!(Uuid::from_u128(n).to_string())).boxed(),
    }
}

fn any_value() -> impl Strategy<Value = (CustomType, Value, Value)> {
    prop::sample::select(ALL.as_slice()).prop_flat_map(|holds| (Just(holds), value_of(holds), value_of(holds)))
}

proptest! {
    #[test]
    fn nothing_panics_on_any_json(json in any_json(), old in any_json()) {
        for holds in ALL {
            for field in [field(holds), sealed(holds)] {
                let kept = read(&field, &json);
                let _ = read_seeing(&field, &json, Some(&old), Sight::Masked);
                let _ = (field.operand(&json, chrono_tz::UTC), field.sealed_operand(&json, "CN"), field.prefix(&json));
                // Also what was never written by a field of this type.
                let _ = (field.slot_value(&json), field.index_form(&json), field.links(&json), field.mask(&json));
                if let Ok(kept) = kept {
                    prop_assert_eq!(read(&field, &show(&field, &kept, Sight::Full)), Ok(kept));
                }
            }
        }
    }

    #[test]
    fn what_is_shown_can_be_written_back((holds, said, _) in any_value()) {
        let field = field(holds);
        let kept = read(&field, &said);
        prop_assert!(kept.is_ok(), "{:?} {}: {:?}", holds, said, kept);
        let kept = kept.unwrap();
        prop_assert_eq!(read(&field, &kept_as_text(&field, &kept)), Ok(kept.clone()));
        let shown = show(&field, &kept, Sight::Full);
        prop_assert_eq!(read_seeing(&field, &shown, Some(&kept), Sight::Full), Ok(kept.clone()));
        let asked = field.operand(&said, chrono_tz::UTC);
        if let (Some(asked), Some(kept)) = (asked, field.slot_value(&kept)) {
            prop_assert_eq!(asked, kept, "what is asked for is what is kept");
        }
    }

    #[test]
    fn slots_are_in_the_order_of_values((holds, one, two) in any_value()) {
        let field = field(holds);
        let (one, two) = (read(&field, &one).unwrap(), read(&field, &two).unwrap());
        let in_order = match (field.slot_value(&one), field.slot_value(&two)) {
            (Some(SlotValue::Number(a)), Some(SlotValue::Number(b))) => a.cmp(&b) == by_value(&field, &one, &two),
            (Some(SlotValue::Text(a)), Some(SlotValue::Text(b))) => {
                let whole = |kept: &Value| crate::text::normalise(kept.as_str().unwrap());
                let begin = |kept: &Value| whole(kept).chars().take(SLOT_PREFIX).collect::<String>();
                (a == b) == (whole(&one) == whole(&two))
                    && (begin(&one) == begin(&two) || a.cmp(&b) == begin(&one).cmp(&begin(&two)))
            }
            (None, None) => holds.slot_column().is_none(),
            _ => false,
        };
        prop_assert!(in_order, "{holds:?} {one} {two}");
    }
}

/// A kept value as a client may send it without loss.
fn kept_as_text(field: &CustomField, kept: &Value) -> Value {
    if field.holds == CustomType::Number { kept.clone() } else { show(field, kept, Sight::Full) }
}

/// The order of two kept values, by another way than their slots.
fn by_value(field: &CustomField, one: &Value, two: &Value) -> std::cmp::Ordering {
    let decimal = |kept: &Value| {
        let text = kept.get("amount").unwrap_or(kept).as_str().unwrap().to_owned();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
        let sign = if text.starts_with('-') { -1 } else { 1 };
        sign * (whole.trim_start_matches('-').parse::<i128>().unwrap() * 1_000_000
            + format!("{fraction:0<6}").parse::<i128>().unwrap())
    };
    match field.holds {
        CustomType::Number | CustomType::Money => decimal(one).cmp(&decimal(two)),
        CustomType::Boolean => one.as_bool().cmp(&two.as_bool()),
        CustomType::Date => one.as_str().cmp(&two.as_str()),
        _ => show(field, one, Sight::Full).as_str().cmp(&show(field, two, Sight::Full).as_str()),
    }
}
