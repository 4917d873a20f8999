//! Examples: of bodies, by kind, which tests read with the parser that requests go through; and of answers, which the
//! program gave to those bodies and a test compares with what it gives now.

use std::sync::OnceLock;

use serde_json::{Value, json};

/// What the program answered, by operation and status: `tests/api/examples.rs` compares them.
const ANSWERS: &str = include_str!("examples.json");

/// An answer of an operation.
pub(super) fn answer(operation: &str, status: u16) -> Option<&'static Value> {
    static ALL: OnceLock<Value> = OnceLock::new();
    // A test sees to it that it can be read.
    ALL.get_or_init(|| serde_json::from_str(ANSWERS).unwrap_or_default()).get(operation)?.get(status.to_string())
}

/// What a create may say.
#[must_use]
pub(super) fn input(kind: &str) -> Option<Value> {
    Some(match kind {
        "customer" => json!({
            "name": "上海云启信息技术有限公司", "kind": "company", "stage": "potential", "industry": "IT", "source": "web_form",
            "phones": ["021-62345678"], "emails": [{ "value": "contact@yunqi.com.cn", "label": "office" }],
            "address": "上海市浦东新区张江路 88 号",
            "bank_accounts": [{ "value": "6222 0263 6083 7783 531", "bank": "中国工商银行上海张江支行", "label": "货款" }],
            "tags": ["采购意向-硬件设备"],
            "contacts": [{ "name": "李文静", "position": "采购经理", "phones": ["13800138000"] }],
        }),
        "contact" => json!({
            "customer_id": "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f", "name": "李文静", "position": "采购经理",
            "role": "influencer", "phones": ["13800138000"], "birthday": "1990-03-07",
            "id_number": "11010119900307002X", "primary": true,
        }),
        "follow_up" => json!({
            "customer_id": "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f", "kind": "call", "summary": "询问了服务器报价。",
            "happened_at": "2026-11-22T08:30:00+08:00", "next_step": "发送报价单",
            "next_due_at": "2026-11-25T09:00:00+08:00",
        }),
        "note" => json!({
            "record_kind": "customer", "record_id": "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f",
            "body": "合同由总部盖章，周三前寄到。", "pinned": true,
        }),
        "tag" => json!({ "name": "采购意向-硬件设备", "group": "采购意向", "color": "#1677ff" }),
        "user" => json!({ "name": "王小明", "mobile": "13800138001", "role": "salesperson" }),
        "team" => json!({ "name": "华东一部" }),
        "role" => json!({
            "key": "regional_lead", "name": "区域负责人",
            "rights": {
                "kinds": {
                    "customer": {
                        "read": ["team", "shared"], "update": ["team"],
                        "fields": { "remark": { "sees": "hidden" }, "grade": { "writes": false } },
                    },
                    "contact": { "read": ["team", "shared"] },
                },
                "contact_data": { "own": "full", "team": "masked" }, "identity": "masked",
            },
        }),
        "form" => json!({
            "name": "官网咨询", "origins": ["https://www.example.com"], "honeypot": "website",
            "fields": [
                { "key": "company", "maps_to": "customer.name", "required": true, "label": "公司" },
                { "key": "name", "maps_to": "contact.name", "label": "姓名" },
                { "key": "mobile", "maps_to": "contact.phone", "label": "手机" },
                { "key": "message", "maps_to": "customer.remark", "label": "留言" },
            ],
            "assign": { "team_id": "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f" },
            "answer": { "code": 0, "message": "success", "id": "{{id}}" },
        }),
        "field" => json!({
            "kind": "customer", "key": "annual_output", "type": "number",
            "label": { "zh-CN": "年产值（万元）", "en": "Annual output (10,000 CNY)" }, "min": 0, "filterable": true,
        }),
        "entry_rule" => json!({
            "kind": "customer", "field": "credit_code", "stages": ["active", "partner"], "check": { "type": "required" },
            "severity": "refuse", "order": 10,
            "message": { "zh-CN": "成交客户须填写统一社会信用代码", "en": "Customers who buy need a credit code" },
        }),
        "segment" => json!({
            "name": "一个月未联系的重点客户", "kind": "customer", "type": "live", "sort": "last_follow_up_at",
            "where": { "and": [
                { "field": "grade", "op": "in", "value": ["vip", "a"] },
                { "field": "last_follow_up_at", "op": "not_within_last", "value": 30 },
            ] },
        }),
        _ => return None,
    })
}

/// What a merge patch may say.
#[must_use]
pub(super) fn patch(kind: &str) -> Option<Value> {
    Some(match kind {
        "customer" => json!({ "stage": "active", "grade": "a", "tags": { "add": ["VIP"] }, "remark": null }),
        "contact" => json!({ "phones": { "add": [{ "value": "13900139000", "label": "mobile" }] } }),
        "follow_up" => json!({ "next_step": "电话回访", "next_due_at": "2026-12-01T01:00:00.000Z" }),
        "note" => json!({ "pinned": false }),
        "attachment" => json!({ "name": "框架合同（双方盖章）.pdf" }),
        "tag" => json!({ "color": "#52c41a" }),
        "user" => json!({ "disabled": true }),
        "team" => json!({ "parent_id": null }),
        "role" => json!({ "description": "带一个区域的团队" }),
        "form" => json!({ "paused": true }),
        "field" => json!({ "label": { "en": "Output of a year" }, "required": true }),
        "entry_rule" => json!({ "check": { "type": "required" }, "severity": "warn", "active": false }),
        "segment" => json!({ "description": "每周一看一次", "shared": "private" }),
        _ => return None,
    })
}
