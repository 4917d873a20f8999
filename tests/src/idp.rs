//! A provider of OpenID Connect in the test itself, with its own keys: it does what a real one does, and whatever a
//! dishonest or broken one could do.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::unique;

/// As whom Kehu is registered.
pub const CLIENT: &str = "kehu";
/// The secret that goes with it; it has what must be encoded.
pub const SECRET: &str = "kehu secret+%:/";

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[expect(clippy::disallowed_methods, reason = "a provider has a clock of its own")]
/// The provider's time, in seconds since 1970.
///
/// # Panics
/// Before 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// ECDSA over P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// ECDSA by a key that is not published, under the name of the one that is.
    Stranger,
    /// Not at all.
    None,
    /// HMAC, with the published RSA key as its secret.
    HmacOfPublicKey,
}

/// What a code is worth: who it is, and what is wrong with the token.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Claims of the person; they take the place of what the provider would say (`iss`, `aud`, `exp`, `nonce`), null takes
    /// one out.
    pub claims: Value,
    /// Claims that only the user information has.
    pub userinfo: Value,
    /// How the token is signed.
    pub signing: Signing,
}

impl Grant {
    /// An honest one.
    #[must_use]
    pub fn of(claims: Value) -> Self {
        Self { claims, userinfo: json!({}), signing: Signing::Es256 }
    }
}

struct Issued {
    grant: Grant,
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

struct Inner {
    issuer: String,
    keys: Keys,
    codes: Mutex<HashMap<String, Issued>>,
    people: Mutex<HashMap<String, Value>>,
    asked_for_keys: AtomicUsize,
    silent: AtomicBool,
}

/// A provider that listens on this machine.
pub struct IdentityProvider(Arc<Inner>);

fn ec() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).expect("a key")
}

impl IdentityProvider {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let ed = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let keys = Keys {
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("../data/rsa_of_tests.der")).expect("a key"),
            ec: ec(),
            stranger: ec(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
        };
        let inner = Arc::new(Inner {
            issuer: format!("http://{}/realm", listener.local_addr().expect("an address")),
            keys,
            codes: Mutex::default(),
            people: Mutex::default(),
            asked_for_keys: AtomicUsize::new(0),
            silent: AtomicBool::new(false),
        });
        let shared = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let inner = shared.clone();
                std::thread::spawn(move || inner.serve(&stream));
            }
        });
        Self(inner)
    }

    /// Its address, as its tokens say it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn asked_for_keys(&self) -> usize {
        self.0.asked_for_keys.load(Ordering::Relaxed)
    }

    /// From now on it answers nobody anything of use.
    pub fn fall_silent(&self) {
        self.0.silent.store(true, Ordering::Relaxed);
    }

    /// Somebody follows the address and signs in: the code that comes back.
    ///
    /// # Panics
    /// When the address asks for something else than a code with PKCE.
    #[must_use]
    #[track_caller]
    pub fn authorise(&self, url: &str, grant: Grant) -> String {
        let (address, query) = url.split_once('?').expect("parameters");
        assert_eq!(address, format!("{}/authorize", self.0.issuer));
        let said = parameters(query);
        let of = |name: &str| said.get(name).cloned().unwrap_or_default();
        assert_eq!((of("response_type"), of("client_id")), ("code".to_owned(), CLIENT.to_owned()));
        assert_eq!(of("code_challenge_method"), "S256");
        assert!(of("scope").split(' ').any(|scope| scope == "openid"), "{query}");
        assert!(of("nonce").len() >= 43 && of("state").len() >= 43 && of("code_challenge").len() == 43, "{query}");
        let code = format!("code-{}-{}", unique(), b64(Sha256::digest(query)));
        let issued =
            Issued { grant, nonce: of("nonce"), challenge: of("code_challenge"), redirect_uri: of("redirect_uri") };
        self.0.codes.lock().expect("codes").insert(code.clone(), issued);
        code
    }
}

impl Inner {
    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        let Ok(1..) = reader.read_line(&mut line) else { return };
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut header = String::new();
            let Ok(1..) = reader.read_line(&mut header) else { return };
            let Some((name, value)) = header.trim().split_once(':') else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => value.trim().clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let (status, answer) = self.answer(&method, &path, &authorization, &String::from_utf8_lossy(&body));
        let answer = answer.to_string();
        let mut stream = stream;
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(answer.as_bytes());
    }

    fn answer(&self, method: &str, path: &str, authorization: &str, body: &str) -> (u16, Value) {
        if self.silent.load(Ordering::Relaxed) {
            return (500, Value::Null);
        }
        let issuer = &self.issuer;
        match (method, path) {
            ("GET", "/realm/.well-known/openid-configuration") => (
                200,
                json!({
                    "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                    "userinfo_endpoint": format!("{issuer}/userinfo"),
                }),
            ),
            ("GET", "/realm/keys") => {
                self.asked_for_keys.fetch_add(1, Ordering::Relaxed);
                (200, self.published())
            }
            ("POST", "/realm/token") => self.token(authorization, body),
            ("GET", "/realm/userinfo") => {
                let people = self.people.lock().expect("people");
                let person = authorization.strip_prefix("Bearer ").and_then(|token| people.get(token).cloned());
                person.map_or((401, Value::Null), |person| (200, person))
            }
            _ => (404, Value::Null),
        }
    }

    fn published(&self) -> Value {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(self.keys.rsa.public());
        let point = self.keys.ec.public_key().as_ref();
        let (x, y) = point.split_at(1).1.split_at(32);
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": b64(n), "e": b64(e)},
            {"kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": b64(x), "y": b64(y)},
            {"kty": "OKP", "kid": "ed", "use": "sig", "crv": "Ed25519", "x": b64(self.keys.ed.public_key())},
        ]})
    }

    /// RFC 6749, 4.1.3: the client's secret, the address, the verifier, and a code that is good once.
    fn token(&self, authorization: &str, body: &str) -> (u16, Value) {
        let said = parameters(body);
        let basic = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
        let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let (user, password) = basic.split_once(':').unwrap_or_default();
        if decoded(user) != CLIENT || decoded(password) != SECRET {
            return (401, json!({ "error": "invalid_client" }));
        }
        let of = |name: &str| said.get(name).cloned().unwrap_or_default();
        let issued = self.codes.lock().expect("codes").remove(&of("code"));
        let fits = |issued: &Issued| {
            of("grant_type") == "authorization_code"
                && issued.redirect_uri == of("redirect_uri")
                && issued.challenge == b64(Sha256::digest(of("code_verifier")))
        };
        let Some(issued) = issued.filter(fits) else { return (400, json!({ "error": "invalid_grant" })) };
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "exp": now() + 300, "iat": now(), "nonce": issued.nonce,
        });
        merge(&mut claims, &issued.grant.claims);
        let access = format!("access-{}", unique());
        let mut person = json!({ "sub": claims.get("sub") });
        merge(&mut person, &issued.grant.userinfo);
        self.people.lock().expect("people").insert(access.clone(), person);
        let token = self.sign(issued.grant.signing, &claims);
        (200, json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token }))
    }

    fn sign(&self, signing: Signing, claims: &Value) -> String {
        let (alg, kid) = match signing {
            Signing::Rs256 => ("RS256", "rsa"),
            Signing::Es256 | Signing::Stranger => ("ES256", "ec"),
            Signing::EdDsa => ("EdDSA", "ed"),
            Signing::None => ("none", "ec"),
            Signing::HmacOfPublicKey => ("HS256", "rsa"),
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let said = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let (random, bytes) = (SystemRandom::new(), said.as_bytes());
        let by = |key: &EcdsaKeyPair| key.sign(&random, bytes).expect("a signature").as_ref().to_vec();
        let signature = match signing {
            Signing::Rs256 => {
                let mut signature = vec![0; self.keys.rsa.public().modulus_len()];
                self.keys.rsa.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature).expect("a signature");
                signature
            }
            Signing::Es256 => by(&self.keys.ec),
            Signing::Stranger => by(&self.keys.stranger),
            Signing::EdDsa => self.keys.ed.sign(bytes).as_ref().to_vec(),
            Signing::None => Vec::new(),
            Signing::HmacOfPublicKey => {
                let secret = RsaPublicKeyComponents::<Vec<u8>>::from(self.keys.rsa.public()).n;
                ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret), bytes).as_ref().to_vec()
            }
        };
        format!("{said}.{}", b64(signature))
    }
}

fn merge(into: &mut Value, from: &Value) {
    let empty = Map::new();
    for (name, value) in from.as_object().unwrap_or(&empty) {
        if let Some(members) = into.as_object_mut() {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The parameters of an address or a form.
#[must_use]
pub fn parameters(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(&String::from_utf8_lossy(&hex), 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
