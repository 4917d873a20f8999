//! Deleted records among the others: `deleted=include`, for whoever may delete such.

kehu_tests::on_both_engines!(
    a_deleted_record_is_read_and_listed_by_who_may_delete_it,
    every_kind_that_is_deleted_is_listed_so,
    nobody_else_sees_what_is_deleted,
    lists_with_deleted_records_are_walked_and_counted,
    what_leads_to_living_records_alone_is_refused,
    what_is_erased_is_not_among_them,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, Session, company, encoded, mobile, unique};
    use serde_json::{Value, json};

    fn make(session: &Session, name: &str) -> String {
        // Without phones, which not everybody who makes one may see.
        session.post("/v1/customers", &json!({"name": name, "kind": "company"})).expect(201).id()
    }

    fn gone(session: &Session, name: &str) -> String {
        let id = make(session, name);
        let _ = session.delete(&format!("/v1/customers/{id}")).expect(204);
        id
    }

    fn names(list: &[Value]) -> BTreeSet<String> {
        list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    pub(super) fn a_deleted_record_is_read_and_listed_by_who_may_delete_it(engine: Engine) {
        let org = Org::new(engine);
        let living = make(&org.admin, "仍在有限公司");
        let deleted = make(&org.admin, "已删有限公司");
        let path = format!("/v1/customers/{deleted}");
        let before = org.admin.get(&path).expect(200).json();
        assert_eq!(before.get("deleted_at"), None);
        let _ = org.admin.delete(&path).expect(204);
        let _ = org.admin.get(&path).expect(404);
        let one = org.admin.get(&format!("{path}?deleted=include")).expect(200);
        let shown = one.json();
        assert!(shown["deleted_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{shown}");
        assert_eq!((&shown["name"], &shown["version"], &shown["can"]), (&before["name"], &json!(2), &json!([])));
        let tag = one.header("etag").unwrap();
        let _ = org.admin.with("if-none-match", tag).get(&format!("{path}?deleted=include")).expect(304);
        // A living one says that it is not deleted.
        let other = org.admin.get(&format!("/v1/customers/{living}?deleted=include")).expect(200).json();
        assert_eq!((&other["deleted_at"], other.get("deleted_at").is_some()), (&Value::Null, true));
        assert_ne!(other["can"], json!([]));
        let list = org.admin.get("/v1/customers?deleted=include&can=true&sort=name").expect(200).data();
        assert_eq!(names(&list), set(&["仍在有限公司", "已删有限公司"]));
        assert!(list.iter().all(|one| one.get("deleted_at").is_some()));
        let found = org.admin.post(
            "/v1/customers/search",
            &json!({"deleted": "include", "where": {"field": "name", "op": "contains", "value": "已删"}}),
        );
        let found = found.expect(200).data();
        assert_eq!((found.len(), &found[0]["id"], &found[0]["deleted_at"]), (1, &json!(deleted), &shown["deleted_at"]));
        // Only what is asked for.
        let part = org.admin.get("/v1/customers?deleted=include&fields=id,deleted_at&sort=name").expect(200).data();
        assert!(part.iter().all(|one| one.as_object().unwrap().len() == 2), "{part:?}");
        let part = org.admin.get(&format!("/v1/customers/{living}?fields=id,deleted_at")).expect(200).json();
        assert_eq!(part, json!({"id": living, "deleted_at": null}));
        // Nothing else finds it, nor changes it.
        assert_eq!(names(&org.admin.get("/v1/customers").expect(200).data()), set(&["仍在有限公司"]));
        let _ = org.admin.patch(&format!("{path}?deleted=include"), &json!({"remark": "x"})).expect(400);
        let _ = org.admin.patch(&path, &json!({"remark": "x"})).expect(404);
        // Restored, what was read may be sent back whole.
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        let back = org.admin.get(&format!("{path}?deleted=include")).expect(200).json();
        assert_eq!(back["deleted_at"], Value::Null);
        let _ = org.admin.patch(&path, &back).expect(200);
        let refused = org.admin.patch(&path, &json!({"deleted_at": "2026-01-01T00:00:00.000Z"})).expect(422);
        assert_eq!(refused.errors(), [("/deleted_at".to_owned(), "read_only".to_owned())]);
        for wrong in ["only", "", "true"] {
            assert_eq!(
                org.admin.get(&format!("/v1/customers?deleted={wrong}")).expect(400).code(),
                "parameter_invalid"
            );
        }
        let refused = org.admin.post("/v1/customers/search", &json!({"deleted": true})).expect(400);
        assert_eq!(refused.errors(), [("/deleted".to_owned(), "parameter_invalid".to_owned())]);
    }

    pub(super) fn every_kind_that_is_deleted_is_listed_so(engine: Engine) {
        let org = Org::new(engine);
        let customer = make(&org.admin, "所属有限公司");
        let happened = "2026-01-02T03:04:05Z";
        let bodies = [
            ("contacts", json!({"customer_id": customer, "name": "周芷若"})),
            (
                "follow_ups",
                json!({"customer_id": customer, "kind": "call", "summary": "问候", "happened_at": happened}),
            ),
            ("notes", json!({"record_kind": "customer", "record_id": customer, "body": "备忘"})),
            ("tags", json!({"name": format!("标签{}", unique())})),
            ("segments", json!({"name": "名单", "kind": "customer", "type": "static"})),
            (
                "entry_rules",
                json!({"kind": "customer", "field": "remark", "check": {"type": "required"}, "severity": "warn"}),
            ),
        ];
        for (path, body) in bodies {
            let id = org.admin.post(&format!("/v1/{path}"), &body).expect(201).id();
            let _ = org.admin.delete(&format!("/v1/{path}/{id}")).expect(204);
            let one = org.admin.get(&format!("/v1/{path}/{id}?deleted=include")).expect(200).json();
            assert!(one["deleted_at"].is_string(), "{path}");
            let list = org.admin.get(&format!("/v1/{path}?deleted=include&limit=500")).expect(200).data();
            assert!(list.iter().any(|one| one["id"] == id), "{path}");
            assert!(
                !org.admin.get(&format!("/v1/{path}?limit=500")).expect(200).data().iter().any(|one| one["id"] == id)
            );
        }
        // What went along is deleted too.
        let contact =
            org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "同去"})).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/customers/{customer}")).expect(204);
        let _ = org.admin.get(&format!("/v1/contacts/{contact}?deleted=include&expand=customer")).expect(200);
        // People and teams are not deleted, and the address of a key names what lives.
        for path in ["users", "teams", "customers/by/number/1", "segments/0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f"] {
            let refused = org.admin.get(&format!("/v1/{path}?deleted=include"));
            let expected = if path.starts_with("segments") { 404 } else { 400 };
            assert_eq!(refused.status, expected, "{path}: {}", refused.text);
            if expected == 400 {
                assert_eq!(refused.errors(), [("deleted".to_owned(), "parameter_unknown".to_owned())], "{path}");
            }
        }
        let segment = json!({"name": "名单", "kind": "customer", "type": "static"});
        let segment = org.admin.post("/v1/segments", &segment).expect(201).id();
        let refused = org.admin.get(&format!("/v1/segments/{segment}/members?deleted=include")).expect(400);
        assert_eq!(refused.code(), "parameter_unknown");
    }

    /// Makes a role of those rights over customers; gives its key.
    fn role(org: &Org, customer: &Value) -> String {
        let key = format!("role_{}", unique());
        let rights = json!({"kinds": {"customer": customer}});
        let _ = org
            .admin
            .post("/v1/roles", &json!({"key": key, "name": format!("角色{key}"), "rights": rights}))
            .expect(201);
        key
    }

    pub(super) fn nobody_else_sees_what_is_deleted(engine: Engine) {
        let org = Org::new(engine);
        let deleted = gone(&org.admin, "他人已删有限公司");
        let reader = org.user(&role(&org, &json!({"read": ["all"], "create": ["own"], "update": ["all"]})), None);
        for refused in [
            reader.session.get(&format!("/v1/customers/{deleted}?deleted=include")),
            reader.session.get("/v1/customers?deleted=include"),
            reader.session.post("/v1/customers/search", &json!({"deleted": "include"})),
        ] {
            let refused = refused.expect(403);
            assert_eq!(refused.code(), "forbidden");
            let body = refused.json();
            assert_eq!(body["errors"][0]["code"], "right_missing", "{body}");
            assert_eq!(body["errors"][0]["params"]["right"], "customer.delete");
        }
        let body = reader.session.with("accept-language", "zh").get("/v1/customers?deleted=include").expect(403).json();
        assert_eq!(body["errors"][0]["message"], "该操作需要权限“customer.delete”。");
        // Who may delete his own sees his own.
        let rights = json!({"read": ["all"], "create": ["own"], "update": ["own"], "delete": ["own"]});
        let keeper = org.user(&role(&org, &rights), None);
        let own = gone(&keeper.session, "自己已删有限公司");
        let living = make(&org.admin, "他人仍在有限公司");
        let _ = keeper.session.get(&format!("/v1/customers/{own}?deleted=include")).expect(200);
        let _ = keeper.session.get(&format!("/v1/customers/{living}?deleted=include")).expect(200);
        let _ = keeper.session.get(&format!("/v1/customers/{deleted}?deleted=include")).expect(404);
        let seen = keeper.session.get("/v1/customers?deleted=include&count=exact").expect(200);
        assert_eq!(names(&seen.data()), set(&["自己已删有限公司", "他人仍在有限公司"]));
        assert_eq!(seen.json()["page"]["count"], 2);
        // What is shared may be changed, never deleted: whoever it was shared with does not see it among the deleted.
        let leader = org.user("manager", Some(&org.team(None)));
        let shared = make(&org.admin, "共享已删有限公司");
        let shares = json!({"collaborators": [{"user_id": leader.id, "access": "write"}]});
        let _ = org.admin.patch(&format!("/v1/customers/{shared}"), &shares).expect(200);
        assert_eq!(names(&leader.session.get("/v1/customers?deleted=include").expect(200).data()).len(), 1);
        let _ = org.admin.delete(&format!("/v1/customers/{shared}")).expect(204);
        let _ = leader.session.get(&format!("/v1/customers/{shared}?deleted=include")).expect(404);
        let seen = leader.session.get("/v1/customers?deleted=include&count=exact").expect(200);
        assert_eq!((seen.data().len(), &seen.json()["page"]["count"]), (0, &json!(0)));
        // Out of reach it stays, deleted or not.
        let rights = json!({"read": ["own"], "create": ["own"], "delete": ["all"]});
        let near = org.user(&role(&org, &rights), None);
        assert_eq!(near.session.get("/v1/customers?deleted=include").expect(200).data().len(), 0);
        let _ = near.session.get(&format!("/v1/customers/{deleted}?deleted=include")).expect(404);
        let other = Org::new(engine);
        let _ = other.admin.get(&format!("/v1/customers/{deleted}?deleted=include")).expect(404);
        assert_eq!(other.admin.get("/v1/customers?deleted=include").expect(200).data().len(), 0);
    }

    pub(super) fn lists_with_deleted_records_are_walked_and_counted(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let leader = org.user("manager", Some(&team));
        let ids: Vec<String> = (0..9).map(|at| make(&leader.session, &format!("走{at}有限公司"))).collect();
        for id in ids.iter().step_by(2) {
            let _ = leader.session.delete(&format!("/v1/customers/{id}")).expect(204);
        }
        for session in [&org.admin, &leader.session] {
            for sort in ["name", "-updated_at", "created_at", "last_follow_up_at"] {
                let (mut seen, mut after) = (Vec::new(), String::new());
                for number in 1.. {
                    let path = format!("/v1/customers?deleted=include&limit=2&sort={sort}");
                    let page = session.get(&format!("{path}{after}")).expect(200);
                    assert_eq!(session.get(&format!("{path}&page={number}")).expect(200).text, page.text, "{sort}");
                    seen.extend(page.data().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
                    match page.json()["page"]["next"].as_str() {
                        Some(next) => after = format!("&after={next}"),
                        None => break,
                    }
                }
                assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (9, 9), "{sort}: {seen:?}");
                if sort == "name" {
                    assert!(seen.is_sorted(), "{seen:?}");
                }
            }
            for count in ["exact", "estimate"] {
                let page =
                    session.get(&format!("/v1/customers?deleted=include&limit=2&count={count}")).expect(200).json();
                assert_eq!(
                    (&page["page"]["count"], &page["page"]["count_is"]),
                    (&json!(9), &json!("exact")),
                    "{count}"
                );
            }
            let part = session.get(&format!(
                "/v1/customers?deleted=include&filter[stage]=potential&filter[name]={}",
                encoded("走2有限公司")
            ));
            assert_eq!(part.expect(200).data().len(), 1);
        }
    }

    pub(super) fn what_leads_to_living_records_alone_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut body = company("找不到有限公司");
        body["phones"] = json!([phone]);
        body["external_ids"] = json!({"shop": "1"});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/customers/{id}")).expect(204);
        for path in ["q=shop", "filter[external_ids.shop]=1", "filter[remark.contains]=x"] {
            let refused = org.admin.get(&format!("/v1/customers?deleted=include&{path}")).expect(400);
            assert_eq!(refused.errors(), [("deleted".to_owned(), "parameter_invalid".to_owned())], "{path}");
        }
        let label = json!({"zh-CN": "故事", "en": "Story"});
        let story =
            json!({"kind": "customer", "key": "story", "type": "long_text", "label": label, "searchable": true});
        let _ = org.admin.post("/v1/fields", &story).expect(201);
        let told = json!({"field": "custom.story", "op": "is_null", "value": true});
        let refused = org.admin.post("/v1/customers/search", &json!({"deleted": "include", "where": told})).expect(400);
        assert_eq!(refused.errors(), [("/deleted".to_owned(), "parameter_invalid".to_owned())]);
        let asked = json!({"deleted": "include", "where": {"field": "phone", "value": phone}});
        let refused = org.admin.post("/v1/customers/search", &asked).expect(400);
        assert_eq!(refused.errors(), [("/deleted".to_owned(), "parameter_invalid".to_owned())]);
        let asked = json!({"deleted": "include", "where": {"field": "phone", "op": "is_null", "value": false}});
        assert_eq!(org.admin.post("/v1/customers/search", &asked).expect(200).data().len(), 1);
    }

    pub(super) fn what_is_erased_is_not_among_them(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "抹去有限公司", "kind": "company", "contacts": [{"name": "周忘"}]});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let contact = org.admin.get(&format!("{path}?expand=contacts")).expect(200).json()["contacts"][0]["id"].clone();
        let contact = format!("/v1/contacts/{}", contact.as_str().unwrap());
        let kept = gone(&org.admin, "留存有限公司");
        let job = org.admin.post(&format!("{path}/erase"), &json!({"reason": "本人要求"})).expect(202);
        // While the job runs, and once it is done.
        for _ in 0..2 {
            let _ = org.admin.get(&format!("{path}?deleted=include")).expect(404);
            let _ = org.admin.get(&format!("{contact}?deleted=include")).expect(404);
            let list = org.admin.get("/v1/customers?deleted=include").expect(200).data();
            assert_eq!(list.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), [json!(kept)]);
            assert_eq!(org.admin.get("/v1/contacts?deleted=include").expect(200).data().len(), 0);
            let _ = org.admin.done(job.header("location").unwrap(), 30);
        }
    }
}
