//! `tests/seal_check.py` opens cells of a database with the key file and Python's `cryptography` alone.

kehu_tests::on_both_engines!(another_implementation_opens_a_cell_and_finds_its_index_entries);

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use kehu_tests::cluster::Session as Database;
    use kehu_tests::{Engine, Org, env, mobile};
    use serde_json::{Value, json};

    /// Runs the script on one cell; the row is somebody else's where that is said.
    fn opened(engine: Engine, path: &str, id: &str, row: &str) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/seal_check.py");
        let database = match engine {
            Engine::Sqlite => Path::new(&env("KEHU_TEST_SQLITE_DATA")).join("kehu.db").display().to_string(),
            Engine::Postgres => "-".to_owned(),
        };
        let mut command = Command::new(env("KEHU_TEST_PYTHON"));
        command.args([script, "open", &engine.key_file(), &database, path, row]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        if engine == Engine::Postgres {
            stdin.write_all(of_postgres(path, id).as_bytes()).unwrap();
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// What PostgreSQL has on a cell, as the script wants it.
    fn of_postgres(path: &str, id: &str) -> String {
        let (kind, column) = path.split_once('.').unwrap();
        let sql = format!(
            "SELECT json_build_object('org', r.org_id, 'cell', encode(r.{column}, 'hex'), 'roots', \
             (SELECT json_agg(json_build_object('key_id', key_id, 'purpose', purpose, 'state', state, 'kek_id', kek_id, \
             'wrapped', encode(wrapped, 'hex'))) FROM tenant_keys k WHERE k.org_id = r.org_id), 'index', \
             (SELECT coalesce(json_agg(json_build_object('key_id', key_id, 'class', class, 'bucket', bucket, 'check', \
             encode(\"check\", 'hex'))), '[]') FROM pii_index i WHERE i.org_id = r.org_id AND i.record_id = r.id))::text \
             FROM {kind}s r WHERE r.id = '{id}'"
        );
        Database::open(&env("KEHU_TEST_POSTGRES_DB")).text(&sql)
    }

    pub(super) fn another_implementation_opens_a_cell_and_finds_its_index_entries(engine: Engine) {
        let org = Org::new(engine);
        let (phones, street) = ([mobile(), mobile()], "北京市朝阳区建国路88号院3号楼");
        let emails: Vec<String> = (0..6).map(|at| format!("p{at}.{}@example.com", org.slug)).collect();
        let customer = json!({"name": "读取测试公司", "kind": "company", "address": street});
        let customer = org.admin.post("/v1/customers", &customer).expect(201).id();
        let contact = json!({"customer_id": customer, "name": "吴用", "phones": phones, "emails": emails});
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();

        let told = |path: &str, id: &str| -> Value {
            let output = opened(engine, path, id, id);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice(&output.stdout).unwrap()
        };
        assert_eq!(told("customer.address", &customer)["plaintext"], street);
        for (path, class, values) in [
            ("contact.phones", "phone", phones.iter().map(|phone| format!("+86{phone}")).collect()),
            ("contact.emails", "email", emails),
        ] {
            let found = told(path, &contact);
            let stored: Value = serde_json::from_str(found["plaintext"].as_str().unwrap()).unwrap();
            let stored: Vec<&str> = stored.as_array().unwrap().iter().map(|one| one["v"].as_str().unwrap()).collect();
            assert_eq!(stored, values);
            let indexed: Vec<&Value> = found["index"].as_array().unwrap().iter().collect();
            assert_eq!(indexed.len(), values.len(), "{found}");
            for (entry, value) in indexed.iter().zip(&values) {
                assert_eq!((entry["class"].as_str(), entry["value"].as_str()), (Some(class), Some(value.as_str())));
                assert!([8, 12, 16, 20, 24, 28].contains(&entry["width"].as_u64().unwrap()), "{entry}");
            }
        }
        // Not for another row.
        let refused = opened(engine, "contact.phones", &contact, &customer);
        assert!(!refused.status.success());
        if engine == Engine::Postgres {
            assert!(String::from_utf8_lossy(&refused.stderr).contains("InvalidTag"), "{refused:?}");
        }
    }

    #[test]
    fn the_published_vectors_are_what_another_implementation_makes() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/seal_check.py");
        let output = Command::new(env("KEHU_TEST_PYTHON")).arg(script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("agree"));
    }
}
