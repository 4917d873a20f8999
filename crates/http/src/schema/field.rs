//! One field of a form.

use kehu_domain::entry_rule::Rule;
use kehu_domain::field::{Element, Field, Group, Shape, Sight, Vocabulary, Write};
use kehu_domain::fields::MAX_SOURCES;
use kehu_domain::filter::field_members;
use kehu_domain::record::Kind;
use kehu_domain::rights::Relation;
use kehu_store::Caller;
use serde_json::{Map, Value, json};

use crate::openapi::{example, inlined};

use super::{codes, label, rule};

/// The most elements of a list of phones, e-mails or accounts.
const ELEMENTS: usize = 20;
/// The most tags of a record.
const TAGS: usize = 100;

/// The stable word of a shape, and what a form needs beside it.
fn shape(field: &Field) -> (&'static str, Map<String, Value>) {
    let mut more = Map::new();
    let mut add = |name: &str, value: Value| {
        more.insert(name.to_owned(), value);
    };
    let word = match field.shape {
        Shape::Line(max) | Shape::Text(max) => {
            add("max_length", json!(max));
            if matches!(field.shape, Shape::Line(_)) { "line" } else { "text" }
        }
        Shape::Choice(vocabulary) => {
            add("choices", choices(vocabulary));
            "choice"
        }
        Shape::Choices(vocabulary) => {
            add("choices", choices(vocabulary));
            "choices"
        }
        Shape::Lines(many, max) => {
            add("max_items", json!(many));
            add("max_length", json!(max));
            "lines"
        }
        Shape::Flag => "flag",
        Shape::Count => "integer",
        Shape::Instant => "instant",
        Shape::Date => "date",
        Shape::Birthday => "birthday",
        Shape::Quarter => "quarter",
        Shape::Budget => "budget",
        Shape::IdNumber => "id_number",
        Shape::Word => "word",
        Shape::Id => "id",
        Shape::Ref(kind) => {
            add("kind", kind.into());
            "reference"
        }
        Shape::Industry => "industry",
        Shape::Region => "region",
        Shape::Elements(element) => {
            add("max_items", json!(ELEMENTS));
            match element {
                Element::Phone => "phones",
                Element::Email => "emails",
                Element::BankAccount => "bank_accounts",
            }
        }
        Shape::Tags => {
            add("max_items", json!(TAGS));
            "tags"
        }
        Shape::Words => "words",
        Shape::ExternalIds => {
            add("max_items", json!(MAX_SOURCES));
            "external_ids"
        }
        Shape::Data(name) => {
            add("data", name.into());
            add("json_schema", inlined(name));
            "data"
        }
    };
    (word, more)
}

fn choices(vocabulary: &Vocabulary) -> Value {
    vocabulary.items.iter().map(|(key, zh, en)| json!({ "key": key, "label": label(zh, en) })).collect()
}

/// How much is seen, in a word.
pub(super) fn sight_word(sight: Sight) -> &'static str {
    match sight {
        Sight::Hidden => "hidden",
        Sight::Masked => "masked",
        Sight::Full => "full",
    }
}

/// Everything about one field.
pub(super) fn described(caller: &Caller, kind: &'static Kind, field: &'static Field, rules: &[Rule]) -> Value {
    let (word, more) = shape(field);
    let write = match field.write {
        Write::Always => "always",
        Write::Once => "create",
        Write::Transfer => "transfer",
        Write::Never => "never",
    };
    let class = match field.group {
        Group::General => "general",
        Group::Contact => "contact_data",
        Group::Identity => "identity",
    };
    let sees = |relation| sight_word(caller.sees(kind, field, relation));
    // One for most fields, none for what cannot be asked for.
    let filters = field_members(field).into_iter().map(|member| {
        let operators: Vec<&str> = member.class.ops().iter().map(|op| op.key()).collect();
        json!({ "member": member.name, "operators": operators })
    });
    let filters: Vec<Value> = filters.collect();
    let mut described = Map::new();
    let mut add = |name: &str, value: Value| {
        described.insert(name.to_owned(), value);
    };
    add("name", field.name.into());
    add("label", label(field.zh, field.en));
    add("doc", field.doc.trim().into());
    add("type", word.into());
    more.into_iter().for_each(|(name, value)| add(&name, value));
    add("nullable", field.nullable.into());
    add("required", field.required.into());
    add("required_at", json!(rule::required_at(rules, field.name)));
    add("write", write.into());
    add("writes", (field.write != Write::Never && caller.rights().writes(kind.name, field.name)).into());
    add("sees", json!({ "own": sees(Relation::Own), "team": sees(Relation::Team), "other": sees(Relation::Other) }));
    add("sealed", field.sealed.into());
    add("data_class", class.into());
    add("sortable", field.sortable.into());
    add("filters", json!(filters));
    add("example", example(kind, field.name));
    add("codes", json!(codes::of_field(field)));
    described.into()
}
