//! What a new password must be. Following NIST SP 800-63B: length and a list of common ones, no classes of characters
//! unless the organisation asks for them.

use crate::{
    codes::{PASSWORD_CLASSES, PASSWORD_COMMON, PASSWORD_IS_NAME, PASSWORD_TOO_LONG, PASSWORD_TOO_SHORT},
    flaw::Flaw,
    settings::PasswordPolicy,
    text::WordList,
};

/// Most characters of a password: beyond it hashing costs time and buys nothing.
pub const MAX_CHARS: usize = 128;

const COMMON: WordList = WordList(include_str!("../data/common_passwords.txt"));

/// Checks a password that somebody chose. `names` are the person's sign-in names, in any spelling.
///
/// # Errors
/// `password_too_short`, `password_too_long`, `password_classes`, `password_common`, `password_is_name`. No flaw quotes
/// the password.
pub fn check_new_password(password: &str, names: &[&str], policy: &PasswordPolicy) -> Result<(), Flaw> {
    let length = password.chars().count();
    let min = policy.min_length.max(PasswordPolicy::MIN_LENGTH);
    if usize::try_from(min).is_ok_and(|min| length < min) {
        return Err(Flaw::new(&PASSWORD_TOO_SHORT).with("length", length).with("min", min));
    }
    if length > MAX_CHARS {
        return Err(Flaw::new(&PASSWORD_TOO_LONG).with("length", length).with("max", MAX_CHARS));
    }
    let found = classes(password);
    if found < policy.classes {
        return Err(Flaw::new(&PASSWORD_CLASSES).with("found", found).with("min", policy.classes));
    }
    let folded = password.trim().to_lowercase();
    if is_common(&folded) {
        return Err(Flaw::new(&PASSWORD_COMMON));
    }
    let mut names = names.iter().map(|name| name.trim().to_lowercase());
    if names.any(|name| is_name(&folded, &name)) {
        return Err(Flaw::new(&PASSWORD_IS_NAME));
    }
    Ok(())
}

/// How many of the four classes of characters it has.
fn classes(password: &str) -> u32 {
    let other = |c: char| !c.is_lowercase() && !c.is_uppercase() && !c.is_ascii_digit();
    [char::is_lowercase, char::is_uppercase, |c: char| c.is_ascii_digit(), other]
        .into_iter()
        .map(|class: fn(char) -> bool| u32::from(password.chars().any(class)))
        .sum()
}

/// On the list, or one character over and over.
fn is_common(folded: &str) -> bool {
    let mut chars = folded.chars();
    let first = chars.next();
    COMMON.contains(folded) || chars.all(|c| Some(c) == first)
}

/// The name itself, the part of an address before the @, or a number without its country code.
fn is_name(folded: &str, name: &str) -> bool {
    let local = name.split('@').next().unwrap_or(name);
    folded == name || folded == local || name.strip_prefix("+86") == Some(folded)
}

#[cfg(test)]
mod tests {
    use super::{COMMON, check_new_password};
    use crate::settings::PasswordPolicy;
    use proptest::prelude::*;

    fn key(password: &str, names: &[&str]) -> Option<&'static str> {
        check_new_password(password, names, &PasswordPolicy::default()).err().map(|flaw| flaw.code.key)
    }

    #[test]
    fn length_counts_characters() {
        assert_eq!(key("kf83jd2", &[]), Some("password_too_short"));
        assert_eq!(key("春眠不觉晓处处闻", &[]), None);
        assert_eq!(key(&"ab".repeat(65), &[]), Some("password_too_long"));
        assert_eq!(key(&"ab".repeat(64), &[]), None);
    }

    #[test]
    fn common_ones_and_names_are_refused() {
        for word in ["password", "PassWord", "12345678", "woaini1314", "qwertyuiop", "........", "5201314520"] {
            assert_eq!(key(word, &[]), Some("password_common"), "{word}");
        }
        assert_eq!(key("Wang.Fang", &["wang.fang@acme.test"]), Some("password_is_name"));
        assert_eq!(key("13800138000", &["+8613800138000"]), Some("password_is_name"));
        assert_eq!(key("correct horse battery", &["wang.fang@acme.test"]), None);
    }

    #[test]
    fn an_organisation_may_ask_for_more() {
        let policy = PasswordPolicy { min_length: 10, classes: 3, ..PasswordPolicy::default() };
        let key = |password| check_new_password(password, &[], &policy).err().map(|flaw| flaw.code.key);
        assert_eq!(key("Kf83jd2!x"), Some("password_too_short"));
        for (password, fits) in [
            ("kf83jd2xyz", false),
            ("Kf83jd2xyz", true),
            ("kf83jd2xy!", true),
            ("春眠不觉晓处处闻啼鸟", false),
            ("春眠不觉晓 Chu1 处处闻", true),
        ] {
            assert_eq!(key(password), (!fits).then_some("password_classes"), "{password}");
        }
        // Whatever is stored, eight characters are the least.
        let none = PasswordPolicy { min_length: 0, ..PasswordPolicy::default() };
        assert!(check_new_password("kf83jd2", &[], &none).is_err());
    }

    #[test]
    fn the_list_is_sorted() {
        let lines: Vec<_> = COMMON.0.lines().collect();
        assert!(lines.len() > 1_000 && lines.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(lines.iter().all(|line| COMMON.contains(line)));
    }

    proptest! {
        #[test]
        fn never_panics(password in ".{0,140}", name in ".{0,20}") {
            let _ = check_new_password(&password, &[&name], &PasswordPolicy::default());
        }
    }
}
