//! Signing in, staying signed in, signing out; users, their passwords and invitations.

kehu_tests::on_both_engines!(
    a_wrong_password_and_an_unknown_name_are_one_answer,
    a_refresh_token_is_good_for_one_refresh,
    who_signs_out_is_out_at_once,
    a_name_in_two_organisations_must_say_which,
    me_says_who_and_what_may_be_done,
    an_invitation_sets_the_first_password,
    one_changes_the_own_password,
    a_sign_in_name_is_taken_once,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, PASSWORD, Session, mobile};
    use serde_json::{Value, json};

    fn login(base: &str, login: &str, password: &str) -> kehu_tests::Reply {
        Session::anonymous(base).post("/v1/auth/login", &json!({"login": login, "password": password}))
    }

    fn refresh(base: &str, token: &Value) -> kehu_tests::Reply {
        Session::anonymous(base).post("/v1/auth/refresh", &json!({"refresh_token": token}))
    }

    pub(super) fn a_wrong_password_and_an_unknown_name_are_one_answer(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let session = Session::anonymous(&engine.base()).with("x-request-id", "same");
        let ask =
            |login: &str| session.post("/v1/auth/login", &json!({"login": login, "password": "Wrong-Horse-2026"}));
        let (wrong, unknown) = (ask(&user.login).expect(401), ask("nobody@nowhere.test").expect(401));
        assert_eq!((wrong.code(), &wrong.text), ("credentials_wrong".to_owned(), &unknown.text));
        let missing = session.post("/v1/auth/login", &json!({"login": "x"})).expect(422);
        assert_eq!(missing.errors()[0].0, "/password");
        let unknown = session.post("/v1/auth/login", &json!({"login": "x", "password": "y", "colour": 1})).expect(422);
        assert_eq!(unknown.errors()[0], ("/colour".to_owned(), "field_unknown".to_owned()));
    }

    pub(super) fn a_refresh_token_is_good_for_one_refresh(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        let first = login(&base, &user.login, PASSWORD).expect(200).json();
        let second = refresh(&base, &first["refresh_token"]).expect(200).json();
        // Two tabs, a lost answer: the same successor again.
        let again = refresh(&base, &first["refresh_token"]).expect(200).json();
        assert_eq!(again["refresh_token"], second["refresh_token"]);
        let third = refresh(&base, &second["refresh_token"]).expect(200).json();
        // The first one is older than the previous: somebody else has it. Nobody stays signed in.
        assert_eq!(refresh(&base, &first["refresh_token"]).expect(401).code(), "session_ended");
        let _ = refresh(&base, &third["refresh_token"]).expect(401);
        let stolen = Session::anonymous(&base).with_token(third["access_token"].as_str());
        assert_eq!(stolen.get("/v1/me").expect(401).code(), "session_ended");
        let _ = refresh(&base, &json!("rt_nonsense")).expect(401);
    }

    pub(super) fn who_signs_out_is_out_at_once(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let other = Session::login(&engine.base(), &user.login, PASSWORD, None);
        assert_eq!(user.session.get("/v1/me/sessions").expect(200).data().len(), 2);
        let _ = user.session.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = other.get("/v1/me").expect(200);
    }

    pub(super) fn a_name_in_two_organisations_must_say_which(engine: Engine) {
        let (one, two) = (Org::new(engine), Org::new(engine));
        let email = format!("both@{}.test", one.slug);
        for org in [&one, &two] {
            let body = json!({"name": "两家", "email": email, "role": "manager", "password": PASSWORD});
            let _ = org.admin.post("/v1/users", &body).expect(201);
        }
        assert_eq!(login(&engine.base(), &email, PASSWORD).expect(401).code(), "organisation_required");
        assert_eq!(login(&engine.base(), &email, "Wrong-Horse-2026").expect(401).code(), "credentials_wrong");
        let session = Session::login(&engine.base(), &email, PASSWORD, Some(&two.slug));
        assert_eq!(session.get("/v1/me").expect(200).json()["organisation"]["slug"], json!(two.slug));
    }

    pub(super) fn me_says_who_and_what_may_be_done(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let user = org.user("salesperson", Some(&team));
        let me = user.session.get("/v1/me").expect(200).json();
        assert_eq!((&me["user"]["id"], &me["user"]["email"]), (&json!(user.id), &json!(user.login)));
        assert_eq!((&me["roles"], &me["teams"][0]["id"]), (&json!(["salesperson"]), &json!(team)));
        assert_eq!(me["can"]["customer"]["read"], json!(["own", "shared"]));
        assert_eq!(me["can"]["audit"], json!({"read": []}));
        assert_eq!(org.admin.get("/v1/me").expect(200).json()["can"]["audit"], json!({"read": ["all"]}));
        assert_eq!(me["organisation"]["time_zone"], "Asia/Shanghai");
    }

    pub(super) fn an_invitation_sets_the_first_password(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let body = json!({"name": "新人", "mobile": phone, "role": "salesperson"});
        let invited = org.admin.post("/v1/users", &body).expect(201).json();
        let token = invited["invitation"]["token"].clone();
        let _ = login(&engine.base(), &phone, PASSWORD).expect(401);
        let nobody = Session::anonymous(&engine.base());
        let accept =
            |password: &str| nobody.post("/v1/auth/accept_invitation", &json!({"token": token, "password": password}));
        assert_eq!(accept("12345678").expect(422).errors()[0].0, "/password");
        assert!(accept(PASSWORD).status < 300);
        let _ = accept(PASSWORD).expect(422);
        let _ = login(&engine.base(), &phone, PASSWORD).expect(200);
    }

    pub(super) fn one_changes_the_own_password(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let other = Session::login(&engine.base(), &user.login, PASSWORD, None);
        let change = |old: &str, new: &str| {
            user.session.post("/v1/me/password", &json!({"old_password": old, "new_password": new}))
        };
        assert_eq!(change("Wrong-Horse-2026", "Better-Horse-2026").expect(422).errors()[0].0, "/old_password");
        assert_eq!(change(PASSWORD, "password").expect(422).errors()[0].0, "/new_password");
        assert!(change(PASSWORD, "Better-Horse-2026").status < 300);
        let _ = user.session.get("/v1/me").expect(200);
        let _ = other.get("/v1/me").expect(401);
        let _ = login(&engine.base(), &user.login, "Better-Horse-2026").expect(200);
    }

    pub(super) fn a_sign_in_name_is_taken_once(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let body =
            json!({"name": "重名", "email": user.login.to_uppercase(), "role": "salesperson", "password": PASSWORD});
        let refused = org.admin.post("/v1/users", &body).expect(422);
        assert_eq!(refused.errors()[0], ("/email".to_owned(), "login_taken".to_owned()));
        let nameless = org.admin.post("/v1/users", &json!({"name": "无名", "role": "salesperson"})).expect(422);
        assert_eq!(nameless.errors()[0].1, "login_required");
        let mixed = json!({"name": "错", "email": "13800138000", "role": "salesperson"});
        assert_eq!(org.admin.post("/v1/users", &mixed).expect(422).errors()[0].1, "login_kind");
    }
}
