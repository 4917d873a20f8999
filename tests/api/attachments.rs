//! Attachments: files that hang on records, sealed on the disk, given to whoever may read the record.

kehu_tests::on_both_engines!(
    a_file_comes_back_as_it_was_sent,
    parts_come_in_any_order_and_are_named_when_wrong,
    what_a_file_is_its_first_bytes_say,
    a_file_that_is_too_large_is_refused_and_nothing_is_kept,
    a_range_is_given_and_a_head_tells_the_length,
    whoever_reads_the_record_reads_its_files,
    a_ticket_opens_a_file,
    a_file_goes_and_comes_with_what_it_hangs_on,
    an_erased_record_takes_its_files_along,
    the_same_upload_twice_is_one,
    a_file_that_was_changed_or_is_gone_is_told,
    that_a_file_was_read_is_journaled,
    a_file_that_was_set_aside_comes_back,
    what_was_taken_away_while_a_file_came_counts,
    custom_fields_beside_a_file_may_be_long,
);

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use kehu_tests::{Engine, Form, Org, Reply, Session, company, env, new_id};
    use serde_json::{Value, json};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

    fn customer(session: &Session) -> String {
        session.post("/v1/customers", &company("附件有限公司")).expect(201).id()
    }

    fn content_of(id: &str) -> String {
        format!("/v1/attachments/{id}/content")
    }

    /// Bytes that tell where they stand.
    fn long(size: usize) -> Vec<u8> {
        (0..size).map(|at| b"0123456789abcdefghijklmnopqrstuvwxyz\n"[at % 37]).collect()
    }

    /// The data folder of an engine's server.
    fn data(engine: Engine) -> PathBuf {
        let sqlite = PathBuf::from(env("KEHU_TEST_SQLITE_DATA"));
        match engine {
            Engine::Sqlite => sqlite,
            Engine::Postgres => Path::new(&env("KEHU_TEST_DIR")).join("postgres/data"),
        }
    }

    /// The sealed file of an attachment.
    fn sealed(engine: Engine, id: &str) -> Option<PathBuf> {
        let orgs = std::fs::read_dir(data(engine).join("attachments")).ok()?;
        let found = orgs.map(|org| org.unwrap().path().join(&id[id.len() - 2..]).join(id));
        found.into_iter().find(|path| path.exists())
    }

    pub(super) fn a_file_comes_back_as_it_was_sent(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        for size in [0, 1, 65_535, 65_536, 65_537, 300_000] {
            let content = long(size);
            let made = org.admin.attach("customer", &customer, "记录 一.txt", &content).expect(201);
            assert!(made.header("location").unwrap().ends_with(&made.id()));
            let made = made.json();
            assert_eq!((&made["name"], &made["size"]), (&json!("记录 一.txt"), &json!(size)));
            assert_eq!((&made["media_type"], &made["customer_id"]), (&json!("text/plain"), &json!(customer)));
            let id = made["id"].as_str().unwrap();
            let read = org.admin.get(&content_of(id)).expect(200);
            assert!(read.bytes == content, "{size}");
            for (name, value) in [
                ("content-type", "text/plain"),
                ("content-length", size.to_string().as_str()),
                (
                    "content-disposition",
                    "attachment; filename=\"__ _.txt\"; filename*=UTF-8''%E8%AE%B0%E5%BD%95%20%E4%B8%80.txt",
                ),
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("cache-control", "private, no-store"),
                ("accept-ranges", "bytes"),
            ] {
                assert_eq!(read.header(name), Some(value), "{name}");
            }
            // A client that takes packed answers gets it as it is too.
            let packed = org.admin.with("accept-encoding", "gzip").get(&content_of(id)).expect(200);
            assert!(packed.bytes == content, "{size}");
            let file = std::fs::read(sealed(engine, id).unwrap()).unwrap();
            assert_eq!(file.len(), 16 + size + 16 * size.div_ceil(65_536).max(1));
            assert!(!file.windows(36).any(|window| window == &long(36)[..]), "nothing lies there in clear");
            let path = format!("/v1/attachments/{id}");
            let mut told = made.clone();
            told.as_object_mut().unwrap().remove("warnings");
            assert_eq!(org.admin.get(&path).expect(200).json(), told);
            assert_eq!(org.admin.patch(&path, &made).expect(200).json(), made);
        }
        let renamed = org.admin.get("/v1/attachments?limit=1").expect(200).data()[0].clone();
        let path = format!("/v1/attachments/{}", renamed["id"].as_str().unwrap());
        let patched = org.admin.patch(&path, &json!({"name": "新名.txt"})).expect(200).json();
        assert_eq!((&patched["name"], &patched["version"]), (&json!("新名.txt"), &json!(2)));
        assert_eq!(org.admin.patch(&path, &json!({"size": 5})).expect(422).errors()[0].1, "read_only");
        assert_eq!(org.admin.patch(&path, &json!({"name": "新名.exe"})).expect(422).errors()[0].1, "file_name_runs");
        assert_eq!(org.admin.patch(&path, &json!({"name": "a/b.txt"})).expect(422).errors()[0].1, "file_name_invalid");
        let listed = org.admin.get(&format!("/v1/attachments?filter[record_id]={customer}&sort=name")).expect(200);
        assert_eq!(listed.data().len(), 6);
        let expanded = org.admin.get(&format!("/v1/customers/{customer}?expand=attachments")).expect(200).json();
        assert_eq!(expanded["attachments"].as_array().unwrap().len(), 6);
    }

    pub(super) fn parts_come_in_any_order_and_are_named_when_wrong(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let send = |form: Form| org.admin.send_form("/v1/attachments", &form);
        let first = Form::default().file("C:\\a\\合同.txt", b"text").text("name", "别名.txt");
        let made = send(first.text("record_id", &customer).text("kind", "customer")).expect(201).json();
        assert_eq!(made["name"], "别名.txt");
        let one = |reply: Reply| reply.expect(422).errors()[0].clone();
        let pair = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
        let whole = || Form::default().text("kind", "customer").text("record_id", &customer);
        assert_eq!(one(send(whole())), pair("/file", "required"));
        assert_eq!(
            one(send(Form::default().text("kind", "customer").file("a.txt", b"x"))),
            pair("/record_id", "required")
        );
        assert_eq!(
            one(org.admin.attach("customer", &new_id(), "a.txt", b"x")),
            pair("/record_id", "reference_unknown")
        );
        assert_eq!(one(org.admin.attach("user", &customer, "a.txt", b"x")), pair("/kind", "choice_unknown"));
        assert_eq!(one(send(whole().text("other", "x"))), pair("", "field_unknown"));
        assert_eq!(one(send(whole().text("kind", "contact"))).0, "/kind");
        assert_eq!(one(send(whole().file("a.txt", b"x").file("b.txt", b"x"))).0, "/file");
        assert_eq!(org.admin.post("/v1/attachments", &json!({})).expect(415).code(), "media_type_unsupported");
        // Without a boundary nobody can tell where a part ends.
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""]
        {
            let unbounded = org.admin.send("POST", "/v1/attachments", &whole().body(), content_type).expect(415);
            assert_eq!(unbounded.code(), "media_type_unsupported");
            assert!(unbounded.json()["detail"].as_str().unwrap().contains("boundary="), "{}", unbounded.json());
        }
        let broken = org.admin.send("POST", "/v1/attachments", b"--x", &Form::content_type()).expect(400);
        assert_eq!(broken.code(), "bad_request");
        assert_eq!(org.admin.get("/v1/attachments").expect(200).data().len(), 1);
    }

    pub(super) fn what_a_file_is_its_first_bytes_say(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let send = |name: &str, content: &[u8]| org.admin.attach("customer", &customer, name, content);
        for (name, content, kind) in [
            ("x.txt", PNG, "image/png"),
            ("a.pdf", b"%PDF-1.7\n", "application/pdf"),
            ("名单.csv", "姓名,电话\n".as_bytes(), "text/csv"),
            ("a", b"PK\x03\x04....", "application/zip"),
        ] {
            assert_eq!(send(name, content).expect(201).json()["media_type"], kind, "{name}");
        }
        for (name, content) in [
            ("报价.pdf", &b"MZ\x90\0"[..]),
            ("a.txt", b"<!doctype html><script>1</script>"),
            ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='1'/>"),
            ("a.js", b"alert(1)"),
            ("a.bin", b"\0\x01\x02"),
        ] {
            let refused = send(name, content).expect(415);
            assert_eq!(refused.code(), "file_type_refused", "{name}");
            let chinese = org.admin.with("accept-language", "zh-CN").attach("customer", &customer, name, content);
            assert!(chinese.json()["detail"].as_str().unwrap().contains("可接受的类型"), "{}", chinese.text);
        }
        // What an organisation takes, it says itself.
        let settings = |types: Value| json!({"settings": {"attachments": {"types": types}}});
        let _ = org.admin.patch("/v1/organisation", &settings(json!(["application/pdf"]))).expect(200);
        let refused = send("x.png", PNG).expect(415);
        let told = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(told.contains("image/png") && told.contains("application/pdf"), "{told}");
        let wrong = org.admin.patch("/v1/organisation", &settings(json!(["text/html"]))).expect(422).errors();
        assert_eq!(wrong[0], ("/settings/attachments/types/0".to_owned(), "choice_unknown".to_owned()));
        assert_eq!(org.admin.get("/v1/attachments").expect(200).data().len(), 4, "nothing is kept of what is refused");
    }

    pub(super) fn a_file_that_is_too_large_is_refused_and_nothing_is_kept(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let before = org.admin.get("/v1/organisation").expect(200).json();
        assert_eq!(before["settings"]["attachments"]["max_bytes"], 20 * 1024 * 1024);
        let set = |most: u32| json!({"settings": {"attachments": {"max_bytes": most}}});
        let _ = org.admin.patch("/v1/organisation", &set(100_000)).expect(200);
        let _ = org.admin.attach("customer", &customer, "a.txt", &long(100_000)).expect(201);
        for size in [100_001, 500_000] {
            let refused = org.admin.attach("customer", &customer, "a.txt", &long(size)).expect(413);
            assert_eq!(refused.code(), "file_too_large");
            assert!(refused.json()["detail"].as_str().unwrap().contains("100000"), "{}", refused.text);
        }
        let beyond = org.admin.patch("/v1/organisation", &set(200 * 1024 * 1024 + 1)).expect(422).errors();
        assert_eq!(beyond[0], ("/settings/attachments/max_bytes".to_owned(), "number_out_of_range".to_owned()));
        assert_eq!(org.admin.get("/v1/attachments").expect(200).data().len(), 1);
    }

    pub(super) fn a_range_is_given_and_a_head_tells_the_length(engine: Engine) {
        let org = Org::new(engine);
        let content = long(200_000);
        let id = org.admin.attach("customer", &customer(&org.admin), "a.txt", &content).expect(201).id();
        let path = content_of(&id);
        for (asked, from, end) in [
            ("bytes=0-0", 0, 1),
            ("bytes=65530-65540", 65_530, 65_541),
            ("bytes=131072-", 131_072, 200_000),
            ("bytes=-5", 199_995, 200_000),
        ] {
            let part = org.admin.with("range", asked).get(&path).expect(206);
            assert!(part.bytes == content[from..end], "{asked}");
            assert_eq!(part.header("content-range"), Some(format!("bytes {from}-{}/200000", end - 1).as_str()));
        }
        let beyond = org.admin.with("range", "bytes=200000-").get(&path).expect(416);
        assert_eq!(beyond.code(), "range_invalid");
        assert_eq!(beyond.header("content-range"), Some("bytes */200000"));
        let head = org.admin.send("HEAD", &path, &[], "").expect(200);
        assert_eq!(head.header("content-length"), Some("200000"));
        assert!(head.bytes.is_empty());
        assert_eq!(org.admin.get(&format!("{path}?x=1")).expect(400).errors()[0].1, "parameter_unknown");
    }

    pub(super) fn whoever_reads_the_record_reads_its_files(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (one, other) = (org.user("salesperson", Some(&team)), org.user("salesperson", Some(&team)));
        let customer = customer(&one.session);
        let id = one.session.attach("customer", &customer, "a.txt", b"secret").expect(201).id();
        let _ = other.session.get(&content_of(&id)).expect(404);
        let elsewhere = Org::new(engine);
        let theirs = elsewhere.admin.get(&content_of(&id)).expect(404);
        assert_eq!(
            theirs.text,
            elsewhere
                .admin
                .with("x-request-id", theirs.header("x-request-id").unwrap())
                .get(&content_of(&new_id()))
                .expect(404)
                .text
        );
        let shared = json!({"collaborators": [{"user_id": other.id, "access": "read"}]});
        let _ = one.session.patch(&format!("/v1/customers/{customer}"), &shared).expect(200);
        assert_eq!(other.session.get(&content_of(&id)).expect(200).text, "secret");
        let _ = other.session.attach("customer", &customer, "b.txt", b"x").expect(403);
        let keeper = org.user("system_admin", None);
        let _ = keeper.session.get(&content_of(&id)).expect(403);
        let _ = keeper.session.attach("customer", &customer, "b.txt", b"x").expect(403);
    }

    pub(super) fn a_ticket_opens_a_file(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.attach("customer", &customer(&org.admin), "a.png", PNG).expect(201).id();
        let made = org.admin.post("/v1/tickets", &json!({"path": content_of(&id)})).expect(200).json();
        let nobody = Session::anonymous(&engine.base());
        assert_eq!(nobody.get(made["url"].as_str().unwrap()).expect(200).bytes, PNG);
        let _ = nobody.get(&content_of(&id)).expect(401);
    }

    pub(super) fn a_file_goes_and_comes_with_what_it_hangs_on(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let contact =
            org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "孙附"})).expect(201).id();
        let id = org.admin.attach("contact", &contact, "名片.png", PNG).expect(201).id();
        for path in
            [format!("/v1/contacts/{contact}"), format!("/v1/customers/{customer}"), format!("/v1/attachments/{id}")]
        {
            let _ = org.admin.delete(&path).expect(204);
            let _ = org.admin.get(&content_of(&id)).expect(404);
            assert!(sealed(engine, &id).is_some(), "it stays until it is erased");
            let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
            assert_eq!(org.admin.get(&content_of(&id)).expect(200).bytes, PNG);
        }
    }

    pub(super) fn an_erased_record_takes_its_files_along(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let contact =
            org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "李附"})).expect(201).id();
        let ids: Vec<String> = [("contact", &contact), ("customer", &customer)]
            .map(|(kind, id)| org.admin.attach(kind, id, "a.png", PNG).expect(201).id())
            .into();
        for (path, id) in [(format!("/v1/contacts/{contact}"), &ids[0]), (format!("/v1/customers/{customer}"), &ids[1])]
        {
            assert!(sealed(engine, id).is_some());
            let job = org.admin.post(&format!("{path}/erase"), &json!({"reason": "要求"})).expect(202).id();
            let done = org.admin.done(&format!("/v1/jobs/{job}"), 60);
            assert_eq!(done["result"]["erased"]["attachments"], 1, "{done}");
            assert!(sealed(engine, id).is_none(), "the file is gone");
            let _ = org.admin.get(&content_of(id)).expect(404);
        }
    }

    pub(super) fn the_same_upload_twice_is_one(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let keyed = org.admin.with("idempotency-key", "upload-0123456789abcdef");
        let first = keyed.attach("customer", &customer, "a.png", PNG).expect(201);
        let again = keyed.attach("customer", &customer, "a.png", PNG).expect(201);
        assert_eq!((first.id(), again.header("idempotency-replayed")), (again.id(), Some("true")));
        let other = keyed.attach("customer", &customer, "a.png", &[PNG, b"x"].concat()).expect(422);
        assert_eq!(other.code(), "idempotency_key_reused");
        // Nor is the same file of another customer, or under another name, the same.
        let next = org.admin.post("/v1/customers", &company("另一附件有限公司")).expect(201).id();
        for (record, name) in [(&next, "a.png"), (&customer, "b.png")] {
            assert_eq!(keyed.attach("customer", record, name, PNG).expect(422).code(), "idempotency_key_reused");
        }
        let named = Form::default().text("kind", "customer").text("record_id", &customer).text("name", "c.png");
        let named = keyed.send_form("/v1/attachments", &named.file("a.png", PNG)).expect(422);
        assert_eq!(named.code(), "idempotency_key_reused");
        let turned = Form::default().file("a.png", PNG).text("record_id", &customer).text("kind", "customer");
        assert_eq!(keyed.send_form("/v1/attachments", &turned).expect(201).id(), first.id(), "in another order");
        assert_eq!(org.admin.get("/v1/attachments").expect(200).data().len(), 1);
        let folder = sealed(engine, &first.id()).unwrap();
        let org_folder = folder.parent().unwrap().parent().unwrap();
        let files = std::fs::read_dir(org_folder)
            .unwrap()
            .flat_map(|spread| std::fs::read_dir(spread.unwrap().path()).unwrap());
        assert_eq!(files.count(), 1, "nothing is left of the second upload");
    }

    pub(super) fn a_file_that_was_changed_or_is_gone_is_told(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let id = org.admin.attach("customer", &customer, "a.txt", &long(1000)).expect(201).id();
        let other = org.admin.attach("customer", &customer, "b.txt", &long(1000)).expect(201).id();
        let (file, others) = (sealed(engine, &id).unwrap(), sealed(engine, &other).unwrap());
        let whole = std::fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[500] ^= 1;
        for bytes in [changed, whole[..whole.len() - 1].to_vec(), std::fs::read(&others).unwrap()] {
            std::fs::write(&file, bytes).unwrap();
            let refused = org.admin.get(&content_of(&id)).expect(500);
            assert_eq!(refused.code(), "value_unreadable");
        }
        std::fs::remove_file(&file).unwrap();
        let away = org.admin.get(&content_of(&id)).expect(503);
        assert_eq!((away.code().as_str(), away.header("retry-after").is_some()), ("file_away", true));
        let _ = org.admin.get(&format!("/v1/attachments/{id}")).expect(200);
        std::fs::write(&file, whole).unwrap();
        assert!(org.admin.get(&content_of(&id)).expect(200).bytes == long(1000));
    }

    pub(super) fn that_a_file_was_read_is_journaled(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.attach("customer", &customer(&org.admin), "a.txt", &long(1000)).expect(201).id();
        let reads = || {
            let asked = format!("/v1/audit?filter[event]=attachment.content_read&filter[record_id]={id}");
            org.admin.get(&asked).expect(200).data().len()
        };
        assert_eq!(reads(), 0);
        let _ = org.admin.send("HEAD", &content_of(&id), &[], "").expect(200);
        assert_eq!(reads(), 0, "a head gives nothing");
        let _ = org.admin.get(&content_of(&id)).expect(200);
        let _ = org.admin.with("range", "bytes=0-9").get(&content_of(&id)).expect(206);
        assert_eq!(reads(), 2);
    }

    /// Where the sweep would put it.
    fn set_aside(engine: Engine, id: &str) -> PathBuf {
        let file = sealed(engine, id).unwrap();
        let org = file.parent().unwrap().parent().unwrap();
        let aside = org.parent().unwrap().join("unnamed/2026-01-02").join(org.file_name().unwrap());
        std::fs::create_dir_all(&aside).unwrap();
        std::fs::rename(&file, aside.join(id)).unwrap();
        aside.join(id)
    }

    pub(super) fn a_file_that_was_set_aside_comes_back(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        let id = org.admin.attach("customer", &customer, "a.txt", &long(70_000)).expect(201).id();
        let aside = set_aside(engine, &id);
        assert!(org.admin.get(&content_of(&id)).expect(200).bytes == long(70_000));
        assert!(!aside.exists() && sealed(engine, &id).is_some(), "it is back in its place");
        let aside = set_aside(engine, &id);
        let _ = org.admin.post(&format!("/v1/customers/{customer}/erase"), &json!({"reason": "要求"})).expect(202);
        let begun = Instant::now();
        while aside.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "who is erased has a file left");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn what_was_taken_away_while_a_file_came_counts(engine: Engine) {
        let org = Org::new(engine);
        let (user, keeper) = (org.user("salesperson", None), org.user("salesperson", None));
        for (who, patch, status) in
            [(&user, json!({"disabled": true}), "401"), (&keeper, json!({"role": "system_admin"}), "403")]
        {
            let customer = customer(&who.session);
            let form = Form::default().text("kind", "customer").text("record_id", &customer);
            let body = form.file("a.txt", &long(100_000)).body();
            let mut slow = TcpStream::connect(engine.base().trim_start_matches("http://")).unwrap();
            let head = format!(
                "POST /v1/attachments HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
                who.session.token().unwrap(),
                Form::content_type(),
                body.len()
            );
            slow.write_all(head.as_bytes()).unwrap();
            let (first, rest) = body.split_at(body.len() / 2);
            slow.write_all(first).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            let _ = org.admin.patch(&format!("/v1/users/{}", who.id), &patch).expect(200);
            std::thread::sleep(Duration::from_millis(1500));
            slow.write_all(rest).unwrap();
            let mut answer = String::new();
            slow.read_to_string(&mut answer).unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        }
        assert!(org.admin.get("/v1/attachments").expect(200).data().is_empty());
    }

    pub(super) fn custom_fields_beside_a_file_may_be_long(engine: Engine) {
        let org = Org::new(engine);
        let customer = customer(&org.admin);
        for key in ["one", "two"] {
            let field = json!({"kind": "attachment", "key": key, "type": "long_text", "label": {"zh-CN": key}});
            let _ = org.admin.post("/v1/fields", &field).expect(201);
        }
        let custom = json!({"one": "字".repeat(2000), "two": "字".repeat(2000)});
        let form = Form::default().text("kind", "customer").text("record_id", &customer);
        let form = form.text("custom", &custom.to_string()).file("a.txt", b"text");
        assert_eq!(org.admin.send_form("/v1/attachments", &form).expect(201).json()["custom"], custom);
    }
}
