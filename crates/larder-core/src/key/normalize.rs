//! The normal form of URIs in names (RFC 3986 §6.2.2).
//!
//! Cache keys are not normalized: they keep the spelling of the request.
//!
//! Every function here accepts any text and is idempotent. So a read and a write of one target have
//! the same name, even if the target is not a valid URI. [`is_well_formed`] and [`is_host`] check
//! whether a text can be part of a URI.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// A part of a URI. Each part has its own set of bytes that need no encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Path,
    Query,
}

impl Part {
    /// Whether the byte needs no encoding in this part (RFC 3986 §3.2 to §3.4).
    const fn allows(self, byte: u8) -> bool {
        is_unreserved(byte)
            || is_sub_delim(byte)
            || match self {
                Self::Host => matches!(byte, b':' | b'@' | b'[' | b']'),
                Self::Path => matches!(byte, b':' | b'@' | b'/'),
                Self::Query => matches!(byte, b':' | b'@' | b'/' | b'?'),
            }
    }

    /// Whether the normal form contains the byte unchanged.
    const fn is_normal(self, byte: u8) -> bool {
        self.allows(byte) && !(matches!(self, Self::Host) && byte.is_ascii_uppercase())
    }
}

/// Returns the host and port in lower case and without a default port.
///
/// Both `:80` and `:443` count as default ports, regardless of the scheme.
///
/// RFC 3986 §6.2.3: "the port subcomponent of an authority […] may be omitted […] if the port is
/// empty or if it would be the same as that of the scheme's default".
#[must_use]
pub fn host(authority: &str) -> Cow<'_, str> {
    match spelled(authority, Part::Host) {
        Cow::Borrowed(text) => Cow::Borrowed(without_default_port(text)),
        Cow::Owned(mut text) => {
            text.truncate(without_default_port(&text).len());
            Cow::Owned(text)
        }
    }
}

/// Removes every default port at the end, so that a second call has nothing to remove.
fn without_default_port(mut host: &str) -> &str {
    while let Some(rest) = [":80", ":443", ":"].iter().find_map(|port| host.strip_suffix(port)) {
        host = rest;
    }
    host
}

/// Returns the path in its normal form, without dot segments (§6.2.2.3).
///
/// See [`path_with_dots`] for the normal form that still has them.
#[must_use]
pub fn path(path: &str) -> Cow<'_, str> {
    match path_with_dots(path) {
        Cow::Borrowed(path) => without_dots(path),
        Cow::Owned(path) => Cow::Owned(without_dots(&path).into_owned()),
    }
}

/// Returns the path with normalized percent-encoding. Dot segments are not removed.
///
/// The result begins with a slash.
#[must_use]
pub fn path_with_dots(path: &str) -> Cow<'_, str> {
    let spelled = spelled(path, Part::Path);
    if spelled.starts_with('/') { spelled } else { Cow::Owned(format!("/{spelled}")) }
}

/// Returns the query in its normal form. Its parameters keep their order.
#[must_use]
pub fn query(query: &str) -> Cow<'_, str> {
    spelled(query, Part::Query)
}

/// Removes dot segments (RFC 3986 §5.2.4) from a path that begins with a slash.
#[must_use]
pub fn without_dots(path: &str) -> Cow<'_, str> {
    if !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." if is_last => kept.push(""),
            ".." => {
                kept.pop();
                if is_last {
                    kept.push("");
                }
            }
            "." => {}
            segment => kept.push(segment),
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

/// Whether the text can be written in a URI.
///
/// The text must not contain control characters, and must have two hexadecimal digits after each
/// percent sign. Characters that have to be percent-encoded, such as a space or `é`, are accepted.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    let mut after_percent = text.split('%').skip(1).map(str::as_bytes);
    !text.chars().any(char::is_control) && after_percent.all(|rest| digits(rest).is_some())
}

/// Whether the text can be the host and port of an `http` or `https` URI.
///
/// User information is not accepted (RFC 9110 §4.2.4).
#[must_use]
pub fn is_host(text: &str) -> bool {
    let (name, rest) = match text.find(']') {
        Some(end) if text.starts_with('[') => text.split_at(end + 1),
        _ => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = |byte: u8| is_unreserved(byte) || is_sub_delim(byte) || byte == b'%';
    let is_ip = |byte: u8| is_unreserved(byte) || is_sub_delim(byte) || byte == b':';
    let has_name = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(ip) => !ip.is_empty() && ip.bytes().all(is_ip),
        None => !name.is_empty() && name.bytes().all(is_name),
    };
    is_port && has_name && is_well_formed(name)
}

fn spelled(text: &str, part: Part) -> Cow<'_, str> {
    if text.bytes().all(|byte| part.is_normal(byte)) {
        return Cow::Borrowed(text);
    }
    let mut normal = String::with_capacity(text.len() + 16);
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let encoded = if first == b'%' { digits(after) } else { None };
        if let Some(byte) = encoded {
            rest = after.get(2..).unwrap_or_default();
            // §6.2.2.2: "Such percent-encoded octets that correspond to unreserved characters
            // should be decoded".
            push(&mut normal, byte, is_unreserved(byte), part);
        } else {
            push(&mut normal, first, part.allows(first), part);
        }
    }
    Cow::Owned(normal)
}

fn push(normal: &mut String, byte: u8, as_it_is: bool, part: Part) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    if as_it_is {
        let byte = if part == Part::Host { byte.to_ascii_lowercase() } else { byte };
        normal.push(char::from(byte));
    } else {
        // §6.2.2.1: "should be normalized to use uppercase letters for the digits A-F".
        normal.push('%');
        normal.push(char::from(DIGITS[usize::from(byte >> 4)]));
        normal.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Decodes the two hexadecimal digits at the beginning of the text.
fn digits(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (&[high, low], _) = text.split_first_chunk()?;
    Some(digit(high)? << 4 | digit(low)?)
}

/// Whether the byte is unreserved (RFC 3986 §2.3).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether the byte is one of the `sub-delims` (RFC 3986 §2.2).
const fn is_sub_delim(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}
