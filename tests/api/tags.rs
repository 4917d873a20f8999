//! Tags as the words of an organisation: renamed, merged, added as a set.

kehu_tests::on_both_engines!(
    a_new_name_is_shown_and_found_at_once,
    few_are_merged_at_once,
    many_are_merged_by_a_job,
    a_merge_takes_rights_and_another_tag,
    a_set_is_added_once,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, encoded, new_id};
    use serde_json::{Value, json};

    fn names(record: &Value) -> Vec<String> {
        record["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn tag(org: &Org, name: &str) -> String {
        org.admin.post("/v1/tags", &json!({"name": name, "color": "#1677ff"})).expect(201).id()
    }

    #[track_caller]
    fn tagged(org: &Org, kind: &str, tag: &str) -> usize {
        org.admin.get(&format!("/v1/{kind}?limit=500&filter[tags.has_any]={}", encoded(tag))).expect(200).data().len()
    }

    pub(super) fn a_new_name_is_shown_and_found_at_once(engine: Engine) {
        let org = Org::new(engine);
        let id = tag(&org, "意向");
        let mut body = company("改名有限公司");
        body["tags"] = json!(["意向"]);
        body["contacts"] = json!([{"name": "周芷若", "tags": ["意向"]}]);
        let customer = org.admin.post("/v1/customers", &body).expect(201).json();
        let _ = org.admin.patch(&format!("/v1/tags/{id}"), &json!({"name": "采购意向"})).expect(200);
        let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
        let after = org.admin.get(&path).expect(200).json();
        assert_eq!((names(&after), &after["version"]), (vec!["采购意向".to_owned()], &customer["version"]));
        assert_eq!((tagged(&org, "customers", "采购意向"), tagged(&org, "contacts", "采购意向")), (1, 1));
        let gone = org.admin.get(&format!("/v1/customers?filter[tags.has_any]={}", encoded("意向")));
        assert!(gone.data().is_empty(), "{}", gone.text);
        let _ = tag(&org, "意向");
    }

    pub(super) fn few_are_merged_at_once(engine: Engine) {
        let org = Org::new(engine);
        let (from, into) = (tag(&org, "硬件采购"), tag(&org, "采购意向-硬件设备"));
        let make = |name: &str, tags: &Value| {
            let body =
                json!({"name": name, "kind": "company", "tags": tags, "contacts": [{"name": "周芷若", "tags": tags}]});
            org.admin.post("/v1/customers", &body).expect(201).json()
        };
        let one = make("甲有限公司", &json!(["硬件采购", "重点"]));
        let both = make("乙有限公司", &json!(["采购意向-硬件设备", "硬件采购"]));
        let deleted = make("丙有限公司", &json!(["硬件采购"]));
        let path = |record: &Value| format!("/v1/customers/{}", record["id"].as_str().unwrap());
        let _ = org.admin.delete(&path(&deleted)).expect(204);
        let merged =
            org.admin.with("x-change-reason", "same").post(&format!("/v1/tags/{from}/merge"), &json!({"into": into}));
        let merged = merged.expect(200);
        assert_eq!((merged.id(), merged.json()["name"].clone()), (into, json!("采购意向-硬件设备")));
        let shown = org.admin.get(&path(&one)).expect(200).json();
        assert_eq!(names(&shown), ["采购意向-硬件设备", "重点"], "in the same place");
        assert_eq!(shown["version"], 2);
        assert_eq!(names(&org.admin.get(&path(&both)).expect(200).json()), ["采购意向-硬件设备"]);
        assert_eq!(
            (tagged(&org, "customers", "采购意向-硬件设备"), tagged(&org, "contacts", "采购意向-硬件设备")),
            (2, 2)
        );
        let _ = org.admin.post(&format!("{}/restore", path(&deleted)), &json!({})).expect(200);
        assert_eq!(names(&org.admin.get(&path(&deleted)).expect(200).json()), ["采购意向-硬件设备"]);
        let changes = org.admin.get(&format!("{}/history", path(&one))).expect(200).data();
        assert_eq!(changes.len(), 2, "{changes:?}");
        let log = org.admin.get("/v1/audit?filter[event]=tag.merged").expect(200).data();
        assert_eq!((log.len(), &log[0]["record_id"]), (1, &json!(from)));
        let _ = org.admin.get(&format!("/v1/tags/{from}")).expect(404);
        let _ = tag(&org, "硬件采购");
    }

    pub(super) fn many_are_merged_by_a_job(engine: Engine) {
        const MANY: usize = 260;
        let org = Org::new(engine);
        let (from, into) = (tag(&org, "旧词"), tag(&org, "新词"));
        let items: Vec<Value> =
            (0..MANY).map(|_| json!({"name": "众多有限公司", "kind": "company", "tags": [from]})).collect();
        assert_eq!(org.admin.post("/v1/customers/batch", &json!({"items": items})).expect(200).data().len(), MANY);
        let path = format!("/v1/tags/{from}/merge");
        let asked = org.admin.post(&path, &json!({"into": into})).expect(202);
        let job = asked.header("location").unwrap().to_owned();
        // Until it is done, the same merge is the same job, and another one is none.
        let other = tag(&org, "另一词");
        let elsewhere = org.admin.post(&path, &json!({"into": other}));
        if elsewhere.status != 404 {
            assert_eq!(elsewhere.expect(409).code(), "merging_elsewhere");
        }
        let told = org.admin.done(&job, 60);
        assert_eq!((&told["result"]["records"], &told["result"]["merged"]), (&json!(MANY), &json!(true)));
        assert_eq!(tagged(&org, "customers", "新词"), MANY);
        let _ = org.admin.get(&format!("/v1/tags/{from}")).expect(404);
        let _ = org.admin.post(&path, &json!({"into": into})).expect(404);
    }

    pub(super) fn a_merge_takes_rights_and_another_tag(engine: Engine) {
        let org = Org::new(engine);
        let (from, into) = (tag(&org, "甲"), tag(&org, "乙"));
        let path = format!("/v1/tags/{from}/merge");
        let refused = |body: Value| org.admin.post(&path, &body).expect(422).errors().remove(0);
        let at = |code: &str| ("/into".to_owned(), code.to_owned());
        assert_eq!(refused(json!({"into": from})), at("merge_into_itself"));
        assert_eq!(refused(json!({"into": new_id()})), at("reference_unknown"));
        assert_eq!(refused(json!({})), at("required"));
        assert_eq!(refused(json!({"into": "x"})), at("id_invalid"));
        let _ = org.admin.post(&format!("/v1/tags/{}/merge", new_id()), &json!({"into": into})).expect(404);
        let seller = org.user("salesperson", None).session;
        let _ = seller.post(&path, &json!({"into": into})).expect(403);
        let _ = org.admin.get(&format!("/v1/tags/{from}")).expect(200);
    }

    pub(super) fn a_set_is_added_once(engine: Engine) {
        let org = Org::new(engine);
        let sets = org.admin.get("/v1/tag_sets").expect(200).data();
        let needs = sets.iter().find(|set| set["key"] == "needs").unwrap();
        let many = needs["tags"].as_array().unwrap().len();
        assert_eq!(needs["tags"][0]["name"], json!({"zh-CN": "采购意向-硬件设备", "en": "Purchase - hardware"}));
        let own = org.admin.post("/v1/tags", &json!({"name": "咨询-技术支持", "color": "#ff0000"})).expect(201).id();
        let created =
            |reply: &Value| reply["data"].as_array().unwrap().iter().filter(|tag| tag["created"] == true).count();
        let added = org.admin.post("/v1/tag_sets/needs", &json!({})).expect(200).json();
        assert_eq!((created(&added), added["data"].as_array().unwrap().len()), (many - 1, many));
        assert_eq!(org.admin.get(&format!("/v1/tags/{own}")).expect(200).json()["color"], "#ff0000", "left as it is");
        let again = org.admin.post("/v1/tag_sets/needs", &json!({"language": "zh-CN"})).expect(200).json();
        assert_eq!(created(&again), 0);
        assert_eq!(org.admin.get("/v1/tags?limit=100").expect(200).data().len(), many);
        let english = org.admin.post("/v1/tag_sets/needs", &json!({"language": "en"})).expect(200).json();
        assert_eq!((created(&english), &english["data"][0]["name"]), (many, &json!("Purchase - hardware")));
        let _ = org.admin.post("/v1/tag_sets/unknown", &json!({})).expect(404);
        let wrong = org.admin.post("/v1/tag_sets/needs", &json!({"language": "fr"})).expect(422);
        assert_eq!(wrong.errors(), [("/language".to_owned(), "choice_unknown".to_owned())]);
        let auditor = org.user("auditor", None).session;
        let _ = auditor.post("/v1/tag_sets/needs", &json!({})).expect(403);
    }
}
