//! Segments: filters that are kept, and lists of records.

kehu_tests::on_both_engines!(
    a_live_segment_is_a_condition_of_every_list,
    a_segment_shows_nobody_what_he_may_not_read,
    a_segment_is_used_by_whom_it_is_shared_with,
    a_filter_that_makes_no_sense_is_refused_with_its_place,
    segments_never_use_themselves_and_have_bounds,
    what_others_use_stays_there_for_them,
    a_static_segment_holds_what_is_put_into_it,
    a_segment_that_cannot_be_asked_says_why,
    a_program_with_a_key_of_its_own_has_shared_segments,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, Session, company, new_id};
    use serde_json::{Value, json};

    fn live(name: &str, filter: &Value) -> Value {
        json!({"name": name, "kind": "customer", "type": "live", "where": filter})
    }

    fn list(name: &str) -> Value {
        json!({"name": name, "kind": "customer", "type": "static"})
    }

    fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
        body[member] = value.into();
        body
    }

    fn make(session: &Session, body: &Value) -> String {
        session.post("/v1/segments", body).expect(201).id()
    }

    fn customer(session: &Session, name: &str, stage: &str) -> String {
        session.post("/v1/customers", &with(company(name), "stage", stage)).expect(201).id()
    }

    fn at(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    /// The ids of a list, each once.
    fn ids(session: &Session, path: &str) -> BTreeSet<String> {
        let data = session.get(path).expect(200).data();
        let ids: BTreeSet<String> = data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), data.len(), "{path}");
        ids
    }

    fn found(session: &Session, filter: &Value) -> BTreeSet<String> {
        let data = session.post("/v1/customers/search", &json!({"where": filter})).expect(200).data();
        data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn some<const N: usize>(ids: [&String; N]) -> BTreeSet<String> {
        ids.into_iter().cloned().collect()
    }

    fn is(op: &str, value: impl Into<Value>) -> Value {
        json!({"field": "segment", "op": op, "value": value.into()})
    }

    fn members(id: &str) -> String {
        format!("/v1/segments/{id}/members")
    }

    pub(super) fn a_live_segment_is_a_condition_of_every_list(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let [a, b, c] = [("甲有限公司", "active"), ("乙有限公司", "active"), ("丙有限公司", "lost")]
            .map(|(name, stage)| customer(admin, name, stage));
        let active = make(admin, &live("在谈", &json!({"field": "stage", "value": "active"})));
        let lost = make(admin, &live("流失", &json!({"field": "stage", "value": "lost"})));
        let told = admin.get(&format!("/v1/segments/{active}")).expect(200).json();
        assert_eq!(
            (&told["where"], &told["shared"], &told["sort"]),
            (&json!({"field": "stage", "value": "active"}), &json!("private"), &Value::Null)
        );
        for (question, expected) in [
            (format!("filter[segment]={active}"), some([&a, &b])),
            (format!("filter[segment.ne]={active}"), some([&c])),
            (format!("filter[segment.in]={active},{lost}"), some([&a, &b, &c])),
            (format!("filter[segment.nin]={active},{lost}"), some([])),
            (format!("filter[segment]={active}&filter[name]=甲有限公司"), some([&a])),
        ] {
            let question = question.replace("甲有限公司", &kehu_tests::encoded("甲有限公司"));
            assert_eq!(ids(admin, &format!("/v1/customers?{question}")), expected, "{question}");
        }
        let name = json!({"field": "name", "op": "contains", "value": "乙"});
        for (filter, expected) in [
            (json!({"and": [is("eq", active.as_str()), name]}), some([&b])),
            (json!({"not": is("in", json!([active]))}), some([&c])),
            (json!({"or": [is("eq", lost.as_str()), name]}), some([&b, &c])),
        ] {
            assert_eq!(found(admin, &filter), expected, "{filter}");
        }
        // Segments within segments, in the order that one says.
        let rest = json!({"and": [is("in", json!([active, lost])), {"not": name}]});
        let rest = make(admin, &with(live("其余", &rest), "sort", "-name"));
        assert_eq!(found(admin, &is("eq", rest.as_str())), some([&a, &c]));
        let shown = admin.get(&format!("{}?fields=id&count=exact", members(&rest))).expect(200).json();
        let order: Vec<&Value> = shown["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(order, [&json!(a), &json!(c)], "甲 (jia) stands behind 丙 (bing)");
        assert_eq!(shown["page"]["count"], 2);
        let turned = admin.get(&format!("{}?fields=id&sort=name&limit=1", members(&rest))).expect(200).json();
        assert_eq!(turned["data"], json!([{"id": c}]));
        let next = turned["page"]["next"].as_str().unwrap();
        let next = admin.get(&format!("{}?fields=id&sort=name&limit=1&after={next}", members(&rest))).expect(200);
        assert_eq!(next.json()["data"], json!([{"id": a}]));
        // A change is seen by the next question, however deep.
        let _ = admin.patch(&format!("/v1/customers/{b}"), &json!({"name": "丁有限公司"})).expect(200);
        assert_eq!(ids(admin, &members(&rest)), some([&a, &b, &c]));
        let count = admin.get(&format!("/v1/segments/{rest}/count")).expect(200).json();
        assert_eq!(count, json!({"count": 3, "count_is": "exact"}));
        let _ = admin.patch(&format!("/v1/segments/{lost}"), &json!({"where": {"field": "stage", "value": "partner"}}));
        let nobody = new_id();
        let counts =
            admin.post("/v1/segments/counts", &json!({"ids": [rest, nobody, active, lost]})).expect(200).data();
        let told: Vec<(&Value, &Value)> = counts.iter().map(|one| (&one["count"], &one["error"]["code"])).collect();
        let null = Value::Null;
        assert_eq!(told, [(&json!(2), &null), (&null, &json!("not_found")), (&json!(2), &null), (&json!(0), &null)]);
        let _ = admin.post("/v1/segments/counts", &json!({"ids": vec![new_id(); 21]})).expect(422);
        // A segment of other records is none of these.
        let contacts =
            json!({"name": "决策人", "kind": "contact", "type": "live", "where": {"field": "primary", "value": true}});
        let contacts = make(admin, &contacts);
        let refused = admin.get(&format!("/v1/customers?filter[segment]={contacts}")).expect(400).errors();
        assert_eq!(refused, at("filter[segment]", "segment_unknown"));
        assert_eq!(ids(admin, &format!("/v1/contacts?filter[segment]={contacts}")), some([]));
    }

    pub(super) fn a_segment_shows_nobody_what_he_may_not_read(engine: Engine) {
        let org = Org::new(engine);
        let [one, two] = [org.user("salesperson", None), org.user("salesperson", None)];
        let mine = customer(&one.session, "我的有限公司", "active");
        let theirs = customer(&two.session, "他的有限公司", "active");
        let shared = with(live("在谈", &json!({"field": "stage", "value": "active"})), "shared", "everybody");
        let shared = make(&org.admin, &shared);
        let fixed = make(&org.admin, &with(list("名单"), "shared", "everybody"));
        let _ = org.admin.post(&members(&fixed), &json!({"add": [mine, theirs]})).expect(200);
        for segment in [&shared, &fixed] {
            assert_eq!(ids(&org.admin, &members(segment)), some([&mine, &theirs]));
            assert_eq!(ids(&one.session, &members(segment)), some([&mine]));
            assert_eq!(ids(&two.session, &format!("/v1/customers?filter[segment]={segment}")), some([&theirs]));
            let count = one.session.get(&format!("/v1/segments/{segment}/count")).expect(200).json();
            assert_eq!(count["count"], 1);
            let counts = one.session.post("/v1/segments/counts", &json!({"ids": [segment]})).expect(200).json();
            assert_eq!(counts["data"][0]["count"], 1);
        }
        // Who may not read the records at all is told so, and nothing of them.
        let keeper = org.user("system_admin", None);
        let _ = keeper.session.get(&members(&shared)).expect(403);
        let _ = keeper.session.get("/v1/segments").expect(403);
    }

    pub(super) fn a_segment_is_used_by_whom_it_is_shared_with(engine: Engine) {
        let org = Org::new(engine);
        let [team, other] = [org.team(None), org.team(None)];
        let lead = org.user("manager", Some(&team));
        let near = org.user("salesperson", Some(&team));
        let far = org.user("salesperson", Some(&other));
        let marketing = org.user("marketing", None);
        let all = json!({"field": "id", "op": "is_null", "value": false});
        let body = |name: &str, sharing: &str| with(live(name, &all), "shared", sharing);
        let private = make(&near.session, &body("私有", "private"));
        let of_team = make(&lead.session, &body("团队", "team"));
        let open = make(&marketing.session, &body("公开", "everybody"));
        let everybody = [&org.admin, &lead.session, &near.session, &far.session, &marketing.session];
        // Administrators see what is shared, and not what somebody keeps to himself.
        let sees = [
            (&private, [false, false, true, false, false]),
            (&of_team, [true, true, true, false, false]),
            (&open, [true; 5]),
        ];
        for (segment, sees) in sees {
            for (session, sees) in everybody.iter().zip(sees) {
                let status = if sees { 200 } else { 404 };
                let _ = session.get(&format!("/v1/segments/{segment}")).expect(status);
                let _ = session.get(&members(segment)).expect(status);
                let _ = session.get(&format!("/v1/segments/{segment}/count")).expect(status);
                let _ = session.get(&format!("/v1/segments/{segment}/history")).expect(status);
                assert_eq!(ids(session, "/v1/segments").contains(segment), sees, "{segment}");
                let searched = session.post("/v1/segments/search", &json!({"count": "exact"})).expect(200).json();
                assert_eq!(searched["page"]["count"], searched["data"].as_array().unwrap().len());
                let asked = session.get(&format!("/v1/customers?filter[segment]={segment}"));
                if sees {
                    let _ = asked.expect(200);
                } else {
                    // Word for word what is said of an id that there never was.
                    let unknown = new_id();
                    let nothing = session.get(&format!("/v1/customers?filter[segment]={unknown}")).expect(400).json();
                    let told = asked.expect(400).json().to_string().replace(segment.as_str(), &unknown);
                    let told: Value = serde_json::from_str(&told).unwrap();
                    assert_eq!(told["errors"], nothing["errors"]);
                }
            }
        }
        // Whoever uses one does not change it.
        for (session, segment) in [(&near.session, &of_team), (&lead.session, &open), (&far.session, &open)] {
            let _ = session.patch(&format!("/v1/segments/{segment}"), &json!({"name": "改名"})).expect(403);
            let _ = session.delete(&format!("/v1/segments/{segment}")).expect(403);
        }
        let _ = org.admin.patch(&format!("/v1/segments/{open}"), &json!({"name": "改名"})).expect(200);
        let _ = org.admin.patch(&format!("/v1/segments/{private}"), &json!({"name": "改名"})).expect(404);
        // Who may share how widely.
        for (session, sharing, status) in [
            (&near.session, "team", 422),
            (&near.session, "everybody", 422),
            (&lead.session, "everybody", 422),
            (&marketing.session, "team", 422),
            (&lead.session, "private", 201),
            (&org.admin, "everybody", 201),
        ] {
            let reply = session.post("/v1/segments", &body("范围", sharing)).expect(status);
            if status == 422 {
                let code = if sharing == "team" && reply.text.contains("team_missing") {
                    "segment_team_missing"
                } else {
                    "segment_sharing_forbidden"
                };
                assert_eq!(reply.errors(), at("/shared", code), "{sharing}");
            }
        }
        let _ = near.session.patch(&format!("/v1/segments/{private}"), &json!({"shared": "team"})).expect(422);
        let told = lead.session.get(&format!("/v1/segments/{of_team}")).expect(200).json();
        assert_eq!((&told["team"]["id"], &told["owner"]["id"]), (&json!(team), &json!(lead.id)));
        // What is narrowed is out of sight again.
        let _ = lead.session.patch(&format!("/v1/segments/{of_team}"), &json!({"shared": "private"})).expect(200);
        let _ = near.session.get(&format!("/v1/segments/{of_team}")).expect(404);
        // Who can read it, and by which role.
        let access = org.admin.get(&format!("/v1/segments/{open}/access?user={}", far.id)).expect(200).json();
        assert_eq!((&access["can"]["read"][0]["reach"], &access["can"]["update"]), (&json!("shared"), &json!([])));
    }

    pub(super) fn a_filter_that_makes_no_sense_is_refused_with_its_place(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let nobody = new_id();
        let fixed = make(admin, &list("名单"));
        for (filter, pointer, code) in [
            (json!({"field": "stagee", "value": "active"}), "/where/field", "filter_field_unknown"),
            (json!({"and": [{"field": "name", "op": "lt", "value": "x"}]}), "/where/and/0/op", "filter_op_unknown"),
            (
                json!({"not": {"or": [{"field": "created_at", "op": "gte", "value": "gestern"}]}}),
                "/where/not/or/0/value",
                "filter_value_invalid",
            ),
            (json!({"nand": []}), "/where", "filter_shape"),
            (
                json!({"and": vec![json!({"field": "stage", "value": "active"}); 21]}),
                "/where/and/20",
                "filter_too_large",
            ),
            (
                json!({"and": [{"field": "phone", "op": "eq", "value": "13800138000"}]}),
                "/where/and/0",
                "segment_sealed",
            ),
            (json!({"field": "wechat", "op": "in", "value": ["abc"]}), "/where", "segment_sealed"),
            (is("eq", nobody.as_str()), "/where/value", "segment_unknown"),
            (json!({"or": [is("in", json!([fixed, nobody]))]}), "/where/or/0/value", "segment_unknown"),
            (is("contains", "x"), "/where/op", "filter_op_unknown"),
            (json!("stage = active"), "/where", "type_wrong"),
        ] {
            let refused = admin.post("/v1/segments", &live("不通", &filter)).expect(422);
            assert_eq!(refused.errors(), at(pointer, code), "{filter}");
            assert!(!refused.text.contains("13800138000"), "{}", refused.text);
        }
        let stage = json!({"field": "stage", "value": "active"});
        for (body, pointer, code) in [
            (json!({"name": "无条件", "kind": "customer", "type": "live"}), "/where", "required"),
            (with(list("多余"), "where", stage.clone()), "/where", "segment_static_has_no_filter"),
            (with(live("排序", &stage), "sort", "stage"), "/sort", "sort_unknown"),
            (with(live("标签", &stage), "kind", "tag"), "/kind", "choice_unknown"),
            (with(live("谁", &stage), "owner_id", nobody.as_str()), "/owner_id", "read_only"),
        ] {
            assert_eq!(admin.post("/v1/segments", &body).expect(422).errors(), at(pointer, code), "{body}");
        }
        // Whether there is a confidential value may be asked.
        let phones = json!({"field": "phone", "op": "is_null", "value": false});
        let phones = make(admin, &live("有电话", &phones));
        let id = customer(admin, "有电话有限公司", "active");
        assert_eq!(ids(admin, &members(&phones)), some([&id]));
        // A filter is said anew as a whole, and what was read may be sent back.
        let path = format!("/v1/segments/{phones}");
        let _ = admin.patch(&path, &json!({"where": {"or": [stage]}})).expect(200);
        let told = admin.get(&path).expect(200).json();
        assert_eq!(told["where"], json!({"or": [stage]}));
        assert_eq!(admin.patch(&path, &told).expect(200).json()["version"], told["version"]);
        assert_eq!(admin.patch(&path, &json!({"where": null})).expect(422).errors(), at("/where", "required"));
        assert_eq!(admin.patch(&path, &json!({"type": "static"})).expect(422).errors(), at("/type", "read_only"));
    }

    pub(super) fn segments_never_use_themselves_and_have_bounds(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let stage = || json!({"field": "stage", "value": "active"});
        let first = make(admin, &live("一", &stage()));
        let second = make(admin, &live("二", &is("eq", first.as_str())));
        let third = make(admin, &live("三", &json!({"not": is("in", json!([second]))})));
        let path = format!("/v1/segments/{first}");
        for (filter, way) in [(is("eq", third.as_str()), "一 → 三 → 二 → 一"), (is("ne", first.as_str()), "一 → 一")]
        {
            let refused = admin.patch(&path, &json!({"where": {"and": [stage(), filter]}})).expect(422);
            assert_eq!(refused.errors(), at("/where", "segment_cycle"));
            assert_eq!(refused.json()["errors"][0]["params"]["path"], way);
        }
        // Five deep, from above and from below.
        let fourth = make(admin, &live("四", &is("eq", third.as_str())));
        let fifth = make(admin, &live("五", &is("eq", fourth.as_str())));
        let refused = admin.post("/v1/segments", &live("六", &is("eq", fifth.as_str()))).expect(422);
        assert_eq!(refused.errors(), at("/where", "segment_too_large"));
        let below = make(admin, &live("底", &stage()));
        let refused = admin.patch(&path, &json!({"where": is("eq", below.as_str())})).expect(422);
        assert_eq!(refused.json()["errors"][0]["params"]["name"], "五", "it is the one above that would be too deep");
        let _ = customer(admin, "深有限公司", "active");
        let _ = admin.get(&members(&fifth)).expect(200);
        // Conditions count together.
        let wide = |count: usize| json!({"or": vec![stage(); count]});
        let base = make(admin, &live("宽", &wide(20)));
        let four = json!({"or": vec![is("eq", base.as_str()); 4]});
        let above = make(admin, &live("更宽", &four));
        let five = json!({"or": vec![is("eq", base.as_str()); 5]});
        let refused = admin.patch(&format!("/v1/segments/{above}"), &json!({"where": five})).expect(422);
        assert_eq!(refused.errors(), at("/where", "segment_too_large"), "what is named five times counts five times");
        let parts: Vec<String> = (0..4).map(|n| make(admin, &live(&format!("份{n}"), &wide(20)))).collect();
        let sum = json!({"or": parts.iter().map(|id| is("eq", id.as_str())).collect::<Vec<_>>()});
        let sum = make(admin, &live("总", &sum));
        let part = format!("/v1/segments/{}", parts[0]);
        let _ = admin.patch(&part, &json!({"where": {"or": [is("eq", base.as_str())]}})).expect(200);
        let mut heavy = vec![stage(); 19];
        heavy.push(is("eq", base.as_str()));
        let refused = admin.patch(&part, &json!({"where": {"or": heavy}})).expect(422);
        assert_eq!(refused.json()["errors"][0]["params"]["name"], "总");
        let more = json!({"and": [is("eq", sum.as_str()), is("eq", base.as_str())]});
        let refused = admin.post("/v1/segments", &live("过宽", &more)).expect(422);
        assert_eq!(refused.errors(), at("/where", "segment_too_large"));
    }

    pub(super) fn what_others_use_stays_there_for_them(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let stage = json!({"field": "stage", "value": "active"});
        let shared = |name: &str, filter: &Value, sharing: &str| with(live(name, filter), "shared", sharing);
        let base = make(&org.admin, &shared("基础", &stage, "everybody"));
        let private = make(&org.admin, &live("私有", &stage));
        // One that all may use does not hold one that only its owner may.
        let refused =
            org.admin.post("/v1/segments", &shared("公开", &is("eq", private.as_str()), "everybody")).expect(422);
        assert_eq!(refused.errors(), at("/where/value", "segment_narrower"));
        let above = make(&org.admin, &shared("公开", &is("eq", base.as_str()), "everybody"));
        let theirs = make(&seller.session, &live("销售", &is("eq", base.as_str())));
        let path = format!("/v1/segments/{base}");
        // It is told who uses it: by name what one may read.
        let refused = org.admin.patch(&path, &json!({"shared": "private"})).expect(422);
        assert_eq!(refused.errors(), at("/shared", "segment_still_used"));
        assert_eq!(refused.json()["errors"][0]["params"]["users"], "公开, +1");
        for path in [path.clone(), format!("{path}?dry_run=true")] {
            let refused = org.admin.delete(&path).expect(409);
            assert_eq!((refused.code().as_str(), refused.errors()), ("segment_in_use", at("", "segment_still_used")));
            assert!(!refused.text.contains("销售"), "{}", refused.text);
        }
        let _ = seller.session.delete(&format!("/v1/segments/{theirs}")).expect(204);
        let _ = org.admin.patch(&format!("/v1/segments/{above}"), &json!({"where": stage})).expect(200);
        let _ = org.admin.delete(&format!("{path}?dry_run=true")).expect(200);
        let _ = org.admin.delete(&path).expect(204);
        let refused = org.admin.get(&format!("/v1/customers?filter[segment]={base}")).expect(400).errors();
        assert_eq!(refused, at("filter[segment]", "segment_unknown"));
        // What is gone is used by nothing that comes back.
        let refused = seller.session.post(&format!("/v1/segments/{theirs}/restore"), &json!({})).expect(422);
        assert_eq!(refused.errors(), at("/where/value", "segment_unknown"));
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        let _ = seller.session.post(&format!("/v1/segments/{theirs}/restore"), &json!({})).expect(200);
        let _ = org.admin.delete(&path).expect(409);
    }

    pub(super) fn a_static_segment_holds_what_is_put_into_it(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let [a, b] = ["甲", "乙"].map(|name| customer(&seller.session, &format!("{name}名单有限公司"), "active"));
        let foreign = customer(&org.admin, "别人有限公司", "lost");
        let id = make(&seller.session, &list("展会名单"));
        let path = members(&id);
        let change = |session: &Session, body: &Value| session.post(&path, body);
        let done = change(&seller.session, &json!({"add": [a, b, a]})).expect(200).json();
        assert_eq!(done, json!({"id": id, "added": 2, "removed": 0}));
        // Nothing changes twice, and the version rises with a change only.
        assert_eq!(change(&seller.session, &json!({"add": [a]})).expect(200).json()["added"], 0);
        let told = seller.session.get(&format!("/v1/segments/{id}")).expect(200).json();
        assert_eq!(told["version"], 2);
        let history = seller.session.get(&format!("/v1/segments/{id}/history")).expect(200).data();
        assert_eq!(history[0]["type"], "segment.members_changed");
        // What is out of reach is as if it were not there.
        let nobody = new_id();
        let refused = change(&seller.session, &json!({"add": [b, foreign, nobody]})).expect(422).errors();
        let unknown = |at: &str| (at.to_owned(), "reference_unknown".to_owned());
        assert_eq!(refused, [unknown("/add/1"), unknown("/add/2")]);
        assert_eq!(change(&seller.session, &json!({"remove": [foreign, nobody]})).expect(200).json()["removed"], 0);
        assert_eq!(change(&seller.session, &json!({"remove": [b]})).expect(200).json()["removed"], 1);
        assert_eq!(ids(&seller.session, &path), some([&a]));
        let all = json!({"where": {"field": "id", "op": "is_null", "value": false}});
        assert_eq!(change(&seller.session, &all).expect(200).json()["added"], 1, "what fits, of what one may read");
        assert_eq!(ids(&seller.session, &format!("/v1/customers?filter[segment]={id}")), some([&a, &b]));
        assert_eq!(ids(&seller.session, &format!("/v1/customers?filter[segment.ne]={id}")), some([]));
        // By a confidential value: it is asked once, and kept nowhere.
        let phone = kehu_tests::mobile();
        let _ = seller.session.patch(&format!("/v1/customers/{b}"), &json!({"phones": [phone]})).expect(200);
        let other = make(&seller.session, &list("电话名单"));
        let by_phone = json!({"where": {"field": "phone", "op": "eq", "value": phone}});
        assert_eq!(seller.session.post(&members(&other), &by_phone).expect(200).json()["added"], 1);
        assert_eq!(ids(&seller.session, &members(&other)), some([&b]));
        // What is deleted is out of it, and in again when it comes back.
        let _ = org.admin.delete(&format!("/v1/customers/{a}")).expect(204);
        assert_eq!(ids(&seller.session, &path), some([&b]));
        assert_eq!(seller.session.get(&format!("/v1/segments/{id}/count")).expect(200).json()["count"], 1);
        let _ = org.admin.post(&format!("/v1/customers/{a}/restore"), &json!({})).expect(200);
        assert_eq!(ids(&seller.session, &path), some([&a, &b]));
        for (body, pointer, code) in [
            (json!({}), "/add", "required"),
            (json!({"add": ["x"]}), "/add/0", "id_invalid"),
            (json!({"add": "x"}), "/add", "type_wrong"),
            (json!({"add": (0..1001).map(|_| new_id()).collect::<Vec<_>>()}), "/add", "list_too_long"),
            (json!({"where": {"field": "x"}}), "/where/field", "filter_field_unknown"),
            (json!({"add": [a], "put": []}), "/put", "field_unknown"),
        ] {
            assert_eq!(change(&seller.session, &body).expect(422).errors(), at(pointer, code), "{body}");
        }
        let live = make(&seller.session, &live("动态", &json!({"field": "stage", "value": "active"})));
        let refused = seller.session.post(&members(&live), &json!({"add": [a]})).expect(422).errors();
        assert_eq!(refused, at("", "segment_not_static"));
        let _ = org.admin.post(&path, &json!({"add": [a]})).expect(404);
        // A segment that comes back has its records.
        let _ = seller.session.post(&format!("/v1/segments/{id}/restore"), &json!({})).expect(404);
        let own = make(&org.admin, &list("管理员名单"));
        let _ = org.admin.post(&members(&own), &json!({"add": [foreign]})).expect(200);
        let _ = org.admin.delete(&format!("/v1/segments/{own}")).expect(204);
        let _ = org.admin.get(&members(&own)).expect(404);
        let _ = org.admin.post(&format!("/v1/segments/{own}/restore"), &json!({})).expect(200);
        assert_eq!(ids(&org.admin, &members(&own)), some([&foreign]));
    }

    pub(super) fn a_segment_that_cannot_be_asked_says_why(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {
            "customer": {"read": ["all"], "fields": {"grade": {"sees": "hidden"}}},
            "segment": {"read": ["own", "team", "shared"]},
        }});
        let _ =
            org.admin.post("/v1/roles", &json!({"key": "no_grades", "name": "不看等级", "rights": rights})).expect(201);
        let user = org.user("no_grades", None);
        let grade = with(live("重点", &json!({"and": [{"field": "grade", "value": "vip"}]})), "shared", "everybody");
        let grade = make(&org.admin, &grade);
        let outer = make(&org.admin, &with(live("外层", &is("eq", grade.as_str())), "shared", "everybody"));
        let _ = org.admin.get(&members(&outer)).expect(200);
        for segment in [&grade, &outer] {
            for path in [members(segment), format!("/v1/customers?filter[segment]={segment}")] {
                let refused = user.session.get(&path).expect(400);
                let error = &refused.json()["errors"][0];
                assert_eq!((&error["code"], &error["params"]["name"]), (&json!("segment_unusable"), &json!("重点")));
                // It is not told that there is such a field.
                assert!(refused.text.contains("There is no field “grade”"), "{}", refused.text);
            }
        }
        let counts = user.session.post("/v1/segments/counts", &json!({"ids": [grade]})).expect(200).json();
        assert_eq!(counts["data"][0]["error"]["errors"][0]["code"], "segment_unusable");
        // A field that is no longer there.
        let field = json!({"kind": "customer", "key": "district", "type": "text", "label": {"zh-CN": "片区"}, "filterable": true});
        let field = org.admin.post("/v1/fields", &field).expect(201).id();
        let segment = make(&org.admin, &live("东区", &json!({"field": "custom.district", "value": "东"})));
        let mut east = company("东区有限公司");
        east["custom"] = json!({"district": "东"});
        let east = org.admin.post("/v1/customers", &east).expect(201).id();
        assert_eq!(ids(&org.admin, &members(&segment)), some([&east]));
        let _ = org.admin.delete(&format!("/v1/fields/{field}")).expect(204);
        let refused = org.admin.with("accept-language", "zh-CN").get(&members(&segment)).expect(400);
        assert_eq!(refused.errors()[0].1, "segment_unusable");
        assert!(refused.text.contains("分群“东区”无法查询"), "{}", refused.text);
        // It can be called otherwise all the same, and mended.
        let path = format!("/v1/segments/{segment}");
        let _ = org.admin.patch(&path, &json!({"name": "原东区"})).expect(200);
        let _ = org.admin.patch(&path, &json!({"where": {"field": "stage", "value": "lost"}})).expect(200);
        assert_eq!(ids(&org.admin, &members(&segment)), some([]));
    }

    pub(super) fn a_program_with_a_key_of_its_own_has_shared_segments(engine: Engine) {
        let org = Org::new(engine);
        let key = org.admin.post("/v1/api_keys", &json!({"name": "同步", "role": "administrator"})).expect(201).json();
        let program = org.admin.with_token(key["key"].as_str());
        let stage = json!({"field": "stage", "value": "active"});
        let refused = program.post("/v1/segments", &live("程序", &stage)).expect(422).errors();
        assert_eq!(refused, at("/shared", "segment_owner_missing"));
        let shared = make(&program, &with(live("程序", &stage), "shared", "everybody"));
        let private = make(&org.admin, &live("私有", &stage));
        assert_eq!(ids(&program, "/v1/segments"), some([&shared]));
        let _ = program.get(&members(&private)).expect(404);
        let _ = org.admin.patch(&format!("/v1/segments/{shared}"), &json!({"name": "管理员改名"})).expect(200);
        // Who reaches nothing counts nothing either.
        let key = org.admin.post("/v1/api_keys", &json!({"name": "无人", "role": "salesperson"})).expect(201).json();
        let nobody = org.admin.with_token(key["key"].as_str());
        let _ = customer(&org.admin, "旁人有限公司", "active");
        for kind in ["customers", "segments"] {
            let page = nobody.get(&format!("/v1/{kind}?count=exact")).expect(200).json();
            assert_eq!((&page["data"], &page["page"]["count"]), (&json!([]), &json!(0)), "{kind}");
        }
        // Nobody is left with it alone.
        let refused = org.admin.patch(&format!("/v1/segments/{shared}"), &json!({"shared": "private"})).expect(422);
        assert_eq!(refused.errors(), at("/shared", "segment_owner_missing"));
    }
}
