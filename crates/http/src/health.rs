//! Whether the process lives and whether it can serve, for supervisors and load balancers.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::state::State;

/// How long the database may take to say that it is there.
const PING_DEADLINE: Duration = Duration::from_secs(2);
/// Seconds after which an answer of "not ready" is worth a second look.
const RETRY: u32 = 5;

/// `GET /healthz`: 200 as long as the process answers at all.
pub(crate) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// `GET /readyz`: 200 when requests can be served; 503 while shutting down or without the database.
pub(crate) async fn ready(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if state.is_draining() {
        return Err(Problem::new(&codes::SHUTTING_DOWN).retry_after(RETRY));
    }
    match tokio::time::timeout(PING_DEADLINE, state.gate.ping()).await {
        Ok(Ok(())) => Ok(HttpResponse::Ok().json(json!({"status": "ready"}))),
        Ok(Err(failure)) => {
            tracing::warn!(cause = %failure, "the database does not answer");
            Err(Problem::new(&codes::UNAVAILABLE).retry_after(RETRY))
        }
        Err(_) => {
            tracing::warn!("the database does not answer in time");
            Err(Problem::new(&codes::UNAVAILABLE).retry_after(RETRY))
        }
    }
}
