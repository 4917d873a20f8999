//! Personal tokens: they act as their user, and do not do what takes somebody who signed in.

kehu_tests::on_both_engines!(
    a_personal_token_acts_as_its_user,
    a_personal_token_does_not_do_what_takes_a_session,
    a_token_that_only_reads_reads,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, company};
    use serde_json::{Value, json};

    fn by(engine: Engine, made: &Value) -> Session {
        Session::anonymous(&engine.base()).with_token(made["key"].as_str())
    }

    fn personal(session: &Session, scope: &str) -> Value {
        session.post("/v1/me/tokens", &json!({"name": "周报", "scope": scope})).expect(201).json()
    }

    pub(super) fn a_personal_token_acts_as_its_user(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let made = personal(&user.session, "full");
        assert!(made["key"].as_str().unwrap().starts_with("pat_"));
        assert_eq!(
            (&made["kind"], &made["user"]["id"], &made["role"]),
            (&json!("personal"), &json!(user.id), &Value::Null)
        );
        let script = by(engine, &made);
        let me = script.get("/v1/me").expect(200).json();
        assert_eq!((&me["user"]["id"], &me["session"], &me["key"]["id"]), (&json!(user.id), &Value::Null, &made["id"]));
        let customer = script.post("/v1/customers", &company("个人令牌有限公司")).expect(201).json();
        assert_eq!((&customer["owner_id"], &customer["created_by"]), (&json!(user.id), &json!(user.id)));
        let id = customer["id"].as_str().unwrap();
        let asked = format!("/v1/audit?filter[record_id]={id}");
        let entry = org.admin.get(&asked).expect(200).data().remove(0);
        assert_eq!((&entry["actor"]["kind"], &entry["actor"]["id"]), (&json!("user"), &json!(user.id)));
        assert_eq!(entry["session_id"], made["id"]);
        // The rights are those of the moment.
        let path = format!("/v1/users/{}", user.id);
        assert_eq!(script.get("/v1/me").expect(200).json()["can"]["customer"]["delete"], json!([]));
        let _ = org.admin.patch(&path, &json!({"role": "administrator"})).expect(200);
        assert_eq!(script.get("/v1/me").expect(200).json()["can"]["customer"]["delete"], json!(["all"]));
        let _ = org.admin.patch(&path, &json!({"role": "salesperson", "disabled": true})).expect(200);
        assert_eq!(script.get("/v1/me").expect(401).code(), "account_disabled");
        let _ = org.admin.patch(&path, &json!({"disabled": false})).expect(200);
        let _ = script.get("/v1/me").expect(200);
        // An administrator sees and revokes it; a password that somebody else sets revokes the others.
        let session = Session::login(&engine.base(), &user.login, PASSWORD, None);
        let other = personal(&session, "full");
        assert_eq!(session.get("/v1/me/tokens").expect(200).data().len(), 2);
        let _ = org.admin.delete(&format!("/v1/api_keys/{}", made["id"].as_str().unwrap())).expect(204);
        assert_eq!(script.get("/v1/me").expect(401).code(), "key_revoked");
        assert_eq!(session.get("/v1/me/tokens").expect(200).data().len(), 1);
        let _ = org.admin.patch(&path, &json!({"password": "Another-Horse-2026"})).expect(200);
        assert_eq!(by(engine, &other).get("/v1/me").expect(401).code(), "key_revoked");
    }

    pub(super) fn a_personal_token_does_not_do_what_takes_a_session(engine: Engine) {
        let org = Org::new(engine);
        let (made, other) = (personal(&org.admin, "full"), personal(&org.admin, "full"));
        let script = by(engine, &made);
        let refused = |reply: Reply| assert_eq!(reply.expect(403).code(), "forbidden");
        let password = json!({"old_password": PASSWORD, "new_password": "Another-Horse-2026"});
        refused(script.post("/v1/me/password", &password));
        refused(script.post("/v1/me/second_factor", &json!({"password": PASSWORD})));
        refused(script.post("/v1/me/tokens", &json!({"name": "x"})));
        refused(script.post("/v1/api_keys", &json!({"name": "x", "role": "administrator"})));
        refused(script.post("/v1/tickets", &json!({"path": "/v1/me"})));
        refused(script.delete("/v1/me/sessions"));
        let session = org.admin.get("/v1/me").expect(200).json()["session"]["id"].as_str().unwrap().to_owned();
        refused(script.delete(&format!("/v1/me/sessions/{session}")));
        let token = |made: &Value| format!("/v1/me/tokens/{}", made["id"].as_str().unwrap());
        refused(script.delete(&token(&other)));
        let _ = org.admin.get("/v1/me").expect(200);
        // It may give itself up.
        let _ = script.delete(&token(&made)).expect(204);
        assert_eq!(script.get("/v1/me").expect(401).code(), "key_revoked");
        let _ = org.admin.delete(&token(&made)).expect(404);
        let user = org.user("salesperson", None);
        let _ = user.session.delete(&token(&other)).expect(404);
        assert_eq!(
            org.admin.post("/v1/me/tokens", &json!({"name": "x", "scope": "all"})).expect(422).errors()[0].0,
            "/scope"
        );
        assert_eq!(org.admin.post("/v1/auth/logout", &json!({})).expect(204).status, 204);
        // A script goes on when its user signs out.
        let _ = by(engine, &other).get("/v1/me").expect(200);
        assert_eq!(by(engine, &other).post("/v1/auth/logout", &json!({})).expect(401).code(), "token_invalid");
    }

    pub(super) fn a_token_that_only_reads_reads(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("只读令牌有限公司")).expect(201).id();
        let script = by(engine, &personal(&org.admin, "read"));
        let path = format!("/v1/customers/{id}");
        let _ = script.get(&path).expect(200);
        let _ = script.post("/v1/customers/search", &json!({})).expect(200);
        let _ = script.post("/v1/lookup", &json!({"phone": "13800138000"})).expect(200);
        let refused = |reply: Reply| assert_eq!(reply.expect(403).code(), "key_reads_only");
        refused(script.post("/v1/customers", &company("x")));
        refused(script.patch(&path, &json!({"remark": "x"})));
        refused(script.delete(&path));
        refused(script.post(&format!("{path}/reveal"), &json!({"fields": ["phones"], "reason": "x"})));
        refused(script.post(&format!("{path}/erase"), &json!({"reason": "x"})));
        refused(script.post("/v1/customers/batch", &json!({"items": []})));
        refused(script.post("/v1/audit/verify", &json!({})));
        refused(script.with("x-http-method-override", "PATCH").post(&path, &json!({"remark": "x"})));
        let _ = org.admin.get(&path).expect(200);
    }
}
