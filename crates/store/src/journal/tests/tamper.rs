//! Somebody with write access to the database, and without the key.

use sea_orm::Value as Sql;
use uuid::Uuid;

use super::bed::{Bed, entries, history, make, on_both, sql, verify, verify_from};
use crate::entities::journal;
use crate::gate::{Gate, RequestInfo};
use crate::journal::Flaw;

const TABLES: [&str; 4] = ["journal", "journal_stretches", "journal_readers", "journal_heads"];

/// A closed journal that can be put back after each attempt.
struct Scene {
    gate: Gate,
    org: Uuid,
    entries: Vec<journal::Model>,
}

impl Scene {
    async fn set(bed: &Bed) -> Self {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        for table in TABLES {
            sql(&bed.gate, &format!("CREATE TABLE {table}_copy AS SELECT * FROM {table}"), vec![]).await.unwrap();
        }
        let verdict = verify(&bed.gate, org).await;
        assert!(verdict.is_sound() && verdict.stretches == 2 && verdict.unclosed == 0, "{verdict:?}");
        let entries = entries(&bed.gate, org).await;
        assert_eq!(verdict.entries, u64::try_from(entries.len()).unwrap());
        Self { gate: bed.gate.clone(), org, entries }
    }

    fn seq(&self, at: usize) -> i64 {
        self.entries[at].seq
    }

    async fn run(&self, text: &str, values: Vec<Sql>) {
        let rows = sql(&self.gate, text, values).await.unwrap();
        assert!(rows > 0, "{text} changed nothing");
    }

    /// What is found, and everything is put back.
    async fn found(&self) -> (Flaw, Option<i64>) {
        let broken = verify(&self.gate, self.org).await.broken.unwrap();
        self.put_back().await;
        (broken.flaw, broken.seq)
    }

    async fn put_back(&self) {
        for table in TABLES {
            sql(&self.gate, &format!("DELETE FROM {table}"), vec![]).await.unwrap();
            sql(&self.gate, &format!("INSERT INTO {table} SELECT * FROM {table}_copy"), vec![]).await.unwrap();
        }
        assert!(verify(&self.gate, self.org).await.is_sound());
    }

    async fn finds(&self, text: &str, values: Vec<Sql>, flaw: Flaw, at: Option<usize>) {
        self.run(text, values).await;
        assert_eq!(self.found().await, (flaw, at.map(|at| self.seq(at))), "{text}");
    }
}

#[tokio::test]
async fn every_column_of_a_header_counts() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let entry = scene.entries[6].clone();
        let at = entry.at + chrono::Duration::milliseconds(1);
        let texts = ["class", "outcome", "event", "actor_kind", "via", "request_id", "kind", "changed"];
        let ids =
            ["id", "actor_id", "session_id", "record_id", "owner_before", "owner_after", "team_before", "team_after"];
        let mut columns: Vec<(&str, Sql)> = texts.map(|column| (column, Sql::from("x"))).into();
        columns.extend(ids.map(|column| (column, Sql::from(Uuid::from_u128(7)))));
        columns.extend([("at", at.into()), ("version", 99_i64.into())]);
        columns.extend(["commitment", "mac"].map(|column| (column, Sql::from(vec![7_u8; 21]))));
        // Without a code it would be older than the chain: not here.
        columns.push(("mac", Vec::<u8>::new().into()));
        // All of them (one twice), but for those that say where and whose the entry is, and what is sealed.
        assert_eq!(columns.len() - 1 + 4, <journal::Model as crate::engine::rows::Row>::COLUMNS.len());
        for (column, value) in columns {
            let text = format!("UPDATE journal SET {column} = ? WHERE seq = ?");
            scene.finds(&text, vec![value, entry.seq.into()], Flaw::Changed, Some(6)).await;
        }
        scene
            .finds(
                "UPDATE journal SET org_id = ? WHERE seq = ?",
                vec![Uuid::from_u128(9).into(), entry.seq.into()],
                Flaw::Removed,
                Some(6),
            )
            .await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn removed_moved_and_added_entries_are_named() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let last = scene.entries.len() - 1;
        for at in [0, 5, last] {
            let values = vec![scene.seq(at).into()];
            scene.finds("DELETE FROM journal WHERE seq = ?", values, Flaw::Removed, Some(at)).await;
        }
        // Two neighbours, two of different stretches.
        for (one, other) in [(3, 4), (4, last)] {
            let (a, b) = (scene.seq(one), scene.seq(other));
            for (from, to) in [(a, -1), (b, a), (-1, b)] {
                scene.run("UPDATE journal SET seq = ? WHERE seq = ?", vec![to.into(), from.into()]).await;
            }
            assert_eq!(scene.found().await, (Flaw::Moved, Some(a)));
        }
        let columns: Vec<&str> = <journal::Model as crate::engine::rows::Row>::COLUMNS[2..].to_vec();
        let copy = |id: &str| {
            let chosen: Vec<&str> = columns.iter().map(|column| if *column == "id" { id } else { column }).collect();
            let (columns, chosen) = (columns.join(", "), chosen.join(", "));
            format!(
                "INSERT INTO journal (seq, org_id, {columns}) SELECT ?, org_id, {chosen} FROM journal WHERE seq = ?"
            )
        };
        // Under another id it is no entry of Kehu's; under its own it cannot be, but for somebody who takes the rule away.
        let forged = copy("session_id");
        let (before, after) = (-5_i64, scene.seq(last) + 1000);
        scene.run(&forged, vec![before.into(), scene.seq(5).into()]).await;
        assert_eq!(scene.found().await, (Flaw::Inserted, Some(before)));
        scene.run(&forged, vec![after.into(), scene.seq(5).into()]).await;
        assert_eq!(scene.found().await, (Flaw::Changed, Some(after)));
        assert!(sql(&scene.gate, &copy("id"), vec![after.into(), scene.seq(5).into()]).await.is_err());
        sql(&scene.gate, "DROP INDEX journal_entry", vec![]).await.unwrap();
        scene.run(&copy("id"), vec![after.into(), scene.seq(5).into()]).await;
        assert_eq!(scene.found().await, (Flaw::Inserted, Some(after)));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn values_belong_to_their_entry() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let (one, other) = (scene.seq(5), scene.seq(6));
        let swap = "UPDATE journal SET body = (SELECT j.body FROM journal j WHERE j.seq = ?) WHERE seq = ?";
        scene.finds(swap, vec![other.into(), one.into()], Flaw::BodyChanged, Some(5)).await;
        scene.finds("UPDATE journal SET body = NULL WHERE seq = ?", vec![one.into()], Flaw::BodyRemoved, Some(5)).await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_records_of_stretches_are_guarded_too() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let org = || vec![scene.org.into()];
        for column in ["first_seq", "last_seq", "entries"] {
            let text = format!("UPDATE journal_stretches SET {column} = {column} + 1 WHERE org_id = ? AND number = 2");
            scene.finds(&text, org(), Flaw::StretchChanged, None).await;
        }
        for column in ["digests", "root", "previous", "hash", "mac"] {
            let text = format!("UPDATE journal_stretches SET {column} = ? WHERE org_id = ? AND number = 1");
            scene.finds(&text, vec![vec![1_u8; 40].into(), scene.org.into()], Flaw::StretchChanged, None).await;
        }
        for number in [1, 2] {
            let text = format!("DELETE FROM journal_stretches WHERE org_id = ? AND number = {number}");
            scene.finds(&text, org(), Flaw::StretchRemoved, None).await;
            let text = format!("UPDATE journal_stretches SET digests = NULL WHERE org_id = ? AND number = {number}");
            scene.finds(&text, org(), Flaw::Dropped, None).await;
        }
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_chain_cannot_be_cut_and_gone_on_with() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let org = || vec![scene.org.into()];
        let removed = |number: i64| (Flaw::StretchRemoved, number);
        // All of it, its end, all of it with the record of its end: closing again adds nothing to what is left.
        for (texts, found) in [
            (
                &["DELETE FROM journal WHERE org_id = ?", "DELETE FROM journal_stretches WHERE org_id = ?"][..],
                removed(1),
            ),
            (&["DELETE FROM journal_stretches WHERE org_id = ? AND number = 2"], removed(2)),
            (
                &["DELETE FROM journal_stretches WHERE org_id = ?", "DELETE FROM journal_heads WHERE org_id = ?"],
                (Flaw::HeadChanged, 0),
            ),
            (&["UPDATE journal_heads SET begins = 1000000 WHERE org_id = ?"], (Flaw::HeadChanged, 0)),
            (&["UPDATE journal_heads SET number = 1 WHERE org_id = ?"], (Flaw::HeadChanged, 0)),
        ] {
            for text in texts {
                scene.run(text, org()).await;
            }
            // A server that was started afterwards: it remembers nothing.
            let server = bed.second().await;
            let caller = server.system(scene.org, RequestInfo::default()).await.unwrap();
            make(&caller, "成都锦程贸易有限公司").await;
            server.close_journal().await.unwrap();
            let broken = verify(&server, scene.org).await.broken.unwrap();
            assert_eq!((broken.flaw, broken.stretch.unwrap_or_default()), found, "{texts:?}");
            server.close().await;
            scene.put_back().await;
        }
        // The place up to which all is closed, set back or taken away: nothing is closed any more.
        for text in [
            "UPDATE journal_readers SET seq = 0 WHERE name = 'chain'",
            "UPDATE journal_readers SET mac = NULL WHERE name = 'chain'",
            "DELETE FROM journal_readers",
        ] {
            scene.run(text, vec![]).await;
            assert!(scene.gate.close_journal().await.is_err());
            assert_eq!(verify(&scene.gate, scene.org).await.broken.unwrap().flaw, Flaw::HeadChanged);
            assert_eq!(
                scene.gate.verify_record(scene.org, Uuid::from_u128(1)).await.unwrap().broken.unwrap().flaw,
                Flaw::HeadChanged
            );
            scene.found().await;
        }
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn nobodys_entry_keeps_no_other_from_being_closed() {
    on_both(|bed: Bed| async move {
        let scene = Scene::set(&bed).await;
        let columns = <journal::Model as crate::engine::rows::Row>::COLUMNS[2..].join(", ");
        let text = format!("INSERT INTO journal (org_id, {columns}) SELECT ?, {columns} FROM journal WHERE seq = ?");
        scene.run(&text, vec![Uuid::from_u128(77).into(), scene.seq(5).into()]).await;
        let caller = scene.gate.system(scene.org, RequestInfo::default()).await.unwrap();
        make(&caller, "成都锦程贸易有限公司").await;
        assert_eq!(scene.gate.close_journal().await.unwrap(), 2);
        let verdict = verify(&scene.gate, scene.org).await;
        assert!(verdict.is_sound() && verdict.unclosed == 0, "{verdict:?}");
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_state_is_told_by_a_head_that_was_noted() {
    on_both(|bed: Bed| async move {
        let caller = bed.administrator().await;
        let org = caller.org().id;
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        for table in TABLES {
            sql(&bed.gate, &format!("CREATE TABLE {table}_copy AS SELECT * FROM {table}"), vec![]).await.unwrap();
        }
        history(&caller).await;
        bed.gate.close_journal().await.unwrap();
        let noted = verify(&bed.gate, org).await.head;
        for table in TABLES {
            sql(&bed.gate, &format!("DELETE FROM {table}"), vec![]).await.unwrap();
            sql(&bed.gate, &format!("INSERT INTO {table} SELECT * FROM {table}_copy"), vec![]).await.unwrap();
        }
        // A server that has seen more closes nothing, and says so.
        assert!(bed.gate.close_journal().await.is_err());
        assert_eq!(verify(&bed.gate, org).await.broken.unwrap().flaw, Flaw::HeadChanged);
        let another = bed.second().await;
        let older = verify(&another, org).await;
        assert!(older.is_sound() && older.stretches == 1, "{older:?}");
        let told = verify_from(&another, org, noted).await.broken.unwrap();
        assert_eq!((told.flaw, told.stretch), (Flaw::StretchRemoved, Some(2)));
        let mut head = older.head.unwrap();
        head.hash[0] ^= 1;
        let told = verify_from(&another, org, Some(head)).await.broken.unwrap();
        assert_eq!((told.flaw, told.stretch), (Flaw::AnotherChain, Some(1)));
        another.close().await;
        bed.gate.close().await;
    })
    .await;
}
