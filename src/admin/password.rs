//! Passwords of the page's users: Argon2id, and the rule for new ones.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};

/// The fewest characters of a new password. Length is what counts: no other rule.
pub const SHORTEST: usize = 12;

/// The longest password, in bytes.
const LONGEST: usize = 1024;

/// A hash that no password has, with the cost of a real one: an unknown name takes as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    #[error("the password has {found} characters: expected at least {SHORTEST}")]
    TooShort { found: usize },
    #[error("the password is too long: expected at most {LONGEST} bytes")]
    TooLong,
    #[error("the password contains the user's name, which is the first thing that others try")]
    ContainsName,
}

/// Checks a new password for a user.
///
/// # Errors
/// See [`PasswordFault`].
pub fn check_new(password: &str, name: &str) -> Result<(), PasswordFault> {
    let found = password.chars().count();
    if found < SHORTEST {
        return Err(PasswordFault::TooShort { found });
    }
    if password.len() > LONGEST {
        return Err(PasswordFault::TooLong);
    }
    if name.chars().count() > 3 && password.to_lowercase().contains(&name.to_lowercase()) {
        return Err(PasswordFault::ContainsName);
    }
    Ok(())
}

/// Returns the hash of a password as a PHC string. Takes a tenth of a second and 19 MiB.
///
/// # Panics
/// If the system has no random numbers.
#[must_use]
pub fn hash(password: &str) -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    let salt = SaltString::encode_b64(&bytes).expect("sixteen bytes are a salt");
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    hashed.expect("the default parameters are valid").to_string()
}

/// Returns whether the password is the one that the hash is of. Without a hash (an unknown user) it takes as long, and is
/// false.
#[must_use]
pub fn verify(phc: Option<&str>, password: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(phc.unwrap_or(NOBODY)) else { return false };
    let fits = password.len() <= LONGEST;
    let tried = if fits { password } else { "" };
    let is_right = Argon2::default().verify_password(tried.as_bytes(), &parsed).is_ok();
    is_right && fits && phc.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_and_its_hash_says_how_it_was_made() {
        let phc = hash("una frase inventada");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_ne!(phc, hash("una frase inventada"), "each has its own salt");
        assert!(verify(Some(&phc), "una frase inventada"));
        assert!(!verify(Some(&phc), "una frase inventadA"));
        assert!(!verify(Some("damaged"), "una frase inventada"));
        assert!(!verify(None, ""));
        assert!(PasswordHash::new(NOBODY).is_ok(), "an unknown name costs as much as a known one");
    }

    #[test]
    fn a_new_password_is_long_and_not_made_of_the_name() {
        assert_eq!(check_new("doce letras!", "ana"), Ok(()));
        assert_eq!(check_new("once letras", "ana"), Err(PasswordFault::TooShort { found: 11 }));
        assert_eq!(check_new("Berta-Berta-1", "berta"), Err(PasswordFault::ContainsName));
        assert_eq!(check_new(&"a".repeat(1025), "ana"), Err(PasswordFault::TooLong));
    }
}
