//! Starting and stopping. What is left after a kill, and of requests when it stops: `durability/`.

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use kehu_tests::server::Home;
    use kehu_tests::{Session, company, own_postgres};
    use serde_json::json;

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

    /// Its memory holds keys: no core of it is written, whatever ends it, and its files are its owner's alone.
    #[cfg(target_os = "linux")]
    #[test]
    fn it_leaves_no_core() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = Home::sqlite();
        let server = home.start();
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..], ["0", "0", "bytes"], "{core}");
        for file in ["kehu.db", "kehu.db-wal"] {
            let mode = std::fs::metadata(home.data().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file} has {mode:o}");
        }
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
