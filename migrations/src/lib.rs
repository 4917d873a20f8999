//! Schema of both engines. One file per change; a change that was released is never edited, a later one mends it.

mod base;
mod m2026_11_22_000001_installation;
mod m2026_11_22_000002_people;
mod m2026_11_22_000003_records;
mod m2026_11_22_000004_support;
mod m2026_11_22_000005_intake;
mod m2026_11_22_000006_invitations;
mod m2026_11_26_000007_index_by_bucket;
mod m2026_11_26_000008_journal;
mod m2026_11_26_000009_jobs;
mod m2026_11_26_000010_keys;
mod m2026_11_26_000011_identity;
mod m2026_11_26_000012_erasures;
mod m2026_11_26_000013_settings;
mod m2026_11_26_000014_api_keys;
mod m2026_11_26_000015_second_factor;
mod m2026_11_26_000016_identities;
mod m2026_11_26_000017_policies;
mod m2026_11_26_000018_rights;
mod m2026_11_26_000019_reviews;
mod m2026_11_26_000020_custom_fields;
mod m2026_11_26_000021_standard_fields;
mod m2026_11_26_000022_notes;
mod m2026_11_26_000023_entry_rules;
mod m2026_11_26_000024_attachments;
mod m2026_11_26_000025_retired_numbers;
mod m2026_11_26_000027_lists;
mod m2026_11_26_000028_segments;
mod m2026_11_26_000029_documents;
mod m2026_11_26_000030_external_ids;
mod m2026_11_26_000031_bulk_changes;
mod m2026_11_27_000032_links_of_fields;
mod m2026_11_27_000033_deleted;
mod m2026_11_27_000034_lists_by_part;

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Every change, in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m2026_11_22_000001_installation::Migration),
            Box::new(m2026_11_22_000002_people::Migration),
            Box::new(m2026_11_22_000003_records::Migration),
            Box::new(m2026_11_22_000004_support::Migration),
            Box::new(m2026_11_22_000005_intake::Migration),
            Box::new(m2026_11_22_000006_invitations::Migration),
            Box::new(m2026_11_26_000007_index_by_bucket::Migration),
            Box::new(m2026_11_26_000008_journal::Migration),
            Box::new(m2026_11_26_000009_jobs::Migration),
            Box::new(m2026_11_26_000010_keys::Migration),
            Box::new(m2026_11_26_000011_identity::Migration),
            Box::new(m2026_11_26_000012_erasures::Migration),
            Box::new(m2026_11_26_000013_settings::Migration),
            Box::new(m2026_11_26_000014_api_keys::Migration),
            Box::new(m2026_11_26_000015_second_factor::Migration),
            Box::new(m2026_11_26_000016_identities::Migration),
            Box::new(m2026_11_26_000017_policies::Migration),
            Box::new(m2026_11_26_000018_rights::Migration),
            Box::new(m2026_11_26_000019_reviews::Migration),
            Box::new(m2026_11_26_000020_custom_fields::Migration),
            Box::new(m2026_11_26_000021_standard_fields::Migration),
            Box::new(m2026_11_26_000022_notes::Migration),
            Box::new(m2026_11_26_000023_entry_rules::Migration),
            Box::new(m2026_11_26_000024_attachments::Migration),
            Box::new(m2026_11_26_000025_retired_numbers::Migration),
            Box::new(m2026_11_26_000027_lists::Migration),
            Box::new(m2026_11_26_000028_segments::Migration),
            Box::new(m2026_11_26_000029_documents::Migration),
            Box::new(m2026_11_26_000030_external_ids::Migration),
            Box::new(m2026_11_26_000031_bulk_changes::Migration),
            Box::new(m2026_11_27_000032_links_of_fields::Migration),
            Box::new(m2026_11_27_000033_deleted::Migration),
            Box::new(m2026_11_27_000034_lists_by_part::Migration),
        ]
    }
}
