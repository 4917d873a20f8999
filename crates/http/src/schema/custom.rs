//! One field that the organisation added.

use kehu_domain::custom::{CustomField, show_bound};
use kehu_domain::entry_rule::Rule;
use kehu_domain::field::Sight;
use kehu_domain::filter::{Op, custom_ops};
use kehu_domain::record::Kind;
use kehu_domain::rights::Relation;
use kehu_domain::show::Out;
use kehu_store::Caller;
use serde_json::{Map, Value, json};

use crate::openapi::value_schema;

use super::{field, label, rule};

/// JSON that the domain writes.
fn written(write: impl FnOnce(&mut Out)) -> Value {
    let mut out = Out::new();
    write(&mut out);
    serde_json::from_str(&out.into_text()).unwrap_or_default()
}

/// Everything about one field.
pub(super) fn described(caller: &Caller, kind: &'static Kind, custom: &CustomField, rules: &[Rule]) -> Value {
    let rights = caller.rights();
    let sees = |relation| field::sight_word(rights.sees_custom(kind.name, custom, relation));
    let bound = |bound: Option<i64>| {
        bound.map(|bound| written(|out| show_bound(custom.holds, custom.currency.as_deref(), bound, out)))
    };
    let choices = custom
        .choices
        .iter()
        .map(|item| json!({ "key": item.key, "label": label(&item.zh, &item.en), "retired": item.retired }));
    let operators: Vec<&str> = custom_ops(custom).map(Op::key).collect();
    let default = custom.default.as_ref().map(|kept| written(|out| custom.show(kept, out, Sight::Full)));
    let mut described = Map::new();
    let mut add = |name: &str, value: Value| {
        described.insert(name.to_owned(), value);
    };
    add("key", custom.key.as_str().into());
    add("name", custom.name.as_str().into());
    add("label", label(&custom.zh, &custom.en));
    add("help", json!(custom.help.as_ref().map(|(zh, en)| label(zh, en))));
    add("group", json!(custom.group));
    add("order", custom.order.into());
    add("type", custom.holds.key().into());
    add("required", custom.required.into());
    add("required_at", json!(rule::required_at(rules, &custom.name)));
    add("unique", custom.unique.into());
    add("default", json!(default));
    add("choices", choices.collect());
    add("min", json!(bound(custom.min)));
    add("max", json!(bound(custom.max)));
    add("pattern", json!(custom.pattern_text()));
    add("currency", json!(custom.currency));
    add("kind", json!(custom.target));
    add("writes", rights.writes_custom(kind.name, &custom.name).into());
    add("sees", json!({ "own": sees(Relation::Own), "team": sees(Relation::Team), "other": sees(Relation::Other) }));
    add("sealed", custom.sensitive.into());
    add("data_class", if custom.sensitive { "contact_data" } else { "general" }.into());
    add("searchable", custom.searchable.into());
    add("sortable", (!operators.is_empty() && custom.is_sortable()).into());
    let filter = (!operators.is_empty()).then(|| json!({ "member": custom.name, "operators": operators }));
    add("filters", filter.into_iter().collect());
    add("json_schema", value_schema(custom));
    described.into()
}
