//! An organisation that trusts a provider, and people who sign in by it.

use kehu_tests::idp::{CLIENT, Grant, IdentityProvider, SECRET};
use kehu_tests::{Engine, Org, Reply, Session};
use serde_json::{Value, json};

pub(crate) const START: &str = "/v1/auth/external/start";
pub(crate) const FINISH: &str = "/v1/auth/external";
pub(crate) const CALLBACK: &str = "/v1/auth/external/callback";
pub(crate) const PROVIDERS: &str = "/v1/identity_providers";
pub(crate) const BACK: &str = "https://crm.example.com/back";

/// An organisation that trusts a provider.
pub(crate) struct Trust {
    pub(crate) org: Org,
    pub(crate) idp: IdentityProvider,
    pub(crate) provider: String,
}

pub(crate) fn laid_down(idp: &IdentityProvider, more: &Value) -> Value {
    let mut body = json!({
        "name": "公司登录", "issuer": idp.issuer(), "client_id": CLIENT, "client_secret": SECRET,
        "redirect_uris": [BACK, "com.example.crm:/back"],
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(crate) fn trust(engine: Engine, more: &Value) -> Trust {
    let (org, idp) = (Org::new(engine), IdentityProvider::start());
    let provider = org.admin.post(PROVIDERS, &laid_down(&idp, more)).expect(201).id();
    Trust { org, idp, provider }
}

/// A sign-in that was begun.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) proof: String,
}

impl Trust {
    pub(crate) fn anybody(&self) -> Session {
        Session::anonymous(self.org.admin.base())
    }

    pub(crate) fn begin(&self) -> Begun {
        let begun = self.anybody().post(START, &json!({"organisation": self.org.slug})).expect(200).json();
        let text = |name: &str| begun[name].as_str().unwrap().to_owned();
        Begun { url: text("authorization_url"), state: text("state"), proof: text("proof") }
    }

    pub(crate) fn finish(&self, begun: &Begun, code: &str) -> Reply {
        let body = json!({"state": begun.state, "proof": begun.proof, "code": code});
        self.anybody().post(FINISH, &body)
    }

    /// From the beginning to the answer.
    pub(crate) fn sign_in(&self, grant: Grant) -> Reply {
        let begun = self.begin();
        let code = self.idp.authorise(&begun.url, grant);
        self.finish(&begun, &code)
    }

    pub(crate) fn session(&self, reply: Reply) -> Session {
        self.anybody().with_token(reply.expect(200).json()["access_token"].as_str())
    }

    pub(crate) fn events(&self, event: &str) -> Vec<Value> {
        let entries = self.org.admin.get("/v1/audit?limit=200").expect(200).data();
        entries.into_iter().filter(|entry| entry["type"] == event).collect()
    }

    pub(crate) fn user_named(&self, email: &str) -> Value {
        let users = self.org.admin.get("/v1/users?limit=200").expect(200).data();
        users.into_iter().find(|user| user["email"] == email).unwrap_or_default()
    }
}

/// Somebody with a confirmed address.
pub(crate) fn person(subject: &str, email: &str) -> Value {
    json!({"sub": subject, "email": email, "email_verified": true, "name": "李雷"})
}

pub(crate) fn changed(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}
