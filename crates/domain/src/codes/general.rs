//! Codes of flaws that reading a body can find.

use crate::flaw::Code;

macro_rules! codes {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static GENERAL_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

codes! {
    TYPE_WRONG = "type_wrong", "Expected {expected_en}.", "此处应为{expected_zh}。", "Send {expected_en}, as the description of this address says.", "请按接口文档改为{expected_zh}。";
    REQUIRED = "required", "“{field}” is required.", "缺少必填项“{field}”。", "Give a value for “{field}”.", "请填写“{field}”。";
    FIELD_UNKNOWN = "field_unknown", "There is no field “{field}” here.", "此处没有字段“{field}”。", "Known fields: {known}.", "可用字段：{known}。";
    READ_ONLY = "read_only", "“{field}” cannot be written.", "“{field}”不可写入。", "Leave it out, or send it as it was read.", "请去掉该字段，或原样送回读到的值。";
    FIELD_HIDDEN = "field_hidden", "“{field}” cannot be changed by somebody who may not see it.", "无权查看“{field}”，因此不能修改。", "Leave it out.", "请去掉该字段。";
    FIELD_ALWAYS_SEEN = "field_always_seen", "“{field}” cannot be hidden: whoever sees the record sees it.", "“{field}”不能隐藏：能看到记录的人都会看到它。", "Leave it out, or write \"full\".", "请去掉，或填写 \"full\"。";
    FIELD_HAS_NO_MASK = "field_has_no_mask", "“{field}” has no mask.", "“{field}”没有掩码形式。", "Write \"full\" or \"hidden\".", "请填写 \"full\" 或 \"hidden\"。";
    FILE_NAME_RUNS = "file_name_runs", "“{value}” is the name of a program.", "“{value}”是可执行文件的名称。", "Give the file a name with another ending.", "请使用其他扩展名。";
    FILE_NAME_INVALID = "file_name_invalid", "“{value}” is no name of a file.", "“{value}”不是有效的文件名。", "Leave folders out: a name has no “/” and no “\\”.", "请勿包含文件夹：文件名不能含有“/”或“\\”。";
    ROLE_KEY_INVALID = "role_key_invalid", "“{value}” cannot be the key of a role.", "“{value}”不能作为角色标识。", "Write 2 to 40 lower-case letters, digits and underscores, beginning with a letter.", "请填写以字母开头的 2 到 40 个小写字母、数字或下划线。";
    ROLE_UNKNOWN = "role_unknown", "There is no role “{value}”.", "没有角色“{value}”。", "Name one of: {known}.", "可用的角色：{known}。";
    ROLE_IN_USE = "role_in_use", "The role “{value}” is in use: {users} users, keys, identity providers or settings name it.", "角色“{value}”正在使用：有 {users} 处（用户、密钥、身份提供方或设置）引用它。", "Give the users another role, revoke the keys, and take it out of providers and settings first.", "请先为用户更换角色、吊销密钥，并从身份提供方和设置中去掉它。";
    ROLES_TOGETHER = "roles_together", "“{value}” may not be held together with “{other}” here.", "本组织不允许同时担任“{value}”和“{other}”。", "The organisation keeps these duties apart: give them to different people.", "本组织已启用职责分离，请将这些角色分给不同的人。";
    DUTIES_TOGETHER = "duties_together", "{many} users or API keys hold two of the duties that would be kept apart: {users}.", "{many} 个用户或 API 密钥同时担任了应当分离的职责：{users}。", "Give each user one of system_admin, security_admin and auditor, or another role, and revoke such keys first.", "请先让这些用户各自只担任 system_admin、security_admin、auditor 之一或改为其他角色，并吊销这样的密钥。";
    OWN_RIGHTS = "own_rights", "Nobody changes his own rights here.", "本组织不允许修改自己的权限。", "Ask somebody else who may grant rights.", "请让其他有授权权限的人修改。";
    RIGHTS_BEYOND = "rights_beyond", "This user may do what you may not.", "该用户拥有您没有的权限。", "Ask somebody who looks after every user.", "请联系可管理全部用户的人。";
    RIGHT_MISSING = "right_missing", "That takes the right “{right}”.", "该操作需要权限“{right}”。", "Ask somebody who has it.", "请联系拥有该权限的人。";
    SUCCESSOR_UNFIT = "successor_unfit", "“{value}” cannot take over: a successor is somebody else who may sign in and look after customers.", "“{value}”不能接手：接手人须为其他可登录且可负责客户的用户。", "Name an enabled user whose role changes customers.", "请指定一位启用中且角色可处理客户的用户。";
    DUE_PASSED = "due_passed", "“{value}” has passed already.", "“{value}”已经过去。", "Give a later time.", "请填写更晚的时间。";
    SHARING_FORBIDDEN = "sharing_forbidden", "A record is shared by its owner, or by somebody who may give it away.", "只有负责人或有权转移该记录的人可以共享它。", "Leave it out, or ask the owner.", "请去掉该字段，或请负责人操作。";
    EXTERNAL_SOURCE_INVALID = "external_source_invalid", "“{value}” cannot be the name of a source.", "“{value}”不能作为来源系统的名称。", "Write 1 to 40 lower-case letters, digits and underscores, beginning with a letter, such as shop.", "请填写以字母开头的 1 到 40 个小写字母、数字或下划线，如 shop。";
    EXTERNAL_ID_INVALID = "external_id_invalid", "“{value}” cannot be an external id.", "“{value}”不能作为外部编号。", "Write 1 to {max} characters without spaces around them and without control characters.", "请填写 1 到 {max} 个字符，首尾不能有空格，且不含控制字符。";
    EXTERNAL_ID_IN_USE = "external_id_in_use", "Another record already has this id of this source.", "该来源的这一编号已属于其他记录。", "See “existing”: write to that record, by its key or with upsert, or take the id away from it first. on_duplicate=allow does not change this.", "请查看 existing：请改写该记录（按外部键或 upsert），或先从该记录去掉此编号；on_duplicate=allow 对此无效。";
    MATCH_KEY_UNKNOWN = "match_key_unknown", "Records are not found by “{value}”.", "不能按“{value}”匹配记录。", "Known keys: {known}.", "可用的匹配键：{known}。";
    MATCH_KEY_MISSING = "match_key_missing", "The item has a value for none of the keys in match_on.", "该条目没有 match_on 中任何一个键的值。", "Give it one of them; to make a record without a key, use POST to the kind itself.", "请至少提供其中一个；若要新建没有键的记录，请使用普通的新建接口。";
    MATCH_EXISTS = "match_exists", "The record is there already.", "该记录已存在。", "See “existing”, or choose another on_match: update, fill_empty, skip, create.", "请查看 existing，或改用其他 on_match：update、fill_empty、skip、create。";
    SOURCE_UNNAMED = "source_unnamed", "It is not said which source this time is of.", "未说明该时间属于哪个来源系统。", "Name external_id:<source> in match_on, and give the item its id of that source.", "请在 match_on 中写明 external_id:<source>，并在该条目中提供该来源的编号。";
    KEY_MISMATCH = "key_mismatch", "The body says another “{field}” than the address.", "请求体中的“{field}”与地址中的不一致。", "Leave it out, or write the value of the address.", "请去掉该项，或填写与地址相同的值。";
    ID_NOT_UUID7 = "id_not_uuid7", "“{value}” is not a UUID of version 7.", "“{value}”不是第 7 版 UUID。", "Make one as RFC 9562 says, in lower case, or leave the id out.", "请按 RFC 9562 生成小写的 UUIDv7，或去掉 id。";
    CHOICE_UNKNOWN = "choice_unknown", "“{value}” is not one of the choices.", "“{value}”不在可选值之内。", "Choose one of: {choices}.", "可选值：{choices}。";
    ID_INVALID = "id_invalid", "“{value}” is not an id.", "“{value}”不是有效的编号。", "An id looks like 0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f.", "编号形如 0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f。";
    REFERENCE_UNKNOWN = "reference_unknown", "There is no {kind} with the id “{value}”, or it is out of your reach.", "没有编号为“{value}”的记录（{kind}），或您无权使用它。", "Check the id or the name, or leave it out.", "请核对编号或名称，或去掉该项。";
    INSTANT_INVALID = "instant_invalid", "“{value}” is not a time.", "“{value}”不是有效的时间。", "Write RFC 3339, such as 2026-11-22T08:30:00+08:00.", "请按 RFC 3339 填写，如 2026-11-22T08:30:00+08:00。";
    DATE_INVALID = "date_invalid", "“{value}” is not a date.", "“{value}”不是有效的日期。", "Write YYYY-MM-DD, such as 1990-03-07.", "请按 YYYY-MM-DD 填写，如 1990-03-07。";
    REPORTS_IN_CIRCLE = "reports_in_circle", "“{name}” would report to itself through others.", "“{name}”将经由他人向自己汇报。", "Name somebody who does not report to this contact.", "请选择不向此联系人汇报的人。";
    REPORTS_TOO_EARLY = "reports_too_early", "A contact reports to another one of the same customer, and this customer has none yet.", "汇报对象须是同一客户的联系人，而此客户还没有联系人。", "Leave reports_to_id out, make the customer, and set it on the contact then.", "请先去掉 reports_to_id，建好客户后再在联系人上填写。";
    BIRTHDAY_INVALID = "birthday_invalid", "“{value}” is neither a date nor a day of the year.", "“{value}”既不是日期，也不是月日。", "Write YYYY-MM-DD or MM-DD, such as 03-07; of the Chinese calendar lunar:08-15.", "请按 YYYY-MM-DD 或 MM-DD 填写，如 03-07；农历如 lunar:08-15。";
    FIELD_NOT_SEALED = "field_not_sealed", "“{field}” is not confidential: it is shown in full.", "“{field}”不是敏感字段，读取时已完整显示。", "Name one of: {known}.", "可查看的字段：{known}。";
    REVEAL_HIDDEN = "reveal_hidden", "You may not see “{field}”.", "您无权查看“{field}”。", "Leave it out.", "请去掉该字段。";
    REVEAL_ELEMENT_UNKNOWN = "reveal_element_unknown", "“{field}” has no element with the id “{value}”.", "“{field}”中没有编号为“{value}”的元素。", "Take the id from the answer that shows the masks.", "请使用显示掩码的响应中给出的 id。";
    REASON_INVALID = "reason_invalid", "The reason is not a text of 1 to {max} characters.", "理由应为 1 至 {max} 个字符的文本。", "Say in a sentence why it is done.", "请用一句话说明原因。";
    LIST_TOO_LONG = "list_too_long", "The list is too long; at most {max} items.", "列表过长，最多 {max} 项。", "Shorten it to {max} items.", "请减少到 {max} 项以内。";
    ELEMENT_UNKNOWN = "element_unknown", "The list has no element with the id “{value}”.", "列表中没有编号为“{value}”的元素。", "Leave the id out to add a new element.", "新增元素时请不要带 id。";
    ELEMENT_TWICE = "element_twice", "The list has two values for the element “{value}”.", "列表中对元素“{value}”给出了两个值。", "Leave the id out of the one that is new.", "请去掉新增元素的 id。";
    MASK_IN_TEXT = "mask_in_text", "“{value}” holds a mask instead of a value.", "“{value}”是掩码，不是真实的值。", "Send the whole value, or leave the field out to keep it.", "请填写完整的值；若不修改，请去掉该字段。";
    MASK_AMBIGUOUS = "mask_ambiguous", "The mask “{value}” fits two elements.", "掩码“{value}”对应多个元素。", "Name the element by its id.", "请用 id 指明是哪一个元素。";
    DUE_BEFORE_HAPPENED = "due_before_happened", "The next step is due before the follow-up happened.", "下次跟进时间早于本次跟进时间。", "Give a later time.", "请填写更晚的时间。";
    LOGIN_REQUIRED = "login_required", "A user needs an e-mail, a mobile number or a user name to sign in.", "用户至少需要邮箱、手机号或用户名之一用于登录。", "Give one of email, mobile, user_name.", "请填写 email、mobile、user_name 之一。";
    LOGIN_KIND = "login_kind", "This does not fit the field “{field}”.", "该值与字段“{field}”的类型不符。", "Give an e-mail as email, a number as mobile, letters as user_name.", "邮箱请填 email，手机号请填 mobile，字母名称请填 user_name。";
    LOGIN_TAKEN = "login_taken", "Somebody else already signs in with this name.", "该登录名已被使用。", "Choose another one.", "请换一个。";
    NAME_TAKEN = "name_taken", "“{value}” already exists.", "“{value}”已存在。", "Choose another name.", "请换一个名称。";
    NUMBER_TEMPLATE_TOKEN = "number_template_token", "There is no placeholder “{value}”.", "没有占位符“{value}”。", "Known placeholders: {known}.", "可用的占位符：{known}。";
    NUMBER_TEMPLATE_TEXT = "number_template_text", "“{value}” cannot stand in a number.", "编号中不能使用“{value}”。", "Use letters of ASCII, digits, “-”, “_” and “.” beside the placeholders.", "占位符以外只能使用英文字母、数字和“-”“_”“.”。";
    NUMBER_TEMPLATE_SEQUENCE = "number_template_sequence", "The template does not have exactly one sequence.", "模板须有且只有一个流水号占位符。", "Write the sequence once, with 1 to 9 digits, such as {example}.", "请写一个 1 到 9 位的流水号，如 {example}。";
    NUMBER_TEMPLATE_TOO_LONG = "number_template_too_long", "Numbers of this template could have {value} characters; {max} at most.", "按该模板编号可能长达 {value} 个字符，最多 {max} 个。", "Shorten the text beside the placeholders.", "请缩短占位符以外的文字。";
    NUMBER_RESET_REPEATS = "number_reset_repeats", "A counter that begins anew so would give a number twice: the template does not say when.", "计数器这样重新开始会产生重复的编号：模板中没有相应的日期。", "Write {tokens} in the template, or let the counter go on with “never”.", "请在模板中加入 {tokens}，或将 reset 设为“never”。";
    INDUSTRY_SHORT_CODE_INVALID = "industry_short_code_invalid", "“{value}” cannot be the short code of an industry.", "“{value}”不能作为行业简码。", "Write 1 to {max} capital letters or digits, such as IT.", "请填写 1 到 {max} 个大写字母或数字，如 IT。";
    MERGE_INTO_ITSELF = "merge_into_itself", "A record cannot be merged into itself.", "不能将记录合并到其自身。", "Name the other one, which stays.", "请填写另一条要保留的记录。";
    SLUG_INVALID = "slug_invalid", "“{value}” cannot be an organisation's short name.", "“{value}”不能作为组织的短名称。", "Write 2 to 40 lower-case letters, digits and hyphens, beginning with a letter.", "请填写以字母开头的 2 到 40 个小写字母、数字或连字符。";
    PASSWORD_WRONG = "password_wrong", "This is not the present password.", "当前密码不正确。", "Check it, or have it reset by an administrator.", "请检查后重试，或请管理员重置密码。";
    OTP_INVALID = "otp_invalid", "This is not a code of the second factor, or it was used already.", "验证码不正确或已使用过。", "Wait for the next code of the app.", "请等待应用显示下一个验证码。";
    PASSWORD_OWN = "password_own", "One's own password is changed with the present one.", "修改自己的密码须提供当前密码。", "Send both to POST /v1/me/password.", "请通过 POST /v1/me/password 提交新旧密码。";
    TIME_PAST = "time_past", "{value} is over.", "{value} 已经过去。", "Give a time to come.", "请填写将来的时间。";
    KEY_ROLE_NOT_OWN = "key_role_not_own", "You may give a key your own role only.", "您只能为密钥指定您自己的角色。", "Choose your own role, or ask somebody who may give rights.", "请选择您自己的角色，或请有授权权限的人员创建。";
    TICKET_PATH = "ticket_path", "A ticket is for an address of this API without a fragment or a ticket: “/v1/…”, at most 2,000 characters of ASCII.", "临时凭证只能用于本 API 的地址：以“/v1/”开头，不含片段和临时凭证，最多 2000 个 ASCII 字符。", "Send path and query as they will be asked for, percent-encoded.", "请按实际请求发送路径和查询部分，并进行百分号编码。";
    KEY_FIELD_UNKNOWN = "key_field_unknown", "There is no field “{value}”.", "没有字段“{value}”。", "Name kind and field, such as “customer.phones”.", "请填写类型和字段，如“customer.phones”。";
    INVITATION_INVALID = "invitation_invalid", "The invitation was used, has expired, or never was one.", "邀请已使用、已过期或无效。", "Ask an administrator for a new one.", "请联系管理员重新邀请。";
    TEAM_CYCLE = "team_cycle", "A team cannot be below itself.", "团队不能成为自己的下级。", "Choose another parent.", "请选择其他上级团队。";
    LAST_ADMINISTRATOR = "last_administrator", "The last administrator cannot lose the role or be disabled.", "不能停用最后一位管理员或取消其角色。", "Make somebody else administrator first.", "请先指定另一位管理员。";
    DUPLICATE_VALUE = "duplicate_value", "Another record already has this value.", "已有其他记录使用此值。", "See “existing”, or repeat with on_duplicate=allow.", "请查看 existing；如确需重复创建，请加上 on_duplicate=allow。";
    UNIQUE_VALUE_TAKEN = "unique_value_taken", "Another record already has this value, and the organisation wants it once.", "已有其他记录使用此值，而本组织要求该值唯一。", "See “existing”; give another value, or leave the field out. on_duplicate=allow does not change this.", "请查看 existing；请换一个值或去掉该字段，on_duplicate=allow 对此无效。";
    TAKEN_MEANWHILE = "taken_meanwhile", "Another record took this value while this one was deleted.", "该记录删除期间，此值已被其他记录使用。", "See “existing”: change or delete that record first, then restore this one.", "请查看 existing；请先修改或删除该记录，再恢复此记录。";
    OWNER_OUT_OF_REACH = "owner_out_of_reach", "You may not give a customer to this owner or team.", "您无权把客户分配给该负责人或团队。", "Leave owner and team out to keep the customer yourself.", "不填写负责人和团队，客户即归您本人。";
    FILTER_FIELD = "filter_field_unknown", "There is no field “{field}” to ask for.", "没有可用于查询的字段“{field}”。", "Known fields: {known}.", "可用字段：{known}。";
    CUSTOM_NOT_FILTERABLE = "custom_not_filterable", "Lists cannot be asked for “{field}” or ordered by it.", "“{field}”未开启筛选，不能用于筛选或排序。", "Whoever manages fields can make it filterable; a long text, searchable.", "请字段管理员开启“可筛选”（长文本为“可搜索”）。";
    CUSTOM_NOT_INDEXED = "custom_not_indexed", "The values of “{field}” are still being gathered for such questions.", "正在整理“{field}”的已有数据，暂时无法这样查询。", "Try again in a few minutes. A field that became filterable just now says `indexed` when it is done.", "请几分钟后再试；若是刚开启筛选的字段，其 indexed 为 true 即表示完成。";
    FILTER_RELATION = "filter_relation_unknown", "There is no relation “{value}” to ask along.", "没有可用于查询的关联“{value}”。", "Known relations: {known}.", "可用关联：{known}。";
    FILTER_OP = "filter_op_unknown", "“{field}” does not know the operator “{op}”.", "字段“{field}”不支持运算符“{op}”。", "Known operators: {known}.", "可用运算符：{known}。";
    FILTER_VALUE = "filter_value_invalid", "“{value}” is not a value that “{field}” can be compared with.", "“{value}”不能与“{field}”比较。", "Expected {expected_en}.", "此处应为{expected_zh}。";
    FILTER_SHAPE = "filter_shape", "Here stands {found_en}, and no filter.", "此处是{found_zh}，不是筛选条件。", "A filter is {“field”, “op”, “value”}, {“and”: […]}, {“or”: […]}, {“not”: …} or {“related”, “where”}.", "筛选条件应为 {“field”, “op”, “value”}、{“and”: […]}、{“or”: […]}、{“not”: …} 或 {“related”, “where”}。";
    FILTER_LIST = "filter_list", "“{field}” takes a list of filters; here stands {found_en}.", "“{field}”应为筛选条件的列表，此处是{found_zh}。", "Write {“{field}”: […]}.", "请写为 {“{field}”: […]}。";
    FILTER_TOO_LARGE = "filter_too_large", "The filter is too large: at most {conditions} conditions, {depth} levels, {values} values.", "筛选条件过大：最多 {conditions} 个条件、{depth} 层、{values} 个值。", "Ask for several values of one field with `in`, or in several questions.", "同一字段的多个值请用 in 查询，或分多次查询。";
    FILTER_SLOW = "filter_slow", "Too many entries would have to be read to find those that fit.", "需要读取的条目过多，无法找出符合条件的条目。", "Add one of these, or a shorter span of time: {fast}.", "请加上以下条件之一，或缩短时间范围：{fast}。";
    SEALED_IN_URL = "sealed_in_url", "“{field}” is confidential and may not stand in an address.", "“{field}”属于敏感字段，不能出现在网址中。", "Send it in the body of POST …/search or POST /v1/lookup.", "请在 POST …/search 或 POST /v1/lookup 的请求体中发送。";
    SORT_UNKNOWN = "sort_unknown", "The list cannot be ordered by “{value}”.", "不能按“{value}”排序。", "Known orders: {known}; a leading “-” turns one round.", "可用排序：{known}；前面加“-”表示倒序。";
    CURSOR_INVALID = "cursor_invalid", "The cursor does not belong to this list.", "游标不属于此列表。", "Take `page.next` of an answer to the same question, or begin without a cursor.", "请使用同一查询返回的 page.next，或不带游标重新开始。";
    LIMIT_INVALID = "limit_invalid", "“{value}” is not a page size.", "“{value}”不是有效的每页条数。", "Give a whole number from 1 to {max}.", "请填写 1 到 {max} 的整数。";
    USE_CURSOR = "use_cursor", "Page {value} lies too far behind to be asked for by its number.", "第 {value} 页过于靠后，不能按页码读取。", "Numbers reach {max} rows. Go on with `page.next` as `after`, which has no end, or narrow the filter.", "按页码最多读取前 {max} 条。请把 page.next 作为 after 继续向后翻页（没有深度限制），或缩小筛选范围。";
    FACET_UNKNOWN = "facet_unknown", "Records cannot be grouped by “{value}”.", "不能按“{value}”分组。", "Known groupings: {known}.", "可用的分组字段：{known}。";
    PARAMETER_UNKNOWN = "parameter_unknown", "There is no parameter “{value}”.", "没有参数“{value}”。", "Known parameters: {known}.", "可用参数：{known}。";
    PARAMETER_INVALID = "parameter_invalid", "“{value}” cannot be said here.", "此处不能填写“{value}”。", "Expected {expected_en}.", "此处应为{expected_zh}。";
    REDIRECT_URI_UNKNOWN = "redirect_uri_unknown", "“{value}” is not an address that the provider may send people back to.", "“{value}”不在该登录提供方的回调地址之内。", "Give one of its `redirect_uris`, exactly.", "请填写其 redirect_uris 中的某一个，须完全一致。";
    TARGET_INVALID = "target_invalid", "“{value}” cannot be asked: {reason_en}.", "无法访问“{value}”：{reason_zh}。", "Give an https address of a server on the internet.", "请填写互联网服务器的 https 地址。";
    ORIGIN_INVALID = "origin_invalid", "“{value}” is not an origin.", "“{value}”不是有效的来源。", "Write https://www.example.com, http://localhost:5173 or wechat:wx0123456789abcdef.", "请按 https://www.example.com、http://localhost:5173 或 wechat:wx0123456789abcdef 填写。";
    NUMBER_OUT_OF_RANGE = "number_out_of_range", "{value} is out of range.", "{value} 超出范围。", "Give a whole number from {min} to {max}.", "请填写 {min} 到 {max} 的整数。";
    NETWORK_INVALID = "network_invalid", "“{value}” is neither an address nor a network.", "“{value}”不是有效的地址或网段。", "Write 203.0.113.7, 10.0.0.0/8 or fd00::/8.", "请填写如 203.0.113.7、10.0.0.0/8 或 fd00::/8。";
    ADDRESS_SHUTS_OUT = "address_shuts_out", "This list does not hold the address that you come from, {value}.", "该列表不含您当前的地址 {value}，保存后您将无法访问。", "Add it, or come from an address of the list.", "请加入该地址，或从列表内的地址操作。";
    TIME_ZONE_UNKNOWN = "time_zone_unknown", "There is no time zone “{value}”.", "没有时区“{value}”。", "Write a name of the IANA database, such as Asia/Shanghai.", "请填写 IANA 时区名，如 Asia/Shanghai。";
    CURRENCY_UNKNOWN = "currency_unknown", "There is no currency “{value}”.", "没有货币“{value}”。", "Write a code of ISO 4217, such as CNY.", "请填写 ISO 4217 代码，如 CNY。";
    COUNTRY_UNKNOWN = "country_unknown", "There is no country or region “{value}” with a telephone plan.", "没有国家或地区“{value}”。", "Write a code of ISO 3166-1, such as CN.", "请填写 ISO 3166-1 代码，如 CN。";
    COLOR_INVALID = "color_invalid", "“{value}” is not a colour.", "“{value}”不是有效的颜色。", "Write #rrggbb, such as #1677ff.", "请按 #rrggbb 填写，如 #1677ff。";
}
