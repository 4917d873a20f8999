//! Pages of lists while others write: every kind, every order, both ways, forth and back.

kehu_tests::on_both_engines!(a_walk_neither_loses_nor_repeats_while_others_write);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use kehu_tests::{Engine, Org, Session, unique};
    use serde_json::{Value, json};

    /// Records of each kind that nobody changes.
    const STILL: usize = 9;
    /// A page of two is crossed often.
    const LIMIT: usize = 2;

    /// Kinds whose records are made by a body alone, and what a record is made of. Follow-ups and the like hang on
    /// `customer`, so that those of the bustle change no customer that stays as it is.
    const KINDS: [&str; 6] = ["customers", "contacts", "follow_ups", "notes", "tags", "teams"];

    fn body(kind: &str, customer: &str, at: usize) -> Value {
        // Names of equal pinyin, values that are missing, and the same time for several.
        let name = ["李", "里", "张", "单", "曾"][at % 5];
        let mut body = match kind {
            "customers" => json!({"name": format!("{name}{}有限公司", at % 3), "kind": "company"}),
            "contacts" => json!({"customer_id": customer, "name": format!("{name}某{}", ["一", "二", "三"][at % 3])}),
            "follow_ups" => {
                let happened = format!("2026-0{}-01T00:00:00Z", at % 3 + 1);
                let due = at.is_multiple_of(2).then(|| format!("2027-0{}-01T00:00:00Z", at % 3 + 1));
                json!({"customer_id": customer, "kind": "call", "summary": "问候", "happened_at": happened, "next_due_at": due})
            }
            "notes" => json!({"record_kind": "customer", "record_id": customer, "body": "记"}),
            "tags" | "teams" => json!({"name": format!("{name}{}", unique())}),
            other => panic!("{other}"),
        };
        if !at.is_multiple_of(3) && !["tags", "teams"].contains(&kind) {
            let motto = ["b", "a", "c"][at % 3];
            body["custom"] = json!({"rank": at % 4, "motto": motto});
        }
        body
    }

    fn create(session: &Session, kind: &str, customer: &str, at: usize) -> String {
        session.post(&format!("/v1/{kind}?on_duplicate=allow"), &body(kind, customer, at)).expect(201).id()
    }

    /// Makes, changes, deletes records, until it is told to stop.
    fn bustle(session: &Session, customer: &str, stop: &AtomicBool) {
        let mut mine: Vec<(&str, String)> = Vec::new();
        for at in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let kind = KINDS[at % KINDS.len()];
            let id = create(session, kind, customer, at);
            // A team stays.
            if kind == "teams" {
                let _ =
                    session.patch(&format!("/v1/teams/{id}"), &json!({"name": format!("陈{}", unique())})).expect(200);
                continue;
            }
            mine.push((kind, id));
            if at % 2 == 0 {
                let (kind, id) = &mine[at % mine.len()];
                let change = match *kind {
                    "customers" => json!({"name": format!("陈{at}有限公司"), "custom": {"rank": at % 4}}),
                    "contacts" => json!({"name": "陈某", "custom": {"motto": "b"}}),
                    "follow_ups" => json!({"happened_at": "2026-02-01T00:00:00Z", "next_due_at": null}),
                    "notes" => json!({"pinned": at % 4 == 0}),
                    _ => json!({"name": format!("陈{}", unique())}),
                };
                let _ = session.patch(&format!("/v1/{kind}/{id}"), &change).expect(200);
            }
            if mine.len() > 30 {
                let (kind, id) = mine.swap_remove(at % mine.len());
                let _ = session.delete(&format!("/v1/{kind}/{id}")).expect(204);
            }
        }
    }

    /// Ids of the whole walk, page by page, from a cursor on, and the cursor of the last page back.
    fn walk(
        session: &Session,
        path: &str,
        still: &BTreeSet<String>,
        way: &str,
        from: Option<String>,
    ) -> (Vec<String>, Option<String>) {
        let (mut seen, mut after, mut back) = (Vec::new(), from, None);
        loop {
            let cursor = after.as_ref().map(|cursor| format!("&after={cursor}")).unwrap_or_default();
            let page = session.get(&format!("{path}{cursor}")).expect(200);
            let mut ids: Vec<String> = page.data().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
            if way == "prev" {
                ids.reverse();
            }
            seen.extend(ids.into_iter().filter(|id| still.contains(id)));
            let page = page.json()["page"].clone();
            back = page["prev"].as_str().map(str::to_owned).or(back);
            match page[way].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => return (seen, back),
            }
        }
    }

    pub(super) fn a_walk_neither_loses_nor_repeats_while_others_write(engine: Engine) {
        let org = Org::new(engine);
        for kind in ["customer", "contact", "follow_up", "note"] {
            for (key, holds) in [("rank", "number"), ("motto", "text")] {
                let field = json!({"kind": kind, "key": key, "type": holds, "label": {"en": key}, "filterable": true});
                let _ = org.admin.post("/v1/fields", &field).expect(201);
            }
        }
        let company =
            |name: &str| org.admin.post("/v1/customers", &json!({"name": name, "kind": "company"})).expect(201).id();
        let (quiet, busy) = (company("安静有限公司"), company("热闹有限公司"));
        // Beside those that are made, the ones that every organisation has.
        let kinds = org.admin.get("/v1/schema").expect(200).data();
        let paths: Vec<String> = kinds.iter().map(|kind| kind["path"].as_str().unwrap().to_owned()).collect();
        assert!(KINDS.iter().all(|kind| paths.iter().any(|path| path == kind)), "{paths:?}");
        for kind in KINDS {
            for at in 0..STILL {
                create(&org.admin, kind, &quiet, at);
            }
        }
        for at in 0..4 {
            let _ = org.admin.attach("customer", &quiet, &format!("文件{at}.txt"), b"text").expect(201);
        }
        let still_of = |path: &str| {
            let all = org.admin.get(&format!("/v1/{path}?limit=500&fields=id")).expect(200).data();
            let ids = all.iter().map(|one| one["id"].as_str().unwrap().to_owned());
            ids.filter(|id| *id != busy).collect::<BTreeSet<String>>()
        };
        let still: Vec<(String, BTreeSet<String>)> = paths.iter().map(|path| (path.clone(), still_of(path))).collect();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| bustle(&org.admin, &busy, &stop));
            let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for (path, still) in &still {
                    walk_every_order(&org.admin, path, still);
                }
            }));
            stop.store(true, Ordering::Relaxed);
            writer.join().unwrap();
            if let Err(failed) = walked {
                std::panic::resume_unwind(failed);
            }
        });
    }

    fn walk_every_order(session: &Session, kind: &str, still: &BTreeSet<String>) {
        let schema = session.get(&format!("/v1/schema/{kind}")).expect(200).json();
        let sorts = schema["sorts"].as_array().unwrap().iter().map(|sort| sort.as_str().unwrap().to_owned());
        let custom = schema["custom"].as_array().unwrap().iter();
        let custom = custom.map(|field| format!("custom.{}", field["key"].as_str().unwrap()));
        for sort in sorts.chain(custom) {
            for sort in [sort.clone(), format!("-{sort}")] {
                let path = format!("/v1/{kind}?limit={LIMIT}&fields=id&sort={sort}");
                let (forth, last) = walk(session, &path, still, "next", None);
                let once: BTreeSet<String> = forth.iter().cloned().collect();
                assert_eq!(once.len(), forth.len(), "{kind} by {sort} repeats a record");
                assert_eq!(&once, still, "{kind} by {sort} loses a record");
                let Some(last) = last else { continue };
                // Back from the last page: what stands before it, the other way round.
                let (back, _) = walk(session, &path, still, "prev", Some(last));
                let once: BTreeSet<String> = back.iter().cloned().collect();
                assert_eq!(once.len(), back.len(), "{kind} by {sort} repeats a record on the way back");
                let mut before: Vec<String> = forth.iter().filter(|id| once.contains(*id)).cloned().collect();
                before.reverse();
                assert_eq!(back, before, "{kind} by {sort} goes back in another order");
                let skipped = forth.iter().take(back.len()).filter(|id| !once.contains(*id)).count();
                assert_eq!(skipped, 0, "{kind} by {sort} loses a record on the way back");
                assert!(back.len() + LIMIT >= forth.len(), "{kind} by {sort} goes back from too far ahead");
            }
        }
    }
}
