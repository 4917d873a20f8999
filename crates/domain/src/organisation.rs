//! An organisation as those see and change it who may: its name, where it is, and what it lays down for itself.

use chrono_tz::Tz;
use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};
use serde_json::{Value, json};

use crate::codes;
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::read::{Finding, Members, Reader};
use crate::settings::{Roles, Settings, by_code};

/// Languages that answers to people can be written in.
const LOCALES: [&str; 2] = ["zh-CN", "en"];

/// Codes of money in use (ISO 4217), without funds, metals and tests.
const CURRENCIES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD \
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG \
    QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD \
    TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

/// What can be changed of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its name.
    pub name: String,
    /// Its language.
    pub locale: String,
    /// Where its days and years begin.
    pub time_zone: Tz,
    /// Its currency, ISO 4217.
    pub currency: String,
    /// Its region, ISO 3166-1: phone numbers without a country code belong there.
    pub region: String,
    /// What it lays down for itself.
    pub settings: Settings,
}

/// The part that says how customers are numbered.
pub const NUMBERS: &str = "settings.numbers";

/// Members that are changed by themselves, as the journal and conflicts name them; a dot leads inside the settings.
pub const PARTS: [&str; 14] = [
    "name",
    "locale",
    "time_zone",
    "currency",
    "region",
    "settings.separation_of_duties",
    "settings.second_factor",
    "settings.passwords",
    "settings.sessions",
    "settings.addresses",
    "settings.access_reviews",
    "settings.attachments",
    NUMBERS,
    "settings.emails",
];

impl Organisation {
    /// As answers show it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Self { name, locale, time_zone, currency, region, settings } = self;
        json!({
            "name": name, "locale": locale, "time_zone": time_zone.name(), "currency": currency, "region": region,
            "settings": settings,
        })
    }

    /// The parts in which two differ.
    #[must_use]
    pub fn changed(&self, other: &Self) -> Vec<&'static str> {
        let (one, two) = (self.to_json(), other.to_json());
        PARTS.into_iter().filter(|part| part_of(&one, part) != part_of(&two, part)).collect()
    }

    /// Changes it by a merge patch (RFC 7396). `roles` are the keys of its roles.
    ///
    /// # Errors
    /// Everything that is wrong with what is brought, with its pointer.
    pub fn patched(&self, patch: Members, roles: &[String]) -> Result<Self, Vec<Finding>> {
        let mut members = patch;
        let mut no_ids = uuid::Uuid::nil;
        let mut reader = Reader::new(&self.region, &mut no_ids);
        let mut after = self.clone();
        let mut text = |name: &str, reader: &mut Reader<'_>, parse: &dyn Fn(&str) -> Result<String, Flaw>| {
            let json = members.remove(name)?;
            reader.inside(name, |reader| {
                if json.is_null() {
                    reader.flaw(Flaw::new(&codes::REQUIRED).with("field", name));
                    return None;
                }
                let text = reader.text(&json)?.trim();
                reader.keep(parse(text))
            })
        };
        let read = [
            (&mut after.name, text("name", &mut reader, &|text| Line::<100>::parse(text).map(Line::into_string))),
            (&mut after.locale, text("locale", &mut reader, &locale)),
            (&mut after.currency, text("currency", &mut reader, &currency)),
            (&mut after.region, text("region", &mut reader, &region)),
        ];
        for (place, value) in read {
            if let Some(value) = value {
                *place = value;
            }
        }
        let zone = text("time_zone", &mut reader, &|text| time_zone(text).map(|zone| zone.name().to_owned()));
        if let Some(Ok(zone)) = zone.map(|zone| zone.parse()) {
            after.time_zone = zone;
        }
        if let Some(mut settings) = members.remove("settings") {
            if let Some(numbers) = settings.get_mut("numbers") {
                by_code(numbers);
            }
            let mut whole = json!(self.settings);
            merge_patch(&mut whole, &settings);
            let known = Roles { known: roles, before: &self.settings };
            reader.inside("settings", |reader| {
                if settings.is_object() || settings.is_null() {
                    let whole = if whole.is_null() { json!({}) } else { whole };
                    after.settings = Settings::read(&whole, reader, &known);
                } else {
                    let _ = reader.object(&settings);
                }
            });
        }
        reader.refuse_rest(&members, &["name", "locale", "time_zone", "currency", "region", "settings"]);
        let findings = reader.into_findings();
        if findings.is_empty() { Ok(after) } else { Err(findings) }
    }
}

/// A part of an organisation as [`Organisation::to_json`] writes it.
#[must_use]
pub fn part_of<'a>(whole: &'a Value, part: &str) -> Option<&'a Value> {
    part.split('.').try_fold(whole, |value, name| value.get(name))
}

/// Applies a JSON merge patch (RFC 7396).
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge_patch(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn locale(text: &str) -> Result<String, Flaw> {
    if LOCALES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(&codes::CHOICE_UNKNOWN).with("value", short(text)).with("choices", LOCALES.join(", ")))
}

fn time_zone(text: &str) -> Result<Tz, Flaw> {
    text.parse().map_err(|_| Flaw::new(&codes::TIME_ZONE_UNKNOWN).with("value", short(text)))
}

/// A currency of ISO 4217.
///
/// # Errors
/// `currency_unknown`.
pub(crate) fn currency(text: &str) -> Result<String, Flaw> {
    if CURRENCIES.split_whitespace().any(|known| known == text) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(&codes::CURRENCY_UNKNOWN).with("value", short(text)))
}

fn region(text: &str) -> Result<String, Flaw> {
    let plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    let region = Region::from_code(text).ok().filter(|_| plain);
    if region.and_then(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region)).is_some() {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(&codes::COUNTRY_UNKNOWN).with("value", short(text)))
}

fn short(text: &str) -> String {
    text.chars().take(50).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation() -> Organisation {
        Organisation {
            name: "我的公司".to_owned(),
            locale: "zh-CN".to_owned(),
            time_zone: Tz::Asia__Shanghai,
            currency: "CNY".to_owned(),
            region: "CN".to_owned(),
            settings: Settings::default(),
        }
    }

    fn patched(patch: Value) -> Result<Organisation, Vec<(String, &'static str)>> {
        let Value::Object(members) = patch else { panic!() };
        let roles = ["administrator".to_owned(), "manager".to_owned()];
        let told = |findings: Vec<Finding>| {
            findings.into_iter().map(|finding| (finding.pointer, finding.flaw.code.key)).collect()
        };
        organisation().patched(members, &roles).map_err(told)
    }

    #[test]
    fn what_is_not_brought_stays() {
        let after = patched(json!({"name": "新名字", "settings": {"passwords": {"min_length": 12}}})).unwrap();
        assert_eq!(after.name, "新名字");
        assert_eq!(organisation().changed(&after), ["name", "settings.passwords"]);
        let Value::Object(clear) = json!({"settings": {"passwords": null}}) else { panic!() };
        assert_eq!(after.patched(clear, &[]).unwrap().settings, Settings::default());
        let Value::Object(clear) = json!({"settings": null}) else { panic!() };
        assert_eq!(after.patched(clear, &[]).unwrap().settings, Settings::default());
    }

    #[test]
    fn what_was_shown_can_be_sent_back() {
        let Value::Object(shown) = organisation().to_json() else { panic!() };
        assert_eq!(organisation().patched(shown, &[]), Ok(organisation()));
    }

    #[test]
    fn everything_wrong_is_told_with_its_place() {
        let wrong = patched(json!({
            "name": "", "locale": "fr", "time_zone": "Mars/Olympus", "currency": "cny", "region": "XX", "slug": "x",
            "settings": {
                "colour": 1, "separation_of_duties": 1, "second_factor": {"required_roles": ["pope", "manager"]},
                "passwords": {"min_length": 7, "classes": 5, "max_age_days": 0, "history": "5", "lock": {"failures": 2}},
                "sessions": {"max_sessions": 0, "web": {"absolute_hours": 13, "idle_minutes": 1}, "tv": {}},
                "addresses": {"allow": ["10.0.0.0/8", "x"], "roles": {"pope": ["10.0.0.0/8"], "manager": "10.0.0.0/8"}},
            },
        }));
        let mut wrong = wrong.unwrap_err();
        wrong.sort();
        let expected = [
            ("/currency", "currency_unknown"),
            ("/locale", "choice_unknown"),
            ("/name", "text_empty"),
            ("/region", "country_unknown"),
            ("/settings/addresses/allow/1", "network_invalid"),
            ("/settings/addresses/roles/manager", "type_wrong"),
            ("/settings/addresses/roles/pope", "role_unknown"),
            ("/settings/colour", "field_unknown"),
            ("/settings/passwords/classes", "number_out_of_range"),
            ("/settings/passwords/history", "type_wrong"),
            ("/settings/passwords/lock/failures", "number_out_of_range"),
            ("/settings/passwords/lock/minutes", "required"),
            ("/settings/passwords/max_age_days", "number_out_of_range"),
            ("/settings/passwords/min_length", "number_out_of_range"),
            ("/settings/second_factor/required_roles/0", "role_unknown"),
            ("/settings/separation_of_duties", "type_wrong"),
            ("/settings/sessions/max_sessions", "number_out_of_range"),
            ("/settings/sessions/tv", "field_unknown"),
            ("/settings/sessions/web/absolute_hours", "number_out_of_range"),
            ("/settings/sessions/web/idle_minutes", "number_out_of_range"),
            ("/slug", "field_unknown"),
            ("/time_zone", "time_zone_unknown"),
        ];
        assert_eq!(wrong, expected.map(|(place, code)| (place.to_owned(), code)));
        assert_eq!(patched(json!({"settings": []})).unwrap_err(), [("/settings".to_owned(), "type_wrong")]);
        assert_eq!(patched(json!({"name": null})).unwrap_err(), [("/name".to_owned(), "required")]);
    }
}
