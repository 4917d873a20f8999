//! Company sign-in against a real provider: npm's oidc-provider, in a process of its own, with its own pages. Where there
//! is no node, the test says that it is skipped; `external.rs` tries the same with a provider of ours.

kehu_tests::on_both_engines!(a_real_provider_lets_people_in);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader};
    use std::path::Path;
    use std::process::{Child, ChildStdout, Command, Stdio};

    use kehu_tests::idp::{CLIENT, SECRET, parameters};
    use kehu_tests::{Engine, Org, Reply, Session, encoded, env};
    use serde_json::json;

    const BACK: &str = "http://127.0.0.1:9/back";

    struct Provider {
        child: Child,
        issuer: String,
        /// What it goes on to say: it dies where nobody listens.
        _said: BufReader<ChildStdout>,
    }

    impl Provider {
        /// Starts one; nothing where there is no node.
        fn start() -> Option<Self> {
            let folder = env("KEHU_TEST_OIDC");
            if folder.is_empty() {
                eprintln!("SKIPPED: no real provider of OpenID Connect (scripts/oidc.sh needs node and npm)");
                return None;
            }
            let mut command = Command::new("node");
            command.arg(Path::new(&folder).join("idp.mjs")).arg(BACK).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            let (mut issuer, mut said) = (String::new(), BufReader::new(child.stdout.take().unwrap()));
            said.read_line(&mut issuer).unwrap();
            let issuer = issuer.trim().to_owned();
            assert!(issuer.starts_with("http://"), "the provider does not start");
            Some(Self { child, issuer, _said: said })
        }

        /// Follows the address as a browser does: types a name, agrees, and is sent back with a code.
        fn sign_in(&self, url: &str, name: &str) -> BTreeMap<String, String> {
            let mut cookies: BTreeMap<String, String> = BTreeMap::new();
            let mut next = (url.strip_prefix(&self.issuer).unwrap().to_owned(), None);
            for _ in 0..15 {
                let (path, form): (String, Option<String>) = next;
                let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                // The provider ends connections that idle for five seconds, in the middle of the next request too.
                let browser = Session::anonymous(&self.issuer).with("cookie", &pairs.join("; "));
                let browser = browser.with("connection", "close");
                let reply = match form {
                    Some(form) => browser.send("POST", &path, form.as_bytes(), "application/x-www-form-urlencoded"),
                    None => browser.get(&path),
                };
                for cookie in reply.headers.get_all("set-cookie") {
                    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                    let (name, value) = pair.split_once('=').unwrap();
                    cookies.insert(name.to_owned(), value.to_owned());
                }
                if let Some(to) = reply.header("location") {
                    if let Some(query) = to.strip_prefix(BACK) {
                        return parameters(query.trim_start_matches('?')).into_iter().collect();
                    }
                    next = (to.strip_prefix(&self.issuer).unwrap_or(to).to_owned(), None);
                } else {
                    next = Self::filled(&self.issuer, &reply, name);
                }
            }
            panic!("the provider sends nobody back");
        }

        /// The form of a page, filled in: where it goes, and what it says.
        fn filled(issuer: &str, reply: &Reply, name: &str) -> (String, Option<String>) {
            let between = |begin: &str| {
                let rest = reply.text.split_once(begin).unwrap_or_else(|| panic!("{begin}: {}", reply.text)).1;
                rest.split_once('"').unwrap().0.to_owned()
            };
            let (action, prompt) = (between("action=\""), between("name=\"prompt\" value=\""));
            let login = if prompt == "login" { format!("&login={}&password=x", encoded(name)) } else { String::new() };
            let path = action.strip_prefix(issuer).unwrap_or(&action).to_owned();
            (path, Some(format!("prompt={prompt}{login}")))
        }
    }

    impl Drop for Provider {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// From the beginning to the answer; with the state, the proof and what came back.
    fn sign_in(org: &Org, provider: &Provider, name: &str) -> (serde_json::Value, Reply) {
        let anybody = Session::anonymous(org.admin.base());
        let begun = anybody.post("/v1/auth/external/start", &json!({"organisation": org.slug})).expect(200).json();
        let back = provider.sign_in(begun["authorization_url"].as_str().unwrap(), name);
        assert_eq!(json!(back["state"]), begun["state"]);
        let body =
            json!({"state": begun["state"], "proof": begun["proof"], "code": back["code"], "iss": back.get("iss")});
        let reply = anybody.post("/v1/auth/external", &body);
        (body, reply)
    }

    pub(super) fn a_real_provider_lets_people_in(engine: Engine) {
        let Some(provider) = Provider::start() else { return };
        let org = Org::new(engine);
        let settings = json!({
            "name": "真实的提供方", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
            "redirect_uris": [BACK], "scopes": ["email", "profile", "groups"], "just_in_time": true,
            "role_mapping": [{"group": "leads", "role": "manager"}, {"group": "crm", "role": "salesperson"}],
        });
        let id = org.admin.post("/v1/identity_providers", &settings).expect(201).id();
        let roles = |reply: Reply| {
            let tokens = reply.expect(200).json();
            let session = Session::anonymous(org.admin.base()).with_token(tokens["access_token"].as_str());
            session.get("/v1/me").expect(200).json()
        };
        // A user that is made, with the role of a group.
        let (body, reply) = sign_in(&org, &provider, "li-crm-leads");
        let me = roles(reply);
        assert_eq!((&me["user"]["email"], &me["roles"]), (&json!("li-crm-leads@example.test"), &json!(["manager"])));
        // Finished once, and the code is worth nothing in another sign-in.
        let anybody = Session::anonymous(org.admin.base());
        let again = anybody.post("/v1/auth/external", &body).expect(401);
        assert_eq!(again.code(), "external_state_unknown");
        let other = anybody.post("/v1/auth/external/start", &json!({"organisation": org.slug})).expect(200).json();
        let reused =
            json!({"state": other["state"], "proof": other["proof"], "code": body["code"], "iss": body["iss"]});
        assert_eq!(anybody.post("/v1/auth/external", &reused).expect(401).code(), "external_not_believed");
        // The same person again is the same user.
        let same = roles(sign_in(&org, &provider, "li-crm-leads").1);
        assert_eq!(same["user"]["id"], me["user"]["id"]);
        // In no group that has a role; with an address that is not confirmed.
        assert_eq!(sign_in(&org, &provider, "han-others").1.expect(401).code(), "external_no_role");
        let colleague = json!({"name": "同事", "email": "unconfirmed-crm@example.test", "role": "salesperson"});
        let _ = org.admin.post("/v1/users", &colleague).expect(201);
        let refused = sign_in(&org, &provider, "unconfirmed-crm").1.expect(401);
        assert_eq!(refused.code(), "external_email_unverified");
        // Who came with the code of somebody else's browser, without the proof.
        let begun = anybody.post("/v1/auth/external/start", &json!({"organisation": org.slug})).expect(200).json();
        let back = provider.sign_in(begun["authorization_url"].as_str().unwrap(), "thief-crm");
        let slipped = json!({"state": back["state"], "code": back["code"], "iss": back.get("iss")});
        assert_eq!(anybody.post("/v1/auth/external", &slipped).expect(401).code(), "external_state_unknown");
        // Disabled.
        let user = format!("/v1/users/{}", me["user"]["id"].as_str().unwrap());
        let _ = org.admin.patch(&user, &json!({"disabled": true})).expect(200);
        assert_eq!(sign_in(&org, &provider, "li-crm-leads").1.expect(401).code(), "account_disabled");
        // A secret that is not the provider's.
        let wrong = json!({"client_secret": "another"});
        let _ = org.admin.patch(&format!("/v1/identity_providers/{id}"), &wrong).expect(200);
        assert_eq!(sign_in(&org, &provider, "wei-crm").1.expect(401).code(), "external_not_believed");
    }
}
