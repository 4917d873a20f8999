//! Text as people write it, brought into the forms that are compared, searched and sorted.

pub mod document;
mod holds;
pub mod normalise;
pub mod pinyin;
pub mod tokens;
mod word_list;
pub mod words;

pub use holds::{begins, holds};
pub use normalise::normalise;
pub(crate) use normalise::{clean_line, is_forbidden, is_han};
pub(crate) use word_list::WordList;
