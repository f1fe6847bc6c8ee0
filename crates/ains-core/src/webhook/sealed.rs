//! A secret as it is kept: nobody reads it but who has the key.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What sealed text begins with: a character that no [`Secret`](super::Secret) has, so that nothing is taken for the other.
const MARK: char = '§';

/// A secret as the store has it: sealed by whoever has the key, or, of an earlier version, as it is. Core does not open it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<str>);

impl Sealed {
    /// What sealing has made.
    pub fn new(sealed: &str) -> Self {
        Self(format!("{MARK}{sealed}").into())
    }

    /// The text for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What sealing has made; none if it is in the clear.
    pub fn sealed(&self) -> Option<&str> {
        self.0.strip_prefix(MARK)
    }
}

impl FromStr for Sealed {
    type Err = Infallible;

    /// Takes what the store has.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_told_from_what_is_in_the_clear() {
        let sealed = Sealed::new("1:abc");
        assert_eq!(sealed.sealed(), Some("1:abc"));
        assert_eq!(sealed.as_str().parse(), Ok(sealed.clone()));
        let Ok(clear) = "hunter2".parse::<Sealed>();
        assert_eq!((clear.sealed(), clear.as_str()), (None, "hunter2"));
        assert_eq!(format!("{sealed:?} {clear:?}"), "Sealed(…) Sealed(…)");
    }
}
