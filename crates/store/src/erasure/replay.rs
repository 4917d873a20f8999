//! Erasing again what the ledger says, where an older copy of the data came back.

use std::collections::{BTreeMap, HashSet};

use sea_orm::FromQueryResult;
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::{Caller, Gate, RequestInfo};
use crate::machine::Machine;
use crate::ops::children;
use crate::registry;
use crate::tx::Tx;

use super::parts::Erasing;
use super::{ledger, mark};

/// Ids that are looked at together.
const TOGETHER: usize = 1000;

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records in the ledger.
    pub known: usize,
    /// Records that were there and were erased.
    pub records: u64,
    /// How many rows went with them, by table.
    pub erased: BTreeMap<String, u64>,
}

#[derive(FromQueryResult)]
struct Only {
    id: Uuid,
}

impl Gate {
    /// Erases what the ledger of an organisation says and the database has. Killed in the middle, it is done again from
    /// the beginning.
    ///
    /// # Errors
    /// There is no such organisation, or the database is away.
    pub async fn replay_erasures(&self, org: Uuid) -> Result<Replayed, Failure> {
        let known: HashSet<Vec<u8>> = self.ledger_of(org).await?.into_iter().map(|row| row.mac).collect();
        let mut replayed = Replayed { known: known.len(), ..Replayed::default() };
        if known.is_empty() {
            return Ok(replayed);
        }
        let caller = self.system(org, RequestInfo::of_program("command", self.now())).await?;
        for machine in registry::machines().filter(|machine| may_be_known(*machine)) {
            let mut after = Uuid::nil();
            loop {
                let ids = next(&caller, machine, after).await?;
                let Some(last) = ids.last() else { break };
                after = *last;
                for id in ids {
                    let macs = ledger::macs(caller.ring(), machine.kind().name, id);
                    if macs.iter().any(|mac| known.contains(mac)) {
                        again(&caller, machine, id, &mut replayed).await?;
                    }
                }
            }
        }
        if replayed.records > 0 {
            self.tidy_search().await?;
        }
        Ok(replayed)
    }
}

/// Whether the ledger may know records of a kind: those that are erased, and those that go with them.
fn may_be_known(machine: &dyn Machine) -> bool {
    machine.erasable() || children::TABLES.iter().any(|(_, kind)| *kind == machine.kind().name)
}

/// The next ids of a kind.
async fn next(caller: &Caller, machine: &dyn Machine, after: Uuid) -> Result<Vec<Uuid>, Failure> {
    let db = caller.gate().engine();
    let sql = format!("SELECT id FROM {} WHERE org_id = ? AND id > ? ORDER BY id LIMIT {TOGETHER}", machine.table());
    let rows = Only::find_by_statement(statement(db, &sql, [caller.org().id.into(), after.into()])).all(db).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

async fn again(
    caller: &Caller,
    machine: &'static dyn Machine,
    id: Uuid,
    replayed: &mut Replayed,
) -> Result<(), Failure> {
    caller.write(async move |tx: &Tx<'_>| mark(tx, machine, id, &json!({ "replayed": true })).await).await?;
    let mut erasing = Erasing::of(caller, machine, id).await?;
    while erasing.step().await? {}
    replayed.records += 1;
    for (table, many) in erasing.counts() {
        *replayed.erased.entry(table.clone()).or_default() += many;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::ERASURES;

    /// Whoever verifies the journal knows every entry that says why values are missing.
    #[test]
    fn every_kind_that_is_erased_has_its_entry() {
        let kinds: Vec<&str> =
            registry::machines().filter(|machine| may_be_known(*machine)).map(|machine| machine.kind().name).collect();
        // Whatever hangs on others behind it.
        assert_eq!(kinds, ["customer", "contact", "follow_up", "note", "attachment"]);
        for kind in kinds {
            assert!(ERASURES.contains(&format!("{kind}.erased").as_str()), "{kind}");
        }
    }
}
