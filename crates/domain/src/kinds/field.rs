//! Field: what an organisation adds to the records of a kind.

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::custom::{
    ChoiceList, CurrencyCode, CustomField, CustomType, FieldKey, KindName, Labels, PatternText, Said, Slot,
    compile_pattern, read_bound,
};
use crate::field::{Field, Write};
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::kinds::Tag;
use crate::read::{Finding, Reader};
use crate::record::{Record as _, RuleFinding};

crate::kind! {
    /// A field that the organisation adds to the records of a kind; values stand under its key in `custom`. It counts at once on this server, within a second on others.
    FieldDefinition, "field", "fields", "自定义字段", "Field", rules: rules;
    /// The kind of record that it belongs to.
    kind: KindName = Field::new("记录类型", "Kind").write(Write::Once);
    /// The member of `custom` under which values stand; of the living fields of a kind, one has it.
    key: FieldKey = Field::new("标识", "Key").write(Write::Once);
    /// What it holds.
    r#type: CustomType = Field::new("类型", "Type").write(Write::Once);
    /// What people call it.
    label: Labels<100> = Field::new("名称", "Label");
    /// What to write there.
    help: Option<Labels<500>> = Field::new("说明", "Help");
    /// The group that a form shows it in.
    group: Option<Line<100>> = Field::new("分组", "Group");
    /// Its place in a form: fields stand in its order, and of the same in that in which they were made.
    order: i64 = Field::new("排序", "Order");
    /// Whether a record must have it. Those that are there are asked for it when it is changed in them.
    required: bool = Field::new("必填", "Required");
    /// Whether no two living records may have the same value.
    unique: bool = Field::new("唯一", "Unique");
    /// The value of a new record that says none.
    default: Option<Said> = Field::new("默认值", "Default");
    /// Whether values are sealed and shown as contact data is. Of phones and e-mails they always are.
    sensitive: bool = Field::new("敏感", "Sensitive").write(Write::Once);
    /// Whether lists are filtered and ordered by it.
    filterable: bool = Field::new("可筛选", "Filterable");
    /// Whether `q` finds its text. A text must be filterable too; lists are asked for what a long text contains.
    searchable: bool = Field::new("可搜索", "Searchable");
    /// What a choice picks from. An item that a PATCH leaves out is retired: records that have it keep it.
    choices: ChoiceList = Field::new("选项", "Choices");
    /// The least value, the fewest characters or items.
    min: Option<Said> = Field::new("最小值", "Minimum");
    /// The greatest value, the most characters or items.
    max: Option<Said> = Field::new("最大值", "Maximum");
    /// A regular expression of linear time that a text must match as a whole.
    pattern: Option<PatternText> = Field::new("格式", "Pattern");
    /// The currency of money, ISO 4217.
    currency: Option<CurrencyCode> = Field::new("货币", "Currency").write(Write::Once);
    /// The kind of record that a reference points to.
    target: Option<KindName> = Field::new("关联类型", "Target").write(Write::Once);
    /// Whether it is out of use: nobody sees or writes it, and its values stay until it is used again.
    retired: bool = Field::new("停用", "Retired");
    /// Under which number records keep its values. No other field of the kind ever gets it.
    no: i64 = Field::new("编号", "Number").write(Write::Never);
    /// Where its values stand for filters.
    slot: Option<Line<20>> = Field::new("筛选位", "Slot").write(Write::Never);
    /// Whether filters know every record by now.
    indexed: bool = Field::new("已建索引", "Indexed").write(Write::Never);
}

/// Members of every record, beside the fields of its kind.
const OF_EVERY_RECORD: [&str; 14] = [
    "id",
    "number",
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "deleted_at",
    "owner",
    "team",
    "custom",
    "external_ids",
    "hidden",
    "masked",
    "tags",
];

use CustomType as T;
const PATTERNED: &[T] = &[T::Text, T::LongText, T::Url];
const BOUNDED: &[T] = &[T::Text, T::LongText, T::Number, T::Money, T::Date, T::Time, T::Choices];
const CHOOSING: &[T] = &[T::Choice, T::Choices];
const FILTERED: &[T] = &[
    T::Text,
    T::Number,
    T::Money,
    T::Date,
    T::Time,
    T::Boolean,
    T::Choice,
    T::Choices,
    T::Phone,
    T::Email,
    T::Url,
    T::Reference,
];
const ALONE: &[T] =
    &[T::Text, T::Number, T::Money, T::Date, T::Time, T::Choice, T::Phone, T::Email, T::Url, T::Reference];

/// What goes with which types, and whether those need it.
const OPTIONS: [(&str, &[T], bool); 9] = [
    ("choices", CHOOSING, true),
    ("min", BOUNDED, false),
    ("max", BOUNDED, false),
    ("pattern", PATTERNED, false),
    ("currency", &[T::Money], true),
    ("target", &[T::Reference], true),
    ("searchable", &[T::Text, T::LongText], false),
    ("filterable", FILTERED, false),
    ("unique", ALONE, false),
];

impl FieldDefinition {
    /// Whether its values are sealed.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.sensitive || self.r#type.is_always_sensitive()
    }

    /// Whether filters ask for it at all: a field that is out of use is not asked for.
    #[must_use]
    pub fn is_asked_for(&self) -> bool {
        (self.filterable || self.is_searched_whole()) && !self.retired
    }

    /// Whether the text index alone knows its values: no place for filters takes so long a text.
    fn is_searched_whole(&self) -> bool {
        self.searchable && self.r#type == CustomType::LongText
    }

    /// The field that values are read with. `region` is for telephone numbers of a default without a country code.
    #[must_use]
    pub fn to_field(&self, id: Uuid, region: &str) -> CustomField {
        self.read_whole(id, region).0
    }

    /// The field, and what is wrong with the values that the definition says, with the member that says them.
    fn read_whole(&self, id: Uuid, region: &str) -> (CustomField, Vec<Finding>) {
        let mut no_id = Uuid::nil;
        let mut reader = Reader::new(region, &mut no_id);
        let holds = self.r#type;
        let currency = self.currency.as_ref().map(CurrencyCode::as_str);
        let mut bound = |name: &'static str, said: Option<&Said>| {
            let said = said.filter(|_| BOUNDED.contains(&holds))?;
            reader.inside(name, |reader| read_bound(holds, currency, &said.0, reader))
        };
        let (min, max) = (bound("min", self.min.as_ref()), bound("max", self.max.as_ref()));
        let slot = self.slot.as_ref().and_then(|slot| Slot::from_stored(slot.as_str()));
        let mut field = CustomField {
            id,
            no: self.no,
            key: self.key.as_str().to_owned(),
            name: format!("custom.{}", self.key.as_str()),
            holds,
            zh: self.label.zh.clone(),
            en: self.label.en.clone(),
            help: self.help.as_ref().map(|help| (help.zh.clone(), help.en.clone())),
            group: self.group.as_ref().map(|group| group.as_str().to_owned()),
            order: self.order,
            required: self.required,
            unique: self.unique,
            sensitive: self.is_sensitive(),
            filterable: self.is_asked_for(),
            searchable: self.searchable,
            default: None,
            choices: self.choices.0.clone(),
            min,
            max,
            pattern: self.pattern.as_ref().and_then(|pattern| compile_pattern(pattern.as_str()).ok()),
            currency: currency.map(str::to_owned),
            target: self.target.as_ref().and_then(KindName::kind).map(|kind| kind.name),
            slot: slot.filter(|_| self.is_asked_for()),
            is_indexed: self.indexed && self.is_asked_for(),
            is_linked: true,
            is_filling: false,
            retired: self.retired,
        };
        let default = self.default.as_ref();
        field.default = default.and_then(|said| reader.inside("default", |reader| field.read(&said.0, reader, None)));
        (field, reader.into_findings())
    }

    fn has(&self, option: &str) -> bool {
        match option {
            "choices" => !self.choices.0.is_empty(),
            "min" => self.min.is_some(),
            "max" => self.max.is_some(),
            "pattern" => self.pattern.is_some(),
            "currency" => self.currency.is_some(),
            "target" => self.target.is_some(),
            "searchable" => self.searchable,
            "filterable" => self.filterable,
            "unique" => self.unique,
            _ => false,
        }
    }
}

/// The members that take part in what is said of one.
fn with(field: &str) -> &'static [&'static str] {
    match field {
        "default" => &["choices", "min", "max", "pattern", "type", "currency"],
        "min" => &["max", "type", "currency"],
        "max" => &["type", "currency"],
        "unique" => &["default", "filterable", "type"],
        "filterable" => &["sensitive", "type"],
        "searchable" => &["filterable", "sensitive", "type"],
        "key" => &["kind"],
        _ => &["type"],
    }
}

fn refuses(field: &'static str, flaw: Flaw) -> RuleFinding {
    RuleFinding::refuses(field, with(field), flaw)
}

fn rules(field: &FieldDefinition) -> Vec<RuleFinding> {
    let holds = field.r#type;
    let mut found = Vec::new();
    for (option, types, needed) in OPTIONS {
        let fits = types.contains(&holds);
        if field.has(option) && !fits {
            let known: Vec<&str> = types.iter().map(|holds| holds.key()).collect();
            let flaw = Flaw::new(&codes::FIELD_OPTION_UNFIT).with("type", holds.key()).with("option", option);
            found.push(refuses(option, flaw.with("types", known.join(", "))));
        } else if needed && fits && !field.has(option) {
            let flaw = Flaw::new(&codes::FIELD_OPTION_MISSING).with("type", holds.key()).with("option", option);
            found.push(refuses(option, flaw));
        }
    }
    if !found.is_empty() {
        return found;
    }
    found.extend(of_the_key(field));
    found.extend(of_the_target(field));
    found.extend(of_what_is_asked_for(field));
    let (read, flaws) = field.read_whole(Uuid::nil(), "CN");
    for Finding { pointer, flaw } in flaws {
        let place = ["default", "min", "max"].into_iter().find(|name| pointer.split('/').nth(1) == Some(*name));
        found.extend(place.map(|place| refuses(place, flaw)));
    }
    if read.min.zip(read.max).is_some_and(|(min, max)| min > max) {
        found.push(refuses("min", Flaw::new(&codes::FIELD_BOUNDS_CROSSED)));
    }
    found
}

fn of_the_key(field: &FieldDefinition) -> Option<RuleFinding> {
    let (kind, key) = (field.kind.kind()?, field.key.as_str());
    let taken = OF_EVERY_RECORD.contains(&key)
        || kind.fields.iter().any(|known| known.name == key || known.display_name() == Some(key));
    let flaw = Flaw::new(&codes::FIELD_KEY_RESERVED).with("kind", kind.name).with("value", key);
    taken.then(|| refuses("key", flaw))
}

/// Tags are no target: of two that are merged one goes, and the values that name it would stay behind.
fn of_the_target(field: &FieldDefinition) -> Option<RuleFinding> {
    let target = field.target.as_ref().map(KindName::as_str).filter(|target| *target == Tag::KIND.name)?;
    let known: Vec<&str> = KindName::all().filter(|name| *name != target).collect();
    let flaw = Flaw::new(&codes::FIELD_TARGET_UNFIT).with("target", target).with("known", known.join(", "));
    Some(refuses("target", flaw))
}

fn of_what_is_asked_for(field: &FieldDefinition) -> Vec<RuleFinding> {
    let (holds, sealed) = (field.r#type, field.is_sensitive());
    let by_form = sealed && holds.has_index_form();
    let mut found = Vec::new();
    if field.filterable && sealed && !by_form {
        let flaw = Flaw::new(&codes::FIELD_SENSITIVE_UNFIT).with("type", holds.key());
        found.push(refuses("filterable", flaw));
    }
    if field.unique && !by_form && (sealed || !field.filterable) {
        found.push(refuses("unique", Flaw::new(&codes::FIELD_UNIQUE_UNFIT)));
    }
    if field.unique && field.default.is_some() {
        found.push(refuses("unique", Flaw::new(&codes::FIELD_UNIQUE_DEFAULT)));
    }
    if field.searchable && (sealed || !field.filterable && !field.is_searched_whole()) {
        found.push(refuses("searchable", Flaw::new(&codes::FIELD_SEARCH_UNFIT)));
    }
    found
}

/// A value that a definition says, as it is stored.
#[must_use]
pub fn said_to_stored(said: Option<&Said>) -> Option<String> {
    said.map(|said| Value::to_string(&said.0))
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
