use super::*;
use serde_json::Value;

const NOW: i64 = 1_800_000_000_000;
const NOW_S: i64 = NOW / 1000;

struct Setup {
    signer: Signer,
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

fn setup() -> Setup {
    let pkcs8 = new_signing_key().unwrap();
    let signer = Signer::from_pkcs8(&pkcs8).unwrap();
    let verifier = Verifier::new([signer.public_key()]);
    Setup { signer, pair: Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap(), verifier }
}

fn claims() -> Claims {
    Claims::new(Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3), NOW, 600)
}

/// The members of a good token, to be bent one by one.
fn good_header(setup: &Setup) -> Value {
    json!({"typ": "JWT", "alg": "EdDSA", "kid": setup.signer.public_key().kid()})
}

fn good_claims() -> Value {
    json!({
        "iss": "kehu", "aud": "kehu-api", "sub": Uuid::from_u128(2), "sid": Uuid::from_u128(3),
        "org": Uuid::from_u128(1), "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 600,
    })
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Signs whatever it is given with our own key, by hand.
fn signed(setup: &Setup, header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(setup.pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name).unwrap();
    value
}

#[test]
fn a_token_comes_back_as_it_was_issued() {
    let setup = setup();
    let token = setup.signer.issue(&claims()).unwrap();
    assert_eq!(setup.verifier.verify(&token, NOW).unwrap(), claims());
    let by_hand = signed(&setup, &good_header(&setup), &good_claims());
    assert_eq!(setup.verifier.verify(&by_hand, NOW).unwrap(), claims());
}

#[test]
fn times_are_checked_against_the_given_clock() {
    let setup = setup();
    let token = setup.signer.issue(&claims()).unwrap();
    let at = |seconds: i64| setup.verifier.verify(&token, NOW + seconds * 1000).map(|_| ());
    assert_eq!(at(600 + LEEWAY - 1), Ok(()));
    assert_eq!(at(600 + LEEWAY), Err(TokenError::Expired));
    assert_eq!(at(-LEEWAY), Ok(()));
    assert_eq!(at(-LEEWAY - 1), Err(TokenError::Invalid));
    let bent = |name: &str, time: i64| {
        let token = signed(&setup, &good_header(&setup), &with(good_claims(), name, json!(time)));
        setup.verifier.verify(&token, NOW).map(|_| ())
    };
    assert_eq!(bent("nbf", NOW_S + 60), Err(TokenError::Invalid));
    assert_eq!(bent("iat", NOW_S + 60), Err(TokenError::Invalid));
    assert_eq!(bent("exp", i64::MAX), Ok(()));
    assert_eq!(bent("exp", 0), Err(TokenError::Expired));
    assert_eq!(bent("nbf", 0), Ok(()));
    assert_eq!(bent("exp", i64::MIN), Err(TokenError::Invalid));
}

#[test]
fn every_claim_is_required_and_typed() {
    let setup = setup();
    let refused = |claims: &Value| {
        let token = signed(&setup, &good_header(&setup), claims);
        assert_eq!(setup.verifier.verify(&token, NOW), Err(TokenError::Invalid), "{claims}");
    };
    for name in ["iss", "aud", "sub", "sid", "org", "iat", "nbf", "exp"] {
        refused(&without(good_claims(), name));
        refused(&with(good_claims(), name, Value::Null));
        refused(&with(good_claims(), name, json!([])));
    }
    for name in ["iat", "nbf", "exp"] {
        refused(&with(good_claims(), name, json!((NOW_S + 5).to_string())));
        refused(&with(good_claims(), name, json!(1.8e9 + 5.5)));
    }
    refused(&with(good_claims(), "iss", json!("other")));
    refused(&with(good_claims(), "aud", json!("other")));
    refused(&with(good_claims(), "aud", json!(["kehu-api"])));
    refused(&with(good_claims(), "sub", json!("root")));
    refused(&json!("text"));
}

#[test]
fn only_our_algorithm_counts() {
    let setup = setup();
    for alg in ["none", "None", "HS256", "RS256", "ES256", "Ed25519", ""] {
        let header = with(good_header(&setup), "alg", json!(alg));
        let token = signed(&setup, &header, &good_claims());
        assert_eq!(setup.verifier.verify(&token, NOW), Err(TokenError::Invalid), "{alg}");
        let bare = format!("{}.", unsigned(&header, &good_claims()));
        assert_eq!(setup.verifier.verify(&bare, NOW), Err(TokenError::Invalid), "{alg}");
    }
    assert_eq!(
        setup.verifier.verify(&signed(&setup, &without(good_header(&setup), "alg"), &good_claims()), NOW),
        Err(TokenError::Invalid)
    );
}

/// The classic confusion: our public key used as a shared HMAC secret.
#[test]
fn the_public_key_is_no_shared_secret() {
    let setup = setup();
    let header = with(good_header(&setup), "alg", json!("HS256"));
    let message = unsigned(&header, &good_claims());
    for secret in [setup.signer.public_key().as_bytes().to_vec(), setup.signer.public_key().x().into_bytes()] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes())));
        assert_eq!(setup.verifier.verify(&token, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn only_our_keys_count() {
    let (ours, theirs) = (setup(), setup());
    let token = theirs.signer.issue(&claims()).unwrap();
    assert_eq!(ours.verifier.verify(&token, NOW), Err(TokenError::Invalid));
    let pretending = signed(&theirs, &good_header(&ours), &good_claims());
    assert_eq!(ours.verifier.verify(&pretending, NOW), Err(TokenError::Invalid));
    for kid in [json!(null), json!(""), json!("../../etc/passwd"), json!("' OR 1=1 --"), json!(1)] {
        let token = signed(&ours, &with(good_header(&ours), "kid", kid.clone()), &good_claims());
        assert_eq!(ours.verifier.verify(&token, NOW), Err(TokenError::Invalid), "{kid}");
    }
    let both = Verifier::new([ours.signer.public_key(), theirs.signer.public_key()]);
    assert!(both.verify(&token, NOW).is_ok());
    assert!(both.verify(&ours.signer.issue(&claims()).unwrap(), NOW).is_ok());
    assert_eq!(both.verify(&pretending, NOW), Err(TokenError::Invalid));
    assert_eq!(Verifier::new([]).verify(&token, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_header_says_type_algorithm_and_key_and_nothing_else() {
    let setup = setup();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": setup.signer.public_key().x()});
    for (name, member) in [
        ("jku", json!("https://example.com/jwks.json")),
        ("jwk", jwk),
        ("x5u", json!("https://example.com/cert.pem")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("typ", json!("at+jwt")),
        ("anything", json!(1)),
    ] {
        let token = signed(&setup, &with(good_header(&setup), name, member), &good_claims());
        assert_eq!(setup.verifier.verify(&token, NOW), Err(TokenError::Invalid), "{name}");
    }
}

#[test]
fn nothing_can_be_added_or_changed() {
    let setup = setup();
    let token = setup.signer.issue(&claims()).unwrap();
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bytes).unwrap();
        assert_eq!(setup.verifier.verify(&bent, NOW), Err(TokenError::Invalid), "at {index}");
    }
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}."),
        format!("{token}.A"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}{}", "A".repeat(TOKEN_MAX)),
        token[..token.len() - 1].to_owned(),
        token.rsplit_once('.').unwrap().0.to_owned(),
    ] {
        assert_eq!(setup.verifier.verify(&bad, NOW), Err(TokenError::Invalid), "{bad}");
    }
}

/// RFC 8037, appendix A: the example key, its thumbprint and its public JWK.
#[test]
fn the_key_set_is_as_published() {
    let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let public = PublicKey::from_bytes(&public).unwrap();
    assert_eq!(public.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let set: Value = serde_json::from_str(&Verifier::new([public]).jwks_json()).unwrap();
    assert_eq!(
        set,
        json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }]})
    );
}

#[test]
fn what_is_no_key_is_refused_and_secrets_never_print() {
    assert!(matches!(Signer::from_pkcs8(b"x"), Err(SigningError::Key)));
    assert!(PublicKey::from_bytes(&[0; 31]).is_none());
    let setup = setup();
    assert_eq!(format!("{:?}", setup.signer), format!("Signer {{ kid: {:?}, .. }}", setup.signer.public_key().kid()));
}

#[test]
fn a_ticket_opens_one_address_and_passes_for_no_access_token() {
    let setup = setup();
    let ticket = setup.signer.issue_ticket(&claims(), "one").unwrap();
    assert_eq!(setup.verifier.verify_ticket(&ticket, "one", NOW), Ok(claims()));
    assert_eq!(setup.verifier.verify_ticket(&ticket, "two", NOW), Err(TokenError::Invalid));
    assert_eq!(setup.verifier.verify_ticket(&ticket, "one", NOW + 610_000), Err(TokenError::Expired));
    assert_eq!(setup.verifier.verify(&ticket, NOW), Err(TokenError::Invalid));
    let access = setup.signer.issue(&claims()).unwrap();
    assert_eq!(setup.verifier.verify_ticket(&access, "one", NOW), Err(TokenError::Invalid));
    // Neither the type nor the audience alone makes one of the other.
    let header = good_header(&setup);
    let bent = [
        (with(header.clone(), "typ", "kehu-ticket+jwt".into()), with(good_claims(), "adr", "one".into())),
        (header.clone(), with(with(good_claims(), "adr", "one".into()), "aud", "kehu-ticket".into())),
        (header.clone(), with(good_claims(), "adr", "one".into())),
        (with(header, "typ", "kehu-ticket+jwt".into()), good_claims()),
    ];
    for (header, claims) in bent {
        let token = signed(&setup, &header, &claims);
        assert_eq!(setup.verifier.verify(&token, NOW), Err(TokenError::Invalid), "{claims}");
        assert_eq!(setup.verifier.verify_ticket(&token, "one", NOW), Err(TokenError::Invalid), "{claims}");
    }
}
