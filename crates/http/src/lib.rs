//! JSON over HTTP: handlers, sign-in tokens, OpenAPI, errors to status.

pub mod jwt;
pub mod openapi;
pub mod routes;
