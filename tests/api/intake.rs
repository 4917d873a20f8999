//! Forms: a lead that was posted becomes a customer, a follow-up of a known one, or waits for a person.

kehu_tests::on_both_engines!(
    a_lead_becomes_a_customer_of_somebody,
    a_known_person_becomes_a_follow_up,
    a_repeat_within_the_window_is_counted_only,
    a_lead_that_can_be_reached_is_never_refused,
    a_lead_that_cannot_be_reached_waits,
    a_public_key_learns_nothing,
    the_same_key_again_makes_nothing,
    a_hook_takes_what_senders_send,
    a_source_id_is_one_lead_for_ever,
    a_test_makes_nothing,
    only_the_forms_own_origins_are_answered,
    a_paused_form_takes_nothing,
    leads_go_round_in_a_team,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, mobile, unique};
    use serde_json::{Value, json};

    struct Form {
        id: String,
        key: String,
        hook: String,
        session: Session,
    }

    impl Form {
        fn new(org: &Org, more: &Value) -> Self {
            let mut body = json!({"name": "官网咨询", "fields": [
                {"key": "company", "maps_to": "customer.name"},
                {"key": "name", "maps_to": "contact.name"},
                {"key": "mobile", "maps_to": "contact.phone"},
                {"key": "mail", "maps_to": "contact.email"},
                {"key": "note", "maps_to": "remark"},
            ]});
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            let made = org.admin.post("/v1/forms", &body).expect(201).json();
            let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("no {name}: {made}")).to_owned();
            let key = text("public_key");
            let session = Session::anonymous(&org.engine.base()).with_token(Some(&key));
            Self { id: text("id"), key, hook: text("hook_key"), session }
        }

        fn post(&self, values: &Value) -> Reply {
            self.session.post(&format!("/v1/forms/{}/submissions", self.id), &json!({"values": values}))
        }

        fn submissions(&self, org: &Org) -> Vec<Value> {
            org.admin.get(&format!("/v1/forms/{}/submissions?limit=500", self.id)).expect(200).data()
        }

        fn find(&self, org: &Org, reply: &Reply) -> Value {
            let id = json!(reply.id());
            self.submissions(org).into_iter().find(|submission| submission["id"] == id).unwrap()
        }
    }

    fn customers(org: &Org) -> Vec<Value> {
        org.admin.get("/v1/customers?expand=contacts").expect(200).data()
    }

    pub(super) fn a_lead_becomes_a_customer_of_somebody(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let seller = org.user("salesperson", Some(&team));
        let form = Form::new(&org, &json!({"assign": {"team_id": team}}));
        let phone = mobile();
        let reply =
            form.post(&json!({"company": "来电科技有限公司", "name": "李小红", "mobile": phone, "note": "想买"}));
        assert_eq!(reply.expect(202).json()["status"], "received");
        let mine = seller.session.get("/v1/customers?expand=contacts").expect(200).data();
        assert_eq!(mine.len(), 1, "the lead is the salesperson's");
        assert_eq!((&mine[0]["source"], &mine[0]["stage"]), (&json!("web_form"), &json!("potential")));
        assert_eq!((&mine[0]["name"], &mine[0]["contacts"][0]["name"]), (&json!("来电科技有限公司"), &json!("李小红")));
        assert_eq!(mine[0]["created_by"], Value::Null);
        let submission = form.submissions(&org)[0].clone();
        assert_eq!((&submission["status"], &submission["customer_id"]), (&json!("created"), &mine[0]["id"]));
        // The whole way: opened, followed up, tagged, found by the number.
        let id = mine[0]["id"].as_str().unwrap();
        let follow_up =
            json!({"customer_id": id, "kind": "call", "summary": "已联系", "happened_at": "2026-11-22T08:00:00Z"});
        let _ = seller.session.post("/v1/follow_ups", &follow_up).expect(201);
        let _ = seller.session.patch(&format!("/v1/customers/{id}"), &json!({"tags": {"add": ["热"]}})).expect(200);
        let colleague = org.user("salesperson", Some(&team));
        let found = colleague.session.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!(found[0]["owner"]["id"], json!(seller.id));
    }

    pub(super) fn a_known_person_becomes_a_follow_up(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let body =
            json!({"name": "老客户有限公司", "kind": "company", "contacts": [{"name": "赵一", "phones": [phone]}]});
        let known = org.admin.post("/v1/customers", &body).expect(201).id();
        let form = Form::new(&org, &json!({}));
        let reply = form
            .post(&json!({"company": "老客户", "name": "赵一", "mobile": format!("+86 {phone}"), "note": "再买"}))
            .expect(202);
        let submission = form.find(&org, &reply);
        assert_eq!((&submission["status"], &submission["customer_id"]), (&json!("matched"), &json!(known)));
        assert_eq!(customers(&org).len(), 1, "no second customer");
        let follow_ups = org.admin.get("/v1/follow_ups").expect(200).data();
        assert_eq!((follow_ups.len(), &follow_ups[0]["kind"]), (1, &json!("form")));
        assert!(!follow_ups[0].to_string().contains(&phone[3..]), "never a number in clear: {}", follow_ups[0]);
        assert!(follow_ups[0]["summary"].as_str().unwrap().contains("再买"));
    }

    pub(super) fn a_repeat_within_the_window_is_counted_only(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let values = json!({"name": "孙二", "mobile": mobile()});
        let first = form.post(&values).expect(202);
        let second = form.post(&values).expect(202);
        let repeat = form.find(&org, &second);
        assert_eq!((&repeat["status"], &repeat["repeat_of"]), (&json!("matched"), &json!(first.id())));
        assert_eq!(form.find(&org, &first)["repeat_count"], 1);
        assert_eq!(org.admin.get("/v1/follow_ups").expect(200).data().len(), 0);
        assert_eq!(customers(&org).len(), 1);
    }

    pub(super) fn a_lead_that_can_be_reached_is_never_refused(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let odd = [
            json!({"company": "测试", "name": "王先生", "mobile": mobile()}),
            json!({"mobile": mobile()}),
            json!({"name": "x", "mobile": "not a phone", "mail": format!("a{}@example.com", unique())}),
            json!({"name": "换列", "mobile": format!("b{}@example.com", unique()), "mail": mobile()}),
            json!({"name": "数字", "mobile": mobile().parse::<u64>().unwrap()}),
            json!({"name": "超长".repeat(400), "mobile": mobile()}),
        ];
        for values in &odd {
            let reply = form.post(values).expect(202);
            let submission = form.find(&org, &reply);
            assert_eq!(submission["status"], "created", "{values}: {submission}");
        }
        let customers = customers(&org);
        assert_eq!(customers.len(), odd.len());
        let flags: Vec<String> = customers.iter().map(|customer| customer["flags"].to_string()).collect();
        assert!(flags.iter().any(|flags| flags.contains("name_placeholder")), "{flags:?}");
        // Whoever gives a real name settles it.
        let flagged =
            customers.iter().find(|customer| customer["flags"].to_string().contains("name_placeholder")).unwrap();
        let path = format!("/v1/customers/{}", flagged["id"].as_str().unwrap());
        let name = if flagged["kind"] == "person" { "李明华" } else { "正名科技有限公司" };
        let settled = org.admin.patch(&path, &json!({"name": name})).expect(200).json();
        assert!(!settled["flags"].to_string().contains("name_"), "{settled}");
    }

    pub(super) fn a_lead_that_cannot_be_reached_waits(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({"honeypot": "website"}));
        let unreachable = form.post(&json!({"name": "周三", "mobile": "123"})).expect(202);
        assert_eq!(form.find(&org, &unreachable)["status"], "quarantined");
        let robot = form.post(&json!({"name": "周四", "mobile": mobile(), "website": "http://spam.test"})).expect(202);
        assert_eq!(form.find(&org, &robot)["status"], "quarantined");
        assert_eq!(customers(&org).len(), 0);
    }

    pub(super) fn a_public_key_learns_nothing(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let phone = mobile();
        let shape = |reply: &Reply| {
            let mut body = reply.json();
            body["id"] = json!("x");
            (reply.status, body)
        };
        let new = form.post(&json!({"name": "吴五", "mobile": phone}));
        let known = form.post(&json!({"name": "吴五", "mobile": phone}));
        let waiting = form.post(&json!({"name": "吴五"}));
        assert_eq!(shape(&new), shape(&known));
        assert_eq!(shape(&new), shape(&waiting));
        // The key opens its own form's door and no other.
        let other = Form::new(&org, &json!({}));
        let refused = form.session.post(&format!("/v1/forms/{}/submissions", other.id), &json!({"values": {}}));
        let missing =
            form.session.post(&format!("/v1/forms/{}/submissions", kehu_tests::new_id()), &json!({"values": {}}));
        assert_eq!(refused.status, missing.status);
        assert!([401, 404].contains(&refused.status), "{}", refused.text);
        for path in ["/v1/customers", "/v1/me", "/v1/forms"] {
            let _ = form.session.get(path).expect(401);
        }
        let listed = form.session.get(&format!("/v1/forms/{}/submissions", form.id));
        assert!([401, 403].contains(&listed.status), "{}", listed.text);
        let nobody = form.session.with_token(None);
        let path = format!("/v1/forms/{}/submissions", form.id);
        let _ = nobody.post(&path, &json!({"values": {}})).expect(401);
        let _ = nobody.post(&format!("{path}?key={}", form.key), &json!({"values": {"name": "a"}})).expect(202);
        let _ = nobody.post(&path, &json!({"_key": form.key, "values": {"name": "a"}})).expect(202);
    }

    pub(super) fn the_same_key_again_makes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let keyed = Form { session: form.session.with("idempotency-key", "form-0123456789abcdef"), ..form };
        let values = json!({"name": "郑六", "mobile": mobile()});
        let (first, second) = (keyed.post(&values).expect(202), keyed.post(&values).expect(202));
        assert_eq!(first.text, second.text);
        assert_eq!(keyed.submissions(&org).len(), 1);
    }

    pub(super) fn a_hook_takes_what_senders_send(engine: Engine) {
        let org = Org::new(engine);
        let fields = json!([
            {"key": "/lead/phone", "maps_to": "customer.phone"}, {"key": "/lead/who", "maps_to": "contact.name"},
            {"key": "tel", "maps_to": "customer.phone"},
        ]);
        let form = Form::new(&org, &json!({"fields": fields}));
        let nobody = Session::anonymous(&engine.base());
        let path = format!("/v1/hooks/{}", form.hook);
        let phone = mobile();
        let body = format!("{{\"lead\": {{\"phone\": {phone}, \"who\": \"冯七\"}}, \"budget\": 12345678901234567890}}");
        let reply = nobody.send("POST", &path, body.as_bytes(), "application/json").expect(200).json();
        assert_eq!((&reply["code"], &reply["message"]), (&json!(0), &json!("success")));
        let form_body = format!("tel={}&name=x", mobile());
        let _ = nobody.send("POST", &path, form_body.as_bytes(), "application/x-www-form-urlencoded").expect(200);
        let submissions = form.submissions(&org);
        assert_eq!(submissions.len(), 2);
        assert!(submissions.iter().all(|submission| submission["status"] == "created"), "{submissions:?}");
        assert!(
            submissions.iter().any(|submission| submission["unmapped"].to_string().contains("budget")),
            "{submissions:?}"
        );
        let found = org.admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!(found.len(), 1, "a number comes out digit for digit");
        let refused = |body: Value| org.admin.post("/v1/lookup", &body).expect(422).errors()[0].clone();
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        assert_eq!(refused(json!({"phone": phone, "fax": null})), pair("/fax", "field_unknown"));
        assert_eq!(refused(json!({"phone": null})), pair("", "required"));
        let wrong = nobody.send("POST", "/v1/hooks/hk_wrong", b"{}", "application/json");
        assert!([401, 404].contains(&wrong.status), "{}", wrong.text);
    }

    pub(super) fn a_source_id_is_one_lead_for_ever(engine: Engine) {
        let org = Org::new(engine);
        let fields = json!([{"key": "tel", "maps_to": "customer.phone"}]);
        let form = Form::new(&org, &json!({"fields": fields, "source_id": "/lead_id", "repeat_window": 0}));
        let nobody = Session::anonymous(&engine.base());
        let post = |tel: &str| {
            let body = json!({"lead_id": "L-1", "tel": tel});
            nobody.post(&format!("/v1/hooks/{}", form.hook), &body).expect(200)
        };
        let (one, two) = (post(&mobile()), post(&mobile()));
        assert_eq!(one.text, two.text);
        assert_eq!((form.submissions(&org).len(), customers(&org).len()), (1, 1));
    }

    pub(super) fn a_test_makes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let body = json!({"test": true, "values": {"name": "试一", "mobile": mobile()}});
        let reply = form.session.post(&format!("/v1/forms/{}/submissions", form.id), &body).expect(202);
        assert_eq!(form.find(&org, &reply)["status"], "test");
        assert_eq!(customers(&org).len(), 0);
    }

    pub(super) fn only_the_forms_own_origins_are_answered(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({"origins": ["https://www.example.com"]}));
        let path = format!("/v1/forms/{}/submissions", form.id);
        let body = json!({"values": {"name": "源一", "mobile": mobile()}});
        let own = form.session.with("origin", "https://www.example.com").post(&path, &body).expect(202);
        assert_eq!(own.header("access-control-allow-origin"), Some("https://www.example.com"));
        let foreign = form.session.with("origin", "https://evil.example").post(&path, &body).expect(403);
        assert_eq!(foreign.header("access-control-allow-origin"), None);
        let wrong = org
            .admin
            .post(
                "/v1/forms",
                &json!({"name": "错", "fields": [{"key": "a", "maps_to": "remark"}], "origins": ["example.com/path"]}),
            )
            .expect(422);
        assert_eq!(wrong.errors()[0].0, "/origins/0");
        let unknown = json!({"name": "错", "fields": [{"key": "a", "maps_to": "customer.colour"}]});
        assert_eq!(org.admin.post("/v1/forms", &unknown).expect(422).errors()[0].0, "/fields/0/maps_to");
    }

    pub(super) fn a_paused_form_takes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let form = Form::new(&org, &json!({}));
        let _ = org.admin.patch(&format!("/v1/forms/{}", form.id), &json!({"paused": true})).expect(200);
        let refused = form.post(&json!({"name": "停一", "mobile": mobile()})).expect(503);
        assert!(refused.header("retry-after").is_some());
        let nobody = Session::anonymous(&engine.base());
        let _ = nobody.post(&format!("/v1/hooks/{}", form.hook), &json!({"mobile": mobile()})).expect(503);
        assert_eq!(form.submissions(&org).len(), 0);
    }

    pub(super) fn leads_go_round_in_a_team(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let sellers = [org.user("salesperson", Some(&team)), org.user("salesperson", Some(&team))];
        let form = Form::new(&org, &json!({"assign": {"team_id": team}}));
        for _ in 0..6 {
            let _ = form.post(&json!({"name": "轮一", "mobile": mobile()})).expect(202);
        }
        for seller in sellers {
            assert_eq!(seller.session.get("/v1/customers").expect(200).data().len(), 3);
        }
    }
}
