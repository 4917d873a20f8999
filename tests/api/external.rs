//! Company sign-in, with a provider of the test itself: who is let in, with which role, and every way in which a
//! provider's word must not count.

kehu_tests::on_both_engines!(
    a_colleague_is_known_by_a_confirmed_address_and_then_by_name,
    what_does_not_hold_is_not_believed,
    a_sign_in_is_finished_once_by_who_began_it,
    an_unconfirmed_address_opens_nothing,
    whoever_is_not_known_may_become_a_user,
    groups_say_the_role_at_each_sign_in,
    who_is_disabled_stays_out,
    user_information_fills_in_what_the_token_leaves_out,
    a_browser_comes_back_with_its_cookie,
    no_second_factor_is_asked_for,
    providers_are_for_administrators,
    a_provider_that_goes_takes_its_sessions_along,
    what_is_not_public_is_not_asked,
);

#[cfg(test)]
mod tests {
    use kehu_tests::idp::{CLIENT, Grant, IdentityProvider, SECRET, Signing, parameters};
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, own_postgres};
    use serde_json::{Value, json};

    const START: &str = "/v1/auth/external/start";
    const FINISH: &str = "/v1/auth/external";
    const CALLBACK: &str = "/v1/auth/external/callback";
    const PROVIDERS: &str = "/v1/identity_providers";
    const BACK: &str = "https://crm.example.com/back";

    /// An organisation that trusts a provider.
    struct Trust {
        org: Org,
        idp: IdentityProvider,
        provider: String,
    }

    fn laid_down(idp: &IdentityProvider, more: &Value) -> Value {
        let mut body = json!({
            "name": "公司登录", "issuer": idp.issuer(), "client_id": CLIENT, "client_secret": SECRET,
            "redirect_uris": [BACK, "com.example.crm:/back"],
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    fn trust(engine: Engine, more: &Value) -> Trust {
        let (org, idp) = (Org::new(engine), IdentityProvider::start());
        let provider = org.admin.post(PROVIDERS, &laid_down(&idp, more)).expect(201).id();
        Trust { org, idp, provider }
    }

    /// A sign-in that was begun.
    struct Begun {
        url: String,
        state: String,
        proof: String,
    }

    impl Trust {
        fn anybody(&self) -> Session {
            Session::anonymous(self.org.admin.base())
        }

        fn begin(&self) -> Begun {
            let begun = self.anybody().post(START, &json!({"organisation": self.org.slug})).expect(200).json();
            let text = |name: &str| begun[name].as_str().unwrap().to_owned();
            Begun { url: text("authorization_url"), state: text("state"), proof: text("proof") }
        }

        fn finish(&self, begun: &Begun, code: &str) -> Reply {
            let body = json!({"state": begun.state, "proof": begun.proof, "code": code});
            self.anybody().post(FINISH, &body)
        }

        /// From the beginning to the answer.
        fn sign_in(&self, grant: Grant) -> Reply {
            let begun = self.begin();
            let code = self.idp.authorise(&begun.url, grant);
            self.finish(&begun, &code)
        }

        fn session(&self, reply: Reply) -> Session {
            self.anybody().with_token(reply.expect(200).json()["access_token"].as_str())
        }

        fn events(&self, event: &str) -> Vec<Value> {
            let entries = self.org.admin.get("/v1/audit?limit=200").expect(200).data();
            entries.into_iter().filter(|entry| entry["type"] == event).collect()
        }

        fn user_named(&self, email: &str) -> Value {
            let users = self.org.admin.get("/v1/users?limit=200").expect(200).data();
            users.into_iter().find(|user| user["email"] == email).unwrap_or_default()
        }
    }

    /// Somebody with a confirmed address.
    fn person(subject: &str, email: &str) -> Value {
        json!({"sub": subject, "email": email, "email_verified": true, "name": "李雷"})
    }

    fn changed(mut claims: Value, name: &str, value: Value) -> Value {
        claims[name] = value;
        claims
    }

    pub(super) fn a_colleague_is_known_by_a_confirmed_address_and_then_by_name(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("manager", None);
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &user.login.to_uppercase()))));
        let me = session.get("/v1/me").expect(200).json();
        assert_eq!((&me["user"]["id"], &me["roles"]), (&json!(user.id), &json!(["manager"])));
        // From now on the address does not matter, nor that there is none.
        for claims in [person("s-1", "other@example.com"), json!({"sub": "s-1"})] {
            let session = trust.session(trust.sign_in(Grant::of(claims)));
            assert_eq!(session.get("/v1/me").expect(200).json()["user"]["id"], json!(user.id));
        }
        // The name of somebody else is another one, and unknown.
        let refused = trust.sign_in(Grant::of(person("S-1", "nobody@example.com"))).expect(401);
        assert_eq!(refused.code(), "external_no_account");
        // Another organisation knows nothing of it.
        let (other, stranger) = (Org::new(engine), IdentityProvider::start());
        let _ = other.admin.post(PROVIDERS, &laid_down(&stranger, &json!({}))).expect(201);
        let other = Trust { org: other, idp: stranger, provider: String::new() };
        assert_eq!(other.sign_in(Grant::of(person("s-1", &user.login))).expect(401).code(), "external_no_account");
        assert_eq!(trust.events("identity.linked").len(), 1);
        let signed_in = trust.events("sign_in.succeeded");
        let by_provider = signed_in.iter().filter(|entry| entry["details"]["provider"] == json!(trust.provider));
        assert_eq!(by_provider.count(), 3);
        // All three algorithms are believed.
        for signing in [Signing::Rs256, Signing::Es256, Signing::EdDsa] {
            let grant = Grant { signing, ..Grant::of(json!({"sub": "s-1"})) };
            let _ = trust.sign_in(grant).expect(200);
        }
        assert_eq!(trust.idp.asked_for_keys(), 1, "keys are remembered");
        // Refreshed and signed out like any session.
        let tokens = trust.sign_in(Grant::of(json!({"sub": "s-1"}))).expect(200).json();
        let body = json!({"refresh_token": tokens["refresh_token"]});
        let _ = trust.anybody().post("/v1/auth/refresh", &body).expect(200);
        let session = trust.anybody().with_token(tokens["access_token"].as_str());
        let _ = session.post("/v1/auth/logout", &json!({})).expect(204);
        let _ = session.get("/v1/me").expect(401);
    }

    pub(super) fn what_does_not_hold_is_not_believed(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let honest = person("s-1", &user.login);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let with = |name: &str, value: Value| Grant::of(changed(honest.clone(), name, value));
        let signed = |signing| Grant { signing, ..Grant::of(honest.clone()) };
        let lies = [
            ("another nonce", with("nonce", json!("another"))),
            ("no nonce", with("nonce", Value::Null)),
            ("another audience", with("aud", json!("another"))),
            ("several audiences, and nobody asked", with("aud", json!([CLIENT, "another"]))),
            ("somebody else asked", with("azp", json!("another"))),
            ("another issuer", with("iss", json!("https://id.example.com"))),
            ("an issuer that begins alike", with("iss", json!(format!("{}/", trust.idp.issuer())))),
            ("expired", with("exp", json!(now - 60))),
            ("no expiry", with("exp", Value::Null)),
            ("made long ago", with("iat", json!(now - 3600))),
            ("of the future", with("nbf", json!(now + 3600))),
            ("nobody", with("sub", Value::Null)),
            ("unsigned", signed(Signing::None)),
            ("signed with the public key as a secret", signed(Signing::HmacOfPublicKey)),
            ("signed by a stranger", signed(Signing::Stranger)),
        ];
        let count = lies.len();
        for (lie, grant) in lies {
            let refused = trust.sign_in(grant);
            assert_eq!(
                (refused.status, refused.code()),
                (401, "external_not_believed".to_owned()),
                "{lie}: {}",
                refused.text
            );
        }
        let told = trust.events("sign_in.external_failed");
        assert_eq!(told.len(), count);
        assert!(told.iter().all(|entry| entry["details"]["why"].as_str().is_some_and(|why| !why.is_empty())));
        assert!(trust.events("identity.linked").is_empty());
        let _ = trust.sign_in(Grant::of(honest)).expect(200);
        // A nonce of another sign-in of the same person.
        let (one, two) = (trust.begin(), trust.begin());
        let code = trust.idp.authorise(&one.url, Grant::of(json!({"sub": "s-1"})));
        assert_eq!(trust.finish(&two, &code).expect(401).code(), "external_not_believed");
        // An issuer that comes back with the code must be the one (RFC 9207).
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, Grant::of(json!({"sub": "s-1"})));
        let body = json!({"state": begun.state, "proof": begun.proof, "code": code, "iss": "https://evil.example.com"});
        assert_eq!(trust.anybody().post(FINISH, &body).expect(401).code(), "external_not_believed");
    }

    pub(super) fn a_sign_in_is_finished_once_by_who_began_it(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let grant = || Grant::of(person("s-1", &user.login));
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, grant());
        // Somebody who knows the address it came back to, and did not begin it: nothing is used up by that.
        let other = trust.begin();
        for proof in [Value::Null, json!(other.proof), json!(begun.state), json!("ext_nonsense"), json!("")] {
            let body = json!({"state": begun.state, "code": code, "proof": proof});
            let refused = trust.anybody().post(FINISH, &body).expect(401);
            assert_eq!(refused.code(), "external_state_unknown", "{proof}");
        }
        let _ = trust.finish(&begun, &code).expect(200);
        assert_eq!(trust.finish(&begun, &code).expect(401).code(), "external_state_unknown");
        // A code that was used, in a sign-in that was not.
        assert_eq!(trust.finish(&other, &code).expect(401).code(), "external_not_believed");
        // Of two at once, one.
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, grant());
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let both: Vec<_> = (0..2).map(|_| scope.spawn(|| trust.finish(&begun, &code).status)).collect();
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        // What was begun is over after ten minutes.
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, grant());
        let past = if engine == Engine::Sqlite { "1" } else { "timestamptz '2020-01-01'" };
        crate::stored::run(engine, &format!("UPDATE external_sign_ins SET expires_at = {past}"));
        assert_eq!(trust.finish(&begun, &code).expect(401).code(), "external_state_unknown");
        // Where it comes back to was laid down.
        let elsewhere = json!({"organisation": trust.org.slug, "redirect_uri": "https://evil.example.com/back"});
        let refused = trust.anybody().post(START, &elsewhere).expect(422);
        assert_eq!(refused.errors(), [("/redirect_uri".to_owned(), "redirect_uri_unknown".to_owned())]);
        let app = json!({"organisation": trust.org.slug, "redirect_uri": "com.example.crm:/back", "client": "mobile"});
        let begun = trust.anybody().post(START, &app).expect(200).json();
        let url = begun["authorization_url"].as_str().unwrap();
        assert_eq!(parameters(url.split_once('?').unwrap().1)["redirect_uri"], "com.example.crm:/back");
        for unknown in [
            json!({"organisation": "no-such-organisation"}),
            json!({"organisation": trust.org.slug, "provider": kehu_tests::new_id()}),
        ] {
            let _ = trust.anybody().post(START, &unknown).expect(404);
        }
    }

    pub(super) fn an_unconfirmed_address_opens_nothing(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("administrator", None);
        for confirmed in [json!(false), json!("false"), json!(0), Value::Null] {
            let grant = Grant::of(changed(person("thief", &user.login), "email_verified", confirmed));
            assert_eq!(trust.sign_in(grant).expect(401).code(), "external_no_account");
        }
        let making = json!({"just_in_time": true, "default_role": "salesperson"});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &making).expect(200);
        let grant = Grant::of(changed(person("thief", &user.login), "email_verified", json!(false)));
        assert_eq!(trust.sign_in(grant).expect(401).code(), "external_email_unverified");
        let own = json!({"allowed_email_domains": ["Example.com"]});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &own).expect(200);
        for email in [user.login.as_str(), "li@sub.example.com", "li@example.com.evil.com"] {
            let refused = trust.sign_in(Grant::of(person("thief", email))).expect(401);
            assert_eq!(refused.code(), "external_email_domain", "{email}");
        }
        let unconfirmed = changed(person("thief", "li@example.com"), "email_verified", json!(false));
        assert_eq!(trust.sign_in(Grant::of(unconfirmed)).expect(401).code(), "external_email_domain");
        assert_eq!(trust.events("identity.linked").len(), 0);
    }

    pub(super) fn whoever_is_not_known_may_become_a_user(engine: Engine) {
        let trust = trust(engine, &json!({"just_in_time": true}));
        let email = format!("new@{}.test", trust.org.slug);
        let refused = trust.sign_in(Grant::of(person("s-9", &email))).expect(401);
        assert_eq!(refused.code(), "external_no_role", "a role is laid down first");
        let role = json!({"default_role": "salesperson"});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &role).expect(200);
        // Twice at once: one user.
        let ids: Vec<Value> = std::thread::scope(|scope| {
            let both: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| trust.session(trust.sign_in(Grant::of(person("s-9", &email))))))
                .collect();
            both.into_iter()
                .map(|one| one.join().unwrap().get("/v1/me").expect(200).json()["user"]["id"].clone())
                .collect()
        });
        assert_eq!(ids[0], ids[1]);
        let user = trust.user_named(&email);
        assert_eq!((&user["id"], &user["name"], &user["role"]), (&ids[0], &json!("李雷"), &json!("salesperson")));
        assert!(user["last_login_at"].is_string());
        assert_eq!(trust.events("user.created").iter().filter(|entry| entry["record_id"] == ids[0]).count(), 1);
        assert_eq!(trust.events("user.made_at_sign_in").len(), 1);
        // Nobody knows a password of it.
        let password = json!({"login": email, "password": PASSWORD});
        assert_eq!(trust.anybody().post("/v1/auth/login", &password).expect(401).code(), "credentials_wrong");
        // Without a name, the address says one; what cannot be an address makes nobody.
        let nameless =
            json!({"sub": "s-10", "email": format!("wang.wu@{}.test", trust.org.slug), "email_verified": true});
        let session = trust.session(trust.sign_in(Grant::of(nameless)));
        assert_eq!(session.get("/v1/me").expect(200).json()["user"]["name"], "wang.wu");
        let refused = trust.sign_in(Grant::of(person("s-11", "not an address"))).expect(401);
        assert_eq!(refused.code(), "external_email_unverified");
    }

    pub(super) fn groups_say_the_role_at_each_sign_in(engine: Engine) {
        let mapping = json!([{"group": "crm-leads", "role": "manager"}, {"group": "crm", "role": "salesperson"}]);
        let trust = trust(engine, &json!({"just_in_time": true, "role_mapping": mapping}));
        let email = format!("leader@{}.test", trust.org.slug);
        let of = |groups: Value| Grant::of(changed(person("s-1", &email), "groups", groups));
        for none in [json!([]), json!(["others"]), json!("others"), Value::Null] {
            assert_eq!(trust.sign_in(of(none)).expect(401).code(), "external_no_role");
        }
        assert_eq!(trust.user_named(&email), Value::Null, "nobody was made");
        for (groups, role) in [
            (json!(["crm", "crm-leads"]), "manager"),
            (json!(["crm"]), "salesperson"),
            (json!(["crm"]), "salesperson"),
            (json!("crm-leads"), "manager"),
        ] {
            let session = trust.session(trust.sign_in(of(groups)));
            assert_eq!(session.get("/v1/me").expect(200).json()["roles"], json!([role]));
        }
        let id = trust.user_named(&email)["id"].clone();
        let changes = trust.events("user.rights_changed");
        let roles: Vec<&Value> = changes
            .iter()
            .filter(|entry| entry["record_id"] == id)
            .map(|entry| &entry["details"]["after"]["role"])
            .collect();
        assert_eq!(roles, ["manager", "salesperson", "manager"], "made, and changed twice");
        // Out of every group: no sign-in any more.
        assert_eq!(trust.sign_in(of(json!(["others"]))).expect(401).code(), "external_no_role");
        // The last administrator stays one.
        let admin = trust.org.admin.get("/v1/me").expect(200).json();
        let claims = changed(person("s-2", admin["user"]["email"].as_str().unwrap()), "groups", json!(["crm"]));
        let session = trust.session(trust.sign_in(Grant::of(claims)));
        assert_eq!(session.get("/v1/me").expect(200).json()["roles"], json!(["administrator"]));
    }

    pub(super) fn who_is_disabled_stays_out(engine: Engine) {
        let trust = trust(engine, &json!({"just_in_time": true, "default_role": "salesperson"}));
        let (known, unknown) = (trust.org.user("salesperson", None), trust.org.user("salesperson", None));
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &known.login))));
        for user in [&known, &unknown] {
            let _ = trust.org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"disabled": true})).expect(200);
        }
        assert_eq!(session.get("/v1/me").expect(401).code(), "account_disabled");
        for (subject, user) in [("s-1", &known), ("s-2", &unknown)] {
            let refused = trust.sign_in(Grant::of(person(subject, &user.login))).expect(401);
            assert_eq!(refused.code(), "account_disabled", "{subject}");
        }
        assert_eq!(trust.events("identity.linked").len(), 1, "the one who was let in");
    }

    pub(super) fn user_information_fills_in_what_the_token_leaves_out(engine: Engine) {
        let trust = trust(
            engine,
            &json!({"role_mapping": [{"group": "crm", "role": "manager"}], "groups_claim": "realm_access.roles"}),
        );
        let user = trust.org.user("salesperson", None);
        let told = |subject: &str| json!({"sub": subject, "email": user.login, "email_verified": true, "realm_access": {"roles": ["crm"]}});
        let grant = |userinfo: Value| Grant { userinfo, ..Grant::of(json!({"sub": "s-1"})) };
        // Of somebody else: not believed.
        assert_eq!(trust.sign_in(grant(told("s-2"))).expect(401).code(), "external_not_believed");
        let session = trust.session(trust.sign_in(grant(told("s-1"))));
        let me = session.get("/v1/me").expect(200).json();
        assert_eq!((&me["user"]["id"], &me["roles"]), (&json!(user.id), &json!(["manager"])));
        // What is signed counts before what is not.
        let mut forged = Grant::of(json!({"sub": "s-3", "email_verified": false}));
        forged.userinfo = changed(told("s-3"), "email_verified", json!(true));
        assert_eq!(trust.sign_in(forged).expect(401).code(), "external_no_account");
    }

    pub(super) fn a_browser_comes_back_with_its_cookie(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let begin = || {
            let reply = trust.anybody().post(START, &json!({"organisation": trust.org.slug})).expect(200);
            let cookie = reply.header("set-cookie").unwrap().to_owned();
            for part in
                ["__Host-kehu_external=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=600"]
            {
                assert!(cookie.contains(part), "{cookie}");
            }
            let begun = reply.json();
            let text = |name: &str| begun[name].as_str().unwrap().to_owned();
            (cookie.split(';').next().unwrap().to_owned(), text("state"), text("authorization_url"))
        };
        let (cookie, state, url) = begin();
        let code = trust.idp.authorise(&url, Grant::of(person("s-1", &user.login)));
        let back = format!("{CALLBACK}?code={}&state={state}&session_state=x&scope=openid", kehu_tests::encoded(&code));
        let browser = |cookie: &str| trust.anybody().with("cookie", cookie);
        // A browser that did not begin it: an attacker sent it here with a code of his own.
        let (others, ..) = begin();
        assert_eq!(trust.anybody().get(&back).expect(401).code(), "external_state_unknown");
        assert_eq!(browser(&others).get(&back).expect(401).code(), "external_state_unknown");
        let reply = browser(&format!("theme=dark; {cookie}; x=y")).get(&back).expect(200);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("set-cookie").unwrap().contains("Max-Age=0"));
        let session = trust.session(reply);
        assert_eq!(session.get("/v1/me").expect(200).json()["user"]["id"], json!(user.id));
        assert_eq!(browser(&cookie).get(&back).expect(401).code(), "external_state_unknown");
        // The provider refuses.
        let (cookie, state, _) = begin();
        let refused = format!("{CALLBACK}?error=access_denied&state={state}");
        assert_eq!(browser(&cookie).get(&refused).expect(401).code(), "external_not_believed");
        assert_eq!(browser(&cookie).get(&refused).expect(401).code(), "external_state_unknown");
        for incomplete in [CALLBACK.to_owned(), format!("{CALLBACK}?code=x")] {
            let _ = browser(&cookie).get(&incomplete).expect(400);
        }
        // A page on the same site may leave the proof to the cookie.
        let (cookie, state, url) = begin();
        let code = trust.idp.authorise(&url, Grant::of(json!({"sub": "s-1"})));
        let _ = browser(&cookie).post(FINISH, &json!({"state": state, "code": code})).expect(200);
    }

    pub(super) fn no_second_factor_is_asked_for(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let settings = json!({"second_factor": {"required_roles": ["salesperson"]}});
        let sql = format!(
            "UPDATE organisations SET settings = '{settings}', state = state + 1 WHERE slug = '{}'",
            trust.org.slug
        );
        crate::stored::run(engine, &sql);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(user.session.get("/v1/customers").expect(403).code(), "second_factor_enrolment_required");
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &user.login))));
        let _ = session.get("/v1/customers").expect(200);
    }

    pub(super) fn providers_are_for_administrators(engine: Engine) {
        let trust = trust(engine, &json!({"default_role": "salesperson"}));
        let path = format!("{PROVIDERS}/{}", trust.provider);
        let admin = &trust.org.admin;
        let one = admin.get(&path).expect(200).json();
        assert_eq!((&one["version"], &one["has_secret"], &one["enabled"]), (&json!(1), &json!(true), &json!(true)));
        assert_eq!(one["scopes"], json!(["email", "profile"]));
        assert_eq!(admin.get(PROVIDERS).expect(200).data(), [one.clone()]);
        // What was read may be sent back whole, and changes nothing.
        let again = admin.patch(&path, &one).expect(200).json();
        assert_eq!((&again["version"], &again["issuer"]), (&json!(2), &one["issuer"]));
        let bare = admin.patch(&path, &json!({"client_secret": null, "default_role": null})).expect(200).json();
        assert_eq!((&bare["has_secret"], &bare["default_role"]), (&json!(false), &Value::Null));
        for (body, place, code) in [
            (json!({"version": 9}), "/version", "read_only"),
            (json!({"has_secret": true}), "/has_secret", "read_only"),
            (json!({"name": null}), "/name", "required"),
            (json!({"issuer": "http://id.example.com"}), "/issuer", "target_invalid"),
            (json!({"issuer": "https://user:x@id.example.com"}), "/issuer", "target_invalid"),
            (json!({"issuer": "https://id.example.com/?a=b"}), "/issuer", "target_invalid"),
            (json!({"redirect_uris": ["javascript:alert(1)"]}), "/redirect_uris/0", "target_invalid"),
            (json!({"role_mapping": [{"group": "a", "role": "king"}]}), "/role_mapping/0/role", "role_unknown"),
            (json!({"client_secret": 1}), "/client_secret", "type_wrong"),
            (json!({"colour": "red"}), "/colour", "field_unknown"),
        ] {
            let refused = admin.patch(&path, &body).expect(422);
            assert_eq!(refused.errors()[0], (place.to_owned(), code.to_owned()), "{body}");
        }
        let manager = trust.org.user("manager", None);
        let stranger = Org::new(engine);
        for reply in [
            manager.session.get(PROVIDERS),
            manager.session.get(&path),
            manager.session.post(PROVIDERS, &laid_down(&trust.idp, &json!({}))),
            manager.session.patch(&path, &json!({"name": "x"})),
            manager.session.delete(&path),
        ] {
            assert_eq!(reply.expect(403).code(), "forbidden");
        }
        for reply in [
            stranger.admin.get(&path),
            stranger.admin.patch(&path, &json!({"name": "x"})),
            stranger.admin.delete(&path),
        ] {
            let _ = reply.expect(404);
        }
        let told = trust.events("identity_provider.changed");
        assert!(told.len() == 2 && told.iter().all(|entry| !entry.to_string().contains(SECRET)));
        // Two of them: which one must be said.
        let second = admin.post(PROVIDERS, &laid_down(&trust.idp, &json!({}))).expect(201).id();
        let body = json!({"organisation": trust.org.slug});
        assert_eq!(trust.anybody().post(START, &body).expect(422).errors()[0].0, "/provider");
        let body = json!({"organisation": trust.org.slug, "provider": second});
        let _ = trust.anybody().post(START, &body).expect(200);
    }

    pub(super) fn a_provider_that_goes_takes_its_sessions_along(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let path = format!("{PROVIDERS}/{}", trust.provider);
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &user.login))));
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, Grant::of(json!({"sub": "s-1"})));
        let _ = trust.org.admin.patch(&path, &json!({"enabled": false})).expect(200);
        assert_eq!(session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = user.session.get("/v1/me").expect(200);
        assert_eq!(trust.finish(&begun, &code).expect(401).code(), "external_state_unknown");
        let _ = trust.anybody().post(START, &json!({"organisation": trust.org.slug})).expect(404);
        let _ = trust.org.admin.patch(&path, &json!({"enabled": true})).expect(200);
        let session = trust.session(trust.sign_in(Grant::of(json!({"sub": "s-1"}))));
        // It does not answer: said as what it is, and nobody is let in.
        let begun = trust.begin();
        let code = trust.idp.authorise(&begun.url, Grant::of(json!({"sub": "s-1"})));
        trust.idp.fall_silent();
        assert_eq!(trust.finish(&begun, &code).expect(503).code(), "identity_provider_unavailable");
        let _ = trust.org.admin.delete(&path).expect(204);
        assert_eq!(session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = trust.org.admin.get(&path).expect(404);
    }

    pub(super) fn what_is_not_public_is_not_asked(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let server = home.start();
        let (admin, idp) = (server.admin(), IdentityProvider::start());
        for issuer in
            [idp.issuer(), "https://127.0.0.1:1", "https://169.254.169.254", "https://[::1]", "https://10.0.0.1"]
        {
            let refused = admin.post(PROVIDERS, &laid_down(&idp, &json!({ "issuer": issuer }))).expect(422);
            assert_eq!(refused.errors(), [("/issuer".to_owned(), "target_invalid".to_owned())], "{issuer}");
        }
        // A name that leads inside is found out when it is asked.
        let body = laid_down(&idp, &json!({"issuer": "https://localhost"}));
        let _ = admin.post(PROVIDERS, &body).expect(201);
        let begin = json!({"organisation": "main"});
        let refused = Session::anonymous(&server.base).post(START, &begin).expect(503);
        assert_eq!(refused.code(), "identity_provider_unavailable");
        assert!(home.log().contains("does not lead to a public address"), "{}", home.log());
        assert!(server.stop().success());
    }
}
