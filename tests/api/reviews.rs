//! Reviews of who may do what: what they show, who decides, and what comes of it.

kehu_tests::on_both_engines!(
    a_review_shows_what_everybody_may_do_and_last_did,
    rights_over_the_organisation_count_as_used,
    decisions_count_at_once_and_keep_the_rules_of_users,
    who_leads_a_team_decides_on_its_people,
    what_nobody_answered_is_revoked_but_for_the_last_who_grants_rights,
    a_review_ends_when_its_time_is_over,
    what_is_wrong_is_told,
);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use kehu_tests::{Engine, Org, Session, company, new_id};
    use serde_json::{Value, json};

    fn open(org: &Org, body: &Value) -> String {
        format!("/v1/access_reviews/{}", org.admin.post("/v1/access_reviews", body).expect(201).id())
    }

    fn items(session: &Session, review: &str) -> Vec<Value> {
        session.get(&format!("{review}/items?limit=500")).expect(200).data()
    }

    fn item(session: &Session, review: &str, user: &str) -> Value {
        let found = items(session, review).into_iter().find(|item| item["user_id"] == user);
        found.unwrap_or_else(|| panic!("{user} is not under {review}"))
    }

    fn used(item: &Value, right: &str) -> Value {
        let rights = item["rights"].as_array().unwrap();
        let found = rights.iter().find(|known| known["right"] == right);
        found.unwrap_or_else(|| panic!("no right {right}: {item}"))["last_used_at"].clone()
    }

    /// The review once it is closed.
    fn closed(session: &Session, review: &str) -> Value {
        let begun = Instant::now();
        loop {
            let told = session.get(review).expect(200).json();
            if told["state"] == "closed" {
                return told;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{told}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn events(org: &Org, user: &str) -> Vec<String> {
        let path = format!("/v1/audit?limit=500&sort=seq&filter[class]=admin&filter[record_id]={user}");
        let entries = org.admin.get(&path).expect(200).data();
        entries.iter().map(|entry| entry["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn rights_over_the_organisation_count_as_used(engine: Engine) {
        const RIGHTS: [&str; 4] = ["audit.read", "rights.grant", "settings.manage", "keys.manage"];
        let org = Org::new(engine);
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let governs = org.user("administrator", None);
        let _ = governs.session.get("/v1/audit").expect(200);
        let role = json!({"role": "manager"});
        let _ = governs.session.patch(&format!("/v1/users/{}", org.user("salesperson", None).id), &role).expect(200);
        let length = json!({"settings": {"passwords": {"min_length": 9}}});
        let _ = governs.session.patch("/v1/organisation", &length).expect(200);
        let _ = governs.session.get("/v1/api_keys").expect(200);
        let reads = org.user("administrator", None);
        let _ = reads.session.get("/v1/identity_providers").expect(200);
        let review = open(&org, &json!({}));
        let one = item(&org.admin, &review, &governs.id);
        for right in RIGHTS {
            assert!(used(&one, right).is_string(), "{right}: {one}");
        }
        let other = item(&org.admin, &review, &reads.id);
        assert!(used(&other, "settings.manage").is_string(), "{other}");
        let idle = item(&org.admin, &review, &me);
        assert_eq!(used(&idle, "settings.manage"), Value::Null, "{idle}");
    }

    pub(super) fn a_review_shows_what_everybody_may_do_and_last_did(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let seller = org.user("salesperson", Some(&team));
        let auditor = org.user("auditor", None);
        let _ = seller.session.post("/v1/customers", &company("用过有限公司")).expect(201);
        let _ = seller.session.post("/v1/users", &json!({"name": "x"})).expect(403);
        let review = open(&org, &json!({}));
        let told = org.admin.get(&review).expect(200).json();
        assert_eq!(
            (&told["state"], &told["period"], &told["revoke_unanswered"]),
            (&json!("open"), &Value::Null, &json!(false))
        );
        assert_eq!((&told["counts"]["users"], &told["counts"]["unanswered"]), (&json!(3), &json!(3)));
        let one = item(&org.admin, &review, &seller.id);
        assert_eq!(
            (&one["role"], &one["other_roles"], &one["team_id"]),
            (&json!("salesperson"), &json!([]), &json!(team))
        );
        assert!(one["last_login_at"].is_string() && one["user"]["name"].is_string(), "{one}");
        let when = used(&one, "customer.create");
        assert!(when.as_str().unwrap().ends_with(":00:00.000Z"), "an hour: {when}");
        assert_eq!(used(&one, "follow_up.create"), Value::Null, "never used");
        assert!(one["rights"].as_array().unwrap().iter().all(|right| right["right"] != "user.create"), "{one}");
        assert_eq!((&one["decision"], &one["changed_since"]), (&Value::Null, &json!(false)));
        // The administrator made people: rights about no record are told of too.
        let admin = items(&org.admin, &review).into_iter().find(|item| item["role"] == "administrator").unwrap();
        assert!(used(&admin, "rights.grant").is_string() && used(&admin, "data.purge").is_null(), "{admin}");
        // What changes afterwards is said, what was stays.
        let _ = org.admin.patch(&format!("/v1/users/{}", seller.id), &json!({"role": "service"})).expect(200);
        let later = item(&org.admin, &review, &seller.id);
        assert_eq!((&later["role"], &later["changed_since"]), (&json!("salesperson"), &json!(true)));
        // Pages.
        let page = org.admin.get(&format!("{review}/items?limit=2")).expect(200).json();
        let next = page["page"]["next"].as_str().unwrap();
        assert_eq!(org.admin.get(&format!("{review}/items?limit=2&after={next}")).expect(200).data().len(), 1);
        assert_eq!(org.admin.get("/v1/access_reviews").expect(200).data().len(), 1);
        // Auditors look, others do not.
        assert_eq!(items(&auditor.session, &review).len(), 3);
        let _ = auditor.session.post("/v1/access_reviews", &json!({})).expect(403);
        let _ = auditor.session.post(&format!("{review}/close"), &json!({})).expect(403);
        for path in ["/v1/access_reviews".to_owned(), review.clone(), format!("{review}/items")] {
            let _ = seller.session.get(&path).expect(403);
        }
    }

    pub(super) fn decisions_count_at_once_and_keep_the_rules_of_users(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let users = ["salesperson", "salesperson", "manager"].map(|role| org.user(role, None));
        let [stays, changes, goes] = &users;
        let review = open(&org, &json!({"users": [stays.id, changes.id, goes.id]}));
        let decide = |user: &str, body: Value| org.admin.post(&format!("{review}/items/{user}/decide"), &body);
        let told = decide(&stays.id, json!({"decision": "confirm", "reason": "仍在岗"})).expect(200).json();
        assert_eq!((&told["decision"], &told["reason"]), (&json!("confirm"), &json!("仍在岗")));
        let wrong = decide(&changes.id, json!({"decision": "change", "role": "none_such"})).expect(422);
        assert_eq!(wrong.errors(), [("/role".to_owned(), "role_unknown".to_owned())]);
        assert_eq!(item(&org.admin, &review, &changes.id)["decision"], Value::Null, "all or nothing");
        let body = json!({"decision": "change", "role": "service", "team_id": team});
        let told = decide(&changes.id, body).expect(200).json();
        assert_eq!((&told["decision"], &told["changed_since"]), (&json!("change"), &json!(true)));
        let user = org.admin.get(&format!("/v1/users/{}", changes.id)).expect(200).json();
        assert_eq!((&user["role"], &user["team_id"]), (&json!("service"), &json!(team)));
        let _ = decide(&goes.id, json!({"decision": "revoke", "reason": "已转岗"})).expect(200);
        let user = org.admin.get(&format!("/v1/users/{}", goes.id)).expect(200).json();
        assert_eq!((&user["role"], &user["other_roles"], &user["disabled"]), (&Value::Null, &json!([]), &json!(false)));
        // He may still sign in, and do nothing.
        let _ = goes.session.get("/v1/me").expect(200);
        let _ = goes.session.get("/v1/customers").expect(403);
        assert_eq!(events(&org, &goes.id), ["user.rights_changed", "user.rights_changed", "access_review.decided"]);
        let by = |word: &str| org.admin.get(&format!("{review}/items?filter[decision]={word}")).expect(200).data();
        assert_eq!(by("revoke")[0]["user_id"], json!(goes.id));
        assert_eq!((by("confirm").len(), by("change").len(), by("none").len()), (1, 1, 0));
        // Another decision takes its place.
        let _ = decide(&stays.id, json!({"decision": "revoke"})).expect(200);
        let counts = org.admin.get(&review).expect(200).json()["counts"].clone();
        assert_eq!((&counts["confirm"], &counts["revoke"]), (&json!(0), &json!(2)));
        // The last who grants rights keeps them.
        let whole = open(&org, &json!({}));
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let last = org.admin.post(&format!("{whole}/items/{me}/decide"), &json!({"decision": "revoke"})).expect(422);
        assert_eq!(last.errors(), [("/role".to_owned(), "last_administrator".to_owned())]);
        // Once it is closed, nothing is decided.
        assert_eq!(org.admin.post(&format!("{review}/close"), &json!({})).expect(200).json()["state"], "closed");
        assert_eq!(decide(&stays.id, json!({"decision": "confirm"})).expect(409).code(), "review_closed");
        assert_eq!(org.admin.post(&format!("{review}/close"), &json!({})).expect(409).code(), "review_closed");
    }

    pub(super) fn who_leads_a_team_decides_on_its_people(engine: Engine) {
        let org = Org::new(engine);
        let top = org.team(None);
        let (below, aside) = (org.team(Some(&top)), org.team(None));
        let manager = org.user("manager", Some(&top));
        let (mine, other) = (org.user("salesperson", Some(&below)), org.user("salesperson", Some(&aside)));
        let mighty = org.user("security_admin", Some(&top));
        let review = open(&org, &json!({}));
        let seen: Vec<Value> =
            items(&manager.session, &review).into_iter().map(|item| item["user_id"].clone()).collect();
        assert!(seen.len() == 3 && seen.contains(&json!(mine.id)) && !seen.contains(&json!(other.id)), "{seen:?}");
        let decide = |user: &str, body: Value| manager.session.post(&format!("{review}/items/{user}/decide"), &body);
        let _ = decide(&other.id, json!({"decision": "confirm"})).expect(404);
        let _ = decide(&mighty.id, json!({"decision": "confirm"})).expect(403);
        let own = decide(&manager.id, json!({"decision": "confirm"})).expect(422);
        assert_eq!(own.errors(), [("/decision".to_owned(), "own_rights".to_owned())]);
        let change = decide(&mine.id, json!({"decision": "change", "role": "administrator"})).expect(422);
        assert_eq!(change.errors(), [("/decision".to_owned(), "right_missing".to_owned())]);
        let told = decide(&mine.id, json!({"decision": "revoke"})).expect(200).json();
        assert_eq!(told["decider"]["id"], json!(manager.id));
        let _ = mine.session.get("/v1/customers").expect(403);
        // That took no right of his own, and gives him none.
        let _ = manager.session.patch(&format!("/v1/users/{}", mine.id), &json!({"role": "salesperson"})).expect(403);
        let _ = manager.session.post(&format!("{review}/close"), &json!({})).expect(403);
        let again = open(&org, &json!({}));
        let item = item(&org.admin, &again, &manager.id);
        assert!(item["rights"].as_array().unwrap().iter().all(|right| right["right"] != "rights.grant"), "{item}");
    }

    pub(super) fn what_nobody_answered_is_revoked_but_for_the_last_who_grants_rights(engine: Engine) {
        let org = Org::new(engine);
        let (kept, goes) = (org.user("salesperson", None), org.user("salesperson", None));
        let review = open(&org, &json!({"revoke_unanswered": true}));
        let decide = format!("{review}/items/{}/decide", kept.id);
        let _ = org.admin.post(&decide, &json!({"decision": "confirm"})).expect(200);
        let state = org.admin.post(&format!("{review}/close"), &json!({})).expect(200).json()["state"].clone();
        assert!(state == "closing" || state == "closed", "{state}");
        assert_eq!(org.admin.post(&decide, &json!({"decision": "confirm"})).expect(409).code(), "review_closed");
        let told = closed(&org.admin, &review);
        let counts = [("users", 3), ("confirm", 1), ("revoke", 1), ("kept", 1), ("unanswered", 0)];
        counts.iter().for_each(|(name, many)| assert_eq!(told["counts"][name], json!(many), "{name}: {told}"));
        let one = item(&org.admin, &review, &goes.id);
        assert_eq!((&one["decision"], &one["decided_by"]), (&json!("revoke"), &Value::Null));
        let _ = goes.session.get("/v1/customers").expect(403);
        let _ = kept.session.get("/v1/customers").expect(200);
        let admin = items(&org.admin, &review).into_iter().find(|item| item["role"] == "administrator").unwrap();
        assert_eq!((&admin["decision"], &admin["kept_because"]), (&Value::Null, &json!("last_administrator")));
        let _ = org.admin.get("/v1/users").expect(200);
        let told = events(&org, &goes.id);
        assert_eq!(told, ["user.rights_changed", "user.rights_changed", "access_review.revoked"]);
    }

    pub(super) fn a_review_ends_when_its_time_is_over(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let body = json!({"revoke_unanswered": true, "due_at": after(4), "users": [seller.id]});
        let review = open(&org, &body);
        let _ = seller.session.get("/v1/customers").expect(200);
        let told = closed(&org.admin, &review);
        assert_eq!((&told["counts"]["revoke"], &told["closed_by"]), (&json!(1), &Value::Null));
        let _ = seller.session.get("/v1/customers").expect(403);
    }

    /// A moment so many seconds from now, RFC 3339.
    fn after(seconds: u64) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + seconds;
        let (mut day, of_day) = (now / 86_400, now % 86_400);
        let (mut year, mut month) = (1970, 1);
        let is_long = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        while day >= 365 + u64::from(is_long(year)) {
            day -= 365 + u64::from(is_long(year));
            year += 1;
        }
        for length in [31, 28 + u64::from(is_long(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
    }

    pub(super) fn what_is_wrong_is_told(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let refused = |body: Value| org.admin.post("/v1/access_reviews", &body).expect(422).errors();
        let at = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
        assert_eq!(refused(json!({"due_at": "2020-01-01T00:00:00Z"})), at("/due_at", "due_passed"));
        assert_eq!(refused(json!({"due_at": "soon"})), at("/due_at", "instant_invalid"));
        assert_eq!(refused(json!({"revoke_unanswered": "yes"})), at("/revoke_unanswered", "type_wrong"));
        assert_eq!(refused(json!({"users": [new_id()]})), at("/users/0", "reference_unknown"));
        assert_eq!(refused(json!({"users": ["x"]})), at("/users/0", "id_invalid"));
        assert_eq!(refused(json!({"everybody": true})), at("/everybody", "field_unknown"));
        let review = open(&org, &json!({"users": [seller.id]}));
        let decide = |body: Value| org.admin.post(&format!("{review}/items/{}/decide", seller.id), &body);
        let refused = |body: Value| decide(body).expect(422).errors();
        assert_eq!(refused(json!({})), at("/decision", "required"));
        assert_eq!(refused(json!({"decision": "maybe"})), at("/decision", "choice_unknown"));
        assert_eq!(refused(json!({"decision": "change"})), at("/decision", "required"));
        assert_eq!(refused(json!({"decision": "confirm", "role": "service"})), at("/role", "field_unknown"));
        assert_eq!(refused(json!({"decision": "confirm", "reason": " "})), at("/reason", "reason_invalid"));
        let _ =
            org.admin.post(&format!("{review}/items/{}/decide", new_id()), &json!({"decision": "confirm"})).expect(404);
        let _ = org.admin.get(&format!("/v1/access_reviews/{}", new_id())).expect(404);
        for (question, code) in
            [("filter[decision]=x", "question_invalid"), ("after=x", "cursor_invalid"), ("q=x", "parameter_unknown")]
        {
            assert_eq!(org.admin.get(&format!("{review}/items?{question}")).expect(400).code(), code, "{question}");
        }
    }
}
