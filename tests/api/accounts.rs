//! Nobody comes by somebody else's account, or by a key, at what he has no right to; and the way back for an
//! administrator whom nobody can help.

kehu_tests::on_both_engines!(
    names_and_factors_are_as_good_as_a_password,
    a_reset_revokes_personal_tokens,
    whoever_looks_after_some_users_comes_at_nothing_more,
    a_key_brings_no_duty_that_is_kept_apart,
    keys_that_hold_two_duties_are_named,
    a_command_resets_the_password_of_the_only_administrator,
);

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use kehu_tests::{Engine, Org, PASSWORD, Session, env, unique};
    use serde_json::{Value, json};

    const BETTER: &str = "Better-Horse-2026";

    fn at(id: &str) -> String {
        format!("/v1/users/{id}")
    }

    fn reset(session: &Session, id: &str) -> kehu_tests::Reply {
        session.post(&format!("{}/reset_password", at(id)), &json!({}))
    }

    fn login(org: &Org, name: &str, password: &str) -> kehu_tests::Reply {
        let body = json!({"login": name, "password": password});
        Session::anonymous(&org.engine.base()).post("/v1/auth/login", &body)
    }

    fn me(session: &Session) -> String {
        session.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned()
    }

    fn log(org: &Org, event: &str) -> Vec<Value> {
        org.admin.get(&format!("/v1/audit?limit=500&filter[event]={event}")).expect(200).data()
    }

    fn one(place: &str, code: &str) -> Vec<(String, String)> {
        vec![(place.to_owned(), code.to_owned())]
    }

    /// Three people with a duty each, and nobody with several, kept so. Gives who runs the system, and who grants rights.
    fn duties_apart(org: &Org) -> (Session, Session) {
        let [system, security, _] = ["system_admin", "security_admin", "auditor"].map(|role| org.user(role, None));
        let _ = security.session.patch(&at(&me(&org.admin)), &json!({"role": "manager"})).expect(200);
        (system.session, security.session)
    }

    fn keep_apart(system: &Session) -> kehu_tests::Reply {
        system.patch("/v1/organisation", &json!({"settings": {"separation_of_duties": true}}))
    }

    pub(super) fn names_and_factors_are_as_good_as_a_password(engine: Engine) {
        let org = Org::new(engine);
        let (system, user) = (org.user("system_admin", None).session, org.user("salesperson", None));
        let admin = at(&me(&org.admin));
        for (field, value) in [
            ("email", json!(format!("mine{}@{}.test", unique(), org.slug))),
            ("mobile", json!(kehu_tests::mobile())),
            ("user_name", json!(format!("mine{}", unique()))),
        ] {
            let refused = system.patch(&admin, &json!({ field: value })).expect(422);
            assert_eq!(refused.errors(), one(&format!("/{field}"), "right_missing"));
        }
        let _ = system.patch(&admin, &json!({"name": "改名"})).expect(200);
        let refused = system.delete(&format!("{admin}/second_factor")).expect(422);
        assert_eq!(refused.errors()[0].1, "right_missing");
        // Salespeople are helped, and everybody has the own names.
        let _ = system.patch(&at(&user.id), &json!({"user_name": format!("help{}", unique())})).expect(200);
        let _ = org.admin.patch(&admin, &json!({"user_name": format!("own{}", unique())})).expect(200);
    }

    pub(super) fn a_reset_revokes_personal_tokens(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let made = user.session.post("/v1/me/tokens", &json!({"name": "周报", "scope": "full"})).expect(201).json();
        let token = Session::anonymous(&engine.base()).with_token(made["key"].as_str());
        let _ = token.get("/v1/me").expect(200);
        let _ = reset(&org.admin, &user.id).expect(200);
        let _ = token.get("/v1/me").expect(401);
    }

    pub(super) fn whoever_looks_after_some_users_comes_at_nothing_more(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {"user": {"read": ["all"], "update": ["team"]}}});
        let role = json!({"key": "helper", "name": "团队助理", "rights": rights});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let settings = json!({"settings": {"passwords": {"history": 3}}});
        let _ = org.admin.patch("/v1/organisation", &settings).expect(200);
        let team = org.team(None);
        let (helper, same) = (org.user("helper", Some(&team)).session, org.user("helper", Some(&team)));
        let (more, elsewhere) = (org.user("salesperson", Some(&team)), org.user("helper", None));
        assert_eq!(reset(&helper, &more.id).expect(422).errors(), one("", "rights_beyond"));
        let refused = helper.patch(&at(&more.id), &json!({"password": BETTER})).expect(422);
        assert_eq!(refused.errors(), one("/password", "rights_beyond"));
        let refused = helper.patch(&at(&more.id), &json!({"user_name": format!("x{}", unique())})).expect(422);
        assert_eq!(refused.errors(), one("/user_name", "rights_beyond"));
        let _ = reset(&helper, &same.id).expect(200);
        // Out of reach: nothing tells whether that was a password of theirs.
        for password in [PASSWORD, BETTER, "short"] {
            let _ = helper.patch(&at(&elsewhere.id), &json!({ "password": password })).expect(403);
        }
        let _ = reset(&helper, &elsewhere.id).expect(403);
    }

    pub(super) fn a_key_brings_no_duty_that_is_kept_apart(engine: Engine) {
        let org = Org::new(engine);
        let (system, security) = duties_apart(&org);
        let make = |role: &str| security.post("/v1/api_keys", &json!({"name": "同步", "role": role}));
        let made = make("auditor").expect(201).json();
        let _ = security.delete(&format!("/v1/api_keys/{}", made["id"].as_str().unwrap()));
        let _ = keep_apart(&system).expect(200);
        for role in ["auditor", "system_admin", "administrator"] {
            assert_eq!(make(role).expect(422).errors(), one("/role", "roles_together"), "{role}");
        }
        for role in ["salesperson", "security_admin"] {
            let _ = make(role).expect(201);
        }
        let users = system.get("/v1/users?limit=100").expect(200).data();
        let auditor = users.iter().find(|user| user["role"] == "auditor").unwrap()["id"].as_str().unwrap();
        for session in [&system, &security] {
            assert_eq!(reset(session, auditor).expect(422).errors()[0].1, "right_missing");
        }
        let _ = reset(&system, &me(&org.admin)).expect(200);
    }

    pub(super) fn keys_that_hold_two_duties_are_named(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "老钥匙", "role": "administrator"});
        let key = org.admin.post("/v1/api_keys", &body).expect(201).json();
        let (system, security) = duties_apart(&org);
        let refused = keep_apart(&system).expect(422);
        assert_eq!(refused.errors(), one("/settings/separation_of_duties", "duties_together"));
        let users = refused.json()["errors"][0]["params"]["users"].as_str().unwrap().to_owned();
        assert_eq!(users, format!("老钥匙 ({})", key["hint"].as_str().unwrap()));
        let _ = security.delete(&format!("/v1/api_keys/{}", key["id"].as_str().unwrap())).expect(204);
        let _ = keep_apart(&system).expect(200);
    }

    pub(super) fn a_command_resets_the_password_of_the_only_administrator(engine: Engine) {
        let org = Org::new(engine);
        let email = format!("admin@{}.test", org.slug);
        let command = |slug: &str, login: &str| -> Output {
            let mut command = Command::new(env("KEHU_TEST_BIN"));
            command.args(["org", "reset-password", "--slug", slug, "--login", login]);
            command.args(engine.database_flags()).args(["--kek-file", &engine.key_file()]).output().unwrap()
        };
        for (slug, name) in [(org.slug.as_str(), "nobody@example.com"), ("no-such-organisation", email.as_str())] {
            assert!(!command(slug, name).status.success());
        }
        let _ = org.admin.get("/v1/me").expect(200);
        let done = command(&org.slug, &email);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // A server that runs beside remembers a session for a second at most.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        assert_eq!(org.admin.get("/v1/me").expect(401).code(), "session_ended");
        let _ = login(&org, &email, PASSWORD).expect(401);
        let told = String::from_utf8(done.stdout).unwrap();
        let token = told.lines().last().unwrap();
        assert!(token.starts_with("inv_"), "{told}");
        let accept = json!({"token": token, "password": BETTER});
        let anybody = Session::anonymous(&engine.base());
        let _ = anybody.post("/v1/auth/accept_invitation", &accept).expect(204);
        let _ = anybody.post("/v1/auth/accept_invitation", &accept).expect(422);
        let org = Org { admin: Session::login(&engine.base(), &email, BETTER, None), ..org };
        let entries = log(&org, "user.password_reset");
        assert_eq!((entries.len(), &entries[0]["record_id"]), (1, &json!(me(&org.admin))));
        assert!(!entries[0].to_string().contains("inv_"));
    }
}
