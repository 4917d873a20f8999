//! The journal as those see it who depend on it: readers who follow it while servers die, whoever looks for traces of
//! somebody at the database, whoever moves it to another server.

#[cfg(test)]
mod follower;

#[cfg(test)]
mod moved;
#[cfg(test)]
mod tampered;
#[cfg(test)]
mod together;
