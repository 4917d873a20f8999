//! Asking a provider of OpenID Connect who somebody is: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC
//! 6749, RFC 7636, RFC 9207). What a provider says is checked here, all of it, before anybody is let in by it.

mod discovery;
mod id_token;

use std::sync::Arc;

use kehu_outgoing::{Basic, Outgoing, Target, Unanswered};
use kehu_store::people::{Begun, Connection, ExternalPerson, Taken};
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use discovery::{Known, Metadata};

/// How many providers are remembered.
const REMEMBERED: u64 = 1_000;
/// The longest name that a provider has for somebody, in bytes (OpenID Connect Core 1.0, 2).
const SUBJECT_MAX: usize = 255;
/// How many groups of somebody are looked at.
const GROUPS_MAX: usize = 2_000;
/// The claim of the address.
const EMAIL: &str = "email";
/// The claim that says whether it is confirmed.
const CONFIRMED: &str = "email_verified";
const PAIR: [&str; 2] = [EMAIL, CONFIRMED];

/// Why a provider's word does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OidcError {
    /// It does not answer, or not as a provider does; another time it may.
    Away(String),
    /// It refused, or what it says does not hold.
    NotBelieved(&'static str),
}

impl From<Unanswered> for OidcError {
    fn from(error: Unanswered) -> Self {
        Self::Away(error.to_string())
    }
}

/// Asks providers, and remembers their descriptions and keys.
pub(crate) struct Oidc {
    outgoing: Outgoing,
    known: Cache<(Uuid, i64), Arc<Known>>,
}

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Oidc {
    pub(crate) fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, known: Cache::new(REMEMBERED) }
    }

    /// Where requests may go.
    pub(crate) fn outgoing(&self) -> Outgoing {
        self.outgoing
    }

    async fn known(&self, connection: &Connection, now: i64) -> Result<Arc<Known>, OidcError> {
        let key = (connection.id, connection.version);
        if let Some(known) = self.known.get(&key).filter(|known| known.is_fresh(now)) {
            return Ok(known);
        }
        let known = Arc::new(Known::read(self.outgoing, &connection.settings.issuer, now).await?);
        self.known.insert(key, known.clone());
        Ok(known)
    }

    /// Makes sure that a provider can be asked; `now` is milliseconds since 1970.
    pub(crate) async fn prepare(&self, connection: &Connection, now: i64) -> Result<Arc<Known>, OidcError> {
        self.known(connection, now).await
    }

    /// The person that a code is for. `issuer` is what came back with the code (RFC 9207).
    pub(crate) async fn person(
        &self,
        taken: &Taken,
        code: &str,
        issuer: Option<&str>,
        now: i64,
    ) -> Result<ExternalPerson, OidcError> {
        let connection = &taken.connection;
        let provider = self.known(connection, now).await?;
        let metadata = &provider.metadata;
        let says_who = issuer.is_some() || metadata.says_issuer;
        if says_who && issuer != Some(connection.settings.issuer.as_str()) {
            return Err(OidcError::NotBelieved("the code is of another issuer"));
        }
        let tokens = self.tokens(metadata, taken, code).await?;
        let mut claims = provider.verify(self.outgoing, connection, &tokens.id_token, now).await?;
        let nonce = claims.get("nonce").and_then(Value::as_str);
        if !nonce.is_some_and(|nonce| taken.nonce_is(nonce)) {
            return Err(OidcError::NotBelieved("the token is of another sign-in"));
        }
        let groups = &connection.settings.groups_claim;
        let whole = PAIR.iter().all(|name| known(&claims, name));
        let lacks = !whole || (connection.settings.maps_roles() && !known(&claims, groups));
        if let (true, Some(userinfo), Some(token)) = (lacks, &metadata.userinfo, &tokens.access_token) {
            let more: Map<String, Value> = self.outgoing.get(userinfo, Some(token)).await?.json()?;
            if more.get("sub") != claims.get("sub") {
                return Err(OidcError::NotBelieved("the user information is of somebody else"));
            }
            fill(&mut claims, more);
        }
        person(&claims, groups)
    }

    /// Changes a code for tokens.
    async fn tokens(&self, metadata: &Metadata, taken: &Taken, code: &str) -> Result<Tokens, OidcError> {
        let client_id = taken.connection.settings.client_id.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &taken.redirect_uri),
            ("code_verifier", taken.verifier.reveal()),
        ];
        let secret = taken.connection.client_secret.as_ref().map(|secret| secret.reveal());
        let basic = match secret {
            Some(password) if metadata.takes_basic => Some(Basic { user: client_id, password }),
            Some(secret) => {
                form.extend([("client_id", client_id), ("client_secret", secret)]);
                None
            }
            None => {
                form.push(("client_id", client_id));
                None
            }
        };
        let answer = self.outgoing.post_form(&metadata.token, basic, &form).await?;
        if (400..500).contains(&answer.status) {
            return Err(OidcError::NotBelieved("the provider does not take the code"));
        }
        Ok(answer.json()?)
    }
}

/// Where somebody is sent to sign in.
pub(crate) fn authorization_url(known: &Known, connection: &Connection, begun: &Begun) -> String {
    let scope = std::iter::once("openid").chain(connection.settings.scopes.iter().map(String::as_str));
    let mut scopes: Vec<&str> = Vec::new();
    for name in scope {
        if !scopes.contains(&name) {
            scopes.push(name);
        }
    }
    known.metadata.authorization.with_parameters(&[
        ("response_type", "code"),
        ("client_id", &connection.settings.client_id),
        ("redirect_uri", &begun.redirect_uri),
        ("scope", &scopes.join(" ")),
        ("state", begun.state.reveal()),
        ("nonce", &begun.nonce),
        ("code_challenge", &begun.challenge),
        ("code_challenge_method", "S256"),
    ])
}

/// A claim, by its name or by a path with dots (`realm_access.roles`).
fn at<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut found = match claims.get(name) {
        Some(value) => Some(value),
        None => {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(claims.get(first)?, |value, step| value.get(step))
        }
    };
    found.take_if(|value| !value.is_null())
}

fn known(claims: &Map<String, Value>, name: &str) -> bool {
    at(claims, name).is_some()
}

/// Takes what the token leaves out from the user information: what is signed counts before what is not. An address and
/// whether it is confirmed are taken from one of the two, never one from each: the word of one says nothing of the
/// address of the other.
fn fill(claims: &mut Map<String, Value>, more: Map<String, Value>) {
    if PAIR.iter().any(|name| !known(claims, name)) && PAIR.iter().all(|name| known(&more, name)) {
        // A word that was signed and denies is not overruled.
        if !known(claims, CONFIRMED) || confirmed(claims) {
            PAIR.iter().for_each(|name| drop(claims.remove(*name)));
        }
    }
    let paired = PAIR.iter().any(|name| known(claims, name));
    for (name, value) in more {
        if !(paired && PAIR.contains(&name.as_str())) {
            claims.entry(name).or_insert(value);
        }
    }
}

/// Whether it is said that the address is confirmed. Some providers write the word.
fn confirmed(claims: &Map<String, Value>) -> bool {
    match claims.get(CONFIRMED) {
        Some(Value::Bool(confirmed)) => *confirmed,
        Some(Value::String(word)) => word == "true",
        _ => false,
    }
}

/// The person of claims that hold.
fn person(claims: &Map<String, Value>, groups: &str) -> Result<ExternalPerson, OidcError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let subject = text("sub").filter(|subject| !subject.is_empty() && subject.len() <= SUBJECT_MAX);
    let groups = match at(claims, groups) {
        Some(Value::Array(groups)) => {
            groups.iter().filter_map(Value::as_str).take(GROUPS_MAX).map(str::to_owned).collect()
        }
        Some(Value::String(group)) => vec![group.clone()],
        _ => Vec::new(),
    };
    Ok(ExternalPerson {
        subject: subject.ok_or(OidcError::NotBelieved("the token names nobody"))?,
        email: text(EMAIL).filter(|_| confirmed(claims)),
        name: text("name").or_else(|| text("preferred_username")),
        groups,
    })
}

/// An address of a provider's description.
fn target(outgoing: Outgoing, address: &str) -> Result<Target, OidcError> {
    outgoing.target(address).map_err(|error| OidcError::Away(format!("an address of its description: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        let Value::Object(claims) = value else { panic!("claims are an object") };
        claims
    }

    #[test]
    fn an_address_counts_only_where_it_is_confirmed() {
        for (confirmed, counts) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("false"), false),
            (json!(1), false),
            (Value::Null, false),
        ] {
            let claims = claims(json!({"sub": "1", "email": "li@example.com", "email_verified": confirmed}));
            assert_eq!(person(&claims, "groups").unwrap().email.is_some(), counts, "{confirmed}");
        }
        assert!(person(&claims(json!({"sub": "1", "email": "li@example.com"})), "groups").unwrap().email.is_none());
    }

    #[test]
    fn an_address_and_whether_it_is_confirmed_come_from_one_source() {
        let token = |value: Value| claims(value);
        let email = |mut token: Map<String, Value>, more: Value| {
            fill(&mut token, claims(more));
            person(&token, "groups").unwrap().email
        };
        let whole = json!({"email": "li@example.com", "email_verified": true});
        let li = Some("li@example.com".to_owned());
        // Where only the word is missing, the user information is asked and has both.
        assert_eq!(email(token(json!({"sub": "1", "email": "li@example.com"})), whole.clone()), li);
        assert_eq!(email(token(json!({"sub": "1", "email": "other@example.com"})), whole.clone()), li);
        assert_eq!(email(token(json!({"sub": "1", "email_verified": true})), whole.clone()), li);
        assert_eq!(email(token(json!({"sub": "1"})), whole.clone()), li);
        // The word of one says nothing of the address of the other.
        let word = json!({"email_verified": true});
        assert_eq!(email(token(json!({"sub": "1", "email": "other@example.com"})), word), None);
        assert_eq!(email(token(json!({"sub": "1", "email_verified": true})), json!({"email": "li@example.com"})), None);
        // What is signed counts.
        assert_eq!(email(token(json!({"sub": "1", "email_verified": false})), whole.clone()), None);
        let denied = json!({"sub": "1", "email": "li@example.com", "email_verified": false});
        assert_eq!(email(token(denied), whole), None);
    }

    #[test]
    fn groups_are_a_list_or_a_text_at_a_name_or_a_path() {
        let claims = claims(json!({
            "sub": "1", "groups": ["a", 1, "b"], "role": "c", "realm_access": {"roles": ["d"]}, "x.y": ["e"],
        }));
        let groups = |name: &str| person(&claims, name).unwrap().groups;
        assert_eq!(groups("groups"), ["a", "b"]);
        assert_eq!((groups("role"), groups("realm_access.roles")), (vec!["c".to_owned()], vec!["d".to_owned()]));
        assert_eq!((groups("x.y"), groups("none.of.it")), (vec!["e".to_owned()], Vec::new()));
    }

    #[test]
    fn a_token_names_somebody() {
        for subject in [json!(null), json!(""), json!(1), json!("x".repeat(256))] {
            assert!(person(&claims(json!({ "sub": subject })), "groups").is_err());
        }
    }
}
