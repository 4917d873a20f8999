//! Laying providers down, taking them away, and where they may be.

kehu_tests::on_both_engines!(
    providers_are_for_administrators,
    a_provider_that_goes_takes_its_sessions_along,
    what_is_not_public_is_not_asked,
);

#[cfg(test)]
mod tests {
    use kehu_tests::idp::{Grant, IdentityProvider, SECRET};
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, Session, own_postgres};
    use serde_json::{Value, json};

    use crate::external::bed::{PROVIDERS, START, laid_down, person, trust};

    pub(super) fn providers_are_for_administrators(engine: Engine) {
        let trust = trust(engine, &json!({"default_role": "salesperson"}));
        let path = format!("{PROVIDERS}/{}", trust.provider);
        let admin = &trust.org.admin;
        let one = admin.get(&path).expect(200).json();
        assert_eq!((&one["version"], &one["has_secret"], &one["enabled"]), (&json!(1), &json!(true), &json!(true)));
        assert_eq!(one["scopes"], json!(["email", "profile"]));
        assert_eq!(admin.get(PROVIDERS).expect(200).data(), std::slice::from_ref(&one));
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
