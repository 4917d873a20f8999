//! State counts at once: what is taken from somebody is gone with the next request, on every server within a second.

kehu_tests::on_both_engines!(
    whatever_is_taken_is_gone_with_the_next_request,
    an_administrator_ends_sessions,
    ten_refreshes_at_once_leave_one_living_family,
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, company, own_postgres};
    use serde_json::{Value, json};

    /// How long another server may go on with what it knows; and what a slow machine takes for a request.
    const WITHIN: Duration = Duration::from_millis(1_000 + 500);

    pub(super) fn whatever_is_taken_is_gone_with_the_next_request(engine: Engine) {
        let org = Org::new(engine);
        let (team, other) = (org.team(None), org.team(None));
        let user = org.user("manager", Some(&team));
        let me = format!("/v1/users/{}", user.id);
        let mut body = company("团队客户有限公司");
        body["team_id"] = json!(team);
        let customer = format!("/v1/customers/{}", org.admin.post("/v1/customers", &body).expect(201).id());
        let _ = user.session.get(&customer).expect(200);
        // Another team, and back.
        let _ = org.admin.patch(&me, &json!({"team_id": other})).expect(200);
        let _ = user.session.get(&customer).expect(404);
        let _ = org.admin.patch(&me, &json!({"team_id": team})).expect(200);
        let _ = user.session.get(&customer).expect(200);
        // A lesser role.
        let _ = user.session.delete(&customer).expect(204);
        let _ = org.admin.post(&format!("{customer}/restore"), &json!({})).expect(200);
        let _ = org.admin.patch(&me, &json!({"role": "salesperson"})).expect(200);
        assert!([403, 404].contains(&user.session.delete(&customer).status));
        // A password that an administrator sets.
        let _ = org.admin.patch(&me, &json!({"password": "Another-Horse-2026"})).expect(200);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        // One's own new password leaves the session that set it.
        let sign_in = || Session::login(&engine.base(), &user.login, "Another-Horse-2026", None);
        let (one, two) = (sign_in(), sign_in());
        let change = json!({"old_password": "Another-Horse-2026", "new_password": PASSWORD});
        let _ = one.post("/v1/me/password", &change).expect(204);
        assert_eq!(two.get("/v1/me").expect(401).code(), "session_ended");
        let _ = one.get("/v1/me").expect(200);
        // Signing out.
        let _ = one.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(one.get("/v1/me").expect(401).code(), "session_ended");
        // Disabled: the token, and the way to the next one.
        let tokens = Session::anonymous(&engine.base())
            .post("/v1/auth/login", &json!({"login": user.login, "password": PASSWORD}))
            .expect(200)
            .json();
        let session = Session::anonymous(&engine.base()).with_token(tokens["access_token"].as_str());
        let _ = session.get("/v1/me").expect(200);
        let _ = org.admin.patch(&me, &json!({"disabled": true})).expect(200);
        assert_eq!(session.get("/v1/me").expect(401).code(), "account_disabled");
        let refreshed = session.post("/v1/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]}));
        assert_eq!(refreshed.expect(401).code(), "account_disabled");
    }

    pub(super) fn an_administrator_ends_sessions(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let colleague = org.user("manager", None);
        let sign_in = |name: &str| {
            let body = json!({"login": user.login, "password": PASSWORD, "client": "mobile", "device_name": name});
            let tokens = Session::anonymous(&engine.base()).post("/v1/auth/login", &body).expect(200).json();
            Session::anonymous(&engine.base()).with_token(tokens["access_token"].as_str())
        };
        let (phone, tablet) = (sign_in("小王的手机"), sign_in("平板"));
        let path = format!("/v1/users/{}/sessions", user.id);
        let listed = org.admin.get(&path).expect(200).data();
        assert_eq!(listed.len(), 3);
        let lost = listed.iter().find(|session| session["device_name"] == "小王的手机").unwrap();
        assert_eq!((&lost["client"], &lost["current"]), (&json!("mobile"), &json!(false)));
        let lost = format!("{path}/{}", lost["id"].as_str().unwrap());
        for session in [&user.session, &colleague.session] {
            let _ = session.get(&path).expect(403);
            let _ = session.delete(&lost).expect(403);
            let _ = session.delete(&path).expect(403);
        }
        let stranger = Org::new(engine);
        let _ = stranger.admin.get(&path).expect(404);
        let _ = stranger.admin.delete(&path).expect(404);
        let _ = org.admin.with("x-change-reason", "lost phone").delete(&lost).expect(204);
        assert_eq!(phone.get("/v1/me").expect(401).code(), "session_ended");
        let _ = tablet.get("/v1/me").expect(200);
        let _ = org.admin.delete(&lost).expect(404);
        // Of another user.
        let theirs = colleague.session.get("/v1/me").expect(200).json()["session"]["id"].clone();
        let _ = org.admin.delete(&format!("{path}/{}", theirs.as_str().unwrap())).expect(404);
        let asked = format!("/v1/audit?filter[event]=session.ended&filter[record_id]={}", user.id);
        let entry = org.admin.get(&asked).expect(200).data().remove(0);
        assert_eq!((&entry["reason"], &entry["class"]), (&json!("lost phone"), &json!("security")));
        assert_ne!(entry["actor"]["id"], json!(user.id));
        // One's own others, then all of a user's.
        let _ = tablet.delete("/v1/me/sessions").expect(204);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "session_ended");
        assert_eq!(tablet.get("/v1/me/sessions").expect(200).data().len(), 1);
        let _ = org.admin.delete(&path).expect(204);
        assert_eq!(tablet.get("/v1/me").expect(401).code(), "session_ended");
        assert_eq!(org.admin.get(&path).expect(200).data().len(), 0);
    }

    pub(super) fn ten_refreshes_at_once_leave_one_living_family(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let base = engine.base();
        let refresh =
            |token: &Value| Session::anonymous(&base).post("/v1/auth/refresh", &json!({"refresh_token": token}));
        let race = |token: &Value| -> Vec<Reply> {
            let gate = Barrier::new(10);
            std::thread::scope(|scope| {
                let run = || {
                    gate.wait();
                    refresh(token)
                };
                let all: Vec<_> = (0..10).map(|_| scope.spawn(run)).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            })
        };
        let body = json!({"login": user.login, "password": PASSWORD});
        let first = Session::anonymous(&base).post("/v1/auth/login", &body).expect(200).json();
        // Ten tabs with the same token: one successor for all of them.
        let replies = race(&first["refresh_token"]);
        let next: HashSet<String> = replies
            .into_iter()
            .map(|reply| reply.expect(200).json()["refresh_token"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(next.len(), 1);
        let second = json!(next.into_iter().next().unwrap());
        let third = refresh(&second).expect(200).json();
        let living = Session::anonymous(&base).with_token(third["access_token"].as_str());
        assert_eq!(living.get("/v1/me/sessions").expect(200).data().len(), 2);
        let _ = refresh(&third["refresh_token"]).expect(200);
        // Ten with one that is older: the family ends, and nobody of them is let in.
        for reply in race(&first["refresh_token"]) {
            assert_eq!(reply.expect(401).code(), "session_ended");
        }
        assert_eq!(living.get("/v1/me").expect(401).code(), "session_ended");
        assert_eq!(user.session.get("/v1/me/sessions").expect(200).data().len(), 1);
        let asked = format!("/v1/audit?filter[event]=session.token_reused&filter[record_id]={}", user.id);
        assert_eq!(org.admin.get(&asked).expect(200).data().len(), 1);
    }

    /// Until the other server refuses, and with what; panics where it takes too long.
    fn refused_within(session: &Session, path: &str, what: &str) -> String {
        let begun = Instant::now();
        loop {
            let reply = session.get(path);
            if reply.status != 200 {
                return reply.code();
            }
            assert!(begun.elapsed() < WITHIN, "{what} still counts after {:?}", begun.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn on_another_server_within_a_second() {
        let home = Home::postgres(own_postgres().url);
        let (first, second) = (home.start(), home.start());
        let admin = first.admin();
        let other = |session: &Session| Session::anonymous(&second.base).with_token(session.token());
        let user = |name: &str, role: &str| {
            let body = json!({"name": name, "user_name": name, "role": role, "password": PASSWORD});
            let id = admin.post("/v1/users", &body).expect(201).id();
            let session = Session::login(&first.base, name, PASSWORD, None);
            // The second server knows it, and goes by what it knows.
            let there = other(&session);
            let _ = there.get("/v1/me").expect(200);
            (format!("/v1/users/{id}"), session, there)
        };
        let (path, _, there) = user("disabled", "manager");
        let _ = admin.patch(&path, &json!({"disabled": true})).expect(200);
        assert_eq!(refused_within(&there, "/v1/me", "a disabled user"), "account_disabled");
        let (_, here, there) = user("gone", "manager");
        let _ = here.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(refused_within(&there, "/v1/me", "a session that ended"), "session_ended");
        let (path, _, there) = user("reset", "manager");
        let _ = admin.patch(&path, &json!({"password": "Another-Horse-2026"})).expect(200);
        assert_eq!(refused_within(&there, "/v1/me", "an old password"), "session_ended");
        let (path, _, there) = user("lesser", "administrator");
        let _ = there.get("/v1/api_keys").expect(200);
        let _ = admin.patch(&path, &json!({"role": "manager"})).expect(200);
        assert_eq!(refused_within(&there, "/v1/api_keys", "a lost role"), "forbidden");
        let team = admin.post("/v1/teams", &json!({"name": "一队"})).expect(201).id();
        let (path, _, there) = user("moved", "manager");
        let _ = admin.patch(&path, &json!({"team_id": team})).expect(200);
        let mut body = company("团队客户有限公司");
        body["team_id"] = json!(team);
        let customer = format!("/v1/customers/{}", admin.post("/v1/customers", &body).expect(201).id());
        std::thread::sleep(WITHIN);
        let _ = there.get(&customer).expect(200);
        let _ = admin.patch(&path, &json!({"team_id": null})).expect(200);
        assert_eq!(refused_within(&there, &customer, "a lost team"), "not_found");
        let made = admin.post("/v1/api_keys", &json!({"name": "同步", "role": "manager"})).expect(201).json();
        let there = Session::anonymous(&second.base).with_token(made["key"].as_str());
        let _ = there.get("/v1/me").expect(200);
        let _ = admin.delete(&format!("/v1/api_keys/{}", made["id"].as_str().unwrap())).expect(204);
        assert_eq!(refused_within(&there, "/v1/me", "a revoked key"), "key_revoked");
        // A new signing key of the command line is known to both at once by its first token.
        let old = Session::anonymous(&second.base).get("/.well-known/jwks.json").expect(200).json();
        assert!(home.command(&["keys", "rotate-signing"]).output().unwrap().status.success());
        let status = home.command(&["keys", "status"]).output().unwrap();
        let status = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(status.contains("published") && status.contains("signs"), "{status}");
        let _ = other(&admin).get("/v1/me").expect(200);
        assert_eq!(old["keys"].as_array().unwrap().len(), 1);
        assert!(first.stop().success() && second.stop().success());
    }
}
