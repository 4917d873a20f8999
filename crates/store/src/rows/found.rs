//! Sealed values that a record is found under.

use kehu_domain::fields::{BankAccounts, Birthday, ElementValue, Emails, ExternalIds, Phones};
use kehu_domain::filter::external_id_form;
use kehu_domain::record::Kind;
use kehu_domain::value::IdNumber;

use crate::crypto::index::IndexClass;
use crate::pii::Entry;

/// What phones, e-mails and a WeChat id are found under.
pub(super) fn element_entries(phones: &Phones, emails: &Emails, wechat: Option<&str>) -> Vec<Entry> {
    let phones = phones.0.iter().enumerate().map(|(at, item)| Entry {
        class: IndexClass::Phone,
        value: ElementValue::index_form(&item.value),
        strong: ElementValue::is_strong(&item.value),
        pointer: format!("/phones/{at}"),
    });
    let emails = emails.0.iter().enumerate().map(|(at, item)| Entry {
        class: IndexClass::Email,
        value: ElementValue::index_form(&item.value),
        strong: ElementValue::is_strong(&item.value),
        pointer: format!("/emails/{at}"),
    });
    let wechat = wechat.map(|wechat| Entry {
        class: IndexClass::Wechat,
        value: wechat.to_lowercase(),
        strong: false,
        pointer: "/wechat".to_owned(),
    });
    phones.chain(emails).chain(wechat).collect()
}

/// What an ID number is found under. It names one person.
pub(super) fn id_number(number: &IdNumber) -> Entry {
    Entry {
        class: IndexClass::IdNumber,
        value: number.as_str().to_owned(),
        strong: true,
        pointer: "/id_number".to_owned(),
    }
}

/// What bank accounts are found under.
pub(super) fn bank_accounts(accounts: &BankAccounts) -> impl Iterator<Item = Entry> {
    accounts.0.iter().enumerate().map(|(at, item)| Entry {
        class: IndexClass::BankAccount,
        value: ElementValue::index_form(&item.value),
        strong: ElementValue::is_strong(&item.value),
        pointer: format!("/bank_accounts/{at}"),
    })
}

/// What a birthday is found under.
pub(super) fn birthday(day: Birthday) -> Entry {
    Entry { class: IndexClass::Birthday, value: day.index_form(), strong: false, pointer: "/birthday".to_owned() }
}

/// What ids in other systems are found under: each is one record's of its kind.
pub(super) fn external_ids(kind: &'static Kind, ids: &ExternalIds) -> impl Iterator<Item = Entry> {
    ids.iter().map(|(source, id)| external_id(kind, source, id))
}

/// What the id of one source is found under.
pub(crate) fn external_id(kind: &Kind, source: &str, id: &str) -> Entry {
    Entry {
        class: IndexClass::ExternalId,
        value: external_id_form(kind.name, source, id),
        strong: true,
        pointer: format!("/external_ids/{source}"),
    }
}
