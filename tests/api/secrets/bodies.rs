//! Bodies made from the schemas of the description, with a word of its own in every text.

use serde_json::{Map, Value, json};

use super::sown::Sown;

/// Texts that lie in clear by design (docs/security.md): their words must be found. Any other text is held to be
/// somebody's secret.
const CLEAR: &[&str] = &[
    "name",
    "remark",
    "position",
    "summary",
    "body",
    "next_step",
    "group",
    "consent_text",
    "honeypot",
    "device_name",
    "client_id",
    "preferences",
    "cooperation_history",
    "needs_heard",
    "pain_points",
    "description",
];

/// What is left out: what the caller may not choose, what other members stand for as well, and what does not go with
/// confidential values.
const LEFT_OUT: &[&str] = &[
    "deleted",
    "owner_id",
    "team_id",
    "parent_id",
    "credit_code",
    "after",
    "sort",
    "record_id",
    "due_at",
    "users",
    "successors",
    "reports_to_id",
    "named",
    "head",
    "assign",
    "collaborators",
    "other_roles",
];

/// A body for a door.
pub(super) struct Bodies<'a> {
    pub(super) document: &'a Value,
    /// The customer and the contact that others hang on.
    pub(super) customer: &'a str,
    pub(super) contact: &'a str,
}

impl Bodies<'_> {
    /// The schema that a reference means, or the first alternative that is something.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema["$ref"].as_str() {
            return self.resolved(self.document.pointer(name.trim_start_matches('#')).unwrap());
        }
        let alternatives = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
        match alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
            Some(first) => self.resolved(first),
            None => schema,
        }
    }

    /// Bodies that together have every member: one, or one for each where only one may be there.
    pub(super) fn of(&self, schema: &Value, sown: &mut Sown) -> Vec<Value> {
        let schema = self.resolved(schema);
        let whole = self.object(schema, sown);
        match (schema["maxProperties"].as_u64(), whole.as_object()) {
            (Some(1), Some(members)) => members.iter().map(|(name, value)| json!({name: value})).collect(),
            _ => vec![whole],
        }
    }

    fn object(&self, schema: &Value, sown: &mut Sown) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut body = Map::new();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let resolved = self.resolved(member);
            if member["readOnly"] == true || resolved["readOnly"] == true {
                continue;
            }
            let value = match self.known(schema, name, sown) {
                Some(value) => value,
                None => self.value(name, resolved, required.contains(&name.as_str()), sown),
            };
            if !value.is_null() {
                body.insert(name.clone(), value);
            }
        }
        body.into()
    }

    /// Members whose values follow a form of their own, by name; null where it is left out.
    fn known(&self, schema: &Value, name: &str, sown: &mut Sown) -> Option<Value> {
        let (filters, of_form) = (&schema["x-filter-fields"], schema["properties"].get("consent_text").is_some());
        let of_field = schema["properties"].get("searchable").is_some();
        let text = |word: String| Value::from(word);
        Some(match name {
            "record_id" if schema["properties"].get("record_kind").is_some() => self.customer.into(),
            name if LEFT_OUT.contains(&name) => Value::Null,
            // How a field is defined lies in clear.
            "kind" if of_field => "customer".into(),
            "key" if of_field => format!("planted_{}", kehu_tests::unique()).into(),
            "label" | "help" if of_field => json!({"zh-CN": sown.open(name), "en": sown.open(name)}),
            "default" if of_field => text(sown.open(name)),
            "choices" | "min" | "max" | "pattern" | "currency" | "target" if of_field => Value::Null,
            "customer_id" => self.customer.into(),
            "contact_id" => self.contact.into(),
            "phones" => {
                let phone = sown.phone(name);
                sown.element(name, &phone)
            }
            // What an organisation lays down for addresses.
            "emails" if schema["properties"].get("passwords").is_some() => return None,
            "needs" => json!(["purchase"]),
            "need_products" => json!([sown.open(name)]),
            "budget" => "50-100".into(),
            "purchase_window" => "2026-Q1".into(),
            "cooperation_since" => "2020-01-01".into(),
            "emails" => {
                let mail = sown.mail(name);
                sown.element(name, &mail)
            }
            "bank_accounts" => {
                let account = sown.account(name);
                let mut accounts = sown.element(name, &account);
                accounts[0]["bank"] = sown.text("bank").into();
                accounts
            }
            // Of an entry rule: what it says lies in clear, and it holds for nobody here.
            "field" if schema["properties"].get("check").is_some() => "remark".into(),
            "check" if schema["properties"].get("severity").is_some() => json!({"type": "required"}),
            "stages" if schema["properties"].get("check").is_some() => Value::Null,
            "message" if schema["properties"].get("severity").is_some() => {
                json!({"zh-CN": sown.open("message"), "en": sown.open("message")})
            }
            "active" if schema["properties"].get("severity").is_some() => false.into(),
            // Only persons have one.
            "kind" if schema["properties"].get("id_number").is_some() => "person".into(),
            "bank_account" => text(sown.account(name)),
            "phone" | "mobile" => text(sown.phone(name)),
            "email" => text(sown.mail(name)),
            "login" | "user_name" | "wechat" | "refresh_token" | "token" => text(sown.ascii(name)),
            "organisation" | "otp" | "client" => Value::Null,
            // Of an identity provider: its secret is one, the rest is how it is laid down, and lies in clear.
            "issuer" => "https://id.example.com".into(),
            "scopes" => json!(["email"]),
            "groups_claim" => "groups".into(),
            "default_role" => "salesperson".into(),
            "role" if schema["properties"].get("group").is_some() => "salesperson".into(),
            "redirect_uris" => json!(["https://crm.example.com/back"]),
            "allowed_email_domains" => json!(["example.com"]),
            "created_at" | "updated_at" => Value::Null,
            "role" if schema["properties"].get("expires_at").is_some() => "manager".into(),
            "expires_at" => "2100-01-01T00:00:00Z".into(),
            "birthday" => text(sown.date(name)),
            "id_number" => text(sown.id_number(name)),
            "tags" => json!([sown.open(name)]),
            "industry" => "IT".into(),
            "region" => "310115".into(),
            "color" => "#1677ff".into(),
            // What a segment asks for lies in clear: values of confidential fields do not stand in it.
            "where" if schema["properties"].get("shared").is_some() => {
                json!({"field": "name", "op": "contains", "value": sown.open(name)})
            }
            // Records that there are none of would be refused.
            "add" | "remove" if schema["properties"].get("where").is_some() => Value::Null,
            "ids" if schema["properties"].as_object().is_some_and(|all| all.len() == 1) => {
                json!([kehu_tests::new_id()])
            }
            "where" if filters.is_null() => json!({"field": "phone", "op": "eq", "value": sown.phone(name)}),
            "where" => self.condition(filters, sown),
            "fields" if filters.is_object() => Value::Null,
            "fields" if schema["properties"].get("reason").is_some() => json!([first_of(schema)]),
            "addresses" => json!(["127.0.0.0/8", "::1"]),
            "fields" if schema["properties"].get("expires_at").is_some() => json!(["customer.name", "customer.phones"]),
            "fields" if of_form => super::doors::form_fields(),
            "role" if schema["properties"].get("other_roles").is_some() => "salesperson".into(),
            "key" if schema["properties"].get("rights").is_some() => format!("planted_{}", kehu_tests::unique()).into(),
            "rights" => json!({"besides": ["audit.read"]}),
            "origins" => json!(["https://www.example.com"]),
            "source_id" if of_form => "/lead_id".into(),
            "items" => return None,
            name if CLEAR.contains(&name) => text(sown.open(name)),
            _ => return None,
        })
    }

    /// A condition on every sealed field that the kind can be asked by.
    fn condition(&self, filters: &Value, sown: &mut Sown) -> Value {
        let mut conditions = Vec::new();
        for field in filters.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
            let value = match field {
                "phone" | "mobile" => sown.phone(field),
                "email" => sown.mail(field),
                "wechat" | "user_name" => sown.ascii(field),
                "id_number" => sown.id_number(field),
                "bank_account" => sown.account(field),
                "birthday" => sown.date(field),
                _ => continue,
            };
            conditions.push(json!({"field": field, "op": "eq", "value": value}));
        }
        if conditions.is_empty() { Value::Null } else { json!({ "or": conditions }) }
    }

    /// What a schema takes; null for what may be left out and holds no text.
    fn value(&self, name: &str, schema: &Value, required: bool, sown: &mut Sown) -> Value {
        let choice = schema["enum"].as_array().or(schema["x-extensible-enum"].as_array());
        if let Some(choice) = choice {
            return choice[0].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
            kind => kind.as_str().unwrap_or_default(),
        };
        match (kind, schema["format"].as_str()) {
            ("string", Some("date-time")) => "2026-11-20T08:00:00Z".into(),
            ("string", Some("date")) => sown.date(name).into(),
            ("string", Some("uuid")) => Value::Null,
            ("string", _) if schema["maxLength"].as_u64().is_some_and(|most| most < 20) => sown.ascii(name).into(),
            ("string", Some("password")) => sown.ascii(name).into(),
            ("string", _) => sown.text(name).into(),
            ("array", _) => {
                let item = self.resolved(&schema["items"]);
                json!([self.value(name, item, true, sown)])
            }
            ("object", _) if schema["properties"].is_object() => self.object(schema, sown),
            ("object", _) if required => json!({}),
            ("integer" | "number", _) if required => schema["minimum"].as_i64().unwrap_or(1).into(),
            _ => Value::Null,
        }
    }
}

/// The first name of those that a list takes by a pattern: `^(phones(/…)?|emails|…)$`.
fn first_of(schema: &Value) -> &str {
    let pattern = schema["properties"]["fields"]["items"]["pattern"].as_str().unwrap_or_default();
    let names = pattern.trim_start_matches("^(");
    names.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default()
}
