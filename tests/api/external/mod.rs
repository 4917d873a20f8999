//! Company sign-in, with a provider of the test itself.

#[cfg(test)]
pub(crate) mod bed;
mod believed;
mod people;
mod providers;
