//! The order of system calls: what is acknowledged was on the disk before.

use kehu_tests::server::{Home, under};
use serde_json::{Value, json};

use crate::load::{Chance, customer};
use crate::trace::{Call, calls, strace};

const CALLS: &str = "openat,pwrite64,pwritev,fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";

#[test]
fn a_write_is_synced_before_it_is_acknowledged() {
    let home = Home::sqlite();
    let file = home.path().join("calls");
    let words = strace(CALLS, None, &file);
    let server = home.start_from(under(&words, &home.command(&["serve", "--listen", "127.0.0.1:0"])));
    let admin = server.admin();
    let mut chance = Chance::new(5);
    // One after the other, so that each has a commit of its own.
    for _ in 0..8 {
        let id = admin.post("/v1/customers", &customer(&mut chance)).expect(201).id();
        let _ = admin.patch(&format!("/v1/customers/{id}"), &json!({"remark": "更改"})).expect(200);
        let items: Vec<Value> = (0..3).map(|_| customer(&mut chance)).collect();
        let _ = admin.post("/v1/customers/batch", &json!({"items": items})).expect(200);
    }
    let process = server.pid();
    server.kill();
    let calls = calls(&file, process);
    let socket = |call: &&Call, name: &str| call.file.is_none() && call.text.contains(name);
    let asked =
        calls.iter().filter(|call| socket(call, "\"POST /v1/customers") || socket(call, "\"PATCH /v1/customers"));
    let answers: Vec<&Call> = calls.iter().filter(|call| socket(call, "\"HTTP/1.1 20")).collect();
    let mut seen = 0;
    for request in asked {
        let answer = answers.iter().find(|answer| answer.begun > request.begun).unwrap();
        let within = |call: &&Call| call.begun >= request.begun && call.ended <= answer.begun;
        let log = |call: &&Call| call.file.as_deref() == Some("kehu.db-wal");
        let written = calls.iter().filter(within).filter(log).rfind(|call| call.name.starts_with("pwrite"));
        let written = written.unwrap_or_else(|| panic!("nothing was written between {request:?} and {answer:?}"));
        let synced = calls
            .iter()
            .filter(within)
            .filter(log)
            .any(|call| call.name.ends_with("sync") && call.text.contains("= 0") && call.begun >= written.ended);
        assert!(synced, "no sync between {written:?} and {answer:?}");
        seen += 1;
    }
    assert_eq!(seen, 24);
}
