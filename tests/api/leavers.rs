//! Somebody leaves: what would go to whom, what is handed over, and that nothing is left.

kehu_tests::on_both_engines!(
    everything_goes_to_the_successors_and_nothing_is_left,
    keys_that_a_leaver_made_are_told_and_go_on,
    named_customers_go_where_they_are_told_and_teams_may_stay,
    who_cannot_take_over_and_who_cannot_leave,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, new_id};
    use serde_json::{Value, json};

    /// The job once it is done.
    fn done(session: &Session, accepted: Reply) -> Value {
        let location = accepted.expect(202).header("location").unwrap().to_owned();
        session.done(&location, 60)
    }

    fn follow_up(customer: &str) -> Value {
        json!({
            "customer_id": customer, "kind": "call", "summary": "谈过", "happened_at": "2026-11-22T08:00:00Z",
            "next_step": "再谈", "next_due_at": "2026-12-01T08:00:00Z",
        })
    }

    pub(super) fn everything_goes_to_the_successors_and_nothing_is_left(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let (old, new) = (org.team(None), org.team(None));
        let leaver = org.user("salesperson", Some(&old));
        let (one, two) = (org.user("salesperson", Some(&new)), org.user("salesperson", None));
        let mut body = company("交接一有限公司");
        body["contacts"] = json!([{"name": "孙三"}]);
        let first = leaver.session.post("/v1/customers", &body).expect(201).id();
        let _ = leaver.session.post("/v1/follow_ups", &follow_up(&first)).expect(201);
        let second = leaver.session.post("/v1/customers", &company("交接二有限公司")).expect(201).id();
        let gone = leaver.session.post("/v1/customers", &company("交接三有限公司")).expect(201).id();
        let _ = admin.delete(&format!("/v1/customers/{gone}")).expect(204);
        let theirs = one.session.post("/v1/customers", &company("共享有限公司")).expect(201).id();
        let share = json!({"collaborators": [{"user_id": leaver.id, "access": "write"}, {"user_id": two.id}]});
        let _ = one.session.patch(&format!("/v1/customers/{theirs}"), &share).expect(200);
        let form = json!({
            "name": "旧团队表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}], "assign": {"team_id": old},
        });
        let form = admin.post("/v1/forms", &form).expect(201).id();

        let token = leaver.session.post("/v1/me/tokens", &json!({"name": "周报", "scope": "read"})).expect(201).json();
        let script = leaver.session.with_token(token["key"].as_str());
        let _ = script.get("/v1/customers").expect(200);

        let leave = format!("/v1/users/{}/leave", leaver.id);
        let asked = json!({"successors": [one.id, two.id], "dry_run": true});
        let told = admin.post(&leave, &asked).expect(200).json();
        let counts = [
            ("customers", 2),
            ("deleted_customers", 1),
            ("contacts", 1),
            ("follow_ups", 1),
            ("due_follow_ups", 1),
            ("collaborations", 1),
            ("sessions", 1),
            ("personal_tokens", 1),
        ];
        counts.iter().for_each(|(name, many)| assert_eq!(told["counts"][name], json!(many), "{name}: {told}"));
        let shares: Vec<&Value> = told["shares"].as_array().unwrap().iter().map(|share| &share["customers"]).collect();
        assert_eq!(shares, [&json!(2), &json!(1)]);
        assert_eq!(told["samples"].as_array().unwrap().len(), 2);
        assert_eq!(told["lonely_forms"][0]["id"], json!(form));
        let _ = leaver.session.get("/v1/me").expect(200);

        let asked = json!({"successors": [one.id, two.id], "reason": "离职交接"});
        let accepted = admin.post(&leave, &asked);
        assert_eq!(leaver.session.get("/v1/me").expect(401).code(), "account_disabled");
        let _ = script.get("/v1/customers").expect(401);
        let job = done(admin, accepted);
        assert_eq!(job["kind"], "users.hand_over");
        let result = &job["result"];
        let given =
            [("customers", 2), ("deleted_customers", 1), ("contacts", 1), ("follow_ups", 1), ("collaborations", 1)];
        given.iter().for_each(|(name, many)| assert_eq!(result["handed_over"][name], json!(many), "{name}: {result}"));
        assert_eq!(result["left"], 0);
        let owner = |id: &str| admin.get(&format!("/v1/customers/{id}")).expect(200).json();
        let (first_now, second_now) = (owner(&first), owner(&second));
        let mut owners = [&first_now["owner_id"], &second_now["owner_id"]].map(|id| id.as_str().unwrap().to_owned());
        owners.sort();
        let mut both = [one.id.clone(), two.id.clone()];
        both.sort();
        assert_eq!(owners, both, "in turn");
        for customer in [&first_now, &second_now] {
            let team = if customer["owner_id"] == json!(one.id) { json!(new) } else { Value::Null };
            assert_eq!(customer["team_id"], team, "the new owner's team");
        }
        // What hangs on them went along, and what was deleted comes back to somebody who is there.
        let heir = if first_now["owner_id"] == json!(one.id) { &one } else { &two };
        assert_eq!(heir.session.get("/v1/follow_ups").expect(200).data()[0]["customer_id"], json!(first));
        let restored = admin.post(&format!("/v1/customers/{gone}/restore"), &json!({})).expect(200).json();
        assert!(both.iter().any(|id| restored["owner_id"] == json!(id)), "{restored}");
        let sharing = owner(&theirs)["collaborators"].clone();
        assert_eq!((sharing.as_array().unwrap().len(), &sharing[0]["user_id"]), (1, &json!(two.id)));
        // Each has its own entry, with the reason.
        let history = admin.get(&format!("/v1/customers/{first}/history")).expect(200).data();
        assert_eq!(
            (&history[0]["reason"], &history[0]["actor"]["kind"]),
            (&json!("离职交接"), &json!("job")),
            "{history:?}"
        );
        let log = admin.get(&format!("/v1/audit?sort=seq&filter[class]=admin&filter[record_id]={}", leaver.id));
        let log = log.expect(200).data();
        let types: Vec<&str> = log.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["user.rights_changed", "user.rights_changed", "user.left", "user.handed_over"]);
        // Asked again, there is nothing to hand over any more.
        let job = done(admin, admin.post(&leave, &json!({"successor_id": one.id})));
        assert_eq!((&job["result"]["handed_over"]["customers"], &job["result"]["left"]), (&json!(0), &json!(0)));
    }

    pub(super) fn keys_that_a_leaver_made_are_told_and_go_on(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (leaver, heir) = (org.user("administrator", Some(&team)), org.user("salesperson", None));
        let make = |session: &Session, name: &str| {
            session.post("/v1/api_keys", &json!({"name": name, "role": "manager"})).expect(201).json()
        };
        let made = make(&leaver.session, "网站同步");
        let revoked = make(&leaver.session, "旧网站")["id"].as_str().unwrap().to_owned();
        let _ = org.admin.delete(&format!("/v1/api_keys/{revoked}")).expect(204);
        let _ = make(&org.admin, "别人的");
        let _ = leaver.session.post("/v1/me/tokens", &json!({"name": "周报", "scope": "read"})).expect(201);
        let form = json!({
            "name": "表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}], "assign": {"team_id": team},
        });
        let form = org.admin.post("/v1/forms", &form).expect(201).id();
        let leave = format!("/v1/users/{}/leave", leaver.id);
        let asked = json!({"successor_id": heir.id, "dry_run": true});
        let keys = json!({"count": 1, "keys": [{"id": made["id"], "name": "网站同步", "hint": made["hint"]}]});
        let told = org.admin.post(&leave, &asked).expect(200).json();
        assert_eq!((&told["keys_made"], &told["counts"]["personal_tokens"]), (&keys, &json!(1)));
        assert_eq!(told["lonely_forms"][0]["id"], json!(form));
        // Who reads no forms is told of none.
        let told = org.user("security_admin", None).session.post(&leave, &asked).expect(200).json();
        assert_eq!(told["keys_made"], keys);
        assert_eq!(told["lonely_forms"], json!([]));
        let job = done(&org.admin, org.admin.post(&leave, &json!({"successor_id": heir.id})));
        assert_eq!(job["result"]["keys_made"], keys);
        let program = Session::anonymous(&engine.base()).with_token(made["key"].as_str());
        let _ = program.get("/v1/customers").expect(200);
    }

    pub(super) fn named_customers_go_where_they_are_told_and_teams_may_stay(engine: Engine) {
        let org = Org::new(engine);
        let (old, new) = (org.team(None), org.team(None));
        let leaver = org.user("salesperson", Some(&old));
        let (one, two) = (org.user("salesperson", Some(&new)), org.user("salesperson", Some(&new)));
        let made: Vec<String> = (0..5)
            .map(|at| leaver.session.post("/v1/customers", &company(&format!("点名{at}有限公司"))).expect(201).id())
            .collect();
        let named = json!([{"successor_id": two.id, "customer_ids": [made[1], made[2], made[4]]}]);
        let asked = json!({"successors": [one.id, two.id], "named": named, "team": "keep"});
        let leave = format!("/v1/users/{}/leave", leaver.id);
        let job = done(&org.admin, org.admin.post(&leave, &asked));
        let shares = &job["result"]["shares"];
        assert_eq!((&shares[0]["customers"], &shares[1]["customers"]), (&json!(1), &json!(4)), "{job}");
        for at in [1, 2, 4] {
            let customer = org.admin.get(&format!("/v1/customers/{}", made[at])).expect(200).json();
            assert_eq!((&customer["owner_id"], &customer["team_id"]), (&json!(two.id), &json!(old)));
        }
    }

    pub(super) fn who_cannot_take_over_and_who_cannot_leave(engine: Engine) {
        let org = Org::new(engine);
        let (leaver, gone, heir) =
            (org.user("salesperson", None), org.user("salesperson", None), org.user("salesperson", None));
        let auditor = org.user("auditor", None);
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.patch(&format!("/v1/users/{}", gone.id), &json!({"disabled": true})).expect(200);
        let leave = format!("/v1/users/{}/leave", leaver.id);
        let refused = |body: Value| org.admin.post(&leave, &body).expect(422).errors();
        let at = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        assert_eq!(refused(json!({})), at("/successors", "required"));
        for id in [&gone.id, &leaver.id, &auditor.id] {
            assert_eq!(refused(json!({"successor_id": id})), at("/successors/0", "successor_unfit"));
        }
        assert_eq!(refused(json!({"successors": [me, new_id()]})), at("/successors/1", "reference_unknown"));
        assert_eq!(refused(json!({"successor_id": me, "successors": [me]})), at("/successors", "type_wrong"));
        assert_eq!(refused(json!({"successor_id": me, "team": "none"})), at("/team", "choice_unknown"));
        assert_eq!(refused(json!({"successor_id": me, "dry_run": "no"})), at("/dry_run", "type_wrong"));
        assert_eq!(refused(json!({"successor_id": me, "reason": ""})), at("/reason", "reason_invalid"));
        assert_eq!(refused(json!({"successor_id": me, "named": [{"x": 1}]})).len(), 3);
        let theirs = heir.session.post("/v1/customers", &company("别人的有限公司")).expect(201).id();
        let named =
            json!([{"successor_id": me, "customer_ids": [theirs]}, {"successor_id": heir.id, "customer_ids": []}]);
        assert_eq!(
            refused(json!({"successor_id": me, "named": named})),
            at("/named/1/successor_id", "successor_unfit")
        );
        let named = json!([{"successor_id": me, "customer_ids": [theirs]}]);
        assert_eq!(
            refused(json!({"successor_id": me, "named": named})),
            at("/named/0/customer_ids/0", "reference_unknown")
        );
        // Nothing of all that did anything.
        let _ = leaver.session.get("/v1/me").expect(200);
        for user in [&heir, &auditor] {
            let _ = user.session.post(&leave, &json!({"successor_id": me})).expect(403);
        }
        let _ = org.admin.post(&format!("/v1/users/{}/leave", new_id()), &json!({"successor_id": me})).expect(404);
        // The last who grants rights stays, and a preview says so.
        let last = format!("/v1/users/{me}/leave");
        for dry_run in [true, false] {
            let told = org.admin.post(&last, &json!({"successor_id": heir.id, "dry_run": dry_run})).expect(422);
            assert_eq!(told.errors(), at("", "last_administrator"));
        }
        // Who says who may do what has somebody leave whose customers he does not see.
        let mighty = org.user("security_admin", None);
        let _ = leaver.session.post("/v1/customers", &company("看不见有限公司")).expect(201);
        let told = mighty.session.post(&leave, &json!({"successor_id": heir.id, "dry_run": true})).expect(200).json();
        assert_eq!((&told["counts"]["customers"], &told["samples"]), (&json!(1), &json!([])));
        let job = done(&mighty.session, mighty.session.post(&leave, &json!({"successor_id": heir.id})));
        assert_eq!(job["result"]["handed_over"]["customers"], 1);
        assert_eq!(heir.session.get("/v1/customers").expect(200).data().len(), 2);
    }
}
