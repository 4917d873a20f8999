//! Attached files where the disk is full, where the server is killed amid an upload, and in backups.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kehu_tests::server::Home;
use kehu_tests::{Form, Session};
use serde_json::json;

use crate::disk::Disk;

fn customer(admin: &Session) -> String {
    admin.post("/v1/customers", &json!({"name": "文件有限公司", "kind": "company"})).expect(201).id()
}

fn content(admin: &Session, id: &str) -> Vec<u8> {
    admin.get(&format!("/v1/attachments/{id}/content")).expect(200).bytes
}

/// Every file below a folder of the data.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn long(size: usize) -> Vec<u8> {
    (0..size).map(|at| b"0123456789abcdefghijklmnopqrstuvwxyz\n"[at % 37]).collect()
}

#[test]
fn a_full_disk_refuses_a_file_and_keeps_nothing_of_it() {
    let home = Home::sqlite_in("disk/data");
    let disk = Disk::mount(&home.path().join("disk"), 16);
    let server = home.start_from(disk.with(&home.command(&["serve", "--listen", "127.0.0.1:0"])));
    let admin = server.admin();
    let customer = customer(&admin);
    let first = admin.attach("customer", &customer, "a.txt", &long(200_000)).expect(201).id();
    let folder = disk.path("data/attachments");
    assert_eq!(files(&folder).len(), 1);
    // Larger than the disk: it fills while the file comes.
    let refused = admin.attach("customer", &customer, "b.txt", &long(18_000_000)).expect(507);
    assert_eq!(refused.code(), "disk_full");
    assert_eq!(files(&folder).len(), 1, "nothing is left of it: {:?}", files(&folder));
    disk.fill();
    assert_eq!(admin.attach("customer", &customer, "c.txt", &long(100_000)).expect(507).code(), "disk_full");
    assert_eq!(files(&folder).len(), 1);
    disk.free();
    let again = admin.attach("customer", &customer, "b.txt", &long(100_000)).expect(201).id();
    assert!(content(&admin, &first) == long(200_000) && content(&admin, &again) == long(100_000));
    assert_eq!(admin.get("/v1/attachments").expect(200).data().len(), 2);
}

#[test]
fn a_server_that_is_killed_amid_an_upload_keeps_no_half_file() {
    let home = Home::sqlite();
    let server = home.start();
    let admin = server.admin();
    let customer = customer(&admin);
    let first = admin.attach("customer", &customer, "a.txt", &long(200_000)).expect(201).id();
    let form = Form::default().text("kind", "customer").text("record_id", &customer).file("b.txt", &long(2_000_000));
    let body = form.body();
    let mut half = TcpStream::connect(server.base.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        admin.token().unwrap(),
        Form::content_type(),
        body.len()
    );
    half.write_all(head.as_bytes()).unwrap();
    half.write_all(&body[..body.len() / 2]).unwrap();
    let incoming = home.data().join("attachments/incoming");
    let begun = Instant::now();
    while files(&incoming).first().is_none_or(|file| std::fs::metadata(file).unwrap().len() < 500_000) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing of the upload is written");
        std::thread::sleep(Duration::from_millis(10));
    }
    let written = std::fs::read(&files(&incoming)[0]).unwrap();
    assert!(!written.windows(37).any(|window| window == &long(37)[..]), "what is not whole is sealed too");
    drop(admin);
    server.kill();
    let _ = half.read(&mut [0; 16]);
    let server = home.start();
    let admin = server.admin();
    assert_eq!(admin.get("/v1/attachments").expect(200).data().len(), 1);
    assert!(content(&admin, &first) == long(200_000));
    // Under the same key it is sent again, and is there once.
    let keyed = admin.with("idempotency-key", "upload-after-a-kill-01");
    let made = keyed.send_form("/v1/attachments", &form).expect(201).id();
    assert!(content(&admin, &made) == long(2_000_000));
}

#[test]
fn a_backup_has_the_files_that_it_names() {
    let home = Home::sqlite();
    let copy = home.path().join("copy.db");
    let server = home.start();
    let admin = server.admin();
    let customer = customer(&admin);
    let kept = admin.attach("customer", &customer, "a.txt", &long(200_000)).expect(201).id();
    let contact = admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "钱忘"})).expect(201).id();
    let erased = admin.attach("contact", &contact, "b.txt", b"of a person").expect(201).id();
    let told = done(&mut backup(&home, &copy));
    assert!(told.contains("2 attached files"), "{told}");
    let later = admin.attach("customer", &customer, "c.txt", b"later").expect(201).id();
    let job = admin.post(&format!("/v1/contacts/{contact}/erase"), &json!({"reason": "要求"})).expect(202).id();
    let begun = Instant::now();
    while admin.get(&format!("/v1/jobs/{job}")).expect(200).json()["state"] != "done" {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(admin);
    assert!(server.stop().success());
    std::fs::remove_dir_all(home.data().join("attachments")).unwrap();
    let mut restore = home.command(&["restore"]);
    restore.arg(&copy);
    let told = done(&mut restore);
    assert!(told.contains("1 attached files"), "{told}");
    let server = home.start();
    let admin = server.admin();
    assert!(content(&admin, &kept) == long(200_000));
    for gone in [&erased, &later] {
        let _ = admin.get(&format!("/v1/attachments/{gone}/content")).expect(404);
    }
    assert_eq!(files(&home.data().join("attachments")).len(), 1, "who was erased has no file");
}

#[test]
fn a_backup_without_some_of_its_files_is_kept_and_says_so() {
    let home = Home::sqlite();
    let copy = home.path().join("copy.db");
    let server = home.start();
    let admin = server.admin();
    let customer = customer(&admin);
    let [lost, _] = ["a.txt", "b.txt"].map(|name| admin.attach("customer", &customer, name, b"text").expect(201).id());
    drop(admin);
    assert!(server.stop().success());
    let file = files(&home.data().join("attachments")).into_iter().find(|file| file.ends_with(&lost)).unwrap();
    std::fs::remove_file(file).unwrap();
    let output = backup(&home, &copy).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("1 attached files are not there") && said.contains(&lost), "{said}");
    assert!(copy.exists() && files(&home.path().join("copy.db.attachments")).len() == 1);
}

fn backup(home: &Home, to: &Path) -> Command {
    let mut command = home.command(&["backup"]);
    command.arg(to);
    command
}

#[track_caller]
fn done(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}
