//! Note: something written down about a customer, a contact or a follow-up.

use crate::field::{Field, Find, Write};
use crate::fields::{ExternalIds, RecordId, Ref, Text};

use super::Customer;

crate::vocabulary! {
    /// The kind of a record that something can hang on: a customer, or what hangs on one.
    Noted {
        Customer = "customer", "客户", "Customer";
        Contact = "contact", "联系人", "Contact";
        FollowUp = "follow_up", "跟进", "Follow-up";
    }
}

crate::kind! {
    /// Something written down about a customer, one of its contacts or a follow-up. It goes with the customer, and with
    /// the record it is about.
    Note, "note", "notes", "备注", "Note", rules: |_| Vec::new();
    /// The kind of the record it is about.
    record_kind: Noted = Field::new("记录类型", "Kind of record").write(Write::Once);
    /// The record it is about.
    record_id: RecordId = Field::new("记录", "Record").write(Write::Once);
    /// The customer that the record belongs to, or that it is.
    customer_id: Option<Ref<Customer>> = Field::new("客户", "Customer").write(Write::Never);
    /// What is written down.
    body: Text<10000> = Field::new("内容", "Body").searched();
    /// Whether it is shown before the others.
    pinned: bool = Field::new("置顶", "Pinned");
    /// What it is called in other systems, one id for each source: `{"shop": "123"}`. A patch merges by source, null
    /// takes one away; an id of a source is one record's of the kind.
    external_ids: ExternalIds = Field::new("外部编号", "External ids").found(Find::ExternalId);
}
