//! Who somebody is here, whom a provider vouches for, and with which role.

kehu_tests::on_both_engines!(
    an_unconfirmed_address_opens_nothing,
    whoever_is_not_known_may_become_a_user,
    groups_say_the_role_at_each_sign_in,
    a_role_that_was_taken_stays_so,
    somebody_new_passes_the_addresses_of_the_role,
    who_is_disabled_stays_out,
    user_information_fills_in_what_the_token_leaves_out,
    no_second_factor_is_asked_for,
    nobody_becomes_administrator_by_a_provider_of_his_own,
);

#[cfg(test)]
mod tests {
    use kehu_tests::idp::{Grant, IdentityProvider, SECRET};
    use kehu_tests::{Engine, Org, PASSWORD};
    use serde_json::{Value, json};

    use crate::external::bed::{PROVIDERS, Trust, changed, laid_down, person, trust};

    pub(super) fn an_unconfirmed_address_opens_nothing(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("administrator", None);
        for confirmed in [json!(false), json!("false"), json!(0), Value::Null] {
            let grant = Grant::of(changed(person("thief", &user.login), "email_verified", confirmed));
            assert_eq!(trust.sign_in(grant).expect(401).code(), "external_no_account");
        }
        let making = json!({"just_in_time": true, "default_role": "salesperson"});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &making).expect(200);
        let grant = Grant::of(changed(person("thief", &user.login), "email_verified", json!(false)));
        assert_eq!(trust.sign_in(grant).expect(401).code(), "external_email_unverified");
        let own = json!({"allowed_email_domains": ["Example.com"]});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &own).expect(200);
        for email in [user.login.as_str(), "li@sub.example.com", "li@example.com.evil.com"] {
            let refused = trust.sign_in(Grant::of(person("thief", email))).expect(401);
            assert_eq!(refused.code(), "external_email_domain", "{email}");
        }
        let unconfirmed = changed(person("thief", "li@example.com"), "email_verified", json!(false));
        assert_eq!(trust.sign_in(Grant::of(unconfirmed)).expect(401).code(), "external_email_domain");
        assert_eq!(trust.events("identity.linked").len(), 0);
    }

    pub(super) fn whoever_is_not_known_may_become_a_user(engine: Engine) {
        let trust = trust(engine, &json!({"just_in_time": true}));
        let email = format!("new@{}.test", trust.org.slug);
        let refused = trust.sign_in(Grant::of(person("s-9", &email))).expect(401);
        assert_eq!(refused.code(), "external_no_role", "a role is laid down first");
        let role = json!({"default_role": "salesperson"});
        let _ = trust.org.admin.patch(&format!("{PROVIDERS}/{}", trust.provider), &role).expect(200);
        // Twice at once: one user.
        let ids: Vec<Value> = std::thread::scope(|scope| {
            let both: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| trust.session(trust.sign_in(Grant::of(person("s-9", &email))))))
                .collect();
            both.into_iter()
                .map(|one| one.join().unwrap().get("/v1/me").expect(200).json()["user"]["id"].clone())
                .collect()
        });
        assert_eq!(ids[0], ids[1]);
        let user = trust.user_named(&email);
        assert_eq!((&user["id"], &user["name"], &user["role"]), (&ids[0], &json!("李雷"), &json!("salesperson")));
        assert!(user["last_login_at"].is_string());
        assert_eq!(trust.events("user.created").iter().filter(|entry| entry["record_id"] == ids[0]).count(), 1);
        assert_eq!(trust.events("user.made_at_sign_in").len(), 1);
        // Nobody knows a password of it.
        let password = json!({"login": email, "password": PASSWORD});
        assert_eq!(trust.anybody().post("/v1/auth/login", &password).expect(401).code(), "credentials_wrong");
        // Without a name, the address says one; what cannot be an address makes nobody.
        let nameless =
            json!({"sub": "s-10", "email": format!("wang.wu@{}.test", trust.org.slug), "email_verified": true});
        let session = trust.session(trust.sign_in(Grant::of(nameless)));
        assert_eq!(session.get("/v1/me").expect(200).json()["user"]["name"], "wang.wu");
        let refused = trust.sign_in(Grant::of(person("s-11", "not an address"))).expect(401);
        assert_eq!(refused.code(), "external_email_unverified");
    }

    pub(super) fn groups_say_the_role_at_each_sign_in(engine: Engine) {
        let mapping = json!([{"group": "crm-leads", "role": "manager"}, {"group": "crm", "role": "salesperson"}]);
        let trust = trust(engine, &json!({"just_in_time": true, "role_mapping": mapping}));
        let email = format!("leader@{}.test", trust.org.slug);
        let of = |groups: Value| Grant::of(changed(person("s-1", &email), "groups", groups));
        for none in [json!([]), json!(["others"]), json!("others"), Value::Null] {
            assert_eq!(trust.sign_in(of(none)).expect(401).code(), "external_no_role");
        }
        assert_eq!(trust.user_named(&email), Value::Null, "nobody was made");
        for (groups, role) in [
            (json!(["crm", "crm-leads"]), "manager"),
            (json!(["crm"]), "salesperson"),
            (json!(["crm"]), "salesperson"),
            (json!("crm-leads"), "manager"),
        ] {
            let session = trust.session(trust.sign_in(of(groups)));
            assert_eq!(session.get("/v1/me").expect(200).json()["roles"], json!([role]));
        }
        let id = trust.user_named(&email)["id"].clone();
        let changes = trust.events("user.rights_changed");
        let roles: Vec<&Value> = changes
            .iter()
            .filter(|entry| entry["record_id"] == id)
            .map(|entry| &entry["details"]["after"]["role"])
            .collect();
        assert_eq!(roles, ["manager", "salesperson", "manager"], "made, and changed twice");
        // Out of every group: no sign-in any more.
        assert_eq!(trust.sign_in(of(json!(["others"]))).expect(401).code(), "external_no_role");
        // The last administrator stays one.
        let admin = trust.org.admin.get("/v1/me").expect(200).json();
        let claims = changed(person("s-2", admin["user"]["email"].as_str().unwrap()), "groups", json!(["crm"]));
        let session = trust.session(trust.sign_in(Grant::of(claims)));
        assert_eq!(session.get("/v1/me").expect(200).json()["roles"], json!(["administrator"]));
    }

    pub(super) fn a_role_that_was_taken_stays_so(engine: Engine) {
        let mapping = json!([{"group": "crm", "role": "salesperson"}]);
        let trust = trust(engine, &json!({"role_mapping": mapping}));
        let user = trust.org.user("salesperson", None);
        let grant = || Grant::of(changed(person("s-1", &user.login), "groups", json!(["crm"])));
        let _ = trust.sign_in(grant()).expect(200);
        let path = format!("/v1/users/{}", user.id);
        let _ = trust.org.admin.patch(&path, &json!({"role": null})).expect(200);
        assert_eq!(trust.sign_in(grant()).expect(401).code(), "external_no_role");
        assert_eq!(trust.org.admin.get(&path).expect(200).json()["role"], Value::Null);
        let _ = trust.org.admin.patch(&path, &json!({"role": "manager"})).expect(200);
        let session = trust.session(trust.sign_in(grant()));
        assert_eq!(session.get("/v1/me").expect(200).json()["roles"], json!(["salesperson"]));
    }

    pub(super) fn somebody_new_passes_the_addresses_of_the_role(engine: Engine) {
        let trust = trust(engine, &json!({"just_in_time": true, "default_role": "salesperson"}));
        let addresses = json!({"settings": {"addresses": {"roles": {"salesperson": ["203.0.113.0/24"]}}}});
        let _ = trust.org.admin.patch("/v1/organisation", &addresses).expect(200);
        let email = format!("new@{}.test", trust.org.slug);
        let refused = trust.sign_in(Grant::of(person("s-1", &email))).expect(403);
        assert_eq!(refused.code(), "address_not_allowed");
        assert_eq!(trust.user_named(&email), Value::Null, "nobody was made");
    }

    pub(super) fn who_is_disabled_stays_out(engine: Engine) {
        let trust = trust(engine, &json!({"just_in_time": true, "default_role": "salesperson"}));
        let (known, unknown) = (trust.org.user("salesperson", None), trust.org.user("salesperson", None));
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &known.login))));
        for user in [&known, &unknown] {
            let _ = trust.org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"disabled": true})).expect(200);
        }
        assert_eq!(session.get("/v1/me").expect(401).code(), "account_disabled");
        for (subject, user) in [("s-1", &known), ("s-2", &unknown)] {
            let refused = trust.sign_in(Grant::of(person(subject, &user.login))).expect(401);
            assert_eq!(refused.code(), "account_disabled", "{subject}");
        }
        assert_eq!(trust.events("identity.linked").len(), 1, "the one who was let in");
    }

    pub(super) fn user_information_fills_in_what_the_token_leaves_out(engine: Engine) {
        let trust = trust(
            engine,
            &json!({"role_mapping": [{"group": "crm", "role": "manager"}], "groups_claim": "realm_access.roles"}),
        );
        let user = trust.org.user("salesperson", None);
        let told = |subject: &str| json!({"sub": subject, "email": user.login, "email_verified": true, "realm_access": {"roles": ["crm"]}});
        let grant = |userinfo: Value| Grant { userinfo, ..Grant::of(json!({"sub": "s-1"})) };
        // Of somebody else: not believed.
        assert_eq!(trust.sign_in(grant(told("s-2"))).expect(401).code(), "external_not_believed");
        let session = trust.session(trust.sign_in(grant(told("s-1"))));
        let me = session.get("/v1/me").expect(200).json();
        assert_eq!((&me["user"]["id"], &me["roles"]), (&json!(user.id), &json!(["manager"])));
        // So it is where the token has the address and not the word.
        let bare = Grant { userinfo: told("s-4"), ..Grant::of(json!({"sub": "s-4", "email": user.login})) };
        let _ = trust.sign_in(bare).expect(200);
        // The word of one says nothing of the address of the other.
        let mut mixed = Grant::of(json!({"sub": "s-5", "email": user.login}));
        mixed.userinfo = json!({"sub": "s-5", "email_verified": true, "realm_access": {"roles": ["crm"]}});
        assert_eq!(trust.sign_in(mixed).expect(401).code(), "external_no_account");
        // What is signed counts before what is not.
        let mut forged = Grant::of(json!({"sub": "s-3", "email_verified": false}));
        forged.userinfo = changed(told("s-3"), "email_verified", json!(true));
        assert_eq!(trust.sign_in(forged).expect(401).code(), "external_no_account");
    }

    pub(super) fn no_second_factor_is_asked_for(engine: Engine) {
        let trust = trust(engine, &json!({}));
        let user = trust.org.user("salesperson", None);
        let settings = json!({"second_factor": {"required_roles": ["salesperson"]}});
        let sql = format!(
            "UPDATE organisations SET settings = '{settings}', state = state + 1 WHERE slug = '{}'",
            trust.org.slug
        );
        crate::stored::run(engine, &sql);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        assert_eq!(user.session.get("/v1/customers").expect(403).code(), "second_factor_enrolment_required");
        let session = trust.session(trust.sign_in(Grant::of(person("s-1", &user.login))));
        let _ = session.get("/v1/customers").expect(200);
    }

    pub(super) fn nobody_becomes_administrator_by_a_provider_of_his_own(engine: Engine) {
        let (org, idp) = (Org::new(engine), IdentityProvider::start());
        let system = org.user("system_admin", None).session;
        let provider = system.post(PROVIDERS, &laid_down(&idp, &json!({}))).expect(201).id();
        let (path, admin) = (format!("{PROVIDERS}/{provider}"), format!("admin@{}.test", org.slug));
        let (user, auditor) = (org.user("salesperson", None), org.user("auditor", None));
        let trust = Trust { org, idp, provider };
        let refused = |subject: &str, email: &str| {
            let refused = trust.sign_in(Grant::of(person(subject, email))).expect(401);
            assert_eq!(refused.code(), "external_no_account", "{email}");
        };
        let let_in = |subject: &str, email: &str| {
            let _ = trust.sign_in(Grant::of(person(subject, email))).expect(200);
        };
        refused("s-1", &admin);
        refused("s-2", &auditor.login);
        assert!(trust.events("identity.linked").is_empty());
        let why = trust.events("sign_in.external_failed");
        assert!(why.len() == 2 && why.iter().all(|entry| entry["details"]["why"].as_str().unwrap().contains("rights")));
        let_in("s-3", &user.login);
        // Whoever is known is asked anew each time: a right that came later counts.
        let at = format!("/v1/users/{}", user.id);
        let _ = trust.org.admin.patch(&at, &json!({"other_roles": ["auditor"]})).expect(200);
        refused("s-3", &user.login);
        // Another name vouches for nothing; to lay it down anew does, by somebody who grants rights.
        let _ = trust.org.admin.patch(&path, &json!({"name": "新名字"})).expect(200);
        refused("s-1", &admin);
        let _ = trust.org.admin.patch(&path, &json!({"client_secret": SECRET})).expect(200);
        let_in("s-1", &admin);
        let_in("s-3", &user.login);
        // What somebody else changes of it is not vouched for any more, but for the name.
        let _ = system.patch(&path, &json!({"name": "公司登录"})).expect(200);
        let_in("s-1", &admin);
        for change in [json!({"client_secret": SECRET}), json!({"scopes": ["email"]})] {
            let _ = trust.org.admin.patch(&path, &json!({"client_secret": SECRET, "scopes": ["email", "profile"]}));
            let_in("s-1", &admin);
            let _ = system.patch(&path, &change).expect(200);
            refused("s-1", &admin);
        }
    }
}
