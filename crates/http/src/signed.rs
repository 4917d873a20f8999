//! Arguments of handlers that only somebody who is signed in may call, or a program with a key. The token is looked at
//! first: nobody else gets as far as having a parameter or a body read.

use std::future::Future;
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use kehu_store::Caller;
use serde_json::Value;

use crate::auth;
use crate::body::{BATCH_BYTES, RECORD_BYTES, parts, read_json};
use crate::problem::Problem;
use crate::query::Query;
use crate::tickets;

/// Somebody who is signed in, and the parameters of the address.
pub struct Signed {
    /// Who asks.
    pub caller: Caller,
    /// The parameters.
    pub query: Query,
}

/// The same, also where the caller's role needs a second factor that is not set up yet: for the few doors that set one up.
pub struct SignedToEnrol {
    /// Who asks.
    pub caller: Caller,
    /// The parameters.
    pub query: Query,
}

/// The same with a JSON body.
pub struct SignedJsonToEnrol {
    /// Who asks.
    pub caller: Caller,
    /// The parameters.
    pub query: Query,
    /// The body.
    pub body: Value,
}

/// [`Signed`] with a JSON body of at most so many bytes.
pub struct SignedBody<const MAX: usize> {
    /// Who asks.
    pub caller: Caller,
    /// The parameters.
    pub query: Query,
    /// The body.
    pub body: Value,
}

/// With the body of one record or question.
pub type SignedJson = SignedBody<RECORD_BYTES>;
/// With the body of a batch.
pub type SignedBatch = SignedBody<BATCH_BYTES>;

/// [`Signed`] with parts that are read as they come.
pub struct SignedParts {
    /// Who asks.
    pub caller: Caller,
    /// The parameters.
    pub query: Query,
    /// The parts.
    pub parts: Multipart,
}

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some((caller, query)) = tickets::admit(&request).await? {
                return Ok(Self { caller, query: Query::parse(&query)? });
            }
            let caller = auth::caller(&request).await?;
            Ok(Self { caller, query: Query::parse(request.query_string())? })
        })
    }
}

impl<const MAX: usize> FromRequest for SignedBody<MAX> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = auth::caller(&request).await?;
            let query = Query::parse(request.query_string())?;
            let body = read_json(&request, payload, MAX).await?;
            Ok(Self { caller, query, body })
        })
    }
}

impl FromRequest for SignedParts {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = auth::caller(&request).await?;
            let query = Query::parse(request.query_string())?;
            let parts = parts(&request, payload)?;
            Ok(Self { caller, query, parts })
        })
    }
}

impl FromRequest for SignedToEnrol {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = auth::caller_to_enrol(&request).await?;
            Ok(Self { caller, query: Query::parse(request.query_string())? })
        })
    }
}

impl FromRequest for SignedJsonToEnrol {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = auth::caller_to_enrol(&request).await?;
            let query = Query::parse(request.query_string())?;
            let body = read_json(&request, payload, RECORD_BYTES).await?;
            Ok(Self { caller, query, body })
        })
    }
}
