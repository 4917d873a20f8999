//! Which crate may depend on which. `domain ← store ← {http, jobs} ← kehu`; nothing points the other way.

use crate::Violation;
use crate::graph::{Graph, Package};

/// Every crate of the workspace and the crates of the workspace that it may depend on, tests included.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kehu-domain", &[]),
    ("kehu-migrations", &[]),
    ("kehu-store", &["kehu-domain", "kehu-migrations"]),
    // Knows nothing of ours: whoever sends something says where and what.
    ("kehu-outgoing", &[]),
    ("kehu-http", &["kehu-domain", "kehu-store", "kehu-outgoing"]),
    ("kehu-jobs", &["kehu-domain", "kehu-store", "kehu-outgoing"]),
    ("kehu", &["kehu-domain", "kehu-store", "kehu-http", "kehu-jobs"]),
    // Black boxes: they know the product by its outside only.
    ("kehu-tests", &[]),
    // The program from its outside; and what the types say of rows, which needs no program.
    ("kehu-bench", &["kehu-domain"]),
    ("kehu-checks", &[]),
];

/// An outside crate that only some of ours may name.
struct Guarded {
    /// The crate's name; also stands for the crates of its family (`sqlx` for `sqlx-core`).
    name: &'static str,
    only: &'static [&'static str],
    because: &'static str,
}

const SQL: &str = "SQL lives in kehu-store and kehu-migrations: ask the store for what you need";
const HTTP: &str = "HTTP lives in kehu-http: move the code there";

const GUARDED: &[Guarded] = &[
    Guarded { name: "sea-orm", only: &["kehu-store", "kehu-migrations"], because: SQL },
    Guarded { name: "sea-query", only: &["kehu-store", "kehu-migrations"], because: SQL },
    // The black-box tests make databases of their own on the PostgreSQL server. The bench measures floors: a database,
    // and HTTP, by itself.
    Guarded { name: "sqlx", only: &["kehu-store", "kehu-migrations", "kehu-tests", "kehu-bench"], because: SQL },
    // The black-box tests look into the raw database file.
    Guarded { name: "rusqlite", only: &["kehu-store", "kehu-migrations", "kehu-tests", "kehu-bench"], because: SQL },
    // The program runs actix's system.
    Guarded { name: "actix-web", only: &["kehu-http", "kehu", "kehu-bench"], because: HTTP },
    Guarded { name: "utoipa", only: &["kehu-http"], because: HTTP },
    Guarded {
        name: "reqwest",
        only: &["kehu-outgoing"],
        because: "Requests to others go through kehu-outgoing, which knows where they may go",
    },
    Guarded { name: "jsonwebtoken", only: &["kehu-http"], because: HTTP },
];

/// The members that depend on what they may not, and those that [`MAY_USE`] does not know.
pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    graph.members().flat_map(|member| check_member(graph, member)).collect()
}

fn check_member(graph: &Graph, member: &Package) -> Vec<Violation> {
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == member.name) else {
        return vec![Violation {
            rule: "layers",
            what: format!("{} has no place in the layers", member.name),
            remedy: "add it to MAY_USE in crates/checks/src/layers.rs".to_owned(),
        }];
    };
    let mut found = Vec::new();
    for dependency in &member.dependencies {
        let name = dependency.name.as_str();
        let what = format!("{} depends on {name}", member.name);
        if graph.members().any(|other| other.name == name) && !allowed.contains(&name) {
            let list = if allowed.is_empty() { "no crate of the workspace".to_owned() } else { allowed.join(", ") };
            found.push(Violation { rule: "layers", what, remedy: format!("it may use {list}: turn the need around") });
        } else if let Some(guard) = GUARDED.iter().find(|guard| guard.covers(name))
            && !guard.only.contains(&member.name.as_str())
        {
            found.push(Violation { rule: "layers", what, remedy: guard.because.to_owned() });
        }
    }
    found
}

impl Guarded {
    fn covers(&self, name: &str) -> bool {
        name.strip_prefix(self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::graph::tests::planted;

    fn found(members: &[(&str, &[&str])]) -> Vec<String> {
        check(&planted(members, &[])).into_iter().map(|violation| violation.what).collect()
    }

    #[test]
    fn the_layers_as_they_should_be_pass() {
        let members: &[(&str, &[&str])] = &[
            ("kehu-domain", &["serde"]),
            ("kehu-store", &["kehu-domain", "kehu-migrations", "sea-orm", "rusqlite"]),
            ("kehu-migrations", &["sea-orm-migration"]),
            ("kehu-http", &["kehu-domain", "kehu-store", "actix-web", "utoipa-swagger-ui"]),
            ("kehu", &["kehu-http", "kehu-jobs", "actix-web"]),
            ("kehu-jobs", &["kehu-store"]),
            ("kehu-tests", &["rusqlite"]),
        ];
        assert!(found(members).is_empty(), "{:?}", found(members));
    }

    #[test]
    fn a_dependency_that_points_the_other_way_is_found() {
        assert_eq!(
            found(&[("kehu-domain", &["kehu-store"]), ("kehu-store", &["kehu-domain"])]),
            ["kehu-domain depends on kehu-store"]
        );
        assert_eq!(
            found(&[("kehu-tests", &["kehu-domain"]), ("kehu-domain", &[])]),
            ["kehu-tests depends on kehu-domain"]
        );
    }

    #[test]
    fn guarded_crates_and_their_families_stay_where_they_belong() {
        assert_eq!(
            found(&[("kehu-http", &["sea-orm"]), ("kehu-jobs", &["sqlx-core", "utoipa"]), ("kehu", &["rusqlite"])]),
            [
                "kehu-http depends on sea-orm",
                "kehu-jobs depends on sqlx-core",
                "kehu-jobs depends on utoipa",
                "kehu depends on rusqlite"
            ]
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(found(&[("kehu-extra", &[])]), ["kehu-extra has no place in the layers"]);
    }
}
