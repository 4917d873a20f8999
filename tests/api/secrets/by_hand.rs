//! What no schema tells: the same request twice, refusals that name a value, values in addresses, the tag of an answer.

use kehu_tests::{Reply, Session};
use serde_json::json;

use super::sown::Sown;

/// The hash part of an answer's ETag: made of the answer, and so of what is sealed in it.
fn hash_of(answer: &Reply) -> String {
    let etag = answer.header("etag").unwrap().trim_matches('"');
    etag.split_once('-').unwrap().1.to_owned()
}

pub(super) fn plant(admin: &Session, base: &str, sown: &mut Sown) {
    let (phone, other, mail, street, wechat) =
        (sown.phone("phone"), sown.phone("phone"), sown.mail("mail"), sown.text("street"), sown.ascii("wechat"));
    let body = json!({
        "name": "金丝雀有限公司", "kind": "company", "phones": [phone], "emails": [mail.to_uppercase()], "address": street,
        "wechat": wechat, "contacts": [{"name": "鸟一", "phones": [sown.phone("phone")], "birthday": sown.date("birthday")}],
    });
    // Clients make a key of what they have at hand.
    let key = format!("canary-{phone}");
    let made = admin.with("idempotency-key", &key).post("/v1/customers", &body).expect(201);
    sown.told("tag of an answer", &hash_of(&made));
    let _ = admin.with("idempotency-key", &key).post("/v1/customers", &body).expect(201);
    let _ = admin.post("/v1/customers", &body).expect(409);
    let one = format!("/v1/customers/{}", made.id());
    let _ = admin.patch(&one, &json!({"phones": {"add": [other]}})).expect(200);
    let _ = admin.with("x-change-reason", &mail).patch(&one, &json!({"wechat": null})).expect(200);
    let stale = admin.with("if-match", "\"1-0\"");
    let _ = stale.patch(&one, &json!({"wechat": sown.ascii("wechat"), "address": sown.text("street")})).expect(412);
    let _ =
        admin.post("/v1/contacts", &json!({"customer_id": made.id(), "name": "鸟二", "phones": [sown.mail("mail")]}));
    let _ = admin.get(&format!("{one}/history")).expect(200);
    let _ = admin.get("/v1/audit?sort=seq").expect(200);
    for _ in 0..11 {
        // Until it is turned away, which is journaled.
        let sign_in = json!({"login": phone, "password": street});
        let reply = Session::anonymous(base).post("/v1/auth/login", &sign_in);
        assert!([401, 429].contains(&reply.status), "{}", reply.text);
    }
    let _ = admin.get(&format!("/v1/customers?filter[phone]={phone}")).expect(400);
    let _ = admin.get(&format!("/v1/customers?q={phone}")).expect(200);
    let _ = admin.get(&format!("/v1/{}", sown.ascii("an unknown path"))).expect(404);
    let _ = admin.get(&format!("/v1/customers/{}", sown.ascii("an id that is none"))).expect(404);
    let _ = admin.get(&format!("/v1/customers?{0}={0}", sown.ascii("an unknown parameter"))).expect(400);
    let _ = admin.with("referer", &format!("https://x.test/{}", sown.ascii("referrer"))).get("/v1/me").expect(200);
    let _ = Session::anonymous(base).with_token(Some(&sown.ascii("a token that is none"))).get("/v1/me").expect(401);
}
