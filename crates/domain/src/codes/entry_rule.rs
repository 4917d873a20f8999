//! Codes of the rules that an organisation lays down for what is entered: what a record breaks, and what makes no sense
//! in a rule.

use crate::flaw::Code;

macro_rules! codes {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static ENTRY_RULE_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

codes! {
    RULE_REQUIRED = "rule_required",
        "“{label_en}” must be filled in.", "“{label_zh}”必须填写。",
        "The organisation asks for “{label_en}” here.", "本组织要求在此填写“{label_zh}”。";
    RULE_PATTERN = "rule_pattern",
        "“{label_en}” is not written as the organisation asks.", "“{label_zh}”的格式不符合本组织的要求。",
        "The whole value must match {pattern}.", "整个值须匹配 {pattern}。";
    RULE_RANGE = "rule_range",
        "“{label_en}” is out of the range that the organisation allows.", "“{label_zh}”超出本组织允许的范围。",
        "It must be {expected_en}.", "应{expected_zh}。";
    RULE_CHOICES = "rule_choices",
        "“{label_en}” is none of the values that the organisation allows.", "“{label_zh}”不在本组织允许的取值之内。",
        "Choose one of: {choices}.", "请从以下取值中选择：{choices}。";
    RULE_NAMING = "rule_naming",
        "“{label_en}” does not keep the organisation's naming rule.", "“{label_zh}”不符合本组织的命名规则。",
        "It must {expected_en}.", "应{expected_zh}。";

    RULE_FIELD_UNKNOWN = "rule_field_unknown",
        "Records of this kind have no field “{value}” that somebody writes.", "此类记录没有可填写的字段“{value}”。",
        "Name one of: {known}.", "可用字段：{known}。";
    RULE_CHECK_UNFIT = "rule_check_unfit",
        "The check “{check}” makes no sense for “{field}”.", "检查“{check}”不适用于“{field}”。",
        "Checks for it: {known}.", "可用的检查：{known}。";
    RULE_STAGES_OF_CUSTOMER = "rule_stages_of_customer",
        "Only customers have stages.", "只有客户才有阶段。",
        "Leave “stages” out: the rule then always holds.", "请去掉 stages，规则即始终生效。";
    RULE_EMPTY = "rule_empty",
        "The check asks for nothing.", "该检查没有任何要求。",
        "Give at least one of: {known}.", "请至少给出一项：{known}。";
    RULE_BOUND_INVALID = "rule_bound_invalid",
        "“{value}” is no bound for “{field}”.", "“{value}”不能作为“{field}”的界限。",
        "Write {expected_en}.", "请填写{expected_zh}。";
    RULE_RANGE_TURNED = "rule_range_turned",
        "The least is more than the most.", "下限大于上限。",
        "Exchange them.", "请对调两者。";
    RULE_CHOICE_UNKNOWN = "rule_choice_unknown",
        "“{value}” is no value of “{field}”.", "“{value}”不是“{field}”的取值。",
        "Values: {known}.", "可用取值：{known}。";
    RULE_LIMIT = "rule_limit",
        "There are {max} entry rules already.", "录入规则已达 {max} 条。",
        "Delete one that is not needed.", "请删除不再需要的规则。";
}
