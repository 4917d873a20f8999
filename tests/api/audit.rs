//! The organisation's log: who reads it, what stands in it, how it is asked, and how it is followed.

kehu_tests::on_both_engines!(
    only_an_administrator_reads_it,
    conditions_select_and_wrong_ones_are_named,
    both_orders_give_every_entry_once,
    a_follower_sees_every_entry_once_while_others_write,
    what_is_refused_is_told_within_bounds,
    every_refusing_door_tells,
    right_changes_are_told_apart,
    signing_in_has_its_outcomes,
    reading_it_is_told_once,
    nothing_sealed_stands_in_the_header,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, PASSWORD, Session, company, mobile, new_id, unique};
    use serde_json::{Value, json};

    fn log(session: &Session, query: &str) -> Vec<Value> {
        session.get(&format!("/v1/audit?limit=500&{query}")).expect(200).data()
    }

    fn types(entries: &[Value]) -> Vec<&str> {
        entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect()
    }

    fn me(session: &Session) -> String {
        session.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn only_an_administrator_reads_it(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let manager = org.user("manager", None);
        let made =
            org.admin.with("user-agent", "kehu-test/1").post("/v1/customers", &company("日志有限公司")).expect(201);
        let entry = log(&org.admin, &format!("filter[record_id]={}", made.id())).pop().unwrap();
        let one = format!("/v1/audit/{}", entry["id"].as_str().unwrap());
        let got = org.admin.get(&one).expect(200).json();
        assert_eq!(got, entry);
        assert_eq!(
            (&got["class"], &got["outcome"], &got["kind"]),
            (&json!("change"), &json!("ok"), &json!("customer"))
        );
        assert_eq!((&got["address"], &got["user_agent"]), (&json!("127.0.0.1"), &json!("kehu-test/1")));
        assert_eq!(got["owner"]["before"], json!(null));
        assert_eq!(got["owner"]["after"]["name"], "管理员");
        assert!(got["session_id"].is_string() && got["seq"].is_i64() && got["details"].is_null());
        for path in ["/v1/audit", "/v1/audit?sort=x", one.as_str(), "/v1/audit/nonsense"] {
            let status = if path.ends_with("nonsense") { 404 } else { 403 };
            let _ = manager.session.get(path).expect(status);
        }
        let theirs = other.admin.with("x-request-id", "same").get(&one).expect(404).text;
        let none = format!("/v1/audit/{}", new_id());
        assert_eq!(theirs, other.admin.with("x-request-id", "same").get(&none).expect(404).text);
        assert_eq!(log(&other.admin, &format!("filter[record_id]={}", made.id())), Vec::<Value>::new());
    }

    pub(super) fn conditions_select_and_wrong_ones_are_named(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let asked = seller.session.with("x-request-id", "asked-for-1");
        let id = asked.post("/v1/customers", &company("筛选有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let _ = seller.session.patch(&path, &json!({"remark": "改"})).expect(200);
        let _ = seller.session.patch(&path, &json!({"grade": "a"})).expect(200);
        let of = |query: &str| log(&org.admin, query);
        assert_eq!(types(&of("filter[request_id]=asked-for-1")), ["customer.created"]);
        let record = format!("filter[record_id]={id}");
        assert_eq!(of(&record).len(), 3);
        assert_eq!(types(&of(&format!("{record}&filter[changed]=remark"))), ["customer.updated", "customer.created"]);
        assert_eq!(of(&format!("{record}&filter[changed]=mark")).len(), 0, "a whole name");
        assert_eq!(
            types(&of("filter[event]=customer.*")),
            ["customer.updated", "customer.updated", "customer.created"]
        );
        assert_eq!(of("filter[event]=customer.updated&filter[kind]=customer").len(), 2);
        assert_eq!(of("filter[event]=customer").len(), 0);
        let by = of(&format!("filter[actor_id]={}", seller.id));
        assert_eq!(types(&by), ["customer.updated", "customer.updated", "customer.created", "sign_in.succeeded"]);
        let session = by[0]["session_id"].as_str().unwrap();
        assert_eq!(of(&format!("filter[session_id]={session}")).len(), 4);
        assert_eq!(of(&format!("filter[session_id]={session}&filter[class]=security")).len(), 1);
        assert!(of("filter[via]=command").iter().all(|entry| entry["via"] == "command"));
        assert!(of("filter[via]=command").iter().any(|entry| entry["type"] == "organisation.created"));
        assert!(of("filter[via]=command").iter().all(|entry| !entry["request_id"].as_str().unwrap().is_empty()));
        // A span of time, to the millisecond.
        let at = by[1]["at"].as_str().unwrap();
        let since = of(&format!("{record}&filter[at.gte]={at}"));
        let before = of(&format!("{record}&filter[at.lt]={at}"));
        assert_eq!(since.len() + before.len(), 3);
        assert!(since.iter().all(|entry| entry["at"].as_str().unwrap() >= at));
        assert_eq!(of("filter[at.lt]=2020-01-01").len(), 0);
        for (query, code) in [
            ("filter[class]=x", "filter_value_invalid"),
            ("filter[outcome]=", "filter_value_invalid"),
            ("filter[actor_id]=x", "filter_value_invalid"),
            ("filter[at.gte]=yesterday", "filter_value_invalid"),
            ("filter[address]=127.0.0.1", "filter_field_unknown"),
            ("sort=at", "sort_unknown"),
            ("limit=501", "limit_invalid"),
            ("after=x", "cursor_invalid"),
            ("q=x", "parameter_unknown"),
        ] {
            assert_eq!(org.admin.get(&format!("/v1/audit?{query}")).expect(400).code(), code, "{query}");
        }
        let next = org.admin.get("/v1/audit?limit=1").expect(200).json()["page"]["next"].as_str().unwrap().to_owned();
        let other = org.admin.get(&format!("/v1/audit?sort=seq&after={next}")).expect(400);
        assert_eq!(other.code(), "cursor_invalid", "a cursor of another order");
    }

    /// Every entry, page by page, in one order.
    fn walk(session: &Session, sort: &str) -> Vec<i64> {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = session.get(&format!("/v1/audit?sort={sort}&limit=4{after}")).expect(200);
            seen.extend(page.data().iter().map(|entry| entry["seq"].as_i64().unwrap()));
            let page = page.json()["page"].clone();
            if page["has_more"] == false {
                assert_eq!(page["next"].is_string(), sort == "seq");
                return seen;
            }
            after = format!("&after={}", page["next"].as_str().unwrap());
        }
    }

    pub(super) fn both_orders_give_every_entry_once(engine: Engine) {
        let org = Org::new(engine);
        for n in 0..9 {
            let _ = org.admin.post("/v1/tags", &json!({"name": format!("标签{n}")})).expect(201);
        }
        // Asked once before, so that both walks have the same to tell.
        let _ = (walk(&org.admin, "-at"), walk(&org.admin, "seq"));
        let (newest, mut written) = (walk(&org.admin, "-at"), walk(&org.admin, "seq"));
        assert!(written.is_sorted() && written.len() > 12);
        written.reverse();
        let once: BTreeSet<i64> = newest.iter().copied().collect();
        assert_eq!(once.len(), newest.len());
        assert_eq!(once, written.into_iter().collect());
    }

    pub(super) fn a_follower_sees_every_entry_once_while_others_write(engine: Engine) {
        let org = Org::new(engine);
        let (writers, each) = (6, 12);
        let seen = std::thread::scope(|scope| {
            let done: Vec<_> = (0..writers)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..each {
                            let _ =
                                org.admin.post("/v1/tags", &json!({"name": format!("跟随{}", unique())})).expect(201);
                        }
                    })
                })
                .collect();
            let (mut seen, mut after, mut quiet) = (Vec::new(), String::new(), 0);
            while quiet < 3 {
                let ended = done.iter().all(std::thread::ScopedJoinHandle::is_finished);
                let page = org.admin.get(&format!("/v1/audit?sort=seq&limit=10{after}")).expect(200);
                let entries = page.data();
                quiet = if ended && entries.is_empty() { quiet + 1 } else { 0 };
                seen.extend(entries.iter().map(|entry| (entry["seq"].as_i64().unwrap(), entry["type"].clone())));
                after = format!("&after={}", page.json()["page"]["next"].as_str().unwrap());
            }
            seen
        });
        let once: BTreeSet<i64> = seen.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(once.len(), seen.len(), "an entry that was told twice");
        assert!(seen.is_sorted_by_key(|(seq, _)| *seq));
        let made = seen.iter().filter(|(_, event)| event == "tag.created").count();
        assert_eq!(made, writers * each);
    }

    pub(super) fn what_is_refused_is_told_within_bounds(engine: Engine) {
        let org = Org::new(engine);
        let (one, two) = (org.user("salesperson", None), org.user("salesperson", None));
        let who = &one.session;
        let id = who.post("/v1/customers", &company("被拒有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let _ = who.delete(&path).expect(403);
        let _ = who.patch(&path, &json!({"owner_id": two.id})).expect(422);
        let _ = who.get("/v1/forms").expect(403);
        let _ = who.get(&format!("/v1/forms/{}", new_id())).expect(403);
        let _ = who.get(&format!("/v1/forms/{}/history", new_id())).expect(403);
        let _ = who.get(&format!("/v1/forms/{}/submissions", new_id())).expect(403);
        let _ = who.post("/v1/forms/search", &json!({})).expect(403);
        let _ = who.post("/v1/users", &json!({"name": "x", "role": "administrator"})).expect(403);
        let _ = who.patch(&format!("/v1/users/{}", two.id), &json!({"password": "Stolen-Horse-2026"})).expect(403);
        let _ = who.get("/v1/audit").expect(403);
        let mut given = company("送人有限公司");
        given["owner_id"] = json!(two.id);
        let _ = who.post("/v1/customers/batch", &json!({"items": [given, company("自己的有限公司")]})).expect(207);
        // What is out of reach is no refusal, nor is what breaks a rule.
        let _ = who.get(&format!("/v1/customers/{}", new_id())).expect(404);
        let _ = who.patch(&path, &json!({"phones": ["1"]})).expect(422);
        let entries = log(&org.admin, &format!("filter[actor_id]={}&filter[outcome]=denied", one.id));
        assert_eq!(
            types(&entries),
            [
                "customer.create_refused",
                "audit.read_refused",
                "user.update_refused",
                "user.create_refused",
                "form.read_refused",
                "form.read_refused",
                "form.read_refused",
                "form.read_refused",
                "form.read_refused",
                "customer.update_refused",
                "customer.delete_refused",
            ]
        );
        assert!(entries.iter().all(|entry| entry["class"] == "access" && entry["address"] == "127.0.0.1"));
        assert_eq!((&entries[10]["kind"], &entries[10]["record_id"]), (&json!("customer"), &json!(id)));
        assert_eq!(entries[9]["details"], json!({"fields": ["owner_id"]}));
        for _ in 0..60 {
            let _ = who.delete(&path).expect(403);
        }
        let entries = log(&org.admin, &format!("filter[actor_id]={}&filter[outcome]=denied", one.id));
        assert_eq!(entries.len(), 61);
        assert_eq!(
            (&entries[0]["type"], &entries[0]["details"]),
            (&json!("refusals.not_recorded"), &json!({"recorded": 60}))
        );
        let _ = two.session.delete(&format!("/v1/tags/{}", new_id())).expect(403);
        assert_eq!(log(&org.admin, &format!("filter[actor_id]={}&filter[outcome]=denied", two.id)).len(), 1);
    }

    pub(super) fn every_refusing_door_tells(engine: Engine) {
        let org = Org::new(engine);
        let document = org.admin.get("/openapi.json").expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            let mine = methods.filter(|(_, operation)| operation["security"] == json!([{ "bearer": [] }]));
            mine.map(move |(method, _)| (method.to_uppercase(), path.clone()))
        });
        let operations: Vec<(String, String)> = operations.filter(|(_, path)| path != "/v1/auth/logout").collect();
        // Fewer refusals of each than are told.
        for (role, part) in
            ["salesperson", "manager"].into_iter().flat_map(|role| operations.chunks(40).map(move |part| (role, part)))
        {
            let user = org.user(role, None);
            let mut refused = 0;
            for (method, path) in part {
                let path: Vec<String> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { new_id() } else { part.to_owned() })
                    .collect();
                let (body, kind): (&[u8], _) =
                    if method == "GET" || method == "DELETE" { (b"", "") } else { (b"{}", "application/json") };
                let reply = user.session.send(method, &path.join("/"), body, kind);
                refused += usize::from(reply.status == 403);
            }
            let told = log(&org.admin, &format!("filter[actor_id]={}&filter[outcome]=denied", user.id));
            assert_eq!(told.len(), refused, "{role}: {part:?}\n{:?}", types(&told));
        }
    }

    pub(super) fn right_changes_are_told_apart(engine: Engine) {
        let org = Org::new(engine);
        let (top, team) = (org.team(None), org.team(None));
        let seller = org.user("salesperson", None);
        let path = format!("/v1/users/{}", seller.id);
        let _ = org.admin.patch(&path, &json!({"name": "改名"})).expect(200);
        let _ = org
            .admin
            .with("x-change-reason", "promoted")
            .patch(&path, &json!({"role": "manager", "team_id": team}))
            .expect(200);
        let _ = org.admin.patch(&path, &json!({"disabled": true})).expect(200);
        let _ = org.admin.patch(&format!("/v1/teams/{team}"), &json!({"parent_id": top})).expect(200);
        let login = format!("invited{}@{}.test", unique(), org.slug);
        let _ =
            org.admin.post("/v1/users", &json!({"name": "受邀", "email": login, "role": "salesperson"})).expect(201);
        let form = json!({"name": "表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}]});
        let form = org.admin.post("/v1/forms", &form).expect(201).json();
        let reply = org.admin.get("/v1/audit?limit=500&filter[class]=admin").expect(200);
        for secret in [&form["hook_key"], &form["public_key"], &json!(login)] {
            assert!(!reply.text.contains(secret.as_str().unwrap()), "{}", reply.text);
        }
        let entries = reply.data();
        let of = |event: &str| entries.iter().filter(|entry| entry["type"] == event).collect::<Vec<_>>();
        assert_eq!(of("form.keys_created")[0]["record_id"], form["id"]);
        assert_eq!(of("user.invited").len(), 1);
        assert_eq!(of("team.moved")[0]["details"], json!({"before": {"parent_id": null}, "after": {"parent_id": top}}));
        assert_eq!(of("organisation.created").len(), 1);
        let rights: Vec<&Value> =
            of("user.rights_changed").into_iter().filter(|entry| entry["record_id"] == json!(seller.id)).collect();
        let was = json!({"role": "salesperson", "other_roles": [], "team_id": null, "disabled": false});
        let is = json!({"role": "manager", "other_roles": [], "team_id": team, "disabled": false});
        let gone = json!({"role": "manager", "other_roles": [], "team_id": team, "disabled": true});
        let told: Vec<Value> = rights.iter().map(|entry| entry["details"].clone()).collect();
        assert_eq!(
            told,
            [
                json!({"before": is, "after": gone}),
                json!({"before": was, "after": is}),
                json!({"before": null, "after": was})
            ]
        );
        assert_eq!(rights[1]["reason"], "promoted");
    }

    pub(super) fn signing_in_has_its_outcomes(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let nobody = Session::anonymous(&engine.base());
        let sign_in =
            |password: &str| nobody.post("/v1/auth/login", &json!({"login": user.login, "password": password}));
        let _ = sign_in("Wrong-Horse-2026").expect(401);
        let change = json!({"old_password": "Wrong-Horse-2026", "new_password": "Better-Horse-2026"});
        let _ = user.session.post("/v1/me/password", &change).expect(422);
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"disabled": true})).expect(200);
        let _ = sign_in(PASSWORD).expect(401);
        let entries = log(&org.admin, &format!("filter[record_id]={}&filter[class]=security", user.id));
        let told: Vec<(&str, &str)> =
            entries.iter().map(|e| (e["type"].as_str().unwrap(), e["outcome"].as_str().unwrap())).collect();
        assert_eq!(
            told,
            [
                ("sign_in.failed", "denied"),
                ("password.refused", "failed"),
                ("sign_in.failed", "failed"),
                ("sign_in.succeeded", "ok"),
                ("password.changed", "ok"),
            ]
        );
        assert!(!log(&org.admin, "filter[outcome]=failed").is_empty());
    }

    pub(super) fn reading_it_is_told_once(engine: Engine) {
        let org = Org::new(engine);
        for _ in 0..3 {
            let page = org.admin.get("/v1/audit?filter[class]=admin&limit=1").expect(200).json();
            let next = page["page"]["next"].as_str().unwrap();
            let _ = org.admin.get(&format!("/v1/audit?filter[class]=admin&limit=1&after={next}")).expect(200);
            let _ = org.admin.get("/v1/audit?sort=seq").expect(200);
        }
        let entries = log(&org.admin, "filter[class]=access");
        let asked: Vec<&Value> = entries.iter().map(|entry| &entry["details"]["question"]).collect();
        let first = json!({"sort": "-at", "filter": {"class": "admin"}});
        assert_eq!(asked, [&json!({"sort": "seq", "filter": {}}), &first]);
        assert!(entries.iter().all(|entry| entry["actor"]["id"] == json!(me(&org.admin))));
    }

    pub(super) fn nothing_sealed_stands_in_the_header(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let body = json!({"name": "金丝雀有限公司", "kind": "company", "phones": [phone], "address": "北京市海淀区金丝雀路7号"});
        let seller = org.user("salesperson", None);
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let _ = seller.session.post("/v1/lookup", &json!({"phone": phone})).expect(200);
        let _ = seller.session.post("/v1/customers", &body).expect(409);
        let nobody = Session::anonymous(&engine.base());
        let _ = nobody.post("/v1/auth/login", &json!({"login": phone, "password": "Wrong-Horse-2026"})).expect(401);
        for mut entry in log(&org.admin, "") {
            if entry["record_id"] == json!(id) {
                assert!(entry["changes"].to_string().contains(&phone), "an administrator sees all of it");
            }
            entry["changes"] = json!(null);
            assert!(!entry.to_string().contains(&phone[3..]), "{entry}");
            assert!(!entry.to_string().contains("金丝雀"), "{entry}");
        }
    }
}
