//! docs/vectors/journal.json: what another program needs to check itself against.

use std::path::Path;

use chrono::DateTime;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::vectors::ring;
use crate::entities::journal;
use crate::entities::journal_stretch::Model as Stretch;
use crate::hex::encode as hex;
use crate::journal::anchor;
use crate::journal::chain::{self, NOTHING};

const BODY: &str = r#"{"before":{"grade":"b"},"after":{"grade":"a"}}"#;

fn id(last: u8) -> Uuid {
    Uuid::from_u128(0x0198_b3c5_0a1b_7c2d_8e3f_4051_6273_8400 | u128::from(last))
}

fn entry(org: Uuid, seq: i64, full: bool) -> journal::Model {
    let some = |last| Some(id(last)).filter(|_| full);
    journal::Model {
        seq,
        org_id: org,
        id: id(1),
        at: DateTime::from_timestamp_millis(1_795_305_600_123).unwrap(),
        class: if full { "change" } else { "security" }.to_owned(),
        outcome: "ok".to_owned(),
        event: if full { "customer.updated" } else { "organisation.created" }.to_owned(),
        actor_kind: if full { "user" } else { "system" }.to_owned(),
        actor_id: some(2),
        via: "api".to_owned(),
        session_id: some(3),
        request_id: "req-1".to_owned(),
        kind: full.then(|| "customer".to_owned()),
        record_id: some(4),
        version: if full { 7 } else { 0 },
        changed: if full { "grade,stage" } else { "" }.to_owned(),
        owner_before: some(5),
        owner_after: some(6),
        team_before: None,
        team_after: some(7),
        commitment: Sha256::digest([[7; 32].as_slice(), BODY.as_bytes()].concat()).to_vec(),
        body: None,
        origin: None,
        mac: Vec::new(),
    }
}

#[test]
fn published_vectors_are_unchanged() {
    let ring = ring();
    let mut entries = [entry(ring.org(), 41, true), entry(ring.org(), 43, false)];
    for entry in &mut entries {
        entry.mac = ring.sign(Signed::Entry, entry.message().as_ref());
        assert!(entry.is_genuine(&ring));
    }
    let digests: Vec<u8> =
        entries.iter().flat_map(|entry| [entry.seq.to_be_bytes().as_slice(), &entry.digest()].concat()).collect();
    let at = entries[0].at;
    let mut stretch = Stretch {
        org_id: ring.org(),
        number: 1,
        first_seq: 41,
        last_seq: 43,
        entries: 2,
        first_at: at,
        last_at: at,
        closed_at: at,
        root: chain::root(&digests).to_vec(),
        digests: Some(digests.clone()),
        previous: NOTHING.to_vec(),
        hash: Vec::new(),
        mac: Vec::new(),
    };
    stretch.hash = chain::hash(&stretch).to_vec();
    stretch.mac = ring.sign(Signed::Stretch, &stretch.hash);
    let head = anchor::next(&ring, &anchor::first(&ring, 40), 1, &stretch.hash);
    let place = anchor::place_mac(&ring, 43);
    let shown = |entry: &journal::Model| {
        json!({
            "seq": entry.seq, "id": entry.id, "at": entry.at.timestamp_millis(), "class": entry.class,
            "outcome": entry.outcome, "event": entry.event, "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id, "via": entry.via, "session_id": entry.session_id,
            "request_id": entry.request_id, "kind": entry.kind, "record_id": entry.record_id,
            "version": entry.version, "changed": entry.changed, "owner_before": entry.owner_before,
            "owner_after": entry.owner_after, "team_before": entry.team_before, "team_after": entry.team_after,
            "commitment": hex(&entry.commitment), "mac": hex(&entry.mac), "digest": hex(&entry.digest()),
        })
    };
    let made = json!({
        "salt": hex(&[7; 32]), "body": BODY, "entries": entries.each_ref().map(shown),
        "stretch": {
            "number": 1, "first_seq": 41, "last_seq": 43, "entries": 2, "first_at": at.timestamp_millis(),
            "last_at": at.timestamp_millis(), "closed_at": at.timestamp_millis(), "digests": hex(&digests),
            "root": hex(&stretch.root), "previous": hex(&stretch.previous), "hash": hex(&stretch.hash),
            "mac": hex(&stretch.mac),
        },
        "head": {"begins": 40, "number": 1, "hash": hex(&head.hash), "mac": hex(&head.mac)},
        "place": {"name": "chain", "seq": 43, "mac": hex(&place)},
    });
    let made = format!("{made:#}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors/journal.json");
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    if std::env::var_os("KEHU_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(
        published == made,
        "docs/vectors/journal.json differs from what this program makes: journals that are closed would be broken. \
         It is rewritten (KEHU_WRITE_VECTORS=1) only before the first release."
    );
}
