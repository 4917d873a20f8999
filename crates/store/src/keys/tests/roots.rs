use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::crypto::kek::LocalKeys;
use crate::engine::EngineOptions;
use crate::failure::Failure;
use crate::gate::{Gate, GateOptions, HourlyLimits};
use crate::keys::{ROTATION, SEAL_LIMIT, rotate};
use crate::people::{FirstAdmin, Founded, Password};
use crate::test_databases;

use super::bed::*;

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

async fn open(options: &EngineOptions, keys: &str, seal_limit: u64) -> Result<Gate, Failure> {
    let keys = Arc::new(LocalKeys::from_text(keys).unwrap());
    let place = options.clone();
    Gate::open(GateOptions {
        files: crate::files::Files::of(std::path::Path::new("/nowhere")),
        place,
        keys,
        clock: Clock::system(),
        limits: HourlyLimits::default(),
        seal_limit,
    })
    .await
}

async fn first(gate: &Gate) -> Founded {
    let password = Some(Password::from(PASSWORD.to_owned()));
    let email = Some("admin@acme.test".to_owned());
    gate.first_start(FirstAdmin { org_name: None, email, password }).await.unwrap().unwrap()
}

#[tokio::test]
async fn roots_are_wrapped_under_another_kek_and_the_old_one_can_go() {
    for database in test_databases::each().await {
        let options = &database.options;
        let gate = open(options, OLD, SEAL_LIMIT).await.unwrap();
        let org = first(&gate).await.id;
        gate.close().await;
        // The new one alone opens nothing, and says which is missing.
        let refused = open(options, NEW, SEAL_LIMIT).await.err().unwrap().to_string();
        assert!(refused.contains("sealed under key old") && refused.contains("(new)"), "{refused}");

        let gate = open(options, &format!("{NEW},{OLD}"), SEAL_LIMIT).await.unwrap();
        let done = gate.rewrap_roots().await.unwrap();
        assert_eq!((done.kek_id.as_str(), done.rewrapped), ("new", 6));
        assert_eq!(gate.rewrap_roots().await.unwrap().rewrapped, 0);
        assert!(gate.key_status(org).await.unwrap().roots.iter().all(|root| root.kek_id == "new"));
        gate.close().await;

        let gate = open(options, NEW, SEAL_LIMIT).await.unwrap();
        let caller = gate.system(org, Default::default()).await.unwrap();
        customer(&caller, 1).await;
        assert!(gate.verify_journal(org, None, &mut |_| ()).await.unwrap().is_sound());
        gate.close().await;
        assert!(open(options, OLD, SEAL_LIMIT).await.is_err());
        database.end().await;
    }
}

#[tokio::test]
async fn a_root_that_sealed_up_to_its_limit_is_replaced_by_itself() {
    for database in test_databases::each().await {
        let gate = open(&database.options, OLD, 160).await.unwrap();
        let org = first(&gate).await.id;
        let caller = gate.system(org, Default::default()).await.unwrap();
        let mut at = 0;
        while roots(&gate, org, "enc").await.len() == 1 {
            customer(&caller, at).await;
            at += 1;
            assert!(at < 40, "a customer with a contact has ten cells with its entries of the journal");
        }
        assert!(at > 8, "{at}");
        let work = claim(&gate).await.unwrap();
        let run = rotate(work.clone()).await;
        assert_eq!(work.settle(run).await.unwrap(), "done");
        assert_eq!(last_job(&gate, &ROTATION).await.progress_done, None, "nothing is sealed anew");
        // What was sealed under it stays, and opens.
        assert_eq!(roots(&gate, org, "enc").await, states(&[(1, "active"), (2, "primary")]));
        assert_eq!(found(&caller, 0).await, ["customer"]);
        let before = gate.count_cells(org).await.unwrap().by_root[&1];
        customer(&caller, 100).await;
        let cells = gate.count_cells(org).await.unwrap();
        assert_eq!(cells.by_root[&1], before);
        assert!(cells.by_root[&2] >= 7, "{cells:?}");
        gate.close().await;
        database.end().await;
    }
}

/// Counts are in the rows when the server stops.
#[tokio::test]
async fn what_was_sealed_is_counted() {
    for database in test_databases::each().await {
        let gate = open(&database.options, OLD, SEAL_LIMIT).await.unwrap();
        let org = first(&gate).await.id;
        let caller = gate.system(org, Default::default()).await.unwrap();
        customer(&caller, 1).await;
        gate.close().await;
        let gate = open(&database.options, OLD, SEAL_LIMIT).await.unwrap();
        let status = gate.key_status(org).await.unwrap();
        let sealed = status.roots.iter().find(|root| root.purpose == "enc").unwrap().sealed;
        let cells = gate.count_cells(org).await.unwrap().by_root[&1];
        assert!(sealed >= cells, "{sealed} of {cells}");
        gate.close().await;
        database.end().await;
    }
}

/// Whoever adds a sealed column says where it lies: what walks the cells walks that list.
#[test]
fn every_path_stands_in_the_list_of_what_is_sealed() {
    fn search(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                search(&path, found);
            } else if std::fs::read_to_string(&path).unwrap().contains("FieldPath::new(") {
                found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    // The type itself, its tests and vectors, this file, and the list.
    assert_eq!(found, ["cell_tests.rs", "roots.rs", "sealed.rs", "vectors.rs"]);
}
