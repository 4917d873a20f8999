//! Segments that stay right: when a tag is called otherwise, merged or gone, and for whoever sees less than their maker.

kehu_tests::on_both_engines!(
    a_tag_is_meant_whatever_it_is_called,
    a_merged_tag_is_followed,
    a_deleted_tag_fits_nothing_and_stands_in_no_way,
    a_tag_that_is_not_there_is_refused_with_its_place,
    who_may_not_order_by_it_has_the_order_of_the_list,
    what_is_too_expensive_is_named_and_the_others_are_counted,
);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kehu_tests::cluster::Session as Database;
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, Session, company, new_id, own_postgres};
    use serde_json::{Value, json};

    fn tag(org: &Org, name: &str) -> String {
        org.admin.post("/v1/tags", &json!({"name": name})).expect(201).id()
    }

    /// A customer, whose contact carries the same tags.
    fn customer(session: &Session, name: &str, tags: &[&str]) -> String {
        let mut body = company(name);
        body["tags"] = json!(tags);
        body["contacts"] = json!([{"name": "周芷若", "tags": tags}]);
        session.post("/v1/customers", &body).expect(201).id()
    }

    fn segment(session: &Session, filter: &Value) -> String {
        let body = json!({"name": "分群", "kind": "customer", "type": "live", "where": filter});
        session.post("/v1/segments", &body).expect(201).id()
    }

    fn path(id: &str) -> String {
        format!("/v1/segments/{id}")
    }

    fn shown(session: &Session, id: &str) -> Value {
        session.get(&path(id)).expect(200).json()
    }

    fn members(session: &Session, id: &str) -> Vec<String> {
        let data = session.get(&format!("/v1/segments/{id}/members?sort=name")).expect(200).data();
        data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn is(field: &str, value: impl Into<Value>) -> Value {
        json!({"field": field, "value": value.into()})
    }

    pub(super) fn a_tag_is_meant_whatever_it_is_called(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let (vip, east) = (tag(&org, "VIP"), tag(&org, "华东"));
        let one = customer(admin, "甲有限公司", &["VIP", "华东"]);
        let _ = customer(admin, "乙有限公司", &["华东"]);
        let said = |vip: &str| {
            json!({"and": [
                is("tags", vip), {"field": "tags", "op": "has_all", "value": [vip, east]},
                is("contacts.tags", vip), {"related": "contacts", "where": is("tags", vip)},
            ]})
        };
        let told = |vip: &str, east: &str| {
            let mut told = said(vip);
            told["and"][1]["value"][1] = json!(east);
            told
        };
        let id = segment(admin, &said("vip"));
        assert_eq!(shown(admin, &id)["where"], told("VIP", "华东"), "by their names, as they are");
        assert_eq!(members(admin, &id), [one.as_str()]);
        let _ = admin.patch(&format!("/v1/tags/{vip}"), &json!({"name": "大客户"})).expect(200);
        let _ = admin.patch(&format!("/v1/tags/{east}"), &json!({"name": "东区"})).expect(200);
        assert_eq!(members(admin, &id), [one.as_str()]);
        let now = shown(admin, &id);
        assert_eq!((&now["where"], &now["version"]), (&told("大客户", "东区"), &json!(1)));
        let listed = admin.get("/v1/segments").expect(200).data();
        assert_eq!(listed[0]["where"], now["where"]);
        // What was given may be sent back, and to a search.
        assert_eq!(admin.patch(&path(&id), &now).expect(200).json()["version"], 1);
        let found = admin.post("/v1/customers/search", &json!({"where": now["where"]})).expect(200).data();
        assert_eq!((found.len(), &found[0]["id"]), (1, &json!(one)));
        // By ids it is the same.
        assert_eq!(admin.patch(&path(&id), &json!({"where": said(&vip)})).expect(200).json()["version"], 1);
        let changed = admin.patch(&path(&id), &json!({"where": is("tags", vip.to_uppercase())})).expect(200).json();
        assert_eq!((&changed["where"], &changed["version"]), (&is("tags", "大客户"), &json!(2)));
        // Who says by its name what stands there has changed nothing, however long ago he looked.
        let old = admin.with("if-match", "\"1-0\"");
        let same = old.patch(&path(&id), &json!({"where": is("tags", "大客户")})).expect(200).json();
        assert_eq!(same["version"], 2);
        let conflict = old.patch(&path(&id), &json!({"where": is("tags", "东区")})).expect(412).json();
        assert_eq!(conflict["conflicts"][0]["field"], "where", "{conflict}");
        let history = admin.get(&format!("{}/history", path(&id))).expect(200).data();
        let change = history[0]["changes"].as_array().unwrap().iter().find(|one| one["field"] == "where").unwrap();
        assert_eq!((&change["from"], &change["to"]), (&now["where"], &changed["where"]), "by names there too");
        // The old name is another tag's now.
        let _ = tag(&org, "VIP");
        assert_eq!(members(admin, &id), [one.as_str()]);
    }

    pub(super) fn a_merged_tag_is_followed(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let seller = org.user("salesperson", None);
        let (from, into) = (tag(&org, "意向"), tag(&org, "采购意向"));
        let one = customer(&seller.session, "甲有限公司", &["意向"]);
        let both = json!({"field": "tags", "op": "in", "value": [into, "意向"]});
        let private = segment(&seller.session, &is("tags", "意向"));
        let (list, deleted) = (segment(admin, &both), segment(admin, &is("contacts.tags", from.as_str())));
        let apart = segment(admin, &is("stage", "lost"));
        let _ = admin.delete(&path(&deleted)).expect(204);
        let _ = admin.post(&format!("/v1/tags/{from}/merge"), &json!({"into": into})).expect(200);
        assert_eq!(members(&seller.session, &private), [one.as_str()]);
        let now = shown(&seller.session, &private);
        assert_eq!((&now["where"], &now["version"]), (&is("tags", "采购意向"), &json!(2)));
        let history = seller.session.get(&format!("{}/history", path(&private))).expect(200).data();
        assert_eq!(history[0]["type"], "segment.updated");
        assert_eq!(shown(admin, &list)["where"]["value"], json!(["采购意向"]), "none stands twice");
        let _ = admin.post(&format!("{}/restore", path(&deleted)), &json!({})).expect(200);
        assert_eq!(shown(admin, &deleted)["where"], is("contacts.tags", "采购意向"));
        assert_eq!(members(admin, &deleted), [one.as_str()]);
        assert_eq!(shown(admin, &apart)["version"], 1);
        // A tag that has the name from now on is another one.
        let other = tag(&org, "意向");
        assert_eq!(members(&seller.session, &private), [one.as_str()]);
        // Once more, and on.
        let _ = admin.post(&format!("/v1/tags/{into}/merge"), &json!({"into": other})).expect(200);
        assert_eq!(shown(&seller.session, &private)["where"], is("tags", "意向"));
        assert_eq!(members(&seller.session, &private), [one.as_str()]);
    }

    pub(super) fn a_deleted_tag_fits_nothing_and_stands_in_no_way(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let (gone, stays) = (tag(&org, "展会"), tag(&org, "老客户"));
        let one = customer(admin, "甲有限公司", &["展会", "老客户"]);
        let any = |first: &str| json!({"field": "tags", "op": "has_any", "value": [first, "老客户"]});
        let only = segment(admin, &is("tags", "展会"));
        let id = segment(admin, &any("展会"));
        let _ = admin.delete(&format!("/v1/tags/{gone}")).expect(204);
        assert!(members(admin, &only).is_empty());
        assert_eq!(members(admin, &id), [one.as_str()]);
        let now = shown(admin, &id);
        assert_eq!(now["where"], any(&gone), "by its id: it has no name any more");
        let renamed = admin.patch(&path(&only), &json!({"name": "展会客户"})).expect(200).json();
        assert_eq!((&renamed["name"], &renamed["where"]), (&json!("展会客户"), &is("tags", gone.as_str())));
        assert_eq!(admin.patch(&path(&id), &now).expect(200).json()["version"], 1, "sent back whole");
        let narrower = json!({"and": [any(&gone), is("stage", "active")]});
        let _ = admin.patch(&path(&id), &json!({"where": narrower})).expect(200);
        // Elsewhere it is no tag.
        let body = json!({"name": "另一个", "kind": "customer", "type": "live", "where": any(&gone)});
        let refused = admin.post("/v1/segments", &body).expect(422).errors();
        assert_eq!(refused, [("/where/value/0".to_owned(), "reference_unknown".to_owned())]);
        let _ = admin.post(&format!("/v1/tags/{gone}/restore"), &json!({})).expect(200);
        assert_eq!(shown(admin, &only)["where"], is("tags", "展会"));
        let _ = stays;
    }

    pub(super) fn a_tag_that_is_not_there_is_refused_with_its_place(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let _ = tag(&org, "VIP");
        let id = segment(admin, &is("tags", "VIP"));
        let nobody = new_id();
        let long = "长".repeat(51);
        for (filter, places) in [
            (is("tags", "没有的标签"), vec!["/where/value"]),
            (
                json!({"and": [{"not": {"field": "tags", "op": "nin", "value": ["VIP", "没有", nobody]}}, is("contacts.tags", long)]}),
                vec!["/where/and/0/not/value/1", "/where/and/0/not/value/2", "/where/and/1/value"],
            ),
            (json!({"related": "contacts", "where": is("tags", nobody.as_str())}), vec!["/where/where/value"]),
        ] {
            let expected: Vec<(String, String)> =
                places.iter().map(|at| ((*at).to_owned(), "reference_unknown".to_owned())).collect();
            let body = json!({"name": "不通", "kind": "customer", "type": "live", "where": filter});
            assert_eq!(admin.post("/v1/segments", &body).expect(422).errors(), expected, "{filter}");
            let refused = admin.patch(&path(&id), &json!({"where": filter})).expect(422);
            assert_eq!(refused.errors(), expected, "{filter}");
            // In a list it is a question like any other: no record has it.
            let _ = admin.post("/v1/customers/search", &json!({"where": filter})).expect(200);
        }
        let refused = admin.with("accept-language", "zh-CN");
        let refused = refused.patch(&path(&id), &json!({"where": is("tags", "没有的标签")})).expect(422);
        assert!(refused.text.contains("没有的标签"), "{}", refused.text);
        assert_eq!(admin.get("/v1/tags?filter[name]=x").expect(200).data().len(), 0);
        assert_eq!(admin.get("/v1/tags").expect(200).data().len(), 1, "none was made");
        assert_eq!(shown(admin, &id)["where"], is("tags", "VIP"));
    }

    pub(super) fn who_may_not_order_by_it_has_the_order_of_the_list(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {
            "customer": {"read": ["all"], "fields": {"last_follow_up_at": {"sees": "hidden"}}},
            "segment": {"read": ["own", "team", "shared"]},
        }});
        let role = json!({"key": "no_times", "name": "不看跟进时间", "rights": rights});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let user = org.user("no_times", None);
        let field = json!({"kind": "customer", "key": "level", "type": "number", "label": {"zh-CN": "级别"}, "filterable": true});
        let field = org.admin.post("/v1/fields", &field).expect(201).id();
        for at in 0..4 {
            let id = customer(&org.admin, &format!("客户{at}有限公司"), &[]);
            let seen = json!({"customer_id": id, "kind": "call", "summary": "问候",
                "happened_at": format!("2026-01-0{}T08:00:00Z", [3, 1, 4, 2][at])});
            let _ = org.admin.post("/v1/follow_ups", &seen).expect(201);
        }
        let body = |sort: &str| {
            json!({"name": sort, "kind": "customer", "type": "live", "shared": "everybody", "sort": sort,
                "where": {"field": "id", "op": "is_null", "value": false}})
        };
        let order = |session: &Session, path: &str| -> Vec<Value> {
            session.get(path).expect(200).data().iter().map(|one| one["id"].clone()).collect()
        };
        let id = org.admin.post("/v1/segments", &body("last_follow_up_at")).expect(201).id();
        let members = format!("/v1/segments/{id}/members");
        let of_list = order(&user.session, "/v1/customers");
        assert_eq!(order(&user.session, &members), of_list);
        let own = order(&org.admin, &members);
        assert_eq!(own, order(&org.admin, "/v1/customers?sort=last_follow_up_at"));
        assert_ne!(own, of_list, "whoever may has the segment's own");
        let first = user.session.get(&format!("{members}?limit=3")).expect(200).json();
        let next = first["page"]["next"].as_str().unwrap();
        assert_eq!(order(&user.session, &format!("{members}?limit=3&after={next}")), of_list[3..]);
        // What somebody asks for himself is refused as ever.
        let refused = user.session.get(&format!("{members}?sort=last_follow_up_at")).expect(400);
        assert_eq!(refused.errors(), [("sort".to_owned(), "sort_unknown".to_owned())]);
        // The same where a field is gone for everybody.
        for _ in 0..200 {
            if org.admin.get(&format!("/v1/fields/{field}")).expect(200).json()["indexed"] == true {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let id = org.admin.post("/v1/segments", &body("custom.level")).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/fields/{field}")).expect(204);
        assert_eq!(order(&org.admin, &format!("/v1/segments/{id}/members")), order(&org.admin, "/v1/customers"));
    }

    /// How many customers there are of which the names are made too long to be read in time.
    const MANY: usize = 50;

    /// Makes what customers are compared by when a part of their name is asked for a megabyte long.
    fn lengthen(home: &Home) {
        match home.database_url() {
            Some(url) => Database::open(url).run("UPDATE customers SET name_norm = repeat('ab', 500000)"),
            None => {
                let database = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
                database.busy_timeout(Duration::from_secs(10)).unwrap();
                let sql = "UPDATE customers SET name_norm = replace(hex(zeroblob(500000)), '00', 'ab')";
                database.execute_batch(sql).unwrap();
            }
        }
    }

    pub(super) fn what_is_too_expensive_is_named_and_the_others_are_counted(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let server = home.start();
        let admin = &server.admin();
        let bodies: Vec<Value> = (0..MANY).map(|at| company(&format!("长名{at}有限公司"))).collect();
        let _ = admin.post("/v1/customers/batch", &json!({"items": bodies})).expect(200);
        lengthen(&home);
        // No index knows signs: each name is read from end to end for each pair of them.
        let signs = ["!", "#", "$", "&", "*", "+", "=", "?", "@", "~"];
        let pairs: Vec<Value> = signs[..8]
            .iter()
            .flat_map(|one| signs.map(|other| format!("{one}{other}")))
            .map(|pair| json!({"field": "name", "op": "contains", "value": pair}))
            .collect();
        let parts: Vec<Value> =
            pairs.chunks(20).map(|part| is("segment", segment(admin, &json!({"or": part})))).collect();
        let slow = segment(admin, &json!({"or": parts}));
        let [cheap, last] = ["potential", "potential"].map(|stage| segment(admin, &is("stage", stage)));
        let nobody = new_id();
        let counts = admin.post("/v1/segments/counts", &json!({"ids": [cheap, slow, nobody, last]})).expect(200).data();
        let told: Vec<(&Value, &Value, &Value)> =
            counts.iter().map(|one| (&one["count"], &one["count_is"], &one["error"]["code"])).collect();
        let (null, many, exact) = (Value::Null, json!(MANY), json!("exact"));
        let counted = (&many, &exact, &null);
        let (expensive, unknown) = (json!("too_expensive"), json!("not_found"));
        assert_eq!(told, [counted, (&null, &null, &expensive), (&null, &null, &unknown), counted]);
        let named = |problem: &Value, at: &str| {
            assert_eq!(problem["code"], "too_expensive", "{problem}");
            let error = &problem["errors"][0];
            let place = if at.starts_with('/') { &error["pointer"] } else { &error["parameter"] };
            assert_eq!(place, at, "{problem}");
            let fast = error["params"]["fast"].as_str().unwrap();
            assert!(fast.contains("owner_id + stage (sort=updated_at)"), "the fast questions of the kind: {fast}");
        };
        named(&counts[1]["error"], "/ids/1");
        let by_segment = is("segment", slow.as_str());
        named(&admin.get(&format!("{}/members", path(&slow))).expect(400).json(), "filter");
        named(&admin.get(&format!("{}/count", path(&slow))).expect(400).json(), "filter");
        named(&admin.post("/v1/customers/search", &json!({"where": by_segment})).expect(400).json(), "/where");
        let facets = json!({"where": by_segment, "by": ["stage"]});
        named(&admin.post("/v1/customers/facets", &facets).expect(400).json(), "/where");
        let all = json!({"kind": "customer", "where": is("stage", "potential")});
        let body =
            json!({"all": all, "too/slow": {"kind": "customer", "where": by_segment}, "contacts": {"kind": "contact"}});
        named(&admin.post("/v1/counts", &body).expect(400).json(), "/too~1slow");
        let told = admin.post("/v1/counts", &json!({"all": all})).expect(200).json();
        assert_eq!(told["all"]["count"], MANY);
    }
}
