//! The requests that a response can answer (RFC 9111 §4.1).

pub mod codings;
pub mod languages;
mod normalized_field;
#[cfg(test)]
mod tests;
mod weight;

use http::header::VARY;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;
use twox_hash::XxHash3_128;

pub(super) use weight::thousandths;

use super::list::members;

/// The value of the `Vary` field of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The RFC defines these three.
pub enum Vary {
    /// The response answers every request for its key.
    None,
    /// A request does not show whether the response answers it: `*`, or an invalid field name.
    Any,
    /// The response answers requests with the same values in these fields.
    ///
    /// The names are sorted and without duplicates.
    Fields(Box<[HeaderName]>),
}

impl Vary {
    /// Parses the `Vary` field of a response. Any bytes are accepted.
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
            Err(InvalidNameError) => Self::Any,
        }
    }
}

struct InvalidNameError;

/// Parses a field name. `*` is not a name here, although it is a token and matches the grammar.
fn name(member: &[u8]) -> Result<HeaderName, InvalidNameError> {
    match member {
        b"*" => Err(InvalidNameError),
        member => HeaderName::from_bytes(member).map_err(|_| InvalidNameError),
    }
}

/// The fields that `Vary` names, with the values of the request, in the order of the names.
///
/// A value is `None` if the request did not have the field.
pub type SelectingFields = Box<[SelectingField]>;

/// A field that `Vary` names, with the value of the request.
pub type SelectingField = (HeaderName, Option<HeaderValue>);

/// Returns the request's values of these fields, in a normal form.
///
/// In the normal form, several lines of a field are one list, without white space around its
/// commas. `Accept-Encoding` has a [form of its own](codings).
///
/// RFC 9111 §4.1: two requests match if their values can be made the same by "adding or removing
/// whitespace, where allowed in the header field's syntax" and by "combining multiple header field
/// lines with the same field name".
#[must_use]
pub fn selecting(fields: &[HeaderName], request: &HeaderMap) -> SelectingFields {
    fields.iter().map(|name| (name.clone(), normalized_field::value(name, request))).collect()
}

/// Whether the request has the same values in these fields.
///
/// A request that lacks a field matches only if the original request lacked it too.
#[must_use]
pub fn matches(selecting: &[SelectingField], request: &HeaderMap) -> bool {
    selecting.iter().all(|(name, value)| normalized_field::equals(name, request, value.as_ref()))
}

/// Returns a digest (XXH3, 128 bits) of these values.
///
/// It distinguishes the variants under one key.
#[must_use]
pub fn digest(selecting: &[SelectingField]) -> u128 {
    let mut input = Text::new();
    for (name, value) in selecting {
        put_field(&mut input, name, value.is_some(), |input| {
            input.extend_from_slice(value.as_ref().map_or(&[], |value| value.as_bytes()));
        });
    }
    XxHash3_128::oneshot(&input)
}

/// Returns the [`digest`] of the request's [values](selecting) of these fields.
///
/// The values are not copied, apart from the input of the digest.
#[must_use]
pub fn digest_of_request(fields: &[HeaderName], request: &HeaderMap) -> u128 {
    let mut input = Text::new();
    for name in fields {
        put_field(&mut input, name, request.contains_key(name), |input| {
            normalized_field::write(name, request, input);
        });
    }
    XxHash3_128::oneshot(&input)
}

/// A text that is usually too short to need an allocation.
type Text = SmallVec<[u8; 256]>;

/// Appends a field to the input of a digest: its name, whether the request has it, and its value.
fn put_field(input: &mut Text, name: &HeaderName, is_there: bool, put_value: impl FnOnce(&mut Text)) {
    put(input, |input| input.extend_from_slice(name.as_str().as_bytes()));
    input.push(u8::from(is_there));
    put(input, put_value);
}

/// Appends the length of a text and then the text.
///
/// With the lengths, two lists of texts never have the same encoding.
fn put(input: &mut Text, put_text: impl FnOnce(&mut Text)) {
    const LENGTH: usize = size_of::<u64>();
    let start = input.len();
    input.extend_from_slice(&[0; LENGTH]);
    put_text(input);
    let length = u64::try_from(input.len() - start - LENGTH).unwrap_or(u64::MAX);
    input[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
}
