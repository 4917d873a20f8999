//! Sealed values in clear: to whom, for a reason, so many an hour, and never before the journal knows of it.

kehu_tests::on_both_engines!(
    what_is_masked_is_revealed_and_told,
    who_leads_may_reveal_what_is_within_reach,
    what_is_wrong_with_a_reveal_is_named,
    every_kind_with_masks_can_be_revealed,
    an_hour_allows_so_many,
    nothing_is_given_that_the_journal_does_not_know,
);

#[cfg(test)]
mod tests {
    use kehu_tests::cluster::Session as Database;
    use kehu_tests::server::{Home, Server};
    use kehu_tests::{Database as Own, Engine, Org, PASSWORD, Reply, Session, mobile, new_id, own_postgres, unique};
    use rusqlite::Connection;
    use serde_json::{Value, json};

    const ID: &str = "11010119900307002X";
    const CARD: &str = "6222026360837783531";

    fn person() -> Value {
        json!({
            "name": "周芷若", "kind": "person", "phones": [mobile()], "id_number": ID,
            "bank_accounts": [
                {"value": "6222 0263 6083 7783 531", "bank": "中国工商银行", "label": "工资"},
                {"value": "0200003609027104475", "bank": "中国银行"},
            ],
        })
    }

    /// Entries of the log, the oldest first.
    fn log(session: &Session, query: &str) -> Vec<Value> {
        let mut entries = session.get(&format!("/v1/audit?limit=500&{query}")).expect(200).data();
        entries.reverse();
        entries
    }

    fn reveal(session: &Session, path: &str, fields: &Value) -> Reply {
        session.post(&format!("{path}/reveal"), &json!({"fields": fields, "reason": "核对付款人身份"}))
    }

    pub(super) fn what_is_masked_is_revealed_and_told(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &person()).expect(201);
        let (path, record) = (format!("/v1/customers/{}", made.id()), made.json());
        // Masked for everybody, the administrator and who wrote it.
        assert_eq!(record["masked"], json!(["id_number", "bank_accounts"]));
        assert_eq!(record["id_number"], "1***************X");
        let accounts = record["bank_accounts"].as_array().unwrap();
        assert_eq!((&accounts[0]["value"], &accounts[0]["bank"]), (&json!("************3531"), &json!("中国工商银行")));
        assert!(!made.text.contains(ID) && !made.text.contains(CARD), "{}", made.text);

        let first = format!("bank_accounts/{}", accounts[0]["id"].as_str().unwrap());
        let shown = reveal(&org.admin, &path, &json!(["id_number", first, "phones"])).expect(200);
        assert_eq!(shown.header("cache-control"), Some("no-store"));
        assert!(shown.header("etag").is_none(), "an answer that is not to be kept has no tag to keep it by");
        let told = shown.json();
        assert_eq!((&told["id"], &told["fields"]["id_number"]), (&record["id"], &json!(ID)));
        assert_eq!(told["fields"]["bank_accounts"].as_array().unwrap().len(), 1);
        assert_eq!(told["fields"]["bank_accounts"][0]["value"], CARD);
        assert_eq!(told["fields"]["phones"], record["phones"], "what is seen in full anyway may be asked for too");
        assert_eq!(told["fields"].as_object().unwrap().len(), 3);
        let whole = reveal(&org.admin, &path, &json!(["bank_accounts", first])).expect(200).json();
        assert_eq!(whole["fields"]["bank_accounts"].as_array().unwrap().len(), 2);

        // The journal says who was shown what, and why; not the values.
        let entries = log(&org.admin, "filter[event]=customer.revealed");
        assert_eq!(entries.len(), 2);
        let entry = &entries[0];
        assert_eq!(
            (&entry["class"], &entry["outcome"], &entry["record_id"]),
            (&json!("access"), &json!("ok"), &record["id"])
        );
        assert_eq!(entry["reason"], "核对付款人身份");
        assert_eq!(entry["details"]["fields"], json!(["id_number", first, "phones"]));
        assert_eq!(entry["actor"]["name"], "管理员");
        assert!(!json!(entries).to_string().contains(ID) && !json!(entries).to_string().contains(CARD));
        // Nothing of the record changed.
        assert_eq!(org.admin.get(&path).expect(200).text, made.record());
        // A key of the client does not keep the answer.
        let key = org.admin.with("idempotency-key", "reveal-0123456789abcdef");
        let _ = reveal(&key, &path, &json!(["id_number"])).expect(200);
        assert_eq!(reveal(&key, &path, &json!(["id_number"])).expect(200).header("idempotency-replayed"), None);
        assert_eq!(log(&org.admin, "filter[event]=customer.revealed").len(), 4);
    }

    pub(super) fn who_leads_may_reveal_what_is_within_reach(engine: Engine) {
        let org = Org::new(engine);
        let (team, aside) = (org.team(None), org.team(None));
        let (manager, stranger) = (org.user("manager", Some(&team)), org.user("manager", Some(&aside)));
        let seller = org.user("salesperson", Some(&team));
        let path = format!("/v1/customers/{}", seller.session.post("/v1/customers", &person()).expect(201).id());
        let fields = json!(["id_number"]);
        assert_eq!(reveal(&manager.session, &path, &fields).expect(200).json()["fields"]["id_number"], ID);
        // Whose own it is sees a mask, and may not lift it.
        assert_eq!(seller.session.get(&path).expect(200).json()["id_number"], "1***************X");
        let refused = reveal(&seller.session, &path, &fields).expect(403);
        assert_eq!((refused.code().as_str(), refused.text.contains(ID)), ("forbidden", false));
        let denied = log(&org.admin, "filter[event]=customer.reveal_refused");
        assert_eq!((&denied[0]["outcome"], &denied[0]["actor"]["id"]), (&json!("denied"), &json!(seller.id)));
        // Out of reach is like a missing id, byte for byte, whatever the body says.
        let same = stranger.session.with("x-request-id", "same");
        for body in [json!({"fields": fields, "reason": "x"}), json!({})] {
            let theirs = same.post(&format!("{path}/reveal"), &body).expect(404).text;
            assert_eq!(theirs, same.post(&format!("/v1/customers/{}/reveal", new_id()), &body).expect(404).text);
        }
        let other = Org::new(engine);
        let _ = reveal(&other.admin, &path, &fields).expect(404);
        let _ = org.admin.delete(&path).expect(204);
        let _ = reveal(&org.admin, &path, &fields).expect(404);
        // A colleague of another team is seen, and not revealed.
        let user = format!("/v1/users/{}", seller.id);
        assert_eq!(stranger.session.get(&user).expect(200).json()["email"], "****");
        let _ = reveal(&stranger.session, &user, &json!(["email"])).expect(403);
        let shown = reveal(&manager.session, &user, &json!(["email"])).expect(200).json();
        assert_eq!(shown["fields"]["email"], json!(seller.login));
        // What one may do is told.
        let can = |session: &Session| session.get("/v1/me").expect(200).json()["can"]["customer"]["reveal"].clone();
        assert_eq!(can(&org.admin), json!(["all"]));
        assert_eq!(can(&manager.session), json!(["own", "team", "shared"]));
        assert_eq!(can(&seller.session), json!([]));
        let me = seller.session.get("/v1/me").expect(200).json();
        assert_eq!(me["identity"], json!({"own": "masked", "team": "masked", "other": "masked"}));
    }

    pub(super) fn what_is_wrong_with_a_reveal_is_named(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &person()).expect(201);
        let path = format!("/v1/customers/{}/reveal", made.id());
        let unknown = format!("bank_accounts/{}", new_id());
        let many: Vec<String> = (0..21).map(|_| format!("phones/{}", new_id())).collect();
        let wrong = |fields: Value, reason: Value| {
            org.admin.post(&path, &json!({"fields": fields, "reason": reason})).expect(422).errors()
        };
        for (field, code) in [
            ("colour", "field_unknown"),
            ("id_number/0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f", "field_unknown"),
            ("name", "field_not_sealed"),
            ("owner_id", "field_not_sealed"),
            (unknown.as_str(), "reveal_element_unknown"),
            ("phones/first", "reveal_element_unknown"),
        ] {
            assert_eq!(wrong(json!(["id_number", field]), json!("x")), [("/fields/1".to_owned(), code.to_owned())]);
        }
        let reason = |reason: Value| wrong(json!(["id_number"]), reason)[0].clone();
        assert_eq!(reason(Value::Null), ("/reason".to_owned(), "required".to_owned()));
        for bad in [json!(" "), json!("因".repeat(301)), json!(7), json!("a\nb")] {
            assert_eq!(reason(bad), ("/reason".to_owned(), "reason_invalid".to_owned()));
        }
        assert_eq!(wrong(json!([]), json!("x"))[0].1, "required");
        assert_eq!(wrong(json!("id_number"), json!("x"))[0].1, "type_wrong");
        assert_eq!(wrong(json!([7]), json!("x"))[0], ("/fields/0".to_owned(), "type_wrong".to_owned()));
        assert_eq!(wrong(json!(many), json!("x"))[0].1, "list_too_long");
        let body = json!({"fields": ["id_number"], "reason": "x", "format": "csv"});
        assert_eq!(org.admin.post(&path, &body).expect(422).errors()[0].0, "/format");
        // All of it at once, in both languages; and none of it is a reveal.
        let body = json!({"fields": ["colour", "name"]});
        let all = org.admin.with("accept-language", "zh-CN").post(&path, &body).expect(422);
        assert_eq!(all.errors().len(), 3);
        assert!(all.text.contains("不是敏感字段"), "{}", all.text);
        assert_eq!(log(&org.admin, "filter[event]=customer.revealed").len(), 0);
        let _ = org.admin.post(&path, &json!({"fields": ["id_number"], "reason": "因".repeat(300)})).expect(200);
    }

    /// Walks the description: no kind is left out, and none that has nothing to reveal has the door.
    pub(super) fn every_kind_with_masks_can_be_revealed(engine: Engine) {
        let org = Org::new(engine);
        let document = org.admin.get("/openapi.json").expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        let doors: Vec<&str> = paths.keys().filter_map(|path| path.strip_suffix("/{id}/reveal")).collect();
        assert_eq!(doors, ["/v1/customers", "/v1/contacts", "/v1/users"]);
        let customer = org.admin.post("/v1/customers", &person()).expect(201).id();
        let contact = json!({
            "customer_id": customer, "name": "王五", "wechat": "wx_5", "birthday": "1990-03-07",
            "id_number": "110101900307026",
        });
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();
        let user = org.user("salesperson", None);
        for (door, id) in doors.into_iter().zip([customer, contact, user.id]) {
            let properties = &document["components"]["schemas"][match door {
                "/v1/customers" => "Customer",
                "/v1/contacts" => "Contact",
                _ => "User",
            }]["properties"];
            let sealed = properties.as_object().unwrap().iter().filter(|(_, schema)| schema["x-sealed"] == true);
            let names: Vec<&str> = sealed.map(|(name, _)| name.as_str()).collect();
            let shown = reveal(&org.admin, &format!("{door}/{id}"), &json!(names)).expect(200).json();
            assert_eq!(shown["fields"].as_object().unwrap().len(), names.len(), "{door}");
            assert!(!shown["fields"].to_string().contains("***"), "{shown}");
        }
        for door in ["/v1/follow_ups", "/v1/tags", "/v1/forms"] {
            let _ = org.admin.post(&format!("{door}/{}/reveal", new_id()), &json!({})).expect(404);
        }
    }

    fn user(admin: &Session, role: &str) -> Session {
        let login = format!("{role}{}@own.test", unique());
        let body = json!({"name": "某人", "email": login, "role": role, "password": PASSWORD});
        let _ = admin.post("/v1/users", &body).expect(201);
        Session::login(admin.base(), &login, PASSWORD, None)
    }

    struct Bed {
        home: Home,
        own: Option<Own>,
    }

    fn bed(engine: Engine) -> Bed {
        match engine {
            Engine::Sqlite => Bed { home: Home::sqlite(), own: None },
            Engine::Postgres => {
                let own = own_postgres();
                Bed { home: Home::postgres(own.url.clone()), own: Some(own) }
            }
        }
    }

    pub(super) fn an_hour_allows_so_many(engine: Engine) {
        let Bed { home, own } = bed(engine);
        let flags = ["--reveal-limit", "4"];
        let server = home.start_with(&flags);
        let admin = server.admin();
        let path = format!("/v1/customers/{}", admin.post("/v1/customers", &person()).expect(201).id());
        let second = user(&admin, "administrator");
        let _ = reveal(&admin, &path, &json!(["id_number", "bank_accounts"])).expect(200);
        // Several servers count the same.
        let beside: Option<Server> = own.map(|_| home.start_with(&flags));
        let there = beside.as_ref().map_or_else(|| admin.clone(), Server::admin);
        // Three at once are too many, and take nothing of what is left.
        let refused = reveal(&there, &path, &json!(["id_number", "bank_accounts", "phones"])).expect(429);
        assert_eq!(refused.code(), "reveal_limit");
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        assert!(!refused.text.contains(ID), "{}", refused.text);
        let _ = reveal(&there, &path, &json!(["id_number", "bank_accounts"])).expect(200);
        for _ in 0..3 {
            let _ = reveal(&admin, &path, &json!(["id_number"])).expect(429);
        }
        // Each for himself.
        let _ = reveal(&second, &path, &json!(["id_number"])).expect(200);
        let entries = log(&admin, "filter[event]=customer.revealed");
        let outcomes: Vec<&str> = entries.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["ok", "denied", "ok", "ok"], "what is refused is told once an hour");
        drop(beside);
        assert!(server.stop().success());
    }

    pub(super) fn nothing_is_given_that_the_journal_does_not_know(engine: Engine) {
        let Bed { home, own } = bed(engine);
        let server = home.start();
        let admin = server.admin();
        let path = format!("/v1/customers/{}", admin.post("/v1/customers", &person()).expect(201).id());
        let on_postgres = |sql: &str| own.iter().for_each(|own| Database::open(&own.url).run(sql));
        let on_sqlite = |sql: &str| {
            let database = Connection::open(home.data().join("kehu.db")).unwrap();
            database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            database.execute_batch(sql).unwrap();
        };
        match engine {
            Engine::Sqlite => {
                on_sqlite("CREATE TRIGGER mute BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'mute'); END");
            }
            Engine::Postgres => on_postgres("ALTER TABLE journal ADD CONSTRAINT mute CHECK (false) NOT VALID"),
        }
        let refused = reveal(&admin, &path, &json!(["id_number"]));
        assert!(refused.status >= 500 && !refused.text.contains(ID), "{} {}", refused.status, refused.text);
        match engine {
            Engine::Sqlite => on_sqlite("DROP TRIGGER mute"),
            Engine::Postgres => on_postgres("ALTER TABLE journal DROP CONSTRAINT mute"),
        }
        assert_eq!(reveal(&admin, &path, &json!(["id_number"])).expect(200).json()["fields"]["id_number"], ID);
        assert!(server.stop().success());
    }
}
