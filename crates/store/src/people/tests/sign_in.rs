use kehu_domain::settings::LockPolicy;
use sea_orm::EntityTrait;
use serde_json::json;

use super::bed::{Bed, PASSWORD, make_user, on_both, request, said, sign_in_failure};
use crate::engine;
use crate::entities::{login_failure, user};
use crate::failure::SignInFailure;
use crate::machine::WriteOptions;
use crate::org::INSTALLATION;
use crate::people::{Client, NewOrg, Password, SignIn, end_session, locks, me, sessions, update_user};
use crate::settings;

#[tokio::test]
async fn a_name_nobody_has_and_a_wrong_password_are_answered_alike() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        for (login, password) in [("admin@acme.test", "wrong password"), ("nobody@acme.test", PASSWORD), ("", "")] {
            assert_eq!(sign_in_failure(bed.sign_in(login, password).await), SignInFailure::CredentialsWrong);
        }
        assert_eq!(bed.entries("sign_in.failed").await, 1);
        let signed_in = bed.sign_in("Admin@ACME.test", PASSWORD).await.unwrap();
        assert_eq!(bed.entries("sign_in.succeeded").await, 1);
        let caller = bed.caller(signed_in.verified).await.unwrap();
        let me = me(&caller).await.unwrap();
        let (user, session) = (me.user.unwrap(), me.session.unwrap());
        assert_eq!(user.base.version, 1);
        assert_eq!(user.data.last_login_at.unwrap().time(), bed.gate.now());
        assert_eq!((session.id, session.current), (signed_in.verified.session, true));
        assert!(!format!("{signed_in:?}").contains(signed_in.refresh_token.as_str()));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn ten_failures_of_a_pair_are_enough_for_a_while() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        for _ in 0..9 {
            bed.sign_in("admin@acme.test", "wrong password").await.unwrap_err();
        }
        // A success forgets them.
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        bed.wait(60_000);
        for _ in 0..10 {
            let failure = sign_in_failure(bed.sign_in("admin@acme.test", "wrong password").await);
            assert_eq!(failure, SignInFailure::CredentialsWrong);
        }
        bed.wait(10_000);
        let throttled = SignInFailure::Throttled(890);
        assert_eq!(sign_in_failure(bed.sign_in("Admin@acme.test ", PASSWORD).await), throttled);
        let second = bed.second().await;
        let elsewhere = second.sign_in(said("admin@acme.test", PASSWORD), request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(elsewhere), throttled);
        // Strangers lock nobody out: another address is another pair; and it can be switched off.
        bed.gate.sign_in(said("admin@acme.test", PASSWORD), request("10.0.0.2")).await.unwrap();
        let off = SignIn { throttled: false, ..said("admin@acme.test", "wrong password") };
        let failure = sign_in_failure(bed.gate.sign_in(off, request("10.0.0.1")).await);
        assert_eq!(failure, SignInFailure::CredentialsWrong);
        bed.wait(890_001);
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_first_that_is_turned_away_is_told() {
    on_both(|bed: Bed| async move {
        let org = bed.administrator().await.org().id;
        let event = "sign_in.turned_away";
        for login in ["admin@acme.test", "nobody@acme.test"] {
            for _ in 0..10 {
                bed.sign_in(login, "wrong password").await.unwrap_err();
            }
        }
        assert_eq!(bed.entries(event).await, 0);
        for login in ["admin@acme.test", "nobody@acme.test"] {
            for _ in 0..3 {
                bed.sign_in(login, PASSWORD).await.unwrap_err();
            }
        }
        assert_eq!(bed.organisations_told(event).await, [org, INSTALLATION]);
        // Once for these failures, and once for others.
        bed.wait(900_001);
        for _ in 0..12 {
            bed.sign_in("admin@acme.test", "wrong password").await.unwrap_err();
        }
        assert_eq!(bed.organisations_told(event).await, [org, INSTALLATION, org]);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_address_as_a_whole_is_refused_after_hundreds() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        let address = "2001:db8:1:2::1";
        let wrong = bed.gate.sign_in(said("admin@acme.test", "wrong password"), request(address)).await;
        assert_eq!(sign_in_failure(wrong), SignInFailure::CredentialsWrong);
        let [one] = &login_failure::Entity::find().all(bed.gate.engine()).await.unwrap()[..] else { panic!() };
        let address_hash = one.address.clone();
        let since = one.since;
        bed.gate
            .write_raw(async move |db: &crate::engine::Tx| {
                let row = |n: u8| login_failure::ActiveModel {
                    account: sea_orm::ActiveValue::Set(vec![n; 8]),
                    address: sea_orm::ActiveValue::Set(address_hash.clone()),
                    failures: sea_orm::ActiveValue::Set(9),
                    since: sea_orm::ActiveValue::Set(since),
                };
                let rows: Vec<_> = (1..=34).map(row).collect();
                crate::inserts::write(db, vec![crate::inserts::Insert::of::<login_failure::ActiveModel>(rows)]).await
            })
            .await
            .unwrap();
        let same_network = request("2001:db8:1:2:ffff::9");
        let refused = bed.gate.sign_in(said("other@acme.test", PASSWORD), same_network).await;
        assert_eq!(sign_in_failure(refused), SignInFailure::Throttled(900));
        // One entry for all names.
        bed.gate.sign_in(said("admin@acme.test", PASSWORD), request(address)).await.unwrap_err();
        assert_eq!(bed.organisations_told("sign_in.turned_away").await, [INSTALLATION]);
        bed.gate.sign_in(said("admin@acme.test", PASSWORD), request("2001:db8:1:3::1")).await.unwrap();
        bed.wait(900_000);
        assert_eq!(bed.gate.sweep().await.unwrap().sign_in_failures, 35);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_disabled_account_is_told_only_to_who_knows_the_password() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let id = make_user(&admin, "wang@acme.test", "salesperson").await;
        let signed_in = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        bed.caller(signed_in.verified).await.unwrap();
        update_user(&admin, id, json!({ "disabled": true }), &WriteOptions::default()).await.unwrap();
        let disabled = SignInFailure::AccountDisabled;
        assert_eq!(sign_in_failure(bed.caller(signed_in.verified).await.map(drop)), disabled);
        assert_eq!(sign_in_failure(bed.sign_in("wang@acme.test", PASSWORD).await), disabled);
        let wrong = sign_in_failure(bed.sign_in("wang@acme.test", "wrong password").await);
        assert_eq!(wrong, SignInFailure::CredentialsWrong);
        let refreshed = bed.gate.refresh(&signed_in.refresh_token, request("10.0.0.1")).await;
        assert_eq!(sign_in_failure(refreshed), disabled);
        // Enabled again, the old session stays ended.
        update_user(&admin, id, json!({ "disabled": false }), &WriteOptions::default()).await.unwrap();
        let ended = sign_in_failure(bed.caller(signed_in.verified).await.map(drop));
        assert_eq!(ended, SignInFailure::SessionEnded);
        bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_weak_hash_is_replaced_at_the_next_sign_in() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        let weak = argon2::Params::new(8192, 1, 1, None).unwrap();
        let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, weak);
        let weak = argon2::PasswordHasher::hash_password(&weak, PASSWORD.as_bytes()).unwrap().to_string();
        bed.gate
            .write_raw(async move |db: &crate::engine::Tx| {
                let update = user::Entity::update_many();
                let value = sea_orm::sea_query::Expr::value(weak);
                update.col_expr(user::Column::PasswordHash, value).exec(db).await?;
                Ok(())
            })
            .await
            .unwrap();
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        let row = user::Entity::find().one(bed.gate.engine()).await.unwrap().unwrap();
        assert!(!crate::crypto::password::needs_rehash(&row.password_hash.unwrap()));
        bed.sign_in("admin@acme.test", PASSWORD).await.unwrap();
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_user_alone() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        make_user(&admin, "wang@acme.test", "salesperson").await;
        let phone =
            SignIn {
                client: Client::Mobile, device_name: Some("手机".to_owned()), ..said("wang@acme.test", PASSWORD)
            };
        let phone = bed.gate.sign_in(phone, request("10.0.0.1")).await.unwrap();
        bed.wait(1000);
        let web = bed.sign_in("wang@acme.test", PASSWORD).await.unwrap();
        let wang = bed.caller(web.verified).await.unwrap();
        let listed = sessions(&wang).await.unwrap();
        let shown: Vec<_> = listed.iter().map(|one| (one.id, one.client.as_str(), one.current)).collect();
        assert_eq!(shown, [(web.verified.session, "web", true), (phone.verified.session, "mobile", false)]);
        assert_eq!(listed[1].device_name.as_deref(), Some("手机"));
        assert!(end_session(&admin, phone.verified.session).await.is_err());
        bed.caller(phone.verified).await.unwrap();
        end_session(&wang, phone.verified.session).await.unwrap();
        let ended = SignInFailure::SessionEnded;
        assert_eq!(sign_in_failure(bed.caller(phone.verified).await.map(drop)), ended);
        assert!(end_session(&wang, phone.verified.session).await.is_err());

        bed.gate.sign_out(web.verified, request("10.0.0.1")).await.unwrap();
        bed.gate.sign_out(web.verified, request("10.0.0.1")).await.unwrap();
        assert_eq!(sign_in_failure(bed.caller(web.verified).await.map(drop)), ended);
        assert_eq!(bed.entries("session.ended").await, 2);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_by_itself_and_is_swept_later() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let verified = match admin.principal() {
            crate::Principal::User { id, session } => crate::Verified { org: admin.org().id, user: id, session },
            _ => panic!(),
        };
        bed.wait(12 * 3_600_000 - 1);
        bed.caller(verified).await.unwrap();
        bed.wait(1);
        assert_eq!(sign_in_failure(bed.caller(verified).await.map(drop)), SignInFailure::SessionEnded);
        bed.wait(30 * 86_400_000);
        assert_eq!(bed.gate.sweep().await.unwrap().sessions, 0);
        bed.wait(1);
        assert_eq!(bed.gate.sweep().await.unwrap().sessions, 1);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_told_where_it_is_plain_who_is_meant() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        let wrong = SignInFailure::CredentialsWrong;
        assert_eq!(sign_in_failure(bed.sign_in("admin@acme.test", "wrong").await), wrong);
        assert_eq!(bed.entries("sign_in.failed").await, 1);
        let other = NewOrg {
            slug: "other".to_owned(),
            name: "乙公司".to_owned(),
            admin_email: "admin@acme.test".to_owned(),
            admin_password: Some(Password::from(PASSWORD.to_owned())),
        };
        bed.gate.create_org(other).await.unwrap();
        assert_eq!(sign_in_failure(bed.sign_in("admin@acme.test", "wrong").await), wrong);
        assert_eq!(bed.entries("sign_in.failed").await, 1, "nobody knows which one was meant");
        let named = SignIn { organisation: Some("other".to_owned()), ..said("admin@acme.test", "wrong") };
        assert_eq!(sign_in_failure(bed.gate.sign_in(named, request("10.0.0.1")).await), wrong);
        assert_eq!(bed.entries("sign_in.failed").await, 2);
        // Whoever guesses on is told to the installation.
        for _ in 0..9 {
            assert_eq!(bed.entries("sign_in.shared_name").await, 0);
            let off = SignIn { throttled: false, ..said("admin@acme.test", "wrong") };
            bed.gate.sign_in(off, request("10.0.0.1")).await.unwrap_err();
        }
        assert_eq!(bed.organisations_told("sign_in.shared_name").await, [INSTALLATION]);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lock_holds_for_who_waits_for_a_turn() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        let lock = json!({ "settings": { "passwords": { "lock": { "failures": 3, "minutes": 10 } } } });
        settings::change(&admin, lock, None).await.unwrap();
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let mut turns = Vec::new();
        for _ in 0..threads {
            turns.push(bed.gate.hashing().turn().await.unwrap());
        }
        let waits = bed.gate.sign_in(said("admin@acme.test", PASSWORD), request("10.0.0.2"));
        let meanwhile = async {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            let (org, user, now) = (admin.org().id, admin.principal().user().unwrap(), bed.gate.now());
            let policy = Some(LockPolicy { failures: 3, minutes: 10 });
            for _ in 0..3 {
                let count = async move |db: &engine::Tx| locks::count(db, (org, user), policy, now).await;
                bed.gate.write_raw(count).await.unwrap();
            }
            drop(turns);
        };
        let (waited, ()) = tokio::join!(waits, meanwhile);
        assert_eq!(sign_in_failure(waited), SignInFailure::CredentialsWrong);
        bed.gate.close().await;
    })
    .await;
}
