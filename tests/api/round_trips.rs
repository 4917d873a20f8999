//! How much a request asks of PostgreSQL, counted between the server and its database.

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write as _;
    use std::time::Duration;

    use kehu_tests::server::{Home, Server};
    use kehu_tests::{Relay, Session, Traffic, company, mobile, own_postgres};
    use serde_json::{Value, json};

    /// A server of the test's own behind a relay, and its administrator. A client with one connection has one worker
    /// of the server, and asks one thing after the other: so it has one connection to the database for reads and one
    /// for writes, and statements are prepared once.
    struct Bed {
        relay: Relay,
        admin: Session,
        _server: Server,
        _home: Home,
    }

    impl Bed {
        fn new() -> Self {
            let relay = Relay::new(&own_postgres().url);
            let home = Home::postgres(relay.url().to_owned());
            // What it asks by itself is not what requests ask.
            let server = home.start_with(&["--job-slots", "0"]);
            Self { admin: server.admin(), relay, _server: server, _home: home }
        }

        /// What one request asks: the middle of several. What a server knows of an organisation is looked up again
        /// every second, so a few of them ask more.
        fn usual(&self, mut request: impl FnMut(&Session)) -> Traffic {
            for _ in 0..3 {
                request(&self.admin);
            }
            let _ = self.relay.take();
            let mut seen: Vec<Traffic> = (0..7)
                .map(|_| {
                    request(&self.admin);
                    self.relay.take()
                })
                .collect();
            seen.sort_by_key(|traffic| traffic.round_trips.len());
            seen.swap_remove(3)
        }
    }

    fn whole_customer() -> Value {
        let mut body = company("往返科技有限公司");
        body["industry"] = json!("IT");
        body["contacts"] = json!([{"name": "周一", "phones": [mobile()], "primary": true}]);
        body
    }

    /// The round trips as a reader wants them.
    fn told(name: &str, traffic: &Traffic) -> String {
        let mut told = format!("{name}: {} round trips\n", traffic.round_trips.len());
        for trip in &traffic.round_trips {
            let text = if trip.is_empty() { "(is the connection alive?)".to_owned() } else { trip.join(" + ") };
            let short: String = text.chars().take(240).collect();
            let _ = writeln!(told, "  - {short}");
        }
        told
    }

    #[test]
    fn requests_ask_the_server_seldom() {
        let bed = Bed::new();
        let made = bed.admin.post("/v1/customers", &whole_customer()).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let phone = made.json()["phones"][0]["value"].clone();
        let asked = json!({"where": {"field": "phone", "op": "eq", "value": phone}});
        let mut turn = 0;
        let counted = [
            ("get", 1, bed.usual(|admin| drop(admin.get(&path).expect(200)))),
            ("create", 6, bed.usual(|admin| drop(admin.post("/v1/customers", &whole_customer()).expect(201)))),
            (
                "create under a key",
                8,
                bed.usual(|admin| {
                    let key =
                        admin.with("idempotency-key", &format!("round-trips-0123456789-{}", kehu_tests::unique()));
                    drop(key.post("/v1/customers", &whole_customer()).expect(201));
                }),
            ),
            (
                "update",
                5,
                bed.usual(|admin| {
                    turn += 1;
                    let quarter = format!("2027-Q{}", turn % 4 + 1);
                    let _ = admin.patch(&path, &json!({"purchase_window": quarter})).expect(200);
                }),
            ),
            (
                // Its document is written anew.
                "update of a text that is searched",
                6,
                bed.usual(|admin| {
                    turn += 1;
                    let _ = admin.patch(&path, &json!({"remark": format!("第{turn}次")})).expect(200);
                }),
            ),
            (
                "update of phones",
                8,
                bed.usual(|admin| drop(admin.patch(&path, &json!({"phones": [mobile()]})).expect(200))),
            ),
            ("list", 1, bed.usual(|admin| drop(admin.get("/v1/customers?limit=20").expect(200)))),
            // Two reads of one moment: they have a transaction.
            ("search", 4, bed.usual(|admin| drop(admin.post("/v1/customers/search", &asked).expect(200)))),
        ];
        let told: String = counted.iter().map(|(name, _, traffic)| told(name, traffic)).collect();
        for (name, most, traffic) in &counted {
            assert!(traffic.round_trips.len() <= *most, "{name}: more than {most} round trips\n{told}");
            assert!(!traffic.round_trips.is_empty(), "{name}: nothing was asked\n{told}");
        }
    }

    /// Relations cost one statement each, however many records bring them.
    #[test]
    fn a_relation_is_one_statement_for_any_number_of_records() {
        let bed = Bed::new();
        let mut body = whole_customer();
        body["contacts"] = json!([{"name": "周一"}, {"name": "周二"}, {"name": "周三"}]);
        for _ in 0..25 {
            let made = bed.admin.post("/v1/customers?on_duplicate=allow", &body).expect(201).id();
            let contacts = bed.admin.get(&format!("/v1/contacts?filter[customer_id]={made}")).expect(200).data();
            let above = json!({"reports_to_id": contacts[0]["id"]});
            let _ =
                bed.admin.patch(&format!("/v1/contacts/{}", contacts[1]["id"].as_str().unwrap()), &above).expect(200);
        }
        let expand = "contacts.reports_to,contacts.customer,notes,owner.team";
        let ask = |limit: usize| {
            let path = format!("/v1/customers?limit={limit}&expand={expand}");
            bed.usual(|admin| drop(admin.get(&path).expect(200)))
        };
        let (few, many) = (ask(2), ask(25));
        let both = told("two records", &few) + &told("twenty-five", &many);
        assert_eq!(few.round_trips.len(), many.round_trips.len(), "{both}");
        // The transaction of one moment, the list, six relations, and names.
        assert!(many.round_trips.len() <= 12, "{both}");
    }

    fn phones(count: usize) -> Value {
        (0..count).map(|_| json!(mobile())).collect()
    }

    fn tag(at: usize) -> Value {
        json!(format!("标签{at}"))
    }

    fn customer_of(count: usize, contacts: usize) -> Value {
        let mut body = company("长短科技有限公司");
        body["phones"] = phones(count);
        body["contacts"] =
            ["周一", "周二", "周三", "周四"].iter().take(contacts).map(|name| json!({"name": name})).collect();
        body["tags"] = (0..count).map(tag).collect();
        body
    }

    /// Lists of values are asked for with a few statements, whatever their lengths and values. Rows that are inserted
    /// together have a statement for each number of rows.
    #[test]
    fn lists_of_any_length_use_the_same_statements() {
        let bed = Bed::new();
        // The tags are made.
        let _ = bed.admin.post("/v1/customers", &customer_of(4, 4)).expect(201);
        let known = bed.admin.post("/v1/customers", &customer_of(1, 1)).expect(201);
        let (path, customer) = (format!("/v1/customers/{}", known.id()), known.id());
        let ask = |admin: &Session, name: &str, count: usize| match name {
            "phones" => admin.post("/v1/customers", &customer_of(count, 1)).expect(201),
            "contacts" => admin.post("/v1/customers", &customer_of(1, count)).expect(201),
            "update" => admin.patch(&path, &json!({"phones": phones(count)})).expect(200),
            "contact" => {
                let body = json!({"customer_id": customer, "name": "郑十", "phones": phones(count)});
                admin.post("/v1/contacts", &body).expect(201)
            }
            "batch" => {
                let items: Value = (0..count).map(|_| company("成批有限公司")).collect();
                admin.post("/v1/customers/batch", &json!({ "items": items })).expect(200)
            }
            "list" => admin.get(&format!("/v1/customers?limit={count}")).expect(200),
            "expand" => admin.get(&format!("/v1/customers?limit={count}&expand=contacts")).expect(200),
            "stages" => {
                let stages = ["potential", "active", "dormant", "partner"].get(..count);
                let asked = json!({"where": {"field": "stage", "op": "in", "value": stages}});
                admin.post("/v1/customers/search", &asked).expect(200)
            }
            "tags" => {
                let tags: Value = (0..count).map(tag).collect();
                let asked = json!({"where": {"field": "tags", "op": "has_any", "value": tags}});
                admin.post("/v1/customers/search", &asked).expect(200)
            }
            _ => admin.get(&path).expect(200),
        };
        let names = ["phones", "contacts", "update", "contact", "batch", "list", "expand", "stages", "tags", "get"];
        let each = |counts: &[usize]| {
            for (name, count) in names.iter().flat_map(|name| counts.iter().map(move |count| (name, count))) {
                let _ = ask(&bed.admin, name, *count);
            }
        };
        // What a server knows of its organisation is looked up again after a second: twice, that is among them.
        each(&[1, 2, 4]);
        std::thread::sleep(Duration::from_millis(1100));
        each(&[4]);
        let known: HashSet<String> = bed.relay.take().prepared.into_iter().collect();
        each(&[1, 2, 4]);
        let mut again = bed.relay.take().prepared;
        again.retain(|text| !known.contains(text));
        assert!(again.is_empty(), "statements of their own for other values:\n{}", again.join("\n"));
        each(&[3]);
        let mut three = bed.relay.take().prepared;
        three.retain(|text| !known.contains(text) && !text.contains("INSERT INTO"));
        assert!(three.is_empty(), "statements of their own for three values:\n{}", three.join("\n"));
    }
}
