//! Keys of programs.

kehu_tests::on_both_engines!(
    a_key_is_shown_once_and_has_its_role,
    what_a_key_made_was_made_by_the_key,
    keys_are_managed_by_who_may,
    a_key_that_is_over_says_so,
    keys_are_read_page_by_page,
    a_key_is_limited_to_fields,
    keys_and_roles_go_together,
    a_key_is_used_from_its_addresses,
);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use kehu_tests::{Engine, Org, Reply, Session, company, new_id};
    use serde_json::{Value, json};

    fn make(session: &Session, role: &str) -> Value {
        session.post("/v1/api_keys", &json!({"name": "网站同步", "role": role})).expect(201).json()
    }

    fn by(engine: Engine, made: &Value) -> Session {
        Session::anonymous(&engine.base()).with_token(made["key"].as_str())
    }

    fn personal(session: &Session, scope: &str) -> Value {
        session.post("/v1/me/tokens", &json!({"name": "周报", "scope": scope})).expect(201).json()
    }

    fn path(made: &Value) -> String {
        format!("/v1/api_keys/{}", made["id"].as_str().unwrap())
    }

    pub(super) fn a_key_is_shown_once_and_has_its_role(engine: Engine) {
        let org = Org::new(engine);
        let reply = org.admin.post("/v1/api_keys", &json!({"name": " 网站同步 ", "role": "administrator"})).expect(201);
        let made = reply.json();
        let key = made["key"].as_str().unwrap();
        assert!(key.starts_with("sk_") && key.len() == 67, "{key}");
        assert_eq!(reply.header("location"), Some(path(&made).as_str()));
        let last = &key[key.len() - 4..];
        assert_eq!((&made["hint"], &made["name"]), (&json!(format!("sk_…{last}")), &json!("网站同步")));
        assert_eq!(
            (&made["kind"], &made["state"], &made["role"]),
            (&json!("server"), &json!("active"), &json!("administrator"))
        );
        assert_eq!((&made["user"], &made["scope"], &made["last_used_at"]), (&Value::Null, &Value::Null, &Value::Null));
        let shown = org.admin.get(&path(&made)).expect(200);
        let list = org.admin.get("/v1/api_keys").expect(200);
        for text in [&shown.text, &list.text] {
            assert!(!text.contains(key), "{text}");
        }
        let program = by(engine, &made);
        let me = program.get("/v1/me").expect(200).json();
        assert_eq!(
            (&me["user"], &me["session"], &me["roles"]),
            (&Value::Null, &Value::Null, &json!(["administrator"]))
        );
        assert_eq!((&me["key"]["id"], &me["can"]["customer"]["read"]), (&made["id"], &json!(["all"])));
        let used = org.admin.get(&path(&made)).expect(200).json();
        assert!(used["last_used_at"].is_string(), "{used}");
        // Not every use is written.
        let _ = program.get("/v1/customers").expect(200);
        assert_eq!(org.admin.get(&path(&made)).expect(200).json()["last_used_at"], used["last_used_at"]);
        // Another role: what it may not do is refused as to anybody of that role.
        let sales = by(engine, &make(&org.admin, "salesperson"));
        let _ = sales.post("/v1/users", &json!({"name": "甲", "user_name": "jia", "role": "manager"})).expect(403);
        assert_eq!(sales.get("/v1/customers").expect(200).data().len(), 0);
    }

    pub(super) fn what_a_key_made_was_made_by_the_key(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let made = make(&org.admin, "administrator");
        let program = by(engine, &made);
        let customer = program.post("/v1/customers", &company("密钥创建有限公司")).expect(201).json();
        assert_eq!((&customer["owner_id"], &customer["created_by"]), (&Value::Null, &Value::Null));
        let mut body = company("密钥指派有限公司");
        body["owner_id"] = json!(user.id);
        let given = program.post("/v1/customers", &body).expect(201).json();
        assert_eq!(given["owner_id"], json!(user.id));
        let history = format!("/v1/customers/{}/history", customer["id"].as_str().unwrap());
        let entry = org.admin.get(&history).expect(200).data().remove(0);
        assert_eq!(entry["actor"], json!({"kind": "api_key", "id": made["id"], "name": "网站同步"}));
        // Repeating a request under a key does nothing twice.
        let once = program.with("idempotency-key", "key-0123456789abcdef");
        let body = company("密钥重放有限公司");
        let first = once.post("/v1/customers", &body).expect(201);
        let again = once.post("/v1/customers", &body).expect(201);
        assert_eq!((first.id(), again.header("idempotency-replayed")), (again.id(), Some("true")));
        let log = org.admin.get("/v1/audit?filter[event]=api_key.created").expect(200);
        assert_eq!(log.data()[0]["record_id"], made["id"]);
        assert_eq!(log.data()[0]["details"]["role"], "administrator");
        assert!(!log.text.contains(made["key"].as_str().unwrap()));
        // What it was not let do is told of it.
        let sales = make(&org.admin, "salesperson");
        let _ = by(engine, &sales).get("/v1/audit").expect(403);
        let asked = format!("/v1/audit?filter[actor_id]={}", sales["id"].as_str().unwrap());
        assert_eq!(org.admin.get(&asked).expect(200).data()[0]["outcome"], "denied");
    }

    pub(super) fn keys_are_managed_by_who_may(engine: Engine) {
        let org = Org::new(engine);
        let manager = org.user("manager", None);
        let made = make(&org.admin, "manager");
        let body = json!({"name": "x", "role": "manager"});
        let refused = |reply: Reply| assert_eq!(reply.expect(403).code(), "forbidden");
        for session in [&manager.session, &by(engine, &made)] {
            refused(session.get("/v1/api_keys"));
            refused(session.get(&path(&made)));
            refused(session.post("/v1/api_keys", &body));
            refused(session.patch(&path(&made), &json!({"name": "y"})));
            refused(session.delete(&path(&made)));
        }
        // A key that made keys could not be taken back.
        let strong = by(engine, &make(&org.admin, "administrator"));
        let _ = strong.get("/v1/api_keys").expect(200);
        refused(strong.post("/v1/api_keys", &body));
        refused(strong.patch(&path(&made), &json!({"expires_at": null})));
        refused(strong.post("/v1/me/tokens", &json!({"name": "x"})));
        refused(strong.get("/v1/me/tokens"));
        refused(strong.get("/v1/me/sessions"));
        refused(strong.post("/v1/tickets", &json!({"path": "/v1/me"})));
        let other = Org::new(engine);
        let _ = other.admin.get(&path(&made)).expect(404);
        let _ = other.admin.patch(&path(&made), &json!({"name": "y"})).expect(404);
        let _ = other.admin.delete(&path(&made)).expect(404);
        let _ = org.admin.get(&format!("/v1/api_keys/{}", new_id())).expect(404);
        let changed = org.admin.patch(&path(&made), &json!({"name": "改名"})).expect(200).json();
        assert_eq!((&changed["name"], &changed["expires_at"]), (&json!("改名"), &Value::Null));
        for (body, place, code) in [
            (json!({"role": "manager"}), "/name", "required"),
            (json!({"name": "x"}), "/role", "required"),
            (json!({"name": "x", "role": "emperor"}), "/role", "role_unknown"),
            (json!({"name": "x".repeat(101), "role": "manager"}), "/name", "text_too_long"),
            (json!({"name": "x", "role": "manager", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at", "time_past"),
            (json!({"name": "x", "role": "manager", "expires_at": "soon"}), "/expires_at", "instant_invalid"),
            (json!({"name": "x", "role": "manager", "key": "sk_mine"}), "/key", "field_unknown"),
        ] {
            let errors = org.admin.post("/v1/api_keys", &body).expect(422).errors();
            assert_eq!(errors[0], (place.to_owned(), code.to_owned()), "{body}");
        }
    }

    pub(super) fn a_key_that_is_over_says_so(engine: Engine) {
        let org = Org::new(engine);
        let made = make(&org.admin, "manager");
        let program = by(engine, &made);
        let _ = program.get("/v1/customers").expect(200);
        let _ = org.admin.delete(&path(&made)).expect(204);
        assert_eq!(program.get("/v1/customers").expect(401).code(), "key_revoked");
        let _ = org.admin.delete(&path(&made)).expect(204);
        let shown = org.admin.get(&path(&made)).expect(200).json();
        assert!(shown["state"] == "revoked" && shown["revoked_at"].is_string(), "{shown}");
        let _ = org.admin.patch(&path(&made), &json!({"expires_at": null})).expect(404);
        let log = org.admin.get("/v1/audit?filter[event]=api_key.revoked").expect(200);
        assert_eq!(log.data().len(), 1);
        // Whatever is no key of anybody's is one answer.
        let key = made["key"].as_str().unwrap();
        let anybody = Session::anonymous(&engine.base()).with("x-request-id", "same");
        let ask = |key: &str| anybody.with_token(Some(key)).get("/v1/me").expect(401).text;
        let unknown = ask(&format!("sk_{}", "A".repeat(64)));
        assert!(unknown.contains("key_invalid"));
        let other = format!("{}{}", &key[..key.len() - 1], if key.ends_with('A') { 'B' } else { 'A' });
        for wrong in ["sk_", "sk_x", "pat_", &other, &format!("{key}A"), &key.replace("sk_", "pat_")] {
            assert_eq!(ask(wrong), unknown, "{wrong}");
        }
        let later = org.admin.get("/v1/me").expect(200);
        let now = later.header("date").unwrap().to_owned();
        assert!(!now.is_empty());
        let made = make(&org.admin, "manager");
        let program = by(engine, &made);
        let _ = program.get("/v1/customers").expect(200);
        let begun = Instant::now();
        let soon = in_seconds(&made, 2);
        let changed = org.admin.patch(&path(&made), &json!({"expires_at": soon})).expect(200).json();
        assert_eq!(changed["state"], "active");
        while program.get("/v1/customers").status == 200 {
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(program.get("/v1/customers").expect(401).code(), "key_expired");
        let _ = org.admin.patch(&path(&made), &json!({"expires_at": null})).expect(200);
        let _ = program.get("/v1/customers").expect(200);
    }

    /// So many seconds after something was made.
    fn in_seconds(made: &Value, seconds: u32) -> String {
        let at = made["created_at"].as_str().unwrap();
        let (head, second) = (&at[..17], at[17..19].parse::<u32>().unwrap());
        let (minute, second) = ((second + seconds) / 60, (second + seconds) % 60);
        let (hour, old): (&str, u32) = (&head[..14], head[14..16].parse().unwrap());
        // At the turn of an hour the offset carries it.
        let minute = old + minute;
        if minute < 60 {
            format!("{hour}{minute:02}:{second:02}.999Z")
        } else {
            format!("{hour}00:{second:02}.999-01:00")
        }
    }

    pub(super) fn keys_are_read_page_by_page(engine: Engine) {
        let org = Org::new(engine);
        let server: Vec<Value> = (0..3).map(|_| make(&org.admin, "manager")["id"].clone()).collect();
        let own = personal(&org.admin, "read")["id"].clone();
        let ids = |reply: &Reply| reply.data().iter().map(|key| key["id"].clone()).collect::<Vec<_>>();
        let mut all = server;
        all.push(own.clone());
        all.reverse();
        let first = org.admin.get("/v1/api_keys?limit=3").expect(200);
        let next = first.json()["page"]["next"].as_str().unwrap().to_owned();
        let second = org.admin.get(&format!("/v1/api_keys?limit=3&after={next}")).expect(200);
        assert_eq!([ids(&first), ids(&second)].concat(), all);
        assert_eq!(second.json()["page"]["has_more"], false);
        assert_eq!(ids(&org.admin.get("/v1/api_keys?filter[kind]=personal").expect(200)), [own]);
        for wrong in ["filter[kind]=x", "limit=0", "after=x", "sort=name", &format!("filter[kind]=server&after={next}")]
        {
            let _ = org.admin.get(&format!("/v1/api_keys?{wrong}")).expect(400);
        }
    }

    pub(super) fn a_key_is_limited_to_fields(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("限定字段有限公司");
        body["remark"] = json!("机密备注");
        body["phones"] = json!(["13800138001"]);
        let id = org.admin.post("/v1/customers?on_duplicate=allow", &body).expect(201).id();
        let fields = ["customer.name", "customer.kind", "customer.phones"];
        let asked = json!({"name": "话务", "role": "administrator", "fields": fields});
        let made = org.admin.post("/v1/api_keys", &asked).expect(201).json();
        assert_eq!(made["fields"], json!(fields));
        let program = by(engine, &made);
        let path = format!("/v1/customers/{id}");
        let shown = program.get(&path).expect(200);
        assert!(!shown.text.contains("机密备注"), "{}", shown.text);
        assert_eq!((&shown.json()["name"], &shown.json()["remark"]), (&json!("限定字段有限公司"), &Value::Null));
        assert!(shown.text.contains("13800138001"));
        let _ = program.patch(&path, &json!({"name": "限定字段改名有限公司"})).expect(200);
        assert_eq!(program.patch(&path, &json!({"remark": "x"})).expect(422).errors()[0].0, "/remark");
        let _ = program.get("/v1/customers?filter[remark]=x").expect(400);
        // Of another kind nothing.
        let contact = json!({"customer_id": id, "name": "周一"});
        assert!(program.post("/v1/contacts", &contact).status >= 400);
        let history = program.get(&format!("{path}/history")).expect(200);
        assert!(!history.text.contains("机密备注"), "{}", history.text);
        for (field, place) in [("customer.salary", "/fields/1"), ("phones", "/fields/1"), ("planet.name", "/fields/1")]
        {
            let asked = json!({"name": "x", "role": "administrator", "fields": ["customer.name", field]});
            let errors = org.admin.post("/v1/api_keys", &asked).expect(422).errors();
            assert_eq!(errors[0], (place.to_owned(), "key_field_unknown".to_owned()));
        }
        let asked = json!({"name": "x", "role": "administrator", "fields": "customer.name"});
        assert_eq!(org.admin.post("/v1/api_keys", &asked).expect(422).errors()[0].1, "type_wrong");
    }

    pub(super) fn keys_and_roles_go_together(engine: Engine) {
        let org = Org::new(engine);
        let role = json!({"key": "reader", "name": "只读", "rights": {"kinds": {"customer": {"read": ["all"]}}}});
        let role = org.admin.post("/v1/roles", &role).expect(201);
        let made = make(&org.admin, "reader");
        let program = by(engine, &made);
        let _ = program.get("/v1/customers").expect(200);
        let _ = program.post("/v1/customers", &company("x")).expect(403);
        let role = format!("/v1/roles/{}", role.id());
        assert_eq!(org.admin.delete(&role).expect(422).errors()[0].1, "role_in_use");
        // Whoever manages keys and gives no rights gives a key the own role.
        let keeper = json!({"key": "keeper", "name": "密钥管理", "rights": {"besides": ["keys.manage"]}});
        let _ = org.admin.post("/v1/roles", &keeper).expect(201);
        let keeper = org.user("keeper", None);
        let refused = keeper.session.post("/v1/api_keys", &json!({"name": "x", "role": "administrator"})).expect(422);
        assert_eq!(refused.errors()[0], ("/role".to_owned(), "key_role_not_own".to_owned()));
        let _ = make(&keeper.session, "keeper");
        let _ = keeper.session.delete(&path(&made)).expect(204);
        let _ = org.admin.delete(&role).expect(204);
        assert_eq!(program.get("/v1/customers").expect(401).code(), "key_revoked");
    }

    pub(super) fn a_key_is_used_from_its_addresses(engine: Engine) {
        let org = Org::new(engine);
        let asked = |addresses: &Value| {
            let body = json!({"name": "机房", "role": "manager", "addresses": addresses});
            org.admin.post("/v1/api_keys", &body)
        };
        let here = asked(&json!(["127.0.0.0/8", "::1"])).expect(201).json();
        assert_eq!(here["addresses"], json!(["127.0.0.0/8", "::1"]));
        let _ = by(engine, &here).get("/v1/customers").expect(200);
        let elsewhere = asked(&json!(["203.0.113.7"])).expect(201).json();
        for _ in 0..2 {
            assert_eq!(by(engine, &elsewhere).get("/v1/customers").expect(403).code(), "address_not_allowed");
        }
        let shown = org.admin.get(&path(&elsewhere)).expect(200).json();
        assert_eq!((&shown["addresses"], &shown["last_used_at"]), (&json!(["203.0.113.7"]), &Value::Null));
        let log = org.admin.get("/v1/audit?filter[event]=key.address_refused").expect(200).data();
        assert_eq!((log.len(), &log[0]["actor"]["id"]), (1, &elsewhere["id"]));
        for (addresses, place, code) in [
            (json!([]), "/addresses", "required"),
            (json!(["127.0.0.1", "10.0.0.0/33"]), "/addresses/1", "network_invalid"),
            (json!("127.0.0.1"), "/addresses", "type_wrong"),
        ] {
            assert_eq!(asked(&addresses).expect(422).errors()[0], (place.to_owned(), code.to_owned()));
        }
    }
}
