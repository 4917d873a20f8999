use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::codes;
use crate::entry_rule::Pattern;
use crate::flaw::Lang;
use crate::read::Reader;
use crate::record::Record as _;

fn rule(body: &Value) -> Result<Rule, Vec<(String, &'static str)>> {
    let mut make_id = Uuid::nil;
    let mut reader = Reader::new("CN", &mut make_id);
    let mut members = body.as_object().unwrap().clone();
    let rule = EntryRule::create(&mut members, &mut reader);
    reader.refuse_rest(&members, &[]);
    let found = reader.into_findings().into_iter().map(|found| (found.pointer, found.flaw.code.key));
    let across = rule.iter().flat_map(EntryRule::rules);
    let across = across.map(|found| (format!("/{}", found.field), found.flaw.code.key));
    let found: Vec<_> = found.chain(across).collect();
    let label = || "标签".to_owned();
    rule.filter(|_| found.is_empty()).map(|rule| Rule { id: Uuid::nil(), rule, zh: label(), en: label() }).ok_or(found)
}

fn on(field: &str, check: &Value) -> Rule {
    rule(&json!({"kind": "customer", "field": field, "check": check})).unwrap()
}

fn says(field: &str, check: &Value, value: &Value) -> Option<&'static str> {
    let members = json!({field: value}).as_object().unwrap().clone();
    let rule = on(field, check);
    let mut found = judge(std::iter::once(&rule), &members, Tz::Asia__Shanghai, "");
    found.pop().map(|(_, finding)| finding.flaw.code.key)
}

#[test]
fn a_check_holds_of_what_it_should() {
    let required = json!({"type": "required"});
    for (value, broken) in [(json!(null), true), (json!(" "), true), (json!([]), true), (json!("x"), false)] {
        assert_eq!(says("remark", &required, &value).is_some(), broken, "{value}");
    }
    let pattern = json!({"type": "pattern", "pattern": "[A-Z]{2}|x"});
    for (value, broken) in [("AB", false), ("x", false), ("ABx", true), ("xAB", true), ("AB\n", true)] {
        assert_eq!(says("remark", &pattern, &json!(value)), broken.then_some("rule_pattern"), "{value}");
    }
    let phones = json!([{"value": "+8613800138000"}, {"value": "+85212345678"}]);
    assert_eq!(says("phones", &json!({"type": "pattern", "pattern": r"\+\d+"}), &phones), None);
    assert_eq!(says("phones", &json!({"type": "pattern", "pattern": r"\+86\d+"}), &phones), Some("rule_pattern"));
    assert_eq!(says("phones", &json!({"type": "range", "max": 1}), &phones), Some("rule_range"));
    assert_eq!(says("phones", &json!({"type": "range", "min": 2, "max": 2}), &phones), None);
    let budget = json!({"min": "50", "max": "100", "unit": "10k_cny"});
    for (range, broken) in [(json!({"min": 50}), false), (json!({"min": 51}), true), (json!({"max": 99}), true)] {
        let mut check = range.clone();
        check["type"] = json!("range");
        assert_eq!(says("budget", &check, &budget), broken.then_some("rule_range"), "{range}");
    }
    let choices = json!({"type": "choices", "choices": ["a", "vip"]});
    assert_eq!(
        (says("grade", &choices, &json!("a")), says("grade", &choices, &json!("b"))),
        (None, Some("rule_choices"))
    );
    let industries = json!({"type": "choices", "choices": ["I65"]});
    assert_eq!(says("industry", &industries, &json!({"code": "I65", "name": "软件"})), None);
    let naming = json!({"type": "naming", "ends_with": ["公司", "厂"], "not_contains": ["测试"], "min_length": 4});
    for (value, broken) in [("上海某厂", false), ("某公司", true), ("上海商店", true), ("上海测试公司", true)]
    {
        assert_eq!(says("name", &naming, &json!(value)), broken.then_some("rule_naming"), "{value}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let refused = |kind: &str, field: &str, check: Value| {
        rule(&json!({"kind": kind, "field": field, "check": check})).err().unwrap_or_default()
    };
    let at = |pointer: &str, code: &'static str| vec![(pointer.to_owned(), code)];
    assert_eq!(refused("customer", "no_such", json!({"type": "required"})), at("/field", "rule_field_unknown"));
    assert_eq!(refused("customer", "number", json!({"type": "required"})), at("/field", "rule_field_unknown"));
    assert_eq!(refused("customer", "name", json!({"type": "range", "min": 1})), at("/check", "rule_check_unfit"));
    assert_eq!(refused("contact", "primary", json!({"type": "required"})), at("/check", "rule_check_unfit"));
    assert_eq!(
        refused("follow_up", "happened_at", json!({"type": "range", "min": 1})),
        at("/check", "rule_bound_invalid")
    );
    assert_eq!(
        refused("customer", "grade", json!({"type": "choices", "choices": ["z"]})),
        at("/check", "rule_choice_unknown")
    );
    assert_eq!(refused("customer", "name", json!({"type": "naming"})), at("/check", "rule_empty"));
    assert_eq!(refused("customer", "phones", json!({"type": "range"})), at("/check", "rule_empty"));
    let turned = refused("customer", "phones", json!({"type": "range", "min": 3, "max": 1}));
    assert_eq!(turned, at("/check/min", "rule_range_turned"));
    assert_eq!(refused("customer", "name", json!({"type": "maybe"})), at("/check/type", "choice_unknown"));
    assert_eq!(refused("customer", "name", json!({"type": "required", "min": 1})), at("/check/min", "field_unknown"));
    let staged = json!({"kind": "contact", "field": "name", "check": {"type": "required"}, "stages": ["active"]});
    assert_eq!(rule(&staged).err(), Some(at("/stages", "rule_stages_of_customer")));
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused_with_the_place() {
    let flaw = |said: &str| Pattern::parse(said).unwrap_err();
    let place = |said: &str| {
        let flaw = flaw(said);
        assert_eq!(flaw.code, &codes::PATTERN_INVALID, "{said}");
        flaw.params.iter().find(|(name, _)| *name == "at").map(|(_, place)| place.clone())
    };
    assert_eq!(place("甲乙(丙"), Some("3".to_owned()));
    assert_eq!(place("ab[z-a]"), Some("4".to_owned()));
    assert_eq!(place("(?=a)"), Some("1".to_owned()));
    assert_eq!(flaw("(a{1000}){1000}").code, &codes::PATTERN_TOO_LARGE);
    assert_eq!(flaw(&"a".repeat(501)).code, &codes::PATTERN_TOO_LARGE);
    // What closes the group that the whole stands in is no way out of it.
    assert_eq!(flaw("a)|(b").code, &codes::PATTERN_INVALID);
}

#[test]
fn what_is_stored_is_read_again() {
    for check in [
        json!({"type": "required"}),
        json!({"type": "pattern", "pattern": "a\\d"}),
        json!({"type": "range", "min": 1, "max": null}),
        json!({"type": "range", "min": "2026-01-01", "max": "2026-12-31"}),
        json!({"type": "choices", "choices": ["x"]}),
        json!({"type": "naming", "ends_with": ["厂"], "max_length": 9}),
    ] {
        let read = read_check(&check).unwrap();
        assert_eq!(Check::from_stored(&read.to_stored()), Some(read), "{check}");
    }
}

fn read_check(check: &Value) -> Option<Check> {
    let mut make_id = Uuid::nil;
    <Check as crate::record::FieldValue>::read(check, &mut Reader::new("", &mut make_id), None)
}

#[test]
fn a_length_beyond_every_name_is_refused() {
    for bound in ["min_length", "max_length"] {
        let naming =
            |length: u64| json!({"kind": "customer", "field": "name", "check": {"type": "naming", bound: length}});
        assert!(rule(&naming(10_000)).is_ok(), "{bound}");
        for length in [10_001, u64::MAX] {
            let refused = vec![(format!("/check/{bound}"), "number_out_of_range")];
            assert_eq!(rule(&naming(length)).err(), Some(refused), "{bound} {length}");
        }
    }
}

/// Any number that a body may say, the outermost ones among them.
fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u64..20_000).prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn bound() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["-?[0-9]{1,21}(\\.[0-9]{0,7})?", "20[0-9]{2}-[01][0-9]-[0-3][0-9]", " ?[0-9]{1,3} ?"];
    prop_oneof![number(), text.prop_map(Value::from)]
}

fn texts() -> impl Strategy<Value = Value> {
    prop_oneof![prop::collection::vec("\\PC{0,8}", 0..4).prop_map(|texts| json!(texts)), Just(Value::Null),]
}

fn any_check() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,12}".prop_map(|pattern| json!({"type": "pattern", "pattern": pattern})),
        (bound(), bound()).prop_map(|(min, max)| json!({"type": "range", "min": min, "max": max})),
        texts().prop_map(|choices| json!({"type": "choices", "choices": choices})),
        (texts(), texts(), texts(), number(), number()).prop_map(|(ends, has, has_not, min, max)| {
            json!({
                "type": "naming", "ends_with": ends, "contains": has, "not_contains": has_not,
                "min_length": min, "max_length": max,
            })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A rule that was accepted and could not be read again would be none.
    #[test]
    fn every_accepted_check_is_read_again(said in any_check()) {
        if let Some(check) = read_check(&said) {
            prop_assert_eq!(Check::from_stored(&check.to_stored()), Some(check));
        }
    }
}

#[test]
fn a_rule_speaks_at_its_stage_and_in_the_organisations_words() {
    let body = json!({
        "kind": "customer", "field": "phones", "stages": ["active"], "severity": "warn",
        "check": {"type": "required"}, "message": {"zh-CN": "成交客户必须有电话"},
    });
    let rule = rule(&body).unwrap();
    assert!(rule.holds_at(Some(Stage::Active)) && !rule.holds_at(Some(Stage::Lost)) && !rule.holds_at(None));
    let found = judge(std::iter::once(&rule), &Members::new(), Tz::UTC, "/contacts/0");
    let [(weight, finding)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((*weight, finding.pointer.as_str()), (Weight::Warns, "/contacts/0/phones"));
    assert_eq!(finding.flaw.message(Lang::En), "成交客户必须有电话");
}
