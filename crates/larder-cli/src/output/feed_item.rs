//! One line of `larder tail`, over an admin URL or over Redis.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli_error::CliError;
use crate::output::Output;
use crate::output::dates::date_millis;

/// One line of the feed, in the form of the admin API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum FeedItem {
    /// An invalidation.
    Invalidation(Invalidation),
    /// Some invalidations were not shown, because they came too fast.
    Missed {
        /// Their number.
        count: u64,
    },
    /// The log began again. Everything that was stored before is refused.
    LogReset,
    /// Something that a later version knows.
    #[serde(other)]
    Unknown,
}

/// An invalidation, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invalidation {
    /// The one-line form of the selector, without credentials.
    pub(crate) selector: String,
    pub(crate) is_soft: bool,
    /// `applied` or `deferred`.
    pub(crate) status: String,
    /// The entry in the log, if it has one.
    pub(crate) log_id: Option<String>,
    pub(crate) unix_millis: u64,
    /// Whether the instance that was asked has issued it. Over Redis, no instance was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_own: Option<bool>,
}

impl FeedItem {
    /// Prints one line for humans.
    pub(crate) fn print(&self, output: &Output) -> Result<(), CliError> {
        match self {
            Self::Invalidation(invalidation) => output.line(&invalidation.to_line()),
            Self::Missed { count } => {
                output.line(&format!("{count} invalidations came too fast to be shown"))
            }
            Self::LogReset => output.line("the log began again: everything stored before is refused"),
            Self::Unknown => Ok(()),
        }
    }
}

impl Invalidation {
    fn to_line(&self) -> String {
        let date = date_millis(Duration::from_millis(self.unix_millis));
        let (kind, text) = in_words(&self.selector);
        let mut line = format!("{date}  {kind:6} {text}");
        let is_deferred = self.status == "deferred";
        for (_, word) in
            [(self.is_soft, "soft"), (is_deferred, "deferred")].iter().filter(|(is_set, _)| *is_set)
        {
            line.push_str(&format!("  ({word})"));
        }
        line.trim_end().to_owned()
    }
}

/// Returns the kind of a selector in its one-line form, and its text.
pub(crate) fn in_words(selector: &str) -> (&str, &str) {
    let Some((letter, text)) = selector.split_once(':') else { return ("", selector) };
    match letter {
        "t" => ("tag", text),
        "k" => ("key", text),
        "u" => ("uri", text),
        "x" => ("path", text),
        "#" => ("hash", text),
        "p" => ("prefix", text),
        "g" => ("glob", text),
        "a" => ("all", text),
        _ => ("", selector),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FeedItem {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_line_of_the_feed_is_a_line_for_humans() {
        let FeedItem::Invalidation(invalidation) = parse(
            r#"{"event":"invalidation","selector":"t:product:7","is_soft":true,"status":"deferred",
                "log_id":null,"unix_millis":1796015373042,"is_own":true}"#,
        ) else {
            panic!("it is an invalidation")
        };
        let expected = "2026-11-30 05:09:33.042Z  tag    product:7  (soft)  (deferred)";
        assert_eq!(invalidation.to_line(), expected);
        assert_eq!(parse(r#"{"event":"missed","count":3}"#), FeedItem::Missed { count: 3 });
        assert_eq!(parse(r#"{"event":"log-reset"}"#), FeedItem::LogReset);
        assert_eq!(parse(r#"{"event":"later"}"#), FeedItem::Unknown);
    }

    #[test]
    fn every_kind_of_selector_has_a_word() {
        use larder_core::invalidation::selector::{Glob, Prefix, Selector, Tag};
        for (selector, expected) in [
            (Selector::Tag(Tag::new("a:b")), ("tag", "a:b")),
            (Selector::Key("k|a".into()), ("key", "k|a")),
            (Selector::Prefix(Prefix::new("/a").unwrap()), ("prefix", "/a")),
            (Selector::Glob(Glob::new("/a/*").unwrap()), ("glob", "/a/*")),
            (Selector::All, ("all", "")),
        ] {
            assert_eq!(in_words(&selector.to_text()), expected);
        }
    }
}
