//! Values of standards: birthdays, budgets, what an identity number says; and the vocabularies that pages pick from.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, or_null, schema_ref, whole};

/// Industries and regions.
pub(super) fn operations() -> Vec<Operation> {
    let list = |path: &str, id: &str, summary: &str, description: &str, parent: &str, list: &str| Operation {
        summary: summary.to_owned(),
        description: description.to_owned(),
        parameters: vec![parameter_ref("PickWords"), parameter_ref(parent), parameter_ref("IfNoneMatch")],
        answers: vec![
            Answer::json(200, "What there is to pick from.", schema_ref(list)).with_headers(&["ETag", "Cache-Control"]),
            Answer::empty(304, "The caller has it already.").with_headers(&["ETag", "Cache-Control"]),
        ],
        ..Operation::new("get", path.to_owned(), id.to_owned(), "vocabularies")
    };
    vec![
        list(
            "/v1/industries",
            "industries_list",
            "Pick an industry",
            "Sections and divisions of GB/T 4754-2017 in their order; with `q` those that a text may mean, what it reads \
             as first (`制造业-计算机设备制造`).",
            "IndustryParent",
            "IndustryList",
        ),
        list(
            "/v1/regions",
            "regions_list",
            "Pick a region",
            "The provinces; with `parent` what lies directly in one, with `q` those that a text may mean, what it reads as \
             first, 50 at most.",
            "RegionParent",
            "RegionList",
        ),
    ]
}

/// Parameters of those, by the name that operations point to.
pub(super) fn parameters() -> [(&'static str, &'static str, Value, &'static str); 3] {
    let text = |max: usize| json!({ "type": "string", "maxLength": max });
    [
        ("PickWords", "q", text(100), "A few characters of the name, or a text as people write it."),
        (
            "IndustryParent",
            "parent",
            json!({ "type": "string", "pattern": "^[A-Z]$" }),
            "Divisions of this section alone.",
        ),
        (
            "RegionParent",
            "parent",
            json!({ "type": "string", "pattern": r"^\d{6}$" }),
            "What lies in this region alone.",
        ),
    ]
}

/// The schemas.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    birthday(&mut all);
    budget(&mut all);
    let text = |doc: &str| json!({ "type": "string", "description": doc });
    let none = |doc: &str| json!({ "type": ["string", "null"], "description": doc });
    let sex = json!({ "type": ["string", "null"], "enum": ["male", "female", null], "description": "The sex (GB/T 2261.1)." });
    let day = json!({ "type": ["string", "null"], "format": "date", "description": "The day of birth." });
    let says = whole("What an identity number says of the person.", json!({ "birthday": day, "sex": sex }));
    all.insert(
        "Derived".into(),
        json!({
            "type": "object", "description": "What follows from the values that were revealed, by field.",
            "properties": { "id_number": says }, "additionalProperties": false,
        }),
    );
    let level =
        |levels: &[&str]| json!({ "type": "string", "enum": levels, "description": "On which level it stands." });
    let industry = json!({
        "code": text("Its code."), "name": text("Its Chinese name."), "level": level(&["section", "division"]),
        "parent": none("The section of a division."), "short_code": text("Its code in customer numbers."),
    });
    let region = json!({
        "code": text("Its six-digit code."), "name": text("Its own name."), "level": level(&["province", "city", "district"]),
        "parent": none("What it lies directly in."), "full_name": text("Its names from the province down."),
        "has_children": { "type": "boolean", "description": "Whether anything lies in it." },
    });
    for (name, item, doc) in [("Industry", industry, "An industry to pick."), ("Region", region, "A region to pick.")] {
        let list =
            json!({ "type": "array", "items": schema_ref(&format!("{name}Choice")), "description": "In order." });
        all.insert(format!("{name}Choice"), whole(doc, item));
        all.insert(format!("{name}List"), whole("What there is to pick from.", json!({ "data": list })));
    }
    all
}

fn birthday(all: &mut Map<String, Value>) {
    let number = |doc: &str, min: i32, max: i32| json!({ "type": "integer", "minimum": min, "maximum": max, "description": doc });
    let year = number("The year; null where only the day is known.", 1900, 2100);
    let date = |doc: &str| or_null(json!({ "type": "string", "format": "date", "description": doc }));
    let calendar = |words: &[&str]| json!({ "type": "string", "enum": words, "description": "In which calendar." });
    let members = json!({
        "calendar": calendar(&["lunar"]), "year": or_null(year), "month": number("The month.", 1, 12),
        "leap": { "type": "boolean", "description": "Whether it is the second month of that number." },
        "day": number("The day.", 1, 30), "born_on": date("The solar day of birth, where the year is known."),
        "celebrated_on": date("The solar day on which it falls this year; for display, not part of `version`."),
    });
    let text = r"^(\d{4}-\d{2}-\d{2}|\*{4})$";
    all.insert(
        "Birthday".into(),
        json!({
            "description": "A solar day, its mask, or a day of the Chinese calendar.",
            "anyOf": [{ "type": "string", "pattern": text }, whole("A day of the Chinese calendar.", members)],
        }),
    );
    let said = json!({
        "calendar": calendar(&["solar", "lunar"]), "year": or_null(number("The year.", 1900, 9999)),
        "month": number("The month.", 1, 12), "leap": { "type": ["boolean", "null"], "description": "Whether it is a leap month." },
        "day": number("The day.", 1, 31), "born_on": date("Taken and not read."), "celebrated_on": date("Taken and not read."),
    });
    let text = r"^(\d{4}-\d{2}-\d{2}|lunar:(\d{4}-)?\d{1,2}[Ll]?-\d{1,2}|\*{4})$";
    all.insert(
        "BirthdayInput".into(),
        json!({
            "description": "`1990-03-07`, `lunar:1990-08-15`, `lunar:08-15`, `lunar:2023-02L-01`, or an object.",
            "anyOf": [
                { "type": "string", "pattern": text },
                { "type": "object", "properties": said, "required": ["calendar", "month", "day"], "additionalProperties": false },
            ],
        }),
    );
}

fn budget(all: &mut Map<String, Value>) {
    let unit = json!({ "type": "string", "const": "10k_cny", "description": "Ten thousand yuan (万元)." });
    let bound = |doc: &str| json!({ "type": ["string", "null"], "description": doc });
    let members = json!({ "min": bound("At least."), "max": bound("At most."), "unit": unit });
    all.insert("Budget".into(), whole("A range of money; one bound may be missing.", members));
    let said = |doc: &str| json!({ "type": ["string", "number", "null"], "description": doc });
    let members = json!({ "min": said("At least."), "max": said("At most."), "unit": described(or_null(json!({ "type": "string", "enum": ["10k_cny"] })), "What the bounds count: 10,000 yuan.") });
    all.insert(
        "BudgetInput".into(),
        json!({
            "description": "In 万元: `50-100`, `50万-100万`, `100以上`, `≥100`, `50以内`, a number that is both bounds, or the bounds.",
            "examples": ["50-100"],
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "number", "minimum": 0 },
                { "type": "object", "properties": members, "additionalProperties": false },
            ],
        }),
    );
}
