//! The queue of jobs, and when schedules fired.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        jobs(&schema).await?;
        let schedules = schema.table("schedules").text("name").time("period").key(&["name"]);
        schema.create(schedules).await
    }
}

async fn jobs(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let jobs = schema
        .table("jobs")
        .id("org_id")
        .id("id")
        .text("kind")
        .int("version")
        .bytes("payload")
        .text("state")
        .int("priority")
        .time("created_at")
        .time("run_at")
        .time_or_null("started_at")
        .time_or_null("finished_at")
        .int("attempts")
        .int("max_attempts")
        .id_or_null("lease")
        .time_or_null("lease_until")
        .flag("cancel_asked")
        .int_or_null("progress_done")
        .int_or_null("progress_total")
        .bytes_or_null("checkpoint")
        .bytes_or_null("result")
        .text_or_null("failure")
        .bytes_or_null("detail")
        .text_or_null("unique_key")
        .id_or_null("created_by")
        .text("request_id")
        .time_or_null("expires_at")
        .key(&["org_id", "id"]);
    schema.create(jobs).await?;
    // What is due, by organisation, kind and priority: jobs that a server does not know are passed over as a whole.
    schema.index("jobs_due", "jobs", "org_id, kind, version, priority, run_at, id", Some("state = 'queued'")).await?;
    // The oldest of all. Over an expression, so that PostgreSQL does not take it for the one above.
    let queued = "(CASE WHEN state = 'queued' THEN run_at END)";
    schema.index("jobs_oldest", "jobs", queued, Some(&format!("{queued} IS NOT NULL"))).await?;
    // What waits since a moment that is yet to come: the clock ran ahead.
    let noted = "(CASE WHEN state = 'queued' THEN COALESCE(started_at, created_at) END)";
    schema.index("jobs_ahead", "jobs", noted, Some(&format!("{noted} IS NOT NULL"))).await?;
    // Few: as many as there are slots.
    schema.index("jobs_running", "jobs", "lease_until, org_id", Some("state = 'running'")).await?;
    schema.index("jobs_dead", "jobs", "id", Some("state = 'dead'")).await?;
    schema.index("jobs_expiry", "jobs", "expires_at", Some("expires_at IS NOT NULL")).await?;
    // Lists, the newest first: ids rise with time.
    schema.index("jobs_by_state", "jobs", "org_id, state, id", None).await?;
    schema.index("jobs_by_kind", "jobs", "org_id, kind, id", None).await?;
    schema.index("jobs_by_user", "jobs", "org_id, created_by, id", Some("created_by IS NOT NULL")).await?;
    let living = Some("unique_key IS NOT NULL AND state IN ('queued', 'running')");
    schema.unique("jobs_unique", "jobs", "org_id, unique_key", living).await
}
