//! What `q`, `contains` and `starts_with` find: parts of texts in either script, names by their sound, what may be seen.

kehu_tests::on_both_engines!(
    a_table_of_words_finds_the_same_names,
    every_part_and_every_sound_of_a_name_finds_it,
    all_of_a_record_is_found,
    follow_ups_and_notes_are_found,
    people_and_tags_are_found_by_sound,
    customers_are_found_by_names_of_contacts_that_may_be_read,
    what_is_hidden_is_not_found,
    what_is_written_is_found_by_the_next_read,
    fields_are_asked_for_what_they_hold,
    numbers_and_what_is_sealed_are_in_no_index,
    a_part_of_long_digits_is_a_part_of_the_text,
);

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, Session, company, encoded, mobile, unique};
    use serde_json::{Value, json};

    /// Makes customers of those names.
    pub(crate) fn make(session: &Session, names: &[String]) {
        for some in names.chunks(100) {
            let items: Vec<Value> = some.iter().map(|name| company(name)).collect();
            let made = session.post("/v1/customers/batch", &json!({"items": items})).expect(200);
            assert!(made.data().iter().all(|one| one["status"] == 201), "{}", made.record());
        }
    }

    pub(crate) fn list(session: &Session, kind: &str, query: &str, member: &str) -> Vec<String> {
        let page = session.get(&format!("/v1/{kind}?limit=500&{query}")).expect(200);
        page.data().iter().map(|record| record[member].as_str().unwrap().to_owned()).collect()
    }

    /// Names of customers that `q` finds, as they come.
    pub(crate) fn q(session: &Session, words: &str) -> Vec<String> {
        list(session, "customers", &format!("q={}", encoded(words)), "name")
    }

    pub(crate) fn sorted(mut names: Vec<String>) -> Vec<String> {
        names.sort();
        names
    }

    const SPECIAL: [&str; 14] = [
        "北京字节跳动科技有限公司",
        "字节跳动（香港）有限公司",
        "重庆长安汽车股份有限公司",
        "成都长虹电器有限公司",
        "單氏貿易有限公司",
        "ＡＢＣ 商贸（上海）有限公司",
        "ByteDance Ltd.",
        "Café Müller GmbH",
        "3M中国有限公司",
        "乐清市行健电气有限公司",
        "阿里巴巴（中国）网络技术有限公司",
        "A & B 咨询有限公司",
        "浙江吕氏绿化有限公司",
        "360安全科技有限公司",
    ];

    /// A few hundred names, so that what is found is found among others.
    fn names() -> Vec<String> {
        let cities = ["广州", "武汉", "沈阳", "昆明", "兰州", "南宁", "合肥", "太原"];
        let brands = ["鸿图", "瑞祥", "金石", "明德", "远大", "博通", "华宇", "天成", "永兴", "新源"];
        let tails = ["贸易有限公司", "机械有限公司", "食品有限公司"];
        let pairs = cities.iter().flat_map(|city| brands.iter().map(move |brand| (city, brand)));
        let made = pairs.flat_map(|(city, brand)| tails.iter().map(move |tail| format!("{city}{brand}{tail}")));
        made.chain(SPECIAL.iter().map(|name| (*name).to_owned())).collect()
    }

    pub(super) fn a_table_of_words_finds_the_same_names(engine: Engine) {
        let org = Org::new(engine);
        make(&org.admin, &names());
        let bytes = ["北京字节跳动科技有限公司", "字节跳动（香港）有限公司"];
        for (words, expected) in [
            ("字节", &bytes[..]),
            ("節跳", &bytes),
            ("跳", &bytes),
            ("zjtd", &bytes),
            ("ZJTD", &bytes),
            ("zijietiaodong", &bytes),
            ("zijie", &bytes),
            ("zi'jie", &bytes),
            ("zijie 香港", &bytes[1..]),
            ("bjzj", &bytes[..1]),
            ("beijingzijietiaodongkejiyouxiangongsi", &bytes[..1]),
            ("cqca", &["重庆长安汽车股份有限公司"]),
            ("changan", &["重庆长安汽车股份有限公司"]),
            ("chongqing", &["重庆长安汽车股份有限公司"]),
            ("zhongqing", &[]),
            ("changhong", &["成都长虹电器有限公司"]),
            ("单氏", &["單氏貿易有限公司"]),
            ("shanshi", &["單氏貿易有限公司"]),
            ("贸易 單", &["單氏貿易有限公司"]),
            ("abc", &["ＡＢＣ 商贸（上海）有限公司"]),
            ("Ａ商", &[]),
            ("abcsm", &["ＡＢＣ 商贸（上海）有限公司"]),
            ("byte", &["ByteDance Ltd."]),
            ("DANCE ltd", &["ByteDance Ltd."]),
            ("café", &["Café Müller GmbH"]),
            ("MÜLLER", &["Café Müller GmbH"]),
            ("3m", &["3M中国有限公司"]),
            ("36", &["360安全科技有限公司"]),
            ("yueqing", &["乐清市行健电气有限公司"]),
            ("xingjian", &["乐清市行健电气有限公司"]),
            ("hangjian", &["乐清市行健电气有限公司"]),
            ("albb", &["阿里巴巴（中国）网络技术有限公司"]),
            ("咨询 & a", &["A & B 咨询有限公司"]),
            ("lvshi", &["浙江吕氏绿化有限公司"]),
            ("lüshi", &["浙江吕氏绿化有限公司"]),
            ("gzht 食品", &["广州鸿图食品有限公司"]),
            ("guangzhou hongtu jixie", &["广州鸿图机械有限公司"]),
            ("图食 广州", &["广州鸿图食品有限公司"]),
            ("广图", &[]),
            ("name", &[]),
            ("13800138000", &[]),
        ] {
            let expected: Vec<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(sorted(q(&org.admin, words)), sorted(expected), "{words}");
        }
        assert_eq!(q(&org.admin, "jixie").len(), 80);
        assert_eq!(q(&org.admin, "食品 瑞祥").len(), 8);
        assert_eq!(q(&org.admin, "公司").len(), 252);
    }

    pub(super) fn every_part_and_every_sound_of_a_name_finds_it(engine: Engine) {
        let org = Org::new(engine);
        make(&org.admin, &names());
        for (name, spelled, letters) in [
            ("北京字节跳动科技有限公司", "beijingzijietiaodong", "bjzjtdkjyxgs"),
            ("重庆长安汽车股份有限公司", "chongqingchanganqiche", "cqcaqcgfyxgs"),
            ("昆明明德机械有限公司", "kunmingmingdejixie", "kmmdjxyxgs"),
            ("太原天成食品有限公司", "taiyuantianchengshipin", "tytcspyxgs"),
        ] {
            let chars: Vec<char> = name.chars().collect();
            let parts = chars.windows(2).map(|part| part.iter().collect::<String>());
            let sounds =
                [spelled, letters].into_iter().flat_map(|all| (1..=all.len()).map(|end| all[..end].to_owned()));
            for words in parts.chain(sounds) {
                assert!(q(&org.admin, &words).iter().any(|found| found == name), "{words} does not find {name}");
            }
        }
    }

    /// A customer with text in every field that is searched.
    fn full(session: &Session, name: &str) -> Value {
        let mut body = company(name);
        body["region"] = json!("四川省成都市武侯区");
        body["address"] = json!("天府大道一百号凤凰大厦");
        body["need_products"] = json!(["激光切割机", "三坐标测量仪"]);
        body["preferences"] = json!("喜欢龙井");
        body["cooperation_history"] = json!("曾采购伺服电机");
        body["remark"] = json!("展会上认识，Prefers E-Mail");
        session.post("/v1/customers", &body).expect(201).json()
    }

    pub(super) fn all_of_a_record_is_found(engine: Engine) {
        let org = Org::new(engine);
        make(&org.admin, &["无关有限公司".to_owned()]);
        full(&org.admin, "齐全有限公司");
        for words in [
            "武侯",
            "四川省成都市",
            "激光 坐标",
            "龙井",
            "伺服電機",
            "展会",
            "prefers mail",
            "齐全 龙井 武侯",
            "qqyx 展会",
        ] {
            assert_eq!(q(&org.admin, words), ["齐全有限公司"], "{words}");
        }
        // The street is sealed; no text is found by sound; nothing reaches from one field into the next.
        for words in ["凤凰", "天府大道", "longjing", "井曾", "remark", "区激"] {
            assert_eq!(q(&org.admin, words), Vec::<String>::new(), "{words}");
        }
    }

    pub(super) fn follow_ups_and_notes_are_found(engine: Engine) {
        let org = Org::new(engine);
        let customer = full(&org.admin, "跟进有限公司")["id"].clone();
        let follow_up = json!({
            "customer_id": customer, "kind": "call", "summary": "谈了产线改造", "happened_at": "2026-01-01T00:00:00Z",
            "needs_heard": "需要降低能耗", "pain_points": "停机频繁", "next_step": "寄样品",
        });
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        let other =
            json!({"customer_id": customer, "kind": "call", "summary": "其他", "happened_at": "2026-01-02T00:00:00Z"});
        let _ = org.admin.post("/v1/follow_ups", &other).expect(201);
        let note = json!({"record_kind": "customer", "record_id": customer, "body": "老板爱好：圍棋\n第二行 Go"});
        let note = org.admin.post("/v1/notes", &note).expect(201).id();
        for words in ["产线", "能耗 停机", "样品 谈了"] {
            let found = list(&org.admin, "follow_ups", &format!("q={}", encoded(words)), "summary");
            assert_eq!(found, ["谈了产线改造"], "{words}");
        }
        for words in ["围棋", "二行 go", "棋"] {
            assert_eq!(
                list(&org.admin, "notes", &format!("q={}", encoded(words)), "id"),
                std::slice::from_ref(&note),
                "{words}"
            );
        }
        for (kind, words) in [("follow_ups", "围棋"), ("notes", "产线"), ("notes", "weiqi"), ("notes", "13800138000")]
        {
            assert_eq!(list(&org.admin, kind, &format!("q={}", encoded(words)), "id"), Vec::<String>::new(), "{words}");
        }
        // They go and come back with their customer.
        let path = format!("/v1/customers/{}", customer.as_str().unwrap());
        let _ = org.admin.delete(&path).expect(204);
        assert_eq!(list(&org.admin, "notes", &format!("q={}", encoded("围棋")), "id"), Vec::<String>::new());
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(list(&org.admin, "notes", &format!("q={}", encoded("围棋")), "id"), [note]);
        assert_eq!(q(&org.admin, "龙井"), ["跟进有限公司"]);
    }

    pub(super) fn people_and_tags_are_found_by_sound(engine: Engine) {
        let org = Org::new(engine);
        let team = json!({"name": "华东曾家团队"});
        let _ = org.admin.post("/v1/teams", &team).expect(201);
        let user = json!({"name": "曾小贤", "role": "salesperson", "user_name": format!("u{}", unique())});
        let _ = org.admin.post("/v1/users", &user).expect(201);
        let _ = org.admin.post("/v1/tags", &json!({"name": "重点客户"})).expect(201);
        let found = |kind: &str, words: &str| list(&org.admin, kind, &format!("q={}", encoded(words)), "name");
        for (kind, words, expected) in [
            ("users", "zengxiao", "曾小贤"),
            ("users", "zxx", "曾小贤"),
            ("users", "小贤", "曾小贤"),
            ("teams", "huadong", "华东曾家团队"),
            ("tags", "zdkh", "重点客户"),
            ("tags", "点客", "重点客户"),
        ] {
            assert_eq!(found(kind, words), [expected], "{kind} {words}");
        }
        assert_eq!(found("tags", "zdhk"), Vec::<String>::new());
    }

    fn role(org: &Org, rights: &Value) -> String {
        let key = format!("role_{}", unique());
        let body = json!({"key": key, "name": format!("角色{key}"), "rights": rights});
        let _ = org.admin.post("/v1/roles", &body).expect(201);
        key
    }

    pub(super) fn customers_are_found_by_names_of_contacts_that_may_be_read(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("联系有限公司");
        body["contacts"] = json!([{"name": "欧阳靖", "remark": "爱喝普洱", "phones": [mobile()]}]);
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        make(&org.admin, &["旁人有限公司".to_owned()]);
        for words in ["欧阳", "oyj", "ouyangjing", "联系 欧阳", "lx 欧"] {
            assert_eq!(q(&org.admin, words), ["联系有限公司"], "{words}");
        }
        // By their names alone.
        assert_eq!(q(&org.admin, "普洱"), Vec::<String>::new());
        let reach = |contacts: Value| json!({"kinds": {"customer": {"read": ["all"]}, "contact": contacts}});
        for (rights, found) in [(json!({"read": ["all"]}), true), (json!({"read": ["own"]}), false), (json!({}), false)]
        {
            let reader = org.user(&role(&org, &reach(rights.clone())), None);
            assert_eq!(q(&reader.session, "联系"), ["联系有限公司"]);
            for words in ["欧阳", "oyj", "联系 欧阳"] {
                assert_eq!(!q(&reader.session, words).is_empty(), found, "{words} {rights}");
            }
        }
        // A deleted contact is nobody's name.
        let path = format!("/v1/customers/{}?expand=contacts", made["id"].as_str().unwrap());
        let contact = org.admin.get(&path).expect(200).json()["contacts"][0]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.delete(&format!("/v1/contacts/{contact}")).expect(204);
        assert_eq!(q(&org.admin, "欧阳"), Vec::<String>::new());
    }

    pub(super) fn what_is_hidden_is_not_found(engine: Engine) {
        let org = Org::new(engine);
        full(&org.admin, "隐蔽有限公司");
        let hidden = json!({"remark": {"sees": "hidden"}, "region": {"sees": "hidden"}});
        let rights = json!({"kinds": {"customer": {"read": ["all"], "fields": hidden}}});
        let reader = org.user(&role(&org, &rights), None);
        for words in ["展会", "武侯", "prefers", "隐蔽 展会"] {
            assert_eq!(q(&org.admin, words).len(), 1, "{words}");
            assert_eq!(q(&reader.session, words), Vec::<String>::new(), "{words}");
        }
        for words in ["隐蔽", "龙井", "伺服 激光", "yinbi"] {
            assert_eq!(q(&reader.session, words), ["隐蔽有限公司"], "{words}");
        }
        let body = json!({"where": {"field": "remark", "op": "contains", "value": "展会"}});
        assert_eq!(
            reader.session.post("/v1/customers/search", &body).expect(400).errors()[0].1,
            "filter_field_unknown"
        );
        assert_eq!(org.admin.post("/v1/customers/search", &body).expect(200).data().len(), 1);
    }

    pub(super) fn what_is_written_is_found_by_the_next_read(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("初名有限公司")).expect(201).id();
        let path = format!("/v1/customers/{made}");
        assert_eq!(q(&org.admin, "chuming"), ["初名有限公司"]);
        let _ = org.admin.patch(&path, &json!({"name": "改名有限公司", "remark": "换了招牌"})).expect(200);
        assert_eq!(
            (q(&org.admin, "chuming").len(), q(&org.admin, "gaiming").len(), q(&org.admin, "招牌").len()),
            (0, 1, 1)
        );
        let _ = org.admin.patch(&path, &json!({"remark": null})).expect(200);
        assert_eq!((q(&org.admin, "改名").len(), q(&org.admin, "招牌").len()), (1, 0));
        let _ = org.admin.delete(&path).expect(204);
        assert_eq!(q(&org.admin, "改名"), Vec::<String>::new());
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(q(&org.admin, "gm"), ["改名有限公司"]);
    }

    pub(super) fn fields_are_asked_for_what_they_hold(engine: Engine) {
        let org = Org::new(engine);
        let customer = full(&org.admin, "字段有限公司")["id"].clone();
        make(&org.admin, &["空白有限公司".to_owned()]);
        let contact = json!({"customer_id": customer, "name": "周文", "position": "采购總監"});
        let _ = org.admin.post("/v1/contacts", &contact).expect(201);
        let note = json!({"record_kind": "customer", "record_id": customer, "body": "Ａ类 订单 20261126001"});
        let _ = org.admin.post("/v1/notes", &note).expect(201);
        for (kind, field, op, value, found) in [
            ("customers", "remark", "contains", "認識，prefers", 1),
            ("customers", "remark", "contains", "识", 1),
            ("customers", "remark", "contains", "展会 认识", 0),
            ("customers", "remark", "starts_with", "展会上", 1),
            ("customers", "remark", "starts_with", "会上", 0),
            ("customers", "preferences", "contains", "展会", 0),
            ("customers", "cooperation_history", "contains", "，", 0),
            ("customers", "remark", "contains", "，", 1),
            ("contacts", "position", "contains", "购总", 1),
            ("contacts", "position", "starts_with", "采购", 1),
            ("contacts", "position", "eq", "采购總監", 1),
            ("notes", "body", "starts_with", "a类", 1),
            ("notes", "body", "contains", "2026112600", 1),
            ("notes", "body", "contains", "NOTE", 0),
        ] {
            let leaf = json!({"field": field, "op": op, "value": value});
            let found_by = |filter: &Value| {
                org.admin.post(&format!("/v1/{kind}/search"), &json!({"where": filter})).expect(200).data().len()
            };
            assert_eq!(found_by(&leaf), found, "{kind} {leaf}");
            let all = found_by(&json!({"and": []}));
            assert_eq!(found_by(&json!({"not": leaf})), all - found, "{kind} not {leaf}");
            assert!(found_by(&json!({"or": [leaf, {"field": "id", "value": customer}]})) >= found, "{kind} {leaf}");
        }
        let with = |query: &str| org.admin.get(&format!("/v1/customers?{query}")).expect(200).data().len();
        assert_eq!(with(&format!("filter[remark.contains]={}", encoded("认识"))), 1);
        assert_eq!(with("filter[remark.is_null]=true"), 1);
        let wrong = org.admin.get(&format!("/v1/customers?filter[remark]={}", encoded("认识"))).expect(400);
        assert_eq!(wrong.errors()[0].1, "filter_op_unknown");
    }

    pub(super) fn numbers_and_what_is_sealed_are_in_no_index(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("十三号13912345678维修部");
        body["wechat"] = json!("wxplanted77");
        body["remark"] = json!("来电 13912345678");
        let _ = org.admin.post("/v1/customers", &body).expect(201);
        assert_eq!(q(&org.admin, "维修").len(), 1);
        for words in ["wxplanted77", "wxplanted"] {
            assert_eq!(q(&org.admin, words), Vec::<String>::new(), "{words}");
        }
        let names: BTreeSet<String> = q(&org.admin, "维修部 十三号").into_iter().collect();
        assert_eq!(names.len(), 1);
    }

    pub(super) fn a_part_of_long_digits_is_a_part_of_the_text(engine: Engine) {
        let org = Org::new(engine);
        let name = "编号20260011号有限公司";
        let body = json!({"name": name, "kind": "company", "remark": "合同20260012已签，另见 ab88"});
        let _ = org.admin.post("/v1/customers", &body).expect(201);
        let _ = org.admin.post("/v1/customers", &company("编号20269911号有限公司")).expect(201);
        let found = |field: &str, op: &str, value: &str| {
            let filter = json!({"where": {"field": field, "op": op, "value": value}});
            org.admin.post("/v1/customers/search", &filter).expect(200).data().len()
        };
        for part in ["0011", "60011", "20260011", "号2026001", "260011号", "0011号有"] {
            assert_eq!(found("name", "contains", part), 1, "{part}");
        }
        assert_eq!(found("name", "starts_with", "编号20260"), 1);
        assert_eq!(found("name", "contains", "编号2026"), 2);
        for part in ["0012", "同2026", "60012已", "8", "ab8", "见 ab88"] {
            assert_eq!(found("remark", "contains", part), 1, "{part}");
        }
        assert_eq!(found("remark", "starts_with", "合同202"), 1);
        assert_eq!(found("remark", "contains", "0011"), 0);
    }
}
