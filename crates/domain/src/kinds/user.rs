//! User: somebody who signs in.

use crate::codes;
use crate::field::{Field, Group, Write};
use crate::fields::{Instant, Line, Ref, RoleKey, RoleKeys, SealedText, Target};
use crate::flaw::Flaw;
use crate::record::RuleFinding;
use crate::value::{LoginKind, LoginName};

use super::Team;

crate::kind! {
    /// Somebody who signs in, by e-mail, mobile or user name.
    User, "user", "users", "用户", "User", rules: rules;
    /// What people call the user.
    name: Line<100> = Field::new("姓名", "Name").sortable().searched();
    /// First letter of the name in pinyin, `A` to `Z` or `#`.
    initial: Option<Line<4>> = Field::new("首字母", "Initial").write(Write::Never);
    /// Sign-in e-mail; judged by syntax alone.
    email: Option<SealedText<254>> = Field::new("邮箱", "E-mail").sealed(Group::Contact, None);
    /// Sign-in mobile number.
    mobile: Option<SealedText<40>> = Field::new("手机", "Mobile").sealed(Group::Contact, None);
    /// Sign-in name.
    user_name: Option<SealedText<64>> = Field::new("用户名", "User name").sealed(Group::General, None);
    /// The key of the role that says what the user may do; without one nothing but to see who he is.
    role: Option<RoleKey> = Field::new("角色", "Role");
    /// Keys of further roles: each right reaches as far as the most generous role says.
    other_roles: RoleKeys = Field::new("其他角色", "Other roles");
    /// The team the user belongs to.
    team_id: Option<Ref<Team>> = Field::new("团队", "Team");
    /// A disabled user cannot sign in; running sessions end at once.
    disabled: bool = Field::new("停用", "Disabled");
    /// When the user last signed in.
    last_login_at: Option<Instant> = Field::new("最近登录", "Last sign-in").write(Write::Never);
}

impl Target for User {
    const NAME: &'static str = "user";
}

/// The sign-in names of a user, each with the field that says it.
#[must_use]
pub fn login_names(user: &User) -> Vec<(&'static str, String)> {
    [
        ("email", user.email.as_ref().map(SealedText::as_str)),
        ("mobile", user.mobile.as_ref().map(SealedText::as_str)),
        ("user_name", user.user_name.as_ref().map(SealedText::as_str)),
    ]
    .into_iter()
    .filter_map(|(field, name)| name.map(|name| (field, name.to_owned())))
    .collect()
}

/// The keys of every role of a user.
pub fn roles_of(user: &User) -> impl Iterator<Item = &str> {
    user.role.iter().chain(&user.other_roles.0).map(RoleKey::as_str)
}

fn rules(user: &User) -> Vec<RuleFinding> {
    let names = login_names(user);
    if names.is_empty() {
        let flaw = Flaw::new(&codes::LOGIN_REQUIRED);
        return vec![RuleFinding::refuses("email", &["mobile", "user_name"], flaw)];
    }
    names.into_iter().filter_map(|(field, name)| name_flaw(field, &name)).collect()
}

/// What is wrong with a sign-in name: not one at all, or one of another sort than its field holds.
fn name_flaw(field: &'static str, raw: &str) -> Option<RuleFinding> {
    let expected = match field {
        "email" => LoginKind::Email,
        "mobile" => LoginKind::Mobile,
        _ => LoginKind::UserName,
    };
    let flaw = match LoginName::parse(raw, "CN") {
        Ok(name) if name.kind() == expected => return None,
        Ok(_) => Flaw::new(&codes::LOGIN_KIND).with("field", field),
        Err(flaw) => flaw,
    };
    Some(RuleFinding::refuses(field, &[], flaw))
}
