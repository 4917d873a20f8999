//! Customer: a company or a person that one deals with.

use crate::codes;
use crate::field::{Field, Find, Group, Write};
use crate::fields::{
    BankAccounts, Collaborators, Day, Emails, ExternalIds, Instant, Line, Lines, Phones, Ref, SealedText, Several,
    Tags, Target, Text, Words,
};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::value::{Budget, CompanyName, CreditCode, IdNumber, Industry, Quarter, Region};

use super::warnings::{self, person_name};
use super::{Team, User};

crate::vocabulary! {
    /// What a customer is.
    CustomerKind {
        Company = "company", "公司", "Company";
        Person = "person", "个人", "Person";
    }
}

crate::vocabulary! {
    /// Where a customer stands in its life.
    Stage, absent: Potential {
        Potential = "potential", "潜在客户", "Potential";
        Active = "active", "成交客户", "Active";
        Dormant = "dormant", "休眠客户", "Dormant";
        Lost = "lost", "流失客户", "Lost";
        Partner = "partner", "战略合作", "Strategic partner";
    }
}

crate::vocabulary! {
    /// How much a customer matters.
    Grade {
        Vip = "vip", "VIP", "VIP";
        A = "a", "A 级", "A";
        B = "b", "B 级", "B";
        C = "c", "C 级", "C";
    }
}

crate::vocabulary! {
    /// How many people work there.
    SizeBand {
        Micro = "1-9", "1–9 人", "1 to 9";
        Small = "10-49", "10–49 人", "10 to 49";
        Middle = "50-249", "50–249 人", "50 to 249";
        Large = "250-999", "250–999 人", "250 to 999";
        Huge = "1000+", "1000 人以上", "1000 and more";
    }
}

crate::vocabulary! {
    /// Through which channel a customer came.
    Source, absent: WebForm {
        WebForm = "web_form", "网站表单", "Web form";
        Survey = "survey", "问卷", "Survey";
        Email = "email", "邮件", "E-mail";
        Phone = "phone", "电话", "Phone";
        Wechat = "wechat", "微信", "WeChat";
        Referral = "referral", "转介绍", "Referral";
        Expo = "expo", "展会", "Trade fair";
        Ad = "ad", "广告", "Advertisement";
        Import = "import", "导入", "Import";
        Other = "other", "其他", "Other";
    }
}

crate::vocabulary! {
    /// What a customer looks for.
    Need {
        Purchase = "purchase", "采购", "Purchase";
        TechnicalAdvice = "technical_advice", "技术咨询", "Technical advice";
        Partnership = "partnership", "合作", "Partnership";
        AfterSales = "after_sales", "售后服务", "After-sales service";
    }
}

crate::kind! {
    /// A company or a person that one deals with.
    Customer, "customer", "customers", "客户", "Customer", rules: rules;
    /// The number the system gave: year, industry code, sequence (`2026-IT-001`). Never given twice, never changed; gaps are possible.
    number: Option<Line<40>> = Field::new("客户编号", "Number").write(Write::Never);
    /// A company's full registered name, or a person's real name.
    name: Line<200> = Field::new("客户名称", "Name").sortable().searched();
    /// First letter of the name in pinyin, `A` to `Z` or `#`.
    initial: Option<Line<4>> = Field::new("首字母", "Initial").write(Write::Never);
    /// Company or person.
    kind: CustomerKind = Field::new("客户类型", "Kind");
    /// Lifecycle stage; `potential` where none is said.
    stage: Stage = Field::new("客户阶段", "Stage");
    /// How much the customer matters.
    grade: Option<Grade> = Field::new("客户等级", "Grade");
    /// Industry of the national classification (GB/T 4754-2017): a code, a short code or a name.
    industry: Option<Industry> = Field::new("所属行业", "Industry");
    /// How many people work there.
    size: Option<SizeBand> = Field::new("企业规模", "Size");
    /// Unified social credit code (GB 32100-2015).
    credit_code: Option<CreditCode> = Field::new("统一社会信用代码", "Credit code");
    /// Province, city and district: a code of GB/T 2260 or a text; taken from the address where only that is given.
    region: Option<Region> = Field::new("所在地区", "Region").searched();
    /// Full street address.
    address: Option<SealedText<300>> = Field::new("详细地址", "Address").sealed(Group::Contact, None);
    /// Phone numbers.
    phones: Phones = Field::new("电话", "Phones").sealed(Group::Contact, Some(Find::Phone));
    /// E-mail addresses.
    emails: Emails = Field::new("邮箱", "E-mails").sealed(Group::Contact, Some(Find::Email));
    /// WeChat id.
    wechat: Option<SealedText<100>> = Field::new("微信", "WeChat").sealed(Group::Contact, Some(Find::Wechat));
    /// Number of a person's identity card (GB 11643-1999): 18 characters; an old one of 15 digits is brought to 18.
    id_number: Option<IdNumber> = Field::new("身份证号码", "ID number").sealed(Group::Identity, Some(Find::IdNumber));
    /// Bank accounts and cards.
    bank_accounts: BankAccounts = Field::new("银行账户", "Bank accounts").sealed(Group::Identity, Some(Find::BankAccount));
    /// Through which channel the customer came.
    source: Option<Source> = Field::new("来源渠道", "Source");
    /// What the customer looks for.
    needs: Several<Need> = Field::new("需求类型", "Needs");
    /// Products that the customer asks for.
    need_products: Lines<20, 100> = Field::new("需求产品", "Products").searched();
    /// Budget in 万元: `50-100`, `50万-100万`, `100以上`, `{"min": "50", "max": "100"}`.
    budget: Option<Budget> = Field::new("预算（万元）", "Budget");
    /// When the customer means to buy: `2026-Q1`.
    purchase_window: Option<Quarter> = Field::new("采购时间", "Purchase window");
    /// What the customer likes, and how it wants to be dealt with.
    preferences: Option<Text<5000>> = Field::new("偏好", "Preferences").searched();
    /// What was done together so far.
    cooperation_history: Option<Text<5000>> = Field::new("合作历史", "Cooperation history").searched();
    /// Since when one works together.
    cooperation_since: Option<Day> = Field::new("合作开始日期", "Cooperation since");
    /// What else is worth knowing.
    remark: Option<Text<5000>> = Field::new("备注", "Remark").searched();
    /// Tags.
    tags: Tags = Field::new("标签", "Tags");
    /// What it is called in other systems, one id for each source: `{"shop": "123"}`. A patch merges by source, null
    /// takes one away; an id of a source is one record's of the kind.
    external_ids: ExternalIds = Field::new("外部编号", "External ids").found(Find::ExternalId);
    /// Who looks after the customer; the signed-in user where nobody is said.
    owner_id: Option<Ref<User>> = Field::new("负责人", "Owner").write(Write::Transfer);
    /// The team it belongs to; the owner's where none is said.
    team_id: Option<Ref<Team>> = Field::new("所属团队", "Team").write(Write::Transfer);
    /// Users whom it is shared with, together with what hangs on it: each to read it, or to change it too.
    collaborators: Collaborators = Field::new("协作人", "Collaborators");
    /// When the last follow-up happened.
    last_follow_up_at: Option<Instant> = Field::new("最近跟进时间", "Last follow-up").write(Write::Never).sortable();
    /// When the next step of the latest follow-up is due.
    next_follow_up_at: Option<Instant> = Field::new("下次跟进时间", "Next follow-up").write(Write::Never).sortable();
    /// How many contacts it has.
    contact_count: i64 = Field::new("联系人数", "Contacts").write(Write::Never);
    /// How many follow-ups it has.
    follow_up_count: i64 = Field::new("跟进次数", "Follow-ups").write(Write::Never);
    /// Codes of rules that a lead broke when it came in through a form; the next person who edits the field settles it.
    flags: Words = Field::new("待核实", "Flags").write(Write::Never);
}

impl Target for Customer {
    const NAME: &'static str = "customer";
}

fn rules(customer: &Customer) -> Vec<RuleFinding> {
    let name = customer.name.as_str();
    let mut findings = match customer.kind {
        CustomerKind::Company => company_name(name),
        CustomerKind::Person => person_name(name, &["kind"]),
    };
    if customer.kind == CustomerKind::Company && customer.id_number.is_some() {
        let flaw = Flaw::new(&codes::ID_NUMBER_OF_COMPANY);
        findings.push(RuleFinding::refuses("id_number", &["kind"], flaw));
    }
    // Anybody's address may be a person's; at a company's own one would expect its domain.
    findings.extend(warnings::emails(&customer.emails, customer.kind == CustomerKind::Company));
    let accounts = customer.bank_accounts.0.iter().filter_map(|item| item.value.finding());
    findings.extend(accounts.take(1).map(|flaw| RuleFinding::warns("bank_accounts", &[], flaw)));
    findings
}

fn company_name(name: &str) -> Vec<RuleFinding> {
    let parsed = match CompanyName::parse(name) {
        Ok(name) => name,
        Err(flaw) => return vec![RuleFinding::refuses("name", &["kind"], flaw)],
    };
    let refused = parsed.findings().into_iter().map(|flaw| RuleFinding::refuses("name", &["kind"], flaw));
    refused.chain(parsed.warning().map(|flaw| RuleFinding::warns("name", &["kind"], flaw))).collect()
}
