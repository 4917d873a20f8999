//! Company sign-in where the provider changes while somebody signs in.

use kehu_domain::identity_provider::IdentityProvider;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use super::bed::{Bed, make_user, on_both, request};
use crate::entities::session;
use crate::failure::ExternalFailure;
use crate::gate::Caller;
use crate::people::{
    Client, ExternalPerson, Taken, Wanted, create_identity_provider, delete_identity_provider, update_identity_provider,
};

fn provider(more: &Value) -> IdentityProvider {
    let mut body = json!({
        "name": "公司登录", "issuer": "https://id.example.com", "client_id": "kehu",
        "redirect_uris": ["https://crm.example.com/back"],
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    IdentityProvider::parse(body).unwrap()
}

/// A sign-in of which the code has come back.
async fn taken(bed: &Bed, admin: &Caller) -> Taken {
    let slug = &admin.org().slug;
    let connection = bed.gate.external_provider(slug, None, request("10.0.0.2")).await.unwrap();
    let wanted = Wanted { redirect_uri: None, client: Client::Web, device_name: None };
    let begun = bed.gate.begin_external(&connection, wanted, request("10.0.0.2")).await.unwrap();
    let (state, proof) = (begun.state.reveal(), begun.proof.reveal());
    bed.gate.take_external(state, Some(proof), request("10.0.0.2")).await.unwrap()
}

#[tokio::test]
async fn a_provider_that_changed_meanwhile_lets_nobody_in() {
    on_both(|bed: Bed| async move {
        let admin = bed.administrator().await;
        make_user(&admin, "li@acme.test", "salesperson").await;
        let made = create_identity_provider(&admin, provider(&json!({})), None).await.unwrap();
        let person = ExternalPerson {
            subject: "s-1".to_owned(),
            email: Some("li@acme.test".to_owned()),
            name: None,
            groups: Vec::new(),
        };
        let known = taken(&bed, &admin).await;
        bed.gate.sign_in_external(&known, &person, request("10.0.0.2")).await.unwrap();
        let sessions = session::Entity::find().count(bed.gate.engine()).await.unwrap();
        let unknown = ExternalFailure::StateUnknown.failure().to_string();
        let mut version = made.version;
        for change in [json!({"issuer": "https://id.example.org"}), json!({}), json!({"enabled": false})] {
            let under_way = taken(&bed, &admin).await;
            let changed = update_identity_provider(&admin, (made.id, version), provider(&change), None).await.unwrap();
            version = changed.version;
            let refused = bed.gate.sign_in_external(&under_way, &person, request("10.0.0.2")).await;
            assert_eq!(refused.err().unwrap().to_string(), unknown, "{change}");
        }
        let enabled = provider(&json!({}));
        update_identity_provider(&admin, (made.id, version), enabled, None).await.unwrap();
        let under_way = taken(&bed, &admin).await;
        delete_identity_provider(&admin, made.id).await.unwrap();
        let refused = bed.gate.sign_in_external(&under_way, &person, request("10.0.0.2")).await;
        assert_eq!(refused.err().unwrap().to_string(), unknown);
        assert_eq!(session::Entity::find().count(bed.gate.engine()).await.unwrap(), sessions);
        bed.gate.close().await;
    })
    .await;
}
