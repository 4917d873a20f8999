mod bed;
mod claim;
mod doors;
mod enqueue;
mod lease;
mod schedule;
