//! Form: how leads come in from web pages, advertising platforms and other senders.

use crate::field::{Field, Group, Write};
use crate::fields::{Line, ShownOnce, Text};
use crate::intake::{Assign, FormFields, HookAnswer, Hours, Origins};

use super::Source;

crate::kind! {
    /// How leads come in: what a sender calls each value and where it goes, who may send, and who gets the customer.
    /// `POST /v1/forms/{id}/submissions` takes submissions with the public key, `/v1/hooks/{hook_key}` without any.
    Form, "form", "forms", "表单", "Form", rules: |_| Vec::new();
    /// What people call it.
    name: Line<100> = Field::new("名称", "Name").sortable();
    /// What a sender calls each value, and where it goes.
    fields: FormFields = Field::new("字段", "Fields");
    /// Where browsers may submit from: `https://www.example.com`, `http://localhost:5173`; a mini-program is `wechat:{appid}`.
    origins: Origins = Field::new("允许来源", "Origins");
    /// What the person agrees to.
    consent_text: Option<Text<5000>> = Field::new("同意声明", "Consent text");
    /// The key of a field that people do not see: whoever fills it in is a program.
    honeypot: Option<Line<100>> = Field::new("蜜罐字段", "Honeypot");
    /// For so many hours the same person through the same form is counted, and not told again; 24 where none are said.
    repeat_window: Hours = Field::new("重复提交时限（小时）", "Repeat window (hours)");
    /// The channel that new customers get.
    source: Source = Field::new("来源渠道", "Source");
    /// Whose people get new customers in turn; without it they belong to nobody.
    assign: Option<Assign> = Field::new("分配", "Assignment");
    /// What a sender at the secret address is answered, with `{{id}}` where the submission's id goes.
    answer: Option<HookAnswer> = Field::new("回执", "Answer");
    /// Where the sender's own id of a lead stands, a name or a JSON pointer: one lead per id for ever.
    source_id: Option<Line<200>> = Field::new("来源编号字段", "Source id");
    /// A paused form takes nothing: senders are asked to come again.
    paused: bool = Field::new("暂停", "Paused");
    /// The key that pages submit with. It may be seen by anybody, and can do nothing else.
    public_key: Option<Line<100>> = Field::new("公开密钥", "Public key").write(Write::Never).sealed(Group::General, None);
    /// The key in the secret address; shown once, in the answer that makes the form.
    hook_key: ShownOnce = Field::new("回调密钥", "Hook key").write(Write::Never).sealed(Group::General, None);
}
