use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::json;

use super::*;

const NOW: i64 = 1_795_305_600;
const ISSUER: &str = "https://id.example.com";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider with a key of each sort.
struct Provider {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Provider {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("../../../../tests/data/rsa_of_tests.der")).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn keys(&self) -> Value {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": b64(n), "e": b64(e)},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])},
            {"kty": "OKP", "kid": "o", "crv": "Ed25519", "alg": "EdDSA", "x": b64(self.ed.public_key())},
            {"kty": "unknown", "kid": 1},
        ]})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let said = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match header["alg"].as_str().unwrap() {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, said.as_bytes(), &mut signature).unwrap();
                signature
            }
            "ES256" => self.ec.sign(&random, said.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(said.as_bytes()).as_ref().to_vec(),
            "HS256" => {
                // The secret that a careless library takes the public key for.
                let secret = self.keys()["keys"][0].to_string();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
                ring::hmac::sign(&key, said.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{said}.{}", b64(signature))
    }

    fn believed(&self, token: &str, keys: &Value) -> Result<Map<String, Value>, OidcError> {
        let keys: KeySet = serde_json::from_value(keys.clone()).unwrap();
        verify(&keys, &header(token)?, token, (ISSUER, "kehu"), NOW * 1000)
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "kehu", "sub": "1", "exp": NOW + 300, "iat": NOW, "nonce": "n"})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

#[test]
fn three_algorithms_are_believed_each_with_its_key() {
    let provider = Provider::new();
    let keys = provider.keys();
    for (alg, kid) in [("RS256", "r"), ("ES256", "e"), ("EdDSA", "o")] {
        let token = provider.sign(&json!({"alg": alg, "kid": kid, "typ": "JWT"}), &claims());
        assert_eq!(provider.believed(&token, &keys).unwrap()["sub"], "1", "{alg}");
        // A bit of the signature, another key, a key for something else, no key.
        let (said, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[5] ^= 1;
        assert!(provider.believed(&format!("{said}.{}", b64(bytes)), &keys).is_err(), "{alg}");
        assert!(provider.believed(&token, &Provider::new().keys()).is_err() || alg == "RS256", "{alg}");
        assert!(provider.believed(&token, &json!({"keys": []})).is_err(), "{alg}");
        for other in ["r", "e", "o", "x"].into_iter().filter(|other| *other != kid) {
            let token = provider.sign(&json!({"alg": alg, "kid": other}), &claims());
            assert!(provider.believed(&token, &keys).is_err(), "{alg} {other}");
        }
        let mut changed = keys.clone();
        for key in changed["keys"].as_array_mut().unwrap() {
            key["use"] = json!("enc");
        }
        assert!(provider.believed(&token, &changed).is_err(), "{alg}");
    }
}

#[test]
fn nothing_else_is_a_signature() {
    let provider = Provider::new();
    let keys = provider.keys();
    for header in [
        json!({"alg": "none", "kid": "r"}),
        json!({"alg": "HS256", "kid": "r"}),
        json!({"alg": "RS512", "kid": "r"}),
        json!({"alg": "PS256", "kid": "r"}),
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": "r", "crit": ["exp"]}),
    ] {
        assert!(provider.believed(&provider.sign(&header, &claims()), &keys).is_err(), "{header}");
    }
    let unsigned = format!("{}.{}.", b64(json!({"alg": "RS256", "kid": "r"}).to_string()), b64(claims().to_string()));
    for token in ["", ".", "..", "a.b.c", &unsigned, &"x".repeat(200_000)] {
        assert!(provider.believed(token, &keys).is_err());
    }
}

#[test]
fn a_token_is_for_us_by_the_issuer_and_of_now() {
    let provider = Provider::new();
    let keys = provider.keys();
    let judge =
        |claims: &Value| provider.believed(&provider.sign(&json!({"alg": "ES256", "kid": "e"}), claims), &keys).is_ok();
    for good in [
        claims(),
        with("aud", json!(["kehu"])),
        with("azp", json!("kehu")),
        with("exp", json!(NOW - 9)),
        with("iat", json!(NOW + 9)),
        with("exp", json!(0.5 + 1_795_305_700.0)),
        with("nbf", json!(NOW)),
    ] {
        assert!(judge(&good), "{good}");
    }
    let mut several = with("aud", json!(["kehu", "other"]));
    assert!(!judge(&several), "several, and nobody asked");
    several["azp"] = json!("kehu");
    assert!(judge(&several));
    several["azp"] = json!("other");
    assert!(!judge(&several));
    for bad in [
        with("iss", json!("https://id.example.com/")),
        with("iss", json!([ISSUER])),
        with("iss", Value::Null),
        with("aud", json!("other")),
        with("aud", json!([])),
        with("aud", Value::Null),
        with("azp", json!("other")),
        with("sub", Value::Null),
        with("exp", json!(NOW - 10)),
        with("exp", json!("tomorrow")),
        with("exp", Value::Null),
        with("iat", json!(NOW + 11)),
        with("iat", json!(NOW - 601)),
        with("iat", Value::Null),
        with("nbf", json!(NOW + 11)),
        with("nbf", json!("now")),
    ] {
        assert!(!judge(&bad), "{bad}");
    }
}
