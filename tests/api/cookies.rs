//! The refresh token as a cookie: for pages of the own origin, and for nothing but refresh and logout.

kehu_tests::on_both_engines!(a_page_stays_signed_in_by_its_cookie, no_other_page_uses_the_cookie, the_cookie_signs_out,);

#[cfg(test)]
mod tests {
    use kehu_tests::server::{ADMIN, Home};
    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, User};
    use serde_json::{Value, json};

    /// The cookie of an answer: its value, and what else it says.
    fn cookie(reply: &Reply) -> (String, String) {
        let text = reply.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", reply.text));
        let (pair, rules) = text.split_once("; ").unwrap();
        (pair.strip_prefix("__Host-kehu_refresh=").unwrap().to_owned(), rules.to_owned())
    }

    fn page(base: &str) -> Session {
        Session::anonymous(base).with("origin", base)
    }

    fn signed_in(page: &Session, user: &User) -> Reply {
        let body = json!({"login": user.login, "password": PASSWORD, "transport": "cookie"});
        page.post("/v1/auth/login", &body).expect(200)
    }

    fn with_cookie(page: &Session, token: &str) -> Session {
        page.with("cookie", &format!("theme=dark; __Host-kehu_refresh={token}; lang=zh"))
    }

    pub(super) fn a_page_stays_signed_in_by_its_cookie(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let page = page(&engine.base());
        let reply = signed_in(&page, &user);
        let (token, rules) = cookie(&reply);
        assert_eq!(reply.json()["refresh_token"], Value::Null);
        let mut said: Vec<&str> = rules.split("; ").collect();
        let age: i64 = said.remove(0).strip_prefix("Max-Age=").unwrap().parse().unwrap();
        assert!((43_000..=43_200).contains(&age), "{age}");
        assert_eq!(said, ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"]);
        // It opens nothing.
        let browser = with_cookie(&page, &token);
        assert_eq!(browser.get("/v1/me").expect(401).code(), "token_missing");
        assert_eq!(browser.post("/v1/tickets", &json!({"path": "/v1/me"})).expect(401).code(), "token_missing");
        let again = browser.post("/v1/auth/refresh", &json!({})).expect(200);
        let (next, _) = cookie(&again);
        assert_ne!(next, token);
        assert_eq!(again.json()["refresh_token"], Value::Null);
        let access = again.json()["access_token"].as_str().unwrap().to_owned();
        let _ = page.with_token(Some(&access)).get("/v1/me").expect(200);
        // A reused one ends the session, and is taken away.
        let _ = with_cookie(&page, &next).post("/v1/auth/refresh", &json!({})).expect(200);
        let stolen = browser.post("/v1/auth/refresh", &json!({})).expect(401);
        assert_eq!((stolen.code(), cookie(&stolen).0), ("session_ended".to_owned(), String::new()));
        // What the body says counts before the cookie, and is answered in the body.
        let body = json!({"login": user.login, "password": PASSWORD});
        let plain = page.post("/v1/auth/login", &body).expect(200);
        assert_eq!(plain.header("set-cookie"), None);
        let token = plain.json()["refresh_token"].clone();
        let told = browser.post("/v1/auth/refresh", &json!({"refresh_token": token})).expect(200);
        assert!(told.header("set-cookie").is_none() && told.json()["refresh_token"].is_string());
        assert_eq!(page.post("/v1/auth/refresh", &json!({})).expect(422).errors()[0].1, "required");
        let wrong = json!({"login": user.login, "password": PASSWORD, "transport": "pigeon"});
        assert_eq!(page.post("/v1/auth/login", &wrong).expect(422).errors()[0].0, "/transport");
    }

    pub(super) fn no_other_page_uses_the_cookie(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        let (token, _) = cookie(&signed_in(&page(&base), &user));
        let nobody = Session::anonymous(&base);
        let origins =
            ["https://evil.test", "null", "http://127.0.0.1", &format!("{base}.evil.test"), "http://localhost:1"];
        for other in origins.map(|origin| nobody.with("origin", origin)).into_iter().chain([nobody]) {
            let other = with_cookie(&other, &token);
            for path in ["/v1/auth/refresh", "/v1/auth/logout"] {
                let refused = other.post(path, &json!({})).expect(403);
                assert_eq!((refused.code(), refused.header("set-cookie")), ("origin_refused".to_owned(), None));
            }
            let body = json!({"login": user.login, "password": PASSWORD, "transport": "cookie"});
            assert_eq!(other.post("/v1/auth/login", &body).expect(403).code(), "origin_refused");
        }
        let _ = with_cookie(&page(&base), &token).post("/v1/auth/refresh", &json!({})).expect(200);
    }

    pub(super) fn the_cookie_signs_out(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let page = page(&engine.base());
        let reply = signed_in(&page, &user);
        let access = reply.json()["access_token"].as_str().unwrap().to_owned();
        let browser = with_cookie(&page, &cookie(&reply).0);
        let out = browser.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(cookie(&out), (String::new(), "Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict".to_owned()));
        assert_eq!(page.with_token(Some(&access)).get("/v1/me").expect(401).code(), "session_ended");
        let _ = browser.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(browser.post("/v1/auth/refresh", &json!({})).expect(401).code(), "session_ended");
        // The access token says which session; the cookie goes with it.
        let reply = signed_in(&page, &user);
        let access = reply.json()["access_token"].as_str().unwrap().to_owned();
        let browser = with_cookie(&page, &cookie(&reply).0).with_token(Some(&access));
        let out = browser.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(cookie(&out).0, "");
        assert_eq!(page.post("/v1/auth/logout", &json!({})).expect(401).code(), "token_missing");
    }

    /// A page of a configured origin, of the same site.
    #[test]
    fn a_configured_origin_may_use_the_cookie() {
        let home = Home::sqlite();
        let server = home.start_with(&["--cors-origins", "https://app.acme.test"]);
        let page = Session::anonymous(&server.base).with("origin", "https://app.acme.test");
        let body = json!({"login": ADMIN, "password": PASSWORD, "transport": "cookie"});
        let reply = page.post("/v1/auth/login", &body).expect(200);
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.acme.test"));
        let again = with_cookie(&page, &cookie(&reply).0).post("/v1/auth/refresh", &json!({})).expect(200);
        let other = Session::anonymous(&server.base).with("origin", "https://app.evil.test");
        let refused = with_cookie(&other, &cookie(&again).0).post("/v1/auth/refresh", &json!({})).expect(403);
        assert_eq!(refused.code(), "origin_refused");
        assert!(server.stop().success());
    }
}
