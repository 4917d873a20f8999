//! Handlers of what is special, and the bodies they read and write.

pub mod types;
