//! The organisation and its settings: who sees and changes them, and duties that are kept apart.

kehu_tests::on_both_engines!(
    everybody_sees_the_organisation_and_who_may_its_settings,
    it_is_changed_by_a_merge_patch,
    two_who_change_it_meet,
    what_is_wrong_is_named,
    a_change_is_told_with_old_and_new,
    a_preset_makes_it_at_least_as_strict,
    duties_that_are_apart_stay_so,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, unique};
    use serde_json::{Value, json};

    const PATH: &str = "/v1/organisation";

    #[track_caller]
    fn lay_down(org: &Org, settings: &Value) -> Value {
        org.admin.patch(PATH, &json!({ "settings": settings })).expect(200).json()
    }

    fn log(org: &Org, event: &str) -> Vec<Value> {
        org.admin.get(&format!("/v1/audit?limit=500&filter[event]={event}")).expect(200).data()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(place, code)| ((*place).to_owned(), (*code).to_owned())).collect()
    }

    pub(super) fn everybody_sees_the_organisation_and_who_may_its_settings(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let shown = org.admin.get(PATH).expect(200).json();
        assert_eq!((&shown["slug"], &shown["version"], &shown["hidden"]), (&json!(org.slug), &json!(1), &json!([])));
        assert_eq!(
            (&shown["locale"], &shown["currency"], &shown["region"]),
            (&json!("zh-CN"), &json!("CNY"), &json!("CN"))
        );
        let passwords = json!({
            "min_length": 8, "classes": 0, "max_age_days": null, "history": 0, "lock": null, "change_after_reset": false,
        });
        assert_eq!(shown["settings"]["passwords"], passwords);
        assert_eq!(shown["settings"]["addresses"], json!({"allow": [], "roles": {}}));
        let seen = user.session.get(PATH).expect(200);
        let tag = seen.header("etag").unwrap().to_owned();
        let seen = seen.json();
        assert_eq!(
            (&seen["name"], &seen["settings"], &seen["hidden"]),
            (&shown["name"], &Value::Null, &json!(["settings"]))
        );
        let _ = user.session.with("if-none-match", &tag).get(PATH).expect(304);
        let _ = user.session.patch(PATH, &json!({"name": "抢名"})).expect(403);
        let _ = user.session.post(&format!("{PATH}/apply_preset"), &json!({"preset": "dengbao_3"})).expect(403);
        assert_eq!(log(&org, "organisation.change_refused").len(), 2);
        let _ = Session::anonymous(&engine.base()).get(PATH).expect(401);
        assert_eq!(org.admin.get("/v1/me").expect(200).json()["can"]["settings"], json!({"manage": ["all"]}));
    }

    pub(super) fn it_is_changed_by_a_merge_patch(engine: Engine) {
        let org = Org::new(engine);
        let shown = org.admin.get(PATH).expect(200).json();
        // What GET gave may be sent back whole.
        assert_eq!(org.admin.patch(PATH, &shown).expect(200).json(), shown);
        let change = json!({
            "name": "新名字", "time_zone": "Asia/Urumqi", "currency": "HKD", "region": "HK", "locale": "en",
            "settings": {"sessions": {"web": {"idle_minutes": 30}}},
        });
        let changed = org.admin.patch(PATH, &change).expect(200);
        assert!(changed.header("etag").unwrap().starts_with("\"2-"));
        let changed = changed.json();
        assert_eq!((&changed["name"], &changed["version"]), (&json!("新名字"), &json!(2)));
        let settings = &changed["settings"];
        assert_eq!(settings["sessions"]["web"], json!({"idle_minutes": 30, "absolute_hours": null}));
        assert_eq!(settings["passwords"], shown["settings"]["passwords"]);
        // Everybody's next request knows.
        let me = org.admin.get("/v1/me").expect(200).json();
        assert_eq!(
            (&me["organisation"]["name"], &me["organisation"]["time_zone"]),
            (&json!("新名字"), &json!("Asia/Urumqi"))
        );
        let cleared = lay_down(&org, &json!({"sessions": {"web": {"idle_minutes": null}}}));
        assert_eq!(cleared["settings"], shown["settings"]);
        let other = Org::new(engine);
        assert_eq!(other.admin.get(PATH).expect(200).json()["version"], json!(1));
    }

    pub(super) fn two_who_change_it_meet(engine: Engine) {
        let org = Org::new(engine);
        let tag = org.admin.get(PATH).expect(200).header("etag").unwrap().to_owned();
        let _ = lay_down(&org, &json!({"passwords": {"min_length": 12}}));
        let late = org.admin.with("if-match", &tag);
        // Parts that nobody touched since are changed; the others meet.
        let _ = late.patch(PATH, &json!({"settings": {"sessions": {"max_sessions": 3}}})).expect(200);
        let refused = late.patch(PATH, &json!({"settings": {"passwords": {"min_length": 10}}})).expect(412);
        let conflict = &refused.json()["conflicts"][0];
        assert_eq!(conflict["field"], "settings.passwords");
        assert_eq!((&conflict["yours"], &conflict["theirs"]["min_length"]), (&json!({"min_length": 10}), &json!(12)));
        assert!(conflict["changed_by"].is_string() && conflict["changed_at"].is_string());
        let by_body =
            org.admin.patch(PATH, &json!({"version": 1, "settings": {"passwords": {"history": 1}}})).expect(412);
        assert_eq!(by_body.code(), "version_conflict");
        let _ = org.admin.patch(PATH, &json!({"version": 99, "name": "x"})).expect(412);
    }

    pub(super) fn what_is_wrong_is_named(engine: Engine) {
        let org = Org::new(engine);
        let wrong = json!({
            "slug": "other", "colour": 1, "time_zone": "Mars",
            "settings": {"passwords": {"min_length": 7}, "addresses": {"allow": ["x"]}, "second_factor": {"required_roles": ["pope"]}},
        });
        let refused = org.admin.patch(PATH, &wrong).expect(422);
        assert_eq!(refused.errors(), pairs(&[("/slug", "read_only")]));
        let mut rest = wrong;
        rest.as_object_mut().unwrap().remove("slug");
        let mut errors = org.admin.patch(PATH, &rest).expect(422).errors();
        errors.sort();
        let expected = pairs(&[
            ("/colour", "field_unknown"),
            ("/settings/addresses/allow/0", "network_invalid"),
            ("/settings/passwords/min_length", "number_out_of_range"),
            ("/settings/second_factor/required_roles/0", "role_unknown"),
            ("/time_zone", "time_zone_unknown"),
        ]);
        assert_eq!(errors, expected);
        let preset = org.admin.post(&format!("{PATH}/apply_preset"), &json!({"preset": "iso"})).expect(422);
        assert_eq!(preset.errors(), pairs(&[("/preset", "choice_unknown")]));
        assert_eq!(org.admin.get(PATH).expect(200).json()["version"], json!(1));
    }

    pub(super) fn a_change_is_told_with_old_and_new(engine: Engine) {
        let org = Org::new(engine);
        let change = json!({"name": "改名", "settings": {"passwords": {"min_length": 12}}});
        let _ = org.admin.with("x-change-reason", "audit").patch(PATH, &change).expect(200);
        // Nothing new is nothing to tell.
        let _ = org.admin.patch(PATH, &change).expect(200);
        let entries = log(&org, "organisation.settings_changed");
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!((&entry["class"], &entry["version"]), (&json!("admin"), &json!(2)));
        let details = &entry["details"];
        let parts: Vec<&String> = details["after"].as_object().unwrap().keys().collect();
        assert_eq!(parts, ["name", "settings.passwords"]);
        assert_eq!((&details["before"]["name"], &details["after"]["name"]), (&json!("测试组织"), &json!("改名")));
        let length = |which: &str| &details[which]["settings.passwords"]["min_length"];
        assert_eq!((length("before"), length("after")), (&json!(8), &json!(12)));
        assert_eq!(entry["reason"], "audit");
    }

    pub(super) fn a_preset_makes_it_at_least_as_strict(engine: Engine) {
        let org = Org::new(engine);
        let _ = lay_down(&org, &json!({"passwords": {"min_length": 12}}));
        let preset = json!({"preset": "dengbao_3"});
        // As long as one holds all duties they are not apart.
        let refused = org.admin.post(&format!("{PATH}/apply_preset"), &preset).expect(422);
        assert_eq!(refused.errors(), [("/preset".to_owned(), "duties_together".to_owned())]);
        let apart = json!({"settings": {"separation_of_duties": true}});
        let refused = org.admin.patch(PATH, &apart).expect(422);
        assert_eq!(refused.errors()[0].0, "/settings/separation_of_duties");
        let (system, _) = duties_apart(&org);
        let after = system.post(&format!("{PATH}/apply_preset"), &preset).expect(200).json();
        let settings = &after["settings"];
        let passwords = json!({
            "min_length": 12, "classes": 3, "max_age_days": 90, "history": 5, "change_after_reset": true,
            "lock": {"failures": 5, "minutes": 30},
        });
        assert_eq!(settings["passwords"], passwords);
        for client in ["web", "mobile", "mini_program", "server"] {
            assert_eq!(settings["sessions"][client]["idle_minutes"], json!(30), "{client}");
        }
        assert_eq!(
            settings["second_factor"]["required_roles"],
            json!(["administrator", "system_admin", "security_admin", "auditor"])
        );
        assert_eq!(settings["separation_of_duties"], json!(true));
    }

    /// Three people with a duty each, and nobody with several. Gives who runs the system, and who grants rights.
    fn duties_apart(org: &Org) -> (Session, Session) {
        let [system, security, _] = ["system_admin", "security_admin", "auditor"].map(|role| org.user(role, None));
        let admin = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let _ = security.session.patch(&format!("/v1/users/{admin}"), &json!({"role": "manager"})).expect(200);
        (system.session, security.session)
    }

    pub(super) fn duties_that_are_apart_stay_so(engine: Engine) {
        let org = Org::new(engine);
        let (system, security) = duties_apart(&org);
        let _ = system.patch(PATH, &json!({"settings": {"separation_of_duties": true}})).expect(200);
        let body = json!({"name": "新人", "user_name": format!("apart{}", unique())});
        let at = format!("/v1/users/{}", system.post("/v1/users", &body).expect(201).id());
        for roles in [
            json!({"role": "administrator"}),
            json!({"role": "system_admin", "other_roles": ["auditor"]}),
            json!({"role": "salesperson", "other_roles": ["security_admin", "auditor"]}),
        ] {
            let refused = security.patch(&at, &roles).expect(422);
            assert_eq!(refused.errors()[0].1, "roles_together", "{roles}");
        }
        let _ = security.patch(&at, &json!({"role": "auditor"})).expect(200);
        let rights = json!({"besides": ["rights.grant", "audit.read"]});
        let refused = security.post("/v1/roles", &json!({"key": "both", "name": "兼任", "rights": rights})).expect(422);
        assert_eq!(refused.errors()[0].1, "roles_together");
        let own = security.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let refused = security.patch(&format!("/v1/users/{own}"), &json!({"other_roles": ["manager"]})).expect(422);
        assert_eq!(refused.errors()[0].1, "own_rights");
    }
}
