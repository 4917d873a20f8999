//! The rights of a role as clients say and read them.

use std::sync::Arc;

use serde_json::Value;

use crate::codes;
use crate::custom;
use crate::field::{Field, Group, Shape, Sight};
use crate::flaw::Flaw;
use crate::kinds::kind_named;
use crate::read::{Members, Reader};
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::custom::Said;
use super::{ACTIONS, FieldRights, KindRights, RIGHTS, Reach, Right, Rights, Sights, actions_of, kind_names, reach_of};

/// What a role may do:
/// `{"kinds": {"customer": {"read": ["own", "shared"], "fields": {"remark": {"sees": "hidden", "writes": false}}}},
/// "contact_data": {"own": "full", "team": "masked", "other": "hidden"}, "identity": "masked", "besides": ["audit.read"]}`.
/// What is not said is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRights(pub Arc<Rights>);

impl RoleRights {
    /// The text that is stored: JSON as answers show it.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut out = Out::new();
        self.0.write(&mut out);
        out.into_text()
    }

    /// The rights of a stored text. What this program does not know gives nothing.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let mut no_id = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        Some(Self(Arc::new(rights(json.as_object()?, &mut reader))))
    }
}

impl FieldValue for RoleRights {
    const SHAPE: Shape = Shape::Data("RoleRights");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let members = reader.object(json)?;
        let found = reader.findings().len();
        let rights = rights(members, reader);
        (reader.findings().len() == found).then(|| Self(Arc::new(rights)))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        self.0.write(out);
    }
}

fn unknown(reader: &mut Reader<'_>, name: &str, known: &[&str]) {
    let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", known.join(", "));
    reader.flaw(flaw);
}

fn not_a_choice(reader: &mut Reader<'_>, value: &str, choices: &[&str]) {
    reader.flaw(Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", choices.join(", ")));
}

fn rights(members: &Members, reader: &mut Reader<'_>) -> Rights {
    let mut rights = Rights::default();
    for (name, json) in members.iter().filter(|(_, json)| !json.is_null()) {
        reader.inside(name, |reader| match name.as_str() {
            "kinds" => kinds(json, reader, &mut rights),
            "contact_data" => rights.contact = sights(json, reader, Sight::Full).unwrap_or(rights.contact),
            "identity" => rights.identity = sights(json, reader, Sight::Masked).unwrap_or(rights.identity),
            "besides" => rights.besides = besides(json, reader),
            _ => unknown(reader, name, &["kinds", "contact_data", "identity", "besides"]),
        });
    }
    rights
}

fn kinds(json: &Value, reader: &mut Reader<'_>, rights: &mut Rights) {
    let Some(said) = reader.object(json) else { return };
    for (name, json) in said.iter().filter(|(_, json)| !json.is_null()) {
        reader.inside(name, |reader| match kind_names().find(|known| known == name) {
            Some(kind) => {
                let reach = of_kind(kind, json, reader, rights);
                rights.kinds.push(KindRights { kind, reach });
            }
            None => unknown(reader, name, &kind_names().collect::<Vec<_>>()),
        });
    }
}

fn of_kind(kind: &'static str, json: &Value, reader: &mut Reader<'_>, rights: &mut Rights) -> [Reach; ACTIONS.len()] {
    let mut reaches = [Reach::NONE; ACTIONS.len()];
    let Some(said) = reader.object(json) else { return reaches };
    let known = actions_of(kind);
    for (name, json) in said.iter().filter(|(_, json)| !json.is_null()) {
        let action = ACTIONS.iter().position(|(action, word)| word == name && known.contains(action));
        reader.inside(name, |reader| match action.and_then(|at| reaches.get_mut(at)) {
            Some(place) => *place = reach(kind, json, reader),
            None if name == "fields" => fields(kind, json, reader, rights),
            None => {
                let words = ACTIONS.iter().filter(|(action, _)| known.contains(action)).map(|(_, word)| *word);
                unknown(reader, name, &words.chain(["fields"]).collect::<Vec<_>>());
            }
        });
    }
    reaches
}

fn reach(kind: &str, json: &Value, reader: &mut Reader<'_>) -> Reach {
    let far = reach_of(kind);
    let mut reach = Reach::NONE;
    let Some(words) = reader.typed(json.as_array(), "a list of words", "词语列表") else { return reach };
    for (at, word) in words.iter().enumerate() {
        reader.inside(at, |reader| {
            let Some(word) = reader.text(word) else { return };
            match Reach::from_word(word).map(|said| said.and(far)).filter(|said| !said.is_none()) {
                Some(said) if word != "all" || far.all => reach = reach.with(said),
                _ => not_a_choice(reader, word, &far.choices()),
            }
        });
    }
    reach
}

fn fields(kind: &'static str, json: &Value, reader: &mut Reader<'_>, rights: &mut Rights) {
    let Some(said) = reader.object(json) else { return };
    let known = kind_named(kind).map(|kind| kind.fields).unwrap_or_default();
    for (name, json) in said.iter().filter(|(_, json)| !json.is_null()) {
        if custom::is_key(name.strip_prefix("custom.").unwrap_or_default()) {
            let said = reader.inside(name, |reader| of_custom(kind, name, json, reader));
            said.into_iter().for_each(|said| rights.custom.say(said));
            continue;
        }
        reader.inside(name, |reader| match known.iter().find(|field| field.name == name) {
            Some(field) => rights.fields.extend(of_field(kind, field, json, reader)),
            None => unknown(reader, name, &known.iter().map(|field| field.name).collect::<Vec<_>>()),
        });
    }
}

fn of_field(kind: &'static str, field: &'static Field, json: &Value, reader: &mut Reader<'_>) -> Option<FieldRights> {
    let mut rights = FieldRights { kind, field: field.name, sights: None, writes: true };
    for (name, json) in reader.object(json)?.iter().filter(|(_, json)| !json.is_null()) {
        reader.inside(name, |reader| match name.as_str() {
            "sees" => {
                let most = if field.group == Group::Identity { Sight::Masked } else { Sight::Full };
                rights.sights = sights(json, reader, most);
                if let Some(sights) = rights.sights {
                    check_sights(field, sights, reader);
                }
            }
            "writes" => rights.writes = reader.typed(json.as_bool(), "true or false", "true 或 false").unwrap_or(false),
            _ => unknown(reader, name, &["sees", "writes"]),
        });
    }
    Some(rights)
}

/// What a role says of a field that the organisation added, or may add one day.
fn of_custom(kind: &'static str, name: &str, json: &Value, reader: &mut Reader<'_>) -> Option<Said> {
    let mut said = Said { kind, name: name.to_owned(), sights: None, or_usual: false, writes: true };
    for (name, json) in reader.object(json)?.iter().filter(|(_, json)| !json.is_null()) {
        reader.inside(name, |reader| match name.as_str() {
            "sees" => said.sights = sights(json, reader, Sight::Full),
            "writes" => said.writes = reader.typed(json.as_bool(), "true or false", "true 或 false").unwrap_or(false),
            _ => unknown(reader, name, &["sees", "writes"]),
        });
    }
    Some(said)
}

/// Some fields whoever sees the record knows, and some have no mask.
fn check_sights(field: &Field, sights: Sights, reader: &mut Reader<'_>) {
    let said = [sights.own, sights.team, sights.other];
    if said.contains(&Sight::Hidden) && !field.can_be_hidden() {
        reader.flaw(Flaw::new(&codes::FIELD_ALWAYS_SEEN).with("field", field.name));
    }
    if said.contains(&Sight::Masked) && !field.has_mask() {
        reader.flaw(Flaw::new(&codes::FIELD_HAS_NO_MASK).with("field", field.name));
    }
}

/// One word for every record, or one each for one's own, the team's and other ones.
fn sights(json: &Value, reader: &mut Reader<'_>, most: Sight) -> Option<Sights> {
    if json.is_string() {
        return sight(json, reader, most).map(Sights::all);
    }
    let found = reader.findings().len();
    let mut sights = Sights::all(Sight::Hidden);
    for (name, json) in reader.object(json)? {
        reader.inside(name, |reader| {
            let place = match name.as_str() {
                "own" => &mut sights.own,
                "team" => &mut sights.team,
                "other" => &mut sights.other,
                _ => return unknown(reader, name, &["own", "team", "other"]),
            };
            *place = sight(json, reader, most).unwrap_or(Sight::Hidden);
        });
    }
    (reader.findings().len() == found).then_some(sights)
}

const SIGHTS: [(Sight, &str); 3] = [(Sight::Hidden, "hidden"), (Sight::Masked, "masked"), (Sight::Full, "full")];

fn sight(json: &Value, reader: &mut Reader<'_>, most: Sight) -> Option<Sight> {
    let word = reader.text(json)?;
    let known = SIGHTS.iter().filter(|(sight, _)| *sight <= most);
    let said = known.clone().find(|(_, known)| *known == word).map(|(sight, _)| *sight);
    if said.is_none() {
        not_a_choice(reader, word, &known.map(|(_, word)| *word).collect::<Vec<_>>());
    }
    said
}

fn besides(json: &Value, reader: &mut Reader<'_>) -> Vec<Right> {
    let Some(words) = reader.typed(json.as_array(), "a list of rights", "权限列表") else { return Vec::new() };
    let mut given = Vec::new();
    for (at, word) in words.iter().enumerate() {
        reader.inside(at, |reader| {
            let Some(word) = reader.text(word) else { return };
            match RIGHTS.iter().find(|(_, known)| *known == word) {
                Some((right, _)) if given.contains(right) => {}
                Some((right, _)) => given.push(*right),
                None => not_a_choice(reader, word, &RIGHTS.map(|(_, word)| word)),
            }
        });
    }
    given
}

pub(super) fn sight_word(sight: Sight) -> &'static str {
    SIGHTS.iter().find(|(known, _)| *known == sight).map_or("hidden", |(_, word)| word)
}

impl Sights {
    fn write(self, out: &mut Out) {
        out.object(|out| {
            out.key("own").text(sight_word(self.own));
            out.key("team").text(sight_word(self.team));
            out.key("other").text(sight_word(self.other));
        });
    }
}

impl Rights {
    /// Writes the rights as a role's answer shows them, and as a role is made with.
    pub fn write(&self, out: &mut Out) {
        out.object(|out| {
            out.key("kinds").object(|out| {
                for kind in kind_names() {
                    out.key(kind).object(|out| self.write_kind(out, kind));
                }
            });
            out.key("contact_data");
            self.contact.write(out);
            out.key("identity");
            self.identity.write(out);
            let given = RIGHTS.iter().filter(|(right, _)| self.grants(*right));
            out.key("besides").texts(given.map(|(_, word)| *word));
        });
    }

    fn write_kind(&self, out: &mut Out, kind: &str) {
        for (action, word) in ACTIONS.iter().filter(|(action, _)| actions_of(kind).contains(action)) {
            out.key(word).texts(self.reach(*action, kind).words());
        }
        let named: Vec<&FieldRights> = self.fields.iter().filter(|known| known.kind == kind).collect();
        out.key("fields").object(|out| {
            for known in named {
                out.key(known.field).object(|out| {
                    if let Some(sights) = known.sights {
                        out.key("sees");
                        sights.write(out);
                    }
                    out.key("writes").flag(known.writes);
                });
            }
            for said in self.custom.said_of(kind) {
                out.key(&said.name).object(|out| {
                    if let Some(sights) = said.sights {
                        out.key("sees");
                        sights.write(out);
                    }
                    out.key("writes").flag(said.writes);
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::{Action, BUILT_IN, Relation};
    use serde_json::json;

    fn read(json: &Value) -> Result<Rights, Vec<(String, &'static str)>> {
        let mut no_id = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        let read = RoleRights::read(json, &mut reader, None);
        let findings = reader.into_findings();
        match read {
            Some(rights) if findings.is_empty() => Ok((*rights.0).clone()),
            _ => Err(findings.into_iter().map(|one| (one.pointer, one.flaw.code.key)).collect()),
        }
    }

    #[test]
    fn every_built_in_role_can_be_said_again() {
        for role in BUILT_IN.iter() {
            let stored = RoleRights(role.rights.clone()).to_stored();
            let again = RoleRights::from_stored(&stored).unwrap().0;
            assert!(again.within(&role.rights) && role.rights.within(&again), "{}", role.key);
            let said = read(&serde_json::from_str(&stored).unwrap());
            assert!(said.is_ok(), "{}: {said:?}", role.key);
        }
    }

    #[test]
    fn what_is_said_is_given_and_nothing_else() {
        let rights = read(&json!({
            "kinds": {"customer": {
                "read": ["team", "shared"], "update": ["own"],
                "fields": {"remark": {"sees": "hidden"}, "stage": {"writes": false}},
            }},
            "contact_data": {"own": "full", "team": "masked"},
            "besides": ["audit.read"],
        }))
        .unwrap();
        assert_eq!(rights.reach(Action::Read, "customer").words(), ["team", "shared"]);
        assert!(rights.reach(Action::Delete, "customer").is_none() && rights.reach(Action::Read, "contact").is_none());
        let field = |name| kind_named("customer").unwrap().field(name).unwrap();
        assert_eq!(rights.sees("customer", field("remark"), Relation::Own), Sight::Hidden);
        assert_eq!(rights.sees("customer", field("phones"), Relation::Team), Sight::Masked);
        assert_eq!(rights.sees("customer", field("phones"), Relation::Other), Sight::Hidden);
        assert_eq!(rights.sees("customer", field("id_number"), Relation::Own), Sight::Hidden);
        assert!(!rights.writes("customer", "stage") && rights.writes("customer", "remark"));
        assert!(rights.grants(Right::AuditRead) && !rights.grants(Right::DataPurge));
    }

    #[test]
    fn a_role_that_only_reads_lets_nothing_be_written() {
        let kinds = json!({"customer": {"update": ["own"], "fields": {"stage": {"writes": false}}}});
        let writer = read(&json!({ "kinds": kinds })).unwrap();
        let reader = read(&json!({"kinds": {"customer": {"read": ["all"]}}})).unwrap();
        for both in [writer.with(&reader), reader.with(&writer), writer.with(&Rights::default())] {
            assert!(!both.writes("customer", "stage") && both.writes("customer", "remark"));
        }
        let other = read(&json!({"kinds": {"customer": {"create": ["own"]}}})).unwrap();
        assert!(writer.with(&other).writes("customer", "stage"), "one of them lets it be written");
    }

    #[test]
    fn what_cannot_be_given_is_refused_by_name() {
        for (said, pointer, code) in [
            (json!([]), "", "type_wrong"),
            (json!({"kinds": {"deal": {}}}), "/kinds/deal", "field_unknown"),
            (json!({"kinds": {"tag": {"transfer": ["all"]}}}), "/kinds/tag/transfer", "field_unknown"),
            (json!({"kinds": {"tag": {"read": ["own"]}}}), "/kinds/tag/read/0", "choice_unknown"),
            (json!({"kinds": {"customer": {"read": "all"}}}), "/kinds/customer/read", "type_wrong"),
            (json!({"identity": "full"}), "/identity", "choice_unknown"),
            (json!({"contact_data": {"near": "full"}}), "/contact_data/near", "field_unknown"),
            (json!({"besides": ["everything"]}), "/besides/0", "choice_unknown"),
            (
                json!({"kinds": {"customer": {"fields": {"name": {"sees": "hidden"}}}}}),
                "/kinds/customer/fields/name/sees",
                "field_always_seen",
            ),
            (
                json!({"kinds": {"customer": {"fields": {"remark": {"sees": "masked"}}}}}),
                "/kinds/customer/fields/remark/sees",
                "field_has_no_mask",
            ),
            (
                json!({"kinds": {"customer": {"fields": {"id_number": {"sees": "full"}}}}}),
                "/kinds/customer/fields/id_number/sees",
                "choice_unknown",
            ),
        ] {
            assert_eq!(read(&said), Err(vec![(pointer.to_owned(), code)]), "{said}");
        }
    }
}
