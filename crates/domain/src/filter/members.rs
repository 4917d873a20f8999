//! What can be asked of a kind: its members, and the operators that each of them knows.

use crate::field::{Field, Find, Shape};
use crate::kinds::SegmentKind;
use crate::record::Kind;

use super::SEGMENT;

/// A member that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, which is also its column's.
    pub name: &'static str,
    /// How it is compared.
    pub class: Class,
}

impl Member {
    /// The field that it asks for.
    #[must_use]
    pub fn field(self) -> &'static str {
        match (self.class, self.name) {
            (Class::Sealed(Find::Phone), _) => "phones",
            (Class::Sealed(Find::Email), _) => "emails",
            (Class::Sealed(Find::BankAccount), _) => "bank_accounts",
            (Class::Budget, _) => "budget",
            (_, name) => name,
        }
    }
}

/// How a member is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Text without a normalised form: equality and its beginning.
    Word,
    /// A key of a vocabulary.
    Choice,
    /// A name, also searched by what it contains.
    Name,
    /// One line of text, also searched by what it contains.
    Phrase,
    /// Text of several lines: what it contains and begins with.
    Prose,
    /// An id.
    Id,
    /// A moment.
    Time,
    /// A whole number.
    Int,
    /// True or false.
    Flag,
    /// An industry, said as text.
    Industry,
    /// A region, said as text.
    Region,
    /// Keys of a vocabulary, of which a record has several.
    Choices,
    /// A calendar day.
    Day,
    /// A quarter, said as text.
    Quarter,
    /// A bound of a budget, said in 万元.
    Budget,
    /// Tags, said by id or name.
    Tags,
    /// Segments that a record is one of, each by its id.
    Segment,
    /// Sealed, found by equality.
    Sealed(Find),
}

macro_rules! ops {
    ($( $Op:ident = $key:literal; )*) => {
        /// An operator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op { $( #[doc = $key] $Op, )* }

        impl Op {
            /// Every operator.
            pub const ALL: &[Self] = &[ $( Self::$Op ),* ];
            /// Its name.
            #[must_use]
            pub const fn key(self) -> &'static str { match self { $( Self::$Op => $key, )* } }
            pub(super) fn from_key(key: &str) -> Option<Self> { match key { $( $key => Some(Self::$Op), )* _ => None } }
        }
    };
}

ops! {
    Eq = "eq"; Ne = "ne"; Lt = "lt"; Lte = "lte"; Gt = "gt"; Gte = "gte"; In = "in"; Nin = "nin"; Between = "between";
    IsNull = "is_null"; Contains = "contains"; StartsWith = "starts_with"; HasAny = "has_any"; HasAll = "has_all";
    WithinLast = "within_last"; NotWithinLast = "not_within_last"; WithinNext = "within_next";
    NotWithinNext = "not_within_next";
}

const EQUALITY: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::Nin, Op::IsNull];
const NAMES: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::Nin, Op::IsNull, Op::Contains, Op::StartsWith];
const PROSE: &[Op] = &[Op::IsNull, Op::Contains, Op::StartsWith];
const ORDERED: &[Op] = &[Op::Eq, Op::Ne, Op::Lt, Op::Lte, Op::Gt, Op::Gte, Op::In, Op::Nin, Op::Between, Op::IsNull];
const TIMES: &[Op] = &[
    Op::Eq,
    Op::Ne,
    Op::Lt,
    Op::Lte,
    Op::Gt,
    Op::Gte,
    Op::In,
    Op::Nin,
    Op::Between,
    Op::IsNull,
    Op::WithinLast,
    Op::NotWithinLast,
    Op::WithinNext,
    Op::NotWithinNext,
];
const WORDS: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::Nin, Op::IsNull, Op::StartsWith];
const FLAGS: &[Op] = &[Op::Eq, Op::Ne, Op::IsNull];
/// Of a list: `eq` and `in` are that one of those is in it, `ne` and `nin` that none is.
const LISTS: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::Nin, Op::HasAny, Op::HasAll, Op::IsNull];
const SEGMENTS: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::Nin];
const SEALED: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::IsNull];

impl Class {
    /// The operators it knows.
    #[must_use]
    pub const fn ops(self) -> &'static [Op] {
        match self {
            Self::Choice | Self::Id | Self::Industry => EQUALITY,
            Self::Word | Self::Region => WORDS,
            Self::Name | Self::Phrase => NAMES,
            Self::Time | Self::Day => TIMES,
            Self::Int | Self::Quarter | Self::Budget => ORDERED,
            Self::Flag => FLAGS,
            Self::Tags | Self::Choices => LISTS,
            Self::Prose => PROSE,
            Self::Segment => SEGMENTS,
            Self::Sealed(_) => SEALED,
        }
    }
}

const BASE: &[Member] = &[
    Member { name: "id", class: Class::Id },
    Member { name: "version", class: Class::Int },
    Member { name: "created_at", class: Class::Time },
    Member { name: "updated_at", class: Class::Time },
    Member { name: "created_by", class: Class::Id },
];

/// The members that ask for a field: one for most, none for what cannot be asked for.
#[must_use]
pub fn field_members(field: &'static Field) -> Vec<Member> {
    let class = match (field.sealed, field.find, field.shape) {
        (true, Some(find), _) => Class::Sealed(find),
        (true, None, _) => return Vec::new(),
        (_, _, Shape::Line(_)) if field.name == "name" => Class::Name,
        (_, _, Shape::Line(_)) if field.searched => Class::Phrase,
        (_, _, Shape::Text(_)) if field.searched => Class::Prose,
        (_, _, Shape::Line(_) | Shape::Word | Shape::IdNumber) => Class::Word,
        (_, _, Shape::Choice(_)) => Class::Choice,
        (_, _, Shape::Choices(_)) => Class::Choices,
        (_, _, Shape::Flag) => Class::Flag,
        (_, _, Shape::Count) => Class::Int,
        (_, _, Shape::Instant) => Class::Time,
        (_, _, Shape::Date) => Class::Day,
        (_, _, Shape::Quarter) => Class::Quarter,
        (_, _, Shape::Budget) => {
            // A record is asked for by either bound.
            return vec![
                Member { name: "budget_min", class: Class::Budget },
                Member { name: "budget_max", class: Class::Budget },
            ];
        }
        (_, _, Shape::Ref(_) | Shape::Id) => Class::Id,
        (_, _, Shape::Industry) => Class::Industry,
        (_, _, Shape::Region) => Class::Region,
        (_, _, Shape::Tags) => Class::Tags,
        (
            _,
            _,
            Shape::Text(_)
            | Shape::Birthday
            | Shape::Elements(_)
            | Shape::Words
            | Shape::ExternalIds
            | Shape::Lines(..)
            | Shape::Data(_),
        ) => return Vec::new(),
    };
    // One phone is asked for, although a record has several.
    let name = match class {
        Class::Sealed(Find::Phone) => "phone",
        Class::Sealed(Find::Email) => "email",
        Class::Sealed(Find::BankAccount) => "bank_account",
        _ => field.name,
    };
    vec![Member { name, class }]
}

/// Every member of a kind that can be asked for.
pub fn members(kind: &Kind) -> impl Iterator<Item = Member> {
    let segment = SegmentKind::from_key(kind.name).map(|_| Member { name: SEGMENT, class: Class::Segment });
    BASE.iter().copied().chain(kind.fields.iter().flat_map(field_members)).chain(segment)
}

/// Names by which lists of a kind can be ordered.
pub fn sorts(kind: &Kind) -> impl Iterator<Item = &'static str> {
    ["created_at", "updated_at"].into_iter().chain(kind.fields.iter().filter(|field| field.sortable).map(|f| f.name))
}
