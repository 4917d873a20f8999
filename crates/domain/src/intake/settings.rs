//! Settings of a form that are more than a word.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::parts::FormField;

/// The most fields of a form.
const MAX_FIELDS: usize = 100;
/// The most origins of a form.
const MAX_ORIGINS: usize = 50;
/// The longest answer to a sender, in bytes.
const MAX_ANSWER: usize = 4096;
/// The longest time in which a person is taken for the same, in hours: a year.
const MAX_HOURS: i64 = 8760;

/// The fields of a form; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormFields(pub Vec<FormField>);

impl FormFields {
    /// The text that is stored: JSON as answers show it.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut out = Out::new();
        self.write(&mut out);
        out.into_text()
    }

    /// The fields of a stored text; `None` when it is not such a text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let items: Vec<Value> = serde_json::from_str(text).ok()?;
        items.iter().map(FormField::from_stored).collect::<Option<Vec<_>>>().map(Self)
    }

    fn write(&self, out: &mut Out) {
        out.array(|out| self.0.iter().for_each(|field| field.write(out)));
    }
}

impl FieldValue for FormFields {
    const SHAPE: Shape = Shape::Data("FormFields");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of fields", "字段列表")?;
        if items.is_empty() {
            reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "fields"));
            return None;
        }
        if items.len() > MAX_FIELDS {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_FIELDS));
            return None;
        }
        let read = |(at, item)| reader.inside(at, |reader| FormField::read(item, reader));
        let fields: Vec<Option<FormField>> = items.iter().enumerate().map(read).collect();
        fields.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        self.write(out);
    }
}

/// Where submissions of browsers and mini-programs may come from: `https://www.example.com`, `http://localhost:5173`,
/// `wechat:{appid}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

impl Origins {
    /// Whether a page of that origin, written as [`origin_of`] gives it, may submit.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known == origin)
    }
}

/// An origin in the form in which browsers send it: lower case, without the scheme's own port. `None` for what is
/// neither a secure page, nor a page on this machine, nor a mini-program.
#[must_use]
pub fn origin_of(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    if let Some(app) = text.strip_prefix("wechat:") {
        let plain = (6..=32).contains(&app.len()) && app.bytes().all(|b| b.is_ascii_alphanumeric());
        return plain.then(|| text.to_owned());
    }
    let text = text.to_ascii_lowercase();
    let (scheme, place) = text.split_once("://")?;
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().ok()?)),
        _ => (place, None),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = |host: &str| {
        let label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        host.split('.').all(label)
    };
    let is_host = bracketed.map_or_else(|| named(host), |inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let own_port = match scheme {
        "https" => 443,
        "http" if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => 80,
        _ => return None,
    };
    let port = port.filter(|port| *port != own_port).map(|port| format!(":{port}")).unwrap_or_default();
    is_host.then(|| format!("{scheme}://{host}{port}"))
}

impl FieldValue for Origins {
    const SHAPE: Shape = Shape::Words;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of origins", "来源列表")?;
        if items.len() > MAX_ORIGINS {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_ORIGINS));
            return None;
        }
        let mut origins = Vec::with_capacity(items.len());
        let mut whole = true;
        for (at, item) in items.iter().enumerate() {
            let origin = reader.inside(at, |reader| {
                let text = reader.text(item)?;
                let origin = origin_of(text).ok_or_else(|| Flaw::new(&codes::ORIGIN_INVALID).with("value", text));
                reader.keep(origin)
            });
            whole &= origin.is_some();
            origins.extend(origin.filter(|origin| !origins.contains(origin)));
        }
        whole.then_some(Self(origins))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.0.iter().map(String::as_str));
    }
}

/// So many whole hours, 0 to 8760; a day where none are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours(pub i64);

impl FieldValue for Hours {
    const SHAPE: Shape = Shape::Count;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self(24))
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let hours = i64::read(json, reader, None)?;
        if !(0..=MAX_HOURS).contains(&hours) {
            let flaw = Flaw::new(&codes::NUMBER_OUT_OF_RANGE).with("value", hours).with("min", 0);
            reader.flaw(flaw.with("max", MAX_HOURS));
            return None;
        }
        Some(Self(hours))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.number(self.0);
    }
}

/// Who gets the customers of a form: the people of a team and of those below, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assign {
    /// The team.
    pub team_id: Uuid,
}

impl FieldValue for Assign {
    const SHAPE: Shape = Shape::Data("FormAssign");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let members = reader.object(json)?;
        let rest: Map<String, Value> =
            members.iter().filter(|(name, _)| *name != "team_id").map(|(n, v)| (n.clone(), v.clone())).collect();
        reader.refuse_rest(&rest, &["team_id"]);
        let team_id = reader.inside("team_id", |reader| match members.get("team_id").filter(|id| !id.is_null()) {
            None => {
                reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "team_id"));
                None
            }
            Some(id) => {
                let raw = reader.text(id)?;
                reader.keep(Uuid::parse_str(raw).map_err(|_| Flaw::new(&codes::ID_INVALID).with("value", raw)))
            }
        })?;
        rest.is_empty().then_some(Self { team_id })
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.object(|out| out.key("team_id").plain(&self.team_id));
    }
}

/// What a sender at the secret address is answered: a JSON object, with `{{id}}` where the submission's id goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer(Map<String, Value>);

impl HookAnswer {
    /// The stored text.
    #[must_use]
    pub fn to_stored(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The answer of a stored text; `None` when it is not such a text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// The answer to one submission.
    #[must_use]
    pub fn fill(&self, id: Uuid) -> Value {
        let mut answer = Value::Object(self.0.clone());
        fill(&mut answer, &id.to_string());
        answer
    }
}

fn fill(value: &mut Value, id: &str) {
    match value {
        Value::String(text) if text.contains("{{id}}") => *text = text.replace("{{id}}", id),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, id)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, id)),
        _ => {}
    }
}

impl FieldValue for HookAnswer {
    const SHAPE: Shape = Shape::Data("FormAnswer");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let answer = Self(reader.object(json)?.clone());
        let length = answer.to_stored().len();
        if length > MAX_ANSWER {
            reader.flaw(Flaw::new(&codes::TEXT_TOO_LONG).with("max", MAX_ANSWER).with("length", length));
            return None;
        }
        Some(answer)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.raw(&self.to_stored());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::MapsTo;
    use super::*;

    fn read<T: FieldValue>(json: &Value) -> Result<T, Vec<(String, &'static str)>> {
        let mut make_id = || Uuid::nil();
        let mut reader = Reader::new("CN", &mut make_id);
        let value = T::read(json, &mut reader, None);
        let findings = reader.into_findings();
        value.ok_or_else(|| findings.into_iter().map(|finding| (finding.pointer, finding.flaw.code.key)).collect())
    }

    #[test]
    fn an_origin_is_a_secure_page_this_machine_or_a_mini_program() {
        for (text, origin) in [
            ("https://WWW.Example.com/", "https://www.example.com"),
            ("https://example.com:443", "https://example.com"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("wechat:wx0123456789abcdef", "wechat:wx0123456789abcdef"),
        ] {
            assert_eq!(origin_of(text).as_deref(), Some(origin));
        }
        for text in [
            "",
            "*",
            "null",
            "example.com",
            "http://example.com",
            "https://",
            "https://a b",
            "https://example.com/form",
            "https://example.com:99999",
            "https://*.example.com",
            "https://user@example.com",
            "wechat:",
            "wechat:../x",
            "ftp://localhost",
            "https://[zz]",
        ] {
            assert_eq!(origin_of(text), None, "{text}");
        }
    }

    #[test]
    fn settings_name_the_place_of_what_is_wrong() {
        let fields = json!([{"key": "a", "maps_to": "nowhere"}, {"maps_to": "phone", "colour": 1}]);
        let wrong = read::<FormFields>(&fields).unwrap_err();
        assert_eq!(
            wrong,
            [
                ("/0/maps_to".to_owned(), "choice_unknown"),
                ("/1/key".to_owned(), "required"),
                ("/1/colour".to_owned(), "field_unknown"),
            ]
        );
        assert_eq!(read::<FormFields>(&json!([])).unwrap_err()[0].1, "required");
        let wrong = read::<Origins>(&json!(["https://a.cn", "http://b.cn", 7])).unwrap_err();
        assert_eq!(wrong, [("/1".to_owned(), "origin_invalid"), ("/2".to_owned(), "type_wrong")]);
        assert_eq!(read::<Hours>(&json!(-1)).unwrap_err()[0].1, "number_out_of_range");
        assert_eq!(read::<Assign>(&json!({"team_id": "x"})).unwrap_err(), [("/team_id".to_owned(), "id_invalid")]);
        assert_eq!(read::<HookAnswer>(&json!("ok")).unwrap_err()[0].1, "type_wrong");
    }

    #[test]
    fn fields_are_stored_as_they_are_shown_and_short_words_mean_places() {
        let fields: FormFields = read(&json!([
            {"key": "tel", "maps_to": "phone", "required": true},
            {"key": "/lead/name", "maps_to": "customer.name", "label": "公司"},
        ]))
        .unwrap();
        assert_eq!(fields.0[0].maps_to, MapsTo::ContactPhone);
        assert_eq!(fields.0[1].label(), "公司");
        assert_eq!(FormFields::from_stored(&fields.to_stored()), Some(fields));
    }

    #[test]
    fn the_answer_carries_the_id_wherever_it_is_asked_for() {
        let answer: HookAnswer = read(&json!({"code": 0, "data": [{"lead": "L-{{id}}"}]})).unwrap();
        let id = Uuid::from_u128(7);
        assert_eq!(answer.fill(id), json!({"code": 0, "data": [{"lead": format!("L-{id}")}]}));
        assert_eq!(HookAnswer::from_stored(&answer.to_stored()), Some(answer));
    }
}
