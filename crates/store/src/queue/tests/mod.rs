pub(crate) mod bed;
mod claim;
mod doors;
mod enqueue;
mod kept;
mod lease;
pub(crate) mod plans;
mod schedule;
