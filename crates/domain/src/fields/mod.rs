//! Values that fields hold: how each is read from JSON, and how it is shown.

mod collaborators;
mod element_value;
mod elements;
mod once;
mod reference;
mod role;
mod sealed;
mod standard;
mod tags;
mod text;
mod time;
mod words;

pub use collaborators::{Collaborators, MAX_COLLABORATORS};
pub use element_value::ElementValue;
pub use elements::{BankAccounts, ElementItem, Elements, Emails, Phones};
pub use once::ShownOnce;
pub use reference::{Ref, Target};
pub use role::{RoleKey, RoleKeys};
pub use sealed::{SealedDate, SealedText};
pub use tags::{TagPick, Tags};
pub use text::{Line, Text};
pub use time::{Instant, format_time};
pub use words::Words;
