//! Questions along relations, by words for days and weeks, and by every operator that fits.

kehu_tests::on_both_engines!(
    a_condition_on_contacts_selects_their_customers,
    one_and_the_same_contact_is_asked_for_by_related,
    children_are_selected_by_their_customer,
    a_contact_out_of_reach_is_not_felt,
    a_day_is_the_whole_of_it,
    words_mean_days_and_spans,
    lists_of_keys_know_what_is_not_in_them,
    fast_questions_are_told,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, encoded, mobile};
    use serde_json::{Value, json};

    fn found(session: &Session, kind: &str, filter: &Value) -> Vec<String> {
        // Contacts that come with one customer are of one moment.
        let sort = match kind {
            "follow_ups" => "happened_at",
            "contacts" => "name",
            _ => "created_at",
        };
        let page = session.post(&format!("/v1/{kind}/search"), &json!({"where": filter, "sort": sort})).expect(200);
        let name = |record: &Value| record["name"].as_str().or(record["summary"].as_str()).unwrap().to_owned();
        page.data().iter().map(name).collect()
    }

    fn is(field: &str, op: &str, value: &Value) -> Value {
        json!({"field": field, "op": op, "value": value})
    }

    /// 甲: a director without a phone and a buyer with one; 乙: a director with a phone; 丙: nobody.
    fn world(org: &Org, phones: [&str; 2]) {
        let field =
            json!({"kind": "contact", "key": "school", "type": "text", "label": {"en": "School"}, "filterable": true});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
        for body in [
            json!({"name": "甲有限公司", "kind": "company", "stage": "active", "tags": ["重点"], "contacts": [
                {"name": "赵一", "position": "总监", "role": "decision_maker", "custom": {"school": "复旦"}},
                {"name": "钱二", "position": "采购", "phones": [phones[0]], "tags": ["老同学"]},
            ]}),
            json!({"name": "乙有限公司", "kind": "company", "stage": "lost", "contacts": [
                {"name": "孙三", "position": "总监", "phones": [phones[1]]},
            ]}),
            json!({"name": "丙有限公司", "kind": "company"}),
        ] {
            let _ = org.admin.post("/v1/customers", &body).expect(201);
        }
    }

    pub(super) fn a_condition_on_contacts_selects_their_customers(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (mobile(), mobile());
        world(&org, [&one, &other]);
        let by = |field: &str, op: &str, value: Value| found(&org.admin, "customers", &is(field, op, &value));
        assert_eq!(by("contacts.position", "eq", json!("总监")), ["甲有限公司", "乙有限公司"]);
        assert_eq!(by("contacts.position", "in", json!(["采购", "前台"])), ["甲有限公司"]);
        assert_eq!(by("contacts.position", "starts_with", json!("采")), ["甲有限公司"]);
        assert_eq!(by("contacts.position", "ne", json!("总监")), ["甲有限公司"], "one of them is something else");
        assert_eq!(by("contacts.role", "is_null", json!(true)), ["甲有限公司", "乙有限公司"]);
        assert_eq!(by("contacts.id", "is_null", json!(false)), ["甲有限公司", "乙有限公司"], "whoever has a contact");
        assert_eq!(by("contacts.name", "contains", json!("钱")), ["甲有限公司"]);
        assert_eq!(by("contacts.tags", "has_any", json!(["老同学"])), ["甲有限公司"]);
        assert_eq!(by("contacts.custom.school", "eq", json!("复旦")), ["甲有限公司"]);
        assert_eq!(by("contacts.phone", "eq", json!(other)), ["乙有限公司"]);
        assert_eq!(by("contacts.phone", "ne", json!(other)), ["甲有限公司"]);
        let nobody = json!({"not": is("contacts.position", "eq", &json!("总监"))});
        assert_eq!(found(&org.admin, "customers", &nobody), ["丙有限公司"]);
        let none = json!({"not": is("contacts.id", "is_null", &json!(false))});
        assert_eq!(found(&org.admin, "customers", &none), ["丙有限公司"]);
        // In an address, but for what is sealed.
        let names = |query: &str| {
            let page = org.admin.get(&format!("/v1/customers?sort=created_at&{query}")).expect(200).data();
            page.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
        };
        assert_eq!(names(&format!("filter[contacts.position]={}", encoded("采购"))), ["甲有限公司"]);
        assert_eq!(names("filter[contacts.role.in]=decision_maker,user&filter[stage]=active"), ["甲有限公司"]);
        assert_eq!(names(&format!("filter[contacts.custom.school]={}", encoded("复旦"))), ["甲有限公司"]);
        let sealed = org.admin.get(&format!("/v1/customers?filter[contacts.phone]={one}")).expect(400);
        assert!(sealed.code() == "sealed_in_url" && !sealed.text.contains(&one), "{}", sealed.text);
        // A contact that is deleted is none.
        let contact = org.admin.post("/v1/contacts/search", &json!({"where": is("name", "eq", &json!("钱二"))}));
        let id = contact.expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.delete(&format!("/v1/contacts/{id}")).expect(204);
        assert_eq!(by("contacts.position", "eq", json!("采购")).len(), 0);
        assert_eq!(by("contacts.phone", "eq", json!(one)).len(), 0);
    }

    pub(super) fn one_and_the_same_contact_is_asked_for_by_related(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (mobile(), mobile());
        world(&org, [&one, &other]);
        let director = |prefix: &str| is(&format!("{prefix}position"), "eq", &json!("总监"));
        let reached = |prefix: &str| is(&format!("{prefix}phone"), "is_null", &json!(false));
        // Each for itself: 甲 has a director, and somebody with a phone.
        let each = json!({"and": [director("contacts."), reached("contacts.")]});
        assert_eq!(found(&org.admin, "customers", &each), ["甲有限公司", "乙有限公司"]);
        let same = json!({"related": "contacts", "where": {"and": [director(""), reached("")]}});
        assert_eq!(found(&org.admin, "customers", &same), ["乙有限公司"]);
        let either = json!({"related": "contacts", "where": {"or": [is("name", "eq", &json!("赵一")), is("phone", "eq", &json!(other))]}});
        assert_eq!(found(&org.admin, "customers", &either), ["甲有限公司", "乙有限公司"]);
        let any = json!({"related": "contacts", "where": {"and": []}});
        assert_eq!(found(&org.admin, "customers", &any), ["甲有限公司", "乙有限公司"]);
        let refused = |filter: Value| {
            org.admin.post("/v1/customers/search", &json!({"where": filter})).expect(400).errors().remove(0)
        };
        let told = |at: &str, code: &str| (at.to_owned(), code.to_owned());
        let ways = refused(json!({"related": "orders", "where": {"and": []}}));
        assert_eq!(ways, told("/where/related", "filter_relation_unknown"));
        // From there no relation leads further.
        let further = json!({"related": "contacts", "where": director("customer.")});
        assert_eq!(refused(further), told("/where/where/field", "filter_field_unknown"));
        let without = refused(json!({"related": "contacts"}));
        assert_eq!(without, told("/where", "filter_shape"));
    }

    pub(super) fn children_are_selected_by_their_customer(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (mobile(), mobile());
        world(&org, [&one, &other]);
        let by = |kind: &str, field: &str, value: &str| found(&org.admin, kind, &is(field, "eq", &json!(value)));
        assert_eq!(by("contacts", "customer.stage", "active"), ["钱二", "赵一"]);
        assert_eq!(by("contacts", "customer.tags", "重点"), ["钱二", "赵一"]);
        assert_eq!(by("contacts", "customer.phone", &one), ["钱二", "赵一"], "a customer has its contacts' phones");
        let contacts = org.admin.get("/v1/contacts?sort=name").expect(200).data();
        for (at, contact) in contacts.iter().enumerate() {
            let body = json!({
                "customer_id": contact["customer_id"], "contact_id": contact["id"], "kind": if at == 0 { "visit" } else { "call" },
                "summary": format!("第{at}次"), "happened_at": format!("2026-03-0{}T08:00:00Z", at + 1),
            });
            let _ = org.admin.post("/v1/follow_ups", &body).expect(201);
            let note = json!({"record_kind": "contact", "record_id": contact["id"], "body": "记", "pinned": at == 2});
            let _ = org.admin.post("/v1/notes", &note).expect(201);
        }
        assert_eq!(by("follow_ups", "contact.position", "总监"), ["第1次", "第2次"]);
        assert_eq!(by("follow_ups", "customer.name", "乙有限公司"), ["第1次"]);
        assert_eq!(by("customers", "follow_ups.kind", "visit"), ["甲有限公司"]);
        assert_eq!(found(&org.admin, "customers", &is("notes.pinned", "eq", &json!(true))), ["甲有限公司"]);
        let notes = json!({"where": is("customer.stage", "eq", &json!("lost"))});
        assert_eq!(org.admin.post("/v1/notes/search", &notes).expect(200).data().len(), 1);
    }

    pub(super) fn a_contact_out_of_reach_is_not_felt(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let (one, other) = (mobile(), mobile());
        let body = |name: &str, owner: &str, phone: &str| json!({"name": name, "kind": "company", "owner_id": owner, "contacts": [{"name": "李四", "position": "总监", "phones": [phone]}]});
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.post("/v1/customers", &body("自己的有限公司", &seller.id, &one)).expect(201);
        let _ = org.admin.post("/v1/customers", &body("别人的有限公司", &me, &other)).expect(201);
        let by = |field: &str, value: &str| found(&seller.session, "customers", &is(field, "eq", &json!(value)));
        assert_eq!(by("contacts.position", "总监"), ["自己的有限公司"]);
        assert_eq!(by("contacts.phone", &one), ["自己的有限公司"]);
        assert_eq!(by("contacts.phone", &other).len(), 0);
        // Who reads no contacts has no relation to them.
        let role =
            json!({"key": "no_contacts", "name": "无联系人", "rights": {"kinds": {"customer": {"read": ["all"]}}}});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let blind = org.user("no_contacts", None);
        let asked = json!({"where": is("contacts.position", "eq", &json!("总监"))});
        let refused = blind.session.post("/v1/customers/search", &asked).expect(400);
        assert_eq!(refused.code(), "filter_field_unknown");
        let known = refused.json()["errors"][0]["params"]["known"].clone();
        assert!(!known.as_str().unwrap().contains("contacts."), "{known}");
    }

    fn follow_ups(org: &Org, times: &[&str]) {
        let id = org.admin.post("/v1/customers", &json!({"name": "时间有限公司", "kind": "company"})).expect(201).id();
        for time in times {
            let body = json!({"customer_id": id, "kind": "call", "summary": time, "happened_at": time});
            let _ = org.admin.post("/v1/follow_ups", &body).expect(201);
        }
    }

    pub(super) fn a_day_is_the_whole_of_it(engine: Engine) {
        let org = Org::new(engine);
        // The first and the last moment of New Year's Day in Shanghai, and their neighbours.
        let times =
            ["2025-12-31T15:59:59.999Z", "2025-12-31T16:00:00Z", "2026-01-01T15:59:59.999Z", "2026-01-01T16:00:00Z"];
        follow_ups(&org, &times);
        let by = |op: &str, value: Value| found(&org.admin, "follow_ups", &is("happened_at", op, &value));
        let day = json!("2026-01-01");
        assert_eq!(by("eq", day.clone()), times[1..3]);
        assert_eq!(by("ne", day.clone()), [times[0], times[3]]);
        assert_eq!(by("lt", day.clone()), times[..1]);
        assert_eq!(by("lte", day.clone()), times[..3]);
        assert_eq!(by("gt", day.clone()), times[3..]);
        assert_eq!(by("gte", day.clone()), times[1..]);
        assert_eq!(by("between", json!([day, day])), times[1..3]);
        assert_eq!(by("between", json!(["2025-12-31", "2026-01-01T00:00:00Z"])), times[..2]);
        assert_eq!(by("in", json!(["2025-12-31", "2026-01-02"])), [times[0], times[3]]);
        assert_eq!(by("nin", json!(["2025-12-31", "2026-01-02"])), times[1..3]);
        assert_eq!(by("eq", json!(times[1])), times[1..2], "a moment is a moment");
    }

    pub(super) fn words_mean_days_and_spans(engine: Engine) {
        let org = Org::new(engine);
        let (past, future) = ("2020-05-06T00:00:00Z", "2090-05-06T00:00:00Z");
        follow_ups(&org, &[past, future]);
        let by = |op: &str, value: Value| found(&org.admin, "follow_ups", &is("happened_at", op, &value));
        for word in ["yesterday", "today", "tomorrow"].into_iter().map(str::to_owned).chain(
            ["last", "this", "next"]
                .iter()
                .flat_map(|which| ["week", "month", "quarter", "year"].map(|length| format!("{which}_{length}"))),
        ) {
            assert_eq!(by("lt", json!(word)), [past], "{word}");
            assert_eq!(by("gt", json!(word)), [future], "{word}");
            assert_eq!(by("eq", json!(word)).len(), 0, "{word}");
            assert_eq!(by("nin", json!([word, "2020-05-06"])), [future], "{word}");
            assert_eq!(by("between", json!([past, word])), [past], "{word}");
        }
        assert_eq!(by("within_last", json!(36_500)), [past], "what lies ahead is not within the last days");
        assert_eq!(by("not_within_last", json!(36_500)), [future]);
        assert_eq!(by("within_next", json!(36_500)), [future]);
        assert_eq!(by("not_within_next", json!(36_500)), [past]);
        let made = found(&org.admin, "customers", &is("created_at", "within_last", &json!(1)));
        assert_eq!(made, ["时间有限公司"]);
        // A missing time lies nowhere.
        for (op, count) in [("within_next", 0), ("not_within_next", 1), ("within_last", 0), ("not_within_last", 1)] {
            assert_eq!(found(&org.admin, "customers", &is("next_follow_up_at", op, &json!(7))).len(), count, "{op}");
        }
        // Days and quarters know the words too.
        let body = json!({"name": "季度有限公司", "kind": "company", "purchase_window": "2090-Q1", "cooperation_since": "2020-05-06"});
        let _ = org.admin.post("/v1/customers", &body).expect(201);
        let by = |field: &str, op: &str, value: Value| found(&org.admin, "customers", &is(field, op, &value));
        assert_eq!(by("purchase_window", "gt", json!("this_quarter")), ["季度有限公司"]);
        assert_eq!(by("purchase_window", "in", json!(["this_year", "2090-Q1"])), ["季度有限公司"]);
        assert_eq!(by("purchase_window", "lte", json!("next_year")).len(), 0);
        assert_eq!(by("cooperation_since", "lt", json!("last_week")), ["季度有限公司"]);
        assert_eq!(by("cooperation_since", "within_last", json!(36_500)), ["季度有限公司"]);
    }

    pub(super) fn lists_of_keys_know_what_is_not_in_them(engine: Engine) {
        let org = Org::new(engine);
        for (name, needs, tags) in [
            ("甲有限公司", json!(["purchase", "partnership"]), json!(["华东"])),
            ("乙有限公司", json!(["partnership"]), json!(["华东", "重点"])),
            ("丙有限公司", json!([]), json!([])),
        ] {
            let body = json!({"name": name, "kind": "company", "needs": needs, "tags": tags});
            let _ = org.admin.post("/v1/customers", &body).expect(201);
        }
        let by = |field: &str, op: &str, value: Value| found(&org.admin, "customers", &is(field, op, &value));
        assert_eq!(by("needs", "ne", json!("purchase")), ["乙有限公司", "丙有限公司"]);
        assert_eq!(by("needs", "in", json!(["purchase", "after_sales"])), ["甲有限公司"]);
        assert_eq!(by("needs", "nin", json!(["purchase"])), ["乙有限公司", "丙有限公司"]);
        assert_eq!(by("tags", "ne", json!("重点")), ["甲有限公司", "丙有限公司"]);
        assert_eq!(by("tags", "nin", json!(["重点", "没有"])), ["甲有限公司", "丙有限公司"]);
        assert_eq!(by("tags", "in", json!(["重点", "没有"])), ["乙有限公司"]);
        let unknown = json!({"where": is("stage", "eq", &json!("成交"))});
        let unknown = org.admin.post("/v1/customers/search", &unknown).expect(400);
        assert_eq!(unknown.errors(), [("/where/value".to_owned(), "choice_unknown".to_owned())]);
        assert!(unknown.text.contains("active"), "{}", unknown.text);
    }

    pub(super) fn fast_questions_are_told(engine: Engine) {
        let org = Org::new(engine);
        let schema = org.admin.get("/v1/schema/customers").expect(200).json();
        let fast = schema["fast"].as_array().unwrap();
        assert!(fast.contains(&json!({"equal": ["owner_id", "stage"], "sort": ["updated_at"]})), "{fast:?}");
        let related = schema["related"].as_array().unwrap();
        assert!(related.contains(&json!({"name": "contacts", "kind": "contact", "many": true})), "{related:?}");
    }
}
