//! JSON over HTTP: handlers, sign-in tokens, OpenAPI, errors to status.

pub mod address;
mod auth;
pub mod body;
pub mod cors;
mod door;
mod ending;
pub mod headers;
mod health;
pub mod jwt;
mod late;
pub mod limits;
mod metrics;
mod oidc;
pub mod openapi;
pub mod problem;
pub mod problem_codes;
pub mod query;
mod refresh_cookie;
pub mod routes;
pub mod server;
mod signatures;
pub mod signed;
pub mod signing;
pub mod state;
mod submitted;
mod tickets;
pub mod tls;
