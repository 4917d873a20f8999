//! Odd requests and crowds: what must not crash, double, or be half done.

kehu_tests::on_both_engines!(
    many_words_are_refused_not_died_of,
    every_kind_answers_every_order_and_search,
    one_of_two_primary_contacts_is_primary,
    a_contact_may_have_its_customers_number,
    an_old_answer_sent_back_merges,
    an_expansion_is_no_way_to_write,
    versions_that_cannot_be_are_refused,
    two_values_for_one_element_are_refused,
    a_tag_whose_name_was_taken_does_not_come_back,
    one_credit_code_makes_one_customer,
    batches_at_once_all_succeed,
    a_new_tag_that_many_name_at_once_is_one,
    a_heavy_customer_is_stored,
    days_begin_where_the_organisation_is,
    children_are_journaled_with_their_customer,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, encoded, mobile, unique};
    use serde_json::{Value, json};

    pub(super) fn many_words_are_refused_not_died_of(engine: Engine) {
        let org = Org::new(engine);
        let search = |body: &Value| org.admin.post("/v1/customers/search", body);
        assert_eq!(search(&json!({"q": "ab ".repeat(2000)})).expect(400).errors()[0].0, "/q");
        let long = json!({"where": {"field": "name", "op": "contains", "value": "字".repeat(5000)}});
        let _ = search(&long).expect(400);
        let many: Vec<String> = (0..400).map(|i| format!("标签{i}")).collect();
        let _ = search(&json!({"where": {"field": "tags", "op": "has_all", "value": many}})).expect(400);
        let _ = search(&json!({"q": "一 二 三 四 五 六 七 八"})).expect(200);
        let _ = org.admin.get("/healthz").expect(200);
    }

    pub(super) fn every_kind_answers_every_order_and_search(engine: Engine) {
        let org = Org::new(engine);
        let document = org.admin.get("/openapi.json").expect(200).json();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let Some(list) = methods.get("get").filter(|list| list["operationId"].as_str().unwrap().ends_with("_list"))
            else {
                continue;
            };
            if path.contains('{') {
                continue;
            }
            let named = |name: &str| {
                let all = list["parameters"].as_array().unwrap();
                let resolved = all.iter().map(|parameter| match parameter["$ref"].as_str() {
                    Some(to) => &document["components"]["parameters"][to.rsplit('/').next().unwrap()],
                    None => parameter,
                });
                resolved.into_iter().find(|parameter| parameter["name"] == name).cloned().unwrap_or_default()
            };
            for sort in named("sort")["schema"]["enum"].as_array().cloned().unwrap_or_default() {
                let _ = org.admin.get(&format!("{path}?sort={}", sort.as_str().unwrap())).expect(200);
            }
            let q = org.admin.get(&format!("{path}?q={}", encoded("名字")));
            assert!([200, 400].contains(&q.status), "{path}: {}", q.text);
            for member in named("filter")["schema"]["properties"].as_object().cloned().unwrap_or_default().keys() {
                let reply = org.admin.get(&format!("{path}?filter[{member}]=1"));
                assert!([200, 400].contains(&reply.status), "{path} {member}: {}", reply.text);
            }
        }
        for wrong in ["filter[created_at.gt]=-200000-01-01", "q=a%00"] {
            let _ = org.admin.get(&format!("/v1/customers?{wrong}")).expect(400);
        }
    }

    pub(super) fn one_of_two_primary_contacts_is_primary(engine: Engine) {
        let org = Org::new(engine);
        let contact = |name: &str| json!({"name": name, "primary": true});
        let body = json!({"name": "双主有限公司", "kind": "company", "contacts": [contact("周一"), contact("周二")]});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let contacts =
            org.admin.get(&format!("/v1/customers/{id}?expand=contacts")).expect(200).json()["contacts"].clone();
        let primary: Vec<&Value> =
            contacts.as_array().unwrap().iter().filter(|contact| contact["primary"] == true).collect();
        assert_eq!(primary.len(), 1);
        assert_eq!(primary[0]["name"], "周二", "the last one said");
        assert!(contacts.as_array().unwrap().iter().all(|contact| contact["version"] == 1));
    }

    pub(super) fn a_contact_may_have_its_customers_number(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let made = json!({"name": "同号有限公司", "kind": "company", "phones": [phone]});
        let id = org.admin.post("/v1/customers", &made).expect(201).id();
        let contact = json!({"customer_id": id, "name": "吴一", "phones": [phone]});
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/contacts/{contact}")).expect(204);
        let _ = org.admin.post(&format!("/v1/contacts/{contact}/restore"), &json!({})).expect(200);
        let other = org.admin.post("/v1/customers", &company("别家有限公司")).expect(201).id();
        let elsewhere = json!({"customer_id": other, "name": "吴二", "phones": [phone]});
        let _ = org.admin.post("/v1/contacts", &elsewhere).expect(409);
    }

    pub(super) fn an_old_answer_sent_back_merges(engine: Engine) {
        let org = Org::new(engine);
        let mut seen = org.admin.post("/v1/customers", &company("旧稿有限公司")).expect(201).json();
        let path = format!("/v1/customers/{}", seen["id"].as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"grade": "b"})).expect(200);
        let follow_up =
            json!({"customer_id": seen["id"], "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z"});
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        seen["stage"] = json!("active");
        let refused = org.admin.patch(&path, &seen).expect(412);
        assert_eq!(refused.json()["conflicts"][0]["field"], "grade", "the old answer would clear what was set since");
        seen.as_object_mut().unwrap().remove("grade");
        let merged = org.admin.patch(&path, &seen).expect(200).json();
        assert_eq!((&merged["stage"], &merged["grade"]), (&json!("active"), &json!("b")));
    }

    pub(super) fn an_expansion_is_no_way_to_write(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("展开有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let refused = org.admin.patch(&path, &json!({"contacts": [{"name": "新人"}]})).expect(422);
        assert_eq!(refused.errors()[0].0, "/contacts");
        let whole = org.admin.get(&format!("{path}?expand=contacts")).expect(200).json();
        assert_eq!(org.admin.patch(&path, &whole).expect(200).json()["version"], 1);
    }

    pub(super) fn versions_that_cannot_be_are_refused(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("版本有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let _ = org.admin.with("if-match", "\"99-ab\"").patch(&path, &json!({"remark": "x"})).expect(412);
        let _ = org.admin.with("if-match", "99").patch(&path, &json!({"remark": "x"})).expect(400);
        let wrong = org.admin.patch(&path, &json!({"version": "abc", "remark": "x"})).expect(422);
        assert_eq!(wrong.errors()[0].0, "/version");
    }

    pub(super) fn two_values_for_one_element_are_refused(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("元素二有限公司")).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let id = &made["phones"][0]["id"];
        let twice = json!({"phones": [{"id": id, "value": mobile()}, {"id": id, "value": mobile()}]});
        assert_eq!(org.admin.patch(&path, &twice).expect(422).errors()[0].1, "element_twice");
    }

    pub(super) fn a_tag_whose_name_was_taken_does_not_come_back(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/tags", &json!({"name": "来去"})).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/tags/{id}")).expect(204);
        let _ = org.admin.post("/v1/tags", &json!({"name": "来去"})).expect(201);
        let _ = org.admin.post(&format!("/v1/tags/{id}/restore"), &json!({})).expect(409);
    }

    pub(super) fn one_credit_code_makes_one_customer(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "信用有限公司", "kind": "company", "credit_code": "911101084JURQ2830A"});
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let send = || org.admin.post("/v1/customers", &body).status;
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    }

    pub(super) fn batches_at_once_all_succeed(engine: Engine) {
        let org = Org::new(engine);
        let items = |round: u64| -> Vec<Value> {
            let industry = ["IT", "MFG", "FIN", "EDU"];
            let item = |i: usize| {
                let mut body = company(&format!("并行{round}-{i}有限公司"));
                body["industry"] = json!(industry[(i + usize::try_from(round).unwrap()) % 4]);
                body["tags"] = json!([format!("标签{}", (u64::try_from(i).unwrap() + round) % 6)]);
                body
            };
            (0..30).map(item).collect()
        };
        std::thread::scope(|scope| {
            for round in 0..6 {
                let (org, items) = (&org, &items);
                scope.spawn(move || {
                    let done = org.admin.post("/v1/customers/batch", &json!({"items": items(round)}));
                    assert_eq!(done.status, 200, "{}", done.text);
                    let _ = org.admin.post("/v1/customers", &company("单独有限公司")).expect(201);
                });
            }
        });
        let page = org.admin.get("/v1/customers?count=exact&limit=1").expect(200).json();
        assert_eq!(page["page"]["count"], 186);
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 6);
    }

    pub(super) fn a_new_tag_that_many_name_at_once_is_one(engine: Engine) {
        let org = Org::new(engine);
        for round in 0..6 {
            std::thread::scope(|scope| {
                for _ in 0..12 {
                    scope.spawn(|| {
                        let mut body = company("同签有限公司");
                        body["tags"] = json!([format!("新签{round}")]);
                        let _ = org.admin.post("/v1/customers", &body).expect(201);
                    });
                }
            });
        }
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 6);
        assert_eq!(org.admin.get("/v1/customers?limit=100").expect(200).data().len(), 72);
    }

    pub(super) fn a_heavy_customer_is_stored(engine: Engine) {
        let org = Org::new(engine);
        let contact = |i: usize| json!({"name": "重一", "phones": [mobile(), mobile()], "emails": [format!("h{i}-{}@example.com", unique())]});
        let body = |count: usize| json!({"name": "重量有限公司", "kind": "company", "contacts": (0..count).map(contact).collect::<Vec<_>>()});
        let _ = org.admin.post("/v1/customers", &body(90)).expect(201);
        let refused = org.admin.post("/v1/customers", &body(101)).expect(422);
        assert_eq!(refused.errors()[0], ("/contacts".to_owned(), "list_too_long".to_owned()));
        let atomic = json!({"atomic": true, "items": (0..40).map(|_| body(20)).collect::<Vec<_>>()});
        let _ = org.admin.post("/v1/customers/batch", &atomic).expect(200);
    }

    pub(super) fn days_begin_where_the_organisation_is(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("时区有限公司")).expect(201).id();
        // 2026-11-22T23:30 in Shanghai is still the 22nd there, and 15:30 in UTC.
        let body = json!({"customer_id": id, "kind": "call", "summary": "x", "happened_at": "2026-11-22T17:30:00Z"});
        let _ = org.admin.post("/v1/follow_ups", &body).expect(201);
        let count = |query: &str| org.admin.get(&format!("/v1/follow_ups?{query}")).expect(200).data().len();
        assert_eq!(count("filter[happened_at.gte]=2026-11-23"), 1, "01:30 on the 23rd in Shanghai");
        assert_eq!(count("filter[happened_at.lt]=2026-11-23"), 0);
    }

    pub(super) fn children_are_journaled_with_their_customer(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "日志有限公司", "kind": "company", "contacts": [{"name": "记一"}]});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let contact = org.admin.get("/v1/contacts").expect(200).data()[0].clone();
        let _ = org.admin.delete(&format!("/v1/customers/{id}")).expect(204);
        let _ = org.admin.post(&format!("/v1/customers/{id}/restore"), &json!({})).expect(200);
        let back = org.admin.get(&format!("/v1/contacts/{}", contact["id"].as_str().unwrap())).expect(200).json();
        assert_eq!(back["version"], 3, "deleted and restored: two versions more");
    }
}
