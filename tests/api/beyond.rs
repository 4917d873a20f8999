//! Pages on which nothing stands: behind the end of a list, and before its beginning. They lead back to what there is.

kehu_tests::on_both_engines!(a_number_too_high_leads_back, a_cursor_at_the_end_leads_back, an_empty_list_leads_nowhere);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company};
    use serde_json::{Value, json};

    /// Orders of every way to walk a list: by a column, by a field of one's own, by rank.
    const ORDERS: [&str; 7] = [
        "sort=name",
        "sort=-updated_at",
        "sort=created_at",
        "sort=custom.level",
        "sort=-custom.level",
        "q=yemian",
        "q=%E9%A1%B5%E9%9D%A2",
    ];

    fn begun(engine: Engine) -> Org {
        let org = Org::new(engine);
        let field =
            json!({"kind": "customer", "key": "level", "type": "number", "label": {"en": "Level"}, "filterable": true});
        let field = org.admin.post("/v1/fields", &field).expect(201).id();
        let indexed = || org.admin.get(&format!("/v1/fields/{field}")).expect(200).json()["indexed"] == true;
        while !indexed() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        org
    }

    fn make(session: &Session, names: &[&str], from: usize) {
        let item = |(at, name): (usize, &&str)| {
            let mut body = company(&format!("{name}{}有限公司", from + at));
            if at % 3 != 1 {
                body["custom"] = json!({"level": at % 2});
            }
            body
        };
        let items: Vec<Value> = names.iter().enumerate().map(item).collect();
        let _ = session.post("/v1/customers/batch", &json!({"items": items})).expect(200);
    }

    fn page(session: &Session, rest: &str) -> Reply {
        session.get(&format!("/v1/customers?limit=3&fields=id&{rest}")).expect(200)
    }

    fn ids(page: &Reply) -> Vec<Value> {
        page.data().iter().map(|one| one["id"].clone()).collect()
    }

    fn cursor(page: &Reply, way: &str) -> Option<String> {
        page.json()["page"][way].as_str().map(str::to_owned)
    }

    /// All of a list, page by page.
    fn walked(session: &Session, order: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = page(session, &format!("{order}{after}"));
            all.extend(ids(&page));
            match cursor(&page, "next") {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// Nothing stands on the page, and its `prev` leads back over the whole list.
    fn leads_back(session: &Session, order: &str, behind: &Reply, all: &[Value]) {
        assert_eq!((ids(behind).len(), cursor(behind, "next")), (0, None), "{order}: {}", behind.text);
        assert_eq!(behind.json()["page"]["has_more"], false, "{order}");
        let mut back: Vec<Value> = Vec::new();
        let mut prev = cursor(behind, "prev");
        assert!(prev.is_some(), "{order}: {}", behind.text);
        while let Some(at) = prev {
            let page = page(session, &format!("{order}&after={at}"));
            // Behind the last page there is nothing, and it says so.
            assert_eq!(page.json()["page"]["has_more"], !back.is_empty(), "{order}");
            back = ids(&page).into_iter().chain(back).collect();
            prev = cursor(&page, "prev");
        }
        assert_eq!(back, all, "{order}");
    }

    pub(super) fn a_number_too_high_leads_back(engine: Engine) {
        let org = begun(engine);
        let (seller, team) = (org.user("salesperson", None), org.team(None));
        let leader = org.user("manager", Some(&team));
        make(&org.admin, &["页面", "大页面", "页面", "夜面", "甲页面"], 0);
        make(&seller.session, &["页面", "页面"], 10);
        // Of several parts of a reach.
        make(&leader.session, &["页面", "乙页面", "页面", "页面"], 20);
        for session in [&org.admin, &leader.session] {
            for order in ORDERS {
                let all = walked(session, order);
                assert!(all.len() >= 3, "{order}");
                leads_back(session, order, &page(session, &format!("{order}&page=9")), &all);
            }
        }
        let counted = page(&org.admin, "sort=name&page=9&count=exact").json();
        assert_eq!(counted["page"]["count"], 11);
    }

    pub(super) fn a_cursor_at_the_end_leads_back(engine: Engine) {
        let org = begun(engine);
        make(&org.admin, &["页面"; 7], 0);
        for order in ORDERS {
            let all = walked(&org.admin, order);
            let second = page(&org.admin, &format!("{order}&page=2"));
            let (next, prev) = (cursor(&second, "next").unwrap(), cursor(&second, "prev").unwrap());
            // What stands on the other pages goes.
            let outside: Vec<&Value> = all.iter().filter(|id| !ids(&second).contains(id)).collect();
            for id in &outside {
                let _ = org.admin.delete(&format!("/v1/customers/{}", id.as_str().unwrap())).expect(204);
            }
            let left = walked(&org.admin, order);
            assert_eq!(left, ids(&second), "{order}");
            leads_back(&org.admin, order, &page(&org.admin, &format!("{order}&after={next}&count=estimate")), &left);
            // And the other way round: before the beginning, on to the first.
            let before = page(&org.admin, &format!("{order}&after={prev}"));
            assert_eq!((ids(&before).len(), cursor(&before, "prev")), (0, None), "{order}: {}", before.text);
            let on = page(&org.admin, &format!("{order}&after={}", cursor(&before, "next").unwrap()));
            assert_eq!((ids(&on), cursor(&on, "prev"), cursor(&on, "next")), (left, None, None), "{order}");
            for id in &outside {
                let _ =
                    org.admin.post(&format!("/v1/customers/{}/restore", id.as_str().unwrap()), &json!({})).expect(200);
            }
        }
    }

    pub(super) fn an_empty_list_leads_nowhere(engine: Engine) {
        let org = Org::new(engine);
        let nothing = json!({"data": [], "page": {"next": null, "prev": null, "has_more": false}});
        for order in ["sort=name", "q=x", "filter[stage]=lost"] {
            assert_eq!(page(&org.admin, &format!("{order}&page=2")).json(), nothing, "{order}");
        }
    }
}
