//! Which requests a response answers (RFC 9111 §4.1).

pub mod languages;
mod normal;
#[cfg(test)]
mod tests;

use http::header::VARY;
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;
use twox_hash::XxHash3_128;

use super::list::members;
use crate::stored::Selecting;

/// What `Vary` says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The RFC knows these three.
pub enum Vary {
    /// The response answers every request for its key.
    None,
    /// What it answers cannot be told from a request: `*`, or what is not a field name.
    Any,
    /// It answers requests with the same values in these fields, which are sorted and all different.
    Fields(Box<[HeaderName]>),
}

impl Vary {
    /// Reads the `Vary` of a response, whatever its bytes are.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let names: Result<Vec<_>, _> = headers
            .get_all(VARY)
            .iter()
            .flat_map(|line| members(line.as_bytes()))
            .filter(|member| !member.is_empty())
            .map(name)
            .collect();
        match names {
            Ok(names) if names.is_empty() => Self::None,
            Ok(mut names) => {
                names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
                names.dedup();
                Self::Fields(names.into())
            }
            Err(NotAName) => Self::Any,
        }
    }
}

struct NotAName;

/// `*` is a token and so a name to the grammar.
fn name(member: &[u8]) -> Result<HeaderName, NotAName> {
    match member {
        b"*" => Err(NotAName),
        member => HeaderName::from_bytes(member).map_err(|_| NotAName),
    }
}

/// The request's values of these fields, in a normal form: several lines of a field are one list, and white space
/// around its commas is gone.
///
/// RFC 9111 §4.1 has two requests match if their values can be made the same by "adding or removing whitespace, where
/// allowed in the header field's syntax" and by "combining multiple header field lines with the same field name".
#[must_use]
pub fn selecting(fields: &[HeaderName], request: &HeaderMap) -> Selecting {
    fields.iter().map(|name| (name.clone(), normal::value(name, request))).collect()
}

/// Whether the request has the same values in these fields; one that lacks a field only matches one that lacked it.
#[must_use]
pub fn matches(selecting: &Selecting, request: &HeaderMap) -> bool {
    selecting.iter().all(|(name, value)| normal::equals(name, request, value.as_ref()))
}

/// A digest of these values: what tells the variants under one key apart (XXH3, 128 bits).
#[must_use]
pub fn digest(selecting: &Selecting) -> u128 {
    let mut input = SmallVec::<[u8; 256]>::new();
    for (name, value) in selecting {
        put(&mut input, name.as_str().as_bytes());
        input.push(u8::from(value.is_some()));
        put(&mut input, value.as_ref().map_or(&[], |value| value.as_bytes()));
    }
    XxHash3_128::oneshot(&input)
}

/// Appends a text behind its length, so that no two lists of texts are encoded alike.
fn put(input: &mut SmallVec<[u8; 256]>, text: &[u8]) {
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    input.extend_from_slice(&length.to_be_bytes());
    input.extend_from_slice(text);
}
