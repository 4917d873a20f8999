//! Values that fields hold: how each is read from JSON, and how it is shown.

mod birthday;
mod collaborators;
mod day;
mod element_value;
mod elements;
mod external_ids;
mod once;
mod reference;
mod role;
mod sealed;
mod several;
mod standard;
mod tags;
mod text;
mod time;
mod whole;
mod words;

pub use birthday::Birthday;
pub use collaborators::{Collaborators, MAX_COLLABORATORS};
pub use day::Day;
pub use element_value::ElementValue;
pub use elements::{BankAccounts, ElementItem, Elements, Emails, LABELS, Phones};
pub use external_ids::{ExternalIds, MAX_EXTERNAL_ID, MAX_SOURCES, is_external_id, is_source};
pub use once::ShownOnce;
pub use reference::{RecordId, Ref, Target};
pub use role::{RoleKey, RoleKeys};
pub use sealed::SealedText;
pub use several::{Lines, Several};
pub use tags::{TagPick, Tags};
pub use text::{Line, Text};
pub use time::{Instant, format_time};
pub use whole::Whole;
pub use words::Words;
