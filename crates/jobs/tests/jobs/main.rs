//! Jobs as a process runs them.

#[cfg(test)]
mod bed;
#[cfg(test)]
mod exactly_once;
#[cfg(test)]
mod runner;
