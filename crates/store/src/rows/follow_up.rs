//! Rows of follow-ups.

use chrono::{DateTime, Utc};
use kehu_domain::fields::{Collaborators, ExternalIds, Instant, Line, Ref, Text, Whole};
use kehu_domain::kinds::{FollowUp, FollowUpKind, Outcome};
use kehu_domain::record::{Base, Record as _, Stored};
use kehu_domain::text::document::Document;

use crate::crypto::cell::FieldPath;
use crate::entities::follow_up;
use crate::failure::Failure;
use crate::ops::summaries::Counted;
use crate::pii::Entry;
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::found;
use super::{NOT_DUE, Ownership, RowBase, Rows, base, known, row};

impl Rows for FollowUp {
    type Entity = follow_up::Entity;
    const CUSTOM: FieldPath = sealed::follow_up::CUSTOM;
    const SAID: Option<FieldPath> = Some(sealed::follow_up::SAID);
    const TOGETHER: bool = true;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<follow_up::ActiveModel, Failure> {
        let Self {
            customer_id,
            contact_id,
            kind,
            summary,
            happened_at,
            duration_minutes,
            outcome,
            needs_heard,
            pain_points,
            next_step,
            next_due_at,
            external_ids,
        } = &stored.data;
        Ok(row!(follow_up::ActiveModel, stored, row, {
            // A change of the customer writes it.
            shared_with: Set(stored.base.shared.to_stored()),
            customer_id: Set(customer_id.id),
            contact_id: Set(contact_id.map(|contact| contact.id)),
            kind: Set(kind.key().to_owned()),
            summary: Set(summary.as_str().to_owned()),
            happened_at: Set(happened_at.time()),
            duration_minutes: Set(duration_minutes.map(Whole::get)),
            outcome: Set(outcome.map(|outcome| outcome.key().to_owned())),
            needs_heard: Set(needs_heard.as_ref().map(|text| text.as_str().to_owned())),
            pain_points: Set(pain_points.as_ref().map(|text| text.as_str().to_owned())),
            next_step: Set(next_step.as_ref().map(|step| step.as_str().to_owned())),
            next_due_at: Set(next_due_at.map_or(NOT_DUE, Instant::time)),
            external_ids: Set(external_ids.to_stored()),
        }))
    }

    fn from_row(row: follow_up::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = Self {
            customer_id: Ref::new(row.customer_id),
            contact_id: row.contact_id.map(Ref::new),
            kind: known(FollowUpKind::from_key(&row.kind), "kind", row.id)?,
            summary: Text::from_stored(row.summary),
            happened_at: Instant::from_stored(row.happened_at),
            duration_minutes: row.duration_minutes.map(Whole::from_stored),
            outcome: row.outcome.as_deref().and_then(Outcome::from_key),
            needs_heard: row.needs_heard.map(Text::from_stored),
            pain_points: row.pain_points.map(Text::from_stored),
            next_step: row.next_step.map(Line::from_stored),
            next_due_at: Some(row.next_due_at).filter(|at| *at != NOT_DUE).map(Instant::from_stored),
            external_ids: ExternalIds::from_stored(row.external_ids.as_deref()),
        };
        let shared = Collaborators::from_stored(row.shared_with.as_deref());
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::OfCustomer(self.customer_id.id)
    }

    fn entries(&self) -> Vec<Entry> {
        found::external_ids(Self::KIND, &self.external_ids).collect()
    }

    fn entry_count(&self) -> usize {
        self.external_ids.len()
    }

    fn external_ids(&self) -> Option<&ExternalIds> {
        Some(&self.external_ids)
    }

    fn document(&self) -> Document {
        Document::of([
            ("summary", self.summary.as_str()),
            ("needs_heard", self.needs_heard.as_ref().map(Text::as_str).unwrap_or_default()),
            ("pain_points", self.pain_points.as_ref().map(Text::as_str).unwrap_or_default()),
            ("next_step", self.next_step.as_ref().map(Line::as_str).unwrap_or_default()),
        ])
    }

    fn time_of(&self, field: &str) -> Option<DateTime<Utc>> {
        if field == "happened_at" { Some(self.happened_at.time()) } else { self.next_due_at.map(Instant::time) }
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        if let Some(follow_up) = after.or(before) {
            let more = i64::from(after.is_some()) - i64::from(before.is_some());
            tx.count(follow_up.data.customer_id.id, Counted { follow_ups: more, latest: true, ..Counted::default() });
        }
        Ok(())
    }
}
