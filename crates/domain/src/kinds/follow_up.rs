//! Follow-up: what happened with a customer, and what comes next.

use crate::codes;
use crate::field::{Field, Find, Write};
use crate::fields::{ExternalIds, Instant, Line, Ref, Text, Whole};
use crate::flaw::Flaw;
use crate::record::RuleFinding;

use super::{Contact, Customer};

crate::vocabulary! {
    /// How one met.
    FollowUpKind {
        Call = "call", "电话", "Call";
        Visit = "visit", "拜访", "Visit";
        Meeting = "meeting", "会议", "Meeting";
        Message = "message", "消息", "Message";
        Email = "email", "邮件", "E-mail";
        Form = "form", "表单", "Form";
        Other = "other", "其他", "Other";
    }
}

crate::vocabulary! {
    /// What came of it.
    Outcome {
        Agreed = "agreed", "达成一致", "Agreed";
        Interested = "interested", "有意向", "Interested";
        Considering = "considering", "考虑中", "Considering";
        NoInterest = "no_interest", "无意向", "Not interested";
        NotReached = "not_reached", "未联系上", "Not reached";
        Settled = "settled", "问题已解决", "Settled";
        Other = "other", "其他", "Other";
    }
}

crate::kind! {
    /// What happened with a customer on a call, a visit, a meeting, in a message, and what comes next.
    FollowUp, "follow_up", "follow_ups", "跟进", "Follow-up", rules: rules;
    /// The customer.
    customer_id: Ref<Customer> = Field::new("客户", "Customer").write(Write::Once);
    /// The person one talked to.
    contact_id: Option<Ref<Contact>> = Field::new("联系人", "Contact");
    /// How one met.
    kind: FollowUpKind = Field::new("方式", "Kind");
    /// What was said: needs, pain points, results.
    summary: Text<10000> = Field::new("内容", "Summary").searched();
    /// When it happened.
    happened_at: Instant = Field::new("跟进时间", "Happened at").sortable();
    /// How many minutes it took.
    duration_minutes: Option<Whole<0, 10080>> = Field::new("时长（分钟）", "Duration (minutes)");
    /// What came of it.
    outcome: Option<Outcome> = Field::new("结果", "Outcome");
    /// Needs that one heard of.
    needs_heard: Option<Text<5000>> = Field::new("客户需求", "Needs heard").searched();
    /// What troubles the customer.
    pain_points: Option<Text<5000>> = Field::new("痛点", "Pain points").searched();
    /// What comes next.
    next_step: Option<Line<500>> = Field::new("下一步", "Next step").searched();
    /// When the next step is due.
    next_due_at: Option<Instant> = Field::new("下次跟进时间", "Next due").sortable();
    /// What it is called in other systems, one id for each source: `{"shop": "123"}`. A patch merges by source, null
    /// takes one away; an id of a source is one record's of the kind.
    external_ids: ExternalIds = Field::new("外部编号", "External ids").found(Find::ExternalId);
}

fn rules(follow_up: &FollowUp) -> Vec<RuleFinding> {
    let early = follow_up.next_due_at.is_some_and(|due| due < follow_up.happened_at);
    let flaw = || Flaw::new(&codes::DUE_BEFORE_HAPPENED);
    early.then(|| RuleFinding::refuses("next_due_at", &["happened_at"], flaw())).into_iter().collect()
}
