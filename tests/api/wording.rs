//! What people are told of what is wrong, in their language.

kehu_tests::on_both_engines!(people_are_told_in_the_words_that_they_know, only_what_can_be_written_is_offered);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, new_id};
    use serde_json::{Value, json};

    /// What is said of one place.
    fn said(errors: &Value, pointer: &str) -> (String, String) {
        let error = errors["errors"].as_array().unwrap().iter().find(|error| error["pointer"] == pointer);
        let error = error.unwrap_or_else(|| panic!("nothing at {pointer}: {errors}"));
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("message"), text("hint"))
    }

    pub(super) fn people_are_told_in_the_words_that_they_know(engine: Engine) {
        let org = Org::new(engine);
        let chinese = org.admin.with("accept-language", "zh-CN");
        let wrong = json!({"kind": "company", "stage": "成交", "remark": "铃\u{7}"});
        let wrong = chinese.post("/v1/customers", &wrong).expect(422).json();
        assert!(said(&wrong, "/stage").1.contains("active（成交"), "{wrong}");
        assert!(said(&wrong, "/name").0.contains("（name）”"), "{wrong}");
        assert!(said(&wrong, "/remark").0.contains("U+0007"), "{wrong}");
        let mut body = company("指代有限公司");
        body["owner_id"] = json!(new_id());
        let unknown = chinese.post("/v1/customers", &body).expect(422).json();
        assert!(said(&unknown, "/owner_id").0.contains("（用户）"), "{unknown}");
    }

    pub(super) fn only_what_can_be_written_is_offered(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("多余有限公司");
        body["colour"] = json!("red");
        body["custom"] = json!({"size": 1});
        let known = |reply: &Value, pointer: &str| -> Vec<String> {
            let errors = reply["errors"].as_array().unwrap();
            let error = errors.iter().find(|error| error["pointer"] == pointer).unwrap();
            error["params"]["known"].as_str().unwrap().split(", ").map(str::to_owned).collect()
        };
        let has = |known: &[String], name: &str| known.iter().any(|known| known == name);
        let made = org.admin.post("/v1/customers", &body).expect(422).json();
        let offered = known(&made, "/colour");
        assert!(["name", "custom", "contacts"].iter().all(|name| has(&offered, name)), "{offered:?}");
        assert!(["number", "contact_count"].iter().all(|name| !has(&offered, name)), "{offered:?}");
        assert!(said(&made, "/custom/size").1.contains("no field was added yet"), "{made}");
        let id = org.admin.post("/v1/customers", &company("多余有限公司")).expect(201).id();
        let changed = org.admin.patch(&format!("/v1/customers/{id}"), &json!({"colour": 1})).expect(422).json();
        let offered = known(&changed, "/colour");
        assert!(has(&offered, "custom") && !has(&offered, "contacts") && !has(&offered, "number"), "{offered:?}");
    }
}
