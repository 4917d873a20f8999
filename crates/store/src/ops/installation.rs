//! The installation and its organisations: keys, first administrator.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::crypto::roots::{KeyRing, Purpose, new_root};
use crate::engine;
use crate::entities::{journal_head, organisation, tenant_key};
use crate::failure::Failure;
use crate::gate::Gate;
use crate::inserts::{self, Insert};
use crate::journal::anchor;
use crate::org::INSTALLATION;

/// Makes what an installation cannot be without: its own row and its roots. Of several servers that start at once one
/// does, the others find it done.
pub(crate) async fn prepare(gate: &Gate) -> Result<(), Failure> {
    let keys = tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(INSTALLATION)).one(gate.engine()).await?;
    if keys.is_some() {
        return complete(gate).await;
    }
    let row = row(INSTALLATION, "-", "-", gate.now());
    let roots = roots(gate, INSTALLATION)?;
    let ring = gate.unlock(INSTALLATION, &roots)?;
    let made = gate
        .write_raw(async move |db: &engine::Tx| {
            insert(db, row, roots, &ring).await?;
            anchor::sign_place(db, &ring).await.map(drop)
        })
        .await;
    match made {
        // Another server was faster.
        Err(Failure::Engine(engine::EngineError::Unique { .. })) => Ok(()),
        other => other,
    }
}

/// The row of an organisation as it begins.
pub(crate) fn row(id: Uuid, slug: &str, name: &str, now: DateTime<Utc>) -> organisation::Model {
    organisation::Model {
        id,
        slug: slug.to_owned(),
        name: name.to_owned(),
        locale: "zh-CN".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        currency: "CNY".to_owned(),
        region: "CN".to_owned(),
        created_at: now,
        state: 0,
        settings: "{}".to_owned(),
        version: 1,
        touched: "{}".to_owned(),
        settings_at: None,
    }
}

/// Fresh roots of an organisation, wrapped.
pub(crate) fn roots(gate: &Gate, org: Uuid) -> Result<Vec<tenant_key::Model>, Failure> {
    Purpose::ALL.into_iter().map(|purpose| root(gate, org, purpose)).collect()
}

fn root(gate: &Gate, org: Uuid, purpose: Purpose) -> Result<tenant_key::Model, Failure> {
    numbered_root(gate, org, purpose, 1)
}

/// A fresh root of that number, wrapped.
pub(crate) fn numbered_root(
    gate: &Gate,
    org: Uuid,
    purpose: Purpose,
    key_id: u32,
) -> Result<tenant_key::Model, Failure> {
    let root = new_root(gate.keys(), org, key_id, purpose).map_err(|error| Failure::Sealing(error.to_string()))?;
    Ok(tenant_key::Model {
        org_id: org,
        key_id: i64::from(root.key_id),
        purpose: root.purpose.as_str().to_owned(),
        state: root.state.as_str().to_owned(),
        kek_id: root.kek_id,
        wrapped: root.wrapped,
        created_at: gate.now(),
        sealed: 0,
    })
}

/// Organisations that were made before the journal had a chain get the root of its keys.
async fn complete(gate: &Gate) -> Result<(), Failure> {
    let chained = Query::select()
        .column(tenant_key::Column::OrgId)
        .from(tenant_key::Entity)
        .and_where(tenant_key::Column::Purpose.eq(Purpose::Chain.as_str()))
        .to_owned();
    let without = organisation::Entity::find().filter(organisation::Column::Id.not_in_subquery(chained));
    let without = without.all(gate.engine()).await?;
    if without.is_empty() {
        return Ok(());
    }
    let mut chains = Vec::new();
    for org in &without {
        let root = root(gate, org.id, Purpose::Chain)?;
        let mut roots =
            tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(org.id)).all(gate.engine()).await?;
        roots.push(root.clone());
        chains.push((gate.unlock(org.id, &roots)?, root));
    }
    let made = gate.write_raw(async move |db: &engine::Tx| {
        let (mut roots, mut heads) = (Vec::new(), Vec::new());
        let installation = chains.iter().find(|(ring, _)| ring.org() == INSTALLATION);
        let begins = match installation {
            Some((ring, _)) => anchor::sign_place(db, ring).await?,
            None => 0,
        };
        for (ring, root) in chains {
            heads.push(anchor::first(&ring, begins).into_active_model());
            roots.push(root.into_active_model());
        }
        let (roots, heads) =
            (Insert::of::<tenant_key::ActiveModel>(roots), Insert::of::<journal_head::ActiveModel>(heads));
        inserts::write(db, vec![roots, heads]).await
    });
    match made.await {
        // Another server was faster.
        Err(Failure::Engine(engine::EngineError::Unique { .. })) => Ok(()),
        other => other,
    }
}

/// Writes an organisation with its roots, and the beginning of its chain.
pub(crate) async fn insert(
    db: &engine::Tx,
    row: organisation::Model,
    roots: Vec<tenant_key::Model>,
    ring: &KeyRing,
) -> Result<(), Failure> {
    organisation::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    let roots = roots.into_iter().map(IntoActiveModel::into_active_model);
    let roots = Insert::of::<tenant_key::ActiveModel>(roots.collect());
    let head = Insert::of::<journal_head::ActiveModel>(vec![anchor::first(ring, 0).into_active_model()]);
    inserts::write(db, vec![roots, head]).await
}
