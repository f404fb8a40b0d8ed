//! The encoded cache key.

use http::{HeaderMap, HeaderName};

use super::query::QueryRules;
use super::{cookies, decoded, escape};

/// How many bytes an encoded key may have. A request with a longer one is not cached.
pub const LIMIT: usize = 8192;

/// Keys up to this length need no heap.
const INLINE: usize = 256;

/// An encoded cache key in the making.
///
/// Parts are written one after the other, separated by `|`, each with a letter for its kind:
///
/// ```text
/// u|https|shop.example|/products/42|?page=1|h|accept-language=en|c|theme=dark|p|user7
/// k|user:42
/// ```
///
/// What could be mistaken for something else is escaped as `^` and two hexadecimal digits, so that two different lists
/// of parts never share a key, and a key can stand between the braces of a Redis hash tag.
#[derive(Debug, Clone)]
pub struct KeyBuf {
    inline: [u8; INLINE],
    /// How much of `inline` is used. Once `heap` is not empty it holds the whole key.
    len: usize,
    heap: Vec<u8>,
    too_long: bool,
}

impl KeyBuf {
    /// A key without parts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inline: [0; INLINE],
            len: 0,
            heap: Vec::new(),
            too_long: false,
        }
    }

    /// The encoded key, or `None` if it has more than [`LIMIT`] bytes.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        let bytes = match self.heap.as_slice() {
            [] => self.inline.get(..self.len)?,
            heap => heap,
        };
        if self.too_long {
            return None;
        }
        str::from_utf8(bytes).ok()
    }

    /// Adds the URI up to its query. The authority is taken as it is: see [`normal`](super::authority::normal).
    pub fn uri(&mut self, scheme: &str, authority: &str, path: &str) {
        self.begin(b"u|");
        self.text(scheme.as_bytes());
        self.push(b"|");
        self.text(authority.as_bytes());
        self.push(b"|");
        self.text(path.as_bytes());
    }

    /// Adds what the rules keep of the query.
    pub fn query(&mut self, rules: &QueryRules, query: Option<&str>) {
        let Some(query) = query else {
            return;
        };
        if rules.keep_everything() {
            self.begin(b"?");
            return self.text(query.as_bytes());
        }
        let mut separator = None;
        for pair in rules.kept(query) {
            match separator.replace(b"&") {
                None => self.begin(b"?"),
                Some(separator) => self.push(separator),
            }
            self.text(pair.as_bytes());
        }
    }

    /// Adds the text that a template or a closure gave.
    pub fn template(&mut self, text: &str) {
        self.begin(b"k|");
        self.text(text.as_bytes());
    }

    /// Adds the request's lines of this field. No line and an empty line differ.
    pub fn header(&mut self, name: &HeaderName, request: &HeaderMap) {
        self.begin(b"h|");
        // `=` cannot stand in a field name (RFC 9110 §5.1).
        self.text(name.as_str().as_bytes());
        for (index, line) in request.get_all(name).iter().enumerate() {
            self.push(if index == 0 { b"=" } else { b"|=" });
            self.text(line.as_bytes());
        }
    }

    /// Adds the request's cookies of this name: all of them, as handlers differ in which they believe, and those too
    /// whose name has to be percent-decoded first, as some handlers do that.
    pub fn cookie(&mut self, name: &str, request: &HeaderMap) {
        self.begin(b"c|");
        self.text_without_equals(name.as_bytes());
        let mut separator: &[u8] = b"";
        for pair in cookies::pairs(request) {
            let Some((sent_name, value)) = cookies::split(pair) else {
                continue;
            };
            if sent_name == name.as_bytes() {
                self.push(separator);
                self.push(b"=");
                self.text(value);
            } else if decoded::percent(sent_name.trim_ascii()).eq(name.bytes()) {
                self.push(b"|");
                self.text(pair);
            } else {
                continue;
            }
            separator = b"|";
        }
    }

    /// Adds whose response it is: a user, a tenant.
    pub fn partition(&mut self, name: &str) {
        self.begin(b"p|");
        self.text(name.as_bytes());
    }

    fn begin(&mut self, kind: &[u8]) {
        if self.len != 0 {
            self.push(b"|");
        }
        self.push(kind);
    }

    fn text(&mut self, text: &[u8]) {
        if escape::is_plain(text) {
            self.push(text);
        } else {
            self.escaped(text, escape::is_special);
        }
    }

    fn text_without_equals(&mut self, text: &[u8]) {
        self.escaped(text, |byte| byte == b'=' || escape::is_special(byte));
    }

    fn escaped(&mut self, text: &[u8], is_special: impl Fn(u8) -> bool) {
        for run in text.chunk_by(|&one, &next| !is_special(one) && !is_special(next)) {
            match run {
                &[byte] if is_special(byte) => self.push(&escape::escape(byte)),
                run => self.push(run),
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.inline.get_mut(self.len..end) {
            Some(room) if self.heap.is_empty() => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.push_to_heap(bytes),
        }
    }

    #[cold]
    fn push_to_heap(&mut self, bytes: &[u8]) {
        if self.heap.is_empty() {
            self.heap
                .extend_from_slice(self.inline.get(..self.len).unwrap_or_default());
        }
        if self.heap.len() + bytes.len() > LIMIT {
            self.too_long = true;
        } else {
            self.heap.extend_from_slice(bytes);
        }
    }
}

impl Default for KeyBuf {
    fn default() -> Self {
        Self::new()
    }
}
