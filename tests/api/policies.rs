//! What an organisation lays down for itself holds at every door.

kehu_tests::on_both_engines!(
    a_password_policy_holds_at_every_door,
    a_password_that_somebody_else_set_is_changed_while_signing_in,
    a_password_is_reset_by_a_link,
    nobody_shuts_himself_out,
    an_address_that_is_on_no_list_is_refused,
    somebody_is_told_of_the_sign_in_before,
    a_lock_counts_whatever_the_address_and_tells_nothing,
    one_session_more_ends_the_oldest,
);

#[cfg(test)]
mod tests {
    use std::process::Command;

    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, env, unique};
    use serde_json::{Value, json};

    const PATH: &str = "/v1/organisation";
    const BETTER: &str = "Better-Horse-2026";

    #[track_caller]
    fn lay_down(org: &Org, settings: &Value) -> Value {
        org.admin.patch(PATH, &json!({ "settings": settings })).expect(200).json()
    }

    fn login(org: &Org, body: &Value) -> Reply {
        Session::anonymous(&org.engine.base()).post("/v1/auth/login", body)
    }

    fn said(login: &str, password: &str) -> Value {
        json!({ "login": login, "password": password })
    }

    fn log(org: &Org, event: &str) -> Vec<Value> {
        org.admin.get(&format!("/v1/audit?limit=500&filter[event]={event}")).expect(200).data()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(place, code)| ((*place).to_owned(), (*code).to_owned())).collect()
    }

    pub(super) fn a_password_policy_holds_at_every_door(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let invited = org.admin.post(
            "/v1/users",
            &json!({"name": "新人", "user_name": format!("new{}", unique()), "role": "salesperson"}),
        );
        let token = invited.expect(201).json()["invitation"]["token"].clone();
        let _ = lay_down(&org, &json!({"passwords": {"min_length": 12, "classes": 3, "history": 2}}));
        let anybody = Session::anonymous(&engine.base());
        for (weak, code) in [("Short-2026", "password_too_short"), ("all small letters", "password_classes")] {
            let body =
                json!({"name": "x", "user_name": format!("weak{}", unique()), "role": "salesperson", "password": weak});
            let doors = [
                (org.admin.post("/v1/users", &body), "/password"),
                (org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"password": weak})), "/password"),
                (anybody.post("/v1/auth/accept_invitation", &json!({"token": token, "password": weak})), "/password"),
                (
                    user.session.post("/v1/me/password", &json!({"old_password": PASSWORD, "new_password": weak})),
                    "/new_password",
                ),
                (
                    login(&org, &json!({"login": user.login, "password": PASSWORD, "new_password": weak})),
                    "/new_password",
                ),
            ];
            for (reply, place) in doors {
                assert_eq!(reply.expect(422).errors(), pairs(&[(place, code)]));
            }
        }
        let used = [
            (org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"password": PASSWORD})), "/password"),
            (
                user.session.post("/v1/me/password", &json!({"old_password": PASSWORD, "new_password": PASSWORD})),
                "/new_password",
            ),
            (
                login(&org, &json!({"login": user.login, "password": PASSWORD, "new_password": PASSWORD})),
                "/new_password",
            ),
        ];
        for (reply, place) in used {
            assert_eq!(reply.expect(422).errors(), pairs(&[(place, "password_reused")]));
        }
        // Those who have one keep it.
        let _ = login(&org, &said(&user.login, PASSWORD)).expect(200);
    }

    pub(super) fn a_password_that_somebody_else_set_is_changed_while_signing_in(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let _ = lay_down(&org, &json!({"passwords": {"change_after_reset": true}}));
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"password": BETTER})).expect(200);
        // A change of something else takes nothing back.
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"name": "改名"})).expect(200);
        assert_eq!(login(&org, &said(&user.login, BETTER)).expect(401).code(), "password_change_required");
        assert_eq!(login(&org, &said(&user.login, PASSWORD)).expect(401).code(), "credentials_wrong");
        let renew = |new: &str| login(&org, &json!({"login": user.login, "password": BETTER, "new_password": new}));
        assert_eq!(renew(BETTER).expect(422).errors(), pairs(&[("/new_password", "password_reused")]));
        let tokens = renew("Best-Horse-2026").expect(200).json();
        let session = Session::anonymous(&engine.base()).with_token(tokens["access_token"].as_str());
        let _ = session.get("/v1/me").expect(200);
        assert_eq!(login(&org, &said(&user.login, BETTER)).expect(401).code(), "credentials_wrong");
        let _ = login(&org, &said(&user.login, "Best-Horse-2026")).expect(200);
    }

    pub(super) fn a_password_is_reset_by_a_link(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let (user, colleague) = (org.user("salesperson", None), org.user("manager", None));
        let path = format!("/v1/users/{}/reset_password", user.id);
        let _ = colleague.session.post(&path, &json!({})).expect(403);
        let _ = other.admin.post(&path, &json!({})).expect(404);
        let link = org.admin.post(&path, &json!({})).expect(200).json();
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = login(&org, &said(&user.login, PASSWORD)).expect(401);
        let accept = json!({"token": link["token"], "password": BETTER});
        let anybody = Session::anonymous(&engine.base());
        let _ = anybody.post("/v1/auth/accept_invitation", &accept).expect(204);
        let _ = anybody.post("/v1/auth/accept_invitation", &accept).expect(422);
        let _ = login(&org, &said(&user.login, BETTER)).expect(200);
        let entries = log(&org, "user.password_reset");
        assert_eq!((entries.len(), &entries[0]["record_id"]), (1, &json!(user.id)));
        assert!(!entries[0].to_string().contains("inv_"));
        // Whoever could sign in as somebody with more rights would have them.
        let system = org.user("system_admin", None);
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let over = system.session.post(&format!("/v1/users/{me}/reset_password"), &json!({})).expect(422);
        assert_eq!(over.errors()[0].1, "right_missing");
        let over = system.session.patch(&format!("/v1/users/{me}"), &json!({"password": BETTER})).expect(422);
        assert_eq!(over.errors(), pairs(&[("/password", "right_missing")]));
        let _ = system.session.post(&path, &json!({})).expect(200);
        let own = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let refused = org.admin.post(&format!("/v1/users/{own}/reset_password"), &json!({})).expect(422);
        assert_eq!(refused.errors()[0].1, "password_own");
    }

    pub(super) fn nobody_shuts_himself_out(engine: Engine) {
        let org = Org::new(engine);
        for addresses in [
            json!({"allow": ["203.0.113.0/24"]}),
            json!({"roles": {"administrator": ["203.0.113.0/24"]}}),
            json!({"allow": ["127.0.0.0/8"], "roles": {"administrator": ["203.0.113.7"]}}),
        ] {
            let refused = org.admin.patch(PATH, &json!({"settings": {"addresses": addresses}})).expect(422);
            assert_eq!(refused.errors(), pairs(&[("/settings/addresses", "address_shuts_out")]));
            assert_eq!(refused.json()["errors"][0]["params"]["value"], "127.0.0.1");
        }
        let _ = lay_down(&org, &json!({"addresses": {"allow": ["203.0.113.0/24", "127.0.0.1"]}}));
        let _ = org.admin.get("/v1/me").expect(200);
        // The way back, for whoever comes from elsewhere one day.
        let clear = || {
            let mut command = Command::new(env("KEHU_TEST_BIN"));
            command.args(["org", "clear-addresses", "--slug", &org.slug]).args(engine.database_flags());
            let output = command.args(["--kek-file", &engine.key_file()]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(clear().contains("from everywhere"));
        let shown = org.admin.get(PATH).expect(200).json();
        assert_eq!(shown["settings"]["addresses"], json!({"allow": [], "roles": {}}));
        assert!(clear().contains("no list"));
        assert_eq!(log(&org, "organisation.settings_changed").len(), 2);
    }

    pub(super) fn an_address_that_is_on_no_list_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let (inside, outside) = (org.user("manager", None), org.user("salesperson", None));
        let tokens = login(&org, &said(&outside.login, PASSWORD)).expect(200).json();
        let _ = lay_down(&org, &json!({"addresses": {"roles": {"salesperson": ["203.0.113.0/24"]}}}));
        let _ = inside.session.get("/v1/me").expect(200);
        for _ in 0..3 {
            let refused = outside.session.get("/v1/customers").expect(403);
            assert_eq!(refused.code(), "address_not_allowed");
        }
        assert_eq!(log(&org, "session.address_refused").len(), 1);
        // Nobody believes what a client says of its address.
        let forged = outside.session.with("x-forwarded-for", "203.0.113.7").get("/v1/me").expect(403);
        assert_eq!(forged.code(), "address_not_allowed");
        let refresh = Session::anonymous(&engine.base())
            .post("/v1/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]}));
        assert_eq!(refresh.expect(403).code(), "address_not_allowed");
        assert_eq!(login(&org, &said(&outside.login, PASSWORD)).expect(403).code(), "address_not_allowed");
        assert_eq!(login(&org, &said(&outside.login, "Wrong-Horse-2026")).expect(401).code(), "credentials_wrong");
        let _ = lay_down(&org, &json!({"addresses": null}));
        let _ = outside.session.get("/v1/me").expect(200);
    }

    pub(super) fn somebody_is_told_of_the_sign_in_before(engine: Engine) {
        let org = Org::new(engine);
        let login_name = format!("told{}@{}.test", unique(), org.slug);
        let body = json!({"name": "听说", "email": login_name, "role": "salesperson", "password": PASSWORD});
        let _ = org.admin.post("/v1/users", &body).expect(201);
        let first = login(&org, &said(&login_name, PASSWORD)).expect(200).json();
        assert_eq!((&first["last_sign_in"], &first["failed_since"]), (&Value::Null, &json!(0)));
        for _ in 0..2 {
            let _ = login(&org, &said(&login_name, "Wrong-Horse-2026")).expect(401);
        }
        let second = login(&org, &said(&login_name, PASSWORD)).expect(200).json();
        assert_eq!((&second["last_sign_in"]["address"], &second["failed_since"]), (&json!("127.0.0.1"), &json!(2)));
        let session = Session::anonymous(&engine.base()).with_token(second["access_token"].as_str());
        let me = session.get("/v1/me").expect(200).json();
        assert_eq!((&me["last_sign_in"], &me["failed_since"]), (&second["last_sign_in"], &json!(2)));
        assert_eq!(login(&org, &said(&login_name, PASSWORD)).expect(200).json()["failed_since"], json!(0));
        // Nobody else is told from where.
        let id = me["user"]["id"].as_str().unwrap();
        assert!(!org.admin.get(&format!("/v1/users/{id}")).expect(200).text.contains("127.0.0.1"));
    }

    pub(super) fn a_lock_counts_whatever_the_address_and_tells_nothing(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let _ = lay_down(&org, &json!({"passwords": {"lock": {"failures": 3, "minutes": 30}}}));
        let same = Session::anonymous(&engine.base()).with("x-request-id", "same");
        let wrong = same.post("/v1/auth/login", &said(&user.login, "Wrong-Horse-2026")).expect(401);
        for _ in 0..2 {
            let _ = login(&org, &said(&user.login, "Wrong-Horse-2026")).expect(401);
        }
        let locked = same.post("/v1/auth/login", &said(&user.login, PASSWORD)).expect(401);
        assert_eq!(locked.text, wrong.text);
        let nobody = same.post("/v1/auth/login", &said("nobody@nowhere.test", PASSWORD)).expect(401);
        assert_eq!(locked.text, nobody.text);
        // The sessions that there are go on.
        let _ = user.session.get("/v1/me").expect(200);
        assert_eq!(log(&org, "user.locked").len(), 1);
        let link = org.admin.post(&format!("/v1/users/{}/reset_password", user.id), &json!({})).expect(200).json();
        let accept = json!({"token": link["token"], "password": BETTER});
        let _ = Session::anonymous(&engine.base()).post("/v1/auth/accept_invitation", &accept).expect(204);
        let _ = login(&org, &said(&user.login, BETTER)).expect(200);
    }

    pub(super) fn one_session_more_ends_the_oldest(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let _ = lay_down(&org, &json!({"sessions": {"max_sessions": 2}}));
        let second = Session::login(&engine.base(), &user.login, PASSWORD, None);
        let _ = user.session.get("/v1/me").expect(200);
        let third = Session::login(&engine.base(), &user.login, PASSWORD, None);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        let _ = second.get("/v1/me").expect(200);
        assert_eq!(third.get("/v1/me/sessions").expect(200).data().len(), 2);
    }
}
