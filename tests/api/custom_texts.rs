//! What the texts of added fields contain, and whether confidential ones are there.

kehu_tests::on_both_engines!(
    a_line_is_found_by_what_it_contains,
    a_long_text_is_searched_and_found_by_what_it_contains,
    a_long_text_that_is_searched_later_is_filled_by_a_job,
    long_lines_are_filled_by_a_job,
    every_kind_is_found_by_searchable_text,
    what_is_searched_no_more_leaves_no_text_behind,
    whether_a_confidential_value_is_there_is_asked,
    the_schema_lists_the_operators,
    what_a_text_is_not_asked_for_is_refused,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, encoded};
    use serde_json::{Value, json};

    use crate::custom_fields::tests::wait;
    use crate::custom_values::tests::{add, add_to, make, with};

    fn named(data: &[Value]) -> BTreeSet<String> {
        data.iter().map(|one| one["name"].as_str().unwrap().trim_end_matches("有限公司").to_owned()).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn asked(org: &Org, filter: &Value) -> BTreeSet<String> {
        named(&org.admin.post("/v1/customers/search", &json!({"where": filter})).expect(200).data())
    }

    fn found(org: &Org, field: &str, op: &str, value: impl Into<Value>) -> BTreeSet<String> {
        let value: Value = value.into();
        asked(org, &json!({"field": format!("custom.{field}"), "op": op, "value": value}))
    }

    fn refused(org: &Org, field: &str, op: &str, value: impl Into<Value>) -> (String, String) {
        let value: Value = value.into();
        let filter = json!({"field": format!("custom.{field}"), "op": op, "value": value});
        org.admin.post("/v1/customers/search", &json!({"where": filter})).expect(400).errors()[0].clone()
    }

    fn change(org: &Org, customer: &Value, custom: impl Into<Value>) {
        let custom: Value = custom.into();
        let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"custom": custom})).expect(200);
    }

    /// Whether no job is left that writes what stands beside values.
    fn is_filled(jobs: &Value) -> bool {
        let jobs = jobs["data"].as_array().unwrap();
        jobs.iter().filter(|job| job["kind"] == "fields.fill").all(|job| job["state"] == "done")
    }

    /// A line so long that no place for filters takes it whole, and what it ends with.
    fn long(end: &str) -> String {
        format!("{}{end}", "长".repeat(499 - end.chars().count()))
    }

    pub(super) fn a_line_is_found_by_what_it_contains(engine: Engine) {
        let org = Org::new(engine);
        for (key, more) in [("note", json!({})), ("brand", json!({"searchable": true}))] {
            let mut field = json!({"type": "text", "filterable": true});
            field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            add(&org, key, field);
            let value = |text: &str| json!({key: text});
            let name = |at: &str| format!("{at}{key}有限公司");
            let a = make(&org.admin, &name("甲"), value("字節跳动 Acme（ＡＢＣ） 20260011号"));
            let b = make(&org.admin, &name("乙"), value(&long("长尾ACME结束")));
            make(&org.admin, &name("丙"), json!({}));
            // Until it is filled, a searchable field is asked for as any other one is.
            wait(&org.admin, "/v1/jobs?limit=100", is_filled);
            let is = |op: &str, text: &str| -> BTreeSet<String> {
                let found = found(&org, key, op, json!(text));
                found.iter().map(|name| name.trim_end_matches(key).to_owned()).collect()
            };
            for (op, text, expected) in [
                ("contains", "字节跳", set(&["甲"])),
                ("contains", "節", set(&["甲"])),
                ("contains", "acme", set(&["甲", "乙"])),
                ("contains", "CME(abc", set(&["甲"])),
                ("contains", "02", set(&["甲"])),
                ("contains", "0011", set(&["甲"])),
                ("contains", "6001", set(&["甲"])),
                ("contains", "011号", set(&["甲"])),
                ("contains", "长尾acme结束", set(&["乙"])),
                ("contains", "长长长", set(&["乙"])),
                ("contains", "跳动acme", set(&[])),
                ("contains", "结束长", set(&[])),
                ("starts_with", "字节", set(&["甲"])),
                ("starts_with", "节", set(&[])),
                ("starts_with", "长长", set(&["乙"])),
            ] {
                assert_eq!(is(op, text), expected, "{key} {op} {text}");
            }
            // A digest of a text that is cut is no part of it.
            for digit in "0123456789bdf".chars() {
                let with = is("contains", &digit.to_string());
                assert!(!with.contains("乙"), "{key} {digit}");
            }
            let most: String = long("长尾ACME结束").chars().skip(299).take(200).collect();
            assert_eq!(is("contains", &most), set(&["乙"]), "{key}: as long a part as may be asked for");
            // It goes with other conditions, its opposite, relations and addresses.
            let contains = json!({"field": format!("custom.{key}"), "op": "contains", "value": "acme"});
            let starts = json!({"field": "name", "op": "contains", "value": key});
            let not = asked(&org, &json!({"and": [starts, {"not": contains}]}));
            assert_eq!(not, set(&[&format!("丙{key}")]));
            let path = format!("/v1/customers?filter[custom.{key}.contains]={}", encoded("ACME结束"));
            assert_eq!(named(&org.admin.get(&path).expect(200).data()), set(&[&format!("乙{key}")]));
            let contact = json!({"customer_id": b["id"], "name": "张伟"});
            let _ = org.admin.post("/v1/contacts", &contact).expect(201);
            let path = format!("/v1/contacts?filter[customer.custom.{key}.contains]={}", encoded("尾acme"));
            assert_eq!(org.admin.get(&path).expect(200).data().len(), 1, "{key}");
            let counts = json!({"n": {"kind": "customer", "where": contains}});
            assert_eq!(org.admin.post("/v1/counts", &counts).expect(200).json()["n"]["count"], 2);
            // What changed is found anew.
            change(&org, &a, value(&long("换了")));
            change(&org, &b, value("短了"));
            assert_eq!((is("contains", "acme"), is("contains", "换了")), (set(&[]), set(&["甲"])));
            assert_eq!((is("contains", "长"), is("contains", "短")), (set(&["甲"]), set(&["乙"])));
            change(&org, &a, json!({key: null}));
            assert_eq!(is("contains", "换了"), set(&[]));
        }
    }

    const STORY: &str = "第一章：從深圳出发。\nOur Founder 张伟 sold tea.\n最后一行";

    pub(super) fn a_long_text_is_searched_and_found_by_what_it_contains(engine: Engine) {
        let org = Org::new(engine);
        let id = add(&org, "story", json!({"type": "long_text", "searchable": true}));
        let field = org.admin.get(&format!("/v1/fields/{id}")).expect(200).json();
        assert_eq!(
            (&field["searchable"], &field["indexed"], &field["slot"]),
            (&json!(true), &json!(true), &Value::Null)
        );
        let a = make(&org.admin, "甲有限公司", json!({"story": STORY}));
        make(&org.admin, "乙有限公司", json!({"story": format!("{}终点 Depot", "路上的见闻。".repeat(1500))}));
        make(&org.admin, "丙有限公司", json!({}));
        let words = |q: &str| named(&org.admin.get(&format!("/v1/customers?q={}", encoded(q))).expect(200).data());
        assert_eq!(words("从深圳"), set(&["甲"]));
        assert_eq!(words("founder 最后"), set(&["甲"]));
        assert_eq!(words("终点"), set(&["乙"]));
        for (op, value, expected) in [
            ("contains", json!("从深圳"), set(&["甲"])),
            ("contains", json!("our FOUNDER"), set(&["甲"])),
            ("contains", json!("出发。 our"), set(&["甲"])),
            ("contains", json!("终点dep"), set(&[])),
            ("contains", json!("终点 dep"), set(&["乙"])),
            ("starts_with", json!("第一章"), set(&["甲"])),
            ("starts_with", json!("路上"), set(&["乙"])),
            ("starts_with", json!("一章"), set(&[])),
            ("is_null", json!(true), set(&["丙"])),
            ("is_null", json!(false), set(&["甲", "乙"])),
        ] {
            assert_eq!(found(&org, "story", op, value.clone()), expected, "{op} {value}");
        }
        // A text in one field is not taken for another one's.
        add(&org, "other", json!({"type": "long_text", "searchable": true}));
        assert_eq!(found(&org, "other", "contains", json!("深圳")), set(&[]));
        assert_eq!(found(&org, "other", "is_null", json!(true)), set(&["甲", "乙", "丙"]));
        let not = json!({"not": {"field": "custom.story", "op": "contains", "value": "深圳"}});
        assert_eq!(asked(&org, &not), set(&["乙", "丙"]));
        change(&org, &a, json!({"story": "改了"}));
        assert_eq!((words("深圳"), words("改了")), (set(&[]), set(&["甲"])));
        change(&org, &a, json!({"story": null}));
        assert_eq!(found(&org, "story", "is_null", json!(true)), set(&["甲", "丙"]));
        // What is hidden is neither found nor asked for.
        let fields = json!({"custom.story": {"sees": "hidden", "writes": false}});
        let rights = json!({"kinds": {"customer": {"read": ["all"], "fields": fields}}});
        let role = json!({"key": "kept_out", "name": "看不见", "rights": rights});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let reader = org.user("kept_out", None).session;
        let listed = reader.get(&format!("/v1/customers?q={}", encoded("终点"))).expect(200).data();
        assert!(listed.is_empty(), "{listed:?}");
        let told = reader.get("/v1/customers?filter[custom.story.contains]=x").expect(400);
        assert_eq!(told.errors()[0].1, "filter_field_unknown");
    }

    pub(super) fn a_long_text_that_is_searched_later_is_filled_by_a_job(engine: Engine) {
        let org = Org::new(engine);
        let id = add(&org, "story", json!({"type": "long_text"}));
        let path = format!("/v1/fields/{id}");
        make(&org.admin, "甲有限公司", json!({"story": STORY}));
        let words = || named(&org.admin.get(&format!("/v1/customers?q={}", encoded("深圳出发"))).expect(200).data());
        assert_eq!(words(), set(&[]));
        assert_eq!(refused(&org, "story", "contains", json!("x")).1, "custom_not_filterable");
        let later = org.admin.patch(&path, &json!({"searchable": true})).expect(200).json();
        assert_eq!(later["indexed"], json!(false));
        assert_eq!(refused(&org, "story", "contains", json!("x")).1, "custom_not_indexed");
        wait(&org.admin, &path, |field| field["indexed"] == true);
        assert_eq!((words(), found(&org, "story", "contains", json!("深圳出发"))), (set(&["甲"]), set(&["甲"])));
        let gone = org.admin.patch(&path, &json!({"searchable": false})).expect(200).json();
        assert_eq!(gone["indexed"], json!(false));
        assert_eq!(refused(&org, "story", "contains", json!("x")).1, "custom_not_filterable");
        wait(&org.admin, "/v1/jobs?limit=100", is_filled);
        assert_eq!(words(), set(&[]));
    }

    pub(super) fn long_lines_are_filled_by_a_job(engine: Engine) {
        let org = Org::new(engine);
        let id = add(&org, "note", json!({"type": "text"}));
        let sealed = add(&org, "passport", json!({"type": "text", "sensitive": true}));
        let custom = json!({"note": long("尾巴"), "passport": "G98765432"});
        let made = make(&org.admin, "甲有限公司", custom);
        make(&org.admin, "乙有限公司", json!({}));
        let switch = |id: &str, on: bool| {
            let _ = org.admin.patch(&format!("/v1/fields/{id}"), &json!({"filterable": on})).expect(200);
            if on {
                wait(&org.admin, &format!("/v1/fields/{id}"), |field| field["indexed"] == true);
            }
        };
        switch(&id, true);
        switch(&sealed, true);
        assert_eq!(found(&org, "note", "contains", json!("尾巴")), set(&["甲"]));
        assert_eq!(found(&org, "passport", "is_null", json!(false)), set(&["甲"]));
        assert_eq!(found(&org, "passport", "is_null", json!(true)), set(&["乙"]));
        // What changed while nobody asked is found as it is.
        switch(&id, false);
        switch(&sealed, false);
        change(&org, &made, json!({"note": long("新了"), "passport": null}));
        switch(&id, true);
        switch(&sealed, true);
        assert_eq!(found(&org, "note", "contains", json!("尾巴")), set(&[]));
        assert_eq!(found(&org, "note", "contains", json!("新了")), set(&["甲"]));
        assert_eq!(found(&org, "passport", "is_null", json!(true)), set(&["甲", "乙"]));
    }

    pub(super) fn every_kind_is_found_by_searchable_text(engine: Engine) {
        let org = Org::new(engine);
        let customer = make(&org.admin, "各类有限公司", json!({}))["id"].clone();
        for kind in ["contact", "note", "tag", "team", "role"] {
            add_to(&org, kind, "story", json!({"type": "long_text", "searchable": true}));
        }
        let custom = json!({"story": STORY});
        for (path, mut body, name) in [
            ("contacts", json!({"customer_id": customer, "name": "王大锤"}), "name"),
            ("notes", json!({"record_kind": "customer", "record_id": customer, "body": "记"}), "body"),
            ("tags", json!({"name": "新标签"}), "name"),
            ("teams", json!({"name": "新团队"}), "name"),
            ("roles", json!({"key": "story_role", "name": "新角色", "rights": {"kinds": {}}}), "name"),
        ] {
            body["custom"] = custom.clone();
            let made = org.admin.post(&format!("/v1/{path}"), &body).expect(201).json();
            let by_words = org.admin.get(&format!("/v1/{path}?q={}", encoded("从深圳"))).expect(200).data();
            assert_eq!(by_words.len(), 1, "{path}");
            let asked = format!("/v1/{path}?filter[custom.story.contains]={}", encoded("从深圳"));
            let data = org.admin.get(&asked).expect(200).data();
            assert_eq!((data.len(), &data[0][name]), (1, &made[name]), "{path}");
        }
    }

    /// A role is found by nothing but its added fields.
    pub(super) fn what_is_searched_no_more_leaves_no_text_behind(engine: Engine) {
        let org = Org::new(engine);
        let id = add_to(&org, "role", "story", json!({"type": "long_text", "searchable": true}));
        let role = json!({"key": "told", "name": "新角色", "rights": {"kinds": {}}, "custom": {"story": STORY}});
        let role = org.admin.post("/v1/roles", &role).expect(201).id();
        let found = || {
            let by_words = org.admin.get(&format!("/v1/roles?q={}", encoded("从深圳"))).expect(200).data();
            let asked = format!("/v1/roles?filter[custom.story.contains]={}", encoded("从深圳"));
            (by_words.len(), org.admin.get(&asked).expect(200).data().len())
        };
        assert_eq!(found(), (1, 1));
        let field = format!("/v1/fields/{id}");
        let _ = org.admin.patch(&field, &json!({"searchable": false})).expect(200);
        wait(&org.admin, "/v1/jobs?limit=100", is_filled);
        let _ = org.admin.patch(&format!("/v1/roles/{role}"), &json!({"custom": {"story": null}})).expect(200);
        let _ = org.admin.patch(&field, &json!({"searchable": true})).expect(200);
        wait(&org.admin, &field, |field| field["indexed"] == true);
        assert_eq!(found(), (0, 0));
    }

    pub(super) fn whether_a_confidential_value_is_there_is_asked(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "passport", json!({"type": "text", "sensitive": true, "filterable": true}));
        add(&org, "hotline", json!({"type": "phone", "filterable": true}));
        add_to(&org, "contact", "passport", json!({"type": "text", "sensitive": true, "filterable": true}));
        let a = make(&org.admin, "甲有限公司", json!({"passport": "G98765432", "hotline": "021-58881234"}));
        make(&org.admin, "乙有限公司", json!({"hotline": "13800138000"}));
        let mut c = with("丙有限公司", json!({}));
        c["contacts"] = json!([{"name": "李小明", "custom": {"passport": "G1"}}, {"name": "王芳"}]);
        let _ = org.admin.post("/v1/customers", &c).expect(201);
        let missing = |field: &str, wants: bool| found(&org, field, "is_null", json!(wants));
        assert_eq!((missing("passport", true), missing("passport", false)), (set(&["乙", "丙"]), set(&["甲"])));
        assert_eq!((missing("hotline", true), missing("hotline", false)), (set(&["丙"]), set(&["甲", "乙"])));
        // A field of customers is none of their contacts.
        let of_contact = json!({"field": "contacts.custom.passport", "op": "is_null", "value": false});
        assert_eq!(asked(&org, &of_contact), set(&["丙"]));
        let both = json!({"and": [{"field": "custom.passport", "op": "is_null", "value": false},
            {"field": "custom.passport", "op": "ne", "value": "G1"}]});
        assert_eq!(asked(&org, &both), set(&["甲"]));
        // A question that is kept may ask for it; none has the value in an address.
        let filter = json!({"field": "custom.passport", "op": "is_null", "value": false});
        let segment = json!({"name": "有护照", "kind": "customer", "type": "live", "where": filter});
        let segment = org.admin.post("/v1/segments", &segment).expect(201).id();
        let members = || named(&org.admin.get(&format!("/v1/segments/{segment}/members")).expect(200).data());
        assert_eq!(members(), set(&["甲"]));
        // Who sees it masked sees that it is there.
        let rights = json!({"kinds": {"customer": {"read": ["all"]}}, "contact_data": "masked"});
        let _ = org.admin.post("/v1/roles", &json!({"key": "looker", "name": "查看员", "rights": rights})).expect(201);
        let looker = org.user("looker", None).session;
        let told = looker.post("/v1/customers/search", &json!({"where": filter})).expect(200).data();
        assert_eq!(named(&told), set(&["甲"]));
        change(&org, &a, json!({"passport": "G2"}));
        assert_eq!(members(), set(&["甲"]));
        change(&org, &a, json!({"passport": null}));
        assert_eq!((missing("passport", false), members()), (set(&[]), set(&[])));
        change(&org, &a, json!({"passport": "G3"}));
        let path = format!("/v1/customers/{}", a["id"].as_str().unwrap());
        let _ = org.admin.delete(&path).expect(204);
        assert_eq!(missing("passport", false), set(&[]));
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(missing("passport", false), set(&["甲"]));
    }

    pub(super) fn the_schema_lists_the_operators(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "note", json!({"type": "text", "filterable": true}));
        add(&org, "story", json!({"type": "long_text", "searchable": true}));
        add(&org, "silent", json!({"type": "long_text"}));
        add(&org, "passport", json!({"type": "text", "sensitive": true, "filterable": true}));
        let schema = org.admin.get("/v1/schema/customer").expect(200).json();
        let of = |key: &str| {
            let custom = schema["custom"].as_array().unwrap();
            let field = custom.iter().find(|field| field["key"] == key).unwrap();
            (field["filters"][0]["operators"].clone(), field["sortable"].clone())
        };
        let line = json!(["eq", "ne", "in", "nin", "is_null", "contains", "starts_with"]);
        assert_eq!(of("note"), (line, json!(true)));
        assert_eq!(of("story"), (json!(["is_null", "contains", "starts_with"]), json!(false)));
        assert_eq!(of("silent"), (Value::Null, json!(false)));
        assert_eq!(of("passport"), (json!(["eq", "ne", "in", "is_null"]), json!(false)));
    }

    pub(super) fn what_a_text_is_not_asked_for_is_refused(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "note", json!({"type": "text", "filterable": true}));
        add(&org, "story", json!({"type": "long_text", "searchable": true}));
        add(&org, "site", json!({"type": "url", "filterable": true}));
        let at = |field: &str, op: &str, value: Value| refused(&org, field, op, value);
        let wrong = ("/where/value".to_owned(), "filter_value_invalid".to_owned());
        for value in [json!(""), json!("  "), json!("长".repeat(201)), json!(1), json!(null), json!(["x"])] {
            assert_eq!(at("note", "contains", value.clone()), wrong, "{value}");
            assert_eq!(at("story", "contains", value.clone()), wrong, "{value}");
            assert_eq!(at("story", "starts_with", value.clone()), wrong, "{value}");
        }
        let unknown = ("/where/op".to_owned(), "filter_op_unknown".to_owned());
        for (field, op) in [("story", "eq"), ("story", "in"), ("site", "contains"), ("note", "gt")] {
            assert_eq!(at(field, op, json!("x")), unknown, "{field} {op}");
        }
        assert_eq!(org.admin.get("/v1/customers?sort=custom.story").expect(400).errors()[0].1, "sort_unknown");
        let sealed = json!({"kind": "customer", "key": "diary", "type": "long_text", "label": {"en": "Diary"},
            "sensitive": true, "searchable": true});
        let found = org.admin.post("/v1/fields", &sealed).expect(422).errors();
        assert_eq!(found, [("/searchable".to_owned(), "field_search_unfit".to_owned())]);
    }
}
