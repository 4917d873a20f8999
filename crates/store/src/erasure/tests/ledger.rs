//! The ledger as text.

use serde_json::json;

use super::bed::{Bed, ask, bystander, plant, work};
use crate::erasure::LedgerError;
use crate::people::NewOrg;

#[tokio::test]
async fn a_ledger_is_taken_whole_or_not_at_all() {
    for mut bed in Bed::each(&json!({})).await {
        let org = bed.caller.org().id;
        assert_eq!(bed.gate.erasures(org).await.unwrap().len(), 1, "an end alone");
        let person = plant(&mut bed).await;
        let other = bystander(&mut bed).await;
        ask(&bed.caller, "customer", person.customer).await;
        ask(&bed.caller, "customer", other).await;
        work(&bed.gate).await;
        let lines = bed.gate.erasures(org).await.unwrap();
        // Two customers, three contacts, three follow-ups, the end.
        assert_eq!(lines.len(), 9);
        let text = lines.join("\n");
        for id in person.all {
            assert!(!text.contains(&id.to_string()) && !text.contains(&id.simple().to_string()));
        }
        let taken = bed.gate.take_erasures(&text).await.unwrap();
        assert_eq!((taken.records, taken.strangers), (8, 0));
        assert_eq!(bed.gate.erasures(org).await.unwrap(), lines, "nothing twice");
        // Any digit of a line.
        for (at, line) in lines.iter().enumerate() {
            let end = line.len() - 1;
            let digit = if line.ends_with('0') { "1" } else { "0" };
            let mut forged = lines.clone();
            forged[at] = format!("{}{digit}", &line[..end]);
            let refused = bed.gate.take_erasures(&forged.join("\n")).await.unwrap_err();
            let named = matches!(refused, LedgerError::Forged(line) if line == at + 1)
                || (at == 8 && matches!(refused, LedgerError::Incomplete(_)));
            assert!(named, "{refused}");
        }
        let kind = lines[0].replace(" customer ", " contact ").replace(" follow_up ", " customer ");
        let kind = if kind == lines[0] { lines[0].replace(" contact ", " customer ") } else { kind };
        let mut forged = lines.clone();
        forged[0] = kind;
        assert!(matches!(bed.gate.take_erasures(&forged.join("\n")).await, Err(LedgerError::Forged(1))));
        for missing in 0..lines.len() {
            let mut short = lines.clone();
            short.remove(missing);
            let refused = bed.gate.take_erasures(&short.join("\n")).await.unwrap_err();
            assert!(matches!(refused, LedgerError::Incomplete(of) if of == org), "{missing}: {refused}");
        }
        let mut turned = lines.clone();
        turned.swap(0, 1);
        assert!(matches!(bed.gate.take_erasures(&turned.join("\n")).await, Err(LedgerError::Incomplete(_))));
        assert!(matches!(bed.gate.take_erasures("\nhello there").await, Err(LedgerError::Unreadable(2))));
        // An organisation that is not here cannot be checked, and is told.
        let stranger = text.replace(&org.to_string(), "0198aaaa-0000-7000-8000-000000000009");
        assert!(matches!(bed.gate.take_erasures(&stranger).await, Err(LedgerError::Lacking(_))));
        let taken = bed.gate.take_erasures(&format!("{text}\n{stranger}")).await.unwrap();
        assert_eq!((taken.records, taken.strangers), (8, 8));
        // Nothing at all, and one that is cut between two organisations.
        for empty in ["", "\n\n"] {
            assert!(matches!(bed.gate.take_erasures(empty).await, Err(LedgerError::Lacking(_))));
        }
        let second = NewOrg {
            slug: "zz-second".to_owned(),
            name: "第二家".to_owned(),
            admin_email: "second@example.com".to_owned(),
            admin_password: None,
        };
        let second = bed.gate.create_org(second).await.unwrap().id;
        let refused = bed.gate.take_erasures(&text).await.unwrap_err();
        assert!(matches!(&refused, LedgerError::Lacking(slug) if slug == "zz-second"), "{refused}");
        let end = bed.gate.erasures(second).await.unwrap().join("\n");
        assert!(matches!(bed.gate.take_erasures(&end).await, Err(LedgerError::Lacking(_))));
        let taken = bed.gate.take_erasures(&format!("{text}\n{end}")).await.unwrap();
        assert_eq!((taken.records, taken.strangers), (8, 0));
        bed.end().await;
    }
}
