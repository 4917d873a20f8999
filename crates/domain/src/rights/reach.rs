//! How far an action reaches, and how a record stands to a caller.

use super::Action;

/// How far an action reaches: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Records that one owns.
    pub own: bool,
    /// Records of one's team and the teams below.
    pub team: bool,
    /// Records that are shared with one, as far as the sharing goes.
    pub shared: bool,
    /// Every record of the organisation.
    pub all: bool,
}

impl Reach {
    /// Nothing.
    pub const NONE: Self = Self { own: false, team: false, shared: false, all: false };
    /// One's own.
    pub const OWN: Self = Self { own: true, team: false, shared: false, all: false };
    /// One's own, and what is shared with one.
    pub const SHARED: Self = Self { own: true, team: false, shared: true, all: false };
    /// One's own, the team's, and what is shared with one.
    pub const TEAM: Self = Self { own: true, team: true, shared: true, all: false };
    /// Everything.
    pub const ALL: Self = Self { own: true, team: true, shared: true, all: true };

    /// Whether it reaches nothing at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            own: self.own || other.own,
            team: self.team || other.team,
            shared: self.shared || other.shared,
            all: self.all || other.all,
        }
    }

    /// What both reach.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            own: self.own && other.own,
            team: self.team && other.team,
            shared: self.shared && other.shared,
            all: self.all && other.all,
        }
    }

    /// Whether an action of this reach covers a record that stands so to the caller.
    #[must_use]
    pub fn covers(self, action: Action, standing: Standing) -> bool {
        let shared = standing.shared.is_some_and(|access| access.allows(action));
        self.all || self.own && standing.own || self.team && standing.team || self.shared && shared
    }

    /// How near the records stand that it may cover. What is the team's may be one's own at once.
    pub fn relations(self) -> impl Iterator<Item = Relation> {
        let near = (!self.is_none()).then_some(Relation::Own);
        let team = (self.team || self.all).then_some(Relation::Team);
        near.into_iter().chain(team).chain(self.all.then_some(Relation::Other))
    }

    /// The words of the set: `all`, or some of `own`, `team`, `shared`.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        if self.all {
            return vec!["all"];
        }
        let said = [(self.own, "own"), (self.team, "team"), (self.shared, "shared")];
        said.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect()
    }

    /// The set of one word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "own" => Some(Self::OWN),
            "team" => Some(Self { team: true, ..Self::NONE }),
            "shared" => Some(Self { shared: true, ..Self::NONE }),
            "all" => Some(Self::ALL),
            _ => None,
        }
    }

    /// Every word that such a set may be said with.
    #[must_use]
    pub fn choices(self) -> Vec<&'static str> {
        let mut words = Self { all: false, ..self }.words();
        words.extend(self.all.then_some("all"));
        words
    }
}

/// How far a record is shared with somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and changed.
    Write,
}

impl Access {
    /// Whether the sharing goes as far as an action.
    #[must_use]
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Read | Action::Reveal => true,
            Action::Create | Action::Update => self == Self::Write,
            Action::Delete | Action::Transfer => false,
        }
    }
}

/// How a record stands to a caller. It may be one's own and one's team's at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The caller owns it.
    pub own: bool,
    /// It belongs to the caller's team or one below.
    pub team: bool,
    /// It is shared with the caller.
    pub shared: Option<Access>,
}

impl Standing {
    /// One's own.
    pub const OWN: Self = Self { own: true, team: false, shared: None };
    /// The team's.
    pub const TEAM: Self = Self { own: false, team: true, shared: None };

    /// How near it stands: what is shared with one is seen like one's own.
    #[must_use]
    pub fn relation(self) -> Relation {
        match self {
            Self { own: true, .. } | Self { shared: Some(_), .. } => Relation::Own,
            Self { team: true, .. } => Relation::Team,
            _ => Relation::Other,
        }
    }
}

/// How near a record stands to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The caller owns it, or it is shared with the caller.
    Own,
    /// It belongs to the caller's team or one below.
    Team,
    /// Neither.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reach_covers_what_it_says() {
        let covers = |reach: Reach, standing| reach.covers(Action::Update, standing);
        assert!(covers(Reach::OWN, Standing::OWN) && !covers(Reach::OWN, Standing::TEAM));
        assert!(covers(Reach::TEAM, Standing::TEAM) && !covers(Reach::TEAM, Standing::default()));
        assert!(covers(Reach::ALL, Standing::default()));
        assert!(Reach::NONE.is_none() && !covers(Reach::NONE, Standing::OWN));
        assert!(Reach::ALL.words() == ["all"] && Reach::TEAM.words() == ["own", "team", "shared"]);
    }

    #[test]
    fn sharing_goes_as_far_as_it_was_meant() {
        let shared = |access| Standing { shared: Some(access), ..Standing::default() };
        for (action, reads, writes) in [
            (Action::Read, true, true),
            (Action::Reveal, true, true),
            (Action::Create, false, true),
            (Action::Update, false, true),
            (Action::Delete, false, false),
            (Action::Transfer, false, false),
        ] {
            assert_eq!(Reach::SHARED.covers(action, shared(Access::Read)), reads, "{action:?}");
            assert_eq!(Reach::SHARED.covers(action, shared(Access::Write)), writes, "{action:?}");
            assert!(!Reach::OWN.covers(action, shared(Access::Write)), "{action:?}");
        }
    }
}
