//! Codes of custom fields: of their values, and of their definitions.

use crate::flaw::Code;

macro_rules! codes {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static CUSTOM_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

codes! {
    DECIMAL_INVALID = "decimal_invalid", "“{value}” is not a number with at most {decimals} decimals, up to {max}.", "“{value}”不是有效的数字（最多 {decimals} 位小数，绝对值不超过 {max}）。", "Write digits and a point, such as 12.5 or \"12.50\".", "请用数字和小数点填写，如 12.5 或 \"12.50\"。";
    DECIMAL_ROUNDED = "decimal_rounded", "“{value}” has more digits than a JSON number carries: the last ones may have been lost on the way.", "“{value}”的位数超出 JSON 数字的精度，末位可能已丢失。", "Send it as text, in quotation marks.", "请加引号，以文本形式发送。";
    CURRENCY_OTHER = "currency_other", "Amounts here are in {currency}, not in {value}.", "此处金额的货币为 {currency}，不是 {value}。", "Convert the amount, or leave the currency out.", "请换算金额，或去掉货币。";
    VALUE_TOO_SMALL = "value_too_small", "{value} is less than {min}.", "{value} 小于 {min}。", "Give {min} or more.", "请填写不小于 {min} 的值。";
    VALUE_TOO_LARGE = "value_too_large", "{value} is more than {max}.", "{value} 大于 {max}。", "Give {max} or less.", "请填写不大于 {max} 的值。";
    TEXT_TOO_SHORT = "text_too_short", "The text has {length} characters; at least {min} are asked for.", "内容有 {length} 个字符，至少需要 {min} 个。", "Write at least {min} characters.", "请至少填写 {min} 个字符。";
    LIST_TOO_SHORT = "list_too_short", "The list has {length} items; at least {min} are asked for.", "列表有 {length} 项，至少需要 {min} 项。", "Choose at least {min}.", "请至少选择 {min} 项。";
    PATTERN_MISMATCH = "pattern_mismatch", "“{value}” does not have the form that this field asks for.", "“{value}”不符合该字段要求的格式。", "As a whole it must match {pattern}.", "整个内容须匹配 {pattern}。";
    CHOICE_RETIRED = "choice_retired", "“{value}” is no longer chosen.", "“{value}”已停用，不能再选择。", "Choose one of: {choices}.", "可选值：{choices}。";
    VALUE_TWICE = "value_twice", "Two records of this request have the same value here, and only one may have it.", "本次请求中有两条记录使用了相同的值，而该字段的值必须唯一。", "Leave it out in one of them, or give another value.", "请去掉其中一个，或改用其他值。";
    URL_INVALID = "url_invalid", "“{value}” is not an address of the web.", "“{value}”不是有效的网址。", "Write http:// or https:// and a host, without user name and password, at most {max} characters.", "请填写以 http:// 或 https:// 开头、不含用户名和密码的网址，最多 {max} 个字符。";

    PATTERN_INVALID = "pattern_invalid", "The pattern cannot be read at character {at}: {reason}.", "第 {at} 个字符处无法解析正则表达式：{reason}。", "Write a regular expression without look-around and back-references, such as [A-Z]{2}-\\d{4}.", "请填写不含环视和反向引用的正则表达式，如 [A-Z]{2}-\\d{4}。";
    PATTERN_TOO_LARGE = "pattern_too_large", "The pattern is too large.", "正则表达式过大。", "Write at most {max} characters, and smaller repetitions.", "请不超过 {max} 个字符，并减少重复次数。";
    FIELD_KEY_INVALID = "field_key_invalid", "“{value}” cannot be the key of a field.", "“{value}”不能作为字段标识。", "Write 1 to 40 lower-case letters, digits and underscores, beginning with a letter.", "请填写以字母开头的 1 到 40 个小写字母、数字或下划线。";
    FIELD_KEY_RESERVED = "field_key_reserved", "Every {kind} has a member “{value}” already.", "该类记录（{kind}）已有成员“{value}”。", "Choose another key.", "请换一个标识。";
    FIELD_KIND_UNKNOWN = "field_kind_unknown", "“{value}” is no kind of record that takes fields.", "“{value}”不是可添加字段的记录类型。", "Name one of: {known}.", "可用类型：{known}。";
    LABEL_MISSING = "label_missing", "A label is missing.", "缺少显示名称。", "Give “zh-CN”, “en” or both.", "请填写 “zh-CN”、“en” 或两者。";
    FIELD_OPTION_UNFIT = "field_option_unfit", "A field of the type “{type}” has no “{option}”.", "类型为“{type}”的字段没有“{option}”。", "Leave it out; it goes with: {types}.", "请去掉它；它适用于：{types}。";
    FIELD_OPTION_MISSING = "field_option_missing", "A field of the type “{type}” needs “{option}”.", "类型为“{type}”的字段需要“{option}”。", "Give a value for “{option}”.", "请填写“{option}”。";
    FIELD_TARGET_UNFIT = "field_target_unfit", "A field cannot refer to a {target}.", "字段不能关联“{target}”。", "Tag the record itself (`tags`), or let people choose from a list: a field of the type “choices”. It refers to one of: {known}.", "请直接为记录添加标签（tags），或使用类型为“choices”的字段供人选择。可关联的类型：{known}。";
    FIELD_UNIQUE_UNFIT = "field_unique_unfit", "A field can be unique only where its values can be found: filterable, or sensitive and found by equality.", "只有可查找的字段才能设为唯一：可筛选的字段，或可按相等查找的敏感字段。", "Set “filterable” too, or leave “unique” out.", "请同时设置 “filterable”，或去掉 “unique”。";
    FIELD_UNIQUE_DEFAULT = "field_unique_default", "A field that is unique has no default: the second record would have it too.", "唯一字段不能有默认值：第二条记录会与第一条重复。", "Leave “default” or “unique” out.", "请去掉 “default” 或 “unique”。";
    FIELD_SENSITIVE_UNFIT = "field_sensitive_unfit", "Sealed values of the type “{type}” cannot be asked for.", "类型为“{type}”的敏感字段不能用于筛选。", "Leave “filterable” out, or leave “sensitive” out.", "请去掉 “filterable” 或 “sensitive”。";
    FIELD_SEARCH_UNFIT = "field_search_unfit", "Only an open text is searched, and one of type “text” where it is filterable.", "只有非敏感文本才能被搜索，其中 text 类型还须可筛选。", "Set “filterable” too where the type is “text”, or leave “searchable” out.", "text 类型请同时设置 “filterable”，否则请去掉 “searchable”。";
    FIELD_BOUNDS_CROSSED = "field_bounds_crossed", "“min” is more than “max”.", "“min” 大于 “max”。", "Swap them, or change one.", "请对调或修改其中之一。";
    CHOICE_KEY_INVALID = "choice_key_invalid", "“{value}” cannot be the key of a choice.", "“{value}”不能作为选项标识。", "Write 1 to 60 letters, digits, underscores, points and hyphens.", "请填写 1 到 60 个字母、数字、下划线、点或连字符。";
    CHOICE_TWICE = "choice_twice", "“{value}” stands in the choices twice, as a key or a label.", "选项标识或名称“{value}”重复。", "Give each choice its own key and labels.", "请为每个选项使用不同的标识和名称。";
    CUSTOM_FIELDS_FULL = "custom_fields_full", "A kind has at most {max} fields of its own.", "每类记录最多可添加 {max} 个字段。", "Delete one that nobody uses: {spare}.", "请先删除不再使用的字段：{spare}。";
    CUSTOM_SLOTS_FULL = "custom_slots_full", "A kind has at most {max} filterable fields of this sort.", "每类记录中该类可筛选字段最多 {max} 个。", "Switch “filterable” off on one of them, such as “{spare}”; its place is free as soon as it is empty.", "请关闭其中一个字段的 “filterable”，如“{spare}”；其位置清空后即可使用。";
}
