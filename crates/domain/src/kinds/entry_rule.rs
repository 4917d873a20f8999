//! Entry rule: what an organisation asks of a field.

use crate::codes;
use crate::entry_rule::{Check, Holds, Message, On, RuleField, Stages, holds, unfit};
use crate::field::{Field, Write};
use crate::fields::Target;
use crate::flaw::Flaw;
use crate::record::RuleFinding;

crate::vocabulary! {
    /// The kinds of record that rules can be about.
    RuleKind {
        Customer = "customer", "客户", "Customer";
        Contact = "contact", "联系人", "Contact";
        FollowUp = "follow_up", "跟进记录", "Follow-up";
    }
}

crate::vocabulary! {
    /// What a rule does with what does not keep it.
    Severity, absent: Refuse {
        Refuse = "refuse", "拒绝", "Refuse";
        Warn = "warn", "提醒", "Warn";
    }
}

crate::kind! {
    /// What an organisation asks of a field, at every stage of a customer or at some: it refuses a write, or is told with
    /// it. A change to another stage must satisfy that stage's rules; apart from that, a rule speaks only of fields that
    /// the write changes.
    EntryRule, "entry_rule", "entry_rules", "录入规则", "Entry rule", rules: rules;
    /// The kind of record that it is about.
    kind: RuleKind = Field::new("记录类型", "Kind").write(Write::Once);
    /// The field: a member of the record, or `custom.<key>`. Of a list, such as `phones`, the whole list.
    field: RuleField = Field::new("字段", "Field");
    /// The stages of a customer at which it holds; all where none are said. Other kinds have no stages.
    stages: Option<Stages> = Field::new("适用阶段", "Stages");
    /// What it asks for.
    check: Check = Field::new("检查", "Check");
    /// Whether it refuses the write, or is told with its answer.
    severity: Severity = Field::new("严重程度", "Severity");
    /// What is said where it is not kept; a sentence of the program where none is said.
    message: Option<Message> = Field::new("提示语", "Message");
    /// Whether it holds; it does where nothing is said.
    active: On = Field::new("启用", "Active");
    /// Its place among the rules: the least speaks first.
    order: i64 = Field::new("顺序", "Order");
}

impl Target for EntryRule {
    const NAME: &'static str = "entry_rule";
}

/// What makes no sense of a rule about a built-in field. Fields that the organisation made are looked up where the rule
/// is stored.
fn rules(rule: &EntryRule) -> Vec<RuleFinding> {
    let mut findings = Vec::new();
    if rule.stages.is_some() && rule.kind != RuleKind::Customer {
        let flaw = Flaw::new(&codes::RULE_STAGES_OF_CUSTOMER);
        findings.push(RuleFinding::refuses("stages", &["kind"], flaw));
    }
    match holds(rule.kind.key(), rule.field.as_str()) {
        Ok(Holds::Custom) => {}
        Ok(holds) => {
            let flaws = unfit(&rule.check, rule.field.as_str(), &holds);
            findings.extend(flaws.into_iter().map(|flaw| RuleFinding::refuses("check", &["field"], flaw)));
        }
        Err(flaw) => findings.push(RuleFinding::refuses("field", &["kind"], flaw)),
    }
    findings
}
