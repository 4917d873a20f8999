mod bed;
mod claim;
mod doors;
mod enqueue;
mod kept;
mod lease;
mod plans;
mod schedule;
