//! Fields of a form: what a sender calls a value, and where it goes.

use serde_json::{Map, Value};

use crate::codes;
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::Out;

crate::vocabulary! {
    /// Where a value of a form goes. What belongs to the person goes to the customer where no person stands beside it.
    MapsTo {
        CustomerName = "customer.name", "客户名称", "Customer name";
        CustomerKind = "customer.kind", "客户类型", "Kind";
        CustomerIndustry = "customer.industry", "所属行业", "Industry";
        CustomerSize = "customer.size", "企业规模", "Size";
        CustomerCreditCode = "customer.credit_code", "统一社会信用代码", "Credit code";
        CustomerRegion = "customer.region", "所在地区", "Region";
        CustomerAddress = "customer.address", "详细地址", "Address";
        CustomerPhone = "customer.phone", "电话", "Phone";
        CustomerEmail = "customer.email", "邮箱", "E-mail";
        CustomerWechat = "customer.wechat", "微信", "WeChat";
        CustomerNeeds = "customer.needs", "需求类型", "Needs";
        CustomerNeedProducts = "customer.need_products", "需求产品", "Products";
        CustomerBudget = "customer.budget", "预算", "Budget";
        CustomerPurchaseWindow = "customer.purchase_window", "采购时间", "Purchase window";
        CustomerRemark = "customer.remark", "备注", "Remark";
        ContactName = "contact.name", "姓名", "Name";
        ContactPosition = "contact.position", "职位", "Position";
        ContactPhone = "contact.phone", "联系电话", "Phone of the person";
        ContactEmail = "contact.email", "联系邮箱", "E-mail of the person";
        ContactWechat = "contact.wechat", "联系微信", "WeChat of the person";
        ContactRemark = "contact.remark", "联系人备注", "Remark on the person";
    }
}

/// Other words for the same places: short ones, and the names of list fields.
fn full_key(key: &str) -> &str {
    match key {
        "name" => "contact.name",
        "company" => "customer.name",
        "position" => "contact.position",
        "phone" | "phones" | "mobile" | "contact.phones" => "contact.phone",
        "email" | "emails" | "contact.emails" => "contact.email",
        "wechat" => "contact.wechat",
        "industry" => "customer.industry",
        "size" => "customer.size",
        "credit_code" => "customer.credit_code",
        "region" => "customer.region",
        "address" => "customer.address",
        "needs" => "customer.needs",
        "need_products" | "products" => "customer.need_products",
        "budget" => "customer.budget",
        "purchase_window" => "customer.purchase_window",
        "remark" => "customer.remark",
        "customer.phones" => "customer.phone",
        "customer.emails" => "customer.email",
        other => other,
    }
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// What the sender calls the value: a member's name, or a JSON pointer (RFC 6901) such as `/lead/phone`.
    pub key: Line<200>,
    /// Where it goes.
    pub maps_to: MapsTo,
    /// Whether a submission without it is marked.
    pub required: bool,
    /// What people call it.
    pub label: Option<Line<100>>,
}

impl FormField {
    /// What people call it: its label, or else its key.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_ref().map_or_else(|| self.key.as_str(), Line::as_str)
    }

    /// Reads one field out of the list of a form.
    pub(super) fn read(json: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let members = reader.object(json)?;
        let key = Self::member(members, "key", reader, |value, reader| Line::read(value, reader, None));
        let maps_to = Self::member(members, "maps_to", reader, |value, reader| {
            let key = reader.text(value)?;
            MapsTo::read(&Value::from(full_key(key)), reader, None)
        });
        let optional = |name: &str| members.get(name).filter(|value| !value.is_null());
        let required = match optional("required") {
            None => Some(false),
            Some(value) => reader.inside("required", |reader| bool::read(value, reader, None)),
        };
        let label = match optional("label") {
            None => Some(None),
            Some(value) => reader.inside("label", |reader| Line::read(value, reader, None).map(Some)),
        };
        let known = ["key", "maps_to", "required", "label"];
        let rest: Map<String, Value> = members
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        reader.refuse_rest(&rest, &known);
        if !rest.is_empty() {
            return None;
        }
        Some(Self { key: key?, maps_to: maps_to?, required: required?, label: label? })
    }

    fn member<T>(
        members: &Map<String, Value>,
        name: &'static str,
        reader: &mut Reader<'_>,
        read: impl FnOnce(&Value, &mut Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        reader.inside(name, |reader| match members.get(name).filter(|value| !value.is_null()) {
            Some(value) => read(value, reader),
            None => {
                reader.flaw(Flaw::new(&codes::REQUIRED).with("field", name));
                None
            }
        })
    }

    /// Writes it as answers show it and rows keep it.
    pub(super) fn write(&self, out: &mut Out) {
        out.object(|out| {
            out.key("key").text(self.key.as_str());
            out.key("maps_to").text(self.maps_to.key());
            out.key("required").flag(self.required);
            out.key("label").text_or_null(self.label.as_ref().map(Line::as_str));
        });
    }

    /// A field as it was stored; no rule is applied.
    pub(super) fn from_stored(json: &Value) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        Some(Self {
            key: Line::from_stored(text("key")?.to_owned()),
            maps_to: MapsTo::from_key(text("maps_to")?)?,
            required: json.get("required").and_then(Value::as_bool).unwrap_or(false),
            label: text("label").map(|label| Line::from_stored(label.to_owned())),
        })
    }
}
