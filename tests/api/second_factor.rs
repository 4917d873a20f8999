//! The second factor: setting it up, signing in with it, losing it, and roles that need one.

kehu_tests::on_both_engines!(
    a_second_factor_is_asked_for_after_the_right_password,
    a_wrong_code_counts_as_a_wrong_password_does,
    the_password_alone_tells_of_no_earlier_one,
    a_code_is_good_once,
    a_recovery_code_is_good_once,
    a_token_alone_changes_nothing,
    one_removes_the_own_one,
    an_administrator_resets_that_of_others,
    a_role_that_needs_one_can_do_nothing_else,
    who_guesses_codes_is_slowed_down,
);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kehu_tests::server::Home;
    use kehu_tests::{Authenticator, Engine, Org, PASSWORD, Reply, Session, User, own_postgres};
    use serde_json::{Value, json};

    const FACTOR: &str = "/v1/me/second_factor";

    fn login(base: &str, login: &str, password: &str, otp: Option<&str>) -> Reply {
        let body = json!({"login": login, "password": password, "otp": otp});
        Session::anonymous(base).post("/v1/auth/login", &body)
    }

    fn delete(session: &Session, path: &str, body: &Value) -> Reply {
        session.send("DELETE", path, body.to_string().as_bytes(), "application/json")
    }

    fn state(session: &Session) -> Value {
        session.get(FACTOR).expect(200).json()
    }

    /// Sets a factor up; the app and the recovery codes.
    fn enrol(session: &Session) -> (Authenticator, Vec<String>) {
        let begun = session.post(FACTOR, &json!({"password": PASSWORD})).expect(201).json();
        let secret = begun["secret"].as_str().unwrap();
        let uri = begun["uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/") && uri.contains(&format!("secret={secret}&")), "{uri}");
        let mut app = Authenticator::new(secret);
        let confirmed = session.post(&format!("{FACTOR}/confirm"), &json!({"otp": app.code()})).expect(200).json();
        let codes = confirmed["recovery_codes"].as_array().unwrap();
        (app, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
    }

    fn events(org: &Org, user: &User, event: &str) -> usize {
        let path = format!("/v1/audit?filter[record_id]={}&filter[kind]=user&limit=200", user.id);
        let entries = org.admin.get(&path).expect(200).data();
        entries.iter().filter(|entry| entry["type"] == event).count()
    }

    pub(super) fn a_second_factor_is_asked_for_after_the_right_password(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        assert_eq!(state(&user.session), json!({"state": "none", "required": false, "recovery_codes_left": 0}));
        let begun = user.session.post(FACTOR, &json!({"password": PASSWORD})).expect(201).json();
        assert_eq!(state(&user.session)["state"], "pending");
        // What is not confirmed locks nobody out.
        let _ = login(&base, &user.login, PASSWORD, None).expect(200);
        let confirm = format!("{FACTOR}/confirm");
        let mut app = Authenticator::new(begun["secret"].as_str().unwrap());
        for wrong in [app.wrong(), app.old(), String::new(), "x".repeat(500)] {
            let refused = user.session.post(&confirm, &json!({"otp": wrong})).expect(422);
            assert_eq!(refused.errors(), [("/otp".to_owned(), "otp_invalid".to_owned())]);
        }
        let codes = user.session.post(&confirm, &json!({"otp": app.code()})).expect(200).json();
        assert_eq!(codes["recovery_codes"].as_array().map(Vec::len), Some(10));
        assert_eq!(state(&user.session), json!({"state": "active", "required": false, "recovery_codes_left": 10}));
        assert_eq!(user.session.post(&confirm, &json!({"otp": app.code()})).expect(409).code(), "second_factor_none");
        let again = user.session.post(FACTOR, &json!({"password": PASSWORD})).expect(409);
        assert_eq!(again.code(), "second_factor_active");

        assert_eq!(login(&base, &user.login, PASSWORD, None).expect(401).code(), "otp_required");
        assert_eq!(login(&base, &user.login, PASSWORD, Some(&app.wrong())).expect(401).code(), "otp_wrong");
        let code = app.code();
        // Of a wrong password the factor tells nothing, and takes no code.
        let wrong = "Wrong-Horse-2026";
        assert_eq!(login(&base, &user.login, wrong, None).expect(401).code(), "credentials_wrong");
        assert_eq!(login(&base, &user.login, wrong, Some(&code)).expect(401).code(), "credentials_wrong");
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let tokens = login(&base, &user.login, PASSWORD, Some(&spaced)).expect(200).json();
        let session = Session::anonymous(&base).with_token(tokens["access_token"].as_str());
        let _ = session.get("/v1/customers").expect(200);
        // Who has none may send a code: it is not looked at.
        let other = org.user("salesperson", None);
        let _ = login(&base, &other.login, PASSWORD, Some("123456")).expect(200);
        for (event, count) in [("second_factor.begun", 1), ("second_factor.enabled", 1), ("second_factor.refused", 5)] {
            assert_eq!(events(&org, &user, event), count, "{event}");
        }
    }

    pub(super) fn a_wrong_code_counts_as_a_wrong_password_does(engine: Engine) {
        let org = Org::new(engine);
        let lock = json!({"settings": {"passwords": {"lock": {"failures": 3, "minutes": 30}}}});
        let _ = org.admin.patch("/v1/organisation", &lock).expect(200);
        let base = engine.base();
        let told = org.user("salesperson", None);
        let (app, codes) = enrol(&told.session);
        // Told once, however often.
        for _ in 0..3 {
            assert_eq!(login(&base, &told.login, PASSWORD, None).expect(401).code(), "otp_required");
        }
        assert_eq!(events(&org, &told, "sign_in.otp_required"), 1);
        for _ in 0..2 {
            assert_eq!(login(&base, &told.login, PASSWORD, Some(&app.wrong())).expect(401).code(), "otp_wrong");
        }
        let tokens = login(&base, &told.login, PASSWORD, Some(&codes[0])).expect(200).json();
        assert_eq!(tokens["failed_since"], 2, "{tokens}");
        let locked = org.user("salesperson", None);
        let (app, codes) = enrol(&locked.session);
        for _ in 0..3 {
            assert_eq!(login(&base, &locked.login, PASSWORD, Some(&app.wrong())).expect(401).code(), "otp_wrong");
        }
        let right = login(&base, &locked.login, PASSWORD, Some(&codes[0])).expect(401);
        assert_eq!(right.code(), "credentials_wrong", "a locked account");
        assert_eq!((events(&org, &told, "user.locked"), events(&org, &locked, "user.locked")), (0, 1));
    }

    pub(super) fn the_password_alone_tells_of_no_earlier_one(engine: Engine) {
        let org = Org::new(engine);
        let history = json!({"settings": {"passwords": {"history": 5}}});
        let _ = org.admin.patch("/v1/organisation", &history).expect(200);
        let user = org.user("salesperson", None);
        let (app, codes) = enrol(&user.session);
        let another = |otp: Option<&str>, new: &str| {
            let body = json!({"login": user.login, "password": PASSWORD, "otp": otp, "new_password": new});
            Session::anonymous(&engine.base()).post("/v1/auth/login", &body)
        };
        for new in [PASSWORD, "short", "Better-Horse-2026"] {
            assert_eq!(another(None, new).expect(401).code(), "otp_required", "{new}");
            assert_eq!(another(Some(&app.wrong()), new).expect(401).code(), "otp_wrong", "{new}");
        }
        // A refusal of the new password uses no code up.
        let refused = another(Some(&codes[0]), PASSWORD).expect(422);
        assert_eq!(refused.errors(), [("/new_password".to_owned(), "password_reused".to_owned())]);
        let _ = another(Some(&codes[0]), "Better-Horse-2026").expect(200);
        let used = login(&engine.base(), &user.login, "Better-Horse-2026", Some(&codes[0])).expect(401);
        assert_eq!(used.code(), "otp_wrong");
    }

    pub(super) fn a_code_is_good_once(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        let begun = user.session.post(FACTOR, &json!({"password": PASSWORD})).expect(201).json();
        let mut app = Authenticator::new(begun["secret"].as_str().unwrap());
        let first = app.code();
        let _ = user.session.post(&format!("{FACTOR}/confirm"), &json!({"otp": first})).expect(200);
        assert_eq!(login(&base, &user.login, PASSWORD, Some(&first)).expect(401).code(), "otp_wrong");
        let code = app.code();
        // Of several at once, one.
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let attempts: Vec<_> =
                (0..4).map(|_| scope.spawn(|| login(&base, &user.login, PASSWORD, Some(&code)).status)).collect();
            attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 3, "{statuses:?}");
        let _ = login(&base, &user.login, PASSWORD, Some(&code)).expect(401);
        let _ = login(&base, &user.login, PASSWORD, Some(&app.code())).expect(200);
    }

    pub(super) fn a_recovery_code_is_good_once(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        let (_, codes) = enrol(&user.session);
        assert!(codes.iter().all(|code| code.len() == 19 && code.matches('-').count() == 3), "{codes:?}");
        let typed = codes[0].to_lowercase().replace('-', " ");
        let _ = login(&base, &user.login, PASSWORD, Some(&typed)).expect(200);
        assert_eq!(login(&base, &user.login, PASSWORD, Some(&codes[0])).expect(401).code(), "otp_wrong");
        assert_eq!(state(&user.session)["recovery_codes_left"], 9);
        assert_eq!(events(&org, &user, "second_factor.recovery_code_used"), 1);
        // Those of somebody else are none.
        let other = org.user("salesperson", None);
        let (_, others) = enrol(&other.session);
        let _ = login(&base, &user.login, PASSWORD, Some(&others[0])).expect(401);
        // New ones take the place of all.
        let renew = format!("{FACTOR}/recovery_codes");
        let new = user.session.post(&renew, &json!({"otp": codes[1]})).expect(200).json();
        let _ = login(&base, &user.login, PASSWORD, Some(&codes[2])).expect(401);
        let _ = login(&base, &user.login, PASSWORD, new["recovery_codes"][0].as_str()).expect(200);
        let _ = user.session.post(&renew, &json!({"password": PASSWORD})).expect(200);
        let _ = login(&base, &user.login, PASSWORD, new["recovery_codes"][1].as_str()).expect(401);
    }

    pub(super) fn a_token_alone_changes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let refused = user.session.post(FACTOR, &json!({"password": "Wrong-Horse-2026"})).expect(422);
        assert_eq!(refused.errors(), [("/password".to_owned(), "password_wrong".to_owned())]);
        let missing = user.session.post(FACTOR, &json!({})).expect(422);
        assert_eq!(missing.errors(), [("/password".to_owned(), "required".to_owned())]);
        let removed = delete(&user.session, FACTOR, &json!({"password": PASSWORD})).expect(409);
        assert_eq!(removed.code(), "second_factor_none");
        let (app, _) = enrol(&user.session);
        let renew = format!("{FACTOR}/recovery_codes");
        for (body, place, code) in [
            (json!({}), "/password", "required"),
            (json!({"password": "Wrong-Horse-2026"}), "/password", "password_wrong"),
            (json!({"otp": app.wrong()}), "/otp", "otp_invalid"),
            (json!({"otp": "AAAA-BBBB-CCCC-DDDD"}), "/otp", "otp_invalid"),
            (json!({"password": PASSWORD, "otp": app.wrong()}), "/otp", "field_unknown"),
        ] {
            for reply in [delete(&user.session, FACTOR, &body), user.session.post(&renew, &body)] {
                assert_eq!(reply.expect(422).errors(), [(place.to_owned(), code.to_owned())], "{body}");
            }
        }
        assert_eq!(state(&user.session)["state"], "active");
        for (method, path) in [("GET", FACTOR), ("POST", FACTOR), ("DELETE", FACTOR)] {
            let _ = Session::anonymous(&engine.base()).send(method, path, b"{}", "application/json").expect(401);
        }
    }

    pub(super) fn one_removes_the_own_one(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let (mut app, _) = enrol(&user.session);
        let _ = delete(&user.session, FACTOR, &json!({"otp": app.code()})).expect(204);
        assert_eq!(state(&user.session), json!({"state": "none", "required": false, "recovery_codes_left": 0}));
        let _ = login(&engine.base(), &user.login, PASSWORD, None).expect(200);
        let (_, codes) = enrol(&user.session);
        let _ = login(&engine.base(), &user.login, PASSWORD, Some(&codes[3])).expect(200);
        let _ = delete(&user.session, FACTOR, &json!({"password": PASSWORD})).expect(204);
        assert_eq!(events(&org, &user, "second_factor.removed"), 2);
    }

    pub(super) fn an_administrator_resets_that_of_others(engine: Engine) {
        let org = Org::new(engine);
        let (user, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let path = format!("/v1/users/{}/second_factor", user.id);
        assert_eq!(org.admin.delete(&path).expect(409).code(), "second_factor_none");
        let _ = enrol(&user.session);
        let made = user.session.post("/v1/me/tokens", &json!({"name": "周报", "scope": "full"})).expect(201).json();
        let token = Session::anonymous(&engine.base()).with_token(made["key"].as_str());
        let _ = token.get("/v1/me").expect(200);
        let _ = other.session.delete(&path).expect(403);
        let stranger = Org::new(engine);
        let missing = format!("/v1/users/{}/second_factor", kehu_tests::new_id());
        assert_eq!(stranger.admin.delete(&path).expect(404).code(), stranger.admin.delete(&missing).expect(404).code());
        let _ = org.admin.delete(&path).expect(204);
        // Whoever has the telephone may be signed in.
        let _ = token.get("/v1/me").expect(401);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = login(&engine.base(), &user.login, PASSWORD, None).expect(200);
        assert_eq!(events(&org, &user, "user.second_factor_reset"), 1);
        // The own one takes the password, also of an administrator.
        let _ = enrol(&org.admin);
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let own = org.admin.delete(&format!("/v1/users/{me}/second_factor")).expect(403);
        assert_eq!(own.code(), "second_factor_own");
        // The only administrator is helped by whoever runs the program.
        let email = format!("admin@{}.test", org.slug);
        let command = |login: &str| {
            let mut command = std::process::Command::new(kehu_tests::env("KEHU_TEST_BIN"));
            command.args(["org", "reset-second-factor", "--slug", &org.slug, "--login", login]);
            command.args(engine.database_flags()).args(["--kek-file", &engine.key_file()]).output().unwrap()
        };
        assert!(!command("nobody@example.com").status.success());
        let _ = login(&engine.base(), &email, PASSWORD, None).expect(401);
        assert!(command(&email).status.success());
        let _ = login(&engine.base(), &email, PASSWORD, None).expect(200);
        let again = command(&email);
        assert!(String::from_utf8_lossy(&again.stderr).contains("no second factor"), "{again:?}");
    }

    /// Lays down which roles need a second factor.
    fn require(org: &Org, roles: &[&str]) {
        let settings = json!({"second_factor": {"required_roles": roles}});
        let sql =
            format!("UPDATE organisations SET settings = '{settings}', state = state + 1 WHERE slug = '{}'", org.slug);
        crate::stored::run(org.engine, &sql);
    }

    /// Waits until a door answers so, a moment longer than a server remembers an organisation.
    #[track_caller]
    fn within_a_second(what: &str, answers: impl Fn() -> bool) {
        let begun = Instant::now();
        while !answers() {
            assert!(begun.elapsed() < Duration::from_secs(3), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn a_role_that_needs_one_can_do_nothing_else(engine: Engine) {
        let org = Org::new(engine);
        let (user, manager) = (org.user("salesperson", None), org.user("manager", None));
        let ready = org.user("salesperson", None);
        let _ = enrol(&ready.session);
        require(&org, &["salesperson"]);
        within_a_second("it is required", || user.session.get("/v1/customers").status == 403);
        let base = engine.base();
        let tokens = login(&base, &user.login, PASSWORD, None).expect(200).json();
        let new = Session::anonymous(&base).with_token(tokens["access_token"].as_str());
        for session in [&user.session, &new] {
            for path in ["/v1/customers", "/v1/me/sessions", "/v1/users", "/v1/jobs", "/v1/tags"] {
                assert_eq!(session.get(path).expect(403).code(), "second_factor_enrolment_required", "{path}");
            }
            let body = json!({"old_password": PASSWORD, "new_password": "Better-Horse-2026"});
            for (path, body) in [
                ("/v1/customers", json!({"name": "无"})),
                ("/v1/lookup", json!({"phone": "13800138000"})),
                ("/v1/me/password", body),
            ] {
                assert_eq!(session.post(path, &body).expect(403).code(), "second_factor_enrolment_required", "{path}");
            }
            let _ = session.get("/v1/me").expect(200);
            assert_eq!(state(session), json!({"state": "none", "required": true, "recovery_codes_left": 0}));
        }
        let _ = new.post("/v1/auth/logout", &json!({})).expect(204);
        // Others go on.
        let _ = ready.session.get("/v1/customers").expect(200);
        let _ = manager.session.get("/v1/customers").expect(200);
        // Once it is set up, everything works, at once.
        let (_, codes) = enrol(&user.session);
        let _ = user.session.get("/v1/customers").expect(200);
        // Without it, nothing does again.
        let _ = delete(&user.session, FACTOR, &json!({"otp": codes[0]})).expect(204);
        let _ = user.session.get("/v1/customers").expect(403);
        // Another role needs none.
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"role": "manager"})).expect(200);
        let _ = user.session.get("/v1/customers").expect(200);
    }

    pub(super) fn who_guesses_codes_is_slowed_down(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0", "--behind-proxy"]);
        command.env("KEHU_LOGIN_RATE_LIMIT", "1000");
        let server = home.start_from(command);
        let from = |address: &str| Session::anonymous(&server.base).with("x-forwarded-for", address);
        let sign_in = |session: &Session, otp: Option<&str>| {
            let body = json!({"login": kehu_tests::server::ADMIN, "password": PASSWORD, "otp": otp});
            session.post("/v1/auth/login", &body)
        };
        let tokens = sign_in(&from("198.51.100.1"), None).expect(200).json();
        let admin = from("198.51.100.1").with_token(tokens["access_token"].as_str());
        let (mut app, codes) = enrol(&admin);
        let wrong = app.wrong();
        for _ in 0..10 {
            // That a code is needed is no failure, and forgets none.
            assert_eq!(sign_in(&from("198.51.100.2"), None).expect(401).code(), "otp_required");
            assert_eq!(sign_in(&from("198.51.100.2"), Some(&wrong)).expect(401).code(), "otp_wrong");
        }
        let code = app.code();
        for otp in [None, Some(wrong.as_str()), Some(&*code)] {
            let refused = sign_in(&from("198.51.100.2"), otp).expect(429);
            assert!(refused.header("retry-after").is_some());
        }
        // Nobody is locked out by strangers.
        let _ = sign_in(&from("198.51.100.1"), Some(&code)).expect(200);
        // So is who has a token and guesses.
        for _ in 0..10 {
            let _ = delete(&admin, FACTOR, &json!({"otp": wrong})).expect(422);
        }
        let _ = delete(&admin, FACTOR, &json!({"otp": codes[0]})).expect(429);
        let _ = delete(&admin, FACTOR, &json!({"password": PASSWORD})).expect(429);
        assert_eq!(state(&admin)["state"], "active");
        assert!(server.stop().success());
    }
}
