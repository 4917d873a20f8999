//! What organisations lay down, where it takes a clock or a second server to see it.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Bed, PASSWORD, findings, make_user, on_both, request, said, sign_in_failure};
use crate::engine;
use crate::entities::{organisation, password_history, session};
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate};
use crate::machine::{Answer, WriteOptions};
use crate::people::{
    ChangePassword, Client, Password, SignIn, change_password, me, reset_password, sessions, update_user,
};
use crate::settings;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The same user as a request of now: what is in memory of the organisation is as old as the request.
async fn afresh(bed: &Bed, caller: &Caller) -> Caller {
    let (user, session) = (caller.principal().user().unwrap(), caller.principal().session().unwrap());
    bed.caller(crate::Verified { org: caller.org().id, user, session }).await.unwrap()
}

async fn lay_down(caller: &Caller, change: Value) -> Answer {
    settings::change(caller, json!({ "settings": change }), None).await.unwrap()
}

fn password(text: &str) -> Password {
    Password::from(text.to_owned())
}

async fn last_seen(gate: &Gate, id: Uuid) -> i64 {
    let row = session::Entity::find().filter(session::Column::Id.eq(id)).one(gate.engine()).await.unwrap();
    row.unwrap().last_seen_at.timestamp_millis()
}

#[tokio::test]
async fn a_session_that_nothing_uses_ends_and_use_is_noted_once_a_minute() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = admin.principal().session().unwrap();
        let verified = crate::Verified { org: admin.org().id, user: admin.principal().user().unwrap(), session: id };
        // Hours after the last refresh the policy begins to count when it is laid down.
        bed.wait(120 * MINUTE);
        bed.caller(verified).await.unwrap();
        assert_eq!(last_seen(&bed.gate, id).await, bed.gate.now().timestamp_millis() - 120 * MINUTE, "nobody asks");
        lay_down(&admin, json!({ "sessions": { "web": { "idle_minutes": 10 } } })).await;
        bed.wait(9 * MINUTE);
        bed.caller(verified).await.unwrap();
        let noted = bed.gate.now().timestamp_millis();
        assert_eq!(last_seen(&bed.gate, id).await, noted);
        bed.wait(59_000);
        bed.caller(verified).await.unwrap();
        assert_eq!(last_seen(&bed.gate, id).await, noted, "a read is no write each time");
        bed.wait(2_000);
        bed.caller(verified).await.unwrap();
        assert_eq!(last_seen(&bed.gate, id).await, noted + 61_000);
        // Another server knows of the use.
        let second = bed.second().await;
        bed.wait(9 * MINUTE + 59_000);
        second.user(verified, request("10.0.0.1")).await.unwrap();
        bed.wait(10 * MINUTE + 1);
        assert_eq!(sign_in_failure(bed.caller(verified).await.map(drop)), SignInFailure::SessionEnded);
        let elsewhere = second.user(verified, request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(elsewhere.map(drop)), SignInFailure::SessionEnded);
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn no_change_of_the_settings_wakes_what_idleness_ended() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        lay_down(&admin, json!({ "sessions": { "web": { "idle_minutes": 10 } } })).await;
        for change in [
            json!({ "passwords": { "min_length": 9 } }),
            json!({ "sessions": { "web": { "idle_minutes": 600 } } }),
            json!({ "sessions": { "web": { "idle_minutes": null } } }),
            json!({ "sessions": { "mobile": { "idle_minutes": 10 } } }),
            json!({ "sessions": { "web": { "idle_minutes": 5 } } }),
        ] {
            let phone = SignIn { client: Client::Server, ..said("admin@acme.test", PASSWORD) };
            let other = bed.gate.sign_in(phone, request("10.0.0.1")).await.unwrap();
            lay_down(
                &bed.caller(other.verified).await.unwrap(),
                json!({ "sessions": { "web": { "idle_minutes": 10 } } }),
            )
            .await;
            let idle = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
            bed.wait(11 * MINUTE);
            lay_down(&bed.caller(other.verified).await.unwrap(), change.clone()).await;
            let ended = SignInFailure::SessionEnded;
            assert_eq!(sign_in_failure(bed.caller(idle.verified).await.map(drop)), ended, "{change}");
            let refreshed = bed.gate.refresh(&idle.refresh_token, request("10.0.0.1")).await;
            assert_eq!(sign_in_failure(refreshed), ended, "{change}");
        }
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_refresh_is_use_and_does_not_wake_what_has_ended() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        lay_down(&admin, json!({ "sessions": { "mobile": { "idle_minutes": 10, "absolute_hours": 1 } } })).await;
        let phone = SignIn { client: Client::Mobile, ..said("admin@acme.test", PASSWORD) };
        let mut now = bed.gate.sign_in(phone.clone(), request("10.0.0.1")).await.unwrap();
        for _ in 0..5 {
            bed.wait(9 * MINUTE);
            now = bed.gate.refresh(&now.refresh_token, request("10.0.0.1")).await.unwrap();
        }
        bed.caller(now.verified).await.unwrap();
        // The hour is over however much it was used.
        bed.wait(8 * MINUTE);
        bed.caller(now.verified).await.unwrap();
        bed.wait(7 * MINUTE);
        let ended = SignInFailure::SessionEnded;
        assert_eq!(sign_in_failure(bed.caller(now.verified).await.map(drop)), ended);
        assert_eq!(sign_in_failure(bed.gate.refresh(&now.refresh_token, request("10.0.0.1")).await), ended);
        let idle = bed.gate.sign_in(phone, request("10.0.0.1")).await.unwrap();
        bed.wait(10 * MINUTE);
        assert_eq!(sign_in_failure(bed.gate.refresh(&idle.refresh_token, request("10.0.0.1")).await), ended);
        // What has ended by the policy is in no list either.
        let admin = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        let listed = sessions(&bed.caller(admin.verified).await.unwrap()).await.unwrap();
        assert!(listed.iter().all(|one| one.client == "web") && !listed.is_empty());
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_laid_down_counts_on_another_server_within_a_second() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        make_user(&admin, "wang@acme.test", "salesperson").await;
        let second = bed.second().await;
        let there = second.sign_in(said("wang@acme.test", PASSWORD), request("10.0.0.1")).await.unwrap();
        second.user(there.verified, request("10.0.0.1")).await.unwrap();
        lay_down(&admin, json!({ "addresses": { "roles": { "salesperson": ["192.0.2.0/24"] } } })).await;
        bed.wait(1_000);
        let refused = second.user(there.verified, request("10.0.0.1")).await.map(drop);
        assert_eq!(sign_in_failure(refused), SignInFailure::AddressNotAllowed);
        second.user(there.verified, request("192.0.2.7")).await.unwrap();
        let refused = second.refresh(&there.refresh_token, request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(refused), SignInFailure::AddressNotAllowed);
        // Once an hour for a session, and not for each request.
        assert_eq!(bed.entries("session.address_refused").await, 1);
        let outside = second.sign_in(said("wang@acme.test", PASSWORD), request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(outside), SignInFailure::AddressNotAllowed);
        let wrong = second.sign_in(said("wang@acme.test", "wrong password"), request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(wrong), SignInFailure::CredentialsWrong);
        assert_eq!(bed.entries("sign_in.address_refused").await, 1);
        // Signing out is for everywhere.
        second.sign_out(there.verified, request("10.0.0.1")).await.unwrap();
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_old_password_is_changed_while_signing_in() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        make_user(&admin, "wang@acme.test", "salesperson").await;
        lay_down(&admin, json!({ "passwords": { "max_age_days": 90, "history": 2 } })).await;
        bed.wait(90 * DAY - 1);
        bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        bed.wait(1);
        let due = bed.sign_in("wang@acme.test", PASSWORD).await;
        assert_eq!(sign_in_failure(due), SignInFailure::PasswordChangeRequired);
        let wrong = bed.sign_in("wang@acme.test", "wrong password").await;
        assert_eq!(sign_in_failure(wrong), SignInFailure::CredentialsWrong);
        let with = async |old: &str, new: &str| {
            let said = SignIn { new_password: Some(password(new)), ..said("wang@acme.test", old) };
            bed.gate.sign_in(said, request("10.0.0.1")).await
        };
        for (new, code) in [(PASSWORD, "password_reused"), ("12345678", "password_common")] {
            assert_eq!(findings(with(PASSWORD, new).await), [("/new_password".to_owned(), code)]);
        }
        let failure = sign_in_failure(with("wrong password", "another horse battery").await);
        assert_eq!(failure, SignInFailure::CredentialsWrong);
        let signed_in = with(PASSWORD, "another horse battery").await.unwrap();
        bed.caller(signed_in.verified).await.unwrap();
        bed.sign_in("wang@acme.test", "another horse battery").await.unwrap();
        assert_eq!(bed.entries("sign_in.password_change_required").await, 1);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_last_passwords_are_not_used_again_and_no_more_of_them_are_kept() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        lay_down(&admin, json!({ "passwords": { "history": 3 } })).await;
        let admin = afresh(&bed, &admin).await;
        let horses = ["first horse battery", "second horse battery", "third horse battery", "fourth horse battery"];
        let change = async |old: &str, new: &str| {
            let said = ChangePassword { old: password(old), new: password(new), throttled: true };
            change_password(&admin, said).await
        };
        let mut old = PASSWORD;
        for horse in horses {
            bed.wait(1);
            change(old, horse).await.unwrap();
            old = horse;
        }
        for horse in [horses[1], horses[2], horses[3]] {
            assert_eq!(findings(change(old, horse).await), [("/new_password".to_owned(), "password_reused")]);
        }
        // Whoever has nothing but a token learns of no earlier password.
        let wrong = change("wrong password", horses[1]).await;
        assert_eq!(findings(wrong), [("/old_password".to_owned(), "password_wrong")]);
        let kept = async || password_history::Entity::find().count(bed.gate.engine()).await.unwrap();
        assert_eq!(kept().await, 2);
        change(old, horses[0]).await.unwrap();
        lay_down(&admin, json!({ "passwords": { "history": 0 } })).await;
        assert_eq!(kept().await, 0);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_locked_account_is_like_a_wrong_password_until_its_time_is_over() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = make_user(&admin, "wang@acme.test", "salesperson").await;
        lay_down(&admin, json!({ "passwords": { "lock": { "failures": 3, "minutes": 30 } } })).await;
        let attempt = async |from: u8, password: &str| {
            bed.gate.sign_in(said("wang@acme.test", password), request(&format!("10.0.1.{from}"))).await
        };
        let wrong = SignInFailure::CredentialsWrong;
        for from in 0..2 {
            assert_eq!(sign_in_failure(attempt(from, "wrong password").await), wrong);
        }
        // Failures that are as far apart do not count together.
        bed.wait(30 * MINUTE);
        for from in 0..2 {
            assert_eq!(sign_in_failure(attempt(from, "wrong password").await), wrong);
        }
        attempt(1, PASSWORD).await.unwrap();
        for from in 0..3 {
            assert_eq!(sign_in_failure(attempt(from, "wrong password").await), wrong);
        }
        assert_eq!(bed.entries("user.locked").await, 1);
        bed.wait(30 * MINUTE - 1);
        for from in 3..9 {
            assert_eq!(sign_in_failure(attempt(from, PASSWORD).await), wrong, "locked from everywhere");
        }
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        // What was tried meanwhile makes it no longer.
        bed.wait(2);
        let signed_in = attempt(1, PASSWORD).await.unwrap();
        assert_eq!(signed_in.before.failures, 9);
        // A new password lifts it, and so does the end of the policy.
        for from in 0..3 {
            attempt(from, "wrong password").await.unwrap_err();
        }
        assert_eq!(sign_in_failure(attempt(9, PASSWORD).await), wrong);
        let other = "another horse battery";
        update_user(&admin, id, json!({ "password": other }), &WriteOptions::default()).await.unwrap();
        attempt(9, other).await.unwrap();
        for from in 0..3 {
            attempt(from, "wrong password").await.unwrap_err();
        }
        assert_eq!(sign_in_failure(attempt(9, other).await), wrong);
        lay_down(&admin, json!({ "passwords": { "lock": null } })).await;
        attempt(9, other).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn somebody_is_told_of_the_sign_in_before() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        let first = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        assert_eq!((first.before.at, first.before.failures), (None, 0));
        let at = bed.gate.now();
        bed.wait(MINUTE);
        for address in ["10.0.0.8", "10.0.0.9"] {
            bed.gate.sign_in(said("admin@acme.test", "wrong password"), request(address)).await.unwrap_err();
        }
        let second = bed.gate.sign_in(said("admin@acme.test", PASSWORD), request("10.0.0.7")).await.unwrap();
        let before = &second.before;
        assert_eq!((before.at, before.address.as_deref(), before.failures), (Some(at), Some("10.0.0.1"), 2));
        assert!(!format!("{second:?} {before:?}").contains("10.0.0"));
        // The session keeps it, sealed.
        let caller = bed.caller(second.verified).await.unwrap();
        assert_eq!(me(&caller).await.unwrap().before, second.before);
        let refreshed = bed.gate.refresh(&second.refresh_token, request("10.0.0.7")).await.unwrap();
        assert_eq!(refreshed.before, second.before);
        let row = session::Entity::find().filter(session::Column::Id.eq(second.verified.session));
        let cell = row.one(bed.gate.engine()).await.unwrap().unwrap().previous_address.unwrap();
        assert!(!cell.windows(8).any(|part| part == b"10.0.0.1"));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn more_sessions_than_allowed_end_the_oldest() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        lay_down(&admin, json!({ "sessions": { "max_sessions": 2 } })).await;
        make_user(&admin, "wang@acme.test", "salesperson").await;
        let mut all = Vec::new();
        for _ in 0..4 {
            bed.wait(1);
            all.push(bed.sign_in("wang@acme.test", PASSWORD).await.unwrap());
        }
        for (at, signed_in) in all.iter().enumerate() {
            assert_eq!(bed.caller(signed_in.verified).await.is_ok(), at >= 2, "{at}");
        }
        // Two at once are no more than two.
        bed.wait(1);
        let (a, b) = tokio::join!(bed.sign_in("wang@acme.test", PASSWORD), bed.sign_in("wang@acme.test", PASSWORD));
        let caller = bed.caller(a.unwrap().verified).await.unwrap();
        b.unwrap();
        assert_eq!(sessions(&caller).await.unwrap().len(), 2);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_password_that_was_reset_is_chosen_anew() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = make_user(&admin, "wang@acme.test", "salesperson").await;
        lay_down(&admin, json!({ "passwords": { "history": 2, "change_after_reset": true } })).await;
        let admin = afresh(&bed, &admin).await;
        let signed_in = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let first = reset_password(&admin, id).await.unwrap();
        let link = reset_password(&admin, id).await.unwrap();
        assert!(!format!("{link:?}").contains(link.token.reveal()));
        assert_eq!(sign_in_failure(bed.caller(signed_in.verified).await.map(drop)), SignInFailure::SessionEnded);
        let old = bed.sign_in("wang@acme.test", PASSWORD).await;
        assert_eq!(sign_in_failure(old), SignInFailure::CredentialsWrong);
        let accept = async |token: &Password, new: &str| {
            crate::people::accept_invitation(&bed.gate, token.reveal(), password(new), request("10.0.0.1")).await
        };
        let replaced = accept(&first.token, "another horse battery").await;
        assert_eq!(findings(replaced), [("/token".to_owned(), "invitation_invalid")]);
        assert_eq!(findings(accept(&link.token, PASSWORD).await), [("/password".to_owned(), "password_reused")]);
        accept(&link.token, "another horse battery").await.unwrap();
        // The user chose it: nothing more is asked for.
        bed.sign_in("wang@acme.test", "another horse battery").await.unwrap();
        assert_eq!(bed.entries("user.password_reset").await, 2);
        let own = reset_password(&admin, admin.principal().user().unwrap()).await;
        assert_eq!(findings(own), [(String::new(), "password_own")]);
        assert!(matches!(reset_password(&admin, Uuid::from_u128(7)).await, Err(Failure::NotFound)));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_let_nobody_through() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let org = admin.org().id;
        bed.gate
            .write_raw(async move |db: &engine::Tx| {
                organisation::Entity::update_many()
                    .col_expr(organisation::Column::Settings, Expr::value(r#"{"passwords": {"colour": 1}}"#))
                    .col_expr(organisation::Column::State, Expr::value(1_000_000))
                    .filter(organisation::Column::Id.eq(org))
                    .exec(db)
                    .await?;
                Ok::<_, Failure>(())
            })
            .await
            .unwrap();
        bed.wait(1_000);
        let failed = bed.sign_in("admin@acme.test", PASSWORD).await.unwrap_err();
        assert!(matches!(failed, Failure::Internal(_)), "{failed}");
        bed.gate.close().await;
    })
    .await;
}
