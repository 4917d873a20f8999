//! Changes of many records at once: by ids, by a filter as a job, tried before and undone afterwards.

kehu_tests::on_both_engines!(
    named_records_are_changed_at_once_each_by_itself,
    a_preview_says_what_would_come_of_it_and_writes_nothing,
    what_a_filter_finds_is_changed_by_a_job_as_its_user,
    a_bulk_change_is_undone_but_for_what_somebody_changed_since,
    deleted_records_come_back,
    rights_are_looked_at_while_it_runs,
    one_that_is_refused_stops_no_other,
    what_cannot_be_asked_for_is_refused_at_once,
    who_may_do_it_to_no_record_is_told_so_at_once,
    others_are_told_no_more_than_the_job,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, mobile, new_id};
    use serde_json::{Value, json};

    const BULK: &str = "/v1/customers/bulk";

    fn made(session: &Session, many: usize, name: &str) -> Vec<String> {
        let items: Vec<Value> = (0..many).map(|at| company(&format!("{name}{at:03}有限公司"))).collect();
        let done = session.post("/v1/customers/batch", &json!({"items": items})).expect(200).data();
        done.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn ended(session: &Session, job: &str) -> Value {
        session.ended(&format!("/v1/jobs/{job}"), 180)
    }

    #[track_caller]
    fn done(session: &Session, job: &Reply) -> Value {
        session.done(&format!("/v1/jobs/{}", job.id()), 180)["result"].clone()
    }

    fn records(session: &Session, job: &str, status: &str) -> Vec<Value> {
        session.get(&format!("/v1/jobs/{job}/records?limit=500&filter[status]={status}")).expect(200).data()
    }

    fn named(name: &str) -> Value {
        json!({"field": "name", "op": "contains", "value": name})
    }

    fn one(session: &Session, id: &str) -> Value {
        session.get(&format!("/v1/customers/{id}")).expect(200).json()
    }

    pub(super) fn named_records_are_changed_at_once_each_by_itself(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let own = made(&seller.session, 3, "自有");
        let theirs = made(&org.admin, 1, "旁人");
        let _ = org.admin.delete(&format!("/v1/customers/{}", own[2])).expect(204);
        // What is named twice is told twice: a place is all that tells what became of which.
        let ids = json!([own[0], theirs[0], own[1], own[2], new_id(), own[0]]);
        let body = json!({"ids": ids, "change": {"stage": "active", "tags": {"add": ["批量"]}, "remark": "{{原样}}"}});
        let keyed = seller.session.with("idempotency-key", "bulk-by-ids-0123456789");
        let first = keyed.post(BULK, &body).expect(207);
        let statuses: Vec<i64> = first.data().iter().map(|one| one["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [200, 404, 200, 404, 404, 200], "{}", first.text);
        assert_eq!((&first.data()[0]["id"], &first.data()[0]["version"]), (&json!(own[0]), &json!(2)));
        let again = keyed.post(BULK, &body).expect(207);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.data()[0], first.data()[0]);
        let changed = one(&seller.session, &own[1]);
        assert_eq!((&changed["version"], &changed["remark"]), (&json!(2), &json!("{{原样}}")));
        assert_eq!(changed["tags"][0]["name"], "批量");
        let gone = org.admin.post(BULK, &json!({"ids": [own[0], own[1]], "delete": true})).expect(207);
        assert_eq!((&gone.data()[1]["status"], &gone.data()[1]["version"]), (&json!(204), &Value::Null));
        let _ = seller.session.get(&format!("/v1/customers/{}", own[0])).expect(404);
        // Told as if each had been changed alone.
        let history = org.admin.get(&format!("/v1/customers/{}/history?limit=1", theirs[0])).expect(200).data();
        assert_eq!(history.len(), 1);
    }

    pub(super) fn a_preview_says_what_would_come_of_it_and_writes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let all = made(&org.admin, 130, "预览");
        for id in &all[..4] {
            let _ = org.admin.patch(&format!("/v1/customers/{id}"), &json!({"grade": "a"})).expect(200);
        }
        let before = one(&org.admin, &all[50]);
        let body = json!({"where": named("预览"), "change": {"grade": "a", "owner_id": null}, "preview": true});
        let body = |change: Value| {
            let mut body = body.clone();
            body["change"] = change;
            body
        };
        let told = org.admin.post(BULK, &body(json!({"grade": "a"}))).expect(200).json();
        assert_eq!((&told["matched"], &told["matched_is"]), (&json!(130), &json!("exact")));
        assert_eq!((&told["changed"], &told["unchanged"], &told["refused"]), (&json!(126), &json!(4), &json!(0)));
        let sample = told["sample"].as_array().unwrap();
        assert_eq!(sample.len(), 20);
        assert_eq!(
            (&sample[0]["before"], &sample[0]["after"]),
            (&json!({"grade": null}), &json!({"grade": "a"})),
            "{}",
            sample[0]
        );
        let refused = org.admin.post(BULK, &body(json!({"grade": "best"}))).expect(200).json();
        assert_eq!((&refused["changed"], &refused["refused"]), (&json!(0), &json!(130)));
        let reason = &refused["reasons"][0];
        assert_eq!(
            (&reason["code"], &reason["count"], reason["ids"].as_array().unwrap().len()),
            (&json!("validation"), &json!(130), 5)
        );
        assert_eq!(reason["error"]["errors"][0]["code"], "choice_unknown", "{reason}");
        let ids = json!({"ids": [all[0], all[9], new_id()], "delete": true});
        let told = org.admin.post(&format!("{BULK}?dry_run=true"), &ids).expect(200).json();
        assert_eq!(
            (&told["changed"], &told["refused"], &told["reasons"][0]["code"]),
            (&json!(2), &json!(1), &json!("not_found"))
        );
        assert_eq!((&told["sample"][0]["id"], &told["sample"][0]["after"]), (&json!(all[0]), &Value::Null));
        assert_eq!(one(&org.admin, &all[50]), before);
        assert!(org.admin.get("/v1/jobs").expect(200).data().is_empty());
    }

    pub(super) fn what_a_filter_finds_is_changed_by_a_job_as_its_user(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let own = made(&seller.session, 230, "批改");
        let theirs = made(&org.admin, 2, "批改");
        let body = json!({"where": named("批改"), "change": {"stage": "active", "tags": {"add": ["季度回访"]}}});
        let keyed =
            seller.session.with("idempotency-key", "bulk-by-filter-0123456789").with("x-change-reason", "season");
        let job = keyed.post(BULK, &body).expect(202);
        assert_eq!(job.header("location"), Some(format!("/v1/jobs/{}", job.id()).as_str()));
        let again = keyed.post(BULK, &body).expect(202);
        assert_eq!((again.id(), again.header("idempotency-replayed")), (job.id(), Some("true")));
        let result = done(&seller.session, &job);
        assert_eq!(result, json!({"kind": "customer", "changed": 230, "unchanged": 0, "refused": 0}));
        let told = seller.session.get(&format!("/v1/jobs/{}", job.id())).expect(200).json();
        assert_eq!(told["progress"], json!({"done": 230, "total": 230}));
        assert_eq!(
            (&one(&seller.session, &own[229])["stage"], &one(&org.admin, &theirs[0])["stage"]),
            (&json!("active"), &json!("potential"))
        );
        // The same entry as of a single change, by whom, through which door and why.
        let entry = org.admin.get(&format!("/v1/audit?filter[record_id]={}", own[0])).expect(200).data()[0].clone();
        assert_eq!((&entry["type"], &entry["via"]), (&json!("customer.updated"), &json!("bulk")), "{entry}");
        assert!(entry.to_string().contains(&seller.id) && entry.to_string().contains("season"), "{entry}");
        // Pages of what became of them.
        let path = format!("/v1/jobs/{}/records", job.id());
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = seller.session.get(&format!("{path}?limit=100{after}")).expect(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            match page["page"]["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (230, 230));
        // Again there is nothing to change.
        let again = done(&seller.session, &seller.session.post(BULK, &body).expect(202));
        assert_eq!((&again["changed"], &again["unchanged"]), (&json!(0), &json!(230)));
        let none = json!({"where": named("没有这样的名字"), "change": {"grade": "a"}});
        let none = done(&seller.session, &seller.session.post(BULK, &none).expect(202));
        assert_eq!(none["changed"], 0);
        for (question, status) in
            [("filter[status]=nowhere", 400), ("after=x", 400), ("sort=id", 400), ("limit=501", 400)]
        {
            let _ = seller.session.get(&format!("{path}?{question}")).expect(status);
        }
    }

    pub(super) fn a_bulk_change_is_undone_but_for_what_somebody_changed_since(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let all = made(&org.admin, 105, "撤销");
        let before = json!({"grade": "b", "tags": ["旧标签"], "remark": "旧备注", "industry": "IT", "size": null});
        let _ = org.admin.post(BULK, &json!({"ids": all, "change": before})).expect(207);
        let old: Vec<Value> = all.iter().take(5).map(|id| one(&org.admin, id)).collect();
        let change = json!({
            "grade": "a", "tags": {"add": ["新标签"], "remove": ["旧标签"]}, "remark": null, "industry": "C",
            "phones": null, "owner_id": seller.id,
        });
        let job = org.admin.post(BULK, &json!({"where": named("撤销"), "change": change})).expect(202);
        assert_eq!(done(&org.admin, &job)["changed"], 105);
        let changed = one(&org.admin, &all[0]);
        assert_eq!((&changed["owner_id"], &changed["phones"]), (&json!(seller.id), &json!([])));
        // One field of the first, everything of the second, nothing that matters of the third, and the fourth is gone.
        let path = |at: usize| format!("/v1/customers/{}", all[at]);
        let _ = org.admin.patch(&path(0), &json!({"grade": "c"})).expect(200);
        let rest =
            json!({"grade": "c", "tags": [], "remark": "新", "industry": "I", "phones": [mobile()], "owner_id": null});
        let rest = org.admin.patch(&path(1), &rest).expect(200).json();
        let follow_up =
            json!({"customer_id": all[2], "kind": "call", "summary": "来电", "happened_at": "2026-11-20T08:00:00Z"});
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        let _ = org.admin.delete(&path(3)).expect(204);
        let undo = format!("/v1/jobs/{}/undo", job.id());
        let undone = org.admin.post(&undo, &json!({})).expect(202);
        let result = done(&org.admin, &undone);
        assert_eq!((&result["undone"], &result["left"]), (&json!(102), &json!(3)), "{result}");
        for at in [2, 4] {
            let now = one(&org.admin, &all[at]);
            for field in ["grade", "remark", "industry", "tags", "owner_id", "team_id", "size"] {
                assert_eq!(now[field], old[at][field], "{field} of {now}");
            }
            assert_eq!(now["phones"][0]["value"], old[at]["phones"][0]["value"]);
        }
        assert_eq!(one(&org.admin, &all[104])["grade"], "b");
        let first = one(&org.admin, &all[0]);
        assert_eq!((&first["grade"], &first["remark"]), (&json!("c"), &json!("旧备注")));
        assert_eq!(first["phones"][0]["value"], old[0]["phones"][0]["value"]);
        assert_eq!(one(&org.admin, &all[1]), {
            let mut rest = rest;
            rest.as_object_mut().unwrap().remove("warnings");
            rest
        });
        let left = records(&org.admin, &job.id(), "left");
        let of = |id: &str| left.iter().find(|one| one["id"] == *id).unwrap()["error"].clone();
        assert_eq!((&of(&all[0])["code"], &of(&all[0])["fields"]), (&json!("version_conflict"), &json!(["grade"])));
        assert!(of(&all[1])["fields"].as_array().unwrap().len() >= 5, "{}", of(&all[1]));
        assert_eq!((&of(&all[3])["code"], left.len()), (&json!("not_found"), 3));
        assert_eq!(records(&org.admin, &job.id(), "undone").len(), 102);
        // Once more, there is nothing to undo.
        let again = done(&org.admin, &org.admin.post(&undo, &json!({})).expect(202));
        assert_eq!((&again["undone"], &again["left"]), (&json!(0), &json!(0)));
    }

    pub(super) fn deleted_records_come_back(engine: Engine) {
        let org = Org::new(engine);
        let all = made(&org.admin, 12, "删回");
        let contact = json!({"customer_id": all[0], "name": "王芳"});
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();
        let taken = one(&org.admin, &all[1])["phones"][0]["value"].clone();
        let job = org.admin.post(BULK, &json!({"where": named("删回"), "delete": true})).expect(202);
        assert_eq!(done(&org.admin, &job)["changed"], 12);
        let _ = org.admin.get(&format!("/v1/contacts/{contact}")).expect(404);
        // The phone of one is somebody else's now; one was restored and deleted by somebody.
        let _ = org
            .admin
            .post("/v1/customers", &json!({"name": "占号公司", "kind": "company", "phones": [taken]}))
            .expect(201);
        let _ = org.admin.post(&format!("/v1/customers/{}/restore", all[2]), &json!({})).expect(200);
        let _ = org.admin.delete(&format!("/v1/customers/{}", all[2])).expect(204);
        let undone = org.admin.post(&format!("/v1/jobs/{}/undo", job.id()), &json!({})).expect(202);
        let result = done(&org.admin, &undone);
        assert_eq!((&result["undone"], &result["left"]), (&json!(10), &json!(2)), "{result}");
        let _ = org.admin.get(&format!("/v1/contacts/{contact}")).expect(200);
        let left = records(&org.admin, &job.id(), "left");
        // In the order of their ids, which of one millisecond is any.
        let mut codes: Vec<&str> = left.iter().map(|one| one["error"]["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["duplicate", "version_conflict"]);
        let _ = org.admin.get(&format!("/v1/customers/{}", all[2])).expect(404);
    }

    pub(super) fn rights_are_looked_at_while_it_runs(engine: Engine) {
        let org = Org::new(engine);
        let (seller, manager) = (org.user("salesperson", None), org.user("manager", None));
        let own = made(&seller.session, 3, "权限");
        let job = seller.session.post(BULK, &json!({"where": named("权限"), "change": {"grade": "a"}})).expect(202);
        assert_eq!(done(&seller.session, &job)["changed"], 3);
        // Undone by somebody who cannot change them: they are left.
        let undo = format!("/v1/jobs/{}/undo", job.id());
        let _ = manager.session.post(&undo, &json!({})).expect(404);
        // Whoever was disabled when the job's turn comes changes nothing more, nor does a token that was revoked.
        let many = own.len() + made(&seller.session, 400, "很多权限").len();
        let change = |session: &Session| {
            session.post(BULK, &json!({"where": named("权限"), "change": {"grade": "b"}})).expect(202).id()
        };
        let token = seller.session.post("/v1/me/tokens", &json!({"name": "脚本", "scope": "full"})).expect(201).json();
        let job = change(&seller.session.with_token(token["key"].as_str()));
        let _ = seller.session.delete(&format!("/v1/me/tokens/{}", token["id"].as_str().unwrap())).expect(204);
        stops(&org.admin, &job, "key_revoked", many);
        let job = change(&seller.session);
        let _ = org.admin.patch(&format!("/v1/users/{}", seller.id), &json!({"disabled": true})).expect(200);
        stops(&org.admin, &job, "account_disabled", many);
    }

    /// A job that did all of it before it was stopped, or stopped for that reason.
    fn stops(admin: &Session, job: &str, reason: &str, many: usize) {
        let told = ended(admin, job);
        let of = |status| records(admin, job, status).len();
        let (done, waiting) = (of("changed") + of("unchanged"), of("waiting"));
        assert!(told["state"] == "dead" || done == many, "{told}");
        if told["state"] == "dead" {
            assert_eq!(told["failure"]["code"], reason, "{told}");
            assert!(done < many && (waiting == 0 || waiting + done == many), "{done} {waiting}");
        }
    }

    pub(super) fn one_that_is_refused_stops_no_other(engine: Engine) {
        let org = Org::new(engine);
        let segment = |name: &str, filter: Value| {
            let body = json!({"name": name, "kind": "customer", "type": "live", "where": filter});
            org.admin.post("/v1/segments", &body).expect(201).id()
        };
        let used = segment("分群甲", json!({"field": "stage", "value": "active"}));
        let user = segment("分群乙", json!({"field": "segment", "value": used}));
        let free = segment("分群丙", json!({"field": "stage", "value": "lost"}));
        let found = json!({"field": "id", "op": "in", "value": [used, free]});
        let job = org.admin.post("/v1/segments/bulk", &json!({"where": found, "delete": true})).expect(202);
        let told = done(&org.admin, &job);
        assert_eq!((&told["changed"], &told["refused"]), (&json!(1), &json!(1)), "{told}");
        let refused = records(&org.admin, &job.id(), "refused");
        assert_eq!((&refused[0]["id"], &refused[0]["error"]["code"]), (&json!(used), &json!("segment_in_use")));
        let _ = org.admin.get(&format!("/v1/segments/{free}")).expect(404);
        let _ = org.admin.get(&format!("/v1/segments/{user}")).expect(200);
    }

    pub(super) fn who_may_do_it_to_no_record_is_told_so_at_once(engine: Engine) {
        let org = Org::new(engine);
        let id = made(&org.admin, 1, "无权").remove(0);
        let auditor = org.user("auditor", None);
        for (body, method) in [
            (json!({"ids": [id], "change": {"grade": "a"}}), "PATCH"),
            (json!({"ids": [id], "delete": true}), "DELETE"),
            (json!({"ids": [], "delete": true}), "DELETE"),
        ] {
            let one = auditor.session.send(method, &format!("/v1/customers/{id}"), b"{}", "application/json");
            let refused = auditor.session.post(BULK, &body).expect(403);
            assert_eq!((one.status, refused.code()), (403, one.code()), "{body}");
        }
        // It is told once, as that of one record is.
        let log = org.admin.get("/v1/audit?limit=500").expect(200).data();
        let told = |event: &str| {
            let of = |entry: &&Value| entry["type"] == event;
            log.iter().filter(of).count()
        };
        assert_eq!((told("customer.update_refused"), told("customer.delete_refused")), (2, 4), "{log:?}");
        assert_eq!(one(&org.admin, &id)["version"], 1);
        // One right does not stand for the other.
        let seller = org.user("salesperson", None);
        let own = made(&seller.session, 1, "自有").remove(0);
        let _ = seller.session.post(BULK, &json!({"ids": [own, id], "change": {"grade": "a"}})).expect(207);
    }

    pub(super) fn what_cannot_be_asked_for_is_refused_at_once(engine: Engine) {
        let org = Org::new(engine);
        let found = |change: Value| org.admin.post(BULK, &json!({"where": named("甲"), "change": change}));
        for (change, field) in [
            (json!({"phones": [mobile()]}), "/change/phones"),
            (json!({"emails": ["a@example.com"]}), "/change/emails"),
            (json!({"credit_code": "91370202XWDD4E9R02"}), "/change/credit_code"),
        ] {
            let refused = found(change).expect(422);
            assert_eq!(refused.errors(), [(field.to_owned(), "bulk_value_of_one".to_owned())], "{}", refused.text);
        }
        for (change, field) in
            [(json!({"bogus": 1}), "/change/bogus"), (json!({"custom": {"x": 1}}), "/change/custom/x")]
        {
            let refused = found(change).expect(422);
            assert_eq!(refused.errors(), [(field.to_owned(), "field_unknown".to_owned())], "{}", refused.text);
        }
        assert_eq!(found(json!({"version": 3})).expect(422).errors()[0].1, "bulk_version");
        let ids: Vec<String> = (0..201).map(|_| new_id()).collect();
        assert_eq!(org.admin.post(BULK, &json!({"ids": ids, "change": {}})).expect(422).errors()[0].1, "list_too_long");
        let wrong = json!({"where": {"field": "nobody", "op": "eq", "value": 1}, "change": {}});
        assert_eq!(org.admin.post(BULK, &wrong).expect(400).code(), "filter_field_unknown");
        let nothing = json!({"where": named("甲")});
        assert_eq!(org.admin.post(BULK, &nothing).expect(422).errors()[0].1, "bulk_what");
        let auditor = org.user("auditor", None);
        let _ = auditor.session.post(BULK, &json!({"where": named("甲"), "change": {"grade": "a"}})).expect(403);
        let _ = auditor.session.post(BULK, &json!({"where": named("甲"), "change": {}, "preview": true})).expect(403);
        assert!(org.admin.get("/v1/jobs").expect(200).data().is_empty());
        // What is no bulk change has no records and is not undone; one that waits is not either.
        let other = crate::planted::plant(&org, None, "queued");
        let _ = org.admin.get(&format!("/v1/jobs/{other}/records")).expect(404);
        assert_eq!(
            org.admin.post(&format!("/v1/jobs/{other}/undo"), &json!({})).expect(409).code(),
            "job_not_undoable"
        );
        let _ = org.admin.post(&format!("/v1/jobs/{}/undo", new_id()), &json!({})).expect(404);
    }

    pub(super) fn others_are_told_no_more_than_the_job(engine: Engine) {
        let org = Org::new(engine);
        let (seller, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let _ = made(&seller.session, 2, "机密");
        let change = json!({"where": named("机密"), "change": {"grade": "绝密等级"}});
        let job = seller.session.post(BULK, &change).expect(202);
        assert_eq!(done(&seller.session, &job)["refused"], 2);
        let path = format!("/v1/jobs/{}/records", job.id());
        let own = seller.session.get(&path).expect(200);
        assert_eq!(own.data()[0]["error"]["errors"][0]["code"], "choice_unknown", "{}", own.text);
        assert!(own.text.contains("绝密等级"));
        let _ = other.session.get(&path).expect(404);
        let _ = other.session.post(&format!("/v1/jobs/{}/undo", job.id()), &json!({})).expect(404);
        let administrators = org.admin.get(&path).expect(200);
        assert_eq!(administrators.data()[0]["error"]["code"], "validation");
        assert!(!administrators.text.contains("绝密等级"), "{}", administrators.text);
        assert!(!org.admin.get(&format!("/v1/jobs/{}", job.id())).expect(200).text.contains("绝密等级"));
    }
}
