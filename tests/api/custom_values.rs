//! Values of fields that an organisation added: read, kept, sealed, shown, asked for, told by history.

kehu_tests::on_both_engines!(
    values_of_every_type_are_kept_and_come_back,
    what_is_wrong_with_a_value_is_named,
    a_required_field_is_asked_for_and_a_default_stands_in,
    a_unique_value_is_one_records_and_free_again,
    sensitive_values_are_sealed_masked_found_and_revealed,
    filters_select_by_every_type,
    orders_walk_values_and_then_what_has_none,
    a_role_may_be_kept_from_a_field,
    two_changes_of_different_fields_go_together,
    history_tells_values_by_their_labels,
    contacts_that_come_along_have_values_too,
    words_find_searchable_text,
    every_kind_takes_fields,
    a_note_that_is_shared_may_be_named,
);

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, Session, company};
    use serde_json::{Value, json};

    /// Adds a field to customers.
    pub(crate) fn add(org: &Org, key: &str, body: Value) -> String {
        add_to(org, "customer", key, body)
    }

    pub(crate) fn add_to(org: &Org, kind: &str, key: &str, mut body: Value) -> String {
        body["kind"] = kind.into();
        body["key"] = key.into();
        body["label"] = json!({"zh-CN": format!("字段{key}"), "en": format!("Field {key}")});
        org.admin.post("/v1/fields", &body).expect(201).id()
    }

    pub(crate) fn with(name: &str, custom: Value) -> Value {
        let mut body = company(name);
        body["custom"] = custom;
        body
    }

    pub(crate) fn make(session: &Session, name: &str, custom: Value) -> Value {
        session.post("/v1/customers", &with(name, custom)).expect(201).json()
    }

    fn search(session: &Session, field: &str, op: &str, value: &Value) -> BTreeSet<String> {
        let filter = json!({"where": {"field": format!("custom.{field}"), "op": op, "value": value}});
        let page = session.post("/v1/customers/search", &filter).expect(200);
        page.data().iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    pub(super) fn values_of_every_type_are_kept_and_come_back(engine: Engine) {
        let org = Org::new(engine);
        let two = json!([{"key": "gold", "label": {"zh-CN": "金"}}, {"key": "silver", "label": {"en": "Silver"}}]);
        add(&org, "motto", json!({"type": "text"}));
        add(&org, "story", json!({"type": "long_text"}));
        add(&org, "output", json!({"type": "number"}));
        add(&org, "capital", json!({"type": "money", "currency": "CNY"}));
        add(&org, "founded", json!({"type": "date"}));
        add(&org, "seen_at", json!({"type": "time"}));
        add(&org, "listed", json!({"type": "boolean"}));
        add(&org, "level", json!({"type": "choice", "choices": two}));
        add(&org, "medals", json!({"type": "choices", "choices": two}));
        add(&org, "fax", json!({"type": "phone"}));
        add(&org, "billing", json!({"type": "email"}));
        add(&org, "site", json!({"type": "url"}));
        add(&org, "partner", json!({"type": "reference", "target": "customer"}));
        let partner = make(&org.admin, "伙伴有限公司", json!({}));
        let said = json!({
            "motto": "客户第一", "story": "第一行\n第二行", "output": 12.5, "capital": "1280", "founded": "2001-02-03",
            "seen_at": "2026-01-02T03:04:05+08:00", "listed": true, "level": "gold", "medals": ["silver", "gold"],
            "fax": "021-58881234", "billing": "Bill@Example.com", "site": "https://example.com/a", "partner": partner["id"],
        });
        let made = make(&org.admin, "每种有限公司", said);
        let custom = &made["custom"];
        assert_eq!(custom["motto"], "客户第一");
        assert_eq!(custom["story"], "第一行\n第二行");
        assert_eq!(custom["output"], 12.5);
        assert_eq!(custom["capital"], json!({"amount": "1280.00", "currency": "CNY"}));
        assert_eq!(custom["founded"], "2001-02-03");
        assert_eq!(custom["seen_at"], "2026-01-01T19:04:05.000Z");
        assert_eq!(custom["listed"], true);
        assert_eq!(custom["level"], "gold");
        assert_eq!(custom["medals"], json!(["silver", "gold"]));
        assert_eq!(custom["fax"], "+862158881234");
        assert_eq!(custom["site"], "https://example.com/a");
        assert_eq!(custom["partner"], json!({"id": partner["id"], "name": "伙伴有限公司"}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let mut read = org.admin.get(&path).expect(200).json();
        // A write tells of warnings beside.
        read["warnings"] = made["warnings"].clone();
        assert_eq!(read, made);
        // What GET gave may be sent back whole, and changes nothing.
        let same = org.admin.patch(&path, &read).expect(200).json();
        assert_eq!(same["version"], made["version"]);
        let changed =
            org.admin.patch(&path, &json!({"custom": {"motto": null, "output": "0.000001"}})).expect(200).json();
        assert_eq!((&changed["custom"]["motto"], &changed["custom"]["level"]), (&Value::Null, &json!("gold")));
        assert_eq!(changed["custom"]["output"].as_f64(), Some(0.000_001));
        // A record that says nothing has every field all the same; `fields` picks one.
        assert_eq!(partner["custom"]["medals"], Value::Null);
        let one = org.admin.get(&format!("{path}?fields=name,custom.level")).expect(200).json();
        assert_eq!(one, json!({"name": "每种有限公司", "custom": {"level": "gold"}}));
        // All are cleared together.
        let empty = org.admin.patch(&path, &json!({"custom": null})).expect(200).json();
        assert!(empty["custom"].as_object().unwrap().values().all(Value::is_null), "{empty}");
    }

    pub(super) fn what_is_wrong_with_a_value_is_named(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "output", json!({"type": "number", "min": 0, "max": 100}));
        add(&org, "code", json!({"type": "text", "pattern": "[A-Z]{2}-[0-9]{3}"}));
        add(&org, "level", json!({"type": "choice", "choices": [{"key": "a", "label": {"en": "A"}}]}));
        add(&org, "partner", json!({"type": "reference", "target": "customer"}));
        let refused =
            |custom: Value| org.admin.post("/v1/customers", &with("错值有限公司", custom)).expect(422).errors();
        let one = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        assert_eq!(refused(json!({"no_such": 1})), one("/custom/no_such", "field_unknown"));
        assert_eq!(refused(json!([])), one("/custom", "type_wrong"));
        assert_eq!(refused(json!({"output": "much"})).first().unwrap().0, "/custom/output");
        assert_eq!(refused(json!({"output": 101})).first().unwrap().0, "/custom/output");
        assert_eq!(refused(json!({"code": "ab-1"})).first().unwrap().0, "/custom/code");
        assert_eq!(refused(json!({"level": "z"})), one("/custom/level", "choice_unknown"));
        let nobody = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
        assert_eq!(refused(json!({"partner": nobody})), one("/custom/partner", "reference_unknown"));
        assert!(org.admin.get("/v1/customers").expect(200).data().is_empty());
        // In an address, too, it is named.
        let asked = org.admin.get("/v1/customers?filter[custom.none]=1").expect(400);
        assert_eq!(asked.errors().first().unwrap().1, "filter_field_unknown");
        assert_eq!(
            org.admin.get("/v1/customers?filter[custom.code]=1").expect(400).errors()[0].1,
            "custom_not_filterable"
        );
        assert_eq!(org.admin.get("/v1/customers?sort=custom.code").expect(400).errors()[0].1, "custom_not_filterable");
    }

    pub(super) fn a_required_field_is_asked_for_and_a_default_stands_in(engine: Engine) {
        let org = Org::new(engine);
        let before = make(&org.admin, "老客户有限公司", json!({}));
        let id = add(&org, "region_code", json!({"type": "text", "required": true}));
        add(&org, "channel", json!({"type": "text", "default": "直销"}));
        let missing = org.admin.post("/v1/customers", &company("缺值有限公司")).expect(422).errors();
        assert_eq!(missing, [("/custom/region_code".to_owned(), "required".to_owned())]);
        let made = make(&org.admin, "有值有限公司", json!({"region_code": "N"}));
        assert_eq!(made["custom"]["channel"], "直销");
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let cleared = org.admin.patch(&path, &json!({"custom": {"region_code": null}})).expect(422).errors();
        assert_eq!(cleared, [("/custom/region_code".to_owned(), "required".to_owned())]);
        // One that was there before stays readable, and may be changed elsewhere.
        let old = format!("/v1/customers/{}", before["id"].as_str().unwrap());
        assert_eq!(
            org.admin.patch(&old, &json!({"remark": "照旧"})).expect(200).json()["custom"]["region_code"],
            Value::Null
        );
        // Out of use, it is asked for no more, and its values come back with it.
        let _ = org.admin.patch(&format!("/v1/fields/{id}"), &json!({"retired": true})).expect(200);
        let bare = make(&org.admin, "无值有限公司", json!({}));
        assert_eq!(bare["custom"], json!({"channel": "直销"}));
        let _ = org.admin.patch(&format!("/v1/fields/{id}"), &json!({"retired": false})).expect(200);
        assert_eq!(org.admin.get(&path).expect(200).json()["custom"]["region_code"], "N");
    }

    pub(super) fn a_unique_value_is_one_records_and_free_again(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "serial", json!({"type": "text", "unique": true, "filterable": true}));
        add(&org, "passport", json!({"type": "text", "unique": true, "sensitive": true}));
        for (key, value) in [("serial", "AB-1"), ("passport", "E12345678")] {
            let said = json!({ key: value });
            let first = make(&org.admin, &format!("唯一{key}有限公司"), said.clone());
            let again = with(&format!("重复{key}有限公司"), said.clone());
            let refused = org.admin.post("/v1/customers", &again).expect(409);
            assert_eq!(refused.errors()[0].1, "unique_value_taken");
            assert_eq!(refused.code(), "duplicate");
            // Whoever allows duplicates does not make it less unique.
            let _ = org.admin.post("/v1/customers?on_duplicate=allow", &again).expect(409);
            let other = make(&org.admin, &format!("另外{key}有限公司"), json!({}));
            let path = format!("/v1/customers/{}", other["id"].as_str().unwrap());
            let _ = org.admin.patch(&path, &json!({"custom": said})).expect(409);
            // Of a batch one is made.
            let twins = json!({"items": [with("双一有限公司", json!({key: "TWIN"})), with("双二有限公司", json!({key: "TWIN"}))]});
            let done = org.admin.post("/v1/customers/batch", &twins).expect(207).data();
            assert_eq!((&done[0]["status"], &done[1]["status"]), (&json!(201), &json!(409)), "{done:?}");
            // Deleted, its value is free; taken, it does not come back.
            let first = format!("/v1/customers/{}", first["id"].as_str().unwrap());
            let _ = org.admin.delete(&first).expect(204);
            let _ = org.admin.patch(&path, &json!({"custom": said})).expect(200);
            let refused = org.admin.post(&format!("{first}/restore"), &json!({})).expect(409);
            assert_eq!(refused.errors()[0].1, "taken_meanwhile");
            let _ = org.admin.patch(&path, &json!({"custom": {key: null}})).expect(200);
            let _ = org.admin.post(&format!("{first}/restore"), &json!({})).expect(200);
        }
    }

    pub(super) fn sensitive_values_are_sealed_masked_found_and_revealed(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "passport", json!({"type": "text", "sensitive": true, "filterable": true}));
        let made = make(&org.admin, "密封有限公司", json!({"passport": "G98765432"}));
        make(&org.admin, "别家有限公司", json!({"passport": "G11111111"}));
        assert_eq!(search(&org.admin, "passport", "eq", &json!("g98765432")), set(&["密封有限公司"]));
        assert_eq!(search(&org.admin, "passport", "in", &json!(["G98765432", "x"])), set(&["密封有限公司"]));
        let asked = org.admin.get("/v1/customers?filter[custom.passport]=G98765432").expect(400);
        assert_eq!(asked.errors()[0].1, "sealed_in_url");
        // Who sees contact data masked sees it masked.
        let kinds = json!({"customer": {"read": ["all"]}});
        let rights = json!({"kinds": kinds, "contact_data": "masked"});
        let _ = org.admin.post("/v1/roles", &json!({"key": "looker", "name": "查看员", "rights": rights})).expect(201);
        let looker = org.user("looker", None).session;
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let seen = looker.get(&path).expect(200).json();
        assert_eq!(seen["custom"]["passport"], "****", "{seen}");
        assert!(seen["masked"].as_array().unwrap().contains(&json!("custom.passport")));
        let reason = json!({"fields": ["custom.passport"], "reason": "核对护照"});
        let shown = org.admin.post(&format!("{path}/reveal"), &reason).expect(200).json();
        assert_eq!(shown["fields"]["custom.passport"], "G98765432");
        let open = json!({"fields": ["custom.nothing"], "reason": "核对护照"});
        let _ = org.admin.post(&format!("{path}/reveal"), &open).expect(422);
        // No mask becomes a value.
        let _ = org.admin.patch(&path, &json!({"custom": {"passport": "****"}})).expect(422);
    }

    pub(super) fn filters_select_by_every_type(engine: Engine) {
        let org = Org::new(engine);
        let two = json!([{"key": "gold", "label": {"zh-CN": "金"}}, {"key": "silver", "label": {"en": "Silver"}}]);
        add(&org, "motto", json!({"type": "text", "filterable": true}));
        add(&org, "output", json!({"type": "number", "filterable": true}));
        add(&org, "capital", json!({"type": "money", "currency": "CNY", "filterable": true}));
        add(&org, "founded", json!({"type": "date", "filterable": true}));
        add(&org, "listed", json!({"type": "boolean", "filterable": true}));
        add(&org, "level", json!({"type": "choice", "choices": two, "filterable": true}));
        add(&org, "medals", json!({"type": "choices", "choices": two, "filterable": true}));
        make(
            &org.admin,
            "甲有限公司",
            json!({"motto": "ＡＢＣ 客户", "output": 1.5, "capital": "10", "founded": "2001-01-01", "listed": true, "level": "gold", "medals": ["gold", "silver"]}),
        );
        make(
            &org.admin,
            "乙有限公司",
            json!({"motto": "abd", "output": -2, "capital": "20.50", "founded": "2010-01-01", "listed": false, "level": "silver", "medals": ["silver"]}),
        );
        make(&org.admin, "丙有限公司", json!({}));
        let found = |field: &str, op: &str, value: Value| search(&org.admin, field, op, &value);
        let (a, b, c) = ("甲有限公司", "乙有限公司", "丙有限公司");
        assert_eq!(found("motto", "eq", json!("abc 客户")), set(&[a]));
        assert_eq!(found("motto", "starts_with", json!("AB")), set(&[a, b]));
        assert_eq!(found("motto", "ne", json!("abd")), set(&[a, c]));
        assert_eq!(found("motto", "is_null", json!(true)), set(&[c]));
        assert_eq!(found("output", "gt", json!(0)), set(&[a]));
        assert_eq!(found("output", "lte", json!("1.5")), set(&[a, b]));
        assert_eq!(found("output", "between", json!([-3, 1])), set(&[b]));
        assert_eq!(found("capital", "gte", json!("20.5")), set(&[b]));
        assert_eq!(found("capital", "lt", json!({"amount": "20.50", "currency": "CNY"})), set(&[a]));
        assert_eq!(found("founded", "lt", json!("2005-01-01")), set(&[a]));
        assert_eq!(found("listed", "eq", json!(false)), set(&[b]));
        assert_eq!(found("level", "in", json!(["gold", "silver"])), set(&[a, b]));
        assert_eq!(found("level", "nin", json!(["gold"])), set(&[b, c]));
        assert_eq!(found("medals", "has_any", json!(["gold"])), set(&[a]));
        assert_eq!(found("medals", "has_all", json!(["gold", "silver"])), set(&[a]));
        assert_eq!(found("medals", "is_null", json!(true)), set(&[c]));
        let listed = org.admin.get("/v1/customers?filter[custom.output.gte]=1&filter[custom.level]=gold").expect(200);
        assert_eq!(listed.data().len(), 1);
        // What changed is found anew.
        let of = |name: &str| {
            let page = org.admin.post("/v1/customers/search", &json!({"where": {"field": "name", "value": name}}));
            format!("/v1/customers/{}", page.expect(200).data()[0]["id"].as_str().unwrap())
        };
        let _ = org
            .admin
            .patch(&of(a), &json!({"custom": {"medals": ["silver"], "output": null, "level": "silver"}}))
            .expect(200);
        assert_eq!(found("medals", "has_any", json!(["gold"])), set(&[]));
        assert_eq!(found("output", "is_null", json!(true)), set(&[a, c]));
        assert_eq!(found("level", "eq", json!("silver")), set(&[a, b]));
        let _ = org.admin.delete(&of(b)).expect(204);
        assert_eq!(found("level", "eq", json!("silver")), set(&[a]));
        let wrong = json!({"where": {"field": "custom.output", "op": "starts_with", "value": "1"}});
        assert_eq!(org.admin.post("/v1/customers/search", &wrong).expect(400).errors()[0].1, "filter_op_unknown");
    }

    pub(super) fn orders_walk_values_and_then_what_has_none(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "output", json!({"type": "number", "filterable": true}));
        add(&org, "motto", json!({"type": "text", "filterable": true}));
        let items: Vec<Value> = (0..23)
            .map(|at: i64| {
                let custom = if at % 3 == 0 {
                    json!({})
                } else {
                    json!({"output": at % 7 - 3, "motto": format!("m{}", at % 5)})
                };
                with(&format!("次序{at}有限公司"), custom)
            })
            .collect();
        let _ = org.admin.post("/v1/customers/batch", &json!({"items": items})).expect(200);
        let walk = |session: &Session, sort: &str| {
            let (mut seen, mut after) = (Vec::<Value>::new(), String::new());
            loop {
                let page = session.get(&format!("/v1/customers?sort={sort}&limit=4{after}")).expect(200).json();
                seen.extend(page["data"].as_array().unwrap().clone());
                match page["page"]["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break seen,
                }
            }
        };
        for key in ["output", "motto"] {
            for sort in [format!("custom.{key}"), format!("-custom.{key}")] {
                let seen = walk(&org.admin, &sort);
                let ids: BTreeSet<&str> = seen.iter().map(|one| one["id"].as_str().unwrap()).collect();
                assert_eq!((seen.len(), ids.len()), (23, 23), "{sort}");
                let values: Vec<&Value> = seen.iter().map(|one| &one["custom"][key]).collect();
                let some: Vec<&Value> = values.iter().copied().take_while(|value| !value.is_null()).collect();
                assert_eq!(some.len(), 15, "{sort}: what has a value comes first");
                let mut sorted = some.clone();
                sorted.sort_by_key(|value| (value.as_i64(), value.as_str().map(str::to_owned)));
                if sort.starts_with('-') {
                    sorted.reverse();
                }
                assert_eq!(some, sorted, "{sort}");
                // Back from the end over the border of values and none.
                let page = |cursor: &str| {
                    let after = if cursor.is_empty() { String::new() } else { format!("&after={cursor}") };
                    org.admin.get(&format!("/v1/customers?sort={sort}&limit=8{after}")).expect(200).json()
                };
                let first = page("");
                let second = page(first["page"]["next"].as_str().unwrap());
                let third = page(second["page"]["next"].as_str().unwrap());
                assert_eq!(page(third["page"]["prev"].as_str().unwrap())["data"], second["data"], "{sort}");
                assert_eq!(page(second["page"]["prev"].as_str().unwrap())["data"], first["data"], "{sort}");
            }
        }
        // What has no value is not among what a condition asks for.
        let asked = "/v1/customers?filter[custom.output.gte]=-3&sort=-custom.output&limit=500";
        assert_eq!(org.admin.get(asked).expect(200).data().len(), 15);
        // Somebody with several parts of a reach sees one order.
        let team = org.team(None);
        let lead = org.user("manager", Some(&team)).session;
        for at in 0..6 {
            let mut body = with(&format!("团队{at}有限公司"), json!({"output": at}));
            body["team_id"] = team.clone().into();
            let _ = if at % 2 == 0 { &lead } else { &org.admin }.post("/v1/customers", &body).expect(201);
        }
        let outputs: Vec<i64> =
            walk(&lead, "-custom.output").iter().filter_map(|one| one["custom"]["output"].as_i64()).collect();
        assert_eq!(outputs, [5, 4, 3, 2, 1, 0]);
        assert_eq!(
            org.admin.get("/v1/customers?sort=custom.output&after=abc").expect(400).errors()[0].1,
            "cursor_invalid"
        );
    }

    pub(super) fn a_role_may_be_kept_from_a_field(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "margin", json!({"type": "number", "filterable": true}));
        add(&org, "level", json!({"type": "text"}));
        let fields = json!({"custom.margin": {"sees": "hidden", "writes": false}, "custom.level": {"writes": false}});
        let kinds = json!({"customer": {"create": ["own"], "read": ["all"], "update": ["all"], "fields": fields}});
        let rights = json!({"kinds": kinds, "contact_data": "full"});
        let _ = org.admin.post("/v1/roles", &json!({"key": "junior", "name": "新人", "rights": rights})).expect(201);
        let junior = org.user("junior", None).session;
        let made = make(&org.admin, "毛利有限公司", json!({"margin": 7, "level": "A"}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let seen = junior.get(&path).expect(200).json();
        assert_eq!((&seen["custom"]["margin"], &seen["custom"]["level"]), (&Value::Null, &json!("A")));
        assert!(seen["hidden"].as_array().unwrap().contains(&json!("custom.margin")));
        // It can neither be asked for, nor ordered by, nor written; what was read may be sent back.
        assert_eq!(
            junior.get("/v1/customers?filter[custom.margin]=7").expect(400).errors()[0].1,
            "filter_field_unknown"
        );
        let _ = junior.get("/v1/customers?sort=custom.margin").expect(400);
        let _ = junior.patch(&path, &json!({"custom": {"margin": 1}})).expect(422);
        assert_eq!(junior.patch(&path, &json!({"custom": {"level": "B"}})).expect(422).errors()[0].1, "read_only");
        assert_eq!(junior.patch(&path, &seen).expect(200).json()["version"], made["version"]);
        let history = junior.get(&format!("{path}/history")).expect(200).json().to_string();
        assert!(!history.contains("\"to\":7"), "{history}");
        // A key that is limited to fields has none that were added, unless it says so.
        let key = |fields: Value| {
            let body = json!({"name": "表单", "role": "administrator", "fields": fields});
            let made = org.admin.post("/v1/api_keys", &body).expect(201).json();
            org.admin.with_token(made["key"].as_str().or(made["secret"].as_str()))
        };
        let bare = key(json!(["customer.name", "customer.kind"])).get(&path).expect(200).json();
        assert_eq!(bare["custom"]["margin"], Value::Null);
        let whole = key(json!(["customer.name", "customer.custom"])).get(&path).expect(200).json();
        assert_eq!(whole["custom"]["margin"], 7);
    }

    pub(super) fn two_changes_of_different_fields_go_together(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "one", json!({"type": "text"}));
        add(&org, "two", json!({"type": "text"}));
        let made = make(&org.admin, "并行有限公司", json!({}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let version = made["version"].clone();
        let _ = org.admin.patch(&path, &json!({"version": version, "custom": {"one": "a"}})).expect(200);
        let _ = org.admin.patch(&path, &json!({"version": version, "custom": {"two": "b"}})).expect(200);
        let clash = org.admin.patch(&path, &json!({"version": version, "custom": {"one": "c"}})).expect(412).json();
        let conflict = &clash["conflicts"][0];
        assert_eq!(
            (&conflict["field"], &conflict["yours"], &conflict["theirs"]),
            (&json!("custom.one"), &json!("c"), &json!("a"))
        );
    }

    pub(super) fn history_tells_values_by_their_labels(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "motto", json!({"type": "text"}));
        let made = make(&org.admin, "历史有限公司", json!({"motto": "旧"}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"custom": {"motto": "新"}})).expect(200);
        let history = org.admin.get(&format!("{path}/history")).expect(200).data();
        let change =
            history.iter().find(|entry| entry["type"].as_str().or(entry["event"].as_str()) == Some("customer.updated"));
        let changes = &change.unwrap_or_else(|| panic!("{history:?}"))["changes"];
        assert_eq!(changes[0]["field"], "custom.motto");
        assert_eq!((&changes[0]["from"], &changes[0]["to"]), (&json!("旧"), &json!("新")));
        assert!(changes[0]["label"].as_str().unwrap().contains("motto"));
    }

    pub(super) fn contacts_that_come_along_have_values_too(engine: Engine) {
        let org = Org::new(engine);
        add_to(&org, "contact", "hobby", json!({"type": "text", "required": true}));
        let mut body = company("随行有限公司");
        body["contacts"] = json!([{"name": "李小明", "custom": {"hobby": "围棋"}}]);
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}?expand=contacts", made["id"].as_str().unwrap());
        assert_eq!(org.admin.get(&path).expect(200).json()["contacts"][0]["custom"]["hobby"], "围棋");
        body["contacts"] = json!([{"name": "李小明"}]);
        let missing = org.admin.post("/v1/customers", &body).expect(422).errors();
        assert_eq!(missing, [("/contacts/0/custom/hobby".to_owned(), "required".to_owned())]);
    }

    pub(super) fn words_find_searchable_text(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "brand", json!({"type": "text", "searchable": true, "filterable": true}));
        let made = make(&org.admin, "品牌持有有限公司", json!({"brand": "青岛啤酒"}));
        make(&org.admin, "无关有限公司", json!({"brand": "燕京"}));
        let found = |q: &str| {
            let page = org.admin.get(&format!("/v1/customers?q={}", kehu_tests::encoded(q))).expect(200);
            page.data().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("啤酒"), ["品牌持有有限公司"]);
        assert_eq!(found("持有 青岛"), ["品牌持有有限公司"]);
        assert_eq!(found("有限公司青岛"), Vec::<String>::new());
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"custom": {"brand": "崂山"}})).expect(200);
        assert_eq!((found("啤酒").len(), found("崂山").len(), found("持有").len()), (0, 1, 1));
    }

    pub(super) fn every_kind_takes_fields(engine: Engine) {
        let org = Org::new(engine);
        for kind in ["contact", "follow_up", "tag", "team", "user", "role", "form"] {
            add_to(&org, kind, "extra", json!({"type": "text", "filterable": true}));
        }
        let customer = make(&org.admin, "各类有限公司", json!({}))["id"].clone();
        let extra = json!({"extra": "x"});
        let bodies = [
            ("contacts", json!({"customer_id": customer, "name": "王大锤", "custom": extra})),
            (
                "follow_ups",
                json!({"customer_id": customer, "kind": "call", "summary": "谈", "happened_at": "2026-01-01T00:00:00Z", "custom": extra}),
            ),
            ("tags", json!({"name": "新标签", "custom": extra})),
            ("teams", json!({"name": "新团队", "custom": extra})),
            (
                "users",
                json!({"name": "新人", "user_name": format!("u{}", kehu_tests::unique()), "role": "salesperson", "custom": extra}),
            ),
            ("roles", json!({"key": "extra_role", "name": "新角色", "rights": {"kinds": {}}, "custom": extra})),
        ];
        for (path, body) in bodies {
            let made = org.admin.post(&format!("/v1/{path}"), &body).expect(201).json();
            let id = made["id"].as_str().or(made["user"]["id"].as_str()).unwrap_or_else(|| panic!("{made}")).to_owned();
            assert_eq!(org.admin.get(&format!("/v1/{path}/{id}")).expect(200).json()["custom"], extra, "{path}");
            let found = org.admin.get(&format!("/v1/{path}?filter[custom.extra]=x")).expect(200).data();
            assert_eq!(found.len(), 1, "{path}");
            let changed =
                org.admin.patch(&format!("/v1/{path}/{id}"), &json!({"custom": {"extra": "y"}})).expect(200).json();
            assert_eq!(changed["custom"]["extra"], "y", "{path}");
        }
    }

    pub(super) fn a_note_that_is_shared_may_be_named(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "memo", json!({"type": "reference", "target": "note"}));
        let team = org.team(None);
        let (one, other) = (org.user("salesperson", Some(&team)), org.user("salesperson", Some(&team)));
        let customer = one.session.post("/v1/customers", &company("共享有限公司")).expect(201).id();
        let note = json!({"record_kind": "customer", "record_id": customer, "body": "共享的备忘"});
        let note = one.session.post("/v1/notes", &note).expect(201).id();
        let body = with("引用有限公司", json!({"memo": note}));
        let refused = other.session.post("/v1/customers", &body).expect(422).errors();
        assert_eq!(refused, [("/custom/memo".to_owned(), "reference_unknown".to_owned())]);
        let shared = json!({"collaborators": [{"user_id": other.id, "access": "read"}]});
        let _ = one.session.patch(&format!("/v1/customers/{customer}"), &shared).expect(200);
        let _ = other.session.get(&format!("/v1/notes/{note}")).expect(200);
        let _ = other.session.post("/v1/customers", &body).expect(201);
    }
}
