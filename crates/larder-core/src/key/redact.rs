//! Keys, URIs and field values without credentials, for operators.

mod redactor;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use twox_hash::XxHash3_64;

pub use self::redactor::Redactor;

/// The mark before the digest of a hidden value.
///
/// In a key, two digits follow the first byte of an escape. So no key has this text.
const MARK: &str = "^#";

/// The number of hexadecimal digits that stand for a hidden value.
const DIGITS: usize = 8;

/// Request fields whose values are shown. They describe a client, and do not identify a user.
///
/// All other fields are hidden, because an application may call any of them a credential.
const SHOWN_FIELDS: [&str; 25] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-version",
    "api-version",
    "content-type",
    "device-memory",
    "dnt",
    "dpr",
    "host",
    "hx-boosted",
    "hx-request",
    "origin",
    "prefer",
    "rsc",
    "save-data",
    "user-agent",
    "viewport-width",
    "width",
    "x-api-version",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-inertia",
    "x-requested-with",
];

/// Beginnings of the names of further fields that are shown.
const SHOWN_PREFIXES: [&str; 2] = ["sec-ch-", "sec-fetch-"];

/// Query parameters whose values are hidden, in lower case.
///
/// RFC 6750 §2.3 defines `access_token`. The others are those of signed URLs, and usual names.
const HIDDEN_PARAMETERS: [&str; 26] = [
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "auth_token",
    "client_secret",
    "code",
    "credential",
    "id_token",
    "jwt",
    "passwd",
    "password",
    "pwd",
    "refresh_token",
    "secret",
    "session",
    "session_id",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "token",
    "x-amz-security-token",
    "x-goog-signature",
];

/// Returns an encoded key as it may be shown to an operator, without credentials.
///
/// The values of cookies and partitions are replaced by a short digest. So are the values of header
/// fields, unless the field is one of a list such as `Accept-Language`, and those of query
/// parameters such as `access_token`. Equal values have equal digests, on all instances. A digest
/// does not hide a value that can be guessed, such as a number.
///
/// The text of a template or of a function, and the key of a value below HTTP, are the
/// application's own and stay as they are.
///
/// A text that is no encoded key is returned unchanged, and so is a key that was redacted before.
///
/// # Examples
///
/// ```
/// use larder_core::key::redact::redact;
///
/// assert_eq!(redact("u|https|shop.example|/a|?page=1"), "u|https|shop.example|/a|?page=1");
/// let shown = redact("u|https|shop.example|/a|c|session=0123456789abcdef");
/// assert!(shown.starts_with("u|https|shop.example|/a|c|session=^#"));
/// ```
#[must_use]
pub fn redact(key: &str) -> Cow<'_, str> {
    // The number of parts before the query, which contain no `|` of their own.
    let fixed = match key.split_once('|') {
        Some(("u", _)) => 4,
        Some(("k", _)) => 2,
        _ => return Cow::Borrowed(key),
    };
    let mut parts = Parts { rest: Some(key) };
    let mut shown = Shown::default();
    for _ in 0..fixed {
        let Some(part) = parts.next() else { return Cow::Borrowed(key) };
        shown.push(part);
    }
    shown.rest(&mut parts);
    if shown.text == key { Cow::Borrowed(key) } else { Cow::Owned(shown.text) }
}

/// Returns some of the parts behind the URI or the template of a key, as they may be shown.
///
/// They begin with their separator.
fn redact_key_parts(encoded: &str) -> String {
    let Some(parts) = encoded.strip_prefix('|') else { return encoded.to_owned() };
    let mut shown = Shown::default();
    shown.rest(&mut Parts { rest: Some(parts) });
    format!("|{}", shown.text)
}

/// Whether a key, as [`redact`] returned it, hides a value.
///
/// Such a key is found in no store.
#[must_use]
pub fn is_redacted(key: &str) -> bool {
    key.contains(MARK)
}

/// Returns a URI as it may be shown to an operator: without the values of query parameters that are
/// credentials.
///
/// # Examples
///
/// ```
/// use larder_core::key::redact::redact_uri;
///
/// assert_eq!(redact_uri("/a?page=1"), "/a?page=1");
/// assert!(redact_uri("/a?page=1&access_token=abc").starts_with("/a?page=1&access_token=^#"));
/// ```
#[must_use]
pub fn redact_uri(uri: &str) -> Cow<'_, str> {
    match uri.split_once('?') {
        Some((path, query)) => match redact_query(query) {
            Cow::Borrowed(_) => Cow::Borrowed(uri),
            Cow::Owned(query) => Cow::Owned(format!("{path}?{query}")),
        },
        None => Cow::Borrowed(uri),
    }
}

/// Returns the value of a request field as it may be shown to an operator.
///
/// The name is in lower case.
///
/// # Examples
///
/// ```
/// use larder_core::key::redact::redact_field;
///
/// assert_eq!(redact_field("accept-language", "en"), "en");
/// assert!(redact_field("authorization", "Bearer abc").starts_with("^#"));
/// ```
#[must_use]
pub fn redact_field<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_shown_field(name) || value.is_empty() { Cow::Borrowed(value) } else { digest(value) }
}

/// Whether the values of this request field are shown. The name is in lower case.
#[must_use]
pub fn is_shown_field(name: &str) -> bool {
    SHOWN_FIELDS.contains(&name) || SHOWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the short digest that stands for a value. A digest stands for itself.
fn digest(value: &str) -> Cow<'_, str> {
    if is_digest(value) {
        return Cow::Borrowed(value);
    }
    // Half of the digest is enough to distinguish values, and gives no long value away.
    let half = XxHash3_64::oneshot(value.as_bytes()) >> 32;
    Cow::Owned(format!("{MARK}{half:0DIGITS$x}"))
}

fn is_digest(value: &str) -> bool {
    value.strip_prefix(MARK).is_some_and(|digits| {
        digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn redact_query(query: &str) -> Cow<'_, str> {
    // Some handlers also take a semicolon for a separator.
    let pairs = || query.split_inclusive(['&', ';']);
    if !pairs().any(|pair| hidden_value(pair).is_some()) {
        return Cow::Borrowed(query);
    }
    let mut shown = String::with_capacity(query.len());
    for pair in pairs() {
        match hidden_value(pair) {
            Some((name, value)) => {
                let text = value.trim_end_matches(['&', ';']);
                shown.extend([name, "=", &*digest(text), &value[text.len()..]]);
            }
            None => shown.push_str(pair),
        }
    }
    Cow::Owned(shown)
}

/// Returns the name and the value of a parameter, if its value is hidden.
fn hidden_value(pair: &str) -> Option<(&str, &str)> {
    pair.split_once('=').filter(|(name, _)| is_hidden_parameter(name))
}

/// Whether the values of this parameter are hidden.
///
/// A name with an escape may be any of them, so it is decoded first.
fn is_hidden_parameter(name: &str) -> bool {
    let decoded = super::percent_decoded::percent(name.as_bytes()).map(|byte| byte.to_ascii_lowercase());
    let name: Vec<u8> = decoded.collect();
    // The parameters of signed URLs of Amazon S3.
    HIDDEN_PARAMETERS.iter().any(|hidden| hidden.as_bytes() == name)
        || name.starts_with(b"x-amz-sig")
        || name.starts_with(b"x-amz-cred")
}

/// The parts of a key, from left to right.
struct Parts<'a> {
    /// `None` after the last part.
    rest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (part, rest) = match rest.split_once('|') {
            Some((part, rest)) => (part, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        Some(part)
    }

    /// Takes the next part, and all parts after it that belong to it.
    fn take_while(&mut self, belongs: impl Fn(&str) -> bool) -> &'a str {
        let Some(all) = self.rest else { return "" };
        let mut end = all.find('|').unwrap_or(all.len());
        while let Some(after) = all.get(end + 1..) {
            let next = after.split('|').next().unwrap_or_default();
            if !belongs(next) {
                self.rest = Some(after);
                return &all[..end];
            }
            end += 1 + next.len();
        }
        self.rest = None;
        all
    }

    /// Takes everything that is left.
    fn take_rest(&mut self) -> &'a str {
        self.rest.take().unwrap_or_default()
    }
}

/// The parts of a key that are shown.
#[derive(Default)]
struct Shown {
    text: String,
}

impl Shown {
    /// Adds one of the first parts, which are shown as they are.
    fn push(&mut self, part: &str) {
        self.begin();
        self.text.push_str(part);
    }

    /// Adds all parts that are left, which are behind those that are shown as they are.
    fn rest(&mut self, parts: &mut Parts<'_>) {
        while let Some(part) = parts.next() {
            self.begin();
            match part {
                "h" => self.field(parts),
                "c" => self.cookie(parts),
                "n" => self.variation(parts),
                "p" => {
                    self.text.push_str("p|");
                    self.hide(parts.take_rest());
                }
                _ => match part.strip_prefix('?') {
                    Some(query) => self.query(query),
                    // No key has such a part.
                    None => {
                        self.hide(part);
                        parts.take_rest();
                    }
                },
            }
        }
    }

    fn begin(&mut self) {
        if !self.text.is_empty() {
            self.text.push('|');
        }
    }

    /// Adds the query, which follows the question mark.
    fn query(&mut self, query: &str) {
        self.text.push('?');
        self.text.push_str(&redact_query(query));
    }

    /// Adds what a response says about equivalent queries. This is not the request's.
    fn variation(&mut self, parts: &mut Parts<'_>) {
        self.text.push('n');
        if let Some(variation) = parts.next() {
            self.push(variation);
        }
    }

    /// Adds a header field: a name, and each line after `=`.
    fn field(&mut self, parts: &mut Parts<'_>) {
        let lines = parts.take_while(|part| part.starts_with('='));
        let name = lines.split('=').next().unwrap_or_default();
        self.text.push_str("h|");
        if is_shown_field(name) {
            self.text.push_str(lines);
        } else {
            self.named(lines, name);
        }
    }

    /// Adds a cookie: a name, and all cookies that a handler may take for it.
    fn cookie(&mut self, parts: &mut Parts<'_>) {
        // A cookie that follows contains `=`, or is empty.
        let cookies = parts.take_while(|part| part.is_empty() || part.contains('='));
        let end = cookies.find(['=', '|']).unwrap_or(cookies.len());
        self.text.push_str("c|");
        self.named(cookies, &cookies[..end]);
    }

    /// Adds a name, and the digest of what follows it in `text`.
    fn named(&mut self, text: &str, name: &str) {
        self.text.push_str(name);
        match &text[name.len()..] {
            "" => {}
            value => {
                self.text.push('=');
                self.hide(value.strip_prefix('=').unwrap_or(value));
            }
        }
    }

    fn hide(&mut self, value: &str) {
        self.text.push_str(&digest(value));
    }
}
