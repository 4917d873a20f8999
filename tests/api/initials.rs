//! Order by pinyin, and the letter under which a name is listed, for every kind whose people are looked up by it.

kehu_tests::on_both_engines!(hard_names_stand_where_people_look_for_them, letters_select, a_letter_follows_the_name);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    /// Names in the order of a directory, each with its letter: surnames and places with readings of their own,
    /// compound surnames, traditional and rare characters, Latin words with accents, digits, other scripts.
    const DIRECTORY: [(&str, &str); 22] = [
        ("3M中国有限公司", "#"),
        ("阿里巴巴有限公司", "A"),
        ("Ångström AB", "A"),
        ("Bosch GmbH", "B"),
        ("长沙远大有限公司", "C"),
        ("重庆长安汽车股份有限公司", "C"),
        ("龘龘餐饮有限公司", "D"),
        ("华罗庚", "H"),
        ("欧阳修", "O"),
        ("仇英", "Q"),
        ("任正非", "R"),
        ("单雄信", "S"),
        ("王芳", "W"),
        ("王伟", "W"),
        ("解缙", "X"),
        ("尉迟恭", "Y"),
        ("乐毅", "Y"),
        ("曾国藩", "Z"),
        ("张伟", "Z"),
        // Each way of writing a surname has its people together.
        ("張三豐", "Z"),
        ("中国银行股份有限公司", "Z"),
        ("Яндекс ООО", "#"),
    ];

    fn kind_of(name: &str) -> &'static str {
        if name.chars().count() <= 3 && name.chars().all(|c| c > '\u{3400}') { "person" } else { "company" }
    }

    pub(super) fn hard_names_stand_where_people_look_for_them(engine: Engine) {
        let org = Org::new(engine);
        // Not in their order.
        let mut bodies: Vec<Value> =
            DIRECTORY.iter().map(|(name, _)| json!({"name": name, "kind": kind_of(name)})).collect();
        bodies.reverse();
        bodies.swap(3, 15);
        let _ = org.admin.post("/v1/customers/batch", &json!({"atomic": true, "items": bodies})).expect(200);
        let told = |query: &str| -> Vec<(String, String)> {
            let page = org.admin.get(&format!("/v1/customers?limit=500&{query}")).expect(200).data();
            let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
            page.iter().map(|one| (text(one, "name"), text(one, "initial"))).collect()
        };
        let mut expected: Vec<(String, String)> =
            DIRECTORY.iter().map(|(name, letter)| ((*name).to_owned(), (*letter).to_owned())).collect();
        assert_eq!(told("sort=name"), expected);
        expected.reverse();
        assert_eq!(told("sort=-name"), expected);
    }

    pub(super) fn letters_select(engine: Engine) {
        let org = Org::new(engine);
        let names = ["曾国藩", "张伟", "單雄信", "Émile Zola", "欧阳修"];
        let contacts: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let mut body = company("通讯录有限公司");
        body["contacts"] = json!(contacts);
        let _ = org.admin.post("/v1/customers", &body).expect(201);
        let by = |kind: &str, letters: &str| -> Vec<String> {
            let path = format!("/v1/{kind}?sort=name&filter[initial.in]={letters}");
            let page = org.admin.get(&path).expect(200).data();
            page.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(by("contacts", "Z"), ["曾国藩", "张伟"]);
        assert_eq!(by("contacts", "E,S"), ["Émile Zola", "單雄信"]);
        assert_eq!(by("contacts", "%23").len(), 0);
        let user = org.user("salesperson", None);
        assert!(by("users", "C").contains(&"测试salesperson".to_owned()));
        let shown = org.admin.get(&format!("/v1/users/{}", user.id)).expect(200).json();
        assert_eq!(shown["initial"], "C");
    }

    pub(super) fn a_letter_follows_the_name(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("改名有限公司")).expect(201).id();
        let made = org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "周一"})).expect(201);
        assert_eq!(made.json()["initial"], "Z");
        let path = format!("/v1/contacts/{}", made.id());
        let changed = org.admin.patch(&path, &json!({"name": "单雄信"})).expect(200);
        assert_eq!(changed.json()["initial"], "S");
        assert_eq!(org.admin.get("/v1/contacts?filter[initial]=S").expect(200).data().len(), 1);
        // It is nobody's to say.
        assert_eq!(org.admin.patch(&path, &json!({"initial": "X"})).expect(422).errors()[0].1, "read_only");
        let _ = org.admin.patch(&path, &changed.json()).expect(200);
    }
}
