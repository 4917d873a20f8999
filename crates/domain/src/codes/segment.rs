//! Codes about segments.

use crate::flaw::Code;

macro_rules! codes {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static SEGMENT_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

codes! {
    SEGMENT_UNKNOWN = "segment_unknown",
        "There is no segment of this kind of record with the id “{value}”, or it is out of your reach.",
        "没有编号为“{value}”的此类记录分群，或您无权使用它。",
        "Take the id from GET /v1/segments.", "请从 GET /v1/segments 取得编号。";
    SEGMENT_UNUSABLE = "segment_unusable",
        "The segment “{name}” cannot be asked: {reason_en}", "分群“{name}”无法查询：{reason_zh}",
        "Whoever owns the segment can mend its filter.", "请分群的负责人修改其筛选条件。";
    SEGMENT_SEALED = "segment_sealed",
        "“{field}” is confidential: a filter that is kept does not hold values of it.",
        "“{field}”属于敏感字段，其值不能存入分群的筛选条件。",
        "Ask with `is_null`, or put the records into a static segment.", "可使用 is_null，或把记录加入静态分群。";
    SEGMENT_CYCLE = "segment_cycle",
        "The segment would use itself: {path}.", "分群将引用自身：{path}。",
        "Leave out the condition that closes the circle.", "请去掉形成循环的条件。";
    SEGMENT_TOO_LARGE = "segment_too_large",
        "With the segments that it uses, “{name}” would be too large: at most {conditions} conditions, {depth} segments deep.",
        "连同其引用的分群，“{name}”将超出限制：最多 {conditions} 个条件、{depth} 层分群。",
        "Use fewer segments within each other, or simpler ones.", "请减少分群的嵌套，或简化所引用的分群。";
    SEGMENT_NARROWER = "segment_narrower",
        "“{name}” is shared with fewer people than the segment that would use it.",
        "“{name}”的共享范围小于要引用它的分群。",
        "Share it as widely, or keep the segment that uses it private.", "请扩大其共享范围，或将引用它的分群设为仅自己可用。";
    SEGMENT_STILL_USED = "segment_still_used",
        "“{name}” is used by other segments: {users}.", "“{name}”正被其他分群引用：{users}。",
        "Take it out of their filters first.", "请先从这些分群的筛选条件中去掉它。";
    SEGMENT_SHARING_FORBIDDEN = "segment_sharing_forbidden",
        "You may not share segments so widely: {allowed}.", "您无权将分群共享到该范围：{allowed}。",
        "Keep it private, or ask somebody who may share it.", "请设为仅自己可用，或请有权限的人共享。";
    SEGMENT_TEAM_MISSING = "segment_team_missing",
        "A segment is shared with the team of its owner, and the owner is in none.",
        "分群共享给负责人所在的团队，而负责人不属于任何团队。",
        "Share it with everybody, or keep it private.", "请共享给所有人，或设为仅自己可用。";
    SEGMENT_OWNER_MISSING = "segment_owner_missing",
        "A program with a key of its own has no private segments.", "使用独立密钥的程序不能拥有仅自己可用的分群。",
        "Share the segment with everybody.", "请将分群共享给所有人。";
    SEGMENT_STATIC_HAS_NO_FILTER = "segment_static_has_no_filter",
        "A static segment has no filter: records are put into it.", "静态分群没有筛选条件，其成员由人工加入。",
        "Leave `where` out and send POST /v1/segments/{id}/members, which takes a filter too.",
        "请去掉 where，改用 POST /v1/segments/{id}/members，该接口也接受筛选条件。";
    SEGMENT_NOT_STATIC = "segment_not_static",
        "“{name}” is a live segment: what fits its filter is in it.", "“{name}”是动态分群，成员由其筛选条件决定。",
        "Change `where` of the segment, or make a static one.", "请修改该分群的 where，或新建静态分群。";
    SEGMENT_FULL = "segment_full",
        "A segment holds {max} records at most.", "一个分群最多容纳 {max} 条记录。",
        "Remove some, or make another segment.", "请先移除部分记录，或另建分群。";
    SEGMENT_ADDS_TOO_MANY = "segment_adds_too_many",
        "More than {max} records fit the filter.", "符合筛选条件的记录超过 {max} 条。",
        "Narrow the filter and add them in several parts.", "请缩小筛选范围，分批加入。";
    SEGMENT_LIMIT = "segment_limit",
        "There are {max} segments already.", "分群已达 {max} 个。",
        "Delete one that is not needed.", "请删除不再需要的分群。";
}
