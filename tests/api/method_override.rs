//! `X-HTTP-Method-Override: PATCH`, for clients that cannot send one.

kehu_tests::on_both_engines!(
    a_post_is_a_patch_in_everything,
    whatever_can_be_patched_can_be_so_and_nothing_else,
    nothing_else_is_overridden,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company, new_id};
    use serde_json::json;

    fn patching(session: &Session) -> Session {
        session.with("x-http-method-override", "PATCH")
    }

    pub(super) fn a_post_is_a_patch_in_everything(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("小程序有限公司")).expect(201);
        let (path, tag) = (format!("/v1/customers/{}", made.id()), made.header("etag").unwrap().to_owned());
        let body = json!({"remark": "改"});
        // One request, whichever way it is sent: a repeat is answered from what was kept.
        let keyed = org.admin.with("idempotency-key", "override-0123456789");
        let changed = patching(&keyed).post(&path, &body).expect(200);
        assert_eq!(changed.json()["remark"], "改");
        let again = keyed.patch(&path, &body).expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &changed.text));
        assert_eq!(
            patching(&keyed).post(&path, &json!({"remark": "再改"})).expect(422).code(),
            "idempotency_key_reused"
        );
        // What was read counts, in the journal it is a change, and rights are those of one.
        let stale = patching(&org.admin).with("if-match", &tag).post(&path, &json!({"remark": "旧"})).expect(412);
        assert_eq!(stale.json()["conflicts"][0]["field"], "remark");
        let history = org.admin.get(&format!("{path}/history")).expect(200).data();
        assert_eq!(
            history[0]["event"].as_str().or(history[0]["type"].as_str()),
            Some("customer.updated"),
            "{}",
            history[0]
        );
        let seller = org.user("salesperson", None);
        assert_eq!(patching(&seller.session).post(&path, &body).expect(404).code(), "not_found");
        let merged = patching(&org.admin).send("POST", &path, br#"{"grade": "a"}"#, "application/merge-patch+json");
        assert_eq!(merged.expect(200).json()["grade"], "a");
        assert_eq!(patching(&org.admin).post(&path, &json!({"nobody": 1})).expect(422).code(), "validation");
        assert_eq!(
            patching(&Session::anonymous(org.admin.base())).post(&path, &body).expect(401).code(),
            "token_missing"
        );
    }

    pub(super) fn whatever_can_be_patched_can_be_so_and_nothing_else(engine: Engine) {
        let org = Org::new(engine);
        let document = org.admin.get("/openapi.json").expect(200).json();
        let mut patched = 0;
        for (path, methods) in document["paths"].as_object().unwrap() {
            let target =
                path.replace("{id}", &new_id()).replace("{user}", &new_id()).replace("{session_id}", &new_id());
            if target.contains('{') || path.starts_with("/v1/auth/") {
                continue;
            }
            let reply = patching(&org.admin).post(&target, &json!({"no_member_of_anything": 1}));
            if methods["patch"].is_object() {
                patched += 1;
                assert!([404, 422].contains(&reply.status), "{path}: {} {}", reply.status, reply.text);
            } else {
                assert_eq!(
                    (reply.status, reply.code().as_str()),
                    (405, "method_not_allowed"),
                    "{path}: {}",
                    reply.text
                );
                let allowed = reply.header("allow").unwrap_or_default();
                assert!(!allowed.contains("PATCH"), "{path}: {allowed}");
            }
        }
        assert!(patched > 10, "{patched}");
    }

    pub(super) fn nothing_else_is_overridden(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("不变有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let with = |word: &str| org.admin.with("x-http-method-override", word);
        for (method, word) in [
            ("POST", "DELETE"),
            ("POST", "PUT"),
            ("POST", "GET"),
            ("POST", "patch"),
            ("POST", "PATCH, DELETE"),
            ("POST", ""),
            ("GET", "PATCH"),
            ("GET", "DELETE"),
            ("PUT", "PATCH"),
            ("PATCH", "PATCH"),
            ("DELETE", "PATCH"),
        ] {
            let reply = with(word).send(method, &path, b"{}", "application/json");
            assert_eq!((reply.status, reply.code().as_str()), (400, "method_override_invalid"), "{method} {word}");
        }
        let twice = with("PATCH").with("x-http-method-override", "DELETE").post(&path, &json!({})).expect(400);
        assert_eq!(twice.code(), "method_override_invalid");
        // A parameter or a member of the body overrides nothing.
        let _ = org.admin.post(&format!("{path}?_method=PATCH"), &json!({"_method": "PATCH"})).expect(405);
        assert_eq!(org.admin.get(&path).expect(200).json()["version"], 1);
    }
}
