//! Writes that are tried: told what would come of them, and nothing is written.

kehu_tests::on_both_engines!(
    what_would_come_of_a_create_is_told,
    what_would_come_of_a_change_is_told,
    nothing_is_written_and_no_number_is_lost,
    it_takes_the_right_to_the_write,
    a_mask_is_not_guessed_out_by_trying,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, new_id};
    use serde_json::{Value, json};

    use crate::entry_rules::tests::lay_down;

    fn codes(told: &Value, list: &str) -> Vec<Value> {
        told[list].as_array().unwrap().iter().map(|one| json!([one["pointer"], one["code"]])).collect()
    }

    pub(super) fn what_would_come_of_a_create_is_told(engine: Engine) {
        let org = Org::new(engine);
        let tried = |body: &Value| org.admin.post("/v1/customers/validate", body).expect(200).json();
        let good = tried(&company("试验有限公司"));
        assert_eq!(good, json!({"valid": true, "errors": [], "warnings": [], "duplicate": null}));
        let bad = tried(&json!({"name": "测试", "kind": "company", "phones": ["12"], "stage": "x", "colour": 1}));
        assert_eq!(bad["valid"], false);
        let told = codes(&bad, "errors");
        for at in [json!(["/stage", "choice_unknown"]), json!(["/colour", "field_unknown"])] {
            assert!(told.contains(&at), "{told:?}");
        }
        let unknown = tried(&json!({"name": "引用有限公司", "kind": "company", "owner_id": new_id()}));
        assert_eq!(codes(&unknown, "errors"), [json!(["/owner_id", "reference_unknown"])]);
        let body = company("相同有限公司");
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let met = tried(&body);
        assert_eq!(
            (&met["valid"], &met["duplicate"]["id"], &met["duplicate"]["state"]),
            (&json!(false), &made["id"], &json!("yours"))
        );
        let allowed = org.admin.post("/v1/customers/validate?on_duplicate=allow", &body).expect(200).json();
        assert_eq!(allowed["valid"], true);
        let _ = lay_down(
            &org,
            &json!({"kind": "customer", "field": "remark", "check": {"type": "required"}, "severity": "warn"}),
        );
        let _ = lay_down(
            &org,
            &json!({"kind": "customer", "field": "grade", "check": {"type": "required"}, "stages": ["active"]}),
        );
        assert_eq!(codes(&tried(&company("提醒有限公司")), "warnings"), [json!(["/remark", "rule_required"])]);
        let mut active = company("成交有限公司");
        active["stage"] = json!("active");
        assert_eq!(codes(&tried(&active), "errors"), [json!(["/grade", "rule_required"])]);
        // Any kind; a name that is taken is told too.
        let tag = json!({"name": "标签甲"});
        assert_eq!(org.admin.post("/v1/tags/validate", &tag).expect(200).json()["valid"], true);
        let _ = org.admin.post("/v1/tags", &tag).expect(201);
        let taken = org.admin.post("/v1/tags/validate", &tag).expect(200).json();
        assert_eq!(codes(&taken, "errors"), [json!(["/name", "name_taken"])]);
        let _ = org.admin.post("/v1/users/validate", &json!({})).expect(405);
    }

    pub(super) fn what_would_come_of_a_change_is_told(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("更改有限公司")).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let door = format!("{path}/validate");
        let good = org.admin.post(&door, &json!({"stage": "active", "remark": "新"})).expect(200).json();
        assert_eq!((&good["valid"], &good["errors"]), (&json!(true), &json!([])));
        let _ = lay_down(
            &org,
            &json!({"kind": "customer", "field": "grade", "check": {"type": "required"}, "stages": ["active"]}),
        );
        let refused = org.admin.post(&door, &json!({"stage": "active"})).expect(200).json();
        assert_eq!(codes(&refused, "errors"), [json!(["/grade", "rule_required"])]);
        let other = org.admin.post("/v1/customers", &company("别的有限公司")).expect(201).json();
        let met = org
            .admin
            .post(&door, &json!({"phones": other["phones"][0]["value"].as_str().map(|one| vec![one])}))
            .expect(200)
            .json();
        assert_eq!((&met["valid"], &met["duplicate"]["id"]), (&json!(false), &other["id"]));
        let after = org.admin.get(&path).expect(200).json();
        assert_eq!((&after["version"], &after["stage"]), (&json!(1), &json!("potential")));
        let _ = org.admin.post(&format!("/v1/customers/{}/validate", new_id()), &json!({"remark": "x"})).expect(404);
        let _ = org.admin.patch(&path, &json!({"remark": "先"})).expect(200);
        let stale = org.admin.with("if-match", "\"1-0\"").post(&door, &json!({"remark": "后"})).expect(412);
        assert_eq!(stale.code(), "version_conflict");
    }

    pub(super) fn nothing_is_written_and_no_number_is_lost(engine: Engine) {
        let org = Org::new(engine);
        let written = |entry: &Value| !entry["type"].as_str().unwrap().starts_with("audit.");
        let journal = || {
            let all = org.admin.get("/v1/audit?limit=500").expect(200).data();
            all.into_iter().filter(written).count()
        };
        let first = org.admin.post("/v1/customers", &company("编号一有限公司")).expect(201).json();
        let before = journal();
        let mut whole = company("编号二有限公司");
        whole["tags"] = json!(["只是试试"]);
        whole["contacts"] = json!([{"name": "孙三"}]);
        for _ in 0..3 {
            assert_eq!(org.admin.post("/v1/customers/validate", &whole).expect(200).json()["valid"], true);
        }
        assert_eq!(journal(), before);
        for kind in ["tags", "contacts"] {
            assert_eq!(org.admin.get(&format!("/v1/{kind}")).expect(200).data().len(), 0, "{kind}");
        }
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
        let second = org.admin.post("/v1/customers", &whole).expect(201).json();
        let counted =
            |record: &Value| record["number"].as_str().unwrap().rsplit('-').next().unwrap().parse::<i64>().unwrap();
        assert_eq!(counted(&second), counted(&first) + 1);
    }

    pub(super) fn it_takes_the_right_to_the_write(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("权限有限公司")).expect(201).id();
        let (marketing, seller) = (org.user("marketing", None).session, org.user("salesperson", None).session);
        let _ = marketing.post("/v1/customers/validate", &company("无权有限公司")).expect(403);
        let _ = marketing.post(&format!("/v1/customers/{customer}/validate"), &json!({"remark": "x"})).expect(403);
        let _ = seller.post("/v1/customers/validate", &company("有权有限公司")).expect(200);
        let _ = seller.post(&format!("/v1/customers/{customer}/validate"), &json!({"remark": "x"})).expect(404);
        let _ = seller.post("/v1/tags/validate", &json!({"name": "新标签"})).expect(200);
        let _ = seller.post("/v1/entry_rules/validate", &json!({})).expect(403);
    }

    pub(super) fn a_mask_is_not_guessed_out_by_trying(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (owner, colleague) = (org.user("salesperson", Some(&team)), org.user("manager", Some(&team)));
        let made = owner.session.post("/v1/customers", &company("试猜有限公司")).expect(201).json();
        let door = format!("/v1/customers/{}/validate", made["id"].as_str().unwrap());
        let guess = json!({"id_number": "11010119900307002X", "bank_accounts": ["6222026360837783531"]});
        let _ = colleague.session.post(&door, &guess).expect(200);
        let compared = |entry: &Value| entry["type"] == "customer.compared";
        let told = org.admin.get("/v1/audit?limit=500").expect(200).data();
        let told: Vec<&Value> = told.iter().filter(|entry| compared(entry)).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["details"]["values"], 2);
    }
}
