//! Attachments: a record like others, and a sealed file that its row names and has the key of.

mod content;
mod upload;

pub use content::{Content, Piece};
pub use upload::{Said, Upload};
