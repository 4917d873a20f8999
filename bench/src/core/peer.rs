//! A system that is measured beside others.

use anyhow::Result;
use serde_json::Value;

use crate::core::asked::Asked;
use crate::core::measure::Batch;
use crate::core::rows::Row;
use crate::usage::Processes;
use crate::wire::Call;

/// A running system that is asked the same as the others, each in its own words.
pub(crate) trait Peer {
    /// What people call it.
    fn name(&self) -> &'static str;

    /// `http://host:port`
    fn base(&self) -> &str;

    /// Its processes, database included.
    fn processes(&self) -> Processes;

    /// Signs in again: calls that are made from now on carry a fresh token.
    ///
    /// # Errors
    /// It does not answer.
    fn renew(&mut self) -> Result<()>;

    /// Loads that many customers of set 0, contacts and follow-ups included.
    ///
    /// # Errors
    /// It refuses one.
    fn load(&mut self, rows: usize) -> Result<()>;

    /// What loading took, where it went the system's own way.
    fn loading(&self) -> &[Batch] {
        &[]
    }

    /// A request that changes nothing, or a remark.
    fn call(&self, asked: &Asked) -> Call;

    /// A request that creates a customer with its first contact, both or none.
    fn create(&self, row: &Row) -> Call;

    /// Customers without contacts, many a request, in the largest portions that it takes well.
    fn batches(&self, rows: &[Row]) -> Vec<Call>;

    /// How many customers an answer to one of the batches says were written.
    fn written(&self, answer: &Value) -> usize;

    /// How the body of an answer to a search begins that found something.
    fn found(&self) -> &'static [u8];
}
