//! The strong keys that a patch brings: told from its body, before the record that it changes is read.

use kehu_domain::custom::CustomValues;
use kehu_domain::field::Find;
use kehu_domain::fields::ElementValue;
use kehu_domain::filter::external_id_form;
use kehu_domain::read::Reader;
use kehu_domain::record::Kind;
use kehu_domain::rights::CUSTOM;
use kehu_domain::value::{CreditCode, Email, IdNumber, Phone};
use serde_json::Value;

use crate::gate::Caller;
use crate::pii::Entry;
use crate::rows::Rows;

use super::custom;

/// Every strong key that could be new to the record. Any text within a list of phones may be a number: one too many is
/// a lock more, and does no harm.
pub(crate) fn strong_keys<R: Rows>(body: &Value, region: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for field in R::KIND.fields {
        let Some(json) = body.get(field.name) else { continue };
        match field.find {
            Some(Find::Phone) => each_text(json, &mut |text| keys.extend(key(Phone::parse(text, region)))),
            Some(Find::Email) => each_text(json, &mut |text| keys.extend(key(Email::parse(text)))),
            Some(Find::IdNumber) => each_text(json, &mut |text| {
                keys.extend(IdNumber::parse(text).ok().map(|number| number.as_str().to_owned()));
            }),
            Some(Find::ExternalId) => {
                let said = json.as_object().into_iter().flatten();
                let ids = said.filter_map(|(source, id)| Some((source, id.as_str()?)));
                keys.extend(ids.map(|(source, id)| external_id_form(R::KIND.name, source, id)));
            }
            // Not strong.
            Some(Find::Wechat | Find::BankAccount | Find::Birthday) => {}
            None if field.name == "credit_code" => each_text(json, &mut |text| {
                keys.extend(CreditCode::parse(text).ok().map(|code| code.as_str().to_owned()));
            }),
            None => {}
        }
    }
    keys
}

/// The values that a patch brings for fields that are unique, as locks know them.
pub(crate) fn custom_keys(caller: &Caller, kind: &Kind, body: &Value) -> Vec<String> {
    custom_entries(caller, kind, body).into_iter().filter(|entry| entry.strong).map(|entry| entry.value).collect()
}

fn custom_entries(caller: &Caller, kind: &Kind, body: &Value) -> Vec<Entry> {
    custom::entries(caller.org().custom(kind.name), &custom_values(caller, kind, body))
}

/// The values that a body brings for fields of the organisation's own, as they would be kept. Masks are none.
pub(super) fn custom_values(caller: &Caller, kind: &Kind, body: &Value) -> CustomValues {
    let fields = caller.org().custom(kind.name);
    let mut values = CustomValues::default();
    let Some(said) = body.get(CUSTOM).and_then(Value::as_object) else { return values };
    let mut no_id = uuid::Uuid::nil;
    for field in fields.iter() {
        let Some(json) = said.get(&field.key).filter(|json| !json.is_null()) else { continue };
        let mut reader = Reader::new(&caller.org().region, &mut no_id);
        values.0.extend(custom::read(field, json, &mut reader, None).map(|kept| (field.no, kept)));
    }
    values
}

fn key<V: ElementValue, E>(value: Result<V, E>) -> Option<String> {
    value.ok().filter(ElementValue::is_strong).map(|value| value.index_form())
}

/// Lists of texts, of elements with a `value`, `add` and `remove`: the texts of all of them.
pub(super) fn each_text(json: &Value, act: &mut dyn FnMut(&str)) {
    match json {
        Value::String(text) => act(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, act)),
        Value::Object(members) => members.values().for_each(|member| each_text(member, act)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use kehu_domain::kinds::{Customer, FollowUp};
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_told_from_every_form_of_a_patch() {
        let keys = |body: Value| strong_keys::<Customer>(&body, "CN");
        assert_eq!(keys(json!({"remark": "13800138000", "wechat": "a", "name": "甲"})), Vec::<String>::new());
        assert_eq!(keys(json!({"phones": null, "emails": [], "credit_code": null})), Vec::<String>::new());
        assert_eq!(keys(json!({"phones": ["138 0013 8000", "021-58881234"]})), ["+8613800138000"]);
        let elements =
            json!([{"id": "0199a000-0000-7000-8000-000000000000", "value": "13800138000"}, {"primary": true}]);
        assert_eq!(keys(json!({"phones": elements})), ["+8613800138000"]);
        assert_eq!(keys(json!({"phones": {"add": ["13800138000"], "remove": ["x"]}})), ["+8613800138000"]);
        assert_eq!(keys(json!({"emails": ["Li@Example.com"], "phones": ["138****8000"]})), ["li@example.com"]);
        assert_eq!(keys(json!({"credit_code": " 91370202xwdd4e9r02"})), ["91370202XWDD4E9R02"]);
        assert_eq!(keys(json!({"id_number": "11010119900307002x"})), ["11010119900307002X"]);
        assert_eq!(
            keys(json!({"id_number": "1***************X", "bank_accounts": ["62220263608377"]})),
            Vec::<String>::new()
        );
        assert_eq!(strong_keys::<FollowUp>(&json!({"phones": ["13800138000"]}), "CN"), Vec::<String>::new());
    }
}
