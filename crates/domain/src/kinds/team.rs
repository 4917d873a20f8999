//! Team: people who work together, in a tree.

use crate::field::Field;
use crate::fields::{Line, Ref, Target};

crate::kind! {
    /// People who work together. Teams form a tree: a manager reaches the own team and those below.
    Team, "team", "teams", "团队", "Team", rules: |_| Vec::new();
    /// What it is called; unique in the organisation.
    name: Line<100> = Field::new("名称", "Name").sortable().searched();
    /// The team above.
    parent_id: Option<Ref<Team>> = Field::new("上级团队", "Parent");
}

impl Target for Team {
    const NAME: &'static str = "team";
}
