use serde_json::json;

use super::bed::{Bed, PASSWORD, findings, json_of, make_user, on_both, request, sign_in_failure};
use crate::failure::{Failure, SignInFailure};
use crate::machine::{Idempotency, WriteOptions};
use crate::people::{ChangePassword, Password, accept_invitation, change_password, create_user, update_user};

fn password(text: &str) -> Password {
    Password::from(text.to_owned())
}

#[tokio::test]
async fn without_a_password_a_user_is_invited_once() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let body = json!({ "name": "王芳", "email": "wang@acme.test", "role": "salesperson" });
        let idempotency = Some(Idempotency { key: "0123456789abcdef".to_owned(), fingerprint: [7; 32] });
        let options = WriteOptions { idempotency, ..WriteOptions::default() };
        let written = create_user(&admin, body.clone(), &options).await.unwrap();
        let token = json_of(&written)["invitation"]["token"].as_str().unwrap().to_owned();
        assert_eq!(json_of(&written)["invitation"]["expires_at"], "2026-11-29T00:00:00.000Z");
        // Shown once: not again under the same key.
        let again = create_user(&admin, body.clone(), &options).await.unwrap();
        assert!(again.replayed && json_of(&again).get("invitation").is_none());
        assert_eq!(again.answer.id, written.answer.id);
        let other = Some(Idempotency { key: "0123456789abcdef".to_owned(), fingerprint: [8; 32] });
        let other = WriteOptions { idempotency: other, ..WriteOptions::default() };
        assert!(matches!(create_user(&admin, body, &other).await, Err(Failure::KeyReused)));

        let wrong = SignInFailure::CredentialsWrong;
        assert_eq!(sign_in_failure(bed.sign_in("wang@acme.test", PASSWORD).await), wrong);
        let accept = |token: String, text: &str| {
            let (gate, text) = (bed.gate.clone(), password(text));
            async move { accept_invitation(&gate, &token, text, request("10.0.0.1")).await }
        };
        let name = accept(token.clone(), "wang@acme.test").await;
        assert_eq!(findings(name), [("/password".to_owned(), "password_is_name")]);
        let bent = token.replace("inv_", "sk_");
        assert_eq!(findings(accept(bent, PASSWORD).await), [("/token".to_owned(), "invitation_invalid")]);
        let (a, b) = tokio::join!(accept(token.clone(), PASSWORD), accept(token.clone(), PASSWORD));
        assert!(a.is_ok() != b.is_ok());
        assert_eq!(findings(accept(token, PASSWORD).await), [("/token".to_owned(), "invitation_invalid")]);
        bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_invitation_ends_with_its_week_or_with_another_password() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let invited = async |user_name: &str| {
            let body = json!({ "name": "王芳", "user_name": user_name, "role": "manager" });
            let written = create_user(&admin, body, &WriteOptions::default()).await.unwrap();
            (written.answer.id.unwrap(), json_of(&written)["invitation"]["token"].as_str().unwrap().to_owned())
        };
        let (late, late_token) = invited("late").await;
        let (_, set_token) = invited("other").await;
        let body = json!({ "password": PASSWORD });
        update_user(&admin, late, body, &WriteOptions::default()).await.unwrap();
        let refused = accept_invitation(&bed.gate, &late_token, password("another one"), request("::1")).await;
        assert_eq!(findings(refused), [("/token".to_owned(), "invitation_invalid")]);
        bed.sign_in("late", PASSWORD).await.unwrap();
        bed.wait(7 * 86_400_000);
        let refused = accept_invitation(&bed.gate, &set_token, password(PASSWORD), request("::1")).await;
        assert_eq!(findings(refused), [("/token".to_owned(), "invitation_invalid")]);
        assert_eq!(bed.gate.sweep().await.unwrap().invitations, 1);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn every_flaw_of_a_new_user_is_found_at_once() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let options = WriteOptions::default();
        let create = |body| create_user(&admin, body, &options);
        let mut found = findings(create(json!({ "email": "a@acme.test", "role": "Boss!", "password": 7 })).await);
        found.sort();
        let expected = [("/name", "required"), ("/password", "type_wrong"), ("/role", "role_key_invalid")];
        assert_eq!(found, expected.map(|(place, code)| (place.to_owned(), code)));
        let named = json!({ "name": "王芳", "email": "wangfang@acme.test", "role": "manager", "password": "WangFang" });
        assert_eq!(findings(create(named).await), [("/password".to_owned(), "password_is_name")]);
        make_user(&admin, "wang@acme.test", "manager").await;
        let taken = json!({ "name": "王芳", "email": "Wang@acme.test", "role": "manager" });
        assert_eq!(findings(create(taken).await), [("/email".to_owned(), "login_taken")]);
        let wang = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let wang = bed.caller(wang.verified).await.unwrap();
        let body = json!({ "name": "李", "user_name": "li", "role": "manager" });
        assert!(matches!(create_user(&wang, body, &WriteOptions::default()).await, Err(Failure::Forbidden)));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = make_user(&admin, "wang@acme.test", "salesperson").await;
        let other = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let own = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        bed.caller(other.verified).await.unwrap();
        let wang = bed.caller(own.verified).await.unwrap();
        let change = |old: &str, new: &str| {
            change_password(&wang, ChangePassword { old: password(old), new: password(new), throttled: true })
        };
        let wrong = change("wrong password", "a new password").await;
        assert_eq!(findings(wrong), [("/old_password".to_owned(), "password_wrong")]);
        let common = change(PASSWORD, "12345678").await;
        assert_eq!(findings(common), [("/new_password".to_owned(), "password_common")]);
        change(PASSWORD, "a new password").await.unwrap();
        bed.caller(own.verified).await.unwrap();
        let ended = SignInFailure::SessionEnded;
        assert_eq!(sign_in_failure(bed.caller(other.verified).await.map(drop)), ended);
        let old = bed.sign_in("wang@acme.test", PASSWORD).await;
        assert_eq!(sign_in_failure(old), SignInFailure::CredentialsWrong);

        // An administrator sets another one: every session ends.
        let version = json_of(
            &update_user(&admin, id, json!({ "password": PASSWORD, "name": "王方" }), &WriteOptions::default())
                .await
                .unwrap(),
        )["version"]
            .clone();
        assert_eq!(version, 2);
        assert_eq!(sign_in_failure(bed.caller(own.verified).await.map(drop)), ended);
        bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let null = update_user(&admin, id, json!({ "password": null }), &WriteOptions::default()).await;
        assert_eq!(findings(null), [("/password".to_owned(), "type_wrong")]);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_down() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let guess = || {
            let (old, new) = (password("wrong password"), password("a new password"));
            change_password(&admin, ChangePassword { old, new, throttled: true })
        };
        for _ in 0..10 {
            assert_eq!(findings(guess().await), [("/old_password".to_owned(), "password_wrong")]);
        }
        assert_eq!(sign_in_failure(guess().await), SignInFailure::Throttled(900));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let own = admin.principal().user().unwrap();
        let options = WriteOptions::default();
        let patch = |body| update_user(&admin, own, body, &options);
        let demoted = patch(json!({ "role": "manager" })).await;
        assert_eq!(findings(demoted), [("/role".to_owned(), "last_administrator")]);
        let disabled = patch(json!({ "disabled": true })).await;
        assert_eq!(findings(disabled), [("/disabled".to_owned(), "last_administrator")]);

        // Two that demote each other at once, on two servers: one stays.
        let second = make_user(&admin, "two@acme.test", "administrator").await;
        let server = bed.second().await;
        let two = bed.sign_in("two@acme.test", PASSWORD).await.unwrap();
        let two = server.user(two.verified, request("10.0.0.1")).await.unwrap();
        let (a, b) = tokio::join!(
            update_user(&admin, second, json!({ "role": "manager" }), &options),
            update_user(&two, own, json!({ "role": "manager" }), &options),
        );
        assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
        server.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_role_counts_at_once() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = make_user(&admin, "wang@acme.test", "administrator").await;
        let wang = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let caller = bed.caller(wang.verified).await.unwrap();
        make_user(&caller, "li@acme.test", "manager").await;
        update_user(&admin, id, json!({ "role": "salesperson" }), &WriteOptions::default()).await.unwrap();
        let caller = bed.caller(wang.verified).await.unwrap();
        let body = json!({ "name": "李", "user_name": "li", "role": "manager" });
        assert!(matches!(create_user(&caller, body, &WriteOptions::default()).await, Err(Failure::Forbidden)));
        bed.gate.close().await;
    })
    .await;
}
