//! crates/jobs
