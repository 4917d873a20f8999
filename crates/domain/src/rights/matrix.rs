//! The whole policy of the built-in roles as a text.

use crate::field::{Field, Group, Sight};
use crate::kinds::KINDS;

use super::read::sight_word;
use super::{ACTIONS, Action, BUILT_IN, BuiltIn, RIGHTS, Rights, Sights, actions_of, kind_names};

/// The whole policy as a text: role by kind by action, role by kind by field, role by other rights.
#[must_use]
pub fn matrix() -> String {
    let mut lines = vec!["# role kind: create / read / update / delete / transfer / reveal".to_owned()];
    for role in BUILT_IN.iter() {
        lines.extend(kind_names().map(|kind| actions(role, kind)));
    }
    lines.push(String::new());
    lines.push("# role kind.field: own (or shared) / team / other (fields that are not listed are full)".to_owned());
    for role in BUILT_IN.iter() {
        for kind in KINDS.iter().filter(|kind| !role.rights.reach(Action::Read, kind.name).is_none()) {
            let told = kind.fields.iter().filter(|field| is_told(&role.rights, kind.name, field));
            lines.extend(told.map(|field| sights(role, kind.name, field)));
        }
    }
    lines.push(String::new());
    lines.push("# role: rights that are about no record".to_owned());
    for role in BUILT_IN.iter() {
        let given: Vec<&str> =
            RIGHTS.iter().filter(|(right, _)| role.rights.grants(*right)).map(|(_, name)| *name).collect();
        lines.push(format!("{}: {}", role.key, if given.is_empty() { "-".to_owned() } else { given.join(" ") }));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn actions(role: &BuiltIn, kind: &str) -> String {
    let reach = |(action, _): &(Action, &str)| {
        let words = role.rights.reach(*action, kind).words();
        if words.is_empty() || !actions_of(kind).contains(action) { "-".to_owned() } else { words.join(" ") }
    };
    format!("{} {kind}: {}", role.key, ACTIONS.iter().map(reach).collect::<Vec<_>>().join(" / "))
}

fn is_told(rights: &Rights, kind: &str, field: &Field) -> bool {
    let plain = rights.sights(kind, field) == Sights::all(Sight::Full) && rights.writes(kind, field.name);
    field.group != Group::General || !plain
}

fn sights(role: &BuiltIn, kind: &str, field: &Field) -> String {
    let Sights { own, team, other } = role.rights.sights(kind, field);
    let words = [own, team, other].map(sight_word).join(" / ");
    let read_only = if role.rights.writes(kind, field.name) { "" } else { ", read-only" };
    format!("{} {kind}.{}: {words}{read_only}", role.key, field.name)
}
