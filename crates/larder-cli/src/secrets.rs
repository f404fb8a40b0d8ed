//! Texts that are never printed: tokens, and the credentials of URLs.

use std::fmt;

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, to send it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Returns the text with `***` in place of the credentials of each URL in it.
pub(crate) fn hide_credentials(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        hidden.push_str(before);
        let credentials = credentials_length(before, after);
        if credentials > 0 {
            hidden.push_str("***@");
        }
        rest = &after[credentials..];
    }
    hidden.push_str(rest);
    hide_parameter(&hidden)
}

/// The password of a Redis URL need not be escaped, so the last `@` of the word ends it.
fn credentials_length(before: &str, after: &str) -> usize {
    let is_web = before.ends_with("http://") || before.ends_with("https://");
    let is_end =
        |character: char| character.is_whitespace() || is_web && matches!(character, '/' | '?' | '#');
    let part = &after[..after.find(is_end).unwrap_or(after.len())];
    part.rfind('@').map_or(0, |at| at + 1)
}

fn hide_parameter(text: &str) -> String {
    const NAME: &str = "sentinelPassword=";
    let Some((before, secret)) = text.split_once(NAME) else { return text.to_owned() };
    let end = secret.find(|character: char| character == '&' || character.is_whitespace());
    format!("{before}{NAME}***{}", hide_parameter(end.map_or("", |end| &secret[end..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_no_credentials_of_a_url() {
        for (text, expected) in [
            ("", ""),
            ("no url", "no url"),
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
            ("redis://:hunter2@host/0: refused", "redis://***@host/0: refused"),
            ("to redis://u:p@a and rediss://u:p@b", "to redis://***@a and rediss://***@b"),
            ("redis://:p@ss@host", "redis://***@host"),
            ("redis://:p/ss@host/0", "redis://***@host/0"),
            ("redis://:1?p@s#s@host/0 failed", "redis://***@host/0 failed"),
            (
                "redis-sentinel://a?sentinelPassword=pw&node=b:1",
                "redis-sentinel://a?sentinelPassword=***&node=b:1",
            ),
            ("https://user:pw@host/a@b", "https://***@host/a@b"),
            ("http://host/a?b=c@d", "http://host/a?b=c@d"),
        ] {
            assert_eq!(hide_credentials(text), expected);
        }
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "(hidden)");
    }
}
