//! Every code that an error answer can carry: at the top, and in `errors` for what reading a request finds.

use kehu_domain::codes;
use kehu_domain::flaw::{Code, Lang};

/// A situation in which a request is not answered with 2xx. `{name}` in a detail is filled by the problem.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemCode {
    /// What programs compare; also the last part of `type`.
    pub key: &'static str,
    /// The HTTP status code.
    pub status: u16,
    /// The situation in a few words, in English.
    pub title_en: &'static str,
    /// The situation in a few words, in Chinese.
    pub title_zh: &'static str,
    /// What it means and what to do, in English.
    pub detail_en: &'static str,
    /// What it means and what to do, in Chinese.
    pub detail_zh: &'static str,
}

impl ProblemCode {
    /// The situation in a few words.
    #[must_use]
    pub fn title(&self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.title_en,
            Lang::Zh => self.title_zh,
        }
    }
}

macro_rules! problems {
    ($( $NAME:ident = $key:literal $status:literal, $title_en:literal, $title_zh:literal, $detail_en:literal, $detail_zh:literal; )*) => {
        $( #[doc = $title_en] pub static $NAME: ProblemCode = ProblemCode {
            key: $key, status: $status, title_en: $title_en, title_zh: $title_zh, detail_en: $detail_en,
            detail_zh: $detail_zh,
        }; )*
        /// Every code above, by status.
        pub static PROBLEM_CODES: &[&ProblemCode] = &[ $( &$NAME ),* ];
    };
}

problems! {
    BAD_REQUEST = "bad_request" 400, "The request cannot be understood", "无法理解该请求", "Its address, headers or body are malformed.", "请求的地址、请求头或请求体格式有误。";
    NOT_JSON = "not_json" 400, "The body is not JSON", "请求体不是有效的 JSON", "The body cannot be read as JSON; `errors` says where.", "请求体无法按 JSON 解析，位置见 errors。";
    QUESTION_INVALID = "question_invalid" 400, "The question cannot be answered", "无法回答该查询", "A parameter or a condition is wrong; `errors` says which.", "某个参数或条件有误，详见 errors。";
    HEADER_INVALID = "header_invalid" 400, "A header is malformed", "请求头格式有误", "The header {header} is malformed. Expected {expected_en}.", "请求头 {header} 格式有误，应为{expected_zh}。";
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid" 400, "The idempotency key is malformed", "幂等键格式有误", "An Idempotency-Key has 16 to 255 printable ASCII characters.", "Idempotency-Key 须为 16 至 255 个可打印的 ASCII 字符。";
    METHOD_OVERRIDE_INVALID = "method_override_invalid" 400, "The method cannot be overridden so", "不能这样改写请求方法", "X-HTTP-Method-Override may only turn a POST into a PATCH.", "X-HTTP-Method-Override 只能把 POST 改写为 PATCH。";
    TOKEN_IN_ADDRESS = "token_in_address" 400, "A token stands in the address", "地址中含有令牌", "Addresses end up in logs and histories. Send the token as “Authorization: Bearer …”, or ask for a ticket (POST /v1/tickets); consider the token known and sign out.", "地址会留在日志和历史记录中。请通过“Authorization: Bearer …”发送令牌，或申请临时凭证（POST /v1/tickets）；该令牌应视为已泄露，请退出登录。";
    TOO_EXPENSIVE = "too_expensive" 400, "The question is too expensive", "该查询开销过大", "The list would have to read too many rows. Narrow the filter, or use a filter and an order that the kind lists as fast.", "该查询需要读取的记录过多。请缩小筛选范围，或使用该类记录列出的快速筛选与排序。";
    TOKEN_MISSING = "token_missing" 401, "Sign in first", "请先登录", "The request carries no access token. Send “Authorization: Bearer …”.", "请求未携带访问令牌，请发送“Authorization: Bearer …”。";
    TOKEN_INVALID = "token_invalid" 401, "The access token is not valid", "访问令牌无效", "Sign in again.", "请重新登录。";
    FORM_KEY_INVALID = "form_key_invalid" 401, "The key of the form is not valid", "表单密钥无效", "There is no such form, or the key is not its own. Use the key that the form shows.", "表单不存在，或密钥不属于该表单。请使用该表单显示的密钥。";
    TOKEN_EXPIRED = "token_expired" 401, "The access token has expired", "访问令牌已过期", "Refresh it with the refresh token.", "请用刷新令牌换取新的访问令牌。";
    SESSION_ENDED = "session_ended" 401, "The session has ended", "会话已结束", "Sign in again.", "请重新登录。";
    KEY_INVALID = "key_invalid" 401, "The key is not valid", "密钥无效", "There is no such API key or personal token. Check that it was copied whole.", "没有这样的 API 密钥或个人令牌，请检查是否复制完整。";
    KEY_REVOKED = "key_revoked" 401, "The key was revoked", "密钥已吊销", "Ask for a new API key or personal token.", "请申请新的 API 密钥或个人令牌。";
    KEY_EXPIRED = "key_expired" 401, "The key has expired", "密钥已过期", "Ask for a new API key or personal token, or for a later end of this one.", "请申请新的 API 密钥或个人令牌，或请管理员延长其有效期。";
    TICKET_INVALID = "ticket_invalid" 401, "The ticket is not valid", "临时凭证无效", "A ticket opens exactly the address that it was made for, with GET. Ask for one for this address.", "临时凭证只能用 GET 打开其对应的地址，请为此地址重新申请。";
    TICKET_EXPIRED = "ticket_expired" 401, "The ticket has expired", "临时凭证已过期", "Ask for a new one.", "请重新申请。";
    CREDENTIALS_WRONG = "credentials_wrong" 401, "The sign-in name or the password is wrong", "登录名或密码错误", "Check both and try again. After several failures an organisation may lock the account for a while.", "请检查后重试。多次失败后，组织可能会暂时锁定账号。";
    OTP_REQUIRED = "otp_required" 401, "A code of the second factor is needed", "需要第二因素验证码", "The password is right. Send it again with `otp`: the code that the app shows, or a recovery code.", "密码正确。请连同 otp 再次提交：应用显示的验证码，或一个恢复码。";
    OTP_WRONG = "otp_wrong" 401, "The code of the second factor is wrong", "第二因素验证码错误", "It is not a code of the second factor, or it was used already. Wait for the next code of the app.", "验证码不正确或已使用过，请等待应用显示下一个验证码。";
    ORGANISATION_REQUIRED = "organisation_required" 401, "Name the organisation", "请指定组织", "This sign-in name belongs to several organisations: send `organisation` too.", "该登录名属于多个组织，请同时发送 organisation。";
    EXTERNAL_STATE_UNKNOWN = "external_state_unknown" 401, "This sign-in cannot be finished", "无法完成此次登录", "It was finished or has expired, or was begun in another browser or app. Begin again.", "此次登录已完成、已过期，或由其他浏览器或应用发起。请重新登录。";
    EXTERNAL_NOT_BELIEVED = "external_not_believed" 401, "The identity provider does not vouch for you", "身份提供方未确认您的身份", "It refused, or what it says does not hold. Begin again; the organisation's log says why.", "身份提供方拒绝了请求，或其答复无法通过验证。请重新登录；原因见本组织的日志。";
    EXTERNAL_NO_ACCOUNT = "external_no_account" 401, "There is no account for you here", "您在此处没有账号", "The organisation makes none by itself. Ask its administrator.", "本组织不会自动创建账号，请联系管理员。";
    EXTERNAL_NO_ROLE = "external_no_role" 401, "None of your groups may sign in", "您所在的组无权登录", "No group that the identity provider names has a role here. Ask an administrator of the organisation.", "身份提供方给出的组均未对应此处的角色，请联系本组织的管理员。";
    EXTERNAL_EMAIL_UNVERIFIED = "external_email_unverified" 401, "The e-mail address is not confirmed", "邮箱地址未经验证", "The identity provider does not say that the address is yours. Confirm it there.", "身份提供方未确认该邮箱属于您，请先在那里完成验证。";
    EXTERNAL_EMAIL_DOMAIN = "external_email_domain" 401, "The e-mail address is of another domain", "邮箱域名不被允许", "The organisation lets in confirmed addresses of its own domains only.", "本组织只允许使用自有域名且已验证的邮箱登录。";
    ACCOUNT_DISABLED = "account_disabled" 401, "The account is disabled", "账号已停用", "Ask an administrator of the organisation.", "请联系本组织的管理员。";
    PASSWORD_CHANGE_REQUIRED = "password_change_required" 401, "The password must be changed", "必须修改密码", "The password is right, but too old or set by somebody else. Sign in again with `new_password` too.", "密码正确，但已过期或由他人设置。请在登录请求中同时提供 new_password。";
    FORBIDDEN = "forbidden" 403, "This is not allowed", "无权执行此操作", "The role does not allow this.", "您的角色不允许执行此操作。";
    ADDRESS_NOT_ALLOWED = "address_not_allowed" 403, "The address is not allowed", "不允许从该地址访问", "The organisation lets you in from other addresses only. Ask an administrator.", "本组织不允许从您当前的地址访问，请联系管理员。";
    SECOND_FACTOR_ENROLMENT_REQUIRED = "second_factor_enrolment_required" 403, "Set up a second factor first", "请先设置第二因素", "The role needs a second factor, and none is set up. Until then nothing works but GET /v1/me, /v1/me/second_factor and signing out.", "您的角色要求使用第二因素，但尚未设置。设置之前仅可使用 GET /v1/me、/v1/me/second_factor 和退出登录。";
    SECOND_FACTOR_OWN = "second_factor_own" 403, "One's own second factor is removed with the password", "移除自己的第二因素须提供密码", "Send the password or a code to DELETE /v1/me/second_factor.", "请通过 DELETE /v1/me/second_factor 提交密码或验证码。";
    KEY_READS_ONLY = "key_reads_only" 403, "The token only reads", "令牌仅可读取", "This personal token has the scope “read”. Use one with the scope “full”.", "该个人令牌的范围为 read，请使用范围为 full 的令牌。";
    ORIGIN_REFUSED = "origin_refused" 403, "The origin is not allowed", "来源不被允许", "Pages of this origin may not send this request.", "来自该来源的页面不能发送此请求。";
    NOT_FOUND = "not_found" 404, "There is nothing here", "此处没有内容", "It does not exist, or it is out of your reach.", "它不存在，或您无权访问。";
    METHOD_NOT_ALLOWED = "method_not_allowed" 405, "The method is not allowed here", "此处不支持该请求方法", "The header Allow lists the methods of this address.", "该地址支持的方法见 Allow 响应头。";
    NOT_ACCEPTABLE = "not_acceptable" 406, "No acceptable form of the answer", "无法提供可接受的格式", "The answer does not exist in a form that the request accepts.", "没有请求可接受的响应格式。";
    REQUEST_TIMEOUT = "request_timeout" 408, "The request took too long to arrive", "请求接收超时", "The body did not arrive within {seconds} seconds.", "请求体未能在 {seconds} 秒内送达。";
    DUPLICATE = "duplicate" 409, "Such a record exists already", "已存在相同的记录", "A living record has the same phone, e-mail or code; `existing` says what may be known of it.", "已有记录使用相同的电话、邮箱或代码，详见 existing。";
    EXTERNAL_ID_TAKEN = "external_id_taken" 409, "The external id belongs to another record", "该外部编号已属于其他记录", "A living record of this kind has the same id of the same source; `existing` says what may be known of it.", "已有同类记录使用该来源的这一编号，详见 existing。";
    ID_TAKEN = "id_taken" 409, "The id is in use", "该 id 已被使用", "Another request made a record under this id, or this client said something else of it then. Make a new UUIDv7.", "已有其他请求用此 id 创建了记录，或当时提交的内容不同。请生成新的 UUIDv7。";
    MATCHES_SEVERAL = "matches_several" 409, "Several records match", "匹配到多条记录", "The keys of this item are those of more than one record; `matches` names the ones within reach. Merge them, or match on fewer keys.", "该条目的键分别属于多条记录，您可见的见 matches。请先合并这些记录，或减少匹配键。";
    CONFLICT = "conflict" 409, "Somebody else was faster", "操作与他人冲突", "Something that this request needs was changed at the same moment. Read it again and repeat.", "此请求所需的数据刚刚被他人修改，请重新读取后再试。";
    IDEMPOTENCY_KEY_BUSY = "idempotency_key_busy" 409, "The first request still runs", "首个请求仍在处理中", "Another request under this Idempotency-Key has not ended. Repeat this one after the time in Retry-After: it will be told what the first one did.", "使用该 Idempotency-Key 的另一个请求尚未结束。请在 Retry-After 指明的时间之后重试，届时将返回首个请求的结果。";
    REFUSED_BEFORE = "refused_before" 409, "The item was refused before", "该条目此前已被拒绝", "The earlier request under this Idempotency-Key refused the item. Send it again under a new key.", "此前使用该 Idempotency-Key 的请求已拒绝此条目，请换新键重新发送。";
    SECOND_FACTOR_ACTIVE = "second_factor_active" 409, "There is a second factor already", "已设置第二因素", "Remove it first: DELETE /v1/me/second_factor.", "请先移除：DELETE /v1/me/second_factor。";
    SECOND_FACTOR_NONE = "second_factor_none" 409, "There is no such second factor", "没有相应的第二因素", "None is set up, or none waits to be confirmed. Begin with POST /v1/me/second_factor.", "尚未设置第二因素，或没有待确认的第二因素。请从 POST /v1/me/second_factor 开始。";
    JOB_ENDED = "job_ended" 409, "The job has ended", "任务已结束", "There is nothing left to take back; `state` of the job says how it ended.", "任务已经结束，无法取消；结束方式见任务的 state。";
    JOB_NOT_DEAD = "job_not_dead" 409, "The job is not dead", "任务并未失败终止", "Only a job that failed for good is tried again; this one waits, runs, is done or was cancelled.", "只有最终失败的任务才能重试；该任务正在等待、运行、已完成或已取消。";
    JOB_NOT_UNDOABLE = "job_not_undoable" 409, "The job cannot be undone", "该任务无法撤销", "Only a bulk change that has ended can be undone. One that runs is taken back first: `POST /v1/jobs/{id}/cancel`; what it has done until then is undone.", "只有已结束的批量修改可以撤销。正在运行的请先取消：POST /v1/jobs/{id}/cancel，之后即可撤销已完成的部分。";
    MERGING_ELSEWHERE = "merging_elsewhere" 409, "It is being merged into another one", "正在合并到另一条记录", "A job merges it into {into}. Name that one, or take the job back first: `GET /v1/jobs` lists it, `POST /v1/jobs/{id}/cancel` ends it.", "有任务正在将其合并到 {into}。请指定该目标，或先取消该任务：GET /v1/jobs 可查看，POST /v1/jobs/{id}/cancel 可取消。";
    SEGMENT_IN_USE = "segment_in_use" 409, "Other segments use it", "其他分群正在引用它", "A segment that others use is not deleted; `errors` says which they are. Take it out of their filters first.", "被其他分群引用的分群不能删除，引用者见 errors。请先从其筛选条件中去掉它。";
    REVIEW_CLOSED = "review_closed" 409, "The review is closed", "该复核已关闭", "It takes no more decisions. Change the rights of the user at PATCH /v1/users/{id}, or open another review.", "该复核不再接受决定。请通过 PATCH /v1/users/{id} 修改用户权限，或重新发起复核。";
    VALUES_GONE = "values_gone" 410, "What it was before is not known", "原值已无法取得", "The journal keeps the values that the change took no longer, so that it cannot be undone here.", "操作日志中已不再保留修改前的值，无法撤销此条记录。";
    RECORD_EXISTS = "record_exists" 412, "The record is there already", "记录已存在", "`If-None-Match: *` makes a record only where there is none with this key; `existing` says which one there is. Leave the header out to change it.", "If-None-Match: * 表示仅在没有此键的记录时新建；已有的记录见 existing。若要修改该记录，请去掉此请求头。";
    VERSION_CONFLICT = "version_conflict" 412, "The record was changed by somebody else", "记录已被他人修改", "The same fields were changed since the given version; `conflicts` names them. Read the record again.", "自给定版本以来相同字段已被修改，详见 conflicts。请重新读取该记录。";
    BODY_TOO_LARGE = "body_too_large" 413, "The body is too large", "请求体过大", "The body is larger than this address accepts.", "请求体超过了该地址允许的大小。";
    FILE_TOO_LARGE = "file_too_large" 413, "The file is too large", "文件过大", "The organisation takes files of {max} bytes ({mebibytes} MiB) at most. Make it smaller, or ask an administrator to raise `settings.attachments.max_bytes` of the organisation.", "本组织只接受不超过 {max} 字节（{mebibytes} MiB）的文件。请缩小文件，或请管理员调高组织设置 settings.attachments.max_bytes。";
    FILE_TYPE_REFUSED = "file_type_refused" 415, "Files of this type are not taken", "不接受此类型的文件", "By its first bytes and its name the file is {found}. Taken are: {taken}. Send it in another form, or ask an administrator to add the type to `settings.attachments.types` of the organisation; programs, scripts, HTML and SVG are never taken.", "按文件内容和名称判断，该文件为 {found}。可接受的类型：{taken}。请转换格式，或请管理员将其加入组织设置 settings.attachments.types；可执行文件、脚本、HTML 和 SVG 一律不接受。";
    MEDIA_TYPE_UNSUPPORTED = "media_type_unsupported" 415, "The body has the wrong content type", "请求体类型不受支持", "Expected {expected}, without a content coding.", "此处应为 {expected}，且不得使用内容编码。";
    RANGE_INVALID = "range_invalid" 416, "The range is not in the content", "请求的范围超出内容", "The content has {size} bytes. Ask for a range within it, or without the header Range for all of it.", "内容共 {size} 字节。请在此范围内请求，或去掉 Range 请求头以获取全部内容。";
    VALIDATION = "validation" 422, "The body breaks rules", "请求内容不符合规则", "Every finding stands in `errors` with its place.", "全部问题及其位置见 errors。";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused" 422, "The idempotency key belongs to another request", "幂等键已用于其他请求", "Another request was sent with the same Idempotency-Key. Make a new key for every new request.", "该 Idempotency-Key 已用于另一个请求，请为每个新请求生成新的键。";
    REFERENCE_FAILED = "reference_failed" 424, "What it refers to was not done", "所引用的操作未完成", "The operation “{name}” of this request failed, and this one needs what it would have made. Mend that one, and send both again.", "本次请求中的操作“{name}”失败，而此操作依赖其结果。请修正该操作后将两者一并重新发送。";
    RATE_LIMITED = "rate_limited" 429, "Too many requests", "请求过于频繁", "Try again after the time in Retry-After.", "请在 Retry-After 指明的时间之后重试。";
    READ_LIMIT = "read_limit" 429, "Told enough about records of others", "查询他人记录过于频繁", "Too many answers of this hour told of records that are out of your reach. Try again after the time in Retry-After, or ask an administrator.", "本小时内涉及您权限之外记录的答复已达上限，请在 Retry-After 指明的时间之后重试，或联系管理员。";
    REVEAL_LIMIT = "reveal_limit" 429, "Revealed enough", "查看敏感信息过于频繁", "This hour allows no more sealed fields to be revealed. Try again after the time in Retry-After, or ask an administrator.", "本小时可查看的敏感字段已达上限，请在 Retry-After 指明的时间之后重试，或联系管理员。";
    COMPARE_LIMIT = "compare_limit" 429, "Compared enough with what is masked", "查询掩码字段过于频繁", "This hour allows no more values to be compared with fields that are shown as masks. Try again after the time in Retry-After, or ask an administrator.", "本小时内用于查询掩码字段的值已达上限，请在 Retry-After 指明的时间之后重试，或联系管理员。";
    INTERNAL = "internal" 500, "Something went wrong on the server", "服务器内部错误", "The log has the details under the request id.", "详情已按请求编号记入日志。";
    VALUE_UNREADABLE = "value_unreadable" 500, "A stored value cannot be read", "存储的数据无法读取", "The stored value of {field} does not open: it was altered or moved in the database, or its key is not there. Nothing is shown in its place. Give the request id to whoever runs the server: the log names the row under it, and the operations manual says how it is mended.", "存储的 {field} 无法解密：数据库中的数据被改动或移动过，或缺少对应的密钥。系统不会以其他内容代替。请将请求编号告知系统运维人员：日志中按该编号记有具体位置，修复方法见运维手册。";
    IDENTITY_PROVIDER_UNAVAILABLE = "identity_provider_unavailable" 503, "The identity provider does not answer", "身份提供方无响应", "Try again shortly; the server's log says what is wrong.", "请稍后重试；具体原因见服务器日志。";
    OVERLOADED = "overloaded" 503, "The server is overloaded", "服务器繁忙", "Nothing was done. Try again shortly.", "未执行任何操作，请稍后重试。";
    FILE_AWAY = "file_away" 503, "The file is not here", "文件暂不可用", "The record is there, its file is not on this server, or cannot be read now. Try again later; where it stays so, an operator has to bring the folder `attachments` back from a backup, or share it between the servers.", "记录存在，但其文件不在本服务器上，或暂时无法读取。请稍后重试；如持续出现，请运维人员从备份恢复 attachments 文件夹，或在各服务器之间共享该文件夹。";
    UNAVAILABLE = "unavailable" 503, "The database is not available", "数据库不可用", "Try again shortly; repeat a write with the same Idempotency-Key.", "请稍后重试；写操作请使用相同的 Idempotency-Key。";
    DATABASE_READ_ONLY = "database_read_only" 503, "The database takes no changes", "数据库暂时只读", "Nothing was done. Try again shortly.", "未执行任何操作，请稍后重试。";
    SHUTTING_DOWN = "shutting_down" 503, "The server is shutting down", "服务器正在关闭", "Send the request to another server, or try again shortly.", "请将请求发往其他服务器，或稍后重试。";
    FORM_PAUSED = "form_paused" 503, "The form takes no submissions now", "表单已暂停接收", "Try again later.", "请稍后重试。";
    DISK_FULL = "disk_full" 507, "The disk is full", "磁盘空间不足", "Nothing was stored; reading goes on. Free space on the disk of the database, then repeat the request.", "未保存任何内容，读取不受影响。请在数据库所在磁盘上清理出空间，然后重新发送请求。";
}

macro_rules! flaws {
    ($( $NAME:ident = $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal; )*) => {
        $( #[doc = $en] pub static $NAME: Code =
            Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh }; )*
        /// Every code above.
        pub static READING_CODES: &[&Code] = &[ $( &$NAME ),* ];
    };
}

flaws! {
    JSON_SYNTAX = "json_syntax", "Line {line}, column {column}: {reason}.", "第 {line} 行第 {column} 列：JSON 语法错误（{reason}）。", "Check quotation marks, commas and brackets there.", "请检查该处的引号、逗号和括号。";
    JSON_NOT_UTF8 = "json_not_utf8", "Line {line}, column {column}: the text is not UTF-8.", "第 {line} 行第 {column} 列：文本不是 UTF-8 编码。", "Send JSON in UTF-8.", "请以 UTF-8 编码发送 JSON。";
    JSON_MEMBER_TWICE = "json_member_twice", "Line {line}, column {column}: the member “{member}” stands there twice.", "第 {line} 行第 {column} 列：成员“{member}”重复出现。", "Send every member once.", "请确保每个成员只出现一次。";
    JSON_TOO_DEEP = "json_too_deep", "Line {line}, column {column}: nested more than {max} levels deep.", "第 {line} 行第 {column} 列：嵌套超过 {max} 层。", "Nest fewer levels.", "请减少嵌套层数。";
    JSON_NUL = "json_nul", "Line {line}, column {column}: a text holds the character U+0000.", "第 {line} 行第 {column} 列：文本含有字符 U+0000。", "Remove it.", "请删除该字符。";
    PARAMETER_TWICE = "parameter_twice", "The parameter “{value}” stands there twice.", "参数“{value}”重复出现。", "Send every parameter once; several values are separated by commas.", "请确保每个参数只出现一次；多个值用逗号分隔。";
    PARAMETER_ENCODING = "parameter_encoding", "The parameter “{value}” is not percent-encoded UTF-8 without U+0000.", "参数“{value}”不是百分号编码的 UTF-8 文本，或含有 U+0000。", "Encode it as RFC 3986 says.", "请按 RFC 3986 编码。";
}

/// Codes of a question's flaw that stand at the top of the answer, status 400. A question that is wrong for another
/// reason (a phone in a search that is none) is [`QUESTION_INVALID`] with the flaw's code in `errors`.
pub static QUESTION_CODES: &[&Code] = &[
    &codes::FILTER_FIELD,
    &codes::FILTER_RELATION,
    &codes::FILTER_OP,
    &codes::FILTER_VALUE,
    &codes::FILTER_SHAPE,
    &codes::FILTER_LIST,
    &codes::FILTER_TOO_LARGE,
    &codes::SEALED_IN_URL,
    &codes::SORT_UNKNOWN,
    &codes::CURSOR_INVALID,
    &codes::LIMIT_INVALID,
    &codes::USE_CURSOR,
    &codes::FACET_UNKNOWN,
    &codes::PARAMETER_UNKNOWN,
    &codes::PARAMETER_INVALID,
    &PARAMETER_TWICE,
    &PARAMETER_ENCODING,
];

/// One line of the list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// The status of the answer it comes with.
    pub status: u16,
    /// The text in English, with placeholders.
    pub en: &'static str,
    /// The text in Chinese, with placeholders.
    pub zh: &'static str,
}

/// Every code there is, each once: those of whole answers by status, then those of single values.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let whole = PROBLEM_CODES.iter().map(|problem| Entry {
        code: problem.key,
        status: problem.status,
        en: problem.title_en,
        zh: problem.title_zh,
    });
    let questions = QUESTION_CODES.iter().map(|code| of_flaw(code, QUESTION_INVALID.status));
    let reading = READING_CODES.iter().map(|code| of_flaw(code, NOT_JSON.status));
    let values = codes::all().map(|code| of_flaw(code, VALIDATION.status));
    let mut entries: Vec<Entry> = Vec::new();
    for entry in whole.chain(questions).chain(reading).chain(values) {
        if entries.iter().all(|known| known.code != entry.code) {
            entries.push(entry);
        }
    }
    entries
}

fn of_flaw(code: &Code, status: u16) -> Entry {
    let Code { key, en, zh, .. } = *code;
    Entry { code: key, status, en, zh }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_one_thing() {
        let mut keys: Vec<&str> = PROBLEM_CODES.iter().map(|code| code.key).collect();
        keys.extend(READING_CODES.iter().copied().chain(codes::all()).map(|code| code.key));
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn statuses_rise_and_texts_are_there() {
        assert!(PROBLEM_CODES.windows(2).all(|pair| pair[0].status <= pair[1].status));
        for entry in entries() {
            assert!(!entry.en.is_empty() && !entry.zh.is_empty(), "{}", entry.code);
            assert!(entry.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            assert!((400..600).contains(&entry.status));
        }
    }

    #[test]
    fn the_list_tells_questions_from_values() {
        let status = |code: &str| entries().iter().find(|entry| entry.code == code).map(|entry| entry.status);
        assert_eq!(status("sealed_in_url"), Some(400));
        assert_eq!(status("json_syntax"), Some(400));
        assert_eq!(status("required"), Some(422));
        assert_eq!(status("duplicate"), Some(409));
    }
}
