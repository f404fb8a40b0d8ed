//! A cache directive: `token [ "=" ( token / quoted-string ) ]` (RFC 9111 §5.2).

use std::time::Duration;

use http::HeaderName;

use super::qualified::Qualified;
use crate::http::list::{members, trim};

/// The length of the longest directive name that is known here: `stale-while-revalidate`.
pub(super) const MAX_NAME_LEN: usize = 22;

#[derive(Clone, Copy)]
pub(super) struct Directive<'a> {
    name: &'a [u8],
    argument: Argument<'a>,
}

#[derive(Clone, Copy, PartialEq)]
enum Argument<'a> {
    None,
    Is(&'a [u8]),
    /// A token or a string of a structured field. A number has a type of its own there.
    Text(&'a [u8]),
    /// An argument that cannot be understood. It never makes the directive permit anything.
    ///
    /// Either there is white space before the `=`, which the grammar does not allow, or the value
    /// has a type that no directive uses.
    Unusable,
}

impl<'a> Directive<'a> {
    /// Parses one member of the list.
    pub(super) fn read(member: &'a [u8]) -> Self {
        let Some(equals) = member.iter().position(|&byte| byte == b'=') else {
            return Self { name: member, argument: Argument::None };
        };
        let (name, argument) = (&member[..equals], &member[equals + 1..]);
        let token = trim(name);
        Self {
            name: token,
            argument: if token == name { Argument::Is(argument) } else { Argument::Unusable },
        }
    }

    /// Creates a directive from a member of a structured field that has no value.
    pub(super) fn bare(name: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::None }
    }

    /// Creates a directive from a member of a structured field that has an integer.
    pub(super) fn with_number(name: &'a str, digits: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Is(digits.as_bytes()) }
    }

    /// Creates a directive from a member of a structured field that has a token or a string.
    pub(super) fn with_text(name: &'a str, text: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Text(text.as_bytes()) }
    }

    /// Creates a directive from a member of a structured field whose type no directive uses.
    pub(super) fn with_unusable(name: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Unusable }
    }

    /// Returns the name in lower case, or an empty slice if it is longer than any known name.
    ///
    /// RFC 9111 §5.2: "cache directives are identified by a token, to be compared
    /// case-insensitively".
    pub(super) fn name<'b>(&self, buffer: &'b mut [u8; MAX_NAME_LEN]) -> &'b [u8] {
        let Some(lower) = buffer.get_mut(..self.name.len()) else {
            return &[];
        };
        lower.copy_from_slice(self.name);
        lower.make_ascii_lowercase();
        lower
    }

    /// Whether the directive has this name, which is in lower case.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether the directive has no argument.
    pub(super) fn is_bare(&self) -> bool {
        self.argument == Argument::None
    }

    /// Returns the argument as `delta-seconds`, written as a token or as a quoted string.
    ///
    /// RFC 9111 §5.2: "recipients ought to accept both forms".
    pub(super) fn seconds(&self) -> Option<Duration> {
        match self.argument {
            Argument::Is(argument) => delta_seconds(unquoted(argument)),
            Argument::None | Argument::Text(_) | Argument::Unusable => None,
        }
    }

    /// Returns the argument as a list of field names.
    ///
    /// Without a valid list, the directive applies to the whole response.
    pub(super) fn fields(&self) -> Qualified {
        let listed = match self.argument {
            Argument::Is(argument) => unquoted(argument),
            Argument::Text(text) => text,
            Argument::None | Argument::Unusable => return Qualified::Whole,
        };
        members(listed)
            .map(HeaderName::from_bytes)
            .collect::<Result<_, _>>()
            .map_or(Qualified::Whole, Qualified::Fields)
    }
}

fn unquoted(argument: &[u8]) -> &[u8] {
    argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(argument)
}

/// Parses `delta-seconds` (RFC 9111 §1.2.2): a non-negative integer.
///
/// A value over 2³¹ counts as 2³¹.
pub(in crate::http) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    const MAX_SECONDS: u64 = 1 << 31;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits
        .iter()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds.min(MAX_SECONDS)))
}
