//! Codes of requests that do several things at once.

use crate::flaw::Code;

macro_rules! codes {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static OPERATION_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

codes! {
    OPERATION_METHOD = "operation_method", "“{value}” is no method of an operation on “{path}”.", "“{path}”上的操作不支持方法“{value}”。", "POST makes a record at /v1/customers, PATCH changes one at /v1/customers/<id>, DELETE deletes it, and POST takes it back at /v1/customers/<id>/restore.", "POST /v1/customers 新建，PATCH /v1/customers/<id> 修改，DELETE 删除，POST /v1/customers/<id>/restore 恢复。";
    OPERATION_PATH = "operation_path", "“{value}” is no address of records that are written together.", "“{value}”不是可批量写入的记录地址。", "Begin with one of: {known}. Parameters are left out.", "须以下列地址之一开头：{known}，且不带查询参数。";
    OPERATION_BODY = "operation_body", "A {method} takes no body.", "{method} 不接受 body。", "Leave “body” out.", "请去掉 body。";
    OPERATION_NAME = "operation_name", "“{value}” cannot be the name of an operation.", "“{value}”不能作为操作名。", "Write 1 to 64 letters and digits of ASCII, “_” and “-”.", "请填写 1 到 64 个英文字母、数字、“_”或“-”。";
    OPERATION_NAME_TWICE = "operation_name_twice", "Two operations are called “{value}”.", "操作名“{value}”重复。", "Give each its own name.", "请为每个操作使用不同的名称。";
    OPERATION_UNKNOWN = "operation_unknown", "No operation of this request is called “{value}”.", "本次请求中没有名为“{value}”的操作。", "Give the operation that makes the record “ref”: \"{value}\", before this one. A text of this form cannot be stored through this address.", "请在此操作之前为创建该记录的操作填写 “ref”: \"{value}\"。这种形式的文本无法通过此地址保存。";
    OPERATION_LATER = "operation_later", "The operation “{value}” does not come before this one.", "操作“{value}”不在此操作之前。", "Operations are done in their order: put the one that makes the record first.", "操作按顺序执行，请将创建该记录的操作放在前面。";
    BULK_WHAT = "bulk_what", "Say one of {known}.", "请在 {known} 中指定一项。", "Leave the other out.", "请去掉另一项。";
    BULK_VALUE_OF_ONE = "bulk_value_of_one", "“{field}” is a value that one record alone has: it cannot be given to all that a filter finds.", "“{field}”的值只属于单条记录，不能批量写入筛选出的全部记录。", "Change such records one by one, or name them by “ids”.", "请逐条修改，或用 ids 指定记录。";
    BULK_VERSION = "bulk_version", "Records that are changed together have no version in common.", "批量修改的记录没有共同的版本号。", "Leave “version” out.", "请去掉 version。";
}
