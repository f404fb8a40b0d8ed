//! The normal form of a field's value in a request, over all lines of the field.

use http::header::{
    ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Text, codings};
use crate::http::list::members;

/// Returns the field's value in normal form, or `None` if the request does not have the field.
///
/// The bytes are copied. A clone would keep the request's whole head in memory for as long as the
/// stored response.
pub(super) fn value(name: &HeaderName, request: &HeaderMap) -> Option<HeaderValue> {
    let first = request.get(name)?;
    let mut bytes = Text::new();
    write(name, request, &mut bytes);
    // The bytes of field values make a field value again, so this does not fail.
    Some(HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| first.clone()))
}

/// Appends the field's value in normal form. Appends nothing if the request lacks the field.
pub(super) fn write(name: &HeaderName, request: &HeaderMap, bytes: &mut Text) {
    if let Some(text) = codings_of(name, request) {
        return bytes.extend_from_slice(&text);
    }
    let start = bytes.len();
    if let Some(text) = plain_text(name, request) {
        bytes.extend_from_slice(text);
    } else {
        write_pieces(name, request, bytes);
    }
    if *name == ACCEPT_LANGUAGE {
        bytes[start..].make_ascii_lowercase();
    }
}

fn write_pieces(name: &HeaderName, request: &HeaderMap, bytes: &mut Text) {
    for piece in pieces(name, request) {
        bytes.extend_from_slice(piece);
    }
}

/// Returns the value, except for the case of its letters, if it is in normal form already.
///
/// That is a single line with a single member, as in most requests. All other forms take longer.
fn plain_text<'a>(name: &HeaderName, request: &'a HeaderMap) -> Option<&'a [u8]> {
    let mut lines = request.get_all(name).iter();
    let text = lines.next()?.as_bytes();
    let has_space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let is_plain = !text.contains(&b',') && !has_space(text.first()) && !has_space(text.last());
    (is_plain && lines.next().is_none()).then_some(text)
}

/// Whether the field's value in normal form equals `known`.
///
/// The normal form is compared piece by piece, without building it.
pub(super) fn equals(name: &HeaderName, request: &HeaderMap, known: Option<&HeaderValue>) -> bool {
    let Some(known) = known else {
        return !request.contains_key(name);
    };
    if let Some(text) = codings_of(name, request) {
        return text[..] == *known.as_bytes();
    }
    if let Some(text) = plain_text(name, request) {
        return match *name == ACCEPT_LANGUAGE {
            true => text.eq_ignore_ascii_case(known.as_bytes()),
            false => *text == *known.as_bytes(),
        };
    }
    let mut rest = Some(known.as_bytes());
    for piece in pieces(name, request) {
        rest = rest.and_then(|rest| without(rest, piece, *name == ACCEPT_LANGUAGE));
    }
    request.contains_key(name) && rest.is_some_and(<[u8]>::is_empty)
}

/// Returns the normal form of `Accept-Encoding`, if this is that field and it is well-formed.
fn codings_of(name: &HeaderName, request: &HeaderMap) -> Option<codings::Text> {
    if *name == ACCEPT_ENCODING { codings::normal_text(request) } else { None }
}

/// Returns the rest of a text after this piece, or `None` if the text does not begin with it.
///
/// RFC 4647 §2: language ranges "are to be treated as case-insensitive".
fn without<'a>(text: &'a [u8], piece: &[u8], in_any_case: bool) -> Option<&'a [u8]> {
    if !in_any_case {
        return text.strip_prefix(piece);
    }
    let (start, rest) = text.split_at_checked(piece.len())?;
    start.eq_ignore_ascii_case(piece).then_some(rest)
}

/// Returns the pieces of the normal form: the members of all lines, with separators between them.
fn pieces<'a>(name: &'a HeaderName, request: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
    let separator = separator(name);
    request.get_all(name).iter().flat_map(|line| parts(name, line)).enumerate().flat_map(
        move |(index, part)| {
            let before: &[u8] = if index == 0 { b"" } else { separator };
            [before, part]
        },
    )
}

/// Returns the members of a line, or the whole line if the field is known not to be a list.
///
/// In such a field, commas and white space have a meaning.
fn parts<'a>(name: &HeaderName, line: &'a HeaderValue) -> impl Iterator<Item = &'a [u8]> {
    const NO_LISTS: [HeaderName; 6] = [AUTHORIZATION, COOKIE, HOST, ORIGIN, REFERER, USER_AGENT];
    let whole = NO_LISTS.contains(name).then_some(line.as_bytes());
    let listed = whole.is_none().then(|| members(line.as_bytes()));
    whole.into_iter().chain(listed.into_iter().flatten())
}

/// Returns the separator of a field's members.
///
/// RFC 9110 §5.3 joins lines with a comma. RFC 9113 §8.2.3 joins the lines of `Cookie` with a
/// semicolon.
fn separator(name: &HeaderName) -> &'static [u8] {
    if *name == COOKIE { b"; " } else { b"," }
}
