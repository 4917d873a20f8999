//! What comes in through a form: from whatever a sender sends to a customer, or to the reason why there is none.
//!
//! Pure: a body becomes a [`Given`], the form's mapping makes a [`Lead`] of it. A value that its type cannot hold, and
//! a rule that a keyboard would refuse, become flags: a lead that can be reached is never refused.

mod attribution;
pub mod flags;
mod given;
mod lead;
mod names;
mod parts;
mod reach;
mod reading;
mod scan;
mod settings;

pub use attribution::Attribution;
pub use given::Given;
pub use lead::Lead;
pub use parts::{FormField, MapsTo};
pub use reach::{Holder, Reach};
pub use settings::{Assign, FormFields, HookAnswer, Hours, Origins, origin_of};
