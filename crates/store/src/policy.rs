//! The one predicate: which records an action of the caller covers, told of a record in memory, and as conditions that
//! select them. Every door asks here.

use std::sync::Arc;

use kehu_domain::custom::CustomField;
use kehu_domain::field::{Field, Find, Sight};
use kehu_domain::fields::Collaborators;
use kehu_domain::filter::{SEGMENT, field_members};
use kehu_domain::kinds::{Contact, Customer, Segment, Sharing};
use kehu_domain::record::{Base, Kind, Record};
use kehu_domain::rights::{Action, Reach, Standing};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use uuid::Uuid;

use crate::gate::Caller;
use crate::machine::read::col;
use crate::ops::children;
use crate::pii::padded;

impl Caller {
    /// How a record of that owner and team, shared with those, stands to the caller.
    #[must_use]
    pub fn standing(&self, owner: Option<Uuid>, team: Option<Uuid>, shared: &Collaborators) -> Standing {
        standing((self.principal().user(), self.teams()), owner, team, shared)
    }

    /// How a record stands to the caller.
    #[must_use]
    pub fn standing_to(&self, base: &Base) -> Standing {
        standing_to((self.principal().user(), self.teams()), base)
    }

    /// Whether an action on a kind covers a record.
    #[must_use]
    pub fn covers(&self, action: Action, kind: &Kind, base: &Base) -> bool {
        let standing = self.standing_to(base);
        (standing.own || !is_private(kind, base)) && self.rights().reach(action, kind.name).covers(action, standing)
    }
}

/// Somebody, with the team and those below.
type Whom<'t> = (Option<Uuid>, &'t [Uuid]);

fn standing((user, teams): Whom<'_>, owner: Option<Uuid>, team: Option<Uuid>, shared: &Collaborators) -> Standing {
    Standing {
        own: user.is_some() && owner == user,
        team: team.is_some_and(|team| teams.contains(&team)),
        shared: user.and_then(|user| shared.access(user)),
    }
}

/// How a record stands to somebody: users are their own.
pub(crate) fn standing_to(whom: Whom<'_>, base: &Base) -> Standing {
    let standing = standing(whom, base.owner_id, base.team_id, &base.shared);
    Standing { own: standing.own || whom.0 == Some(base.id), ..standing }
}

/// Whether a record is its owner's alone, however far others reach: a segment that is not shared.
pub(crate) fn is_private(kind: &Kind, base: &Base) -> bool {
    kind.name == Segment::KIND.name && base.team_id.is_none() && !base.shared.are_everybody()
}

/// Names by which a question to a kind could ask for what the caller may not see of some record within reach: which
/// records are found, how many, and in which order would tell it.
pub(crate) fn hidden(caller: &Caller, kind: &'static Kind) -> Vec<&'static str> {
    let rights = caller.rights();
    let is_hidden = |kind: &Kind, field: &Field| {
        let sights = rights.sights(kind.name, field);
        rights.reach(Action::Read, kind.name).relations().any(|how| sights.of(how) == Sight::Hidden)
    };
    // A customer is found by what its contacts are reached under, too.
    let of_contacts = |field: &Field| {
        let found = field.find.filter(|find| *find != Find::ExternalId);
        let same = Contact::KIND.fields.iter().find(|other| found.is_some() && other.find == found);
        kind.name == Customer::KIND.name && same.is_some_and(|other| is_hidden(Contact::KIND, other))
    };
    let fields = kind.fields.iter().filter(|field| is_hidden(kind, field) || of_contacts(field));
    // Who uses no segments does not ask for them either.
    let segment = rights.reach(Action::Read, Segment::KIND.name).is_none().then_some(SEGMENT);
    fields
        .flat_map(|field| std::iter::once(field.name).chain(field_members(field).into_iter().map(|m| m.name)))
        .chain(segment)
        .collect()
}

/// The fields that the organisation added to a kind, but for those of which the caller may not see some record's value
/// within reach.
pub(crate) fn askable(caller: &Caller, kind: &Kind) -> Vec<Arc<CustomField>> {
    let rights = caller.rights();
    let relations = || rights.reach(Action::Read, kind.name).relations();
    let is_hidden = |field: &CustomField| {
        let sights = rights.custom_sights(kind.name, field);
        relations().any(|how| sights.of(how) == Sight::Hidden)
    };
    caller.org().custom(kind.name).iter().filter(|field| !is_hidden(field)).cloned().collect()
}

/// The parts of a reach over records of a kind.
pub(crate) struct Parts {
    /// Whether it covers everything: then there are no parts.
    pub(crate) all: bool,
    /// One's own.
    pub(crate) own: Option<Expr>,
    /// Those of each of these teams.
    pub(crate) teams: Vec<Uuid>,
    /// What is shared with whoever asks.
    pub(crate) shared: Option<Expr>,
}

impl Parts {
    /// The whole reach as one condition; none where it covers everything.
    pub(crate) fn any(&self) -> Option<Expr> {
        if self.all {
            return None;
        }
        let teams = (!self.teams.is_empty()).then(|| col("team_id").is_in(padded(self.teams.clone())));
        let parts: Vec<Expr> = [self.own.clone(), teams, self.shared.clone()].into_iter().flatten().collect();
        // No part at all is nothing, and not everything.
        Some(parts.into_iter().reduce(ExprTrait::or).unwrap_or_else(|| Expr::val(1).eq(0)))
    }

    /// The same as a condition by which no index is walked.
    pub(crate) fn held(&self) -> Option<Expr> {
        // An owner that is missing is nobody, not unknown.
        Some(Expr::expr(Expr::case(self.any()?, Expr::val(1)).finally(Expr::val(0))).eq(1))
    }
}

/// The parts of a reach over records of a kind: everything, or one's own, each team's, and what is shared.
pub(crate) fn parts(caller: &Caller, kind: &Kind, reach: Reach) -> Parts {
    let user = caller.principal().user();
    let teams = if reach.team && !reach.all { caller.teams().to_vec() } else { Vec::new() };
    if kind.name == Segment::KIND.name {
        return of_segments(user, reach, teams);
    }
    let column = if kind.name == "user" { "id" } else { "owner_id" };
    let own = user.filter(|_| reach.own).map(|user| col(column).eq(user));
    let shared = user.zip(customer_column(kind)).filter(|_| reach.shared);
    let shared = shared.map(|(user, customer)| col(customer).in_subquery(shared_with(caller.org().id, user)));
    Parts { all: reach.all, own, teams, shared }
}

/// The same of segments, of which some are their owner's alone.
fn of_segments(user: Option<Uuid>, reach: Reach, teams: Vec<Uuid>) -> Parts {
    let with = |sharing: &[Sharing]| col("shared").is_in(sharing.iter().map(|sharing| sharing.key()));
    let own = user.filter(|_| reach.own).map(|user| col("owner_id").eq(user));
    let shared = match reach.all {
        true => Some(with(&[Sharing::Everybody, Sharing::Team])),
        false => user.filter(|_| reach.shared).map(|_| with(&[Sharing::Everybody])),
    };
    Parts { all: false, own, teams, shared }
}

/// The column that names the customer of a record that can be shared.
fn customer_column(kind: &Kind) -> Option<&'static str> {
    match kind.name {
        "customer" => Some("id"),
        child if children::is_child(child) => Some("customer_id"),
        _ => None,
    }
}

/// The customers that are shared with a user.
fn shared_with(org: Uuid, user: Uuid) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(Alias::new("customer_id"))
        .from(Alias::new("collaborators"))
        .and_where(col("org_id").eq(org))
        .and_where(col("user_id").eq(user))
        .to_owned()
}
