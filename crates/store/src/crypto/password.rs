//! Passwords: argon2id (RFC 9106) with m = 19,456 KiB, t = 2, p = 1, stored as PHC strings.
//!
//! One call takes some tens of milliseconds of CPU and 19 MiB: callers run it on the blocking pool, a few at a time.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory in KiB.
const MEMORY: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Length of the hash in bytes.
const OUTPUT: usize = 32;

/// The hash that an unknown user's password is compared with, so that the answer takes the same time. Its output is
/// random bytes: no password is known to fit.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$q38XBvoVjlg3DKVs0Ho5qw$cpfgMxEarNd/ns92VVmgGwmu9cmCu3t/Fr8PMKbxAfk";

/// A password could not be hashed or compared: a stored hash that is none, or no memory.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct PasswordError(#[from] password_hash::Error);

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY, PASSES, LANES, Some(OUTPUT)).map_err(|_| password_hash::Error::ParamsInvalid)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes a password with a random salt of 16 bytes; gives the PHC string to store.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    Ok(argon2()?.hash_password(password.as_bytes())?.to_string())
}

/// Whether the password fits a stored PHC string, with the parameters that it names.
pub fn verify(password: &str, stored: &str) -> Result<bool, PasswordError> {
    let stored = PasswordHash::new(stored).map_err(password_hash::Error::from)?;
    match argon2()?.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes as long as [`verify`] and never fits: for a sign-in name that nobody has.
pub fn verify_nobody(password: &str) -> Result<(), PasswordError> {
    verify(password, NOBODY).map(|_| ())
}

/// Whether a stored hash is weaker than what [`hash`] makes today; then it is replaced at the next sign-in.
#[must_use]
pub fn needs_rehash(stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return true };
    let Ok(params) = Params::try_from(&stored) else { return true };
    let current = stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && stored.version == Some(Version::V0x13.into())
        && params.m_cost() >= MEMORY
        && params.t_cost() >= PASSES
        && stored.hash.is_some_and(|hash| hash.len() >= OUTPUT);
    !current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_only() {
        let stored = hash("correct horse 电池").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse 电池", &stored).unwrap());
        assert!(!verify("correct horse", &stored).unwrap());
        assert_ne!(hash("correct horse 电池").unwrap(), stored);
        assert!(!needs_rehash(&stored));
    }

    #[test]
    fn nobody_costs_what_everybody_costs_and_never_fits() {
        assert!(!needs_rehash(NOBODY));
        let params = |text| Params::try_from(&PasswordHash::new(text).unwrap()).unwrap();
        assert_eq!(params(NOBODY), params(&hash("x").unwrap()));
        for password in ["", "nobody", "password"] {
            assert!(!verify(password, NOBODY).unwrap());
            verify_nobody(password).unwrap();
        }
    }

    #[test]
    fn weaker_hashes_are_replaced_and_still_fit() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
        let stored = weak.hash_password(b"x").unwrap().to_string();
        assert!(verify("x", &stored).unwrap());
        assert!(needs_rehash(&stored));
        let stronger = Params::new(MEMORY + 1024, PASSES + 1, LANES, None).unwrap();
        let stronger = Argon2::new(Algorithm::Argon2id, Version::V0x13, stronger).hash_password(b"x").unwrap();
        assert!(!needs_rehash(&stronger.to_string()));
        assert!(needs_rehash(&stored.replace("argon2id", "argon2i")));
        assert!(needs_rehash("plain"));
    }

    #[test]
    fn a_damaged_hash_is_an_error_and_no_refusal() {
        assert!(verify("x", "plain").is_err());
        assert!(verify("x", "").is_err());
    }
}
