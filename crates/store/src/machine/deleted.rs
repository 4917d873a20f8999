//! Asking for deleted records beside the living ones: who may, and where they are to be had.

use std::borrow::Cow;

use kehu_domain::codes;
use kehu_domain::custom::CustomType;
use kehu_domain::filter::{Class, Condition, Filter, Op};
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use kehu_domain::record::Kind;
use kehu_domain::rights::Action;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::registry;
use crate::sealed_query;

use super::answer::Asked;
use super::question::{invalid, wrong};

/// The parameter that asks for deleted records too.
pub(super) const DELETED: &str = "deleted";

impl Asked {
    /// Who asks for deleted records may delete some.
    pub(super) fn set_deleted(
        &mut self,
        (caller, kind): (&Caller, &'static Kind),
        at: &str,
        value: &str,
    ) -> Result<(), Failure> {
        if value != "include" {
            return Err(invalid(at, value, "include", "include"));
        }
        // Looking is no use of the right to delete, which reviews of rights are told of.
        if caller.rights().reach(Action::Delete, kind.name).is_none() {
            let flaw = Flaw::new(&codes::RIGHT_MISSING).with("right", format!("{}.delete", kind.name));
            return Err(Failure::RightMissing(Finding { pointer: at.to_owned(), flaw }));
        }
        self.deleted = true;
        Ok(())
    }

    /// Refuses what leads to living records alone.
    pub(super) fn check_deleted(&self, at: &str) -> Result<(), Failure> {
        if !self.deleted || self.q.is_none() && !sealed_query::asks(&self.filter) && !forgets(&self.filter) {
            return Ok(());
        }
        let en = "nothing here: `q`, confidential values, external ids, segments, long texts of added fields and parts of \
                  texts that are no name find living records alone";
        let zh = "空（q、保密值、外部编号、分群、自定义长文本以及名称以外文本的片段只能查找未删除的记录）";
        Err(invalid(at, "include", en, zh))
    }
}

/// Whether a filter asks for what is let go of with a record: the document that its texts are found by, and its place in
/// segments. Names are found in the row itself.
fn forgets(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(forgets),
        Filter::Not(part) => forgets(part),
        Filter::Segment(_) => true,
        Filter::Custom(condition) => condition.field.holds == CustomType::LongText,
        Filter::Is(Condition { member, op: Op::Contains | Op::StartsWith, .. }) => {
            matches!(member.class, Class::Phrase | Class::Prose)
        }
        // Related records are the living ones.
        Filter::Is(_) | Filter::Related(_) => false,
    }
}

/// What is known of a kind, among it what asks for deleted records where there are such.
pub(super) fn known<'t>(kind: &Kind, all: &'t str) -> Cow<'t, str> {
    if registry::is_removable(kind) { format!("{all}, {DELETED}").into() } else { all.into() }
}

/// Refuses the parameter where deleted records are not to be had.
pub(crate) fn refuse_deleted(parameters: &[(String, String)], known: &'static str) -> Result<(), Failure> {
    let said = parameters.iter().any(|(name, _)| name == DELETED);
    let flaw = || Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", DELETED).with("known", known);
    if said { Err(wrong(DELETED, flaw())) } else { Ok(()) }
}
