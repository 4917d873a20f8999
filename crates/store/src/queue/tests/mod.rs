mod bed;
mod claim;
mod doors;
mod enqueue;
mod lease;
pub(crate) mod plans;
mod schedule;
