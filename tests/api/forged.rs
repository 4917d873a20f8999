//! Access tokens that somebody made by hand, over HTTP: whatever they say, they are refused. Claims under the server's
//! own signature are bent in `crates/http/src/forged_tests.rs`.

kehu_tests::on_both_engines!(
    no_other_algorithm_is_believed,
    no_other_key_is_believed,
    nothing_is_changed_in_a_token,
    no_token_is_read_from_an_address,
);

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use kehu_tests::{Engine, Org, Session};
    use ring::hmac;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    /// A token of a user, taken apart.
    struct Taken {
        org: Org,
        header: Value,
        claims: Value,
        signature: String,
    }

    impl Taken {
        fn new(engine: Engine) -> Self {
            let org = Org::new(engine);
            let token = org.admin.token().unwrap().to_owned();
            let parts: Vec<&str> = token.split('.').collect();
            let decode = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
            Self { header: decode(parts[0]), claims: decode(parts[1]), signature: parts[2].to_owned(), org }
        }

        #[track_caller]
        fn refused(&self, what: &str, token: &str) {
            let reply = self.org.admin.with_token(Some(token)).get("/v1/me").expect(401);
            assert_eq!(reply.code(), "token_invalid", "{what}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{what}");
        }
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn message(header: &Value, claims: &Value) -> String {
        format!("{}.{}", part(header), part(claims))
    }

    fn with(value: &Value, name: &str, member: Value) -> Value {
        let mut value = value.clone();
        value[name] = member;
        value
    }

    fn own_key() -> Ed25519KeyPair {
        let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
    }

    fn signed(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())))
    }

    pub(super) fn no_other_algorithm_is_believed(engine: Engine) {
        let taken = Taken::new(engine);
        for alg in ["none", "None", "NONE", "nOnE"] {
            let header = with(&taken.header, "alg", alg.into());
            taken.refused(alg, &format!("{}.", message(&header, &taken.claims)));
            taken.refused(alg, &format!("{}.{}", message(&header, &taken.claims), taken.signature));
            taken.refused(alg, &message(&header, &taken.claims));
        }
        // The public key, which everybody has, as the secret of a symmetric algorithm.
        let jwks = Session::anonymous(&engine.base()).get("/.well-known/jwks.json").expect(200).json();
        let keys = jwks["keys"].as_array().unwrap();
        let own = keys.iter().find(|key| key["kid"] == taken.header["kid"]).unwrap();
        assert!(keys.iter().all(|key| key.get("d").is_none()), "{jwks}");
        let x = own["x"].as_str().unwrap();
        let raw = URL_SAFE_NO_PAD.decode(x).unwrap();
        let secrets: [&[u8]; 3] = [x.as_bytes(), &raw, &[]];
        let algorithms = [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
        for ((alg, algorithm), secret) in algorithms.iter().flat_map(|alg| secrets.map(|secret| (alg, secret))) {
            let message = message(&with(&taken.header, "alg", (*alg).into()), &taken.claims);
            let mac = hmac::sign(&hmac::Key::new(*algorithm, secret), message.as_bytes());
            taken.refused(alg, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac)));
        }
        // And the same code under the name of the right algorithm.
        let message = message(&taken.header, &taken.claims);
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, &raw), message.as_bytes());
        taken.refused("EdDSA", &format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac)));
        for alg in ["RS256", "ES256", "PS256", "Ed25519", "eddsa", ""] {
            let header = with(&taken.header, "alg", alg.into());
            taken.refused(alg, &signed(&own_key(), &header, &taken.claims));
        }
    }

    pub(super) fn no_other_key_is_believed(engine: Engine) {
        let taken = Taken::new(engine);
        let own = own_key();
        let x = URL_SAFE_NO_PAD.encode(own.public_key());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "sig", "alg": "EdDSA"});
        // Under the name of the server's key.
        taken.refused("kid", &signed(&own, &taken.header, &taken.claims));
        let kids = [
            json!("other"),
            json!(""),
            json!("../../../../dev/null"),
            json!("/dev/null"),
            json!("' OR '1'='1"),
            json!("x' UNION SELECT 'key"),
            json!("a\u{0}b"),
            json!("https://evil.test/key"),
            json!(x),
            json!("k".repeat(1000)),
            json!(["a"]),
            json!({"kid": "a"}),
            json!(1),
            json!(null),
        ];
        for kid in kids {
            taken.refused(&kid.to_string(), &signed(&own, &with(&taken.header, "kid", kid.clone()), &taken.claims));
        }
        let mut nameless = taken.header.clone();
        nameless.as_object_mut().unwrap().remove("kid");
        taken.refused("no kid", &signed(&own, &nameless, &taken.claims));
        // A header that brings its own key, or says where one is.
        let brought = [
            ("jwk", jwk),
            ("jku", json!("https://evil.test/jwks.json")),
            ("x5u", json!("https://evil.test/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("x5t", json!("AAAA")),
            ("crit", json!(["exp"])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("cty", json!("JWT")),
            ("typ", json!("kehu-ticket+jwt")),
        ];
        for (name, value) in brought {
            let header = with(&taken.header, name, value.clone());
            taken.refused(name, &signed(&own, &header, &taken.claims));
            taken.refused(name, &signed(&own, &with(&header, "kid", x.clone().into()), &taken.claims));
            taken.refused(name, &format!("{}.{}", message(&header, &taken.claims), taken.signature));
        }
    }

    pub(super) fn nothing_is_changed_in_a_token(engine: Engine) {
        let taken = Taken::new(engine);
        let other = Org::new(engine);
        let theirs = other.admin.get("/v1/me").expect(200).json();
        let changed = [
            ("exp", json!(4_102_444_800_u64)),
            ("sub", theirs["user"]["id"].clone()),
            ("sid", theirs["session"]["id"].clone()),
            ("org", theirs["organisation"]["id"].clone()),
            ("aud", json!("kehu-ticket")),
            ("role", json!("administrator")),
        ];
        for (name, value) in changed {
            let claims = with(&taken.claims, name, value);
            taken.refused(name, &format!("{}.{}", message(&taken.header, &claims), taken.signature));
        }
        let token = taken.org.admin.token().unwrap();
        let (head, signature) = token.rsplit_once('.').unwrap();
        let mut raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
        raw[0] ^= 1;
        taken.refused("a bit", &format!("{head}.{}", URL_SAFE_NO_PAD.encode(&raw)));
        for bent in [
            format!("{token}x"),
            format!("{token}="),
            format!("{token}.{signature}"),
            head.to_owned(),
            format!("{head}."),
            format!(".{token}"),
            format!("{token}{}", "A".repeat(4000)),
        ] {
            taken.refused("a bent token", &bent);
        }
        // Another answer's tokens are no access tokens.
        for prefix in ["pk_", "hk_", "inv_", "rt_"] {
            taken.refused(prefix, &format!("{prefix}{}", "A".repeat(64)));
        }
        let _ = taken.org.admin.get("/v1/me").expect(200);
    }

    pub(super) fn no_token_is_read_from_an_address(engine: Engine) {
        let org = Org::new(engine);
        let token = org.admin.token().unwrap().to_owned();
        let nobody = Session::anonymous(&engine.base());
        let refused = nobody.get(&format!("/v1/me?access_token={token}")).expect(400);
        assert_eq!(refused.code(), "token_in_address");
        assert!(!refused.text.contains(&token));
        // Beside a good header too: it is in somebody's log by now.
        assert_eq!(org.admin.get("/v1/me?access_token=x").expect(400).code(), "token_in_address");
        for path in ["/v1/me?token=", "/v1/me?authorization=Bearer%20", "/v1/customers?bearer="] {
            assert_eq!(nobody.get(&format!("{path}{token}")).expect(401).code(), "token_missing");
        }
        assert_eq!(nobody.get(&format!("/v1/me?ticket={token}")).expect(401).code(), "ticket_invalid");
        // Nor from a cookie or another header.
        let cookie = nobody.with("cookie", &format!("access_token={token}; __Host-kehu_refresh={token}"));
        assert_eq!(cookie.get("/v1/me").expect(401).code(), "token_missing");
        assert_eq!(nobody.with("x-access-token", &token).get("/v1/me").expect(401).code(), "token_missing");
    }
}
