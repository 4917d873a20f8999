//! Ways to reach a person: phones, e-mails, a WeChat id, whatever field they stood in.

use crate::codes;
use crate::flaw::Flaw;
use crate::value::{Email, Phone};

use super::flags::WECHAT_INVALID;
use super::scan::Scan;

/// The most phones, and the most e-mails.
const MAX: usize = 10;

/// To whom a way to reach belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The company, or the customer itself.
    Customer,
    /// The person at the company.
    Person,
}

/// Ways to reach a person.
#[derive(Clone, Default, PartialEq)]
pub struct Reach {
    /// Phone numbers.
    pub phones: Vec<(Phone, Holder)>,
    /// E-mail addresses.
    pub emails: Vec<(Email, Holder)>,
    /// A WeChat id.
    pub wechat: Option<(String, Holder)>,
}

impl Reach {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.phones.is_empty() && self.emails.is_empty() && self.wechat.is_none()
    }

    /// What may be shown of the best one: `138****8000`.
    #[must_use]
    pub fn mask(&self) -> Option<String> {
        let mobile = self.phones.iter().find(|(phone, _)| phone.is_mobile()).or(self.phones.first());
        let phone = mobile.map(|(phone, _)| phone.mask());
        let email = || self.emails.first().map(|(email, _)| email.mask());
        phone.or_else(email).or_else(|| self.wechat.as_ref().map(|_| crate::mask::STARS.to_owned()))
    }

    /// Takes what stood where a phone number should be; the masks of what was found, or a flag.
    pub(super) fn phone(&mut self, text: &str, holder: Holder, region: &str) -> Result<String, &'static str> {
        let flaw = match Phone::parse(text, region) {
            Ok(phone) => return Ok(self.add_phone(phone, holder)),
            Err(flaw) => flaw,
        };
        if *flaw.code == codes::PHONE_SEVERAL {
            let parts = text.split(['/', '／', ';', '；', '、', ',', '，', '|', '或', '和', '\n']);
            let masks: Vec<String> = parts
                .filter_map(|part| Phone::parse(part, region).ok())
                .map(|phone| self.add_phone(phone, holder))
                .collect();
            if !masks.is_empty() {
                return Ok(masks.join("、"));
            }
        }
        match Email::parse(text) {
            Ok(email) => Ok(self.add_email(email, holder)),
            Err(_) => self.search(text, holder, region, &flaw),
        }
    }

    /// Takes what stood where an e-mail address should be.
    pub(super) fn email(&mut self, text: &str, holder: Holder, region: &str) -> Result<String, &'static str> {
        let flaw = match Email::parse(text) {
            Ok(email) => return Ok(self.add_email(email, holder)),
            Err(flaw) => flaw,
        };
        match Phone::parse(text, region) {
            Ok(phone) => Ok(self.add_phone(phone, holder)),
            Err(_) => self.search(text, holder, region, &flaw),
        }
    }

    /// Takes what stood where a WeChat id should be: letters, digits, `_` and `-`, a mobile number among them.
    pub(super) fn wechat(&mut self, text: &str, holder: Holder, region: &str) -> Result<String, &'static str> {
        let text = text.trim();
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if (5..=40).contains(&text.len()) && plain {
            self.wechat.get_or_insert_with(|| (text.to_owned(), holder));
            return Ok(crate::mask::STARS.to_owned());
        }
        self.phone(text, holder, region).map_err(|_| WECHAT_INVALID)
    }

    /// Takes what was found in running text.
    pub(super) fn found(&mut self, scan: Scan, holder: Holder) -> Vec<String> {
        let phones = scan.phones.into_iter().map(|phone| self.add_phone(phone, holder)).collect::<Vec<_>>();
        let emails = scan.emails.into_iter().map(|email| self.add_email(email, holder));
        phones.into_iter().chain(emails.collect::<Vec<_>>()).collect()
    }

    fn search(&mut self, text: &str, holder: Holder, region: &str, flaw: &Flaw) -> Result<String, &'static str> {
        let masks = self.found(Scan::of(text, region), holder);
        if masks.is_empty() { Err(flaw.code.key) } else { Ok(masks.join("、")) }
    }

    fn add_phone(&mut self, phone: Phone, holder: Holder) -> String {
        let mask = phone.mask();
        let known = self.phones.iter().any(|(known, _)| known.index_form() == phone.index_form());
        if !known && self.phones.len() < MAX {
            self.phones.push((phone, holder));
        }
        mask
    }

    fn add_email(&mut self, email: Email, holder: Holder) -> String {
        let mask = email.mask();
        let known = self.emails.iter().any(|(known, _)| known.index_form() == email.index_form());
        if !known && self.emails.len() < MAX {
            self.emails.push((email, holder));
        }
        mask
    }
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reach").field("phones", &self.phones.len()).field("emails", &self.emails.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_the_wrong_field_is_what_it_is() {
        let mut reach = Reach::default();
        assert_eq!(reach.phone("kjian @deyuna.cn", Holder::Person, "CN").unwrap(), "k***@deyuna.cn");
        assert_eq!(reach.email("138 0013 8000", Holder::Person, "CN").unwrap(), "138****8000");
        assert_eq!(reach.wechat("li@example.com", Holder::Person, "CN").unwrap(), "l***@example.com");
        assert_eq!((reach.phones.len(), reach.emails.len()), (1, 2));
        assert!(reach.wechat.is_none());
    }

    #[test]
    fn several_numbers_are_several_and_the_same_is_one() {
        let mut reach = Reach::default();
        reach.phone("13800138000/13900139000", Holder::Person, "CN").unwrap();
        reach.phone("+86 139 0013 9000", Holder::Customer, "CN").unwrap();
        reach.phone("手机：13700137000（张经理）", Holder::Customer, "CN").unwrap();
        let numbers: Vec<&str> = reach.phones.iter().map(|(phone, _)| phone.e164()).collect();
        assert_eq!(numbers, ["+8613800138000", "+8613900139000", "+8613700137000"]);
    }

    #[test]
    fn what_is_none_is_named_by_its_code() {
        let mut reach = Reach::default();
        assert_eq!(reach.phone("12345", Holder::Person, "CN"), Err("phone_invalid"));
        assert_eq!(reach.phone("62345678", Holder::Person, "CN"), Err("phone_no_area_code"));
        assert_eq!(reach.email("a@b", Holder::Person, "CN"), Err("email_no_top_domain"));
        assert_eq!(reach.wechat("同手机号", Holder::Person, "CN"), Err("wechat_invalid"));
        assert_eq!(reach.wechat("", Holder::Person, "CN"), Err("wechat_invalid"));
        assert!(reach.is_empty() && reach.mask().is_none());
        reach.wechat("zhang_san-88", Holder::Person, "CN").unwrap();
        assert_eq!(reach.mask().as_deref(), Some("****"));
    }
}
