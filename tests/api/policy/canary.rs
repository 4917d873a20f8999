//! Values that stand nowhere else, one for each field of each record, and looking for them in answers.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kehu_tests::{Reply, unique};
use serde_json::{Value, json};

/// Letters that no other value has.
pub(super) fn letters() -> String {
    let letter = |digit: char| char::from_digit(digit.to_digit(10).unwrap() + 20, 36).unwrap();
    let digits: String = format!("{:09}{:04}", unique(), std::process::id() % 10_000);
    format!("qz{}", digits.chars().map(letter).collect::<String>())
}

fn check(digits: &str) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum = digits.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight);
    char::from(b"10X98765432"[sum.sum::<usize>() % 11])
}

/// An ID number (GB 11643) with its check character.
fn id_number(next: u64) -> String {
    let born = format!("19{:02}{:02}{:02}", 30 + next % 60, 1 + next / 60 % 12, 1 + next / 720 % 28);
    let digits = format!("110101{born}{:03}", next / 20_160 % 1000);
    format!("{digits}{}", check(&digits))
}

/// A bank card with its check digit (Luhn).
fn card(next: u64) -> String {
    let digits = format!("62220202{next:010}");
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let values = digits.chars().rev().map(|digit| digit.to_digit(10).unwrap()).enumerate();
    let sum: u32 = values.map(|(at, digit)| if at % 2 == 0 { doubled(digit) } else { digit }).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A unified social credit code (GB 32100) with its check character.
fn credit_code(next: u64) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let code = format!("91310115{next:09}");
    let place = |c: u8| ALPHABET.iter().position(|known| *known == c).unwrap();
    let weighed = code.bytes().fold((0, 1), |(sum, weight), c| (sum + place(c) * weight, weight * 3 % 31));
    format!("{code}{}", char::from(ALPHABET[(31 - weighed.0 % 31) % 31]))
}

/// A moment of its own, in the fifteen years from one on.
fn moment(next: u64, from: u64) -> String {
    let (year, month, day) = (from + next % 15, 1 + next / 15 % 12, 1 + next / 180 % 28);
    format!("{year}-{month:02}-{day:02}T{:02}:{:02}:07.000Z", next / 5040 % 24, next / 120_960 % 60)
}

/// A value for a field of a kind that nothing else has; null where a field's values are few, or it needs others.
pub(super) fn value(kind: &str, field: &str) -> Value {
    let next = unique();
    match (kind, field) {
        ("tag", "color") => json!(format!("#a{:05x}", next % 0x10_0000)),
        ("contact", "role") => json!("finance"),
        ("field", "kind") => json!("customer"),
        ("field", "type") => json!("text"),
        ("field", "label" | "help") => json!({"en": letters()}),
        ("field", "order") => json!(7),
        ("entry_rule", "kind") => json!("customer"),
        ("entry_rule", "field") => json!("remark"),
        ("entry_rule", "stages") => json!(["partner"]),
        ("entry_rule", "check") => json!({"type": "required"}),
        ("entry_rule", "severity") => json!("warn"),
        ("entry_rule", "message") => json!({"zh-CN": letters(), "en": letters()}),
        // It holds for nobody here.
        ("entry_rule", "active") => json!(false),
        ("entry_rule", "order") => json!(next),
        ("segment", "kind") => json!("customer"),
        ("segment", "type") => json!("live"),
        ("segment", "where") => json!({"field": "name", "op": "contains", "value": letters()}),
        (_, "kind") => json!(if kind == "customer" { "person" } else { "call" }),
        (_, "name") if matches!(kind, "customer" | "contact") => json!(format!("明文{}", letters())),
        (_, "name" | "position" | "remark" | "summary" | "body" | "next_step" | "group" | "wechat" | "user_name") => {
            json!(letters())
        }
        (_, "preferences" | "cooperation_history" | "needs_heard" | "pain_points") => json!(letters()),
        (_, "need_products") => json!([letters()]),
        (_, "needs") => json!(["purchase"]),
        (_, "budget") => json!("50-100"),
        (_, "purchase_window") => json!("2026-Q1"),
        (_, "cooperation_since") => {
            json!(format!("{}-{:02}-{:02}", 1992 + next % 900, 1 + next / 900 % 12, 1 + next / 10_800 % 28))
        }
        (_, "attitude") => json!("supporter"),
        (_, "outcome") => json!("agreed"),
        (_, "duration_minutes") => json!(30),
        (_, "description" | "consent_text" | "honeypot" | "source_id") => json!(letters()),
        (_, "key") => json!(letters()),
        (_, "address") => json!(format!("上海市浦东新区{}路", letters())),
        (_, "phones") => json!([format!("139{:08}", 20_000_000 + next)]),
        (_, "mobile") => json!(format!("139{:08}", 20_000_000 + next)),
        (_, "emails") => json!([format!("{}@canary.cn", letters())]),
        (_, "email") => json!(format!("{}@canary.cn", letters())),
        (_, "id_number") => json!(id_number(next)),
        (_, "bank_accounts") => json!([{"value": card(next), "bank": "中国工商银行"}]),
        (_, "credit_code") => json!(credit_code(next)),
        (_, "birthday") => {
            json!(format!("19{:02}-{:02}-{:02}", 2 + next % 90, 1 + next / 90 % 12, 1 + next / 1080 % 28))
        }
        (_, "tags") => json!([letters()]),
        (_, "external_ids") => json!({"shop": letters()}),
        (_, "happened_at") => json!(moment(next, 2010)),
        // It is not before what happened.
        (_, "next_due_at") => json!(moment(next, 2030)),
        (_, "stage") => json!("active"),
        (_, "grade") => json!("vip"),
        (_, "industry") => json!("IT"),
        (_, "size") => json!("10-49"),
        (_, "region") => json!("310115"),
        (_, "source") => json!("expo"),
        (_, "primary" | "pinned") => json!(true),
        // Another one than it is about: nobody changes that.
        (_, "record_kind") => json!("contact"),
        (_, "repeat_window") => json!(48),
        (_, "paused") => json!(true),
        (_, "origins") => json!(["https://www.example.com"]),
        (_, "fields") => {
            json!([{"key": "who", "maps_to": "customer.name"}, {"key": "tel", "maps_to": "customer.phone"}])
        }
        (_, "answer") => json!({"status": 200, "body": "ok"}),
        (_, "rights") => json!({"kinds": {"tag": {"read": ["all"]}}}),
        _ => Value::Null,
    }
}

/// The words of a value by which it is found again.
pub(super) fn words(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => tokens(text, &mut |token| {
            let long = token.len() >= 8 && (token.starts_with("qz") || token.bytes().any(|b| b.is_ascii_digit()));
            if long || text.starts_with('#') {
                found.push(token.to_owned());
            }
        }),
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::Object(members) => {
            members
                .iter()
                .filter(|(name, _)| matches!(name.as_str(), "value" | "shop"))
                .for_each(|(_, member)| words(member, found));
        }
        _ => {}
    }
}

/// Runs of letters and digits, and the dates and moments of a text.
fn tokens<'t>(text: &'t str, take: &mut dyn FnMut(&'t str)) {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|token| !token.is_empty()).for_each(&mut *take);
    let dated = |c: char| !c.is_ascii_digit() && !matches!(c, '-' | ':' | 'T');
    text.split(dated).filter(|token| matches!(token.len(), 10 | 19) && token.as_bytes()[4] == b'-').for_each(take);
}

/// Words that somebody must not be told, each with what it is.
#[derive(Default)]
pub(super) struct Forbidden(HashMap<String, String>);

impl Forbidden {
    pub(super) fn add(&mut self, word: &str, what: &str) {
        self.0.insert(word.to_lowercase(), what.to_owned());
    }

    pub(super) fn remove(&mut self, word: &str) {
        self.0.remove(&word.to_lowercase());
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn found_in(&self, text: &str, found: &mut Vec<String>) {
        tokens(text, &mut |token| {
            if let Some(what) = self.0.get(&token.to_lowercase()) {
                found.push(format!("{what} ({token})"));
            }
            // A cursor.
            if token.len() > 40 || token.len() > 8 && token.len() % 4 != 1 {
                let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
                let inner = String::from_utf8(bytes).unwrap_or_default();
                tokens(&inner, &mut |token| {
                    if let Some(what) = self.0.get(&token.to_lowercase()) {
                        found.push(format!("{what} ({token}) in a cursor"));
                    }
                });
            }
        });
    }

    /// Which of them stand in the body or the headers of an answer.
    pub(super) fn in_answer(&self, reply: &Reply) -> Vec<String> {
        let mut found = Vec::new();
        self.found_in(&reply.text, &mut found);
        for value in reply.headers.values() {
            self.found_in(value.to_str().unwrap_or_default(), &mut found);
        }
        found
    }
}

#[test]
fn a_canary_is_found_in_a_body_and_in_a_cursor() {
    let mut forbidden = Forbidden::default();
    let mut found = Vec::new();
    words(&value("customer", "phones"), &mut found);
    words(&json!("1931-04-05"), &mut found);
    found.iter().for_each(|word| forbidden.add(word, "it"));
    assert_eq!(found.len(), 2, "{found:?}");
    let seen = |text: &str| {
        let mut seen = Vec::new();
        forbidden.found_in(text, &mut seen);
        seen.len()
    };
    for word in &found {
        assert_eq!(seen(&format!("{{\"a\": \"{word}\"}}")), 1, "{word}");
        assert_eq!(seen(&format!("\"next\": \"{}\"", URL_SAFE_NO_PAD.encode(format!("[\"name\",\"{word}\"]")))), 1);
    }
    assert_eq!(seen("\"138****8000\", \"1932-04-05\""), 0);
}
