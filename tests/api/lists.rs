//! Lists and searches: filters, orders, pages, text search, counts, relations.

kehu_tests::on_both_engines!(
    pages_neither_lose_nor_repeat,
    pages_go_back,
    filters_select,
    a_search_tree_selects_the_same_on_every_operator,
    a_search_finds_a_piece_of_a_chinese_name,
    phones_are_found_in_any_spelling_also_of_contacts,
    what_is_wrong_with_a_question_is_named,
    a_sealed_value_never_stands_in_an_address,
    counts_are_given_on_request,
    names_are_ordered_by_pinyin,
    relations_come_along,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, Session, company, encoded, mobile};
    use serde_json::{Value, json};

    fn make(session: &Session, bodies: &[Value]) -> Vec<String> {
        let made = session.post("/v1/customers/batch", &json!({"items": bodies})).expect(200);
        made.data().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }

    fn names(session: &Session, query: &str) -> Vec<String> {
        let page = session.get(&format!("/v1/customers?{query}")).expect(200);
        page.data().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
    }

    fn search(session: &Session, filter: &Value) -> Vec<String> {
        let page = session.post("/v1/customers/search", &json!({"where": filter, "sort": "name"})).expect(200);
        page.data().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn pages_neither_lose_nor_repeat(engine: Engine) {
        let org = Org::new(engine);
        let bodies: Vec<Value> = (0..37).map(|i| company(&format!("翻页{i}有限公司"))).collect();
        let ids: BTreeSet<String> = make(&org.admin, &bodies).into_iter().collect();
        for sort in
            ["updated_at", "-updated_at", "name", "-name", "created_at", "last_follow_up_at", "-next_follow_up_at"]
        {
            let mut seen = Vec::new();
            let mut after = String::new();
            loop {
                let path = format!("/v1/customers?sort={sort}&limit=5&fields=id{after}");
                let page = org.admin.get(&path).expect(200);
                seen.extend(page.data().iter().map(|record| record["id"].as_str().unwrap().to_owned()));
                if after.is_empty() {
                    // A new record does not disturb the pages that follow.
                    let _ = org.admin.post("/v1/customers", &company("插队有限公司")).expect(201);
                }
                match page.json()["page"]["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            let once: BTreeSet<String> = seen.iter().cloned().collect();
            assert_eq!(once.len(), seen.len(), "{sort} repeats a record");
            assert!(once.is_superset(&ids), "{sort} loses a record");
        }
    }

    pub(super) fn pages_go_back(engine: Engine) {
        let org = Org::new(engine);
        let bodies: Vec<Value> = (0..9).map(|i| company(&format!("往返{i}有限公司"))).collect();
        make(&org.admin, &bodies);
        let page = |cursor: &str| {
            let after = if cursor.is_empty() { String::new() } else { format!("&after={cursor}") };
            org.admin.get(&format!("/v1/customers?sort=name&limit=4&fields=name{after}")).expect(200).json()
        };
        let first = page("");
        assert!(first["page"]["prev"].is_null() && first["page"]["has_more"] == true);
        let second = page(first["page"]["next"].as_str().unwrap());
        let third = page(second["page"]["next"].as_str().unwrap());
        assert_eq!((third["data"].as_array().unwrap().len(), &third["page"]["has_more"]), (1, &json!(false)));
        let back = page(third["page"]["prev"].as_str().unwrap());
        assert_eq!(back["data"], second["data"]);
        assert_eq!(page(back["page"]["prev"].as_str().unwrap())["data"], first["data"]);
    }

    pub(super) fn filters_select(engine: Engine) {
        let org = Org::new(engine);
        let body = |name: &str, stage: &str, grade: Value, tags: Value| json!({"name": name, "kind": "company", "stage": stage, "grade": grade, "tags": tags, "industry": "65"});
        make(
            &org.admin,
            &[
                body("甲有限公司", "active", json!("a"), json!(["重点"])),
                body("乙有限公司", "active", Value::Null, json!([])),
                body("丙有限公司", "lost", json!("b"), json!(["重点", "华东"])),
            ],
        );
        let by = |query: &str| names(&org.admin, &format!("{query}&sort=name"));
        assert_eq!(by("filter[stage]=active"), ["甲有限公司", "乙有限公司"]);
        assert_eq!(by("filter[stage.in]=active,lost&filter[grade.is_null]=false"), ["丙有限公司", "甲有限公司"]);
        assert_eq!(by("filter[grade.ne]=a"), ["丙有限公司", "乙有限公司"], "a missing value satisfies ne");
        assert_eq!(by(&format!("filter[tags.has_any]={}", encoded("重点"))), ["丙有限公司", "甲有限公司"]);
        assert_eq!(by(&format!("filter[tags.has_all]={}", encoded("重点,华东"))), ["丙有限公司"]);
        assert_eq!(by("filter[tags.is_null]=true"), ["乙有限公司"]);
        assert_eq!(by("filter[created_at.within_last]=1").len(), 3);
        assert_eq!(by("filter[created_at.lt]=2020-01-01").len(), 0);
        assert_eq!(by("filter[industry]=I").len(), 3, "a section has its divisions");
        assert_eq!(by("filter[industry]=J").len(), 0);
        assert_eq!(by(&format!("filter[industry]={}", encoded("软件和信息技术服务业"))).len(), 3);
        assert_eq!(by("filter[last_follow_up_at.is_null]=true").len(), 3);
        assert_eq!(by("filter[last_follow_up_at.gt]=2000-01-01").len(), 0);
    }

    pub(super) fn a_search_tree_selects_the_same_on_every_operator(engine: Engine) {
        let org = Org::new(engine);
        let body = |name: &str, stage: &str| json!({"name": name, "kind": "company", "stage": stage});
        make(&org.admin, &[body("天有限公司", "active"), body("地有限公司", "lost"), body("人有限公司", "partner")]);
        let is = |value: &str| json!({"field": "stage", "op": "eq", "value": value});
        assert_eq!(search(&org.admin, &json!({"or": [is("active"), is("lost")]})), ["地有限公司", "天有限公司"]);
        assert_eq!(search(&org.admin, &json!({"not": is("active")})), ["地有限公司", "人有限公司"]);
        assert_eq!(search(&org.admin, &json!({"and": [is("active"), is("lost")]})).len(), 0);
        assert_eq!(search(&org.admin, &json!({"or": []})).len(), 0);
        assert_eq!(search(&org.admin, &json!({"and": []})).len(), 3);
        let grade = json!({"not": {"field": "grade", "op": "eq", "value": "a"}});
        assert_eq!(search(&org.admin, &grade).len(), 3, "not is true of a missing value");
        let none = json!({"field": "stage", "op": "in", "value": []});
        assert_eq!(search(&org.admin, &none).len(), 0);
        let all = json!({"field": "stage", "op": "nin", "value": []});
        assert_eq!(search(&org.admin, &all).len(), 3);
    }

    pub(super) fn a_search_finds_a_piece_of_a_chinese_name(engine: Engine) {
        let org = Org::new(engine);
        let body = |name: &str| json!({"name": name, "kind": "company"});
        make(
            &org.admin,
            &[
                body("北京字节跳动科技有限公司"),
                body("上海跳动字节有限公司"),
                body("Acme Technologies Inc"),
                body("臺灣積體電路有限公司"),
                body("１２３数码有限公司"),
            ],
        );
        let contains = |text: &str| search(&org.admin, &json!({"field": "name", "op": "contains", "value": text}));
        assert_eq!(contains("字节跳动"), ["北京字节跳动科技有限公司"]);
        assert_eq!(contains("跳动").len(), 2);
        assert_eq!(contains("科技"), ["北京字节跳动科技有限公司"]);
        assert_eq!(contains("techno"), ["Acme Technologies Inc"]);
        assert_eq!(contains("台湾积体"), ["臺灣積體電路有限公司"], "traditional and simplified are one");
        assert_eq!(contains("123数"), ["１２３数码有限公司"], "full and half width are one");
        assert_eq!(contains("司").len(), 4, "a single character is found too");
        assert_eq!(contains("动字节跳").len(), 0, "tokens alone are not enough: the text must stand there");
        assert_eq!(names(&org.admin, &format!("q={}", encoded("字节 北京"))), ["北京字节跳动科技有限公司"]);
        let begins = json!({"field": "name", "op": "starts_with", "value": "上海"});
        assert_eq!(search(&org.admin, &begins), ["上海跳动字节有限公司"]);
        // A changed name is found by the next read, the old one is not.
        let id = org.admin.get(&format!("/v1/customers?q={}", encoded("字节跳动"))).expect(200).data()[0]["id"].clone();
        let path = format!("/v1/customers/{}", id.as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"name": "北京抖音信息服务有限公司"})).expect(200);
        assert_eq!(contains("抖音"), ["北京抖音信息服务有限公司"]);
        assert_eq!(contains("字节跳动").len(), 0);
    }

    pub(super) fn phones_are_found_in_any_spelling_also_of_contacts(engine: Engine) {
        let org = Org::new(engine);
        let (own, contacts) = (mobile(), mobile());
        let body = json!({
            "name": "查号有限公司", "kind": "company", "phones": [own], "emails": ["Hello@Example.COM"],
            "contacts": [{"name": "赵六", "phones": [contacts]}],
        });
        make(&org.admin, &[body]);
        let by =
            |field: &str, value: &str| search(&org.admin, &json!({"field": field, "op": "eq", "value": value})).len();
        assert_eq!(by("phone", &own), 1);
        assert_eq!(by("phone", &format!("+86 {}-{}-{}", &own[..3], &own[3..7], &own[7..])), 1);
        assert_eq!(by("phone", &contacts), 1, "a customer is found by its contact's number");
        assert_eq!(by("email", "hello@example.com"), 1);
        assert_eq!(by("phone", &mobile()), 0);
        let has =
            json!({"and": [{"field": "phone", "op": "is_null", "value": false}, {"field": "wechat", "op": "is_null"}]});
        assert_eq!(search(&org.admin, &has).len(), 1);
        let contact = json!({"where": {"field": "phone", "value": contacts}});
        assert_eq!(org.admin.post("/v1/contacts/search", &contact).expect(200).data().len(), 1);
    }

    pub(super) fn what_is_wrong_with_a_question_is_named(engine: Engine) {
        let org = Org::new(engine);
        let ask = |query: &str| org.admin.get(&format!("/v1/customers?{query}")).expect(400);
        for (query, code, parameter) in [
            ("filter[colour]=red", "filter_field_unknown", "filter[colour]"),
            ("filter[stage.gt]=a", "filter_op_unknown", "filter[stage.gt]"),
            ("filter[owner_id]=me", "filter_value_invalid", "filter[owner_id]"),
            ("sort=colour", "sort_unknown", "sort"),
            ("limit=501", "limit_invalid", "limit"),
            ("limit=0", "limit_invalid", "limit"),
            ("after=abc", "cursor_invalid", "after"),
            // ["-updated_at",false,"x","0190…"]: a key of another type than the order's.
            (
                "after=WyItdXBkYXRlZF9hdCIsZmFsc2UsIngiLCIwMTkwYTNjNC03ZTFiLTdjM2QtOGYwMC0wMDAwMDAwMDAwMDEiXQ",
                "cursor_invalid",
                "after",
            ),
            ("expand=orders", "parameter_invalid", "expand"),
            ("page_size=5", "parameter_unknown", "page_size"),
            ("q=a%00b", "parameter_encoding", "q"),
        ] {
            let refused = ask(query);
            assert_eq!(refused.code(), code, "{query}: {}", refused.text);
            assert_eq!(refused.errors(), [(parameter.to_owned(), code.to_owned())], "{query}");
        }
        let tree = json!({"where": {"and": [{"field": "stage", "op": "like", "value": "a"}]}});
        let refused = org.admin.post("/v1/customers/search", &tree).expect(400);
        assert_eq!(refused.errors()[0].0, "/where/and/0/op");
        let deep = (0..7).fold(json!({"field": "stage", "value": "lost"}), |inner, _| json!({"not": inner}));
        let refused = org.admin.post("/v1/customers/search", &json!({"where": deep})).expect(400);
        assert_eq!(refused.code(), "filter_too_large");
    }

    pub(super) fn a_sealed_value_never_stands_in_an_address(engine: Engine) {
        let org = Org::new(engine);
        let refused = org.admin.get("/v1/customers?filter[phone]=13800138000").expect(400);
        assert_eq!(refused.code(), "sealed_in_url");
        assert!(!refused.text.contains("13800138000"));
    }

    pub(super) fn counts_are_given_on_request(engine: Engine) {
        let org = Org::new(engine);
        let bodies: Vec<Value> = (0..7).map(|i| company(&format!("计数{i}有限公司"))).collect();
        make(&org.admin, &bodies);
        let page = org.admin.get("/v1/customers?limit=2&count=exact").expect(200).json()["page"].clone();
        assert_eq!((&page["count"], &page["count_is"]), (&json!(7), &json!("exact")));
        let page = org.admin.get("/v1/customers?limit=2").expect(200).json()["page"].clone();
        assert!(page.get("count").is_none());
    }

    pub(super) fn names_are_ordered_by_pinyin(engine: Engine) {
        let org = Org::new(engine);
        let body = |name: &str, kind: &str| json!({"name": name, "kind": kind});
        make(
            &org.admin,
            &[
                body("张伟", "person"),
                body("阿里巴巴有限公司", "company"),
                body("单雄信", "person"),
                body("Bosch GmbH", "company"),
                body("曾国藩", "person"),
            ],
        );
        // 单 is Shan and 曾 is Zeng as surnames.
        assert_eq!(names(&org.admin, "sort=name"), ["阿里巴巴有限公司", "Bosch GmbH", "单雄信", "曾国藩", "张伟"]);
        assert_eq!(names(&org.admin, "sort=name&filter[initial]=S"), ["单雄信"]);
    }

    pub(super) fn relations_come_along(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "关系有限公司", "kind": "company", "contacts": [{"name": "周一"}, {"name": "周二"}]});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let page = org.admin.get("/v1/customers?expand=contacts").expect(200).data();
        let contacts = page[0]["contacts"].as_array().unwrap();
        assert_eq!(contacts.len(), 2);
        assert_eq!(page[0]["contacts_has_more"], false);
        let contact = contacts[0]["id"].as_str().unwrap();
        let one = org.admin.get(&format!("/v1/contacts/{contact}?expand=customer")).expect(200).json();
        assert_eq!((&one["customer"]["id"], &one["customer"]["stage"]), (&json!(id), &json!("potential")));
        let short = org.admin.get(&format!("/v1/contacts/{contact}")).expect(200).json();
        assert_eq!(short["customer"], json!({"id": id, "name": "关系有限公司"}));
    }
}
