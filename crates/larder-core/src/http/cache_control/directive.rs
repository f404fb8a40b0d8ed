//! One cache directive: `token [ "=" ( token / quoted-string ) ]` (RFC 9111 §5.2).

use std::time::Duration;

use http::HeaderName;

use super::Qualified;
use crate::http::list::{members, trim};

/// The length of the longest name of a directive that means anything here: `stale-while-revalidate`.
pub(super) const LONGEST: usize = 22;

#[derive(Clone, Copy)]
pub(super) struct Directive<'a> {
    name: &'a [u8],
    argument: Argument<'a>,
}

#[derive(Clone, Copy, PartialEq)]
enum Argument<'a> {
    None,
    Is(&'a [u8]),
    /// A text in a structured field, where numbers are no texts.
    Text(&'a [u8]),
    /// There is one, and it cannot be understood: white space stands before the `=`, where the grammar has none, or it is of
    /// a type that no directive has. Nothing is permitted by what it may mean.
    Unusable,
}

impl<'a> Directive<'a> {
    /// Reads one member of the list.
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

    /// One of a structured field, without a value.
    pub(super) fn bare(name: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::None }
    }

    /// One of a structured field, with an integer.
    pub(super) fn with_number(name: &'a str, digits: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Is(digits.as_bytes()) }
    }

    /// One of a structured field, with a token or string.
    pub(super) fn with_text(name: &'a str, text: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Text(text.as_bytes()) }
    }

    /// One of a structured field, with a value of a type that no directive has.
    pub(super) fn with_unusable(name: &'a str) -> Self {
        Self { name: name.as_bytes(), argument: Argument::Unusable }
    }

    /// Its name in lower case, as "cache directives are identified by a token, to be compared case-insensitively"
    /// (§5.2); empty if it is longer than any that is known.
    pub(super) fn name<'b>(&self, buffer: &'b mut [u8; LONGEST]) -> &'b [u8] {
        let Some(lower) = buffer.get_mut(..self.name.len()) else {
            return &[];
        };
        lower.copy_from_slice(self.name);
        lower.make_ascii_lowercase();
        lower
    }

    /// Whether it has no argument.
    pub(super) fn is_bare(&self) -> bool {
        self.argument == Argument::None
    }

    /// Its argument as `delta-seconds`: "recipients ought to accept both forms", token and quoted string (§5.2).
    pub(super) fn seconds(&self) -> Option<Duration> {
        match self.argument {
            Argument::Is(argument) => delta_seconds(unquoted(argument)),
            Argument::None | Argument::Text(_) | Argument::Unusable => None,
        }
    }

    /// Its argument as a list of field names. What is not one is about the whole response.
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

/// Reads `delta-seconds` (RFC 9111 §1.2.2): a non-negative integer, of which what is too large counts as 2³¹.
pub(in crate::http) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    const MOST: u64 = 1 << 31;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = digits
        .iter()
        .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds.min(MOST)))
}
