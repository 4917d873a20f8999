//! Customer numbers by the organisation's own template: shown before, counted once, never changed.

kehu_tests::on_both_engines!(
    a_template_numbers_what_comes_and_renumbers_nothing,
    a_preview_counts_nothing,
    a_preview_is_what_a_change_would_lay_down,
    numbers_that_are_taken_are_passed_over,
    one_counter_for_all_gives_each_number_once,
    what_would_repeat_is_refused_with_a_mend,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    const PREVIEW: &str = "/v1/organisation/numbers/preview";

    #[track_caller]
    fn lay_down(org: &Org, numbers: &Value) {
        let _ = org.admin.patch("/v1/organisation", &json!({"settings": {"numbers": numbers}})).expect(200);
    }

    #[track_caller]
    fn made(org: &Org, industry: &str) -> Value {
        let mut body = company("编号科技有限公司");
        body["industry"] = json!(industry);
        org.admin.post("/v1/customers", &body).expect(201).json()
    }

    #[track_caller]
    fn number(org: &Org, industry: &str) -> String {
        made(org, industry)["number"].as_str().unwrap().to_owned()
    }

    /// The year and the month, as the program tells them.
    fn today(org: &Org) -> (String, String) {
        let asked = json!({"template": "{yyyy}.{mm}.{seq:1}", "reset": "month", "examples": [{}]});
        let shown = org.admin.post(PREVIEW, &asked).expect(200).json();
        let mut parts = shown["examples"][0]["numbers"][0].as_str().unwrap().split('.').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap())
    }

    pub(super) fn a_template_numbers_what_comes_and_renumbers_nothing(engine: Engine) {
        let org = Org::new(engine);
        let (year, month) = today(&org);
        let first = made(&org, "IT");
        assert_eq!(first["number"], format!("{year}-IT-001"));
        lay_down(&org, &json!({"template": "KH{yy}{mm}.{industry}_{kind}{seq:2}", "reset": "month"}));
        let short = &year[2..];
        assert_eq!(number(&org, "IT"), format!("KH{short}{month}.IT_C01"));
        assert_eq!(number(&org, "IT"), format!("KH{short}{month}.IT_C02"));
        assert_eq!(number(&org, "C"), format!("KH{short}{month}.MFG_C01"), "each industry by itself");
        let person = json!({"name": "周芷若", "kind": "person"});
        let person = org.admin.post("/v1/customers", &person).expect(201).json();
        assert_eq!(person["number"], format!("KH{short}{month}.OTH_P01"));
        lay_down(&org, &json!({"industry_codes": {"I": "SOFT"}}));
        assert_eq!(number(&org, "65"), format!("KH{short}{month}.SOFT_C01"), "a division goes with its section");
        let path = format!("/v1/customers/{}", first["id"].as_str().unwrap());
        assert_eq!(org.admin.get(&path).expect(200).json()["number"], first["number"]);
        lay_down(&org, &Value::Null);
        assert_eq!(number(&org, "IT"), format!("{year}-IT-002"), "the counter goes on where it stood");
        let log = org.admin.get("/v1/audit?filter[event]=organisation.settings_changed").expect(200).data();
        let told = &log[0]["details"];
        let template = |when: &str| &told[when]["settings.numbers"]["template"];
        assert_eq!(template("after"), "{yyyy}-{industry}-{seq:3}");
        assert_eq!(template("before"), "KH{yy}{mm}.{industry}_{kind}{seq:2}");
    }

    pub(super) fn a_preview_counts_nothing(engine: Engine) {
        let org = Org::new(engine);
        let (year, _) = today(&org);
        for _ in 0..2 {
            let shown = org.admin.post(PREVIEW, &json!({})).expect(200).json();
            assert_eq!(shown["template"], "{yyyy}-{industry}-{seq:3}");
            let examples = shown["examples"].as_array().unwrap();
            assert_eq!(examples[0]["industry"]["code"], "I");
            let numbers = json!(["IT-001", "IT-002", "IT-003"].map(|rest| format!("{year}-{rest}")));
            assert_eq!(examples[0]["numbers"], numbers);
            assert_eq!((&examples[2]["kind"], &examples[2]["industry"]), (&json!("person"), &Value::Null));
        }
        let asked = json!({"examples": [{"industry": "金融业", "kind": "person"}]});
        let next = org.admin.post(PREVIEW, &asked).expect(200).json()["examples"][0]["numbers"][0].clone();
        assert_eq!(number(&org, "J"), next.as_str().unwrap(), "the next one gets it");
        let seller = org.user("salesperson", None).session;
        let _ = seller.post(PREVIEW, &json!({})).expect(403);
        let wrong = org.admin.post(PREVIEW, &json!({"template": "{x}{seq:3}", "examples": [{"kind": "x"}], "y": 1}));
        let mut told: Vec<String> = wrong.expect(422).errors().into_iter().map(|(at, code)| at + " " + &code).collect();
        told.sort();
        let expected = ["/examples/0/kind choice_unknown", "/template number_template_token", "/y field_unknown"];
        assert_eq!(told, expected);
    }

    pub(super) fn a_preview_is_what_a_change_would_lay_down(engine: Engine) {
        let org = Org::new(engine);
        let codes = json!({"I": "SOFT", "J": "BANK"});
        lay_down(&org, &json!({"template": "{industry}{seq:3}", "reset": "never", "industry_codes": codes}));
        for patch in [
            json!({"industry_codes": {"金融业": "FIN2"}}),
            json!({"industry_codes": {"I": null}}),
            json!({"template": null, "reset": null}),
            json!({"industry_codes": null}),
        ] {
            let mut shown = org.admin.post(PREVIEW, &patch).expect(200).json();
            let first = shown["examples"][0]["numbers"][0].clone();
            shown.as_object_mut().unwrap().remove("examples");
            lay_down(&org, &patch);
            let laid = org.admin.get("/v1/organisation").expect(200).json()["settings"]["numbers"].clone();
            assert_eq!(shown, laid, "{patch}");
            assert_eq!(json!(number(&org, "I")), first, "{patch}");
        }
    }

    pub(super) fn numbers_that_are_taken_are_passed_over(engine: Engine) {
        let org = Org::new(engine);
        lay_down(&org, &json!({"template": "K{seq:3}", "reset": "never"}));
        let items: Vec<Value> = (0..120).map(|_| company("先来科技有限公司")).collect();
        assert_eq!(org.admin.post("/v1/customers/batch", &json!({"items": items})).expect(200).data().len(), 120);
        assert_eq!(number(&org, "IT"), "K121");
        // Another counter, of the same numbers: what was given stands in its way, deleted or not.
        let last = org.admin.get("/v1/customers?limit=1").expect(200).data().remove(0);
        let _ = org.admin.delete(&format!("/v1/customers/{}", last["id"].as_str().unwrap())).expect(204);
        lay_down(&org, &json!({"template": "K{seq:3}", "reset": "never", "scope": "organisation"}));
        let shown = org.admin.post(PREVIEW, &json!({"examples": [{}]})).expect(200).json();
        let promised: Vec<String> = serde_json::from_value(shown["examples"][0]["numbers"].clone()).unwrap();
        let given: Vec<String> = (0..3).map(|_| number(&org, "IT")).collect();
        assert_eq!(given, promised);
        let after = |number: &String| number.trim_start_matches('K').parse::<u32>().unwrap() > 121;
        assert!(given.iter().all(after), "{given:?}");
    }

    pub(super) fn one_counter_for_all_gives_each_number_once(engine: Engine) {
        let org = Org::new(engine);
        lay_down(&org, &json!({"template": "{industry}{seq:1}", "scope": "organisation", "reset": "never"}));
        let numbers = std::sync::Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for industry in ["IT", "C", "J", "IT"] {
                let (org, numbers) = (&org, &numbers);
                scope.spawn(move || {
                    for round in 0..6 {
                        let mut body = company("同数科技有限公司");
                        body["industry"] = json!(industry);
                        let given: Vec<Value> = if round % 2 == 0 {
                            vec![org.admin.post("/v1/customers", &body).expect(201).json()]
                        } else {
                            let items: Vec<Value> = (0..5)
                                .map(|_| json!({"name": "同批有限公司", "kind": "company", "industry": industry}))
                                .collect();
                            let made = org.admin.post("/v1/customers/batch", &json!({"items": items})).expect(200);
                            let one = |made: &Value| {
                                let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
                                org.admin.get(&path).expect(200).json()
                            };
                            made.data().iter().map(one).collect()
                        };
                        let mut numbers = numbers.lock().unwrap();
                        for record in given {
                            let number = record["number"].as_str().unwrap();
                            let count: u32 = number.trim_start_matches(char::is_alphabetic).parse().unwrap();
                            assert!(numbers.insert(count), "{number}");
                        }
                    }
                });
            }
        });
        let numbers = numbers.into_inner().unwrap();
        assert_eq!((numbers.len(), numbers.first()), (72, Some(&1)));
    }

    pub(super) fn what_would_repeat_is_refused_with_a_mend(engine: Engine) {
        let org = Org::new(engine);
        let refused = |numbers: Value| {
            let reply = org.admin.patch("/v1/organisation", &json!({"settings": {"numbers": numbers}})).expect(422);
            (reply.errors().remove(0), reply.json()["errors"][0]["hint"].as_str().unwrap().to_owned())
        };
        let (found, hint) = refused(json!({"template": "KH{seq:4}"}));
        assert_eq!(found, ("/settings/numbers/reset".to_owned(), "number_reset_repeats".to_owned()));
        assert!(hint.contains("{yyyy}"), "{hint}");
        let (found, _) = refused(json!({"template": "客户{yyyy}{seq:4}"}));
        assert_eq!(found, ("/settings/numbers/template".to_owned(), "number_template_text".to_owned()));
        let (found, hint) = refused(json!({"template": "{yyyy}{stage}{seq:4}"}));
        assert_eq!(found, ("/settings/numbers/template".to_owned(), "number_template_token".to_owned()));
        assert!(hint.contains("{industry}"), "{hint}");
    }
}
