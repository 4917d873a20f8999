use super::bed::{Bed, PASSWORD, findings, on_both, said, sign_in_failure};
use crate::failure::{Failure, SignInFailure};
use crate::people::{FirstAdmin, NewOrg, Password, Replace, me};

fn org(slug: &str) -> NewOrg {
    NewOrg {
        slug: slug.to_owned(),
        name: "甲公司".to_owned(),
        admin_email: "admin@acme.test".to_owned(),
        admin_password: Some(Password::from(PASSWORD.to_owned())),
    }
}

#[tokio::test]
async fn the_first_start_makes_one_organisation_once() {
    on_both(|bed: Bed| async move {
        let founded = bed.gate.first_start(FirstAdmin::default()).await.unwrap().unwrap();
        assert_eq!((founded.slug.as_str(), founded.login.as_str()), ("main", "admin"));
        let password = founded.generated_password.unwrap();
        assert!(password.reveal().len() >= 20 && !format!("{password:?}").contains(password.reveal()));
        let signed_in = bed.sign_in("Admin", password.reveal()).await.unwrap();
        let caller = bed.caller(signed_in.verified).await.unwrap();
        assert_eq!((caller.org().name.as_str(), caller.org().slug.as_str()), ("我的公司", "main"));
        assert_eq!(me(&caller).await.unwrap().user.unwrap().data.user_name.unwrap().as_str(), "admin");
        assert!(bed.gate.first_start(FirstAdmin::default()).await.unwrap().is_none());
        assert_eq!(bed.entries("organisation.created").await, 1);
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn of_servers_that_start_at_once_one_makes_it() {
    on_both(|bed: Bed| async move {
        let second = bed.second().await;
        let (a, b) =
            tokio::join!(bed.gate.first_start(FirstAdmin::default()), second.first_start(FirstAdmin::default()));
        assert_eq!([a.unwrap(), b.unwrap()].into_iter().flatten().count(), 1);
        assert_eq!(bed.entries("user.created").await, 1);
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_configured_wrong_is_told() {
    on_both(|bed: Bed| async move {
        let first = |email: &str, password: &str| FirstAdmin {
            org_name: None,
            email: Some(email.to_owned()),
            password: Some(Password::from(password.to_owned())),
        };
        let told = |wrong| async { findings(bed.gate.first_start(wrong).await) };
        assert_eq!(told(first("nonsense@@", PASSWORD)).await, [("/email".to_owned(), "email_invalid")]);
        assert_eq!(told(first("a@acme.test", "short")).await, [("/password".to_owned(), "password_too_short")]);
        let name = FirstAdmin { org_name: Some(" ".to_owned()), ..FirstAdmin::default() };
        assert_eq!(told(name).await, [("/name".to_owned(), "text_empty")]);
        for slug in ["", "a", "Acme", "1a", "a_b", "ab-", "公司", &"a".repeat(41)] {
            assert_eq!(
                findings(bed.gate.create_org(org(slug)).await),
                [("/slug".to_owned(), "slug_invalid")],
                "{slug}"
            );
        }
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_name_of_several_organisations_needs_one_named() {
    on_both(|bed: Bed| async move {
        bed.first().await;
        let acme = bed.gate.create_org(org("acme")).await.unwrap();
        assert_eq!(findings(bed.gate.create_org(org("acme")).await), [("/slug".to_owned(), "name_taken")]);
        let mut said = said("ADMIN@acme.test", PASSWORD);
        let sign_in = |said| bed.gate.sign_in(said, super::bed::request("10.0.0.1"));
        assert_eq!(sign_in_failure(sign_in(said.clone()).await), SignInFailure::OrganisationRequired);
        said.organisation = Some("nobody".to_owned());
        assert_eq!(sign_in_failure(sign_in(said.clone()).await), SignInFailure::CredentialsWrong);
        said.organisation = Some("acme".to_owned());
        let signed_in = sign_in(said).await.unwrap();
        assert_eq!(signed_in.verified.org, acme.id);
        // Somebody of one organisation is nobody in another.
        let main = bed.gate.sign_in(
            crate::people::SignIn {
                organisation: Some("main".to_owned()),
                ..super::bed::said("admin@acme.test", PASSWORD)
            },
            super::bed::request("10.0.0.1"),
        );
        let main = main.await.unwrap().verified;
        let crossed = crate::Verified { org: main.org, ..signed_in.verified };
        assert!(matches!(bed.caller(crossed).await.map(drop), Err(Failure::SignIn(SignInFailure::SessionEnded))));
        bed.gate.close().await;
    })
    .await;
}

#[tokio::test]
async fn signing_keys_open_for_every_server() {
    on_both(|bed: Bed| async move {
        assert!(bed.gate.signing_keys().await.unwrap().is_empty());
        bed.gate.add_signing_key(b"private one", b"public one", Replace::Soon, "system").await.unwrap();
        bed.wait(1);
        let second = bed.second().await;
        second.add_signing_key(b"private two", b"public two", Replace::Soon, "system").await.unwrap();
        let keys = bed.gate.signing_keys().await.unwrap();
        let shown: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (&key.private[..], &key.public[..])).collect();
        assert_eq!(shown, [(&b"private two"[..], &b"public two"[..]), (&b"private one"[..], &b"public one"[..])]);
        // What several servers find due at once is made once.
        for (gate, now) in [(&bed.gate, 0), (&second, 0), (&bed.gate, 90), (&second, 90)] {
            bed.wait(now * 86_400_000 / 2);
            let _ = gate.add_signing_key(b"due", b"due", Replace::WhenDue, "system").await.unwrap();
        }
        let living = |keys: Vec<crate::people::SigningKey>| keys.iter().filter(|key| key.retired_at.is_none()).count();
        assert_eq!(living(bed.gate.signing_keys().await.unwrap()), 3);
        // The sweep retires what is outlived, and a key that is not secret retires all before its successor.
        bed.wait(3_600_000);
        assert_eq!(bed.gate.sweep().await.unwrap().signing_keys, 2);
        assert_eq!(bed.gate.sweep().await.unwrap().signing_keys, 0);
        bed.gate.add_signing_key(b"new", b"new", Replace::AtOnce, "command").await.unwrap();
        let keys = bed.gate.signing_keys().await.unwrap();
        assert_eq!((keys[0].public.as_slice(), keys.len()), (&b"new"[..], 4));
        assert_eq!(living(keys), 1);
        second.close().await;
        bed.gate.close().await;
    })
    .await;
}
