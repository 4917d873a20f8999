//! The order of what `q` finds, where none is asked for.

kehu_tests::on_both_engines!(names_that_begin_so_come_first_page_by_page);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, encoded};

    use crate::texts::tests::{list, make, q, sorted};

    pub(super) fn names_that_begin_so_come_first_page_by_page(engine: Engine) {
        let org = Org::new(engine);
        let first = ["远帆一厂", "远帆二厂", "远帆三厂", "远帆四厂"];
        let rest = ["新远帆一号", "老远帆二号", "大远帆三号", "小远帆四号", "中远帆五号"];
        for (a, b) in first.iter().chain([&""]).zip(rest) {
            make(
                &org.admin,
                &[*a, b].into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>(),
            );
        }
        let newest = |names: &[&str]| names.iter().rev().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [newest(&first), newest(&rest)].concat();
        for words in ["远帆", "yuanfan", "yf", "远"] {
            assert_eq!(q(&org.admin, words), expected, "{words}");
            for limit in [1, 3, 4, 5] {
                let (mut told, mut after) = (Vec::new(), String::new());
                let mut last = loop {
                    let path = format!("/v1/customers?limit={limit}&count=exact&q={}{after}", encoded(words));
                    let page = org.admin.get(&path).expect(200);
                    told.extend(page.data().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
                    assert_eq!(page.json()["page"]["count"], 9);
                    match page.json()["page"]["next"].as_str() {
                        Some(next) => after = format!("&after={next}"),
                        None => break page.json()["page"]["prev"].clone(),
                    }
                };
                assert_eq!(told, expected, "{words} by {limit}");
                for (number, expected) in expected.chunks(limit).enumerate() {
                    let path = format!("limit={limit}&page={}&q={}", number + 1, encoded(words));
                    let page = org.admin.get(&format!("/v1/customers?{path}")).expect(200);
                    let names: Vec<String> =
                        page.data().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
                    assert_eq!(names, expected, "{words} page {number} by {limit}");
                }
                // And back from the last page to the first.
                let mut back = told.split_off(told.len() - 1 - (told.len() - 1) % limit);
                while let Some(prev) = last.as_str() {
                    let path = format!("/v1/customers?limit={limit}&q={}&after={prev}", encoded(words));
                    let page = org.admin.get(&path).expect(200);
                    let names =
                        page.data().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
                    back.splice(0..0, names);
                    last = page.json()["page"]["prev"].clone();
                }
                assert_eq!(back, expected, "{words} back by {limit}");
            }
        }
        // Whoever asks for an order has it.
        let by_name = list(&org.admin, "customers", &format!("sort=-created_at&q={}", encoded("远帆")), "name");
        assert_ne!(by_name, expected);
        assert_eq!(sorted(by_name), sorted(expected));
    }
}
