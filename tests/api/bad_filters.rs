//! Questions that are refused, each with the whole answer in both languages, as a file that is committed: whoever builds
//! a list reads them more often than the documentation. `WRITE_FIXTURES=1` writes the file anew.

kehu_tests::on_both_engines!(every_wrong_question_reads_as_it_is_written_down);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, same_as_written};
    use serde_json::{Value, json};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/bad_filters.json");
    const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

    /// How a question is put.
    enum Put {
        /// In the address.
        Query(String),
        /// As the body of a search.
        Body(Value),
    }

    struct Bad {
        what: &'static str,
        kind: &'static str,
        put: Put,
    }

    fn address(what: &'static str, query: &str) -> Bad {
        Bad { what, kind: "customers", put: Put::Query(query.to_owned()) }
    }

    fn body(what: &'static str, body: Value) -> Bad {
        Bad { what, kind: "customers", put: Put::Body(body) }
    }

    #[expect(clippy::needless_pass_by_value, reason = "questions are written where they are passed")]
    fn tree(what: &'static str, filter: Value) -> Bad {
        body(what, json!({"where": filter}))
    }

    #[expect(clippy::needless_pass_by_value, reason = "as above")]
    fn one(what: &'static str, field: &str, op: &str, value: Value) -> Bad {
        tree(what, json!({"field": field, "op": op, "value": value}))
    }

    fn of(kind: &'static str, bad: Bad) -> Bad {
        Bad { kind, ..bad }
    }

    fn members() -> Vec<Bad> {
        vec![
            address("a field that there is not, in an address", "filter[colour]=red"),
            one("a field that there is not", "colour", "eq", json!("red")),
            one("a field in capitals", "Stage", "eq", json!("active")),
            one("a Chinese label for a field", "客户阶段", "eq", json!("active")),
            one("a field in camel case", "ownerId", "eq", json!("01900000-0000-7000-8000-000000000001")),
            one("the plural of a member", "phones", "eq", json!("13800138000")),
            one("a text that is sealed and not found by equality", "address", "eq", json!("浦东")),
            one("what a reference shows beside it", "owner", "eq", json!("王芳")),
            one("the inside of a value", "industry.code", "eq", json!("65")),
            one("an empty name of a field", "", "eq", json!("x")),
            one("an added field that there is not", "custom.colour", "eq", json!("red")),
            one("an added field without its prefix", "output", "eq", json!(5)),
            one("an added field that is not filterable", "custom.motto", "eq", json!("诚信")),
            address("an added field that is not filterable, in an address", "filter[custom.motto]=x"),
            of("follow_ups", one("a field of another kind", "stage", "eq", json!("active"))),
            of("tags", one("a sealed member of a kind that has none", "phone", "eq", json!("13800138000"))),
        ]
    }

    fn operators() -> Vec<Bad> {
        vec![
            address("an operator that the field does not know, in an address", "filter[stage.gt]=active"),
            address("an operator that there is not, in an address", "filter[stage.like]=act"),
            address("two operators", "filter[updated_at.gte.lte]=2026-01-01"),
            one("an operator that there is not", "stage", "like", json!("act")),
            one("a sign for an operator", "stage", "=", json!("active")),
            one("an operator in capitals", "stage", "EQ", json!("active")),
            one("an operator that the field does not know", "stage", "contains", json!("act")),
            one("an order of names", "name", "gt", json!("甲")),
            one("an order of ids", "id", "lt", json!("01900000-0000-7000-8000-000000000001")),
            one("a piece of a sealed value", "phone", "contains", json!("138")),
            one("the beginning of a sealed value", "phone", "starts_with", json!("138")),
            one("an order of sealed values", "email", "gt", json!("a@b.com")),
            one("all of a single value", "stage", "has_all", json!(["active"])),
            one("an order of tags", "tags", "lt", json!("VIP")),
            one("days back of a number", "contact_count", "within_last", json!(7)),
            one("a piece of an added choice", "custom.level", "contains", json!("go")),
            one("an order of an added text that is sealed", "custom.passport", "gt", json!("G1")),
            tree("an operator that is a number", json!({"field": "stage", "op": 1, "value": "active"})),
            tree("an operator that is null", json!({"field": "stage", "op": null, "value": "active"})),
        ]
    }

    fn values() -> Vec<Bad> {
        vec![
            address("a word for an id", "filter[owner_id]=me"),
            address("a number with letters", "filter[contact_count.gte]=many"),
            address("a month for a date", "filter[updated_at.gte]=2026-01"),
            address("a day that the calendar does not have", "filter[updated_at.gte]=2026-02-30"),
            address("one value for two", "filter[updated_at.between]=2026-01-01"),
            address("three values for two", "filter[contact_count.between]=1,2,3"),
            address("days back that are negative", "filter[updated_at.within_last]=-7"),
            address("days back with a unit", "filter[updated_at.within_last]=7d"),
            address("a list with a key that there is not", "filter[stage.in]=active,won"),
            address("neither true nor false", "filter[grade.is_null]=yes"),
            one("a label for a key", "stage", "eq", json!("成交客户")),
            one("a key that there is not", "stage", "eq", json!("won")),
            one("a key in capitals", "stage", "eq", json!("ACTIVE")),
            one("a number for a key", "stage", "eq", json!(1)),
            one("null for a key", "stage", "eq", Value::Null),
            one("no value", "stage", "eq", json!([])),
            one("a list for one value", "stage", "eq", json!(["active", "lost"])),
            one("one value for a list", "stage", "in", json!("active")),
            one("a list inside a list", "stage", "in", json!([["active"]])),
            one("a list whose third item is wrong", "stage", "in", json!(["active", "lost", "won"])),
            one("a need that there is not", "needs", "has_any", json!(["采购"])),
            one("21 values for all", "needs", "has_all", json!(vec!["purchase"; 21])),
            one("a time without a zone", "updated_at", "gte", json!("2026-01-01T08:00:00")),
            one("a time in seconds since 1970", "updated_at", "gte", json!(1_767_225_600)),
            one("a date the American way", "updated_at", "gte", json!("01/31/2026")),
            one("a date of Chinese characters", "updated_at", "gte", json!("2026年1月1日")),
            one("a year that no engine compares", "updated_at", "gte", json!("0001-01-01T00:00:00Z")),
            one("a word that means no day", "updated_at", "eq", json!("this_fortnight")),
            one("a word in Chinese", "updated_at", "eq", json!("今天")),
            one("between whose second value is wrong", "updated_at", "between", json!(["2026-01-01", "heute"])),
            one("between with an object", "updated_at", "between", json!({"from": "2026-01-01", "to": "2026-02-01"})),
            one("days back that are no whole number", "updated_at", "within_last", json!(1.5)),
            one("more days than a hundred years", "updated_at", "within_next", json!(36_501)),
            one("days back in a list", "updated_at", "not_within_last", json!([7])),
            one("a calendar day with a time", "cooperation_since", "eq", json!("2026-01-01T00:00:00Z")),
            one("a quarter that no year has", "purchase_window", "eq", json!("2026-Q5")),
            one("a budget in words", "budget_min", "gte", json!("很多")),
            one("a number of a count that is a fraction", "contact_count", "eq", json!(1.5)),
            one("an id that is none", "id", "eq", json!("42")),
            one("an industry that there is not", "industry", "eq", json!("魔法")),
            one("a region that there is not", "region", "eq", json!("999999")),
            one("a piece that is empty", "name", "contains", json!("  ")),
            one("a piece that is a number", "name", "contains", json!(5)),
            one("a piece of 201 characters", "name", "starts_with", json!("长".repeat(201))),
            one("a tag that is an object", "tags", "has_any", json!([{"name": "VIP"}])),
            one("whether a member is missing, by a word", "grade", "is_null", json!("maybe")),
            one("a phone with a digit missing", "phone", "eq", json!("1380013800")),
            one("an e-mail without an at sign", "email", "in", json!(["li@acme.com", "li.acme.com"])),
            one("an ID number that is too short", "id_number", "eq", json!("110101")),
            one("a bank account with letters", "bank_account", "eq", json!("6222 abcd")),
            of("contacts", one("a birthday without its zeros", "birthday", "eq", json!("3-7"))),
            of("contacts", one("a flag that is a word", "primary", "eq", json!("ja"))),
            one("a number of an added field that is a text", "custom.output", "gte", json!("viel")),
            one("a choice of an added field that there is not", "custom.level", "eq", json!("bronze")),
            one("a day of an added field that is none", "custom.founded", "eq", json!("2026-13-01")),
        ]
    }

    fn relations() -> Vec<Bad> {
        vec![
            one("a relation that there is not", "orders.number", "eq", json!("1")),
            one("a relation in the singular", "contact.position", "eq", json!("总监")),
            one("a member that related records do not have", "contacts.stage", "eq", json!("active")),
            one("an operator that a related member does not know", "contacts.position", "gt", json!("a")),
            one("a value that a related member cannot have", "contacts.role", "eq", json!("老板")),
            one("a relation of a relation", "contacts.customer.stage", "eq", json!("active")),
            one("a relation without a member", "contacts", "is_null", json!(true)),
            address("a sealed member of related records in an address", "filter[contacts.phone]=13800138000"),
            of("contacts", one("a member that the customer does not have", "customer.position", "eq", json!("总监"))),
            tree("a relation that there is not, asked as a whole", json!({"related": "orders", "where": {"and": []}})),
            tree("a relation without a condition", json!({"related": "contacts"})),
            tree("a relation that is a number", json!({"related": 5, "where": {"and": []}})),
            tree(
                "a wrong member inside a relation",
                json!({"related": "contacts", "where": {"and": [{"field": "position", "value": "总监"}, {"field": "stage", "value": "x"}]}}),
            ),
        ]
    }

    fn shapes() -> Vec<Bad> {
        let deep = (0..6).fold(json!({"field": "stage", "value": "lost"}), |inner, _| json!({"not": inner}));
        let many: Vec<Value> = (0..21).map(|_| json!({"field": "stage", "value": "lost"})).collect();
        let ids: Vec<String> = (0..501).map(|at| format!("01900000-0000-7000-8000-{at:012}")).collect();
        vec![
            tree("a text for a filter", json!("stage = active")),
            tree("a list for a filter", json!([{"field": "stage", "value": "active"}])),
            tree("an empty filter", json!({})),
            tree("a filter as an address has it", json!({"stage": "active"})),
            tree("a misspelt member of a condition", json!({"feild": "stage", "value": "active"})),
            tree("a further member of a condition", json!({"field": "stage", "value": "active", "negate": true})),
            tree("`and` and `or` in one", json!({"and": [], "or": []})),
            tree("`and` of one that is no list", json!({"and": {"field": "stage", "value": "active"}})),
            tree("`not` of a list", json!({"not": [{"field": "stage", "value": "active"}]})),
            tree("a field that is a number", json!({"field": 7, "value": "active"})),
            tree("null among the parts", json!({"or": [{"field": "stage", "value": "active"}, null]})),
            tree("seven levels", deep),
            tree("21 conditions", json!({ "and": many })),
            one("501 values", "id", "in", json!(ids)),
            address("a sealed value in an address", "filter[phone]=13800138000"),
            address("an added sealed value in an address", "filter[custom.passport]=G1"),
        ]
    }

    fn the_rest() -> Vec<Bad> {
        vec![
            address("an order that there is not", "sort=colour"),
            body("two orders", json!({"sort": ["name", "-updated_at"]})),
            address("an order by an added field that is sealed", "sort=custom.passport"),
            address("an order by an added field that is not filterable", "sort=custom.motto"),
            address("a page of none", "limit=0"),
            address("a page of 501", "limit=501"),
            body("a size of a page that is a text", json!({"limit": "fifty"})),
            address("a cursor that is none", "after=abc"),
            address("a parameter that there is not", "page_size=5"),
            body("a member of a search that there is not", json!({"filter": {"field": "stage", "value": "active"}})),
            body("a member that there is not, and is null", json!({"filter": null})),
            address("a relation that `expand` does not bring", "expand=orders"),
            address("a member that `fields` does not know", "fields=id,colour"),
            body("words that are a number", json!({"q": 5})),
        ]
    }

    fn questions() -> Vec<Bad> {
        [members(), operators(), values(), relations(), shapes(), the_rest()].into_iter().flatten().collect()
    }

    pub(super) fn every_wrong_question_reads_as_it_is_written_down(engine: Engine) {
        let org = Org::new(engine);
        let two = json!([{"key": "gold"}, {"key": "silver"}]);
        for (key, filterable, mut field) in [
            ("output", true, json!({"type": "number"})),
            ("founded", true, json!({"type": "date"})),
            ("level", true, json!({"type": "choice", "choices": two})),
            ("passport", true, json!({"type": "text", "sensitive": true})),
            ("motto", false, json!({"type": "text"})),
        ] {
            field["kind"] = "customer".into();
            field["key"] = key.into();
            field["label"] = json!({"en": key});
            field["filterable"] = filterable.into();
            let _ = org.admin.post("/v1/fields", &field).expect(201);
        }
        let mut told = Vec::new();
        for Bad { what, kind, put } in questions() {
            let mut answers = serde_json::Map::new();
            for language in LANGUAGES {
                let asker = org.admin.with("accept-language", language);
                let reply = match &put {
                    Put::Query(query) => asker.get(&format!("/v1/{kind}?{query}")),
                    Put::Body(body) => asker.post(&format!("/v1/{kind}/search"), body),
                };
                assert_eq!(reply.status, 400, "{what} was let through: {}", reply.text);
                let mut answer = reply.json();
                let members = answer.as_object_mut().unwrap();
                assert!(members.remove("request_id").is_some(), "{what}");
                answers.insert(language.to_owned(), answer);
            }
            let mut entry = json!({"what": what, "answers": answers});
            match put {
                Put::Query(query) => entry["asked"] = format!("GET /v1/{kind}?{query}").into(),
                Put::Body(body) => {
                    entry["asked"] = format!("POST /v1/{kind}/search").into();
                    // What is long is told by what is wrong with it.
                    entry["body"] = if body.to_string().len() < 400 { body } else { Value::from("…") };
                }
            }
            told.push(entry);
        }
        assert!(told.len() >= 100, "{}", told.len());
        same_as_written(FILE, &told);
    }
}
