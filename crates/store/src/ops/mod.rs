//! Work that spans records, as functions on the transaction.

pub(crate) mod children;
pub(crate) mod duplicates;
pub(crate) mod fields;
pub(crate) mod installation;
pub(crate) mod logins;
pub(crate) mod number;
pub(crate) mod ownership;
pub(crate) mod places;
pub(crate) mod primary;
pub(crate) mod references;
pub(crate) mod reporting;
pub(crate) mod roles;
pub(crate) mod sharing;
pub(crate) mod summaries;
pub(crate) mod tags;
pub(crate) mod unique_name;
