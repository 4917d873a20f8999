//! Attachment: a file that hangs on a customer, a contact or a follow-up.

use crate::codes;
use crate::field::{Field, Write};
use crate::fields::{Line, RecordId, Ref};
use crate::flaw::Flaw;
use crate::media;
use crate::record::RuleFinding;

use super::{Customer, Noted};

crate::kind! {
    /// A file that hangs on a customer, one of its contacts or a follow-up. It goes with the customer, and with the
    /// record it hangs on. What is in it is read at `/content`.
    Attachment, "attachment", "attachments", "附件", "Attachment", rules: rules;
    /// The kind of the record it hangs on.
    record_kind: Noted = Field::new("记录类型", "Kind of record").write(Write::Once);
    /// The record it hangs on.
    record_id: RecordId = Field::new("记录", "Record").write(Write::Once);
    /// The customer that the record belongs to, or that it is.
    customer_id: Option<Ref<Customer>> = Field::new("客户", "Customer").write(Write::Never);
    /// What it is called, with its ending.
    name: Line<200> = Field::new("文件名", "Name").sortable().searched();
    /// What it is, by its first bytes: a media type (RFC 6838).
    media_type: Option<Line<100>> = Field::new("类型", "Media type").write(Write::Never);
    /// How many bytes it has.
    size: i64 = Field::new("大小（字节）", "Size in bytes").write(Write::Never);
}

/// A name must not make something run that was taken for a picture.
fn rules(attachment: &Attachment) -> Vec<RuleFinding> {
    let name = attachment.name.as_str();
    let flaw = || Flaw::new(&codes::FILE_NAME_RUNS).with("value", name);
    let folder = || Flaw::new(&codes::FILE_NAME_INVALID).with("value", name);
    let flaw = match () {
        () if name.contains(['/', '\\']) || matches!(name, "." | "..") => Some(folder()),
        () if media::runs(name) => Some(flaw()),
        () => None,
    };
    flaw.map(|flaw| RuleFinding::refuses("name", &[], flaw)).into_iter().collect()
}
