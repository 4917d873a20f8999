//! HTTP by itself: actix with a handler that writes one customer's JSON.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Floor;
use crate::load::{drive, float};
use crate::server::{Server, folder};
use crate::wire::Call;

/// What it is called.
pub(super) const ANSWER: &str = "actix answering the customer's JSON";

/// Serves the JSON of a file under every id, written anew for every answer, until it is told to end.
///
/// # Errors
/// The file is not JSON.
pub(crate) fn serve(file: &Path, say: impl FnOnce(&str) -> Result<()>) -> Result<()> {
    let customer: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let customer = web::Data::new(customer);
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            let answer = |customer: web::Data<Value>, _id: web::Path<String>| async move {
                HttpResponse::Ok().json(customer.get_ref())
            };
            let healthy = || async { HttpResponse::Ok().finish() };
            let app = App::new().app_data(customer.clone());
            app.route("/healthz", web::get().to(healthy)).route("/customers/{id}", web::get().to(answer))
        };
        let server = HttpServer::new(app).shutdown_timeout(1).bind("127.0.0.1:0")?;
        let address = server.addrs().first().copied().context("no address")?;
        say(&format!("listening on http://{address}"))?;
        Ok(server.run().await?)
    })
}

/// Measures it in a process of its own, as servers are.
pub(super) fn measure(customer: &Value, time: Duration) -> Result<Floor> {
    let folder = folder()?;
    let file = folder.path().join("customer.json");
    std::fs::write(&file, customer.to_string())?;
    let server = Server::launch(Command::new(std::env::current_exe()?).arg("answer").arg("--csv").arg(&file), None)?;
    let call = Call { method: "GET", path: "/customers/1".to_owned(), token: "t".repeat(450), ..Call::default() };
    let request = call.bytes(&server.base);
    let before = server.processes.cpu();
    let load = drive(
        &server.base,
        Some(time),
        |_| Some(request.as_slice()),
        |_, answer| {
            answer.succeeded()?;
            ensure!(answer.holds(b"{"), "no customer");
            Ok(())
        },
    )?;
    let cpu = server.processes.cpu() - before;
    server.stop()?;
    let each = cpu.all().as_secs_f64() * 1e6 / float(load.requests().max(1));
    Ok(Floor { what: ANSWER, cpu: each, database: None, wall: None })
}
