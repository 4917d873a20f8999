//! Regions and industries lie in each other: who asks for a province is told of its districts, too.

kehu_tests::on_both_engines!(
    a_region_is_asked_for_with_all_that_lies_in_it,
    an_industry_is_asked_for_with_all_that_belongs_to_it,
    a_group_counts_what_its_value_finds,
    a_long_list_of_places_is_answered,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    /// Region and industry of each customer, by its name.
    const CUSTOMERS: [(&str, Option<&str>, Option<&str>); 8] = [
        ("南山", Some("440305"), Some("65")),
        ("福田", Some("440304"), Some("64")),
        ("深圳", Some("440300"), Some("I")),
        ("越秀", Some("440104"), Some("26")),
        ("广东", Some("440000"), Some("C")),
        ("浦东", Some("310115"), Some("65")),
        ("济源", Some("419001"), Some("66")),
        ("无名", None, None),
    ];

    fn world(engine: Engine) -> Org {
        let org = Org::new(engine);
        for (name, region, industry) in CUSTOMERS {
            let mut body = company(&format!("{name}有限公司"));
            (body["region"], body["industry"]) = (json!(region), json!(industry));
            let _ = org.admin.post("/v1/customers", &body).expect(201);
        }
        org
    }

    fn named(data: &[Value]) -> BTreeSet<String> {
        data.iter().map(|one| one["name"].as_str().unwrap().trim_end_matches("有限公司").to_owned()).collect()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn all_but(names: &[&str]) -> BTreeSet<String> {
        let gone = set(names);
        CUSTOMERS.iter().map(|(name, ..)| (*name).to_owned()).filter(|name| !gone.contains(name)).collect()
    }

    fn found(org: &Org, field: &str, op: &str, value: impl Into<Value>) -> BTreeSet<String> {
        let value: Value = value.into();
        let body = json!({"where": {"field": field, "op": op, "value": value}});
        named(&org.admin.post("/v1/customers/search", &body).expect(200).data())
    }

    pub(super) fn a_region_is_asked_for_with_all_that_lies_in_it(engine: Engine) {
        let org = world(engine);
        let guangdong = ["南山", "福田", "深圳", "越秀", "广东"];
        let shenzhen = ["南山", "福田", "深圳"];
        for (op, value, expected) in [
            ("eq", json!("440000"), set(&guangdong)),
            ("eq", json!("广东省"), set(&guangdong)),
            ("eq", json!("440300"), set(&shenzhen)),
            ("eq", json!("440305"), set(&["南山"])),
            ("eq", json!("310000"), set(&["浦东"])),
            ("eq", json!("410000"), set(&["济源"])),
            ("eq", json!("450000"), set(&[])),
            ("ne", json!("440000"), all_but(&guangdong)),
            ("ne", json!("440305"), all_but(&["南山"])),
            ("in", json!(["440300", "310000"]), set(&["南山", "福田", "深圳", "浦东"])),
            ("in", json!(["440305", "440300", "440104"]), set(&["南山", "福田", "深圳", "越秀"])),
            ("in", json!([]), set(&[])),
            ("nin", json!(["440300", "310115"]), all_but(&["南山", "福田", "深圳", "浦东"])),
            // The very code alone.
            ("starts_with", json!("440300"), set(&["深圳"])),
            ("starts_with", json!("4403"), set(&shenzhen)),
            ("is_null", json!(true), set(&["无名"])),
        ] {
            assert_eq!(found(&org, "region", op, value.clone()), expected, "{op} {value}");
        }
        let list = |query: &str| named(&org.admin.get(&format!("/v1/customers?{query}")).expect(200).data());
        assert_eq!(list("filter[region]=440000"), set(&guangdong));
        assert_eq!(list("filter[region.nin]=440000,310000"), set(&["济源", "无名"]));
        // Along a relation, in a segment, and counted.
        let customer = org.admin.get("/v1/customers?filter[region]=440305").expect(200).data()[0]["id"].clone();
        let _ = org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "张伟"})).expect(201);
        assert_eq!(org.admin.get("/v1/contacts?filter[customer.region]=440000").expect(200).data().len(), 1);
        assert_eq!(org.admin.get("/v1/contacts?filter[customer.region]=310000").expect(200).data().len(), 0);
        let asked = json!({"field": "region", "value": "440000"});
        let segment = json!({"name": "广东客户", "kind": "customer", "type": "live", "where": asked});
        let segment = org.admin.post("/v1/segments", &segment).expect(201).json();
        assert_eq!(segment["where"], asked, "it is kept as it was said");
        assert_eq!(list(&format!("filter[segment]={}", segment["id"].as_str().unwrap())), set(&guangdong));
        let counts = json!({"guangdong": {"kind": "customer", "where": asked}});
        assert_eq!(org.admin.post("/v1/counts", &counts).expect(200).json()["guangdong"]["count"], 5);
    }

    pub(super) fn an_industry_is_asked_for_with_all_that_belongs_to_it(engine: Engine) {
        let org = world(engine);
        let software = ["南山", "浦东"];
        for (op, value, expected) in [
            ("eq", json!("I"), set(&["南山", "福田", "深圳", "浦东"])),
            ("eq", json!("信息传输、软件和信息技术服务业"), set(&["南山", "福田", "深圳", "浦东"])),
            ("eq", json!("65"), set(&software)),
            ("eq", json!("I65"), set(&software)),
            ("eq", json!("A"), set(&[])),
            ("ne", json!("I"), all_but(&["南山", "福田", "深圳", "浦东"])),
            ("in", json!(["C", "66"]), set(&["越秀", "广东", "济源"])),
            ("in", json!(["I", "65", "I"]), set(&["南山", "福田", "深圳", "浦东"])),
            ("nin", json!(["I", "C"]), set(&["济源", "无名"])),
        ] {
            assert_eq!(found(&org, "industry", op, value.clone()), expected, "{op} {value}");
        }
    }

    pub(super) fn a_group_counts_what_its_value_finds(engine: Engine) {
        let org = world(engine);
        let grouped = |top: usize| {
            let body = json!({"by": ["region", "industry"], "top": top});
            org.admin.post("/v1/customers/facets", &body).expect(200).json()["data"].clone()
        };
        let whole = grouped(20);
        let counts = |field: &str| -> Vec<(Value, i64)> {
            let groups = whole[field]["groups"].as_array().unwrap();
            groups.iter().map(|group| (group["value"].clone(), group["count"].as_i64().unwrap())).collect()
        };
        let regions = [
            (json!("440000"), 5),
            (json!("440300"), 3),
            (json!("310115"), 1),
            (json!("419001"), 1),
            (json!("440104"), 1),
            (json!("440304"), 1),
            (json!("440305"), 1),
            (Value::Null, 1),
        ];
        assert_eq!(counts("region"), regions);
        let industries = [
            (json!("I"), 4),
            (json!("65"), 2),
            (json!("C"), 2),
            (json!("26"), 1),
            (json!("64"), 1),
            (json!("66"), 1),
            (Value::Null, 1),
        ];
        let sorted = |mut all: Vec<(Value, i64)>| {
            all.sort_by_key(|(value, _)| value.to_string());
            all
        };
        assert_eq!(sorted(counts("industry")), sorted(industries.to_vec()));
        for field in ["region", "industry"] {
            for (value, count) in counts(field) {
                let (op, value) = if value.is_null() { ("is_null", json!(true)) } else { ("eq", value) };
                let names = found(&org, field, op, value.clone());
                assert_eq!(i64::try_from(names.len()).unwrap(), count, "{field} {value}");
            }
            assert_eq!(whole[field]["other"], 0);
        }
        // Who is in a group that is told is in no other one.
        let two = grouped(2);
        assert_eq!((two["region"]["groups"].as_array().unwrap().len(), &two["region"]["other"]), (2, &json!(3)));
        assert_eq!(two["industry"]["groups"][0]["industry"]["name"], "信息传输、软件和信息技术服务业");
    }

    pub(super) fn a_long_list_of_places_is_answered(engine: Engine) {
        let org = world(engine);
        let mut cities: Vec<Value> = Vec::new();
        let provinces = org.admin.get("/v1/regions").expect(200).data();
        let parents = provinces.iter().map(|province| province["code"].as_str().unwrap());
        for parent in parents.chain(["510100", "330100", "320100", "420100", "430100", "610100"]) {
            cities.extend(org.admin.get(&format!("/v1/regions?parent={parent}")).expect(200).data());
        }
        let mut codes: Vec<Value> = cities.iter().map(|city| city["code"].clone()).collect();
        codes.retain(|code| code.as_str().is_some_and(|code| !code.starts_with("4403")));
        codes.truncate(499);
        assert_eq!(codes.len(), 499, "as many as may be asked for");
        assert!(!found(&org, "region", "in", json!(codes)).contains("南山"));
        codes.push(json!("440300"));
        assert!(found(&org, "region", "in", json!(codes)).is_superset(&set(&["南山", "福田", "深圳"])));
        assert_eq!(found(&org, "industry", "in", json!(vec!["C"; 500])), set(&["越秀", "广东"]));
    }
}
