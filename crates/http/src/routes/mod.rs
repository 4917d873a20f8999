//! Every address of the API, by area, and the bodies that its handlers read and write.

use actix_web::web::ServiceConfig;

mod api_keys;
mod attachments;
mod audit;
mod auth;
mod bulk;
mod erasure;
mod external;
pub mod external_types;
mod fields;
pub(crate) mod forms;
mod identity_providers;
mod jobs;
pub mod key_types;
mod keyed;
mod leaving;
mod me;
mod members;
mod operations;
mod organisation;
mod outcomes;
mod records;
mod reviews;
mod rights;
mod schema;
pub(crate) mod second_factor;
mod segments;
mod tags;
mod tickets;
pub mod told;
pub mod types;
mod user_sessions;
mod validation;
mod vocabularies;
mod warnings;

/// Registers the handlers, each address as one `web::resource` with all its methods: only so is a wrong method a 405.
pub(crate) fn configure(app: &mut ServiceConfig) {
    crate::openapi::configure(app);
    auth::configure(app);
    me::configure(app);
    second_factor::configure(app);
    external::configure(app);
    identity_providers::configure(app);
    api_keys::configure(app);
    tickets::configure(app);
    user_sessions::configure(app);
    forms::configure(app);
    audit::configure(app);
    jobs::configure(app);
    bulk::configure_jobs(app);
    operations::configure(app);
    organisation::configure(app);
    rights::configure(app);
    schema::configure(app);
    reviews::configure(app);
    leaving::configure(app);
    attachments::configure(app);
    fields::configure(app);
    tags::configure(app);
    segments::configure(app);
    vocabularies::configure(app);
    records::configure(app);
}
