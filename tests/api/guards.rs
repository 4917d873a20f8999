//! Guards against what an attacker, or a mistake, would do with what is there.

kehu_tests::on_both_engines!(
    a_repeat_shows_only_what_may_still_be_read,
    users_come_one_by_one,
    an_administrator_without_a_password_does_not_count,
    a_token_alone_does_not_change_the_own_password,
    a_restore_heeds_the_version,
    nobody_asks_for_the_whole_book,
);

#[cfg(test)]
mod tests {
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, PASSWORD, Session, company, mobile, own_postgres, unique};
    use serde_json::json;

    pub(super) fn a_repeat_shows_only_what_may_still_be_read(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let once = one.session.with("idempotency-key", "repeat-0123456789abcdef");
        let body = company("重放有限公司");
        let made = once.post("/v1/customers", &body).expect(201);
        let again = once.post("/v1/customers", &body).expect(201);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!((again.header("etag"), &again.text), (made.header("etag"), &made.text));
        let path = format!("/v1/customers/{}", made.id());
        let _ = org.admin.patch(&path, &json!({"owner_id": other.id})).expect(200);
        let gone = once.post("/v1/customers", &body).expect(404);
        assert!(!gone.text.contains("重放"), "{}", gone.text);
        let _ = org.admin.patch(&path, &json!({"owner_id": one.id})).expect(200);
        let _ = once.post("/v1/customers", &body).expect(201);
    }

    pub(super) fn users_come_one_by_one(engine: Engine) {
        let org = Org::new(engine);
        let items = json!({"items": [{"name": "无门", "user_name": "no.door", "role": "administrator"}]});
        let refused = org.admin.post("/v1/users/batch", &items).expect(405);
        assert_eq!(refused.header("allow").map(|allow| allow.contains("POST")), Some(false));
        assert_eq!(org.admin.get("/v1/users").expect(200).data().len(), 1);
    }

    pub(super) fn an_administrator_without_a_password_does_not_count(engine: Engine) {
        let org = Org::new(engine);
        let login = format!("second{}@{}.test", unique(), org.slug);
        let body = json!({"name": "候补", "email": login, "role": "administrator"});
        let second = org.admin.post("/v1/users", &body).expect(201).json();
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let me = format!("/v1/users/{me}");
        for (change, place) in [(json!({"role": "manager"}), "/role"), (json!({"disabled": true}), "/disabled")] {
            let refused = org.admin.patch(&me, &change).expect(422);
            assert_eq!(refused.errors()[0], (place.to_owned(), "last_administrator".to_owned()));
        }
        // The invited one may go as well as come: the first is left.
        let path = format!("/v1/users/{}", second["id"].as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"role": "manager"})).expect(200);
        let _ = org.admin.patch(&path, &json!({"role": "administrator"})).expect(200);
        let accept = json!({"token": second["invitation"]["token"], "password": PASSWORD});
        let _ = Session::anonymous(&engine.base()).post("/v1/auth/accept_invitation", &accept).expect(204);
        let _ = org.admin.patch(&me, &json!({"role": "manager"})).expect(200);
    }

    pub(super) fn a_token_alone_does_not_change_the_own_password(engine: Engine) {
        let org = Org::new(engine);
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let refused =
            org.admin.patch(&format!("/v1/users/{me}"), &json!({"password": "Stolen-Horse-2026"})).expect(422);
        assert_eq!(refused.errors(), [("/password".to_owned(), "password_own".to_owned())]);
        let seller = org.user("salesperson", None);
        let path = format!("/v1/users/{}", seller.id);
        let _ = org.admin.patch(&path, &json!({"password": "Better-Horse-2026"})).expect(200);
        let _ = Session::login(&engine.base(), &seller.login, "Better-Horse-2026", None);
    }

    pub(super) fn a_restore_heeds_the_version(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("回收有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let _ = org.admin.delete(&path).expect(204);
        let old = org.admin.with("if-match", made.header("etag").unwrap());
        let restore = format!("{path}/restore");
        assert_eq!(old.post(&restore, &json!({})).expect(412).code(), "version_conflict");
        let _ = org.admin.with("if-match", "\"2-0\"").post(&restore, &json!({})).expect(200);
    }

    fn seller(admin: &Session) -> Session {
        let login = format!("seller{}@own.test", unique());
        let body = json!({"name": "销售", "email": login, "role": "salesperson", "password": PASSWORD});
        let _ = admin.post("/v1/users", &body).expect(201);
        Session::login(admin.base(), &login, PASSWORD, None)
    }

    pub(super) fn nobody_asks_for_the_whole_book(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let server = home.start_with(&["--read-limit", "4"]);
        let admin = server.admin();
        let (one, other) = (seller(&admin), seller(&admin));
        let bodies: Vec<_> = (0..3).map(|_| company("电话本有限公司")).collect();
        for body in &bodies {
            let _ = one.post("/v1/customers", body).expect(201);
        }
        let ask = |who: &Session, at: usize| who.post("/v1/lookup", &json!({"phone": bodies[at]["phones"][0]}));
        // What is one's own, and what is nobody's, does not count.
        for _ in 0..6 {
            let _ = ask(&one, 0).expect(200);
            let _ = other.post("/v1/lookup", &json!({"phone": mobile()})).expect(200);
        }
        let _ = ask(&other, 0).expect(200);
        let _ = other.post("/v1/customers", &bodies[1]).expect(409);
        // Of three more in a batch two are told of.
        let items = json!({"items": bodies});
        let batch = other.post("/v1/customers/batch", &items).expect(207).data();
        let statuses: Vec<i64> = batch.iter().map(|item| item["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [409, 409, 429]);
        assert_eq!(batch[2]["error"]["code"], "read_limit");
        assert!(batch[2]["error"].get("existing").is_none());
        // From now on nothing is told, not even that there is nothing.
        let nothing = other.post("/v1/lookup", &json!({"phone": mobile()})).expect(429);
        assert_eq!(nothing.code(), "read_limit");
        let wait: u32 = nothing.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        for body in [&bodies[2], &company("新有限公司")] {
            assert_eq!(other.post("/v1/customers", body).expect(429).code(), "read_limit");
        }
        let _ = other.post("/v1/customers", &json!({"name": "没有电话有限公司", "kind": "company"})).expect(201);
        let _ = ask(&one, 2).expect(200);
        let _ = ask(&admin, 2).expect(200);
        assert!(server.stop().success());
    }
}
