//! Users whom a single record is shared with.

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::record::FieldValue;
use crate::rights::Access;
use crate::show::{Out, View};

/// The most users that one record is shared with.
pub const MAX_COLLABORATORS: usize = 50;

const ACCESSES: [(Access, &str); 2] = [(Access::Read, "read"), (Access::Write, "write")];

/// Users whom a record is shared with, each to read it, or to change it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collaborators {
    with: Vec<(Uuid, Access)>,
    everybody: bool,
}

impl Collaborators {
    /// Every user of the organisation, each to read it. Kinds that are shared so keep that in a column of their own.
    #[must_use]
    pub fn everybody() -> Self {
        Self { with: Vec::new(), everybody: true }
    }

    /// Whether the record is shared with every user.
    #[must_use]
    pub fn are_everybody(&self) -> bool {
        self.everybody
    }

    /// How far the record is shared with a user.
    #[must_use]
    pub fn access(&self, user: Uuid) -> Option<Access> {
        let named = self.with.iter().find(|(known, _)| *known == user).map(|(_, access)| *access);
        named.or(self.everybody.then_some(Access::Read))
    }

    /// The users.
    pub fn users(&self) -> impl Iterator<Item = Uuid> {
        self.with.iter().map(|(user, _)| *user)
    }

    /// The same without a user.
    #[must_use]
    pub fn without(&self, user: Uuid) -> Self {
        Self {
            with: self.with.iter().filter(|(known, _)| *known != user).copied().collect(),
            everybody: self.everybody,
        }
    }

    /// The bytes that are stored: 16 of each user, and one of how far. `None` where there are none.
    #[must_use]
    pub fn to_stored(&self) -> Option<Vec<u8>> {
        let bytes = self.with.iter().flat_map(|(user, access)| {
            user.as_bytes().iter().copied().chain([if *access == Access::Write { b'w' } else { b'r' }])
        });
        (!self.with.is_empty()).then(|| bytes.collect())
    }

    /// The users of stored bytes.
    #[must_use]
    pub fn from_stored(bytes: Option<&[u8]>) -> Self {
        let one = |bytes: &[u8]| {
            let (access, user) = bytes.split_last()?;
            Some((Uuid::from_slice(user).ok()?, if *access == b'w' { Access::Write } else { Access::Read }))
        };
        let with = bytes.unwrap_or_default().chunks_exact(17).filter_map(one).collect();
        Self { with, everybody: false }
    }
}

/// Reads one; `user` is what an answer shows beside the id, and is passed over.
fn one(json: &Value, reader: &mut Reader<'_>) -> Option<(Uuid, Access)> {
    let members = reader.object(json)?;
    let rest = members.iter().filter(|(name, _)| !matches!(name.as_str(), "user_id" | "access" | "user"));
    let rest: Members = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
    reader.refuse_rest(&rest, &["user_id", "access"]);
    let said = |name| members.get(name).filter(|value| !value.is_null());
    let user = reader.inside("user_id", |reader| match said("user_id") {
        None => reader.keep(Err(Flaw::new(&codes::REQUIRED).with("field", "user_id"))),
        Some(id) => {
            let raw = reader.text(id)?;
            reader.keep(Uuid::parse_str(raw).map_err(|_| Flaw::new(&codes::ID_INVALID).with("value", raw)))
        }
    });
    let access = reader.inside("access", |reader| match said("access") {
        None => Some(Access::Read),
        Some(word) => {
            let word = reader.text(word)?;
            let known = ACCESSES.iter().find(|(_, known)| *known == word).map(|(access, _)| *access);
            let flaw = || Flaw::new(&codes::CHOICE_UNKNOWN).with("value", word).with("choices", "read, write");
            reader.keep(known.ok_or_else(flaw))
        }
    });
    rest.is_empty().then(|| user.zip(access))?
}

impl FieldValue for Collaborators {
    const SHAPE: Shape = Shape::Data("Collaborators");
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list", "列表")?;
        if items.len() > MAX_COLLABORATORS {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_COLLABORATORS));
            return None;
        }
        let mut all: Vec<(Uuid, Access)> = Vec::with_capacity(items.len());
        let found = reader.findings().len();
        for (at, item) in items.iter().enumerate() {
            let Some((user, access)) = reader.inside(at, |reader| one(item, reader)) else { continue };
            match all.iter_mut().find(|(known, _)| *known == user) {
                // Named twice: the further sharing counts.
                Some((_, known)) => *known = access.max(*known),
                None => all.push((user, access)),
            }
        }
        (reader.findings().len() == found).then_some(Self { with: all, everybody: false })
    }
    fn show(&self, out: &mut Out, _: Sight, view: &dyn View) {
        out.array(|out| {
            for (user, access) in &self.with {
                out.object(|out| {
                    out.key("user_id").id(*user);
                    out.key("user").object(|out| {
                        out.key("id").id(*user);
                        out.key("name").text_or_null(view.name(*user).map(|name| name.name.as_str()));
                    });
                    out.key("access").text(if *access == Access::Write { "write" } else { "read" });
                });
            }
        });
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        ids.extend(self.users());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn they_are_stored_as_they_were_said() {
        let mut no_id = Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        let (ann, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let said = json!([{"user_id": ann}, {"user_id": bob, "access": "write"}, {"user_id": ann, "access": "read"}]);
        let read = Collaborators::read(&said, &mut reader, None).unwrap();
        assert_eq!(Collaborators::from_stored(read.to_stored().as_deref()), read);
        assert_eq!((read.access(ann), read.access(bob)), (Some(Access::Read), Some(Access::Write)));
        assert_eq!(read.access(Uuid::from_u128(3)), None);
        assert_eq!(Collaborators::default().to_stored(), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut no_id = Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        let said = json!([{"access": "read"}, {"user_id": "x"}, {"user_id": Uuid::nil(), "access": "own"}, 7]);
        assert_eq!(Collaborators::read(&said, &mut reader, None), None);
        let found: Vec<_> = reader.into_findings().into_iter().map(|one| (one.pointer, one.flaw.code.key)).collect();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), *code)).collect();
        assert_eq!(
            found,
            [
                ("/0/user_id", "required"),
                ("/1/user_id", "id_invalid"),
                ("/2/access", "choice_unknown"),
                ("/3", "type_wrong"),
            ]
        );
    }
}
