//! Inputs of real life that are refused, each with the whole answer in both languages, as a file that is committed:
//! what people read is looked at like code. `WRITE_FIXTURES=1` writes the file anew.

kehu_tests::on_both_engines!(every_refusal_reads_as_it_is_written_down);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, mobile, new_id, same_as_written};
    use serde_json::{Value, json};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/bad_inputs.json");
    const TRIED: &str = "/v1/customers/validate";
    const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

    /// What is sent: a body, or bytes that are none.
    enum Sent {
        Body(Value),
        Text(&'static str),
    }

    struct Bad {
        what: &'static str,
        path: &'static str,
        sent: Sent,
    }

    fn bad(what: &'static str, path: &'static str, body: Value) -> Bad {
        Bad { what, path, sent: Sent::Body(body) }
    }

    fn customer(what: &'static str, name: &str, value: Value) -> Bad {
        let mut body = json!({"name": "上海远景科技有限公司", "kind": "company"});
        body[name] = value;
        bad(what, "/v1/customers", body)
    }

    fn tried(what: &'static str, name: &str, value: Value) -> Bad {
        Bad { path: TRIED, ..customer(what, name, value) }
    }

    fn person(what: &'static str, name: &str, value: Value) -> Bad {
        let mut body = json!({"name": "周芷若", "kind": "person"});
        body[name] = value;
        bad(what, "/v1/customers", body)
    }

    /// The inputs. `known` is a customer with a phone.
    fn inputs(known: &str, phone: &str) -> Vec<Bad> {
        let long = "很".repeat(201);
        let phones: Vec<String> = (0..21).map(|at| format!("138001380{at:02}")).collect();
        let follow_up = |what, name: &str, value: Value| {
            let mut body = json!({
                "customer_id": known, "kind": "call", "summary": "问候", "happened_at": "2026-03-07T08:00:00Z",
            });
            body[name] = value;
            bad(what, "/v1/follow_ups", body)
        };
        let contact = |what, name: &str, value: Value| {
            let mut body = json!({"customer_id": known, "name": "周芷若"});
            body[name] = value;
            bad(what, "/v1/contacts", body)
        };
        vec![
            person("a form of address for a name", "name", json!("王先生")),
            person("nobody in particular for a name", "name", json!("某先生")),
            person("a trial for a name", "name", json!("测试")),
            person("a digit in a person's name", "name", json!("张3")),
            customer("a trial for a company's name", "name", json!("测试")),
            customer("a placeholder for a company's name", "name", json!("某公司")),
            customer("a trial with a number for a company's name", "name", json!("测试公司1")),
            customer("an empty name", "name", json!("")),
            customer("null for a name", "name", Value::Null),
            customer("a control character in a name", "name", json!("上海\u{7}远景有限公司")),
            customer("a name of 201 characters", "name", json!(long)),
            customer("a phone with a digit missing", "phones", json!(["1380013800"])),
            customer("a phone that a spreadsheet spoilt", "phones", json!(["1.38001E+10"])),
            customer("a phone that is a number of JSON", "phones", json!([{"value": 13_800_138_000_i64}])),
            customer("a text where a list belongs", "bank_accounts", json!(6_222)),
            customer("21 phones", "phones", json!(phones)),
            customer("a phone that another customer has", "phones", json!([phone])),
            customer("an e-mail without a top domain", "emails", json!(["wang@example"])),
            customer("an e-mail without an at sign", "emails", json!(["wang.example.com"])),
            customer("two e-mails in one", "emails", json!(["wang@example.com, li@example.com"])),
            customer("a credit code with the letter I", "credit_code", json!("9131000060I2104206")),
            customer("a credit code with a wrong check character", "credit_code", json!("913100006072104207")),
            customer("a credit code that is too short", "credit_code", json!("91310000607210420")),
            person("an ID number of 30 February", "id_number", json!("110101199002300129")),
            person("an ID number with a wrong check digit", "id_number", json!("110101199003070260")),
            person("an ID number of no region", "id_number", json!("000101199003070265")),
            customer("an ID number of a company", "id_number", json!("11010119900307109X")),
            customer("a bank account with letters", "bank_accounts", json!(["6222 abcd 0000"])),
            customer("a stage that there is not", "stage", json!("成交")),
            customer("a grade of another scale", "grade", json!("S")),
            customer("a number where a text belongs", "kind", json!(5)),
            customer("a member that is nearly one", "phone", json!("13800138000")),
            customer("an industry that there is not", "industry", json!("魔法")),
            customer("an industry that could be several", "industry", json!("服务")),
            customer("a region that there is not", "region", json!("999999")),
            customer("a tag of 51 characters", "tags", json!(["长".repeat(51)])),
            customer("a quarter that no year has", "purchase_window", json!("2026-Q5")),
            customer("a budget the wrong way round", "budget", json!("100-50")),
            customer("a need that there is not", "needs", json!(["采购意向"])),
            customer("a member of `custom` that there is not", "custom", json!({"annual_output": 12})),
            customer("a day that is none", "cooperation_since", json!("2026-02-30")),
            customer("an owner who is nobody", "owner_id", json!(new_id())),
            contact("a contact of no customer", "customer_id", Value::Null),
            contact("a contact of a customer who is not there", "customer_id", json!(new_id())),
            contact("a birthday that the calendar does not have", "birthday", json!("1990-02-30")),
            follow_up("a day that the calendar does not have", "happened_at", json!("2026-02-30T08:00:00Z")),
            follow_up("a next step due before the follow-up", "next_due_at", json!("2026-03-06T08:00:00Z")),
            follow_up("a kind of follow-up that there is not", "kind", json!("吃饭")),
            follow_up("a follow-up that says nothing", "summary", json!("  ")),
            contact("a contact who reports to nobody", "reports_to_id", json!(new_id())),
            // What is let through with a word of warning, asked before it is written.
            tried("a company's name without its legal form", "name", json!("上海远景")),
            tried("an e-mail with a slip in its domain", "emails", json!(["wang@gmial.com"])),
            tried("a bank card that does not add up", "bank_accounts", json!(["6222021234567890123"])),
            bad("a colour by its name", "/v1/tags", json!({"name": "红色", "color": "red"})),
            bad("a list where an object belongs", "/v1/customers", json!([{"name": "上海远景科技有限公司"}])),
            bad("nothing said", "/v1/customers", json!({})),
            Bad { what: "JSON that breaks off", path: "/v1/customers", sent: Sent::Text("{\"name\": \"上海远景") },
            Bad {
                what: "a member that stands there twice",
                path: "/v1/customers",
                sent: Sent::Text("{\"name\": \"甲\", \"name\": \"乙\"}"),
            },
        ]
    }

    /// What differs from run to run, by a word that stands for it.
    fn tidied(text: &str, known: &Value, phone: &str) -> Value {
        let of = |name: &str| known[name].as_str().unwrap();
        let mut text = text.replace(of("id"), "{known}").replace(of("number"), "{number}").replace(phone, "{phone}");
        // Ids that no record has.
        while let Some(at) = text.find("0190a3c4-7e1b-7c3d-8f00-0") {
            text.replace_range(at..at + 36, "{nobody}");
        }
        let mut body: Value = serde_json::from_str(&text).unwrap();
        let members = body.as_object_mut().unwrap();
        let is_problem = members.contains_key("code");
        assert_eq!(members.remove("request_id").is_some(), is_problem, "{text}");
        body
    }

    pub(super) fn every_refusal_reads_as_it_is_written_down(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let known = json!({"name": "已有科技有限公司", "kind": "company", "phones": [phone]});
        let known = org.admin.post("/v1/customers", &known).expect(201).json();
        let mut told = Vec::new();
        for Bad { what, path, sent } in inputs(known["id"].as_str().unwrap(), &phone) {
            let text = match &sent {
                Sent::Body(body) => body.to_string(),
                Sent::Text(text) => (*text).to_owned(),
            };
            let mut answers = serde_json::Map::new();
            for language in LANGUAGES {
                let reply = org.admin.with("accept-language", language);
                let reply = reply.send("POST", path, text.as_bytes(), "application/json");
                if path == TRIED {
                    let told = reply.json();
                    assert!(reply.status == 200 && told["warnings"] != json!([]), "{what}: {}", reply.text);
                } else {
                    assert!((400..500).contains(&reply.status), "{what} was let through: {}", reply.text);
                }
                answers.insert(language.to_owned(), tidied(&reply.text, &known, &phone));
            }
            told.push(json!({"what": what, "path": path, "answers": answers}));
        }
        assert!(told.len() >= 30, "{}", told.len());
        same_as_written(FILE, &told);
    }
}
