//! Who is let in by a provider's word, and every way in which that must not count.

kehu_tests::on_both_engines!(
    a_colleague_is_known_by_a_confirmed_address_and_then_by_name,
    what_does_not_hold_is_not_believed,
    a_sign_in_is_finished_once_by_who_began_it,
    a_browser_comes_back_with_its_cookie,
);

#[cfg(test)]
mod tests {
    use kehu_tests::idp::{CLIENT, Grant, IdentityProvider, Signing, parameters};
    use kehu_tests::{Engine, Org};
    use serde_json::{Value, json};

    use crate::external::bed::{CALLBACK, FINISH, PROVIDERS, START, Trust, changed, laid_down, person, trust};

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
        let now = kehu_tests::idp::now();
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
}
