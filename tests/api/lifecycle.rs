//! Starting, stopping, being killed.

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use kehu_tests::server::{Home, Server};
    use kehu_tests::{Session, company, own_postgres, unique};
    use serde_json::{Value, json};

    #[test]
    fn a_second_start_has_what_the_first_one_made() {
        let home = Home::sqlite();
        let server = home.start();
        let id = server.admin().post("/v1/customers", &company("重启有限公司")).expect(201).id();
        assert!(server.stop().success());
        assert!(home.key_file().exists() && !home.data().join("kehu.key").exists(), "the key lies beside the data");
        let server = home.start();
        let _ = server.admin().get(&format!("/v1/customers/{id}")).expect(200);
        assert!(server.stop().success());
    }

    #[test]
    fn a_second_server_on_the_same_data_is_refused() {
        let home = Home::sqlite();
        let server = home.start();
        let output = home.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("another server") && said.contains(&home.data().display().to_string()), "{said}");
        // The first one goes on, and a command beside it works.
        let words = ["org", "create", "--slug", "acme", "--name", "x", "--admin-email", "a@acme.test"];
        assert!(home.command(&words).output().unwrap().status.success());
        let id = server.admin().post("/v1/customers", &company("独占有限公司")).expect(201).id();
        // The lock ends with its holder, also with one that could not give it back.
        server.kill();
        let server = home.start();
        let _ = server.admin().get(&format!("/v1/customers/{id}")).expect(200);
        assert!(server.stop().success());
        // Servers on PostgreSQL share what they have.
        let shared = Home::postgres(own_postgres().url);
        let (one, other) = (shared.start(), shared.start());
        assert!(one.stop().success() && other.stop().success());
    }

    #[test]
    fn a_wrong_key_is_refused_with_words() {
        let home = Home::sqlite();
        assert!(home.start().stop().success());
        let other = Home::sqlite();
        assert!(other.start().stop().success());
        std::fs::copy(other.key_file(), home.key_file()).unwrap();
        let output = home.command(&["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("key"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }

    #[test]
    fn postgres_without_a_key_is_refused() {
        let home = Home::sqlite();
        let output = home
            .command(&["serve", "--listen", "127.0.0.1:0", "--database-url", &own_postgres().url])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!home.key_file().exists());
    }

    #[test]
    fn a_command_makes_no_installation_by_mistake() {
        let home = Home::sqlite();
        let words = ["org", "create", "--slug", "acme", "--name", "x", "--admin-email", "a@acme.test"];
        let output = home.command(&words).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&home.data().display().to_string()), "{said}");
        assert!(!home.data().exists() && !home.key_file().exists());
    }

    #[test]
    fn a_blank_administrator_is_none() {
        let home = Home::sqlite();
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("KEHU_ADMIN_EMAIL", "").env("KEHU_ADMIN_PASSWORD", " ");
        let server = home.start_from(command);
        let told = json!({"login": kehu_tests::server::ADMIN, "password": kehu_tests::PASSWORD});
        let _ = Session::anonymous(&server.base).post("/v1/auth/login", &told).expect(401);
    }

    #[test]
    fn an_open_address_without_tls_is_refused() {
        let output = Home::sqlite().command(&["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("--behind-proxy"), "{said}");
    }

    #[test]
    fn sigterm_lets_running_requests_finish() {
        let home = Home::sqlite();
        let server = home.start();
        let admin = server.admin();
        let (stop, refused) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let written = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let body = company("收尾有限公司").to_string();
                        match admin.try_send("POST", "/v1/customers", body.as_bytes(), "application/json") {
                            Ok(reply) if reply.status == 201 => *written.lock().unwrap() += 1,
                            // Told so: nothing was done.
                            Ok(reply) if reply.status == 503 => {}
                            Ok(reply) => refused.lock().unwrap().push(reply.text),
                            // The listener is closed.
                            Err(_) => stop.store(true, Ordering::Relaxed),
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(400));
            assert!(server.stop().success());
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(*refused.lock().unwrap(), Vec::<String>::new());
        let written = *written.lock().unwrap();
        assert!(written > 0);
        let server = home.start();
        let page = server.admin().get("/v1/customers?count=exact&limit=1").expect(200).json();
        assert_eq!(page["page"]["count"], json!(written), "every acknowledged write is there, and nothing else");
        assert!(home.log().contains("stopped"));
    }

    /// Kills a server under writers, again and again: what was acknowledged is there, whole, once.
    fn nothing_acknowledged_is_lost(home: &Home) {
        let acknowledged: Mutex<HashMap<String, String>> = Mutex::new(HashMap::new());
        let mut numbers = HashMap::new();
        for round in 0..4 {
            let server = home.start();
            check(&server, &acknowledged.lock().unwrap(), &mut numbers);
            let admin = server.admin();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for _ in 0..1000 {
                            let key = format!("kill-{:016}", unique());
                            let mut body = company("断电有限公司");
                            body["remark"] = json!(key);
                            body["contacts"] = json!([{"name": "周一"}]);
                            let keyed = admin.with("idempotency-key", &key);
                            let sent = keyed.try_send(
                                "POST",
                                "/v1/customers",
                                body.to_string().as_bytes(),
                                "application/json",
                            );
                            match sent {
                                Ok(reply) => acknowledged.lock().unwrap().insert(reply.expect(201).id(), key),
                                Err(_) => return,
                            };
                        }
                    });
                }
                std::thread::sleep(Duration::from_millis(300 + 170 * round));
                server.kill();
            });
        }
        let server = home.start();
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(acknowledged.len() > 20, "only {} writes", acknowledged.len());
        check(&server, &acknowledged, &mut numbers);
    }

    /// Every acknowledged record is there with its contact; nothing is there twice or half.
    fn check(server: &Server, acknowledged: &HashMap<String, String>, numbers: &mut HashMap<String, String>) {
        let admin = server.admin();
        let mut found: HashMap<String, String> = HashMap::new();
        let mut after = String::new();
        loop {
            let page =
                admin.get(&format!("/v1/customers?limit=500&expand=contacts&sort=created_at{after}")).expect(200);
            for record in page.data() {
                let text = |name: &str| record[name].as_str().unwrap().to_owned();
                assert_eq!(record["contacts"].as_array().map(Vec::len), Some(1), "half a record: {record}");
                let number = numbers.entry(text("number")).or_insert_with(|| text("id")).clone();
                assert_eq!(number, text("id"), "a number was given twice");
                let once = found.values().all(|remark| *remark != text("remark"));
                assert!(once, "one request made two records");
                found.insert(text("id"), text("remark"));
            }
            match page.json()["page"]["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        for (id, key) in acknowledged {
            assert_eq!(found.get(id), Some(key), "an acknowledged record is lost");
        }
        // The same key again gives the same record.
        if let Some((id, key)) = acknowledged.iter().next() {
            let body: Value = admin.get(&format!("/v1/customers/{id}")).expect(200).json();
            assert_eq!(body["remark"], json!(key));
        }
    }

    #[test]
    fn kill_9_sqlite() {
        let home = Home::sqlite();
        nothing_acknowledged_is_lost(&home);
        let file = rusqlite::Connection::open(home.data().join("kehu.db")).unwrap();
        let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn kill_9_postgres() {
        nothing_acknowledged_is_lost(&Home::postgres(own_postgres().url));
    }

    #[test]
    fn two_servers_share_a_database() {
        let home = Home::postgres(own_postgres().url);
        let (one, two) = (home.start(), home.start());
        let (first, second) = (one.admin(), two.admin());
        let numbers = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for session in [&first, &second, &first, &second] {
                scope.spawn(|| {
                    for _ in 0..15 {
                        let made = session.post("/v1/customers", &company("双机有限公司")).expect(201).json();
                        numbers.lock().unwrap().push(made["number"].as_str().unwrap().to_owned());
                    }
                });
            }
        });
        let mut numbers = numbers.into_inner().unwrap();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 60, "a number was given twice");
        // One phone, on both at once: one customer.
        let body = company("抢先有限公司");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = [&first, &second, &first, &second]
                .map(|session| scope.spawn(|| session.post("/v1/customers", &body).status))
                .into_iter()
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        // What was changed on one counts on the other, a second later at most.
        let user = first.post(
            "/v1/users",
            &json!({
                "name": "双机", "role": "salesperson", "email": "two@own.test", "password": kehu_tests::PASSWORD,
            }),
        );
        let user = user.expect(201).id();
        let session = kehu_tests::Session::login(&two.base, "two@own.test", kehu_tests::PASSWORD, None);
        let _ = session.get("/v1/me").expect(200);
        let _ = first.patch(&format!("/v1/users/{user}"), &json!({"disabled": true})).expect(200);
        std::thread::sleep(Duration::from_millis(1200));
        let _ = session.get("/v1/me").expect(401);
    }
}
