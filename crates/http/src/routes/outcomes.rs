//! The answer to a request that wrote several records: what became of each, in the order of the request.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::flaw::Lang;
use kehu_domain::show::Out;
use kehu_store::failure::Failure;
use kehu_store::machine::Warning;

use crate::headers::Incoming;
use crate::problem::Problem;

use super::warnings::{lang_of, write_warnings};

/// Tells of failures in the language of the request.
pub(super) struct Teller {
    lang: Lang,
    request_id: String,
}

impl Teller {
    /// The problem that a failure is, which is logged.
    pub(super) fn problem(&self, failure: &Failure) -> Problem {
        let problem = Problem::from(failure.clone());
        problem.log(&self.request_id);
        problem
    }

    /// The members that every outcome ends with: why nothing was done, and what was warned of.
    pub(super) fn end(&self, out: &mut Out, problem: Option<&Problem>, warnings: &[Warning]) {
        out.key("error");
        match problem {
            Some(problem) => out.raw(&problem.body(self.lang, &self.request_id).to_string()),
            None => out.null(),
        }
        out.key("warnings");
        write_warnings(out, warnings, self.lang);
    }
}

/// 200 where all of it was done, else 207.
pub(super) fn status(whole: bool) -> StatusCode {
    if whole { StatusCode::OK } else { StatusCode::MULTI_STATUS }
}

/// `{"data": […]}` with an object of each, whose members `write` gives; said to be replayed where each was.
pub(super) fn answer<T>(
    request: &HttpRequest,
    status: StatusCode,
    done: &[T],
    replayed: impl Fn(&T) -> bool,
    write: impl Fn(&mut Out, usize, &T, &Teller),
) -> HttpResponse {
    let request_id = Incoming::of(request).map(|it| it.request_id).unwrap_or_default();
    let teller = Teller { lang: lang_of(request), request_id };
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for (at, one) in done.iter().enumerate() {
                out.object(|out| write(out, at, one, &teller));
            }
        });
    });
    let mut response = HttpResponse::build(status);
    if !done.is_empty() && done.iter().all(replayed) {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(out.into_text())
}
