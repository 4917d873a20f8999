//! Writes that meet on PostgreSQL, and commits whose outcome is not known.

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use kehu_tests::cluster::Session as Database;
    use kehu_tests::server::Home;
    use kehu_tests::{Cut, Relay, Session, company, mobile, own_postgres};
    use serde_json::{Value, json};

    /// The connection is lost at the commit: the client is told to come again, and under the same key there is one
    /// record, whether the server had committed or not.
    #[test]
    fn a_commit_that_was_not_heard_of_is_repeated_once() {
        let relay = Relay::new(&own_postgres().url);
        let home = Home::postgres(relay.url().to_owned());
        let server = home.start();
        let admin = server.admin();
        for (when, replayed, records) in [(Cut::AfterCommit, Some("true"), 1), (Cut::BeforeCommit, None, 2)] {
            let mut body = company("未闻有限公司");
            body["contacts"] = json!([{"name": "周一"}]);
            let keyed = admin.with("idempotency-key", &format!("unheard-{when:?}-0123456789"));
            relay.cut(when);
            let told = keyed.post("/v1/customers", &body).expect(503);
            assert_eq!((told.code().as_str(), told.header("retry-after")), ("unavailable", Some("5")));
            let again = keyed.post("/v1/customers", &body).expect(201);
            assert_eq!(again.header("idempotency-replayed"), replayed, "{when:?}");
            let path = "/v1/customers?expand=contacts";
            let all = admin.get(path).expect(200).data();
            assert_eq!(all.len(), records, "{when:?}");
            assert!(all.iter().all(|record| record["contacts"].as_array().map(Vec::len) == Some(1)), "{all:?}");

            // Without a key a change is repeated by its content: it is the same afterwards.
            let path = format!("/v1/customers/{}", again.id());
            relay.cut(when);
            let _ = admin.patch(&path, &json!({"remark": "改"})).expect(503);
            let changed = admin.patch(&path, &json!({"remark": "改"})).expect(200).json();
            assert_eq!((&changed["remark"], &changed["version"]), (&json!("改"), &json!(2)), "{when:?}");
        }
        assert!(server.stop().success());
    }

    /// What several servers write at once, with the same values in opposite orders.
    fn crosswise(admin: &Session, turn: bool, shared: &[String], customers: &[String]) -> Vec<u16> {
        let order = |list: &[String]| {
            let mut list = list.to_vec();
            if turn {
                list.reverse();
            }
            list
        };
        let numbers = order(shared);
        let (own, of_contact) = numbers.split_at(numbers.len() / 2);
        let mut body = company("交错有限公司");
        body["phones"] = json!(own);
        body["contacts"] = json!([{"name": "周一", "phones": of_contact}]);
        let made = admin.post("/v1/customers", &body);
        let mut statuses = vec![made.status];
        for id in order(customers) {
            let phone = mobile();
            let patch = json!({"phones": [phone], "remark": phone});
            statuses.push(admin.patch(&format!("/v1/customers/{id}"), &patch).status);
            let follow_up = json!({"customer_id": id, "kind": "call", "summary": "电话沟通", "happened_at": "2026-11-01T08:00:00+08:00"});
            statuses.push(admin.post("/v1/follow_ups", &follow_up).status);
        }
        let items: Value = customers.iter().map(|_| company("交错成批有限公司")).collect();
        statuses.push(admin.post("/v1/customers/batch", &json!({ "items": items })).status);
        statuses
    }

    /// How often PostgreSQL had to end a transaction because two waited for each other; backends tell of it when they
    /// are idle for a moment, or end: ask when the servers are stopped.
    fn deadlocks(url: &str) -> i64 {
        Database::open(url).number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    }

    #[test]
    fn writes_in_opposite_orders_do_not_lock_each_other_out() {
        let database = own_postgres();
        let home = Home::postgres(database.url.clone());
        let (one, two) = (home.start(), home.start());
        let (first, second) = (one.admin(), two.admin());
        let customers = [(); 2].map(|()| first.post("/v1/customers", &company("被改有限公司")).expect(201).id());
        for _ in 0..6 {
            let shared = [(); 16].map(|()| mobile());
            let seen = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                for (admin, turn) in [(&first, true), (&second, false), (&first, false), (&second, true)] {
                    let (shared, customers, seen) = (&shared, &customers, &seen);
                    scope.spawn(move || seen.lock().unwrap().push(crosswise(admin, turn, shared, customers)));
                }
            });
            let seen = seen.into_inner().unwrap();
            let made = seen.iter().filter(|statuses| statuses[0] == 201).count();
            assert_eq!(made, 1, "one of them has the numbers: {seen:?}");
            let good = [200, 201, 409];
            assert!(seen.iter().flatten().all(|status| good.contains(status)), "{seen:?}");
        }
        // Locks that a transaction takes by itself end with it.
        let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                    (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(Database::open(&database.url).number(held), 0);
        assert!(one.stop().success() && two.stop().success());
        assert_eq!(deadlocks(&database.url), 0);
    }

    fn contacts(numbers: &[String]) -> Value {
        numbers.iter().map(|number| json!({"name": "周一", "phones": [number]})).collect()
    }

    /// A request by itself; what it was answered.
    type Write<'a> = &'a (dyn Fn() -> u16 + Sync);

    /// All of them at one moment.
    fn at_once<const N: usize>(writes: [Write<'_>; N]) -> [u16; N] {
        let start = Barrier::new(N);
        std::thread::scope(|scope| {
            let begun = writes.map(|write| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    write()
                })
            });
            begun.map(|thread| thread.join().unwrap())
        })
    }

    /// A customer comes back with its contacts while another one is made with the same numbers; a contact takes a
    /// number while its customer takes it, too.
    #[test]
    fn restores_changes_and_contacts_do_not_lock_each_other_out() {
        let database = own_postgres();
        let home = Home::postgres(database.url.clone());
        let (one, two) = (home.start(), home.start());
        let (first, second) = (one.admin(), two.admin());
        let kept = first.post("/v1/customers", &company("两处有限公司")).expect(201).id();
        for _ in 0..25 {
            let numbers = [(); 12].map(|()| mobile());
            let (own, of_contacts) = numbers.split_at(4);
            let mut body = company("去而复返有限公司");
            (body["phones"], body["contacts"]) = (json!(own), contacts(of_contacts));
            let gone = format!("/v1/customers/{}", first.post("/v1/customers", &body).expect(201).id());
            let _ = first.delete(&gone).expect(204);
            let mut other = company("后来有限公司");
            (other["phones"], other["contacts"]) = (json!(of_contacts), contacts(own));
            let number = mobile();
            let patch = json!({"phones": {"add": [{"value": number}]}, "emails": [format!("{number}@example.com")]});
            let contact = json!({
                "customer_id": kept, "name": "周一", "phones": [number], "emails": [format!("{number}@example.com")],
            });
            let [restored, made, changed, joined] = at_once([
                &|| first.post(&format!("{gone}/restore"), &json!({})).status,
                &|| second.post("/v1/customers", &other).status,
                &|| first.patch(&format!("/v1/customers/{kept}"), &patch).status,
                &|| second.post("/v1/contacts", &contact).status,
            ]);
            assert!(matches!((restored, made), (200, 409) | (409, 201)), "one has the numbers: {restored} {made}");
            assert_eq!((changed, joined), (200, 201));
            let _ = first.patch(&format!("/v1/customers/{kept}"), &json!({"phones": []})).expect(200);
        }
        assert!(one.stop().success() && two.stop().success());
        assert_eq!(deadlocks(&database.url), 0);
    }
}
