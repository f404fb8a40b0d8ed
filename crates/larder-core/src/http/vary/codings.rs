//! A uniform, reduced form of `Accept-Encoding`.
//!
//! A handler that varies on this field would run for each spelling of it, and clients have many:
//! `gzip, br` and `br, gzip, deflate` are two. In the normal form, they are one.
//!
//! The normal form accepts no content coding that the field does not accept. The handler gets the
//! normal form too. So its response is acceptable to every client whose field has that form.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;

use super::weight::thousandths;
use crate::http::list::{members, trim};

/// A text on the stack. The field of a browser has room in it.
pub(super) type Text = SmallVec<[u8; 64]>;

/// The maximum number of codings in a field. A longer field stays as it is.
const MAX_CODINGS: usize = 16;

/// The codings that are not needed where gzip is accepted at least as much.
///
/// All servers that know them know gzip. RFC 9110 §8.4.1.2, on deflate: "Some non-conformant
/// implementations send the "deflate" compressed data without the zlib wrapper."
const SUPERSEDED_BY_GZIP: [&[u8]; 4] = [b"compress", b"deflate", b"x-compress", b"x-gzip"];

/// Returns the request's `Accept-Encoding` in normal form.
///
/// Codings are in lower case. They are sorted by weight, and codings with the same weight by name.
/// Two kinds are left out: those that gzip supersedes, and those that are not acceptable either if
/// they are not listed. `identity` stands for fields that accept no coding.
///
/// Returns `None` if the field is missing, malformed, contradicts itself, or has this form already.
///
/// RFC 9111 §4.1 lets a cache normalize the fields that a response varies on. RFC 9110 §12.5.3 has
/// the meaning of the field.
#[must_use]
pub fn in_normal_form(request: &HeaderMap) -> Option<HeaderValue> {
    let text = normal_text(request)?;
    let is_as_it_stands = request.get_all(ACCEPT_ENCODING).iter().eq([&text[..]]);
    if is_as_it_stands { None } else { HeaderValue::from_bytes(&text).ok() }
}

/// Returns the normal form, or `None` if the field is missing, malformed or contradicts itself.
pub(super) fn normal_text(request: &HeaderMap) -> Option<Text> {
    let mut codings = read(request)?;
    reduce(&mut codings);
    codings.sort_unstable_by(Coding::order);
    Some(write(&codings))
}

type Codings<'a> = SmallVec<[Coding<'a>; MAX_CODINGS]>;

/// A member of the field.
#[derive(Clone, Copy)]
struct Coding<'a> {
    name: &'a [u8],
    /// The weight in thousandths. A coding with weight 0 is not acceptable.
    weight: u16,
}

impl<'a> Coding<'a> {
    /// Parses `codings [ weight ]` (RFC 9110 §12.5.3).
    fn read(member: &'a [u8]) -> Option<Self> {
        let (name, weight) = match member.iter().position(|&byte| byte == b';') {
            Some(end) => (trim(&member[..end]), thousandths(trim(&member[end + 1..]))?),
            None => (member, 1000),
        };
        (!name.is_empty() && name.iter().all(is_token_byte)).then_some(Self { name, weight })
    }

    fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Compares by descending weight, then by name.
    fn order(&self, other: &Self) -> Ordering {
        let lower = |name: &'a [u8]| name.iter().map(u8::to_ascii_lowercase);
        other.weight.cmp(&self.weight).then_with(|| lower(self.name).cmp(lower(other.name)))
    }
}

/// Whether a byte may be in a token (RFC 9110 §5.6.2). `*` is a token too.
const fn is_token_byte(byte: &u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

/// Returns the codings of all lines, each once. `None` if one of them cannot be understood.
fn read(request: &HeaderMap) -> Option<Codings<'_>> {
    let mut lines = request.get_all(ACCEPT_ENCODING).iter().peekable();
    lines.peek()?;
    let mut codings = Codings::new();
    for member in lines.flat_map(|line| members(line.as_bytes())).filter(|member| !member.is_empty()) {
        let coding = Coding::read(member)?;
        match codings.iter().find(|other| other.is(coding.name)) {
            Some(same) if same.weight == coding.weight => {}
            Some(_) => return None,
            None if codings.len() == MAX_CODINGS => return None,
            None => codings.push(coding),
        }
    }
    Some(codings)
}

/// Removes the codings that are not needed.
fn reduce(codings: &mut Codings<'_>) {
    let gzip = codings.iter().find(|coding| coding.is(b"gzip")).map_or(0, |gzip| gzip.weight);
    // RFC 9110 §12.5.3: "If the representation's content coding is one of the content codings
    // listed in the Accept-Encoding field value, then it is acceptable unless it is accompanied by
    // a qvalue of 0." Without "*", a coding that is not listed is not acceptable either. Only
    // "identity" is.
    let has_any = codings.iter().any(|coding| coding.is(b"*"));
    codings.retain(|coding| {
        let is_superseded = SUPERSEDED_BY_GZIP.iter().any(|name| coding.is(name));
        match coding.weight {
            0 => has_any || coding.is(b"identity"),
            weight => !(is_superseded && weight <= gzip),
        }
    });
    let is_identity_alone = match &codings[..] {
        [] => true,
        [only] => only.is(b"identity") && only.weight > 0,
        _ => false,
    };
    if is_identity_alone {
        codings.clear();
        codings.push(Coding { name: b"identity", weight: 1000 });
    }
}

fn write(codings: &Codings<'_>) -> Text {
    let mut text = Text::new();
    for (index, coding) in codings.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend(coding.name.iter().map(u8::to_ascii_lowercase));
        write_weight(coding.weight, &mut text);
    }
    text
}

/// Writes a weight without zeros at its end, and nothing for the weight 1.
fn write_weight(weight: u16, text: &mut Text) {
    if weight == 1000 {
        return;
    }
    text.extend_from_slice(b";q=0");
    let digit = |number: u16| b"0123456789"[usize::from(number % 10)];
    let digits = [digit(weight / 100), digit(weight / 10), digit(weight)];
    let length = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    if length > 0 {
        text.push(b'.');
        text.extend_from_slice(&digits[..length]);
    }
}
