//! A sealed value that was altered or moved in the database: whoever asks for it hears which field does not open, the
//! log where it lies, and nothing is shown in its place.

kehu_tests::on_both_engines!(
    a_damaged_value_is_refused_and_named,
    a_value_that_was_moved_is_refused,
    a_damaged_value_is_mended_from_its_history,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, mobile};
    use serde_json::{Value, json};

    use crate::stored::Place;

    /// Two contacts of one customer, each with a phone and an e-mail.
    struct People {
        org: Org,
        customer: String,
        ids: [String; 2],
        phones: [String; 2],
    }

    fn people(engine: Engine) -> People {
        let org = Org::new(engine);
        let phones = [mobile(), mobile()];
        let customer = org.admin.post("/v1/customers", &json!({"name": "损坏测试公司", "kind": "company"}));
        let customer = customer.expect(201).id();
        let ids = [0, 1].map(|at| {
            let email = format!("p{at}.{}@example.com", org.slug);
            let body = json!({"customer_id": customer, "name": "吴用", "phones": [phones[at]], "emails": [email]});
            org.admin.post("/v1/contacts", &body).expect(201).id()
        });
        People { org, customer, ids, phones }
    }

    impl People {
        fn place<'a>(&'a self, at: usize, column: &'a str) -> Place<'a> {
            Place { engine: self.org.engine, table: "contacts", column, id: &self.ids[at] }
        }

        fn get(&self, at: usize) -> Reply {
            self.org.admin.get(&format!("/v1/contacts/{}", self.ids[at]))
        }

        /// Holds an answer against what is promised for a value that does not open.
        fn refused(&self, reply: Reply, at: usize, field: &str) {
            let reply = reply.expect(500);
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            let body = reply.json();
            assert_eq!((body["code"].as_str(), body["field"].as_str()), (Some("value_unreadable"), Some(field)));
            assert!(body["detail"].as_str().unwrap().contains(field), "{}", reply.text);
            let request = body["request_id"].as_str().unwrap();
            assert_eq!(reply.header("x-request-id"), Some(request));
            for told in [self.ids[at].as_str(), &self.phones[0], &self.phones[1], "contacts"] {
                assert!(!reply.text.contains(told), "{told}: {}", reply.text);
            }
            let log = std::fs::read_to_string(self.org.engine.log()).unwrap();
            let place = format!("sealed value contacts.{} of row {}", field.split_once('.').unwrap().1, self.ids[at]);
            let line = log.lines().find(|line| line.contains(request) && line.contains(&place));
            assert!(line.is_some(), "the log does not name {place} under {request}");
            assert!(!self.phones.iter().any(|phone| log.contains(phone.as_str())), "the log holds a phone");
        }
    }

    pub(super) fn a_damaged_value_is_refused_and_named(engine: Engine) {
        let people = people(engine);
        let (admin, place) = (&people.org.admin, people.place(0, "phones"));
        let cell = place.bytes();
        let flip = |at: usize| cell.iter().enumerate().map(|(n, byte)| byte ^ u8::from(n == at)).collect::<Vec<u8>>();
        // The suite, the number of the key, the nonce, the ciphertext, the tag; cut, lengthened, nothing, clear.
        let mut damages: Vec<Vec<u8>> = [0, 4, 6, 20, cell.len() - 1].map(flip).into();
        damages.push(cell[..cell.len() - 32].to_vec());
        damages.push([cell.as_slice(), &[0; 32]].concat());
        damages.push(Vec::new());
        damages.push(format!(r#"[{{"value": "{}"}}]"#, people.phones[0]).into_bytes());
        for damaged in damages {
            place.put(Some(&damaged));
            people.refused(people.get(0), 0, "contact.phones");
        }
        // Others are read as ever.
        assert_eq!(people.get(1).expect(200).json()["name"], "吴用");
        assert_eq!(admin.get("/healthz").expect(200).status, 200);
        let one = format!("/v1/contacts/{}", people.ids[0]);
        let patch = || admin.patch(&one, &json!({"position": "经理"}));
        // Whatever needs the value is refused: a page with a hole that looks like no phone would be believed.
        people.refused(admin.get("/v1/contacts"), 0, "contact.phones");
        people.refused(admin.get(&format!("/v1/customers/{}?expand=contacts", people.customer)), 0, "contact.phones");
        people.refused(patch(), 0, "contact.phones");
        people.refused(admin.delete(&one), 0, "contact.phones");
        let asked = json!({"where": {"field": "phone", "value": people.phones[0]}});
        people.refused(admin.post("/v1/contacts/search", &asked), 0, "contact.phones");
        let zh = admin.with("accept-language", "zh-CN").get(&one).expect(500);
        assert!(zh.json()["detail"].as_str().unwrap().contains("无法解密"), "{}", zh.text);
        // Lists that do not meet it are answered.
        assert_eq!(admin.get(&format!("/v1/contacts?filter[id]={}", people.ids[1])).expect(200).data().len(), 1);
        assert_eq!(admin.get("/v1/customers").expect(200).data().len(), 1);
        // Put back, it is the value again, and nothing was changed meanwhile.
        place.put(Some(&cell));
        let back = people.get(0).expect(200).json();
        assert!(back["phones"].to_string().contains(&people.phones[0][3..]), "{back}");
        assert_eq!((&back["position"], back["deleted_at"].is_null()), (&Value::Null, true));
        let _ = patch().expect(200);
    }

    pub(super) fn a_value_that_was_moved_is_refused(engine: Engine) {
        let people = people(engine);
        let cells = [0, 1].map(|at| people.place(at, "phones").bytes());
        // Two rows swapped.
        people.place(0, "phones").put(Some(&cells[1]));
        people.place(1, "phones").put(Some(&cells[0]));
        people.refused(people.get(0), 0, "contact.phones");
        people.refused(people.get(1), 1, "contact.phones");
        // Another column of the same row.
        people.place(0, "phones").put(Some(&cells[0]));
        people.place(0, "emails").put(Some(&cells[0]));
        people.refused(people.get(0), 0, "contact.emails");
        // Another organisation's, under a key of the same number.
        let others = self::people(engine);
        people.place(1, "phones").put(Some(&others.place(1, "phones").bytes()));
        people.refused(people.get(1), 1, "contact.phones");
        let _ = others.get(1).expect(200);
    }

    /// As docs/operations.md says it.
    pub(super) fn a_damaged_value_is_mended_from_its_history(engine: Engine) {
        let people = people(engine);
        let place = people.place(0, "phones");
        place.put(Some(b"damaged"));
        people.refused(people.get(0), 0, "contact.phones");
        place.put(None);
        assert_eq!(people.get(0).expect(200).json()["phones"], json!([]));
        let one = format!("/v1/contacts/{}", people.ids[0]);
        let history = people.org.admin.get(&format!("{one}/history")).expect(200);
        assert!(history.text.contains(&people.phones[0][3..]), "{}", history.text);
        let _ = people.org.admin.patch(&one, &json!({"phones": [people.phones[0]]})).expect(200);
        let found = people.org.admin.post("/v1/lookup", &json!({"phone": people.phones[0]})).expect(200);
        assert!(found.text.contains(&people.ids[0]), "{}", found.text);
    }
}
