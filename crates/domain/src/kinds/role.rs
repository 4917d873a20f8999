//! Role: what users who have it may do.

use crate::codes;
use crate::field::{Field, Write};
use crate::fields::{Line, RoleKey, Target, Text};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::rights::{RoleRights, built_in};

crate::kind! {
    /// What users who have it may do. Those that every organisation has are listed under `/v1/rights`.
    Role, "role", "roles", "角色", "Role", rules: rules;
    /// How users and keys name it; unique in the organisation, and none of a built-in role.
    key: RoleKey = Field::new("标识", "Key").write(Write::Once);
    /// What people call it.
    name: Line<100> = Field::new("名称", "Name").sortable();
    /// What it is for.
    description: Option<Text<500>> = Field::new("说明", "Description");
    /// What it may do.
    rights: RoleRights = Field::new("权限", "Rights");
}

impl Target for Role {
    const NAME: &'static str = "role";
}

fn rules(role: &Role) -> Vec<RuleFinding> {
    if built_in(role.key.as_str()).is_none() {
        return Vec::new();
    }
    let flaw = Flaw::new(&codes::NAME_TAKEN).with("value", role.key.as_str());
    vec![RuleFinding::refuses("key", &[], flaw)]
}
