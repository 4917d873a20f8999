//! Values that know their standard: parsed once at the edge, then passed as types.
//!
//! Each has a private field, one `parse` that refuses only what cannot be stored, and a `from_stored` that applies no
//! rule, so that a stricter rule never makes an old record unreadable. Rules beyond that are `findings`.

mod bank_account;
mod budget;
mod company_name;
mod company_suffix;
mod credit_code;
mod email;
mod id_number;
mod industry;
mod login_name;
mod lunar;
mod person_name;
mod phone;
mod phone_text;
mod placeholder;
mod quarter;
mod region;
mod region_list;
mod region_search;

pub use bank_account::BankAccount;
pub use budget::Budget;
pub use company_name::CompanyName;
pub use credit_code::CreditCode;
pub use email::Email;
pub use id_number::{IdNumber, Sex};
pub use industry::Industry;
pub use login_name::{LoginKind, LoginName};
pub use lunar::LunarDay;
pub use person_name::PersonName;
pub use phone::{Phone, PhoneKind, warm as warm_phones};
pub use quarter::Quarter;
pub use region::Region;

/// As much of a value as a message may quote: 60 characters on one line.
pub(crate) fn quoted(value: &str) -> String {
    let mut chars = value.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = chars.by_ref().take(60).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}
