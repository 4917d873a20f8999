//! Nothing of a sealed field lies in clear in the database, its log, or the server's log.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    use kehu_tests::server::Home;
    use kehu_tests::{Reply, Session, own_postgres};
    use serde_json::json;
    use sha2::{Digest as _, Sha256};

    const PHONES: [&str; 3] = ["13912345671", "13912345672", "13912345673"];
    const MAIL: &str = "canary.bird@secret-cage.cn";
    const STREET: &str = "北京市海淀区金丝雀路77号";
    const WECHAT: &str = "wx-canary-8842";
    const BIRTHDAY: &str = "1987-06-05";
    const ID_NUMBER: &str = "11010119900307002X";
    const ACCOUNT: &str = "6222026360837783531";
    const REASON: &str = "金丝雀身份核对";

    /// A client's own name for a request: clients make it of what they have at hand.
    const KEY: &str = "canary-13912345671";

    /// Everything that must not lie anywhere, in every spelling in which it could; `told` was learned on the way.
    fn canaries(told: &[String]) -> Vec<Vec<u8>> {
        let mut words: Vec<String> = vec![MAIL.into(), STREET.into(), WECHAT.into(), BIRTHDAY.into()];
        words.extend([ID_NUMBER, ACCOUNT, REASON].map(str::to_owned));
        words.extend_from_slice(told);
        for phone in PHONES {
            words.push(phone.to_owned());
            words.push(format!("{} {} {}", &phone[..3], &phone[3..7], &phone[7..]));
            words.push(format!("{}-{}-{}", &phone[..3], &phone[3..7], &phone[7..]));
        }
        words.push("CANARY.BIRD".into());
        let mut all = Vec::new();
        for word in words {
            let bytes = word.as_bytes();
            all.push(bytes.to_vec());
            all.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
            // Somebody who has the table would try values out: no hash without a key.
            all.push(Sha256::digest(bytes).to_vec());
            all.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
            for shift in 0..3 {
                // Base64 of a text inside another depends on where it begins; the ends are cut off.
                let padded = [&vec![b'x'; shift][..], bytes].concat();
                for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
                    if text.len() > 12 {
                        all.push(text.as_bytes()[4..text.len() - 4].to_vec());
                    }
                }
            }
        }
        all
    }

    /// The hash part of an answer's ETag: made of the answer, and so of what is sealed in it.
    fn hash_of(answer: &Reply) -> String {
        let etag = answer.header("etag").unwrap().trim_matches('"');
        etag.split_once('-').unwrap().1.to_owned()
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() { files(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }

    fn contains(haystack: &[u8], needle: &[u8]) -> bool {
        haystack.windows(needle.len()).any(|window| window == needle)
    }

    /// Puts the canaries through every door that takes them; gives what else must not be found.
    fn plant(admin: &Session, base: &str) -> Vec<String> {
        let body = json!({
            "name": "金丝雀有限公司", "kind": "company", "phones": [PHONES[0]], "emails": [MAIL], "address": STREET, "wechat": WECHAT,
            "bank_accounts": [{"value": ACCOUNT, "bank": "工商银行"}],
            "contacts": [{"name": "鸟一", "phones": [PHONES[1]], "birthday": BIRTHDAY, "id_number": ID_NUMBER}],
        });
        let key = admin.with("idempotency-key", KEY);
        let made = key.post("/v1/customers", &body).expect(201);
        let (id, told) = (made.id(), vec![hash_of(&made), KEY.to_owned()]);
        let _ = key.post("/v1/customers", &body).expect(201);
        let _ = admin.post("/v1/customers", &body).expect(409);
        let _ = admin.patch(&format!("/v1/customers/{id}"), &json!({"phones": {"add": [PHONES[2]]}})).expect(200);
        let why = admin.with("x-change-reason", MAIL);
        let _ = why.patch(&format!("/v1/customers/{id}"), &json!({"wechat": null})).expect(200);
        let reveal = json!({"fields": ["bank_accounts", "phones"], "reason": REASON});
        let shown = admin.post(&format!("/v1/customers/{id}/reveal"), &reveal).expect(200);
        assert!(shown.text.contains(ACCOUNT), "{}", shown.text);
        let asked = json!({"where": {"field": "id_number", "value": ID_NUMBER}});
        let _ = admin.post("/v1/customers/search", &asked).expect(200);
        let _ = admin.get(&format!("/v1/customers/{id}/history")).expect(200);
        let _ = admin.get("/v1/audit?sort=seq").expect(200);
        for _ in 0..10 {
            let sign_in = json!({"login": PHONES[0], "password": STREET});
            let _ = Session::anonymous(base).post("/v1/auth/login", &sign_in).expect(401);
        }
        let _ = admin.post("/v1/lookup", &json!({"phone": PHONES[1]})).expect(200);
        let _ = admin.post("/v1/customers/search", &json!({"where": {"field": "email", "value": MAIL}})).expect(200);
        let _ = admin.get(&format!("/v1/customers?filter[phone]={}", PHONES[0])).expect(400);
        let _ = admin.get(&format!("/v1/customers?q={}", PHONES[0])).expect(200);
        let form = json!({"name": "表单", "fields": [
            {"key": "name", "maps_to": "contact.name"}, {"key": "mobile", "maps_to": "customer.phone"}, {"key": "mail", "maps_to": "customer.email"},
        ]});
        let form = admin.post("/v1/forms", &form).expect(201).json();
        let visitor = Session::anonymous(base).with_token(form["public_key"].as_str());
        let path = format!("/v1/forms/{}/submissions", form["id"].as_str().unwrap());
        let lead = json!({"values": {"name": "鸟二", "mobile": PHONES[2], "mail": MAIL, "unmapped": STREET}});
        let _ = visitor.with("idempotency-key", "canary-form-0123456789").post(&path, &lead).expect(202);
        let mixed = json!({"values": {"name": "鸟三", "mobile": MAIL, "mail": PHONES[0]}});
        let _ = visitor.post(&path, &mixed).expect(202);
        told
    }

    fn search(home: &Home, data: &Path, told: &[String]) {
        let mut all = Vec::new();
        files(data, &mut all);
        assert!(!all.is_empty());
        all.push(home.path().join("log"));
        let canaries = canaries(told);
        let mut total = 0;
        for file in all {
            let bytes = std::fs::read(&file).unwrap();
            total += bytes.len();
            for canary in &canaries {
                assert!(!contains(&bytes, canary), "{} holds {:?}", file.display(), String::from_utf8_lossy(canary));
            }
        }
        assert!(total > 10_000, "only {total} bytes were searched");
        // The search itself works: what is clear by design is found.
        let clear = std::fs::read_dir(data).unwrap().map(Result::unwrap).any(|entry| {
            entry.file_type().unwrap().is_file()
                && contains(&std::fs::read(entry.path()).unwrap(), "金丝雀有限公司".as_bytes())
        });
        assert!(clear || !data.join("kehu.db").exists());
    }

    #[test]
    fn sqlite() {
        let home = Home::sqlite();
        let server = home.start();
        let told = plant(&server.admin(), &server.base);
        // Killed, so that the write-ahead log is still there.
        server.kill();
        assert!(home.data().join("kehu.db-wal").exists());
        search(&home, &home.data(), &told);
    }

    #[test]
    fn postgres() {
        let database = own_postgres();
        let home = Home::postgres(database.url.clone());
        let server = home.start();
        let told = plant(&server.admin(), &server.base);
        assert!(server.stop().success());
        let dump = database.every_value();
        std::fs::create_dir_all(home.path().join("dump")).unwrap();
        std::fs::write(home.path().join("dump/all"), &dump).unwrap();
        assert!(contains(&dump, "金丝雀有限公司".as_bytes()), "the dump holds what is clear by design");
        search(&home, &home.path().join("dump"), &told);
    }
}
