//! Pointers to other records.

use std::marker::PhantomData;

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A kind that can be pointed to.
pub trait Target: Send + Sync + 'static {
    /// Its name: `customer`.
    const NAME: &'static str;
}

/// The id of a record of kind `T`. That it exists is checked where it is stored.
pub struct Ref<T> {
    /// The id.
    pub id: Uuid,
    kind: PhantomData<fn() -> T>,
}

impl<T> Ref<T> {
    /// A reference to that id.
    #[must_use]
    pub fn new(id: Uuid) -> Self {
        Self { id, kind: PhantomData }
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Ref<T> {}
impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl<T> Eq for Ref<T> {}
impl<T> std::fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id.fmt(f)
    }
}

impl<T: Target> FieldValue for Ref<T> {
    const SHAPE: Shape = Shape::Ref(T::NAME);
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        reader.keep(Uuid::parse_str(raw).map_err(|_| Flaw::new(&codes::ID_INVALID).with("value", raw))).map(Self::new)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.id(self.id);
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        ids.push(self.id);
    }
    fn target(&self) -> Option<Uuid> {
        Some(self.id)
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Id(self.id))
    }
}

/// The id of a record whose kind another field names. That it exists is checked where it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId(pub Uuid);

impl FieldValue for RecordId {
    const SHAPE: Shape = Shape::Id;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        reader.keep(Uuid::parse_str(raw).map_err(|_| Flaw::new(&codes::ID_INVALID).with("value", raw))).map(Self)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.id(self.0);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Id(self.0))
    }
}
