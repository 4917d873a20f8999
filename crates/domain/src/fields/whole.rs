//! Whole numbers between bounds.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number, where it lies between the bounds.
    ///
    /// # Errors
    /// `number_out_of_range`.
    pub fn parse(number: i64) -> Result<Self, Flaw> {
        let flaw = || Flaw::new(&codes::NUMBER_OUT_OF_RANGE).with("value", number).with("min", MIN).with("max", MAX);
        (MIN..=MAX).contains(&number).then_some(Self(number)).ok_or_else(flaw)
    }

    /// A stored number; no rule is applied.
    #[must_use]
    pub fn from_stored(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> FieldValue for Whole<MIN, MAX> {
    const SHAPE: Shape = Shape::Count;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let number = reader.typed(json.as_i64(), "a whole number", "整数")?;
        reader.keep(Self::parse(number))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.number(self.0);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Int(self.0))
    }
}
