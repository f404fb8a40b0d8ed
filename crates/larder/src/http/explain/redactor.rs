//! Leaves credentials out of the texts of an explanation.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName};
use larder_core::key::buf::KeyBuf;
use larder_core::key::{cookies, normalize};

use super::key_recorder::{KeyRecorder, PartKind, RecordedPart};

/// A value of at least this many bytes is left out wherever it appears.
///
/// A shorter one, such as the `1` of `consent=1`, appears in many texts by chance. It is left out
/// where the text comes from the field itself, or from a function of the policy that may return it.
const MIN_SECRET: usize = 8;

/// Leaves the credentials of a request out of texts.
pub(super) struct Redactor<'a> {
    /// The fields that the application calls credentials.
    fields: &'a [HeaderName],
    /// The credentials in the forms in which they may appear, and what stands for them. The longest
    /// is first.
    secrets: Vec<(String, String)>,
    /// The values that are too short to be left out everywhere.
    short: Vec<String>,
    /// The parts of the key, as they are and as they are shown.
    key_parts: Vec<(String, String)>,
}

impl<'a> Redactor<'a> {
    pub(super) fn new(request: &HeaderMap, fields: &'a [HeaderName]) -> Self {
        let mut redactor = Self { fields, secrets: Vec::new(), short: Vec::new(), key_parts: Vec::new() };
        for (_, value) in cookies::names_and_values(request) {
            redactor.add(value);
            // Quotes are not part of the value for many handlers.
            redactor.add(
                value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or_default(),
            );
        }
        let lines = request.iter().filter(|(name, _)| redactor.is_credential(name) && **name != COOKIE);
        let lines: Vec<_> = lines.map(|(_, line)| line.as_bytes().to_vec()).collect();
        for line in lines {
            redactor.add(&line);
            // The credentials after the scheme, such as `Bearer`.
            let rest = line.iter().position(|byte| *byte == b' ').map(|space| &line[space + 1..]);
            redactor.add(rest.unwrap_or_default().trim_ascii());
        }
        redactor.secrets.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        redactor
    }

    /// Whether the values of this field are credentials.
    pub(super) fn is_credential(&self, name: &HeaderName) -> bool {
        [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, SET_COOKIE].contains(name) || self.fields.contains(name)
    }

    fn add(&mut self, value: &[u8]) {
        let text = String::from_utf8_lossy(value).into_owned();
        if text.len() < MIN_SECRET {
            if !text.is_empty() {
                self.short.push(text);
            }
            return;
        }
        let placeholder = placeholder(value);
        let mut encoded = KeyBuf::new();
        encoded.value_text(&text);
        let forms = [
            encoded.as_str().unwrap_or_default().to_owned(),
            normalize::query(&text).into_owned(),
            normalize::path_with_dots(&text).into_owned(),
            text,
        ];
        for form in forms {
            if form.len() >= MIN_SECRET && !self.secrets.iter().any(|(secret, _)| *secret == form) {
                self.secrets.push((form, placeholder.clone()));
            }
        }
    }

    /// Returns the text without credentials.
    pub(super) fn text(&self, text: &str) -> String {
        let all = self.key_parts.iter().chain(&self.secrets);
        all.fold(text.to_owned(), |text, (secret, shown)| {
            if text.contains(&**secret) { text.replace(&**secret, shown) } else { text }
        })
    }

    /// Learns a text that a function of the policy returned, for the key or for names.
    pub(super) fn learn_text(&mut self, text: &str) {
        let shown = self.words(&self.text(text));
        if shown != text {
            self.key_parts.push((text.to_owned(), shown));
        }
    }

    /// Returns the value of a field, unless it is a credential.
    pub(super) fn field(&self, name: &HeaderName, value: &[u8]) -> String {
        if self.is_credential(name) { placeholder(value) } else { self.text(&String::from_utf8_lossy(value)) }
    }

    /// Learns how the parts of a key are shown, so that keys are shown in the same way everywhere.
    ///
    /// Returns the parts as they are shown.
    pub(super) fn learn_key(&mut self, recorder: &KeyRecorder) -> Vec<String> {
        let shown: Vec<String> = recorder.parts.iter().map(|part| self.part(part)).collect();
        for (part, shown) in recorder.parts.iter().zip(&shown) {
            if part.encoded != *shown {
                self.key_parts.push((part.encoded.clone(), shown.clone()));
                // Tags and templates have the user without the marker.
                if let (PartKind::Partition, Some((_, user))) = (&part.kind, part.encoded.rsplit_once("p|")) {
                    if user.len() >= MIN_SECRET || self.short.iter().any(|short| short == user) {
                        self.secrets.push((user.to_owned(), placeholder(user.as_bytes())));
                    }
                }
            }
        }
        shown
    }

    fn part(&self, part: &RecordedPart) -> String {
        let RecordedPart { kind, encoded } = part;
        match kind {
            PartKind::Header(name) if self.is_credential(name) => hide_value(encoded),
            PartKind::Cookie(_) => hide_value(encoded),
            // Both may come from functions of the policy, which see all fields.
            PartKind::Partition | PartKind::Template => self.words(&self.text(encoded)),
            PartKind::Uri | PartKind::Query | PartKind::Header(_) => self.text(encoded),
        }
    }

    /// Returns the text without short credentials that stand in it as words.
    fn words(&self, text: &str) -> String {
        let is_in_word = |letter: char| letter.is_alphanumeric();
        let mut shown = String::with_capacity(text.len());
        for word in text.split_inclusive(|letter| !is_in_word(letter)) {
            let (word, end) = match word.char_indices().next_back() {
                Some((at, last)) if !is_in_word(last) => word.split_at(at),
                _ => (word, ""),
            };
            match self.short.iter().any(|short| short == word) {
                true => shown.push_str(&placeholder(word.as_bytes())),
                false => shown.push_str(word),
            }
            shown.push_str(end);
        }
        shown
    }
}

/// Hides everything after the name in the part of a field or a cookie.
fn hide_value(encoded: &str) -> String {
    // The parts are `|h|name=value` and `|c|name=value`, or `|c|name|other=value`.
    let Some(name) = encoded.match_indices('|').nth(usize::from(encoded.starts_with('|'))) else {
        return placeholder(encoded.as_bytes());
    };
    let rest = &encoded[name.0 + 1..];
    match rest.find(['=', '|']) {
        Some(end) => {
            let (name_end, value) = (encoded.len() - rest.len() + end, &rest[end..]);
            format!("{}={}", &encoded[..name_end], placeholder(&value.as_bytes()[1..]))
        }
        None => encoded.to_owned(),
    }
}

/// Returns what stands for a credential: its length, and a number that is the same for the same
/// value.
///
/// The number is keyed by random bits of this process. So it cannot be compared with the numbers of
/// guessed values.
fn placeholder(secret: &[u8]) -> String {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    let hash = HASHER.get_or_init(RandomState::new).hash_one(secret) & u64::from(u32::MAX);
    format!("<{} bytes #{hash:08x}>", secret.len())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_secret_is_left_out_in_every_form() {
        let fields = [(COOKIE, "session=a b|c%7e+d; x=1"), (AUTHORIZATION, "Bearer abc.def.ghi")];
        let fields = request(&fields);
        let redactor = Redactor::new(&fields, &[]);
        for secret in ["a b|c%7e+d", "a^20b^7Cc%7e+d", "Bearer abc.def.ghi", "abc.def.ghi"] {
            let shown = redactor.text(&format!("tag:{secret}!"));
            assert!(shown.starts_with("tag:<") && shown.ends_with(">!"), "{shown}");
        }
        assert_eq!(redactor.text("page 1"), "page 1", "a short value is no word to look for");
        assert_eq!(redactor.words("u-1"), format!("u-{}", placeholder(b"1")));
        assert_eq!(redactor.words("u-11"), "u-11");
    }

    #[test]
    fn the_value_of_a_field_is_hidden_and_its_name_is_not() {
        let hidden = |value: &str| placeholder(value.as_bytes());
        let cases = [
            ("|h|authorization=x|=y", format!("|h|authorization={}", hidden("x|=y"))),
            ("|h|authorization", "|h|authorization".to_owned()),
            ("|c|theme=dark", format!("|c|theme={}", hidden("dark"))),
            ("|c|theme|theme^20=dark", format!("|c|theme={}", hidden("theme^20=dark"))),
            ("|c|theme", "|c|theme".to_owned()),
        ];
        for (encoded, expected) in cases {
            assert_eq!(hide_value(encoded), expected);
        }
    }

    #[test]
    fn the_same_value_has_the_same_number() {
        assert_eq!(placeholder(b"abc"), placeholder(b"abc"));
        assert_ne!(placeholder(b"abc"), placeholder(b"abd"));
    }
}
