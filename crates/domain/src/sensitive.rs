//! Values that are sealed before they are stored, in memory.

use std::fmt;

/// A value that is personal or secret. Whoever wants it says so by [`expose`](Self::expose): it cannot slip into a
/// log or an error, for its `Debug` shows nothing and there is no `Display`, nor into a document, for it is not
/// serialised:
///
/// ```compile_fail
/// fn is_serialised<T: serde::Serialize>() {}
/// is_serialised::<kehu_domain::sensitive::Sensitive<String>>();
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Covers a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The value in clear.
    pub const fn expose(&self) -> &T {
        &self.0
    }
    /// The value in clear, by value.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
#[path = "sensitive_tests.rs"]
mod tests;
