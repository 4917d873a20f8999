//! Codes that a submission is marked with, beside those of values and rules.

/// No name was given: the customer has one made of how it can be reached.
pub const NAME_MISSING: &str = "name_missing";
/// A field that the form requires is empty.
pub const REQUIRED_MISSING: &str = "required_missing";
/// The field that nobody sees was filled in.
pub const SPAM_HONEYPOT: &str = "spam_honeypot";
/// There is no way to reach the person.
pub const UNREACHABLE: &str = "unreachable";
/// Company and person stood in each other's field.
pub const NAMES_SWAPPED: &str = "names_swapped";
/// A number or an address stood in a name and was taken out.
pub const NUMBER_IN_NAME: &str = "number_in_name";
/// A number or an address stood in a text and is masked there.
pub const NUMBER_IN_TEXT: &str = "number_in_text";
/// What stands where a WeChat id should be is none.
pub const WECHAT_INVALID: &str = "wechat_invalid";
/// The kind or size of the company is none of the choices.
pub const CHOICE_UNKNOWN: &str = "choice_unknown";
/// The credit code belongs to another customer, and was left out.
pub const CREDIT_CODE_TAKEN: &str = "credit_code_taken";
/// Phone, e-mail or WeChat belong to different customers.
pub const CONFLICT: &str = "conflict";
/// Somebody else has the same landline.
pub const SHARED_LANDLINE: &str = "shared_landline";

/// Every code above.
pub const FLAGS: &[&str] = &[
    NAME_MISSING,
    REQUIRED_MISSING,
    SPAM_HONEYPOT,
    UNREACHABLE,
    NAMES_SWAPPED,
    NUMBER_IN_NAME,
    NUMBER_IN_TEXT,
    WECHAT_INVALID,
    CHOICE_UNKNOWN,
    CREDIT_CODE_TAKEN,
    CONFLICT,
    SHARED_LANDLINE,
];
