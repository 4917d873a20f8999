//! Every address of the API, by area, and the bodies that its handlers read and write.

use actix_web::web::ServiceConfig;

mod audit;
mod auth;
mod erasure;
pub(crate) mod forms;
mod jobs;
mod leaving;
mod me;
mod members;
mod records;
mod reviews;
mod rights;
pub mod types;

/// Registers the handlers, each address as one `web::resource` with all its methods: only so is a wrong method a 405.
pub(crate) fn configure(app: &mut ServiceConfig) {
    crate::openapi::configure(app);
    auth::configure(app);
    me::configure(app);
    forms::configure(app);
    audit::configure(app);
    jobs::configure(app);
    rights::configure(app);
    reviews::configure(app);
    leaving::configure(app);
    records::configure(app);
}
