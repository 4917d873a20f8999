//! What may stand in a list of elements: phone numbers, e-mail addresses, bank accounts.

use crate::field::Element;
use crate::flaw::Flaw;
use crate::value::{BankAccount, Email, Phone};

/// A type that can stand in a list of elements.
pub trait ElementValue: Clone + PartialEq + Send + Sync + 'static {
    /// What it is.
    const ELEMENT: Element;
    /// Whether an element says at which bank it is.
    const HAS_BANK: bool = false;
    /// Parses what a client said.
    ///
    /// # Errors
    /// What the type cannot hold.
    fn parse(raw: &str, region: &str) -> Result<Self, Flaw>;
    /// A stored value with the text that was typed; no rule is applied.
    fn from_stored(value: String, raw: String) -> Self;
    /// The normalised value, as answers show it.
    fn value(&self) -> &str;
    /// The text that was typed.
    fn raw(&self) -> &str;
    /// The mask.
    fn mask(&self) -> String;
    /// The form that equality and the index compare.
    fn index_form(&self) -> String;
    /// Whether it names one person: a mobile number, an e-mail address. A switchboard does not.
    fn is_strong(&self) -> bool;
}

impl ElementValue for Phone {
    const ELEMENT: Element = Element::Phone;
    fn parse(raw: &str, region: &str) -> Result<Self, Flaw> {
        Self::parse(raw, region)
    }
    fn from_stored(value: String, raw: String) -> Self {
        Self::from_stored(value, raw)
    }
    fn value(&self) -> &str {
        self.e164()
    }
    fn raw(&self) -> &str {
        Self::raw(self)
    }
    fn mask(&self) -> String {
        Self::mask(self)
    }
    fn index_form(&self) -> String {
        Self::index_form(self).to_string()
    }
    fn is_strong(&self) -> bool {
        self.is_mobile()
    }
}

impl ElementValue for Email {
    const ELEMENT: Element = Element::Email;
    fn parse(raw: &str, _: &str) -> Result<Self, Flaw> {
        Self::parse(raw)
    }
    fn from_stored(value: String, _: String) -> Self {
        Self::from_stored(value)
    }
    fn value(&self) -> &str {
        self.as_str()
    }
    fn raw(&self) -> &str {
        self.as_str()
    }
    fn mask(&self) -> String {
        Self::mask(self)
    }
    fn index_form(&self) -> String {
        Self::index_form(self)
    }
    fn is_strong(&self) -> bool {
        true
    }
}

impl ElementValue for BankAccount {
    const ELEMENT: Element = Element::BankAccount;
    const HAS_BANK: bool = true;
    fn parse(raw: &str, _: &str) -> Result<Self, Flaw> {
        Self::parse(raw)
    }
    fn from_stored(value: String, _: String) -> Self {
        Self::from_stored(value)
    }
    fn value(&self) -> &str {
        self.as_str()
    }
    fn raw(&self) -> &str {
        self.as_str()
    }
    fn mask(&self) -> String {
        Self::mask(self)
    }
    fn index_form(&self) -> String {
        self.as_str().to_owned()
    }
    /// Several may be paid through one account.
    fn is_strong(&self) -> bool {
        false
    }
}
