use std::collections::HashSet;

use super::bed::{Bed, PASSWORD, on_both, request, sign_in_failure};
use crate::crypto::token::{FamilyKey, refresh_token};
use crate::failure::{Failure, SignInFailure};
use crate::gate::Gate;
use crate::people::SignedIn;

async fn refresh(gate: &Gate, token: &str) -> Result<SignedIn, Failure> {
    gate.refresh(token, request("10.0.0.1")).await
}

async fn begin(bed: &Bed) -> SignedIn {
    bed.first().await;
    bed.sign_in("admin@acme.test", PASSWORD).await.unwrap()
}

#[tokio::test]
async fn a_token_gives_its_successor_and_for_a_moment_the_same_again() {
    on_both(|bed: Bed| async move {
        let first = begin(&bed).await;
        let second = refresh(&bed.gate, &first.refresh_token).await.unwrap();
        assert_eq!(second.verified, first.verified);
        assert_ne!(second.refresh_token, first.refresh_token);
        bed.wait(30_000);
        let again = refresh(&bed.gate, &first.refresh_token).await.unwrap();
        assert_eq!(again.refresh_token, second.refresh_token);
        bed.caller(again.verified).await.unwrap();
        let third = refresh(&bed.gate, &second.refresh_token).await.unwrap();
        assert_ne!(third.refresh_token, second.refresh_token);
        bed.caller(third.verified).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_old_token_ends_the_family() {
    on_both(|bed: Bed| async move {
        // Its successor was used.
        let first = begin(&bed).await;
        let second = refresh(&bed.gate, &first.refresh_token).await.unwrap();
        let third = refresh(&bed.gate, &second.refresh_token).await.unwrap();
        let ended = SignInFailure::SessionEnded;
        assert_eq!(sign_in_failure(refresh(&bed.gate, &first.refresh_token).await), ended);
        for token in [&third.refresh_token, &second.refresh_token] {
            assert_eq!(sign_in_failure(refresh(&bed.gate, token).await), ended);
        }
        assert_eq!(sign_in_failure(bed.caller(third.verified).await.map(drop)), ended);
        assert_eq!(bed.entries("session.token_reused").await, 1);

        // Its time is over.
        let first = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        let second = refresh(&bed.gate, &first.refresh_token).await.unwrap();
        bed.wait(30_001);
        assert_eq!(sign_in_failure(refresh(&bed.gate, &first.refresh_token).await), ended);
        assert_eq!(sign_in_failure(refresh(&bed.gate, &second.refresh_token).await), ended);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn ten_at_once_leave_one_living_family() {
    on_both(|bed: Bed| async move {
        let first = begin(&bed).await;
        let second_server = bed.second().await;
        let local = tokio::task::LocalSet::new();
        let mut tries = Vec::new();
        for n in 0..10 {
            let gate = if n % 2 == 0 { bed.gate.clone() } else { second_server.clone() };
            let token = first.refresh_token.to_string();
            tries.push(
                local.spawn_local(async move { refresh(&gate, &token).await.unwrap().refresh_token.to_string() }),
            );
        }
        local.await;
        let mut tokens = HashSet::new();
        for one in tries {
            tokens.insert(one.await.unwrap());
        }
        assert_eq!(tokens.len(), 1);
        let next = tokens.into_iter().next().unwrap();
        assert!(refresh(&bed.gate, &next).await.is_ok());
        second_server.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_token_of_ours_changes_nothing() {
    on_both(|bed: Bed| async move {
        let first = begin(&bed).await;
        let v = first.verified;
        let forged = FamilyKey::generate().unwrap();
        let elsewhere = uuid::Uuid::from_u128(7);
        for token in [
            refresh_token(v.org, v.session, &forged, 1),
            refresh_token(v.org, v.session, &forged, 0),
            refresh_token(elsewhere, v.session, &forged, 1),
            refresh_token(v.org, elsewhere, &forged, 1),
        ] {
            assert_eq!(sign_in_failure(refresh(&bed.gate, &token).await), SignInFailure::SessionEnded);
        }
        assert_eq!(sign_in_failure(refresh(&bed.gate, "rt_x").await), SignInFailure::SessionEnded);
        assert!(refresh(&bed.gate, &first.refresh_token).await.is_ok());
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_is_not_refreshed_beyond_its_end() {
    on_both(|bed: Bed| async move {
        let mut last = begin(&bed).await;
        for _ in 0..11 {
            bed.wait(3_600_000);
            last = refresh(&bed.gate, &last.refresh_token).await.unwrap();
        }
        bed.wait(3_600_000);
        let over = refresh(&bed.gate, &last.refresh_token).await;
        assert_eq!(sign_in_failure(over), SignInFailure::SessionEnded);
        bed.gate.close().await;
    })
    .await;
}
