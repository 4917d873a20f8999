//! Deleting: what would go is told before, what went comes back, and its keys are free meanwhile. For every kind that
//! can be deleted, as the description lists them.

kehu_tests::on_both_engines!(
    every_kind_comes_back_and_frees_its_keys,
    what_would_go_is_told_and_nothing_is_written,
    children_out_of_sight_are_counted_and_not_shown,
    what_stays_is_counted,
    what_stands_against_it_is_told_as_the_deletion_would,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, company, mobile, unique};
    use serde_json::{Value, json};

    /// The collections whose records can be deleted.
    fn collections(org: &Org) -> Vec<String> {
        let document = org.admin.get("/openapi.json").expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        let can = |path: &&String| paths.contains_key(&format!("{path}/{{id}}/restore"));
        paths.keys().filter(can).cloned().collect()
    }

    /// A new record of a kind, and the place that a second one with the same keys is refused at, where it has keys.
    fn record(org: &Org, collection: &str) -> (Value, Option<&'static str>) {
        let customer = || org.admin.post("/v1/customers", &company("所属有限公司")).expect(201).id();
        match collection {
            "/v1/customers" => (company("来去有限公司"), Some("/phones/0")),
            "/v1/contacts" => {
                (json!({"customer_id": customer(), "name": "周芷若", "phones": [mobile()]}), Some("/phones/0"))
            }
            "/v1/follow_ups" => {
                let at = "2026-01-02T03:04:05Z";
                (json!({"customer_id": customer(), "kind": "call", "summary": "问候", "happened_at": at}), None)
            }
            "/v1/tags" => (json!({"name": format!("标签{}", unique())}), Some("/name")),
            "/v1/roles" => {
                let key = format!("role_{}", unique());
                let rights = json!({"customer": {"read": ["all"]}});
                (json!({"key": key, "name": format!("角色{}", unique()), "rights": {"kinds": rights}}), Some("/key"))
            }
            "/v1/forms" => {
                let fields = json!([{"key": "mobile", "maps_to": "customer.phone"}]);
                (json!({"name": format!("表单{}", unique()), "fields": fields}), None)
            }
            "/v1/fields" => {
                let key = format!("field_{}", unique());
                let label = json!({"zh-CN": "字段", "en": "Field"});
                (json!({"kind": "customer", "key": key, "type": "text", "label": label}), Some("/key"))
            }
            "/v1/entry_rules" => (
                json!({"kind": "customer", "field": "remark", "check": {"type": "required"}, "severity": "warn"}),
                None,
            ),
            "/v1/segments" => (json!({"name": "名单", "kind": "customer", "type": "static"}), None),
            "/v1/notes" => (json!({"record_kind": "customer", "record_id": customer(), "body": "备忘"}), None),
            "/v1/attachments" => (json!({"kind": "customer", "record_id": customer(), "name": "报价.csv"}), None),
            other => panic!("{other} can be deleted: say in record() what a new one of it is"),
        }
    }

    /// Makes a record; a file comes with its bytes.
    fn make(org: &Org, collection: &str, body: &Value) -> Reply {
        let text = |name: &str| body[name].as_str().unwrap();
        match collection {
            "/v1/attachments" => {
                org.admin.attach(text("kind"), text("record_id"), text("name"), "名称,数量\n".as_bytes())
            }
            _ => org.admin.post(collection, body),
        }
    }

    pub(super) fn every_kind_comes_back_and_frees_its_keys(engine: Engine) {
        let org = Org::new(engine);
        let collections = collections(&org);
        assert!(collections.len() >= 6, "{collections:?}");
        for collection in collections {
            let (body, key) = record(&org, &collection);
            let first = make(&org, &collection, &body).expect(201).json();
            let path = format!("{collection}/{}", first["id"].as_str().unwrap());
            let _ = org.admin.delete(&path).expect(204);
            let _ = org.admin.get(&path).expect(404);
            let back = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200).json();
            assert_eq!(back["version"], 3, "{collection}");
            for (name, value) in first.as_object().unwrap() {
                let follows = ["version", "updated_at", "public_key", "hook_key", "slot", "indexed", "warnings"]
                    .contains(&name.as_str());
                assert!(follows || back[name] == *value, "{collection}: {name} is {} after all", back[name]);
            }
            let mut body = body;
            if collection == "/v1/contacts" {
                // Of one customer several may have the same phone.
                body["customer_id"] = record(&org, &collection).0["customer_id"].clone();
            }
            if let Some(key) = key {
                let taken = make(&org, &collection, &body);
                assert!([409, 422].contains(&taken.status), "{collection} took {key} twice: {}", taken.text);
                assert!(taken.text.contains(key) || taken.code() == "duplicate", "{collection}: {}", taken.text);
            }
            let _ = org.admin.delete(&path).expect(204);
            // Free: somebody else has them now.
            let second = make(&org, &collection, &body).expect(201).id();
            assert_ne!(second, first["id"].as_str().unwrap());
            let restored = org.admin.post(&format!("{path}/restore"), &json!({}));
            if key.is_some() {
                assert_eq!((restored.status, restored.code().as_str()), (409, "duplicate"), "{collection}");
                assert_eq!(restored.errors()[0].1, "taken_meanwhile", "{collection}");
                let _ = org.admin.get(&path).expect(404);
                let _ = org.admin.delete(&format!("{collection}/{second}")).expect(204);
                let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
            } else {
                let _ = restored.expect(200);
            }
        }
    }

    pub(super) fn what_would_go_is_told_and_nothing_is_written(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("枝繁叶茂有限公司");
        body["contacts"] =
            (0..7).map(|at| json!({"name": format!("周{}", "甲乙丙丁戊己庚".chars().nth(at).unwrap())})).collect();
        let made = org.admin.post("/v1/customers", &body).expect(201);
        let tag = made.header("etag").unwrap().to_owned();
        let made = made.json();
        let id = made["id"].as_str().unwrap();
        let path = format!("/v1/customers/{id}");
        let follow_up =
            json!({"customer_id": id, "kind": "call", "summary": "问候", "happened_at": "2026-01-02T03:04:05Z"});
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        let before = org.admin.get(&path).expect(200).text;
        let entries = || org.admin.get(&format!("{path}/history")).expect(200).data().len();
        let written = entries();
        let shown = org.admin.delete(&format!("{path}?dry_run=true")).expect(200).json();
        assert_eq!((&shown["record"]["id"], &shown["record"]["name"]), (&made["id"], &made["name"]));
        assert_eq!(shown["record"]["kind"], "customer");
        let children = shown["children"].as_array().unwrap();
        let of = |kind: &str| children.iter().find(|child| child["kind"] == kind).unwrap_or_else(|| panic!("{shown}"));
        assert_eq!(of("contact")["count"], 7);
        let examples = of("contact")["examples"].as_array().unwrap();
        assert_eq!(examples.len(), 5);
        assert!(examples.iter().all(|one| one["name"].as_str().unwrap().starts_with('周')), "{examples:?}");
        assert_eq!((&of("follow_up")["count"], &of("follow_up")["examples"][0]["name"]), (&json!(1), &Value::Null));
        assert_eq!((org.admin.get(&path).expect(200).text, entries()), (before, written), "nothing is written");
        // With the version and the parameters of the deletion itself.
        let stale = org.admin.with("if-match", &tag);
        let _ = stale.delete(&format!("{path}?dry_run=true")).expect(412);
        let _ = stale.delete(&path).expect(412);
        let wrong = org.admin.delete(&format!("{path}?dry_run=maybe")).expect(400);
        assert_eq!(wrong.errors(), [("dry_run".to_owned(), "parameter_invalid".to_owned())]);
        let _ = org.admin.delete(&format!("{path}?dry_run=false")).expect(204);
        let _ = org.admin.delete(&format!("{path}?dry_run=true")).expect(404);
    }

    pub(super) fn children_out_of_sight_are_counted_and_not_shown(engine: Engine) {
        let org = Org::new(engine);
        let rights =
            json!({"kinds": {"customer": {"read": ["all"], "delete": ["all"]}, "follow_up": {"read": ["own"]}}});
        let role = json!({"key": "cleaner", "name": "清理", "rights": rights});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let cleaner = org.user("cleaner", None).session;
        let mut body = company("看不见有限公司");
        body["contacts"] = json!([{"name": "周不见"}]);
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let follow_up =
            json!({"customer_id": id, "kind": "call", "summary": "密谈", "happened_at": "2026-01-02T03:04:05Z"});
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        let shown = cleaner.delete(&format!("/v1/customers/{id}?dry_run=true")).expect(200);
        assert!(!shown.text.contains("周不见"), "{}", shown.text);
        for child in shown.json()["children"].as_array().unwrap().iter().filter(|child| child["count"] != 0) {
            assert_eq!((&child["count"], &child["examples"]), (&json!(1), &json!([])), "{child}");
        }
        // Who may not delete is not told either.
        let seller = org.user("salesperson", None).session;
        let told = seller.delete(&format!("/v1/customers/{id}?dry_run=true"));
        assert_eq!(told.status, seller.delete(&format!("/v1/customers/{id}")).status);
        assert!([403, 404].contains(&told.status));
    }

    pub(super) fn what_stays_is_counted(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("带标签有限公司");
        body["tags"] = json!(["重点"]);
        body["contacts"] = json!([{"name": "周芷若", "tags": ["重点"]}]);
        let customer = org.admin.post("/v1/customers", &body).expect(201).json();
        let _ = org.admin.post("/v1/customers", &json!({"name": "另一有限公司", "kind": "company", "tags": ["重点"]}));
        let tag = customer["tags"][0]["id"].as_str().unwrap();
        let shown = org.admin.delete(&format!("/v1/tags/{tag}?dry_run=true")).expect(200).json();
        let count = |shown: &Value, kind: &str| {
            let also = shown["also"].as_array().unwrap();
            also.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("{shown}"))["count"].clone()
        };
        assert_eq!((count(&shown, "customer"), count(&shown, "contact")), (json!(2), json!(1)));
        assert_eq!((&shown["record"]["name"], &shown["children"]), (&json!("重点"), &json!([])));
        let contact = org.admin.get("/v1/contacts").expect(200).data().remove(0);
        let follow_up = json!({
            "customer_id": customer["id"], "contact_id": contact["id"], "kind": "call", "summary": "问候",
            "happened_at": "2026-01-02T03:04:05Z",
        });
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        let path = format!("/v1/contacts/{}?dry_run=true", contact["id"].as_str().unwrap());
        let below = json!({"customer_id": contact["customer_id"], "name": "赵下属", "reports_to_id": contact["id"]});
        let _ = org.admin.post("/v1/contacts", &below).expect(201);
        let shown = org.admin.delete(&path).expect(200).json();
        assert_eq!((count(&shown, "follow_up"), count(&shown, "contact")), (json!(1), json!(1)));
    }

    pub(super) fn what_stands_against_it_is_told_as_the_deletion_would(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {"customer": {"read": ["all"]}}});
        let role = json!({"key": "reader", "name": "只读", "rights": rights});
        let role = org.admin.post("/v1/roles", &role).expect(201).id();
        let path = format!("/v1/roles/{role}");
        let shown = org.admin.delete(&format!("{path}?dry_run=true")).expect(200).json();
        assert_eq!(shown["record"]["name"], "只读");
        let _ = org.user("reader", None);
        let told = org.admin.delete(&format!("{path}?dry_run=true")).expect(422);
        assert_eq!(told.errors(), org.admin.delete(&path).expect(422).errors());
        assert_eq!(told.errors()[0].1, "role_in_use");
        let _ = org.admin.get(&path).expect(200);
    }
}
