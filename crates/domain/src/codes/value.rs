//! Every rule that a single value can break: stable keys and their words in both languages.
//!
//! A text quotes the offending value with `{value}`; a hint says how to mend it.

use crate::flaw::Code;

macro_rules! codes {
    ($($name:ident: $key:literal, $en:literal, $zh:literal, $hint_en:literal, $hint_zh:literal;)*) => {
        $(
            #[doc = $en]
            pub static $name: Code =
                Code { key: $key, en: $en, zh: $zh, hint_en: $hint_en, hint_zh: $hint_zh };
        )*
        /// All codes of values, for the list of codes that the documentation shows.
        pub static VALUE_CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    TEXT_EMPTY: "text_empty",
        "The text is empty.", "内容为空。",
        "Write at least one visible character.", "请至少填写一个可见字符。";
    TEXT_TOO_LONG: "text_too_long",
        "The text has {length} characters; at most {max} can be stored.", "内容有 {length} 个字符，最多可存 {max} 个。",
        "Shorten it to {max} characters.", "请缩短到 {max} 个字符以内。";
    TEXT_CONTROL_CHARACTERS: "text_control_characters",
        "The text holds a control character ({character}).", "内容含有控制字符（{character}）。",
        "Remove line breaks, tabs and invisible control characters.", "请删除换行、制表符和不可见的控制字符。";

    PHONE_INVALID: "phone_invalid",
        "“{value}” is not a telephone number of any known plan.", "“{value}”不是有效的电话号码。",
        "Write 11 digits such as 13800138000, a landline with its area code such as 010-62345678, or +<country code> and the number.",
        "请填写 11 位手机号（如 13800138000）、带区号的座机（如 010-62345678），或 +国家代码加号码。";
    PHONE_LOST_DIGITS: "phone_lost_digits",
        "“{value}” was rounded by a spreadsheet and has lost digits.", "“{value}”被表格软件取整，已丢失数字。",
        "Format the column as text in the spreadsheet and enter the whole number again, such as 13800138000.",
        "请在表格中把该列设为文本格式，并重新填写完整号码，如 13800138000。";
    PHONE_NO_AREA_CODE: "phone_no_area_code",
        "“{value}” is a landline without its area code.", "“{value}”是缺少区号的座机号码。",
        "Put the area code first, such as 010-62345678.", "请在前面加上区号，如 010-62345678。";
    PHONE_SEVERAL: "phone_several",
        "“{value}” holds more than one number.", "“{value}”包含多个号码。",
        "Give each number as an element of its own.", "请把每个号码分开填写。";

    EMAIL_INVALID: "email_invalid",
        "“{value}” is not an e-mail address.", "“{value}”不是有效的邮箱地址。",
        "Write it as name@example.com, in Latin letters and digits.", "请按 name@example.com 的格式，用英文字母和数字填写。";
    EMAIL_NO_TOP_DOMAIN: "email_no_top_domain",
        "“{value}” does not end in a top-level domain that exists.", "“{value}”的结尾不是存在的顶级域名。",
        "Check the ending, such as .com or .cn.", "请检查结尾，如 .com 或 .cn。";
    EMAIL_QUOTED: "email_quoted",
        "“{value}” has a quoted name before the @, which most mail systems refuse.",
        "“{value}”在 @ 之前使用了引号，多数邮件系统不接受。",
        "Write the part before the @ without quotation marks.", "请去掉 @ 之前的引号。";
    EMAIL_IP_ADDRESS: "email_ip_address",
        "“{value}” names a network address instead of a domain.", "“{value}”用网络地址代替了域名。",
        "Write a domain after the @, such as example.com.", "请在 @ 之后填写域名，如 example.com。";

    EMAIL_TYPO: "email_typo",
        "“{domain}” looks like a slip for “{meant}”.", "“{domain}”疑似“{meant}”的误写。",
        "Check the part after the @.", "请核对 @ 之后的部分。";
    EMAIL_FREE_MAIL: "email_free_mail",
        "“{domain}” gives mailboxes to anybody; it says nothing about a company.", "“{domain}”是公共邮箱，不能说明所属公司。",
        "Ask for the address at work, or label this one as personal.", "请询问工作邮箱，或将此邮箱的标签设为“个人”。";
    EMAIL_DISPOSABLE: "email_disposable",
        "“{domain}” gives throw-away mailboxes.", "“{domain}”是一次性邮箱。",
        "Ask for an address that lasts.", "请询问长期使用的邮箱。";

    LOGIN_NAME_INVALID: "login_name_invalid",
        "“{value}” cannot be a sign-in name.", "“{value}”不能作为登录名。",
        "Write an e-mail address, a mobile number, or 2 to 64 letters, digits and . _ - that begin with a letter.",
        "请填写邮箱、手机号，或以字母开头的 2 到 64 个字母、数字和 . _ -。";

    NAME_PLACEHOLDER: "name_placeholder",
        "“{value}” stands in for a name and is not one.", "“{value}”是占位文字，不是真实名称。",
        "Write the registered name of the company or the real name of the person.", "请填写公司注册全称或个人真实姓名。";
    NAME_NO_LETTERS: "name_no_letters",
        "“{value}” has no letter.", "“{value}”不含任何文字。",
        "Write the name in Chinese or Latin letters.", "请用汉字或字母填写名称。";
    PERSON_NAME_TITLE: "person_name_title",
        "“{value}” is a form of address, not a full name.", "“{value}”是称呼，不是完整姓名。",
        "Write the person's real name without a title, such as 王芳.", "请填写真实姓名，不带称呼，如 王芳。";
    PERSON_NAME_DIGITS: "person_name_digits",
        "“{value}” has digits in it; a person's name has none.", "“{value}”含有数字，姓名中不应有数字。",
        "Remove the digits, or put a telephone number into its own field.", "请删除数字；电话号码请填在电话栏。";
    PERSON_NAME_CHARACTERS: "person_name_characters",
        "“{value}” has “{character}” in it, which no name has.", "“{value}”含有姓名中不会出现的“{character}”。",
        "Keep letters, spaces, hyphens, apostrophes and the dot ·.", "请只保留文字、空格、连字符、撇号和间隔号 ·。";
    PERSON_NAME_INCOMPLETE: "person_name_incomplete",
        "“{value}” is a surname alone.", "“{value}”只有姓，没有名。",
        "Write surname and given name, such as 王芳.", "请填写姓和名，如 王芳。";
    PERSON_NAME_COMPANY: "person_name_company",
        "“{value}” is the name of a company, not of a person.", "“{value}”是公司名称，不是个人姓名。",
        "Write the person's name here and the company in its own field.", "请在此填写个人姓名，公司名称填在对应栏。";

    PERSON_NAME_LONG: "person_name_long",
        "“{value}” is long for a name in Chinese characters.", "“{value}”对于中文姓名偏长。",
        "Check that it is one person's name; minority names have a dot, such as 迪丽热巴·迪力木拉提.",
        "请确认是一个人的姓名；少数民族姓名请用间隔号，如 迪丽热巴·迪力木拉提。";
    COMPANY_SUFFIX_MISSING: "company_suffix_missing",
        "“{value}” does not end with a legal form such as 有限公司 or Ltd.", "“{value}”缺少“有限公司”等组织形式。",
        "Write the full name as it is registered.", "请填写营业执照上的注册全称。";
    COMPANY_SUFFIX_UNUSUAL: "company_suffix_unusual",
        "“{value}” ends in a way that registered names hardly do.", "“{value}”的结尾与通常的注册名称不符。",
        "Compare it with the business licence; a department or a branch goes into its own field.",
        "请与营业执照核对；部门或办事处请填在对应栏。";

    CREDIT_CODE_LENGTH: "credit_code_length",
        "“{value}” has {length} characters; a unified social credit code has 18.",
        "“{value}”有 {length} 位，统一社会信用代码应为 18 位。",
        "Copy all 18 characters from the business licence.", "请从营业执照上抄写全部 18 位。";
    CREDIT_CODE_CHARSET: "credit_code_charset",
        "“{value}” has “{character}” in it, which no unified social credit code has.",
        "“{value}”含有统一社会信用代码中不会出现的“{character}”。",
        "The letters I, O, S, V and Z are never used: check for 1, 0, 5 and 2.", "代码中不使用字母 I、O、S、V、Z，请核对是否为 1、0、5、2。";
    CREDIT_CODE_CHECK: "credit_code_check",
        "The check character of “{value}” does not fit.", "“{value}”的校验码不正确。",
        "Compare each character with the business licence; two may be swapped.", "请与营业执照逐位核对，可能有字符抄错或颠倒。";

    ID_NUMBER_LENGTH: "id_number_length",
        "“{value}” has {length} characters; an identity number has 18.",
        "“{value}”有 {length} 位，身份证号码应为 18 位。",
        "Copy all 18 characters from the identity card; an old number of 15 digits is taken too.",
        "请从身份证上抄写全部 18 位；15 位旧号码也可以。";
    ID_NUMBER_CHARSET: "id_number_charset",
        "“{value}” holds something else than digits and a final X.", "“{value}”含有数字和末位 X 以外的字符。",
        "Write 17 digits and a digit or X at the end.", "请填写 17 位数字，末位为数字或 X。";
    ID_NUMBER_REGION: "id_number_region",
        "“{value}” does not begin with the code of a province.", "“{value}”的开头不是省级行政区划代码。",
        "Compare the first six digits with the identity card.", "请与身份证核对前六位。";
    ID_NUMBER_DATE: "id_number_date",
        "“{value}” has no day of birth in its seventh to fourteenth digit.", "“{value}”第 7 至 14 位不是有效的出生日期。",
        "Compare the day of birth with the identity card, such as 19900307.", "请与身份证核对出生日期，如 19900307。";
    ID_NUMBER_CHECK: "id_number_check",
        "The check character of “{value}” does not fit.", "“{value}”的校验码不正确。",
        "Compare each character with the identity card; two may be swapped.", "请与身份证逐位核对，可能有数字抄错或颠倒。";
    ID_NUMBER_OF_COMPANY: "id_number_of_company",
        "A company has no identity number.", "公司没有身份证号码。",
        "Leave it out, or make the customer a person; a company has a unified social credit code.",
        "请去掉该字段，或将客户类型改为个人；公司请填写统一社会信用代码。";

    ID_NUMBER_BIRTHDAY: "id_number_birthday",
        "The identity number and the birthday do not go together.", "身份证号码与生日不一致。",
        "Compare both with the identity card; a birthday of the Chinese calendar is written lunar:1990-08-15.",
        "请与身份证核对；农历生日请写作 lunar:1990-08-15。";

    BANK_ACCOUNT_INVALID: "bank_account_invalid",
        "“{value}” is not the number of a bank account.", "“{value}”不是有效的银行账号。",
        "Write 8 to 30 digits; blanks and hyphens between them are fine.", "请填写 8 至 30 位数字，中间可有空格和连字符。";
    BANK_ACCOUNT_CHECK: "bank_account_check",
        "The check digit of a card does not fit.", "银行卡号的校验位不正确。",
        "Compare each digit with the card; two may be swapped.", "请与银行卡逐位核对，可能有数字抄错或颠倒。";

    QUARTER_INVALID: "quarter_invalid",
        "“{value}” is not a quarter of a year.", "“{value}”不是有效的季度。",
        "Write 2026-Q1, 26Q1 or 2026年第一季度.", "请按 2026-Q1、26Q1 或 2026年第一季度 填写。";
    BUDGET_INVALID: "budget_invalid",
        "“{value}” is not a budget.", "“{value}”不是有效的预算。",
        "Write a range in ten thousand yuan, such as 50-100, 100以上 or {“min”: “50”, “max”: “100”}.",
        "请按万元填写范围，如 50-100、100以上 或 {“min”: “50”, “max”: “100”}。";
    BUDGET_REVERSED: "budget_reversed",
        "The budget begins with {min} and ends with {max}.", "预算下限 {min} 高于上限 {max}。",
        "Put the smaller amount first.", "请把较小的金额写在前面。";
    LUNAR_DAY_INVALID: "lunar_day_invalid",
        "“{value}” is not a day of the Chinese calendar.", "“{value}”不是有效的农历日期。",
        "Write lunar:1990-08-15 or lunar:08-15; a leap month as lunar:2023-02L-01.",
        "请按 lunar:1990-08-15 或 lunar:08-15 填写；闰月写作 lunar:2023-02L-01。";

    INDUSTRY_UNKNOWN: "industry_unknown",
        "“{value}” is no industry of GB/T 4754-2017.", "“{value}”不是国民经济行业分类（GB/T 4754-2017）中的行业。",
        "Write a section letter, a two-digit code or a name, such as I, 65 or 软件和信息技术服务业.",
        "请填写门类字母、两位代码或名称，如 I、65 或 软件和信息技术服务业。";
    INDUSTRY_AMBIGUOUS: "industry_ambiguous",
        "“{value}” fits several industries: {candidates}{more}.", "“{value}”符合多个行业：{candidates}{more}。",
        "Write one of their codes.", "请填写其中一个代码。";

    REGION_AMBIGUOUS: "region_ambiguous",
        "“{value}” may be several regions: {candidates}.", "“{value}”可能是多个地区：{candidates}。",
        "Write one of their codes, or name the province too.", "请填写其中一个代码，或写明省份。";
    REGION_UNKNOWN: "region_unknown",
        "“{value}” names no province, city or district.", "“{value}”无法识别为省、市或区县。",
        "Write a six-digit code such as 310115, or province, city and district such as 上海市浦东新区.",
        "请填写六位代码（如 310115）或省、市、区县（如 上海市浦东新区）。";

    PASSWORD_TOO_SHORT: "password_too_short",
        "The password has {length} characters; it needs at least {min}.", "密码只有 {length} 个字符，至少需要 {min} 个。",
        "Choose {min} characters or more; a short sentence works well.", "请使用 {min} 个以上字符，例如一句短语。";
    PASSWORD_TOO_LONG: "password_too_long",
        "The password has {length} characters; it may have at most {max}.", "密码有 {length} 个字符，最多 {max} 个。",
        "Choose {max} characters or fewer.", "请使用不超过 {max} 个字符。";
    PASSWORD_COMMON: "password_common",
        "The password is one of the most common ones.", "该密码过于常见。",
        "Choose one that others would not guess.", "请换一个他人不易猜到的密码。";
    PASSWORD_CLASSES: "password_classes",
        "The password has {found} of the four classes of characters; it needs {min}.", "密码只含四类字符中的 {found} 类，至少需要 {min} 类。",
        "Mix small letters, capital letters, digits and other characters.", "请混合使用小写字母、大写字母、数字和其他字符。";
    PASSWORD_REUSED: "password_reused",
        "The password is one of the last {count}.", "该密码与最近 {count} 次使用的密码之一相同。",
        "Choose one that was not used before.", "请使用未曾用过的密码。";
    PASSWORD_IS_NAME: "password_is_name",
        "The password is the same as the sign-in name.", "密码与登录名相同。",
        "Choose one that is not your name, address or number.", "请不要使用自己的姓名、邮箱或手机号。";
}

#[cfg(test)]
mod tests {
    use super::VALUE_CODES;
    use std::collections::BTreeSet;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn keys_are_unique_and_snake_case() {
        let keys: BTreeSet<_> = VALUE_CODES.iter().map(|code| code.key).collect();
        assert_eq!(keys.len(), VALUE_CODES.len());
        for key in keys {
            assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{key}");
        }
    }

    #[test]
    fn both_languages_say_the_same() {
        for code in VALUE_CODES.iter().chain(super::super::CUSTOM_CODES) {
            assert!(!code.en.is_empty() && !code.zh.is_empty(), "{}", code.key);
            assert!(!code.hint_en.is_empty() && !code.hint_zh.is_empty(), "{}", code.key);
            assert_eq!(placeholders(code.en), placeholders(code.zh), "{}", code.key);
            assert_eq!(placeholders(code.hint_en), placeholders(code.hint_zh), "{}", code.key);
        }
    }
}
