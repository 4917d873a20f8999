//! Tag: a word that customers and contacts are marked with.

use crate::codes;
use crate::field::Field;
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::record::RuleFinding;

crate::kind! {
    /// A word that customers and contacts are marked with. Its name is unique in the organisation.
    Tag, "tag", "tags", "标签", "Tag", rules: rules;
    /// The word.
    name: Line<50> = Field::new("名称", "Name").sortable().searched();
    /// The group it belongs to.
    group: Option<Line<50>> = Field::new("分组", "Group");
    /// A colour, `#1677ff`.
    color: Option<Line<20>> = Field::new("颜色", "Color");
}

fn rules(tag: &Tag) -> Vec<RuleFinding> {
    let wrong = tag.color.as_ref().map(Line::as_str).filter(|color| {
        let digits = color.strip_prefix('#').unwrap_or_default();
        digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit())
    });
    wrong
        .map(|color| RuleFinding::refuses("color", &[], Flaw::new(&codes::COLOR_INVALID).with("value", color)))
        .into_iter()
        .collect()
}
