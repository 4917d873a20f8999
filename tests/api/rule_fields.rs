//! Rules about fields that the organisation made, and about values that have names and codes.

kehu_tests::on_both_engines!(
    choices_are_said_by_name_and_kept_by_key,
    a_rule_whose_field_was_retired_can_be_switched_off,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    use crate::entry_rules::tests::lay_down;

    fn at(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    #[track_caller]
    fn field(org: &Org, body: &Value) -> String {
        org.admin.post("/v1/fields", body).expect(201).id()
    }

    pub(super) fn choices_are_said_by_name_and_kept_by_key(engine: Engine) {
        let org = Org::new(engine);
        let choices =
            json!([{"key": "gold", "label": {"zh-CN": "金牌"}}, {"key": "silver", "label": {"zh-CN": "银牌"}}]);
        let _ = field(
            &org,
            &json!({"kind": "customer", "key": "medal", "type": "choice", "label": {"zh-CN": "奖牌"}, "choices": choices}),
        );
        let rule = |field: &str, choices: Value| json!({"kind": "customer", "field": field, "check": {"type": "choices", "choices": choices}});
        let made = org.admin.post("/v1/entry_rules", &rule("custom.medal", json!(["金牌", "gold"]))).expect(201).json();
        assert_eq!(made["check"]["choices"], json!(["gold"]));
        let industry =
            org.admin.post("/v1/entry_rules", &rule("industry", json!(["软件", "I65", "金融业"]))).expect(201).json();
        assert_eq!(industry["check"]["choices"], json!(["65", "J"]));
        let wrong = org.admin.post("/v1/entry_rules", &rule("custom.medal", json!(["gold", "铜牌"]))).expect(422);
        assert_eq!(wrong.errors(), at("/check/choices/1", "rule_choice_unknown"));
        let with = |medal: &str, industry: &str| {
            let mut body = company("奖牌科技有限公司");
            body["custom"] = json!({"medal": medal});
            body["industry"] = json!(industry);
            org.admin.post("/v1/customers", &body)
        };
        let _ = with("金牌", "软件").expect(201);
        assert_eq!(with("银牌", "65").expect(422).errors(), at("/custom/medal", "rule_choices"));
        assert_eq!(with("gold", "教育").expect(422).errors(), at("/industry", "rule_choices"));
    }

    pub(super) fn a_rule_whose_field_was_retired_can_be_switched_off(engine: Engine) {
        let org = Org::new(engine);
        let made = field(&org, &json!({"kind": "customer", "key": "site", "type": "text", "label": {"zh-CN": "工地"}}));
        let body = json!({"kind": "customer", "field": "custom.site", "check": {"type": "required"}});
        let rule = format!("/v1/entry_rules/{}", lay_down(&org, &body));
        let _ = org.admin.patch(&format!("/v1/fields/{made}"), &json!({"retired": true})).expect(200);
        let _ = org.admin.patch(&rule, &json!({"active": false, "message": {"zh-CN": "请写工地"}})).expect(200);
        let check = json!({"check": {"type": "pattern", "pattern": "a"}});
        assert_eq!(org.admin.patch(&rule, &check).expect(422).errors(), at("/field", "rule_field_unknown"));
        assert_eq!(org.admin.post("/v1/entry_rules", &body).expect(422).errors(), at("/field", "rule_field_unknown"));
        let _ = org.admin.delete(&rule).expect(204);
    }
}
