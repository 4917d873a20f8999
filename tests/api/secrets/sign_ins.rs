//! Doors of signing in that need more than a body: a second factor, and a provider of the company.

use kehu_tests::idp::{CLIENT, Grant, IdentityProvider, SECRET, parameters};
use kehu_tests::{Authenticator, PASSWORD, Session};
use serde_json::{Value, json};

use super::doors::{Door, Walk};

impl Walk<'_> {
    /// Company sign-in, with a provider of the test itself, which is told words of its own and tells some.
    pub(super) fn external(&mut self, door: &Door<'_>) {
        let idp = IdentityProvider::start();
        let settings = json!({
            "name": self.sown.open("name"), "issuer": idp.issuer(), "client_id": CLIENT, "client_secret": SECRET,
            "redirect_uris": ["https://crm.example.com/back"], "just_in_time": true, "default_role": "salesperson",
        });
        let provider = self.admin.post("/v1/identity_providers", &settings).expect(201).id();
        let anybody = Session::anonymous(self.base);
        for body in self.bodies(door) {
            let reply = self.with_headers(door, &anybody).post(door.path, &body);
            assert!([401, 404, 422].contains(&reply.status), "{}: {}", door.name, reply.text);
        }
        let device = self.sown.open("device_name");
        let start = json!({"organisation": "main", "provider": provider, "device_name": device});
        let begun = anybody.post("/v1/auth/external/start", &start).expect(200).json();
        let url = begun["authorization_url"].as_str().unwrap();
        let parameters = parameters(url.split_once('?').unwrap().1);
        for told in [&begun["state"], &begun["proof"]] {
            self.sown.told("external", told.as_str().unwrap());
        }
        self.sown.told("nonce", &parameters["nonce"]);
        let (subject, group) = (self.sown.ascii("subject"), self.sown.ascii("group"));
        let claims = json!({
            "sub": subject, "email": self.sown.mail("email"), "email_verified": true, "groups": [group],
            "name": self.sown.open("name"),
        });
        let code = idp.authorise(url, Grant::of(claims));
        self.sown.told("code", &code);
        let body = json!({"state": begun["state"], "proof": begun["proof"], "code": code});
        let tokens = anybody.post("/v1/auth/external", &body).expect(200).json();
        self.tell_tokens(&tokens);
        let _ = self.admin.delete(&format!("/v1/identity_providers/{provider}")).expect(204);
    }

    /// A second factor: what is refused, and what the server tells once.
    pub(super) fn factor(&mut self, door: &Door<'_>) {
        let (session, _) = self.signed_in();
        let (begins, confirms) = (door.name == "POST /v1/me/second_factor", door.path.ends_with("/confirm"));
        let mut app = if begins || confirms { None } else { Some(self.enrolled(&session)) };
        if confirms {
            let begun = session.post("/v1/me/second_factor", &json!({"password": PASSWORD})).expect(201).json();
            app = Some(self.tell_seed(&begun));
        }
        for body in self.bodies(door) {
            let session = self.with_headers(door, &session);
            let _ = session.send(&door.method, door.path, body.to_string().as_bytes(), "application/json").expect(422);
        }
        let body = match &mut app {
            Some(app) => json!({ "otp": app.code() }),
            None => json!({ "password": PASSWORD }),
        };
        let session = self.with_headers(door, &session);
        let reply = session.send(&door.method, door.path, body.to_string().as_bytes(), "application/json");
        assert!(reply.status < 300, "{}: {} {}", door.name, reply.status, reply.text);
        self.tell_recovery_codes(&reply.json());
        if begins {
            let _ = self.tell_seed(&reply.json());
        }
    }

    /// Sets a second factor up for somebody.
    pub(super) fn enrolled(&mut self, session: &Session) -> Authenticator {
        let begun = session.post("/v1/me/second_factor", &json!({"password": PASSWORD})).expect(201).json();
        let mut app = self.tell_seed(&begun);
        let confirm = json!({"otp": app.code()});
        let codes = session.post("/v1/me/second_factor/confirm", &confirm).expect(200).json();
        self.tell_recovery_codes(&codes);
        app
    }

    /// The seed, which lies nowhere in clear.
    fn tell_seed(&mut self, begun: &Value) -> Authenticator {
        let secret = begun["secret"].as_str().unwrap();
        self.sown.told("seed", secret);
        Authenticator::new(secret)
    }

    fn tell_recovery_codes(&mut self, answer: &Value) {
        for code in answer["recovery_codes"].as_array().into_iter().flatten() {
            let code = code.as_str().unwrap();
            self.sown.told("recovery code", code);
            self.sown.told("recovery code", &code.replace('-', ""));
        }
    }
}
