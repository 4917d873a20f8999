//! Addresses that open by themselves.

kehu_tests::on_both_engines!(
    a_ticket_opens_one_address_and_nothing_else,
    a_ticket_ends_with_the_session_and_with_every_right,
    a_ticket_is_for_an_address_of_the_api,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company};
    use serde_json::json;

    fn ticket(session: &Session, path: &str) -> String {
        let made = session.post("/v1/tickets", &json!({"path": path})).expect(200).json();
        assert!(made["expires_at"].as_str().unwrap().ends_with('Z'));
        made["url"].as_str().unwrap().to_owned()
    }

    pub(super) fn a_ticket_opens_one_address_and_nothing_else(engine: Engine) {
        let org = Org::new(engine);
        let nobody = Session::anonymous(&engine.base());
        let one = org.admin.post("/v1/customers", &company("门票一号有限公司")).expect(201).id();
        let other = org.admin.post("/v1/customers", &company("门票二号有限公司")).expect(201).id();
        let path = format!("/v1/customers/{one}");
        let url = ticket(&org.admin, &path);
        let (known, value) = url.split_once("?ticket=").unwrap();
        assert_eq!(known, path);
        let opened = nobody.get(&url).expect(200);
        assert_eq!(opened.text, org.admin.get(&path).expect(200).text);
        assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
        // Again: an image is loaded twice.
        let _ = nobody.get(&url).expect(200);
        let elsewhere = [
            format!("/v1/customers/{other}?ticket={value}"),
            format!("/v1/customers?ticket={value}"),
            format!("{path}/history?ticket={value}"),
            format!("{path}?expand=owner&ticket={value}"),
            format!("{path}?ticket={value}&expand=owner"),
            format!("{path}?ticket={value}&ticket={value}"),
            format!("{path}?ticket={value}x"),
            format!("{path}?ticket="),
        ];
        for address in elsewhere {
            assert_eq!(nobody.get(&address).expect(401).code(), "ticket_invalid", "{address}");
        }
        for method in ["PATCH", "DELETE", "POST"] {
            let reply = nobody.send(method, &url, b"{}", "application/json");
            assert!([401, 405].contains(&reply.status), "{method}: {}", reply.text);
        }
        assert_eq!(nobody.delete(&url).expect(401).code(), "ticket_invalid");
        let _ = org.admin.get(&path).expect(200);
        // It is no access token, and no access token is a ticket.
        assert_eq!(nobody.with_token(Some(value)).get(&path).expect(401).code(), "token_invalid");
        // A query belongs to the address.
        let list = ticket(&org.admin, "/v1/customers?limit=1");
        assert_eq!(nobody.get(&list).expect(200).data().len(), 1);
        let wider = list.replace("limit=1", "limit=2");
        assert_eq!(nobody.get(&wider).expect(401).code(), "ticket_invalid");
        // Nobody else's log tells what it was: the server's says the route alone.
        let log = std::fs::read_to_string(engine.log()).unwrap();
        assert!(!log.contains(value) && !log.contains("ticket="));
    }

    pub(super) fn a_ticket_ends_with_the_session_and_with_every_right(engine: Engine) {
        let org = Org::new(engine);
        let nobody = Session::anonymous(&engine.base());
        let user = org.user("salesperson", None);
        let id = user.session.post("/v1/customers", &company("门票三号有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let url = ticket(&user.session, &path);
        let _ = nobody.get(&url).expect(200);
        let owner = |owner: Option<&str>| {
            let _ = org.admin.patch(&path, &json!({"owner_id": owner})).expect(200);
        };
        owner(None);
        let _ = nobody.get(&url).expect(404);
        owner(Some(&user.id));
        let _ = nobody.get(&url).expect(200);
        let _ = user.session.post("/v1/auth/logout", &json!({})).expect(204);
        assert_eq!(nobody.get(&url).expect(401).code(), "session_ended");
    }

    pub(super) fn a_ticket_is_for_an_address_of_the_api(engine: Engine) {
        let org = Org::new(engine);
        for path in
            ["/healthz", "https://evil.test/v1/x", "//evil.test/v1/x", "/v1/x#y", "/v1/a b", "/v1/x?ticket=y", ""]
        {
            let refused = org.admin.post("/v1/tickets", &json!({"path": path})).expect(422);
            assert_eq!(refused.errors()[0], ("/path".to_owned(), "ticket_path".to_owned()), "{path}");
        }
        assert_eq!(org.admin.post("/v1/tickets", &json!({})).expect(422).errors()[0].1, "required");
        let _ = Session::anonymous(&engine.base()).post("/v1/tickets", &json!({"path": "/v1/me"})).expect(401);
    }
}
