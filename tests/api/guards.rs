//! Guards against what an attacker, or a mistake, would do with what is there.

kehu_tests::on_both_engines!(a_repeat_shows_only_what_may_still_be_read,);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company};
    use serde_json::json;

    pub(super) fn a_repeat_shows_only_what_may_still_be_read(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let once = one.session.with("idempotency-key", "repeat-0123456789abcdef");
        let body = company("重放有限公司");
        let made = once.post("/v1/customers", &body).expect(201);
        let again = once.post("/v1/customers", &body).expect(201);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!((again.header("etag"), &again.text), (made.header("etag"), &made.text));
        let path = format!("/v1/customers/{}", made.id());
        let _ = org.admin.patch(&path, &json!({"owner_id": other.id})).expect(200);
        let gone = once.post("/v1/customers", &body).expect(404);
        assert!(!gone.text.contains("重放"), "{}", gone.text);
        let _ = org.admin.patch(&path, &json!({"owner_id": one.id})).expect(200);
        let _ = once.post("/v1/customers", &body).expect(201);
    }
}
