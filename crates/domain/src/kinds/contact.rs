//! Contact: a person at a customer.

use crate::field::{Field, Find, Group, Write};
use crate::fields::{Emails, Line, Phones, Ref, SealedDate, SealedText, Tags, Target, Text};
use crate::record::RuleFinding;
use crate::value::{IdNumber, PersonName};

use super::Customer;

crate::vocabulary! {
    /// What a contact has to say in a decision.
    DecisionRole {
        DecisionMaker = "decision_maker", "决策人", "Decision maker";
        Influencer = "influencer", "影响人", "Influencer";
        User = "user", "使用人", "User";
        Finance = "finance", "财务", "Finance";
        Other = "other", "其他", "Other";
    }
}

crate::kind! {
    /// A person at a customer.
    Contact, "contact", "contacts", "联系人", "Contact", rules: rules;
    /// The customer where the person is.
    customer_id: Ref<Customer> = Field::new("所属客户", "Customer").write(Write::Once);
    /// Real name.
    name: Line<100> = Field::new("姓名", "Name").sortable();
    /// Position.
    position: Option<Line<100>> = Field::new("职位", "Position");
    /// Role in the decision.
    role: Option<DecisionRole> = Field::new("决策角色", "Decision role");
    /// Phone numbers.
    phones: Phones = Field::new("电话", "Phones").sealed(Group::Contact, Some(Find::Phone));
    /// E-mail addresses.
    emails: Emails = Field::new("邮箱", "E-mails").sealed(Group::Contact, Some(Find::Email));
    /// WeChat id.
    wechat: Option<SealedText<100>> = Field::new("微信", "WeChat").sealed(Group::Contact, Some(Find::Wechat));
    /// Birthday.
    birthday: Option<SealedDate> = Field::new("生日", "Birthday").sealed(Group::Contact, Some(Find::Birthday));
    /// Number of the identity card (GB 11643-1999): 18 characters; an old one of 15 digits is brought to 18.
    id_number: Option<IdNumber> = Field::new("身份证号码", "ID number").sealed(Group::Identity, Some(Find::IdNumber));
    /// Whether this is the first person to talk to; one per customer, the latest one said.
    primary: bool = Field::new("主要联系人", "Primary");
    /// What else is worth knowing.
    remark: Option<Text<5000>> = Field::new("备注", "Remark");
    /// Tags.
    tags: Tags = Field::new("标签", "Tags");
}

impl Target for Contact {
    const NAME: &'static str = "contact";
}

fn rules(contact: &Contact) -> Vec<RuleFinding> {
    let flaws = PersonName::parse(contact.name.as_str()).map_or_else(|flaw| vec![flaw], |name| name.findings());
    flaws.into_iter().map(|flaw| RuleFinding::refuses("name", &[], flaw)).collect()
}
