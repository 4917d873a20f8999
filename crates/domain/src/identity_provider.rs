//! Who else an organisation lets say who somebody is: a provider of OpenID Connect, and what its word is worth.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::codes;
use crate::fields::RoleKey;
use crate::flaw::Flaw;
use crate::read::Finding;

/// The longest text of a provider, in characters.
const TEXT_MAX: usize = 500;
/// How long its lists may be.
const LIST_MAX: usize = 100;

/// A provider as an organisation lays it down, but for its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// What people call it, on a button perhaps.
    pub name: String,
    /// Its address, exactly as its tokens say it (`iss`).
    pub issuer: String,
    /// As whom the organisation is registered there.
    pub client_id: String,
    /// What is asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// Where an answer may come back to, exactly; the first where nothing is said.
    pub redirect_uris: Vec<String>,
    /// The claim that names a person's groups.
    pub groups_claim: String,
    /// Roles by group; the first that fits counts. Where there is any, the role is set at each sign-in.
    pub role_mapping: Vec<GroupRole>,
    /// The role of who is in none of these groups; without one, there is no sign-in for them.
    pub default_role: Option<String>,
    /// Whether who is not known is made a user.
    pub just_in_time: bool,
    /// Domains of which a confirmed e-mail must be; none is any.
    pub allowed_email_domains: Vec<String>,
    /// Whether it counts.
    pub enabled: bool,
}

/// The role of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRole {
    /// The group, as the provider names it.
    pub group: String,
    /// The role, by key.
    pub role: String,
}

impl IdentityProvider {
    /// Reads what a client says. Whether the addresses may be asked is looked at elsewhere.
    ///
    /// # Errors
    /// All that is wrong, each with its pointer.
    pub fn parse(body: Value) -> Result<Self, Vec<Finding>> {
        let mut said = Said::of(body)?;
        let provider = Self {
            name: said.text("name", None),
            issuer: said.text("issuer", None),
            client_id: said.text("client_id", None),
            scopes: said.texts("scopes", &["email", "profile"], false),
            redirect_uris: said.texts("redirect_uris", &[], true),
            groups_claim: said.text("groups_claim", Some("groups")),
            role_mapping: said.mapping("role_mapping"),
            default_role: said.role("default_role"),
            just_in_time: said.flag("just_in_time", false),
            allowed_email_domains: said.texts("allowed_email_domains", &[], false),
            enabled: said.flag("enabled", true),
        };
        let domains = provider.allowed_email_domains.iter().map(|domain| domain.to_lowercase()).collect();
        for (at, scope) in provider.scopes.iter().enumerate() {
            if !scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
                said.wrong(&format!("/scopes/{at}"), typed("a scope without spaces", "不含空格的 scope"));
            }
        }
        said.end()?;
        Ok(Self { allowed_email_domains: domains, ..provider })
    }

    /// The role that somebody of these groups has; none is no sign-in.
    #[must_use]
    pub fn role_for(&self, groups: &[String]) -> Option<&str> {
        let mapped = self.role_mapping.iter().find(|mapping| groups.contains(&mapping.group));
        mapped.map(|mapping| mapping.role.as_str()).or(self.default_role.as_deref())
    }

    /// Whether it says who has which role.
    #[must_use]
    pub fn maps_roles(&self) -> bool {
        !self.role_mapping.is_empty()
    }

    /// Whether somebody with that confirmed e-mail, or with none, may come in.
    #[must_use]
    pub fn admits(&self, email: Option<&str>) -> bool {
        let domain = email.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain.to_lowercase());
        self.allowed_email_domains.is_empty()
            || domain.is_some_and(|domain| self.allowed_email_domains.contains(&domain))
    }
}

/// A body that is being read.
struct Said {
    members: Map<String, Value>,
    known: Vec<&'static str>,
    findings: Vec<Finding>,
}

impl Said {
    fn of(body: Value) -> Result<Self, Vec<Finding>> {
        match body {
            Value::Object(members) => Ok(Self { members, known: Vec::new(), findings: Vec::new() }),
            _ => Err(vec![Finding { pointer: String::new(), flaw: typed("an object", "对象") }]),
        }
    }

    fn wrong(&mut self, pointer: &str, flaw: Flaw) {
        self.findings.push(Finding { pointer: pointer.to_owned(), flaw });
    }

    /// The member, where it is said and is not null.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &'static str, without: Option<&str>) -> String {
        match self.take(name) {
            Some(value) => self.line(&format!("/{name}"), &value),
            None => {
                if without.is_none() {
                    self.wrong(&format!("/{name}"), Flaw::new(&codes::REQUIRED).with("field", name));
                }
                without.unwrap_or_default().to_owned()
            }
        }
    }

    /// One line of text.
    fn line(&mut self, pointer: &str, value: &Value) -> String {
        let Some(text) = value.as_str().map(str::trim) else {
            self.wrong(pointer, typed("a text", "文本"));
            return String::new();
        };
        let length = text.chars().count();
        if text.is_empty() {
            self.wrong(pointer, Flaw::new(&codes::TEXT_EMPTY));
        } else if length > TEXT_MAX {
            self.wrong(pointer, Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", TEXT_MAX));
        } else if text.chars().any(char::is_control) {
            self.wrong(pointer, typed("one line of text", "单行文本"));
        }
        text.to_owned()
    }

    fn list(&mut self, name: &'static str) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(items) if items.len() <= LIST_MAX => Some(items),
            Value::Array(_) => {
                self.wrong(&format!("/{name}"), Flaw::new(&codes::LIST_TOO_LONG).with("max", LIST_MAX));
                Some(Vec::new())
            }
            _ => {
                self.wrong(&format!("/{name}"), typed("a list", "列表"));
                Some(Vec::new())
            }
        }
    }

    fn texts(&mut self, name: &'static str, without: &[&str], required: bool) -> Vec<String> {
        let before = self.findings.len();
        let said = self.list(name);
        let texts: Vec<String> = match said {
            Some(items) => {
                items.iter().enumerate().map(|(at, item)| self.line(&format!("/{name}/{at}"), item)).collect()
            }
            None => without.iter().map(|text| (*text).to_owned()).collect(),
        };
        if required && texts.is_empty() && self.findings.len() == before {
            self.wrong(&format!("/{name}"), Flaw::new(&codes::REQUIRED).with("field", name));
        }
        texts
    }

    fn flag(&mut self, name: &'static str, without: bool) -> bool {
        match self.take(name) {
            None => without,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.wrong(&format!("/{name}"), typed("true or false", "true 或 false"));
                without
            }
        }
    }

    fn role(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name)?;
        Some(self.role_key(&format!("/{name}"), &value))
    }

    /// The key of a role; whether there is such a role, the organisation knows.
    fn role_key(&mut self, pointer: &str, value: &Value) -> String {
        let before = self.findings.len();
        let key = self.line(pointer, value);
        if self.findings.len() == before
            && let Err(flaw) = RoleKey::parse(&key)
        {
            self.wrong(pointer, flaw);
        }
        key
    }

    fn mapping(&mut self, name: &'static str) -> Vec<GroupRole> {
        let items = self.list(name).unwrap_or_default();
        items.into_iter().enumerate().map(|(at, item)| self.group_role(&format!("/{name}/{at}"), item)).collect()
    }

    fn group_role(&mut self, pointer: &str, item: Value) -> GroupRole {
        let Value::Object(mut members) = item else {
            self.wrong(pointer, typed("an object", "对象"));
            return GroupRole { group: String::new(), role: String::new() };
        };
        let (group, role) = (members.remove("group"), members.remove("role"));
        for name in members.keys() {
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "group, role");
            self.wrong(&format!("{pointer}/{}", escaped(name)), flaw);
        }
        let mut missing = |name: &str| {
            self.wrong(&format!("{pointer}/{name}"), Flaw::new(&codes::REQUIRED).with("field", name));
        };
        match (group, role) {
            (Some(group), Some(role)) => {
                let group = self.line(&format!("{pointer}/group"), &group);
                GroupRole { group, role: self.role_key(&format!("{pointer}/role"), &role) }
            }
            (group, role) => {
                if group.is_none() {
                    missing("group");
                }
                if role.is_none() {
                    missing("role");
                }
                GroupRole { group: String::new(), role: String::new() }
            }
        }
    }

    fn end(mut self) -> Result<(), Vec<Finding>> {
        let known = self.known.join(", ");
        for name in std::mem::take(&mut self.members).keys() {
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", &known);
            self.findings.push(Finding { pointer: format!("/{}", escaped(name)), flaw });
        }
        if self.findings.is_empty() { Ok(()) } else { Err(self.findings) }
    }
}

/// A member's name in a pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn typed(en: &'static str, zh: &'static str) -> Flaw {
    Flaw::new(&codes::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider() -> Value {
        json!({
            "name": "公司登录", "issuer": "https://id.example.com", "client_id": "kehu",
            "redirect_uris": ["https://crm.example.com/v1/auth/external/callback"],
            "role_mapping": [{"group": "sales-leads", "role": "manager"}, {"group": "sales", "role": "salesperson"}],
        })
    }

    fn places(body: Value) -> Vec<(String, &'static str)> {
        let findings = IdentityProvider::parse(body).err().unwrap_or_default();
        findings.into_iter().map(|finding| (finding.pointer, finding.flaw.code.key)).collect()
    }

    #[test]
    fn the_first_group_that_fits_says_the_role() {
        let provider = IdentityProvider::parse(provider()).unwrap();
        let role = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            provider.role_for(&groups).map(str::to_owned)
        };
        assert_eq!(role(&["sales", "sales-leads"]).as_deref(), Some("manager"));
        assert_eq!(role(&["others", "sales"]).as_deref(), Some("salesperson"));
        assert_eq!((role(&["Sales"]), role(&[])), (None, None));
        assert!(provider.maps_roles() && provider.enabled && !provider.just_in_time);
        assert_eq!(provider.scopes, ["email", "profile"]);
    }

    #[test]
    fn domains_admit_confirmed_addresses_alone() {
        let mut body = provider();
        body["allowed_email_domains"] = json!(["Example.COM"]);
        let limited = IdentityProvider::parse(body).unwrap();
        assert!(limited.admits(Some("li@EXAMPLE.com")));
        for other in ["li@sub.example.com", "li@notexample.com", "example.com", "li@example.com@evil.test"] {
            assert!(!limited.admits(Some(other)), "{other}");
        }
        assert!(!limited.admits(None));
        assert!(IdentityProvider::parse(provider()).unwrap().admits(None));
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        assert_eq!(places(json!([])), [(String::new(), "type_wrong")]);
        let mut body = provider();
        body["name"] = json!(" ");
        body["issuer"] = Value::Null;
        body["redirect_uris"] = json!([]);
        body["scopes"] = json!(["email profile"]);
        body["role_mapping"] =
            json!([{"group": "a", "role": "The King"}, {"group": "b"}, 1, {"group": "c", "role": "manager", "x": 1}]);
        body["enabled"] = json!("yes");
        body["client_secret/x"] = json!("s");
        let expected = [
            ("/name", "text_empty"),
            ("/issuer", "required"),
            ("/redirect_uris", "required"),
            ("/role_mapping/0/role", "role_key_invalid"),
            ("/role_mapping/1/role", "required"),
            ("/role_mapping/2", "type_wrong"),
            ("/role_mapping/3/x", "field_unknown"),
            ("/enabled", "type_wrong"),
            ("/scopes/0", "type_wrong"),
            ("/client_secret~1x", "field_unknown"),
        ];
        assert_eq!(places(body), expected.map(|(place, code)| (place.to_owned(), code)));
    }
}
