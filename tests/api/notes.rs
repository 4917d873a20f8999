//! Notes: what is written down about a customer, a contact or a follow-up.

kehu_tests::on_both_engines!(
    a_note_is_about_a_record_and_goes_with_its_customer,
    a_note_goes_and_comes_with_what_it_is_about,
    whoever_reads_the_customer_reads_its_notes,
    a_note_on_nothing_is_refused,
    an_erased_contact_takes_its_notes_along,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, new_id};
    use serde_json::{Value, json};

    /// A customer, a contact of it and a follow-up.
    fn records(org: &Org) -> [(&'static str, String); 3] {
        let customer = org.admin.post("/v1/customers", &company("备注有限公司")).expect(201).id();
        let contact = json!({"customer_id": customer, "name": "钱一"});
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();
        let follow_up = json!({
            "customer_id": customer, "kind": "call", "summary": "电话", "happened_at": "2026-11-22T00:00:00Z",
        });
        let follow_up = org.admin.post("/v1/follow_ups", &follow_up).expect(201).id();
        [("customer", customer), ("contact", contact), ("follow_up", follow_up)]
    }

    fn note(kind: &str, id: &str, body: &str) -> Value {
        json!({"record_kind": kind, "record_id": id, "body": body})
    }

    fn made(org: &Org, kind: &str, id: &str, body: &str) -> String {
        org.admin.post("/v1/notes", &note(kind, id, body)).expect(201).id()
    }

    fn listed(org: &Org, path: &str) -> Vec<String> {
        let data = org.admin.get(path).expect(200).data();
        let mut found: Vec<String> = data.iter().map(|note| note["body"].as_str().unwrap().to_owned()).collect();
        found.sort();
        found
    }

    pub(super) fn a_note_is_about_a_record_and_goes_with_its_customer(engine: Engine) {
        let org = Org::new(engine);
        let [(_, customer), ..] = &records(&org);
        let body = json!({"record_kind": "customer", "record_id": customer, "body": "第一行\n第二行", "pinned": true});
        let made = org.admin.post("/v1/notes", &body).expect(201).json();
        assert_eq!((&made["customer_id"], &made["pinned"]), (&json!(customer), &json!(true)));
        assert_eq!(made["customer"]["name"], "备注有限公司");
        assert_eq!(made["body"], "第一行\n第二行");
        let path = format!("/v1/notes/{}", made["id"].as_str().unwrap());
        let mut told = made.clone();
        told.as_object_mut().unwrap().remove("warnings");
        assert_eq!(org.admin.get(&path).expect(200).json(), told);
        assert_eq!(org.admin.patch(&path, &made).expect(200).json(), made, "an answer can be sent back");
        let changed = org.admin.patch(&path, &json!({"body": "改过", "pinned": false})).expect(200).json();
        assert_eq!((&changed["body"], &changed["version"]), (&json!("改过"), &json!(2)));
        let expanded = org.admin.get(&format!("/v1/customers/{customer}?expand=notes")).expect(200).json();
        assert_eq!(expanded["notes"][0]["id"], made["id"]);
        assert_eq!(expanded["notes_has_more"], false);
        let brought = org.admin.get(&format!("{path}?expand=customer")).expect(200).json();
        assert_eq!(brought["customer"]["number"], expanded["number"]);
    }

    pub(super) fn a_note_goes_and_comes_with_what_it_is_about(engine: Engine) {
        let org = Org::new(engine);
        let records = records(&org);
        for (kind, id) in &records {
            let _ = made(&org, kind, id, kind);
            let found = listed(&org, &format!("/v1/notes?filter[record_kind]={kind}&filter[record_id]={id}"));
            assert_eq!(found, [*kind]);
        }
        for (kind, path) in [("contact", "contacts"), ("follow_up", "follow_ups")] {
            let (_, id) = records.iter().find(|(known, _)| *known == kind).unwrap();
            let one = format!("/v1/{path}/{id}");
            let mine = org.admin.get(&format!("/v1/notes?filter[record_id]={id}")).expect(200).data()[0].clone();
            let mine = format!("/v1/notes/{}", mine["id"].as_str().unwrap());
            let _ = org.admin.delete(&one).expect(204);
            assert_eq!(listed(&org, "/v1/notes").len(), 2, "the note of the {kind} went with it");
            let _ = org.admin.post(&format!("{mine}/restore"), &json!({})).expect(404);
            let _ = org.admin.post(&format!("{one}/restore"), &json!({})).expect(200);
            assert_eq!(listed(&org, "/v1/notes"), ["contact", "customer", "follow_up"]);
            assert_eq!(org.admin.get(&mine).expect(200).json()["version"], 3);
        }
        // One that was deleted by itself stays so when the customer comes back.
        let (_, customer) = &records[0];
        let alone = made(&org, "customer", customer, "单独删除");
        let _ = org.admin.delete(&format!("/v1/notes/{alone}")).expect(204);
        let _ = org.admin.delete(&format!("/v1/customers/{customer}")).expect(204);
        assert!(listed(&org, "/v1/notes").is_empty());
        let _ = org.admin.post(&format!("/v1/customers/{customer}/restore"), &json!({})).expect(200);
        assert_eq!(listed(&org, "/v1/notes"), ["contact", "customer", "follow_up"]);
        let _ = org.admin.post(&format!("/v1/notes/{alone}/restore"), &json!({})).expect(200);
        assert_eq!(listed(&org, "/v1/notes").len(), 4);
    }

    pub(super) fn whoever_reads_the_customer_reads_its_notes(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (one, other) = (org.user("salesperson", Some(&team)), org.user("salesperson", Some(&team)));
        let customer = one.session.post("/v1/customers", &company("归属有限公司")).expect(201).id();
        let note = note("customer", &customer, "只给看得见的人");
        let id = one.session.post("/v1/notes", &note).expect(201).id();
        let path = format!("/v1/notes/{id}");
        let _ = other.session.get(&path).expect(404);
        let refused = other.session.post("/v1/notes", &note).expect(422);
        assert_eq!(refused.errors()[0], ("/record_id".to_owned(), "reference_unknown".to_owned()));
        // Shared, and then given away: the note goes along.
        let shared = json!({"collaborators": [{"user_id": other.id, "access": "read"}]});
        let _ = one.session.patch(&format!("/v1/customers/{customer}"), &shared).expect(200);
        let _ = other.session.get(&path).expect(200);
        let _ = other.session.patch(&path, &json!({"pinned": true})).expect(403);
        let _ = org.admin.patch(&format!("/v1/customers/{customer}"), &json!({"collaborators": []})).expect(200);
        let _ = other.session.get(&path).expect(404);
        let given = json!({"owner_id": other.id});
        let _ = org.admin.patch(&format!("/v1/customers/{customer}"), &given).expect(200);
        let _ = other.session.get(&path).expect(200);
        let _ = one.session.get(&path).expect(404);
    }

    pub(super) fn a_note_on_nothing_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let [(_, customer), (_, contact), _] = &records(&org);
        let refused = |body: Value| org.admin.post("/v1/notes", &body).expect(422).errors()[0].clone();
        let unknown = ("/record_id".to_owned(), "reference_unknown".to_owned());
        assert_eq!(refused(note("customer", &new_id(), "x")), unknown);
        assert_eq!(refused(note("follow_up", contact, "x")), unknown, "the id of another kind");
        assert_eq!(refused(note("user", &org.admin.get("/v1/me").json()["id"].to_string(), "x")).0, "/record_kind");
        assert_eq!(refused(note("customer", customer, "")).0, "/body");
        assert_eq!(refused(note("customer", customer, &"长".repeat(10_001))).0, "/body");
        assert_eq!(refused(json!({"record_kind": "customer", "body": "x"})).0, "/record_id");
        let id = made(&org, "customer", customer, &"长".repeat(10_000));
        let moved = json!({"record_kind": "contact", "record_id": contact});
        let moved = org.admin.patch(&format!("/v1/notes/{id}"), &moved).expect(422).errors();
        assert!(moved.iter().all(|(_, code)| code == "read_only") && moved.len() == 2, "{moved:?}");
    }

    pub(super) fn an_erased_contact_takes_its_notes_along(engine: Engine) {
        let org = Org::new(engine);
        let [(_, customer), (_, contact), _] = &records(&org);
        let gone = made(&org, "contact", contact, "关于此人");
        let _ = made(&org, "customer", customer, "关于公司");
        let job = org.admin.post(&format!("/v1/contacts/{contact}/erase"), &json!({"reason": "要求"})).expect(202).id();
        let done = org.admin.done(&format!("/v1/jobs/{job}"), 60);
        assert_eq!(done["result"]["erased"]["notes"], 1, "{done}");
        assert_eq!(listed(&org, "/v1/notes"), ["关于公司"]);
        let _ = org.admin.post(&format!("/v1/notes/{gone}/restore"), &json!({})).expect(404);
    }
}
