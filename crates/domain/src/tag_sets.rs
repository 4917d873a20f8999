//! Tags that many organisations want, ready to be added: what customers need, in the words of the trade.

/// Tags that are added together.
#[derive(Debug)]
pub struct TagSet {
    /// What programs call it.
    pub key: &'static str,
    /// What people call it, in Chinese.
    pub zh: &'static str,
    /// What people call it, in English.
    pub en: &'static str,
    /// Its tags.
    pub tags: &'static [SetTag],
}

/// A tag of a set.
#[derive(Debug)]
pub struct SetTag {
    /// Its name and the group it belongs to, in Chinese.
    pub zh: (&'static str, &'static str),
    /// The same in English.
    pub en: (&'static str, &'static str),
    /// Its colour, `#rrggbb`.
    pub color: &'static str,
}

macro_rules! tags {
    ($( $zh:literal in $zh_group:literal, $en:literal in $en_group:literal, $color:literal; )*) => {
        &[ $( SetTag { zh: ($zh, $zh_group), en: ($en, $en_group), color: $color } ),* ]
    };
}

/// The sets there are.
pub static TAG_SETS: &[TagSet] = &[TagSet {
    key: "needs",
    zh: "客户需求",
    en: "Needs",
    tags: tags! {
        "采购意向-硬件设备" in "采购意向", "Purchase - hardware" in "Purchase", "#1677ff";
        "采购意向-软件系统" in "采购意向", "Purchase - software" in "Purchase", "#1677ff";
        "采购意向-云服务" in "采购意向", "Purchase - cloud services" in "Purchase", "#1677ff";
        "采购意向-耗材配件" in "采购意向", "Purchase - supplies and parts" in "Purchase", "#1677ff";
        "咨询-技术支持" in "咨询", "Advice - technical support" in "Advice", "#13c2c2";
        "咨询-产品报价" in "咨询", "Advice - quotation" in "Advice", "#13c2c2";
        "咨询-解决方案" in "咨询", "Advice - solution" in "Advice", "#13c2c2";
        "合作-渠道代理" in "合作", "Partnership - channel" in "Partnership", "#722ed1";
        "合作-联合方案" in "合作", "Partnership - joint solution" in "Partnership", "#722ed1";
        "售后-维修保养" in "售后", "After-sales - repair" in "After-sales", "#fa8c16";
        "售后-退换货" in "售后", "After-sales - returns" in "After-sales", "#fa8c16";
        "售后-使用培训" in "售后", "After-sales - training" in "After-sales", "#fa8c16";
    },
}];

/// The set of that key.
#[must_use]
pub fn tag_set(key: &str) -> Option<&'static TagSet> {
    TAG_SETS.iter().find(|set| set.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::fields::Line;
    use crate::kinds::Tag;
    use crate::record::Record as _;
    use crate::text::normalise;

    #[test]
    fn every_tag_can_be_made_and_stands_once() {
        for set in TAG_SETS {
            for words in [|tag: &SetTag| tag.zh, |tag: &SetTag| tag.en] {
                let names: HashSet<String> = set.tags.iter().map(|tag| normalise(words(tag).0)).collect();
                assert_eq!(names.len(), set.tags.len());
                for tag in set.tags {
                    let (name, group) = words(tag);
                    let tag = Tag {
                        name: Line::parse(name).unwrap(),
                        group: Some(Line::parse(group).unwrap()),
                        color: Some(Line::parse(tag.color).unwrap()),
                    };
                    assert!(tag.rules().is_empty(), "{name}");
                }
            }
        }
    }
}
