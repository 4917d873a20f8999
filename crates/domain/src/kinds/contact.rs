//! Contact: a person at a customer.

use crate::codes;
use crate::field::{Field, Find, Group, Write};
use crate::fields::{Birthday, Emails, ExternalIds, Line, Phones, Ref, SealedText, Tags, Target, Text};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::value::IdNumber;

use super::Customer;
use super::warnings::{self, person_name};

crate::vocabulary! {
    /// What a contact has to say in a decision.
    DecisionRole {
        DecisionMaker = "decision_maker", "决策人", "Decision maker";
        Influencer = "influencer", "影响人", "Influencer";
        User = "user", "使用人", "User";
        Technical = "technical", "技术把关人", "Technical evaluator";
        Procurement = "procurement", "采购", "Procurement";
        Finance = "finance", "财务", "Finance";
        Gatekeeper = "gatekeeper", "守门人", "Gatekeeper";
        Other = "other", "其他", "Other";
    }
}

crate::vocabulary! {
    /// How a contact stands to a deal with us.
    Attitude {
        Supporter = "supporter", "支持", "Supporter";
        Neutral = "neutral", "中立", "Neutral";
        Opponent = "opponent", "反对", "Opponent";
    }
}

crate::kind! {
    /// A person at a customer.
    Contact, "contact", "contacts", "联系人", "Contact", rules: rules;
    /// The customer where the person is.
    customer_id: Ref<Customer> = Field::new("所属客户", "Customer").write(Write::Once);
    /// Real name.
    name: Line<100> = Field::new("姓名", "Name").sortable().searched();
    /// First letter of the name in pinyin, `A` to `Z` or `#`.
    initial: Option<Line<4>> = Field::new("首字母", "Initial").write(Write::Never);
    /// Position.
    position: Option<Line<100>> = Field::new("职位", "Position").searched();
    /// Role in the decision.
    role: Option<DecisionRole> = Field::new("决策角色", "Decision role");
    /// How the contact stands to a deal with us.
    attitude: Option<Attitude> = Field::new("态度", "Attitude");
    /// To which contact of the same customer this one reports.
    reports_to_id: Option<Ref<Contact>> = Field::new("上级", "Reports to");
    /// Phone numbers.
    phones: Phones = Field::new("电话", "Phones").sealed(Group::Contact, Some(Find::Phone));
    /// E-mail addresses.
    emails: Emails = Field::new("邮箱", "E-mails").sealed(Group::Contact, Some(Find::Email));
    /// WeChat id.
    wechat: Option<SealedText<100>> = Field::new("微信", "WeChat").sealed(Group::Contact, Some(Find::Wechat));
    /// Birthday: `1990-03-07`, or a day of the Chinese calendar, `lunar:1990-08-15` or `lunar:08-15`, a leap month as
    /// `lunar:2023-02L-01`; answers give the latter as an object with the day on which it falls this year.
    birthday: Option<Birthday> = Field::new("生日", "Birthday").sealed(Group::Contact, Some(Find::Birthday));
    /// Number of the identity card (GB 11643-1999): 18 characters; an old one of 15 digits is brought to 18.
    id_number: Option<IdNumber> = Field::new("身份证号码", "ID number").sealed(Group::Identity, Some(Find::IdNumber));
    /// Whether this is the first person to talk to; one per customer, the latest one said.
    primary: bool = Field::new("主要联系人", "Primary");
    /// What else is worth knowing.
    remark: Option<Text<5000>> = Field::new("备注", "Remark").searched();
    /// Tags.
    tags: Tags = Field::new("标签", "Tags");
    /// What it is called in other systems, one id for each source: `{"shop": "123"}`. A patch merges by source, null
    /// takes one away; an id of a source is one record's of the kind.
    external_ids: ExternalIds = Field::new("外部编号", "External ids").found(Find::ExternalId);
}

impl Target for Contact {
    const NAME: &'static str = "contact";
}

fn rules(contact: &Contact) -> Vec<RuleFinding> {
    let mut findings = person_name(contact.name.as_str(), &[]);
    findings.extend(warnings::emails(&contact.emails, true));
    let born = contact.id_number.as_ref().and_then(IdNumber::birthday);
    // A birthday of the Chinese calendar is often another day than the one in the number.
    let said = contact.birthday.and_then(Birthday::solar);
    if born.zip(said).is_some_and(|(born, said)| born != said) {
        let flaw = Flaw::new(&codes::ID_NUMBER_BIRTHDAY);
        findings.push(RuleFinding::warns_together("id_number", &["birthday"], flaw));
    }
    findings
}
