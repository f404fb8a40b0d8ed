//! The encoded cache key.

use arrayvec::ArrayString;
use http::{HeaderMap, HeaderName};

use super::query::QueryRules;
use super::{cookies, escape, percent_decoded};

/// The maximum length of an encoded key, in bytes. A request with a longer key is not cached.
pub const LIMIT: usize = 8192;

/// The maximum length of a key that is stored without a heap allocation, in bytes.
const INLINE: usize = 256;

/// A cache key that is being encoded.
///
/// The parts are written one after the other, separated by `|`. Each part begins with a marker for
/// its kind:
///
/// ```text
/// u|https|shop.example|/products/42|?page=1|h|accept-language=en|c|theme=dark|p|user7
/// k|user:42
/// v|product|42
/// ```
///
/// The key of a response that answers equivalent queries has an additional part after the query.
/// See [`equivalent_key`](crate::http::equivalent_key).
///
/// Bytes that have a special meaning are escaped as `^` and two hexadecimal digits. So two
/// different lists of parts never share a key, and a key can stand between the braces of a Redis
/// hash tag.
#[derive(Debug, Clone)]
pub struct KeyBuf(Text);

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // Storing the text inline is the purpose.
enum Text {
    Inline(ArrayString<INLINE>),
    Heap(String),
    TooLong,
}

// The methods that run on every hit are `#[inline]`, because their caller is in another crate.
impl KeyBuf {
    /// Creates a key without parts.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self(Text::Inline(ArrayString::new()))
    }

    /// Returns the encoded key, or `None` if it has more than [`LIMIT`] bytes.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Text::Inline(text) => Some(text),
            Text::Heap(text) => Some(text),
            Text::TooLong => None,
        }
    }

    /// Adds the URI up to its query.
    ///
    /// The authority is added unchanged. The caller has to
    /// [normalize](super::authority::normalize) it first.
    #[inline]
    pub fn uri(&mut self, scheme: &str, authority: &str, path: &str) {
        match scheme {
            "http" => self.begin("u|http|"),
            "https" => self.begin("u|https|"),
            _ => {
                self.begin("u|");
                self.text(scheme);
                self.push("|");
            }
        }
        self.text(authority);
        self.push("|");
        self.text(path);
    }

    /// Adds the part of the query that the rules keep.
    #[inline]
    pub fn query(&mut self, rules: &QueryRules, query: Option<&str>) {
        let Some(query) = query else {
            return;
        };
        if rules.keep_whole(query) {
            self.begin("?");
            self.text(query);
        } else {
            self.part_of_query(rules, query);
        }
    }

    fn part_of_query(&mut self, rules: &QueryRules, query: &str) {
        let mut separator = None;
        for pair in rules.kept(query) {
            match separator.replace("&") {
                None => self.begin("?"),
                Some(separator) => self.push(separator),
            }
            self.text(pair);
        }
    }

    /// Adds the text of a template or a closure.
    pub fn template(&mut self, text: &str) {
        self.begin("k|");
        self.text(text);
    }

    /// Adds all lines of this field in the request.
    ///
    /// A missing field and an empty line give different keys.
    pub fn header(&mut self, name: &HeaderName, request: &HeaderMap) {
        self.begin("h|");
        // A field name cannot contain `=` (RFC 9110 §5.1).
        self.text(name.as_str());
        for (index, line) in request.get_all(name).iter().enumerate() {
            self.push(if index == 0 { "=" } else { "|=" });
            self.bytes(line.as_bytes());
        }
    }

    /// Adds all cookies of the request that a handler could read as the cookie `name`.
    ///
    /// If a request has several such cookies, handlers differ in which one they use, so all of them
    /// are added. Some handlers percent-decode names, so a cookie whose decoded name is `name` is
    /// added too. Some handlers skip a line that is not text, so a cookie in such a line is encoded
    /// differently.
    pub fn cookie(&mut self, name: &str, request: &HeaderMap) {
        self.begin("c|");
        self.escaped(name.as_bytes(), |byte| byte == b'=' || escape::is_special(byte));
        let mut separator = "";
        for (pair, is_text) in cookies::pairs_of_lines(request) {
            let Some((sent_name, value)) = cookies::split(pair) else {
                continue;
            };
            let trimmed = sent_name.trim_ascii();
            if sent_name == name.as_bytes() && is_text {
                self.push(separator);
                self.push("=");
                self.bytes(value);
            } else if trimmed == name.as_bytes() || percent_decoded::percent(trimmed).eq(name.bytes()) {
                self.push(if is_text { "|" } else { "||" });
                self.bytes(pair);
            } else {
                continue;
            }
            separator = "|";
        }
    }

    /// Begins the key of a value in this collection. The text of the value's key follows it.
    pub fn value(&mut self, collection: &str) {
        self.begin("v|");
        self.text(collection);
        self.push("|");
    }

    /// Adds some of the text of a value's key.
    pub fn value_text(&mut self, text: &str) {
        self.text(text);
    }

    /// Ends a part of a value's key, so that another part can follow.
    pub fn value_separator(&mut self) {
        self.push("|");
    }

    /// Adds the owner of the response, such as a user or a tenant.
    pub fn partition(&mut self, name: &str) {
        self.begin("p|");
        self.text(name);
    }

    #[inline]
    fn begin(&mut self, kind: &str) {
        if !matches!(&self.0, Text::Inline(text) if text.is_empty()) {
            self.push("|");
        }
        self.push(kind);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        if escape::is_plain(text.as_bytes()) {
            self.push(text);
        } else {
            self.escaped(text.as_bytes(), escape::is_special);
        }
    }

    fn bytes(&mut self, text: &[u8]) {
        if escape::is_plain(text) {
            self.push_ascii(text);
        } else {
            self.escaped(text, escape::is_special);
        }
    }

    fn escaped(&mut self, text: &[u8], is_special: impl Fn(u8) -> bool) {
        for run in text.chunk_by(|&one, &next| !is_special(one) && !is_special(next)) {
            match run {
                &[byte] if is_special(byte) => self.push_ascii(&escape::escape(byte)),
                run => self.push_ascii(run),
            }
        }
    }

    fn push_ascii(&mut self, bytes: &[u8]) {
        self.push(std::str::from_utf8(bytes).unwrap_or_default());
    }

    #[inline]
    fn push(&mut self, text: &str) {
        let fits = match &mut self.0 {
            Text::Inline(inline) => inline.try_push_str(text).is_ok(),
            Text::Heap(_) | Text::TooLong => false,
        };
        if !fits {
            self.push_to_heap(text);
        }
    }

    #[cold]
    fn push_to_heap(&mut self, text: &str) {
        let mut key = match std::mem::replace(&mut self.0, Text::TooLong) {
            Text::Inline(inline) => String::from(inline.as_str()),
            Text::Heap(heap) => heap,
            Text::TooLong => return,
        };
        if key.len() + text.len() <= LIMIT {
            key.push_str(text);
            self.0 = Text::Heap(key);
        }
    }
}

impl Default for KeyBuf {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    fn key(write: impl FnOnce(&mut KeyBuf)) -> String {
        let mut key = KeyBuf::new();
        write(&mut key);
        key.as_str().unwrap().to_owned()
    }

    fn fields(fields: &[(HeaderName, &[u8])]) -> HeaderMap {
        let value = |value: &[u8]| HeaderValue::from_bytes(value).unwrap();
        fields.iter().map(|(name, line)| (name.clone(), value(line))).fold(
            HeaderMap::new(),
            |mut map, (name, value)| {
                map.append(name, value);
                map
            },
        )
    }

    #[test]
    fn a_uri_is_readable() {
        let cases = [
            (("http", "a.example", "/x", None), "u|http|a.example|/x"),
            (("https", "a:81", "/~x/y.z", Some("")), "u|https|a:81|/~x/y.z|?"),
            (("http", "a", "/", Some("a=1&b=%7C")), "u|http|a|/|?a=1&b=%7C"),
            (("x|", "", "/{}^ \u{e9}", Some("|h|")), "u|x^7C||/^7B^7D^5E^20^C3^A9|?^7Ch^7C"),
        ];
        for ((scheme, authority, path, query), expected) in cases {
            let key = key(|key| {
                key.uri(scheme, authority, path);
                key.query(&QueryRules::all(), query);
            });
            assert_eq!(key, expected);
        }
    }

    #[test]
    fn a_query_is_what_the_rules_keep() {
        let cases = [
            (QueryRules::only(["a", "b"]), "x=1&b=2&a=|", "k|t|?b=2&a=^7C"),
            (QueryRules::only(["a"]), "x=1", "k|t"),
            (QueryRules::only(["a"]).sorted(), "", "k|t"),
            (QueryRules::all().sorted(), "b=2&a=1", "k|t|?a=1&b=2"),
            (QueryRules::all().sorted(), "", "k|t|?"),
        ];
        for (rules, query, expected) in cases {
            let key = key(|key| {
                key.template("t");
                key.query(&rules, Some(query));
            });
            assert_eq!(key, expected, "{query} by {rules:?}");
        }
    }

    #[test]
    fn a_header_field_is_all_its_lines() {
        let lines: [(&[&[u8]], &str); 5] = [
            (&[], "h|accept-language"),
            (&[b""], "h|accept-language="),
            (&[b"en, de=1"], "h|accept-language=en,^20de=1"),
            (&[b"en", b"de"], "h|accept-language=en|=de"),
            (&[b"\xff|"], "h|accept-language=^FF^7C"),
        ];
        for (lines, expected) in lines {
            let lines: Vec<_> = lines.iter().map(|&line| (header::ACCEPT_LANGUAGE, line)).collect();
            let key = key(|key| key.header(&header::ACCEPT_LANGUAGE, &fields(&lines)));
            assert_eq!(key, expected);
        }
    }

    /// The key contains every cookie that a handler may use.
    ///
    /// A handler may use the first of two cookies or the last, and it may decode names or not.
    #[test]
    fn a_cookie_is_every_cookie_that_a_handler_could_take_for_it() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "c|theme"),
            (b"Theme=x; themes=y; theme", "c|theme"),
            (b"a=b; theme=dark", "c|theme=dark"),
            (b"theme=", "c|theme="),
            (b"theme=dark; theme=light", "c|theme=dark|=light"),
            (b"%74heme=dark", "c|theme|%74heme=dark"),
            (b"theme=light;%74heme=dark", "c|theme=light|%74heme=dark"),
            (b"theme =dark;theme=a=b", "c|theme|theme^20=dark|=a=b"),
            (b"theme=dark; x=\xff", "c|theme||theme=dark"),
            (b"theme=\xff; %74heme=x", "c|theme||theme=^FF||%74heme=x"),
        ];
        for (line, expected) in cases {
            let key = key(|key| key.cookie("theme", &fields(&[(header::COOKIE, line)])));
            assert_eq!(key, expected);
        }
        assert_eq!(key(|key| key.cookie("a=b", &HeaderMap::new())), "c|a^3Db");
        let spaced = fields(&[(header::COOKIE, b"%61 =1")]);
        assert_eq!(key(|key| key.cookie("%61", &spaced)), "c|%61|%61^20=1");
    }

    #[test]
    fn a_key_keeps_its_text_when_it_outgrows_its_place_and_ends_at_the_limit() {
        for len in [INLINE - 3, INLINE - 2, INLINE - 1, LIMIT - 5] {
            let text = "x".repeat(len);
            let key = key(|key| {
                key.template(&text);
                key.partition("");
            });
            assert_eq!(key, format!("k|{text}|p|"));
        }
        for len in [LIMIT - 4, LIMIT, 100 * LIMIT] {
            let mut key = KeyBuf::new();
            key.template(&"x".repeat(len));
            key.partition("");
            key.partition("y");
            assert_eq!(key.as_str(), None, "{len}");
        }
    }
}
