//! Customers that are shared with colleagues, together with what hangs on them.

kehu_tests::on_both_engines!(a_shared_customer_goes_with_what_hangs_on_it, a_customer_is_shared_by_its_owner);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, User, company};
    use serde_json::{Value, json};

    use crate::roles::tests::{customer, path};

    /// A salesperson's customer with a contact and a follow-up, and two colleagues.
    fn to_share(org: &Org) -> (Value, User, User, User) {
        let [owner, reader, writer] = ["salesperson"; 3].map(|role| org.user(role, None));
        let made = customer(&owner.session, "共享有限公司");
        let follow_up = json!({"customer_id": made["id"], "kind": "call", "summary": "初谈", "happened_at": "2026-11-22T08:00:00Z"});
        let _ = owner.session.post("/v1/follow_ups", &follow_up).expect(201);
        (made, owner, reader, writer)
    }

    pub(super) fn a_shared_customer_goes_with_what_hangs_on_it(engine: Engine) {
        let org = Org::new(engine);
        let (made, owner, reader, writer) = to_share(&org);
        let at = path(&made);
        let shares = json!({"collaborators": [{"user_id": reader.id}, {"user_id": writer.id, "access": "write"}]});
        let shared = owner.session.patch(&at, &shares).expect(200).json();
        assert_eq!(shared["collaborators"][0]["access"], "read");
        assert_eq!(shared["collaborators"][1]["user"], json!({"id": writer.id, "name": "测试salesperson"}));
        let second = json!({"customer_id": made["id"], "kind": "visit", "summary": "再谈", "happened_at": "2026-11-23T08:00:00Z"});
        for user in [&reader, &writer] {
            for (kind, many) in [("customers", 1), ("contacts", 1), ("follow_ups", 1)] {
                let data = user.session.get(&format!("/v1/{kind}")).expect(200).data();
                assert_eq!(
                    (data.len(), &data[0]["masked"]),
                    (
                        many,
                        &match kind {
                            "follow_ups" => json!([]),
                            "contacts" => json!(["id_number"]),
                            _ => json!(["id_number", "bank_accounts"]),
                        }
                    ),
                    "{kind}"
                );
            }
            assert_eq!(
                user.session.get(&format!("{at}?expand=contacts")).expect(200).json()["contacts"][0]["name"],
                "孙三"
            );
            let phone = made["phones"][0]["value"].as_str().unwrap();
            assert_eq!(
                user.session.post("/v1/lookup", &json!({"phone": phone})).expect(200).data()[0]["id"],
                made["id"]
            );
        }
        let _ = reader.session.patch(&at, &json!({"stage": "active"})).expect(403);
        let _ = reader.session.post("/v1/follow_ups", &second).expect(403);
        let _ = writer.session.patch(&at, &json!({"stage": "active"})).expect(200);
        let _ = writer.session.post("/v1/follow_ups", &second).expect(201);
        let contact = json!({"customer_id": made["id"], "name": "李四"});
        let _ = writer.session.post("/v1/contacts", &contact).expect(201);
        assert_eq!(reader.session.get("/v1/contacts").expect(200).data().len(), 2, "a new one is shared too");
        let _ = writer.session.delete(&at).expect(403);
        let _ = writer.session.patch(&at, &json!({"owner_id": writer.id})).expect(422);
        assert_eq!(reader.session.get("/v1/customers?count=exact&limit=1").expect(200).json()["page"]["count"], 1);
        // Given away, it stays shared; taken from the list, it is gone at once, with all that hangs on it.
        let _ = org.admin.patch(&at, &json!({"owner_id": org.user("salesperson", None).id})).expect(200);
        let _ = reader.session.get(&at).expect(200);
        let _ = org.admin.patch(&at, &json!({"collaborators": [{"user_id": writer.id}]})).expect(200);
        for kind in ["customers", "contacts", "follow_ups"] {
            assert_eq!(reader.session.get(&format!("/v1/{kind}")).expect(200).data().len(), 0, "{kind}");
        }
        let _ = reader.session.get(&at).expect(404);
        let _ = writer.session.patch(&at, &json!({"stage": "lost"})).expect(403);
        // Deleted and taken back, it is shared as before.
        let _ = org.admin.delete(&at).expect(204);
        let _ = writer.session.get(&at).expect(404);
        let _ = org.admin.post(&format!("{at}/restore"), &json!({})).expect(200);
        assert_eq!(writer.session.get("/v1/contacts").expect(200).data().len(), 2);
    }

    pub(super) fn a_customer_is_shared_by_its_owner(engine: Engine) {
        let org = Org::new(engine);
        let (made, owner, reader, writer) = to_share(&org);
        let at = path(&made);
        let share = |user: &str| json!({"collaborators": [{"user_id": user, "access": "write"}]});
        let _ = owner.session.patch(&at, &share(&writer.id)).expect(200);
        let refused = writer.session.patch(&at, &share(&reader.id)).expect(422);
        assert_eq!(refused.errors(), [("/collaborators".to_owned(), "sharing_forbidden".to_owned())]);
        let stranger = kehu_tests::new_id();
        let refused = owner.session.patch(&at, &share(&stranger)).expect(422);
        assert_eq!(refused.errors(), [("/collaborators/0/user_id".to_owned(), "reference_unknown".to_owned())]);
        let other = Org::new(engine).user("salesperson", None);
        let refused = owner.session.patch(&at, &share(&other.id)).expect(422);
        assert_eq!(refused.errors()[0].1, "reference_unknown");
        let mut body = company("建时共享有限公司");
        body["collaborators"] = json!([{"user_id": reader.id}]);
        let second = owner.session.post("/v1/customers", &body).expect(201).json();
        let _ = reader.session.get(&path(&second)).expect(200);
        let _ = writer.session.get(&path(&second)).expect(404);
    }
}
