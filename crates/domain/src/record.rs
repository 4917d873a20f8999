//! The declaration of a kind: one list of fields gives the struct, its parsing, its merge patch, its answer and its
//! description.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::custom::CustomValues;
use crate::field::{Field, Shape, Sight};
use crate::fields::Collaborators;
use crate::filter::{Fact, Member};
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::show::{Out, View};

/// A type that can be the value of a field.
pub trait FieldValue: Sized + Clone + PartialEq + Send + Sync + 'static {
    /// Its shape on the wire.
    const SHAPE: Shape;
    /// Whether it can be null.
    const NULLABLE: bool = false;
    /// Whether a create must bring it; `absent` gives nothing exactly then.
    const REQUIRED: bool = !Self::NULLABLE;

    /// The value of a member that was not brought or is null; `None` when it is required.
    fn absent() -> Option<Self>;
    /// Reads a JSON value that is not null. `old` is the stored value, in a PATCH.
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self>;
    /// Writes the value; never called with [`Sight::Hidden`].
    fn show(&self, out: &mut Out, sight: Sight, view: &dyn View);
    /// The ids that the answer shows names of.
    fn refs(&self, _: &mut Vec<Uuid>) {}
    /// The id, where the value is a reference.
    fn target(&self) -> Option<Uuid> {
        None
    }
    /// What a filter that asks for a member of the field is held against; nothing where it cannot be asked for.
    fn fact(&self, _: Member) -> Fact {
        Fact::Missing
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const NULLABLE: bool = true;

    fn absent() -> Option<Self> {
        Some(None)
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        T::read(json, reader, old.and_then(Option::as_ref)).map(Some)
    }
    fn show(&self, out: &mut Out, sight: Sight, view: &dyn View) {
        match self {
            Some(value) => value.show(out, sight, view),
            None => out.null(),
        }
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        if let Some(value) = self {
            value.refs(ids);
        }
    }
    fn target(&self) -> Option<Uuid> {
        self.as_ref().and_then(FieldValue::target)
    }
    fn fact(&self, member: Member) -> Fact {
        self.as_ref().map_or(Fact::Missing, |value| value.fact(member))
    }
}

/// The names of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Singular, in bodies: `follow_up`.
    pub name: &'static str,
    /// Plural, in paths: `follow_ups`.
    pub path: &'static str,
    /// The name of its schema: `FollowUp`.
    pub schema: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
    /// What it is, for the description.
    pub doc: &'static str,
    /// Its fields, in the order of the answer.
    pub fields: &'static [Field],
}

impl Kind {
    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether `q` finds its records: by their names, or by the fields that are searched.
    #[must_use]
    pub fn takes_words(&self) -> bool {
        self.fields.iter().any(|field| field.searched || field.name == "name")
    }

    /// Whether any of its fields may be shown as a mask: sealed, and not for whoever sees the record.
    #[must_use]
    pub fn has_masked(&self) -> bool {
        self.fields.iter().any(Field::has_mask)
    }
}

/// What a finding does to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The write is refused.
    Refuses,
    /// The write is done, and the answer tells it.
    Warns,
}

/// A rule's word on a record: which fields it is about, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFinding {
    /// The field that the answer points to.
    pub field: &'static str,
    /// Other fields that take part.
    pub with: &'static [&'static str],
    /// What is wrong.
    pub flaw: Flaw,
    /// Whether it refuses or warns.
    pub weight: Weight,
    /// Whether it speaks up only where its field and all the others are brought: it compares values of which whoever
    /// writes one may not see the other.
    pub together: bool,
}

impl RuleFinding {
    /// A finding about a field, in which others take part, that refuses the write.
    #[must_use]
    pub fn refuses(field: &'static str, with: &'static [&'static str], flaw: Flaw) -> Self {
        Self { field, with, flaw, weight: Weight::Refuses, together: false }
    }

    /// A finding about a field, in which others take part, that is told and refuses nothing.
    #[must_use]
    pub fn warns(field: &'static str, with: &'static [&'static str], flaw: Flaw) -> Self {
        Self { field, with, flaw, weight: Weight::Warns, together: false }
    }

    /// The same, told only where all of these fields are brought.
    #[must_use]
    pub fn warns_together(field: &'static str, with: &'static [&'static str], flaw: Flaw) -> Self {
        Self { together: true, ..Self::warns(field, with, flaw) }
    }

    /// Whether it speaks up in a write that brings some fields; a mask that comes back brings nothing.
    pub fn is_about(&self, brought: impl Fn(&str) -> bool) -> bool {
        let mut others = self.with.iter();
        if self.together {
            brought(self.field) && others.all(|name| brought(name))
        } else {
            brought(self.field) || others.any(|name| brought(name))
        }
    }
}

/// A kind of record, declared with [`kind!`](crate::kind).
pub trait Record: Sized + Clone + PartialEq + Send + Sync + 'static {
    /// Names and fields.
    const KIND: &'static Kind;

    /// Reads the members of a new record; takes out what it read.
    fn create(members: &mut Members, reader: &mut Reader<'_>) -> Option<Self>;
    /// Reads a merge patch over this record; takes out what it read.
    fn patch(&self, members: &mut Members, reader: &mut Reader<'_>, view: &dyn View) -> Option<Self>;
    /// Writes the members of an answer; names of fields that are not seen in full go to the lists.
    fn show(&self, out: &mut Out, view: &dyn View, veiled: &mut Veiled);
    /// Ids that the answer shows names of.
    fn refs(&self, ids: &mut Vec<Uuid>);
    /// Every reference with its field.
    fn targets(&self) -> Vec<(&'static Field, Uuid)>;
    /// What a filter that asks for a member is held against.
    fn fact(&self, member: Member) -> Fact;
    /// Names of the fields in which two states differ.
    fn changed(&self, other: &Self) -> Vec<&'static str>;
    /// What the rules of the trade say of it. Rules never make an old record unreadable: they speak at writing.
    fn rules(&self) -> Vec<RuleFinding>;
}

/// The name of a field: `stage`, or `custom.annual_output` of one that the organisation added.
pub type FieldName = Cow<'static, str>;

/// Names of the fields that an answer does not show in full.
#[derive(Debug, Default)]
pub struct Veiled {
    /// Null, because the caller may not see them.
    pub hidden: Vec<FieldName>,
    /// Shown as a mask.
    pub masked: Vec<FieldName>,
}

/// A stored record: what every kind has, and the kind's own data.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<R> {
    /// What every record has.
    pub base: Base,
    /// The kind's own fields.
    pub data: R,
}

/// What every record has.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// UUIDv7.
    pub id: Uuid,
    /// Rises with every change of the answer.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Who made it; nobody for what came through a form.
    pub created_by: Option<Uuid>,
    /// Whose it is.
    pub owner_id: Option<Uuid>,
    /// Which team it belongs to.
    pub team_id: Option<Uuid>,
    /// Whom it is shared with.
    pub shared: Collaborators,
    /// The values of custom fields.
    pub custom: CustomValues,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Writes one field for [`Record::show`].
pub fn show_field<T: FieldValue>(
    field: &'static Field,
    value: &T,
    out: &mut Out,
    view: &dyn View,
    veiled: &mut Veiled,
) {
    let sight = view.sight(field);
    match sight {
        Sight::Hidden => veiled.hidden.push(field.name.into()),
        Sight::Masked => veiled.masked.push(field.name.into()),
        Sight::Full => {}
    }
    if view.wants(field.name) {
        out.key(field.name);
        if sight == Sight::Hidden { out.null() } else { value.show(out, sight, view) }
    }
    if let Some(display) = field.display_name().filter(|display| view.wants(display)) {
        out.key(display);
        match value.target().filter(|_| sight != Sight::Hidden) {
            Some(id) => out.object(|out| {
                out.key("id").id(id);
                out.key("name").text_or_null(view.name(id).map(|name| name.name.as_str()));
            }),
            None => out.null(),
        }
    }
}

/// The name of a member: that of its field in the struct, `type` for `r#type`.
#[must_use]
pub const fn member_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Declares a kind: names, labels and fields once; struct, parsing, merge patch, answer and description follow.
#[macro_export]
macro_rules! kind {
    (
        $(#[doc = $kind_doc:literal])*
        $K:ident, $name:literal, $path:literal, $zh:literal, $en:literal, rules: $rules:expr;
        $( $(#[doc = $doc:literal])* $f:ident : $t:ty = $field:expr; )*
    ) => {
        $(#[doc = $kind_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $K { $( $(#[doc = $doc])* pub $f: $t, )* }

        impl $crate::record::Record for $K {
            const KIND: &'static $crate::record::Kind = &$crate::record::Kind {
                name: $name,
                path: $path,
                schema: stringify!($K),
                zh: $zh,
                en: $en,
                doc: concat!($($kind_doc),*),
                fields: &[ $( $field.typed::<$t>(stringify!($f), concat!($($doc),*)) ),* ],
            };

            fn create(members: &mut $crate::read::Members, reader: &mut $crate::read::Reader<'_>) -> Option<Self> {
                $( let $f: Option<$t> = {
                    const F: &$crate::field::Field = &$field.typed::<$t>(stringify!($f), "");
                    reader.create(F, members)
                }; )*
                Some(Self { $( $f: $f?, )* })
            }

            fn patch(
                &self, members: &mut $crate::read::Members, reader: &mut $crate::read::Reader<'_>,
                view: &dyn $crate::show::View,
            ) -> Option<Self> {
                $( let $f: Option<$t> = {
                    const F: &$crate::field::Field = &$field.typed::<$t>(stringify!($f), "");
                    reader.patch(F, members, &self.$f, view.sight(F))
                }; )*
                Some(Self { $( $f: $f?, )* })
            }

            fn show(
                &self, out: &mut $crate::show::Out, view: &dyn $crate::show::View,
                veiled: &mut $crate::record::Veiled,
            ) {
                $( {
                    const F: &$crate::field::Field = &$field.typed::<$t>(stringify!($f), "");
                    $crate::record::show_field(F, &self.$f, out, view, veiled);
                } )*
            }

            fn refs(&self, ids: &mut Vec<uuid::Uuid>) {
                $( $crate::record::FieldValue::refs(&self.$f, ids); )*
            }

            fn targets(&self) -> Vec<(&'static $crate::field::Field, uuid::Uuid)> {
                let mut targets = Vec::new();
                $( if let Some(id) = $crate::record::FieldValue::target(&self.$f) {
                    const F: &$crate::field::Field = &$field.typed::<$t>(stringify!($f), "");
                    targets.push((F, id));
                } )*
                targets
            }

            fn fact(&self, member: $crate::filter::Member) -> $crate::filter::Fact {
                match member.field() {
                    $( name if name == $crate::record::member_name(stringify!($f)) => {
                        $crate::record::FieldValue::fact(&self.$f, member)
                    } )*
                    _ => $crate::filter::Fact::Missing,
                }
            }

            fn changed(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $( if self.$f != other.$f { names.push($crate::record::member_name(stringify!($f))); } )*
                names
            }

            fn rules(&self) -> Vec<$crate::record::RuleFinding> {
                let rules: fn(&Self) -> Vec<$crate::record::RuleFinding> = $rules;
                rules(self)
            }
        }
    };
}

/// Declares a vocabulary: an enum whose keys are stable; `absent:` names the item that stands where none is said.
#[macro_export]
macro_rules! vocabulary {
    ( $(#[doc = $doc:literal])* $V:ident $(, absent: $absent:ident)? { $( $item:ident = $key:literal, $zh:literal, $en:literal; )* } ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $V { $( #[doc = $en] $item, )* }

        impl $V {
            /// The vocabulary.
            pub const VOCABULARY: &'static $crate::field::Vocabulary = &$crate::field::Vocabulary {
                name: stringify!($V), items: &[ $( ($key, $zh, $en) ),* ],
            };
            /// The stable key.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $( Self::$item => $key, )* }
            }
            /// The item with that key.
            #[must_use]
            pub fn from_key(key: &str) -> Option<Self> {
                match key { $( $key => Some(Self::$item), )* _ => None }
            }
        }

        impl $crate::field::Keyed for $V {
            const KNOWN: &'static $crate::field::Vocabulary = Self::VOCABULARY;
            fn of_key(key: &str) -> Option<Self> { Self::from_key(key) }
            fn key_of(self) -> &'static str { self.key() }
        }

        impl $crate::record::FieldValue for $V {
            const SHAPE: $crate::field::Shape = $crate::field::Shape::Choice(Self::VOCABULARY);
            const REQUIRED: bool = true $( && stringify!($absent).is_empty() )?;
            fn absent() -> Option<Self> { None $( .or(Some(Self::$absent)) )? }
            fn read(
                json: &serde_json::Value, reader: &mut $crate::read::Reader<'_>, _: Option<&Self>,
            ) -> Option<Self> {
                let key = reader.text(json)?;
                let item = Self::from_key(key);
                if item.is_none() {
                    reader.flaw(Self::VOCABULARY.unknown(key));
                }
                item
            }
            fn show(
                &self, out: &mut $crate::show::Out, _: $crate::field::Sight, _: &dyn $crate::show::View,
            ) {
                out.plain(&self.key());
            }
            fn fact(&self, _: $crate::filter::Member) -> $crate::filter::Fact {
                $crate::filter::Fact::One($crate::filter::Scalar::Text(self.key().to_owned()))
            }
        }
    };
}
