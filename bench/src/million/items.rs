//! The records of a size: the rows of crm-core, and what the screens ask for besides.

use serde_json::{Value, json};

use super::cast::Cast;
use crate::core::{Row, Rows, contact, ours};
use crate::random::Random;

/// The field that the organisation added, and its values.
pub(super) const FIELD: &str = "channel";
pub(super) const CHANNELS: [&str; 5] = ["direct", "agent", "online", "retail", "export"];
/// Grades by how often in a hundred; the rest has none.
const GRADES: [(&str, u64); 4] = [("vip", 2), ("a", 12), ("b", 40), ("c", 80)];
/// Of a hundred customers, how many wait for a next step.
const WAITING: u64 = 60;
const SALT: u64 = 0x006b_6568_755f_316d;

/// What chance decides of a customer beside its row.
fn besides(rows: Rows, place: usize) -> Random {
    Random::new(SALT ^ (rows.set << 40) ^ u64::try_from(place).unwrap_or_default())
}

/// The team of a salesperson.
pub(super) fn team_of(owner: usize) -> usize {
    owner % super::cast::TEAMS
}

/// A customer as it is made, with so many of its contacts.
pub(super) fn customer(cast: &Cast, rows: Rows, place: usize, contacts: usize) -> Value {
    let row = rows.row(place);
    let random = &mut besides(rows, place);
    let chance = random.below(100);
    let grade = GRADES.iter().find(|(_, below)| chance < *below).map(|(grade, _)| *grade);
    let Row { name, industry, stage, owner, source, phone, email, address, remark, tags, .. } = &row;
    let mut customer = json!({
        "name": name, "kind": "company", "industry": ours(industry), "stage": ours(stage), "grade": grade,
        "owner_id": cast.owners.get(*owner), "source": source, "phones": [phone], "emails": [email],
        "address": address, "remark": remark, "tags": tags, "custom": { FIELD: random.pick(&CHANNELS) },
    });
    if let (true, Some(members)) = (contacts > 0, customer.as_object_mut()) {
        let contacts: Vec<Value> = row.contacts.iter().take(contacts).map(contact).collect();
        members.insert("contacts".to_owned(), contacts.into());
    }
    customer
}

/// Its follow-ups. With the last one the next step may be due, within a year from July 2026.
pub(super) fn follow_ups(rows: Rows, place: usize, id: &str) -> Vec<Value> {
    let row = rows.row(place);
    let random = &mut besides(rows, place);
    let (waits, day) = (random.percent(WAITING), random.below(360));
    let last = row.follow_ups.iter().map(|one| &one.at).max();
    let one = |one: &crate::core::FollowUp| {
        let mut body = json!({ "customer_id": id, "kind": ours(one.kind), "summary": one.note, "happened_at": one.at });
        if let (true, Some(members)) = (waits && Some(&one.at) == last, body.as_object_mut()) {
            members.insert("next_step".to_owned(), "回访并确认采购计划".into());
            members.insert("next_due_at".to_owned(), due(day).into());
        }
        body
    };
    row.follow_ups.iter().map(one).collect()
}

fn due(day: u64) -> String {
    let month = 6 + day / 30;
    format!("{}-{:02}-{:02}T09:00:00Z", 2026 + month / 12, month % 12 + 1, day % 28 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_the_same_every_time_and_its_last_follow_up_alone_is_due() {
        let cast = Cast::default();
        let rows = Rows { set: 0 };
        assert_eq!(customer(&cast, rows, 7, 3), customer(&cast, rows, 7, 3));
        let mut waiting = 0;
        for place in 0..200 {
            let due: Vec<Value> =
                follow_ups(rows, place, "x").into_iter().filter(|one| one.get("next_due_at").is_some()).collect();
            assert!(due.len() <= 1, "{due:?}");
            waiting += due.len();
        }
        assert!((100..140).contains(&waiting), "{waiting}");
        assert_eq!((due(0), due(359)), ("2026-07-01T09:00:00Z".to_owned(), "2027-06-24T09:00:00Z".to_owned()));
    }
}
