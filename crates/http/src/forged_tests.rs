//! Tokens under the server's own signature that say what ours never say: over HTTP, each is refused for its claims or
//! its header alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::Ed25519KeyPair;

use super::*;

/// A server, a token of its administrator taken apart, and the key that signed it.
struct Forge {
    bed: Bed,
    key: Ed25519KeyPair,
    header: Value,
    claims: Value,
}

impl Forge {
    async fn new() -> Self {
        let bed = Bed::new().await;
        let tokens = bed.login().await;
        let parts: Vec<&str> = text(&tokens, "access_token").split('.').collect();
        let decode = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let key = bed.state.gate.signing_keys().await.unwrap().remove(0);
        let key = Ed25519KeyPair::from_pkcs8(&key.private).unwrap();
        Self { header: decode(parts[0]), claims: decode(parts[1]), bed, key }
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes())))
    }

    async fn code(&self, token: &str) -> (u16, String) {
        let answer = self.bed.call(Method::GET, "/v1/me", Some(token), None).await;
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    }
}

fn with(value: &Value, name: &str, member: Value) -> Value {
    let mut value = value.clone();
    value[name] = member;
    value
}

#[actix_web::test]
async fn the_right_signature_does_not_help_wrong_claims() {
    let forge = Forge::new().await;
    // What the forge makes is believed, so that what follows is refused for what it says.
    assert_eq!(forge.code(&forge.signed(&forge.header, &forge.claims)).await, (200, String::new()));
    let seconds = |name: &str| forge.claims[name].as_i64().unwrap();
    let invalid = [
        ("iss", json!("evil")),
        ("iss", json!(["kehu"])),
        ("iss", json!(null)),
        ("aud", json!("kehu-ticket")),
        ("aud", json!("other-api")),
        ("aud", json!(["kehu-api"])),
        ("aud", json!(["kehu-api", "other-api"])),
        ("nbf", json!(seconds("nbf") + 60)),
        ("nbf", json!(seconds("nbf").to_string())),
        ("iat", json!(seconds("iat") + 3600)),
        ("exp", json!(seconds("exp").to_string())),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("exp", json!(1e300)),
        ("exp", json!(-1.5)),
        ("sub", json!("admin")),
        ("sid", json!("")),
        ("org", json!(1)),
        ("adr", json!("x")),
    ];
    for (name, value) in invalid {
        let token = forge.signed(&forge.header, &with(&forge.claims, name, value.clone()));
        assert_eq!(forge.code(&token).await, (401, "token_invalid".to_owned()), "{name} {value}");
    }
    for name in ["iss", "aud", "nbf", "exp", "sub", "sid", "org", "iat"] {
        let mut claims = forge.claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        let token = forge.signed(&forge.header, &claims);
        assert_eq!(forge.code(&token).await, (401, "token_invalid".to_owned()), "without {name}");
    }
    let over = forge.signed(&forge.header, &with(&forge.claims, "exp", json!(seconds("iat") - 10)));
    assert_eq!(forge.code(&over).await, (401, "token_expired".to_owned()));
    // A session or a user that is not there, whoever signed.
    for name in ["sub", "sid", "org"] {
        let token = forge.signed(&forge.header, &with(&forge.claims, name, json!(uuid::Uuid::from_u128(7))));
        assert_eq!(forge.code(&token).await, (401, "session_ended".to_owned()), "{name}");
    }
}

#[actix_web::test]
async fn the_right_signature_does_not_help_a_wrong_header() {
    let forge = Forge::new().await;
    let headers = [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("kid", json!("other")),
        ("kid", json!(null)),
        ("jku", json!("https://evil.test/jwks.json")),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"})),
        ("x5u", json!("https://evil.test/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("typ", json!("kehu-ticket+jwt")),
        ("typ", json!(null)),
        ("colour", json!("red")),
    ];
    for (name, value) in headers {
        let token = forge.signed(&with(&forge.header, name, value.clone()), &forge.claims);
        assert_eq!(forge.code(&token).await, (401, "token_invalid".to_owned()), "{name} {value}");
    }
}
