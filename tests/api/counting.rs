//! How many there are: counts of lists, pages by number, groups, several counts at once; and what may be done.

kehu_tests::on_both_engines!(
    a_short_list_is_estimated_exactly,
    pages_have_numbers_up_to_a_bound,
    pages_by_number_are_those_by_cursor,
    records_are_grouped_by_fields,
    records_are_grouped_by_periods_of_the_organisation,
    records_are_grouped_by_fields_of_ones_own,
    wrong_groups_are_named,
    several_counts_are_of_one_moment,
    wrong_counts_are_named,
    nothing_out_of_reach_is_counted,
    records_say_what_may_be_done,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kehu_tests::{Engine, Org, Session, company};
    use serde_json::{Value, json};

    fn make(session: &Session, bodies: &[Value]) -> Vec<String> {
        let made = session.post("/v1/customers/batch", &json!({"items": bodies})).expect(200);
        made.data().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    fn customers(session: &Session, count: usize) -> Vec<String> {
        make(session, &(0..count).map(|at| company(&format!("计数{at}有限公司"))).collect::<Vec<_>>())
    }

    pub(super) fn a_short_list_is_estimated_exactly(engine: Engine) {
        let org = Org::new(engine);
        customers(&org.admin, 7);
        let page = |query: &str| org.admin.get(&format!("/v1/customers?{query}")).expect(200).json()["page"].clone();
        for query in ["limit=2&count=estimate", "count=estimate", "limit=2&count=estimate&filter[stage]=potential"] {
            let page = page(query);
            assert_eq!((&page["count"], &page["count_is"]), (&json!(7), &json!("exact")), "{query}");
        }
        assert_eq!(page("count=estimate&filter[stage]=lost")["count"], 0);
        let body = json!({"count": "estimate", "limit": 3, "q": "计数"});
        assert_eq!(org.admin.post("/v1/customers/search", &body).expect(200).json()["page"]["count"], 7);
        let refused = org.admin.get("/v1/customers?count=all").expect(400);
        assert_eq!(refused.code(), "parameter_invalid");
    }

    pub(super) fn pages_have_numbers_up_to_a_bound(engine: Engine) {
        let org = Org::new(engine);
        customers(&org.admin, 3);
        for query in ["page=201", "page=11&limit=1000", "limit=500&page=21", "page=9223372036854775807"] {
            let refused = org.admin.get(&format!("/v1/customers?{query}")).expect(400);
            let code = if query.contains("1000") { "limit_invalid" } else { "use_cursor" };
            assert_eq!(refused.code(), code, "{query}");
        }
        let refused = org.admin.post("/v1/customers/search", &json!({"page": 201})).expect(400).json();
        assert_eq!((&refused["code"], &refused["errors"][0]["pointer"]), (&json!("use_cursor"), &json!("/page")));
        for query in ["page=0", "page=-1", "page=one", "page="] {
            assert_eq!(org.admin.get(&format!("/v1/customers?{query}")).expect(400).code(), "parameter_invalid");
        }
        let after = org.admin.get("/v1/customers?limit=1").expect(200).json()["page"]["next"].clone();
        let both = format!("/v1/customers?page=2&after={}", after.as_str().unwrap());
        assert_eq!(org.admin.get(&both).expect(400).code(), "parameter_invalid");
        // The last page that there may be.
        let last = org.admin.get("/v1/customers?page=200").expect(200).json();
        assert_eq!((&last["data"], &last["page"]["next"]), (&json!([]), &json!(null)));
        assert!(last["page"]["prev"].is_string(), "{last}");
    }

    /// Every page by its number is the one that cursors lead to, in both directions and in every order, whatever the
    /// parts of the reach.
    pub(super) fn pages_by_number_are_those_by_cursor(engine: Engine) {
        let org = Org::new(engine);
        let field = json!({"kind": "customer", "key": "level", "type": "number", "label": {"zh-CN": "级别", "en": "Level"}, "filterable": true});
        let field = org.admin.post("/v1/fields", &field).expect(201).id();
        let team = org.team(None);
        let (seller, leader) = (org.user("salesperson", Some(&team)), org.user("manager", Some(&team)));
        let body = |at: usize| {
            let mut body = company(&format!("页{at}有限公司"));
            if !at.is_multiple_of(3) {
                body["custom"] = json!({"level": at % 5});
            }
            body
        };
        make(&seller.session, &(0..9).map(body).collect::<Vec<_>>());
        make(&leader.session, &(9..17).map(body).collect::<Vec<_>>());
        make(&org.admin, &(17..20).map(body).collect::<Vec<_>>());
        wait_until_indexed(&org, &field);
        for (session, all) in [(&org.admin, 20), (&leader.session, 17), (&seller.session, 9)] {
            for sort in
                ["name", "-name", "-updated_at", "created_at", "last_follow_up_at", "custom.level", "-custom.level"]
            {
                let page = |rest: &str| {
                    session.get(&format!("/v1/customers?sort={sort}&limit=4&fields=id{rest}")).expect(200).json()
                };
                let mut by_cursor = page("");
                for number in 1.. {
                    let by_number = page(&format!("&page={number}"));
                    assert_eq!(by_number, by_cursor, "{sort}, page {number} of {all}");
                    let Some(next) = by_number["page"]["next"].as_str() else {
                        let here = by_number["data"].as_array().unwrap().len();
                        assert_eq!((number - 1) * 4 + here, all, "{sort}");
                        break;
                    };
                    by_cursor = page(&format!("&after={next}"));
                    assert_eq!(
                        page(&format!("&after={}", by_cursor["page"]["prev"].as_str().unwrap()))["data"],
                        by_number["data"]
                    );
                }
            }
        }
    }

    fn wait_until_indexed(org: &Org, field: &str) {
        let indexed = || org.admin.get(&format!("/v1/fields/{field}")).expect(200).json()["indexed"] == true;
        for _ in 0..200 {
            if indexed() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the field is not indexed");
    }

    fn facets(session: &Session, kind: &str, body: &Value) -> Value {
        session.post(&format!("/v1/{kind}/facets"), body).expect(200).json()["data"].clone()
    }

    /// Values and counts, in their order.
    fn told(facet: &Value) -> Vec<(Value, i64)> {
        let groups = facet["groups"].as_array().unwrap().iter();
        groups.map(|group| (group["value"].clone(), group["count"].as_i64().unwrap())).collect()
    }

    pub(super) fn records_are_grouped_by_fields(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let body = |name: &str, stage: &str, grade: Value, tags: Value| json!({"name": name, "kind": "company", "stage": stage, "grade": grade, "tags": tags});
        let mut first = body("甲有限公司", "active", json!("a"), json!(["重点", "华东"]));
        first["owner_id"] = json!(seller.id);
        first["industry"] = json!("IT");
        first["needs"] = json!(["purchase", "partnership"]);
        make(
            &org.admin,
            &[
                first,
                body("乙有限公司", "active", Value::Null, json!(["重点"])),
                body("丙有限公司", "active", Value::Null, json!([])),
                body("丁有限公司", "lost", json!("b"), json!([])),
            ],
        );
        let by = ["stage", "grade", "owner_id", "tags", "industry", "needs", "initial", "contact_count", "created_by"];
        let (one, two) = by.split_at(5);
        let mut data = facets(&org.admin, "customers", &json!({ "by": one }));
        let rest = facets(&org.admin, "customers", &json!({ "by": two }));
        data.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        assert_eq!(told(&data["stage"]), [(json!("active"), 3), (json!("lost"), 1)]);
        assert_eq!(data["stage"]["groups"][0]["label"], json!({"zh-CN": "成交客户", "en": "Active"}));
        assert_eq!(told(&data["grade"]), [(json!(null), 2), (json!("a"), 1), (json!("b"), 1)]);
        assert_eq!(data["grade"]["groups"][0], json!({"value": null, "count": 2, "label": null}));
        let owner = data["owner_id"]["groups"].as_array().unwrap().iter().find(|group| group["value"] == seller.id);
        assert_eq!(owner.unwrap()["owner"], json!({"id": seller.id, "name": "测试salesperson"}));
        let tags: Vec<_> = data["tags"]["groups"].as_array().unwrap().iter().collect();
        let tags: Vec<_> = tags.iter().map(|group| (&group["tag"]["name"], &group["count"])).collect();
        // Of as many, the value decides; what has none comes after.
        assert_eq!(tags, [(&json!("重点"), &json!(2)), (&json!(null), &json!(2)), (&json!("华东"), &json!(1))]);
        assert_eq!(told(&data["industry"])[0], (json!(null), 3));
        assert_eq!(data["industry"]["groups"][1]["industry"]["code"], data["industry"]["groups"][1]["value"]);
        assert_eq!(told(&data["needs"]), [(json!(null), 3), (json!("partnership"), 1), (json!("purchase"), 1)]);
        assert_eq!(data["needs"]["groups"][2]["label"]["zh-CN"], "采购");
        assert_eq!(told(&data["contact_count"]), [(json!(0), 4)]);
        assert_eq!(data["created_by"]["groups"][0]["count"], 4);
        // What is left of the groups that are not told.
        let data = facets(&org.admin, "customers", &json!({"by": ["grade", "tags"], "top": 1}));
        assert_eq!((told(&data["grade"]), &data["grade"]["other"]), (vec![(json!(null), 2)], &json!(2)));
        assert_eq!((told(&data["tags"]).len(), &data["tags"]["other"]), (1, &json!(3)));
        // Of those that are asked for alone.
        let asked =
            json!({"where": {"field": "tags", "op": "has_any", "value": ["重点"]}, "by": ["stage"], "q": "有限"});
        assert_eq!(told(&facets(&org.admin, "customers", &asked)["stage"]), [(json!("active"), 2)]);
        let nothing =
            json!({"where": {"field": "stage", "value": "partner"}, "by": ["stage", "tags", "created_at.day"]});
        for (_, facet) in facets(&org.admin, "customers", &nothing).as_object().unwrap() {
            assert_eq!(*facet, json!({"groups": [], "other": 0}));
        }
        // Flags, of another kind; every kind has the door.
        let flags = facets(&org.admin, "users", &json!({"by": ["disabled"]}));
        assert_eq!(told(&flags["disabled"]), [(json!(false), 2)]);
    }

    pub(super) fn records_are_grouped_by_periods_of_the_organisation(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("日历有限公司")).expect(201).id();
        let at = |time: &str| {
            let body = json!({"customer_id": customer, "kind": "call", "summary": "电话", "happened_at": time});
            let _ = org.admin.post("/v1/follow_ups", &body).expect(201);
        };
        // Midnight of Shanghai is 16:00 UTC; in 1988 clocks were put forward there.
        for time in [
            "2025-12-31T15:59:59.999Z",
            "2025-12-31T16:00:00Z",
            "2026-03-01T15:59:59Z",
            "1988-07-01T15:00:00Z",
            "1988-07-01T14:59:59Z",
            "1969-12-31T15:00:00Z",
        ] {
            at(time);
        }
        let by = ["day", "week", "month", "quarter", "year"].map(|period| format!("happened_at.{period}"));
        let data = facets(&org.admin, "follow_ups", &json!({ "by": by }));
        let values = |period: &str| -> Vec<(String, i64)> {
            let told = told(&data[format!("happened_at.{period}")]);
            told.into_iter().map(|(value, count)| (value.as_str().unwrap().to_owned(), count)).collect()
        };
        let pairs = |pairs: &[(&str, i64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
        let days = [
            ("2026-03-01", 1),
            ("2026-01-01", 1),
            ("2025-12-31", 1),
            ("1988-07-02", 1),
            ("1988-07-01", 1),
            ("1969-12-31", 1),
        ];
        assert_eq!(values("day"), pairs(&days));
        assert_eq!(values("week"), pairs(&[("2026-W09", 1), ("2026-W01", 2), ("1988-W26", 2), ("1970-W01", 1)]));
        assert_eq!(
            values("month"),
            pairs(&[("2026-03", 1), ("2026-01", 1), ("2025-12", 1), ("1988-07", 2), ("1969-12", 1)])
        );
        assert_eq!(values("quarter"), pairs(&[("2026-Q1", 2), ("2025-Q4", 1), ("1988-Q3", 2), ("1969-Q4", 1)]));
        assert_eq!(values("year"), pairs(&[("2026", 2), ("2025", 1), ("1988", 2), ("1969", 1)]));
        // The days of a period select what is in it.
        for (_, facet) in data.as_object().unwrap() {
            for group in facet["groups"].as_array().unwrap() {
                let within = json!({"and": [
                    {"field": "happened_at", "op": "gte", "value": group["from"]},
                    {"field": "happened_at", "op": "lt", "value": group["until"]},
                ]});
                let asked = json!({"where": within, "count": "exact"});
                let found = org.admin.post("/v1/follow_ups/search", &asked).expect(200).json();
                assert_eq!(found["page"]["count"], group["count"], "{group}");
            }
        }
        // The latest are told, the others counted; what has no date is the last, and a sentinel is no date.
        let asked = json!({"by": ["happened_at.year", "next_due_at.month"], "top": 1});
        let data = facets(&org.admin, "follow_ups", &asked);
        assert_eq!(told(&data["happened_at.year"]), [(json!("2026"), 2)]);
        assert_eq!(data["happened_at.year"]["other"], 4);
        assert_eq!(
            data["next_due_at.month"]["groups"],
            json!([{"value": null, "count": 6, "from": null, "until": null}])
        );
        // Days that are no moments have no zone.
        let mut body = company("合作有限公司");
        body["cooperation_since"] = json!("2026-01-01");
        let _ = org.admin.post("/v1/customers", &body).expect(201);
        let data = facets(&org.admin, "customers", &json!({"by": ["cooperation_since.quarter"]}));
        assert_eq!(told(&data["cooperation_since.quarter"]), [(json!("2026-Q1"), 1), (json!(null), 1)]);
        // Another zone, another day.
        let _ = org.admin.patch("/v1/organisation", &json!({"time_zone": "America/New_York"})).expect(200);
        let data = facets(&org.admin, "follow_ups", &json!({"by": ["happened_at.day"]}));
        assert_eq!(told(&data["happened_at.day"])[1..3], [(json!("2025-12-31"), 2), (json!("1988-07-01"), 2)]);
    }

    pub(super) fn records_are_grouped_by_fields_of_ones_own(engine: Engine) {
        let org = Org::new(engine);
        let choices = json!([
            {"key": "a", "label": {"zh-CN": "甲", "en": "First"}}, {"key": "b", "label": {"zh-CN": "乙", "en": "Second"}},
        ]);
        let mut ids = BTreeMap::new();
        for (key, holds) in
            [("one", "choice"), ("many", "choices"), ("yes", "boolean"), ("day", "date"), ("at", "time")]
        {
            let mut field = json!({
                "kind": "customer", "key": key, "type": holds, "label": {"zh-CN": key, "en": key}, "filterable": true,
            });
            if holds.starts_with("choice") {
                field["choices"] = choices.clone();
            }
            ids.insert(key, org.admin.post("/v1/fields", &field).expect(201).id());
        }
        let with = |name: &str, custom: Value| {
            let mut body = company(name);
            body["custom"] = custom;
            body
        };
        let full =
            json!({"one": "a", "many": ["a", "b"], "yes": true, "day": "2026-02-28", "at": "2026-01-31T16:30:00Z"});
        make(
            &org.admin,
            &[
                with("甲有限公司", full),
                with("乙有限公司", json!({"many": ["b"], "yes": false})),
                company("丙有限公司"),
            ],
        );
        ids.values().for_each(|id| wait_until_indexed(&org, id));
        let by = ["custom.one", "custom.many", "custom.yes", "custom.day.month", "custom.at.month"];
        let data = facets(&org.admin, "customers", &json!({ "by": by }));
        assert_eq!(told(&data["custom.one"]), [(json!(null), 2), (json!("a"), 1)]);
        assert_eq!(data["custom.one"]["groups"][1]["label"], json!({"zh-CN": "甲", "en": "First"}));
        assert_eq!(told(&data["custom.many"]), [(json!("b"), 2), (json!("a"), 1), (json!(null), 1)]);
        assert_eq!(told(&data["custom.yes"]), [(json!(false), 1), (json!(true), 1), (json!(null), 1)]);
        assert_eq!(told(&data["custom.day.month"]), [(json!("2026-02"), 1), (json!(null), 2)]);
        assert_eq!(told(&data["custom.at.month"]), [(json!("2026-02"), 1), (json!(null), 2)]);
    }

    pub(super) fn wrong_groups_are_named(engine: Engine) {
        let org = Org::new(engine);
        let long = json!({"by": ["stage", "grade", "kind", "size", "source", "initial"]});
        for (body, pointer, code) in [
            (json!({}), "/by", "parameter_invalid"),
            (json!([]), "", "parameter_invalid"),
            (json!({"by": []}), "/by", "parameter_invalid"),
            (json!({"by": "stage"}), "/by", "parameter_invalid"),
            (long, "/by", "parameter_invalid"),
            (json!({"by": [7]}), "/by/0", "parameter_invalid"),
            (json!({"by": ["stage", "stages"]}), "/by/1", "facet_unknown"),
            (json!({"by": ["phone"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["phones"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["id"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["created_at"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["created_at.hour"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["stage.month"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["custom.none"]}), "/by/0", "facet_unknown"),
            (json!({"by": ["stage"], "top": 0}), "/top", "parameter_invalid"),
            (json!({"by": ["stage"], "top": 401}), "/top", "parameter_invalid"),
            (json!({"by": ["stage"], "limit": 5}), "/limit", "parameter_unknown"),
            (json!({"by": ["stage"], "limit": null}), "/limit", "parameter_unknown"),
            (
                json!({"by": ["stage"], "where": {"field": "stages", "value": 1}}),
                "/where/field",
                "filter_field_unknown",
            ),
            (json!({"by": ["stage"], "q": 5}), "/q", "parameter_invalid"),
        ] {
            let refused = org.admin.post("/v1/customers/facets", &body).expect(400).json();
            let error = &refused["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}: {refused}");
        }
        let hint = org.admin.post("/v1/customers/facets", &json!({"by": ["x"]})).expect(400).json();
        let hint = hint["errors"][0]["hint"].as_str().unwrap();
        assert!(hint.contains("stage") && hint.contains("created_at.day|week") && !hint.contains("phone"), "{hint}");
    }

    pub(super) fn several_counts_are_of_one_moment(engine: Engine) {
        let org = Org::new(engine);
        let ids = customers(&org.admin, 5);
        let _ = org.admin.patch(&format!("/v1/customers/{}", ids[0]), &json!({"stage": "lost"})).expect(200);
        let phone =
            org.admin.get(&format!("/v1/customers/{}", ids[1])).expect(200).json()["phones"][0]["value"].clone();
        let asked = json!({
            "all": {"kind": "customer"},
            "lost": {"kind": "customer", "where": {"field": "stage", "value": "lost"}},
            "by/phone~": {"kind": "customer", "where": {"field": "phone", "value": phone}},
            "名称": {"kind": "customer", "q": "计数3"},
            "contacts": {"kind": "contact", "where": null},
        });
        let told = org.admin.post("/v1/counts", &asked).expect(200).json();
        let exact = |n: i64| json!({"count": n, "count_is": "exact"});
        let expected = json!({
            "all": exact(5), "lost": exact(1), "by/phone~": exact(1), "名称": exact(1), "contacts": exact(0),
        });
        assert_eq!(told, expected);
        // Records that come and go between two of them are in all of them or in none.
        let session = org.admin.clone();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for _ in 0..10 {
                    let id = session.post("/v1/customers", &company("来去有限公司")).expect(201).id();
                    let _ = session.delete(&format!("/v1/customers/{id}")).expect(204);
                }
            });
            let twice: Value = (0..20)
                .map(|at| (at.to_string(), json!({"kind": "customer"})))
                .collect::<serde_json::Map<_, _>>()
                .into();
            while !writer.is_finished() {
                let told = org.admin.post("/v1/counts", &twice).expect(200).json();
                let counts: Vec<_> = told.as_object().unwrap().values().collect();
                assert!(counts.iter().all(|count| *count == counts[0]), "{told}");
            }
        });
    }

    pub(super) fn wrong_counts_are_named(engine: Engine) {
        let org = Org::new(engine);
        let many: serde_json::Map<String, Value> = (0..21).map(|at| (at.to_string(), json!({"kind": "tag"}))).collect();
        for (body, pointer, code) in [
            (json!({}), "", "parameter_invalid"),
            (json!([]), "", "parameter_invalid"),
            (many.into(), "", "parameter_invalid"),
            (json!({"a/b": 7}), "/a~1b", "parameter_invalid"),
            (json!({"": {"kind": "customer"}}), "/", "parameter_invalid"),
            (json!({"due": {}}), "/due/kind", "parameter_invalid"),
            (json!({"due": {"kind": "customers"}}), "/due/kind", "parameter_invalid"),
            (json!({"due": {"kind": "customer", "limit": 7}}), "/due/limit", "parameter_unknown"),
            (json!({"due": {"kind": "customer", "limit": null}}), "/due/limit", "parameter_unknown"),
            (json!({"due": {"kind": "customer", "where": {"field": "x"}}}), "/due/where/field", "filter_field_unknown"),
        ] {
            let refused = org.admin.post("/v1/counts", &body).expect(400).json();
            let error = &refused["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}: {refused}");
        }
    }

    pub(super) fn nothing_out_of_reach_is_counted(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (seller, other) = (org.user("salesperson", Some(&team)), org.user("salesperson", None));
        customers(&seller.session, 2);
        customers(&other.session, 3);
        for (session, expected) in [(&seller.session, 2), (&other.session, 3), (&org.admin, 5)] {
            let told = session.post("/v1/counts", &json!({"all": {"kind": "customer"}})).expect(200).json();
            assert_eq!(told["all"]["count"], expected);
            let data = facets(session, "customers", &json!({"by": ["stage", "tags", "created_at.year", "needs"]}));
            for (name, facet) in data.as_object().unwrap() {
                let all: i64 = told_sum(facet);
                assert_eq!(all, expected, "{name}");
            }
            let page = session.get("/v1/customers?limit=1&count=estimate").expect(200).json()["page"].clone();
            assert_eq!(page["count"], expected);
        }
        // A kind that one may not read is counted by nobody.
        let service = org.user("service", None);
        let refused = service.session.post("/v1/counts", &json!({"a": {"kind": "customer"}, "b": {"kind": "form"}}));
        assert_eq!(refused.status, service.session.get("/v1/forms").status);
    }

    fn told_sum(facet: &Value) -> i64 {
        told(facet).iter().map(|(_, count)| count).sum::<i64>() + facet["other"].as_i64().unwrap()
    }

    pub(super) fn records_say_what_may_be_done(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (seller, other) = (org.user("salesperson", Some(&team)), org.user("salesperson", Some(&team)));
        let mine = seller.session.post("/v1/customers", &company("自有有限公司")).expect(201);
        let path = format!("/v1/customers/{}", mine.id());
        let read = seller.session.get(&path).expect(200);
        let can: Vec<String> = serde_json::from_value(read.json()["can"].clone()).unwrap();
        assert!(can.contains(&"update".to_owned()), "{can:?}");
        // A write answers what a read does, and what was read may be sent back whole.
        assert_eq!(mine.header("etag"), read.header("etag"));
        assert_eq!(mine.json()["can"], read.json()["can"]);
        let _ = seller.session.patch(&path, &read.json()).expect(200);
        let _ = org.admin.patch(&path, &read.json()).expect(200);
        let _ = seller.session.patch(&path, &json!({"can": "everything"})).expect(422);
        // Lists tell it where they are asked.
        let list = |query: &str| seller.session.get(&format!("/v1/customers?{query}")).expect(200).data()[0].clone();
        assert!(list("limit=5").get("can").is_none());
        assert_eq!(list("can=true")["can"], read.json()["can"]);
        assert_eq!(list("can=true&fields=name")["can"], read.json()["can"]);
        assert_eq!(list("fields=can"), json!({"can": read.json()["can"]}));
        let body = json!({"can": true, "fields": ["id"]});
        let found = seller.session.post("/v1/customers/search", &body).expect(200).data();
        assert_eq!(found[0], json!({"id": mine.id(), "can": read.json()["can"]}));
        let one = seller.session.get(&format!("{path}?fields=id,can")).expect(200).json();
        assert_eq!(one, json!({"id": mine.id(), "can": read.json()["can"]}));
        assert!(seller.session.get(&format!("{path}?fields=id")).expect(200).json().get("can").is_none());
        assert_eq!(org.admin.get("/v1/customers?can=perhaps").expect(400).code(), "parameter_invalid");
        // What it says is what is done.
        let share = json!({"collaborators": [{"user_id": other.id, "access": "read"}]});
        let _ = org.admin.patch(&path, &share).expect(200);
        let shared = other.session.get(&path).expect(200).json()["can"].clone();
        assert!(!shared.as_array().unwrap().contains(&json!("update")), "{shared}");
        let _ = other.session.patch(&path, &json!({"remark": "试"})).expect(403);
        // A token that only reads does nothing else.
        let token = json!({"name": "只读", "scope": "read"});
        let token = seller.session.post("/v1/me/tokens", &token).expect(201).json()["key"].as_str().unwrap().to_owned();
        let reader = Session::anonymous(org.admin.base()).with_token(Some(&token));
        assert_eq!(reader.get(&path).expect(200).json()["can"], json!([]));
    }
}
