//! The scope of a directive that can have a list of fields as its argument.

use http::HeaderName;

/// The scope of a `no-cache` or `private` directive: the whole response, or some of its fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums)] // The RFC defines these three.
pub enum Qualified {
    /// The directive is absent.
    #[default]
    Absent,
    /// The directive applies to the whole response.
    Whole,
    /// The directive applies only to these fields.
    Fields(Box<[HeaderName]>),
}

impl Qualified {
    /// Whether the directive is present, in any form.
    #[must_use]
    pub fn is_present(&self) -> bool {
        *self != Self::Absent
    }

    /// Returns the fields that the directive lists, or an empty slice if it lists none.
    #[must_use]
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(fields) => fields,
            Self::Absent | Self::Whole => &[],
        }
    }

    /// Merges one more occurrence of the directive. The wider scope applies.
    pub(super) fn widen(&mut self, other: Self) {
        *self = match (std::mem::take(self), other) {
            (Self::Absent, one) | (one, Self::Absent) => one,
            (Self::Fields(some), Self::Fields(more)) => Self::Fields(some.into_iter().chain(more).collect()),
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
        };
    }
}
