//! Kehu behind a PgBouncer in session mode.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kehu_tests::cluster::Bouncer;
    use kehu_tests::server::Home;
    use kehu_tests::{Load, company, own_postgres};
    use serde_json::json;

    /// As many connections as one server opens at most, and no more: what the operations page says.
    fn enough() -> u32 {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        u32::try_from(workers).unwrap() * 8 + 8
    }

    #[test]
    fn it_migrates_starts_writes_and_reads() {
        let bouncer = Bouncer::start(&own_postgres().url, 8);
        let home = Home::postgres(bouncer.url.clone());
        let server = home.start();
        let admin = server.admin();
        let mut body = company("池化科技有限公司");
        body["contacts"] = json!([{"name": "周一"}]);
        let made = admin.post("/v1/customers", &body).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        assert_eq!(admin.get(&path).expect(200).text, made.record());
        let _ = admin.patch(&path, &json!({"remark": "经由连接池"})).expect(200);
        assert!(server.stop().success());
        let server = home.start();
        let admin = server.admin();
        assert_eq!(admin.get(&path).expect(200).json()["remark"], "经由连接池");
        assert_eq!(admin.get("/v1/customers").expect(200).data().len(), 1);
        assert!(server.stop().success());
    }

    #[test]
    fn it_goes_on_when_pgbouncer_was_restarted() {
        let bouncer = Bouncer::start(&own_postgres().url, enough());
        let home = Home::postgres(bouncer.url.clone());
        let server = home.start();
        let admin = server.admin();
        let load = Load::run(&admin, |load| {
            bouncer.restart();
            load.progress();
            bouncer.restart();
        });
        load.check(&admin, Duration::from_secs(14));
        assert!(server.stop().success());
    }
}
