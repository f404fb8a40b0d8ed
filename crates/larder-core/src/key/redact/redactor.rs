//! Leaves the credentials of one request out of every text, wherever the text has them.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName};

use super::{digest, redact_field, redact_key_parts, redact_uri};
use crate::key::buf::KeyBuf;
use crate::key::{cookies, normalize};

/// A value of at least this many bytes is left out wherever it appears.
///
/// A shorter one, such as the `1` of `consent=1`, appears in many texts by chance. It is left out
/// of texts of a function of the policy, which may return it, if it stands there as a word.
const MIN_SECRET: usize = 8;

/// Leaves the credentials of one request out of texts, in addition to the rules of
/// [`redact`](super::redact()).
///
/// A key shows the text of its template, and a tag is the application's own. But a policy may make
/// both from a cookie or from `Authorization`. With the request, such values can be found.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use larder_core::key::redact::Redactor;
///
/// let mut request = HeaderMap::new();
/// request.insert(header::COOKIE, HeaderValue::from_static("session=0123456789"));
/// let redactor = Redactor::new(&request, &[]);
/// assert!(redactor.text("cart:0123456789").starts_with("cart:^#"));
/// ```
#[derive(Debug)]
pub struct Redactor<'a> {
    /// The fields that the application calls credentials.
    fields: &'a [HeaderName],
    /// The credentials in the forms in which they may appear, and what stands for them. The longest
    /// is first.
    secrets: Vec<(String, String)>,
    /// The values that are too short to be left out everywhere.
    short: Vec<String>,
}

impl<'a> Redactor<'a> {
    /// Creates a redactor for a request with these fields.
    ///
    /// Cookies, `Authorization` and `Proxy-Authorization` are credentials, and so are the fields in
    /// `credentials`.
    #[must_use]
    pub fn new(request: &HeaderMap, credentials: &'a [HeaderName]) -> Self {
        let mut redactor = Self { fields: credentials, secrets: Vec::new(), short: Vec::new() };
        for (_, value) in cookies::names_and_values(request) {
            redactor.add(value);
            // Quotes are not part of the value for many handlers.
            let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            redactor.add(quoted.unwrap_or_default());
        }
        let lines = request.iter().filter(|(name, _)| **name != COOKIE && is_credential(credentials, name));
        for (_, line) in lines {
            let line = line.as_bytes();
            redactor.add(line);
            // The credentials after the scheme, such as `Bearer`.
            let rest = line.iter().position(|byte| *byte == b' ').map(|space| &line[space + 1..]);
            redactor.add(rest.unwrap_or_default().trim_ascii());
        }
        redactor
    }

    /// Learns the partition of the request, which tags and templates may have too.
    ///
    /// A short one is only learned if it is a credential of the request.
    pub fn add_partition(&mut self, encoded: &str) {
        if encoded.len() >= MIN_SECRET || self.short.iter().any(|short| short == encoded) {
            self.insert(encoded.to_owned(), digest(encoded).into_owned());
        }
    }

    /// Returns a text without credentials.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, (secret, shown)| {
            if text.contains(&**secret) { text.replace(&**secret, shown) } else { text }
        })
    }

    /// Returns a text that a function of the policy may have made, without credentials.
    ///
    /// Short credentials are left out too, if they stand in it as words.
    #[must_use]
    pub fn words(&self, text: &str) -> String {
        let text = self.text(text);
        if self.short.is_empty() {
            return text;
        }
        let is_in_word = |letter: char| letter.is_alphanumeric();
        let mut shown = String::with_capacity(text.len());
        for word in text.split_inclusive(|letter| !is_in_word(letter)) {
            let (word, end) = match word.char_indices().next_back() {
                Some((at, last)) if !is_in_word(last) => word.split_at(at),
                _ => (word, ""),
            };
            match self.short.iter().any(|short| short == word) {
                true => shown.push_str(&digest(word)),
                false => shown.push_str(word),
            }
            shown.push_str(end);
        }
        shown
    }

    /// Returns a key without credentials: what [`redact`](super::redact()) returns, and without
    /// those of this request in its template.
    ///
    /// The text of a template alone is such a key, too.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        let parts_before = match key.get(..2) {
            Some("k|") => 2,
            Some("u|") => 4,
            _ => return self.words(key),
        };
        let end = key.match_indices('|').nth(parts_before - 1).map_or(key.len(), |(at, _)| at);
        let (first, rest) = key.split_at(end);
        let first = match first.strip_prefix("k|") {
            Some(template) => format!("k|{}", self.words(template)),
            None => self.text(first),
        };
        first + &self.key_part(rest)
    }

    /// Returns a part of a key, or several, without credentials. They begin with their separator.
    ///
    /// The part is one of those after the URI or the template.
    #[must_use]
    pub fn key_part(&self, encoded: &str) -> String {
        self.text(&redact_key_parts(encoded))
    }

    /// Returns a URI without credentials.
    #[must_use]
    pub fn uri(&self, uri: &str) -> String {
        self.text(&redact_uri(uri))
    }

    /// Returns the value of a request field as it may be shown.
    #[must_use]
    pub fn field(&self, name: &HeaderName, value: &str) -> String {
        // The empty name is not one of the fields that are shown.
        let shown = if self.fields.contains(name) { "" } else { name.as_str() };
        self.text(&redact_field(shown, value))
    }

    fn add(&mut self, value: &[u8]) {
        let text = String::from_utf8_lossy(value).into_owned();
        if text.len() < MIN_SECRET {
            if !text.is_empty() {
                self.short.push(text);
            }
            return;
        }
        let mut encoded = KeyBuf::new();
        encoded.value_text(&text);
        let encoded = encoded.as_str().unwrap_or_default().to_owned();
        // Keys have the digest of this form, so the same value is shown in the same way everywhere.
        let placeholder = digest(if encoded.is_empty() { &text } else { &encoded }).into_owned();
        let path = normalize::path_with_dots(&text).into_owned();
        let forms = [
            encoded,
            normalize::query(&text).into_owned(),
            // The slash at its beginning is not of the value.
            path.strip_prefix('/').unwrap_or(&path).to_owned(),
            text,
        ];
        for form in forms.into_iter().filter(|form| form.len() >= MIN_SECRET) {
            self.insert(form, placeholder.clone());
        }
    }

    fn insert(&mut self, secret: String, shown: String) {
        if self.secrets.iter().all(|(known, _)| *known != secret) {
            let place = self.secrets.partition_point(|(known, _)| known.len() >= secret.len());
            self.secrets.insert(place, (secret, shown));
        }
    }
}

/// Whether the values of this field are credentials.
fn is_credential(credentials: &[HeaderName], name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE].contains(name) || credentials.contains(name)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::key::redact::redact;

    fn request(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    /// Returns the digest of a value, as a key has it.
    fn hidden(value: &str) -> String {
        let mut encoded = KeyBuf::new();
        encoded.value_text(value);
        digest(encoded.as_str().unwrap()).into_owned()
    }

    const SESSION: &str = "a b|c%7e+d";
    const TOKEN: &str = "abc.def.ghi";

    fn fields() -> HeaderMap {
        request(&[(COOKIE, "session=a b|c%7e+d; x=7q"), (AUTHORIZATION, "Bearer abc.def.ghi")])
    }

    #[test]
    fn a_secret_is_left_out_of_a_text_in_every_form() {
        let (session, token) = (hidden(SESSION), hidden(TOKEN));
        let cases = [
            ("tag:a b|c%7e+d!", format!("tag:{session}!")),
            ("tag:a^20b^7Cc%7e+d!", format!("tag:{session}!")),
            ("tag:abc.def.ghi!", format!("tag:{token}!")),
            ("Bearer abc.def.ghi", hidden("Bearer abc.def.ghi")),
            ("page 7q", "page 7q".to_owned()),
            ("", String::new()),
        ];
        let fields = fields();
        let redactor = Redactor::new(&fields, &[]);
        for (text, expected) in cases {
            assert_eq!(redactor.text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_left_out_of_the_text_of_a_function_as_a_word() {
        let (fields, short) = (fields(), hidden("7q"));
        let redactor = Redactor::new(&fields, &[]);
        let cases = [
            ("u-7q", format!("u-{short}")),
            ("7q/7q", format!("{short}/{short}")),
            ("u-7q7", "u-7q7".to_owned()),
            ("abc.def.ghi", hidden(TOKEN)),
        ];
        for (text, expected) in cases {
            assert_eq!(redactor.words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_has_no_secret_in_any_part() {
        let (fields, token, short) = (fields(), hidden(TOKEN), hidden("7q"));
        let redactor = Redactor::new(&fields, &[]);
        let cases = [
            ("k|u:7q", format!("k|u:{short}")),
            ("k|t:abc.def.ghi|?a=abc.def.ghi", format!("k|t:{token}|?a={token}")),
            ("k|t|c|x=7q|p|7q", format!("k|t|c|x={short}|p|{short}")),
            ("u|http|h|/7q/abc.def.ghi", format!("u|http|h|/7q/{token}")),
            ("u|http|h|/|?token=1&b=7q", format!("u|http|h|/|?token={}&b=7q", hidden("1"))),
            ("u|http|h|/|h|x-tenant=acme", format!("u|http|h|/|h|x-tenant={}", hidden("acme"))),
            ("u|http|h|/|h|accept=abc.def.ghi", format!("u|http|h|/|h|accept={token}")),
            ("mine:7q", format!("mine:{short}")),
            ("u|x", "u|x".to_owned()),
            ("k|", "k|".to_owned()),
            ("", String::new()),
        ];
        for (key, expected) in cases {
            assert_eq!(redactor.key(key), expected, "{key}");
            assert_eq!(redactor.key(&redact(key)), redactor.key(key), "{key}: as a listing has it");
        }
    }

    #[test]
    fn a_field_of_the_application_is_a_credential() {
        let api_key = [HeaderName::from_static("accept-version")];
        let mut fields = fields();
        fields.insert(&api_key[0], HeaderValue::from_static("a-long-version"));
        let (plain, own) = (Redactor::new(&fields, &[]), Redactor::new(&fields, &api_key));
        assert_eq!(plain.field(&api_key[0], "v"), "v");
        assert_eq!(own.field(&api_key[0], "v"), hidden("v"));
        assert_eq!(plain.text("a-long-version"), "a-long-version");
        assert_eq!(own.text("a-long-version"), hidden("a-long-version"));
    }

    #[test]
    fn a_partition_is_left_out_of_other_texts_unless_it_is_short() {
        let fields = fields();
        for (partition, is_hidden) in [("long-user", true), ("42", false), ("7q", true)] {
            let mut redactor = Redactor::new(&fields, &[]);
            redactor.add_partition(partition);
            let shown = redactor.text(&format!("user:{partition}"));
            assert_eq!(!shown.contains(partition), is_hidden, "{shown}");
        }
    }
}
