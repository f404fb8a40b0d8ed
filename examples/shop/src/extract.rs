//! Extractors of the handlers. They report invalid requests as JSON.

use std::fmt;

use axum::extract::{FromRequest, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::Deserialize;

use crate::errors::Error;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Error))]
pub(crate) struct Json<T>(pub(crate) T);

/// The parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Error))]
pub(crate) struct Path<T>(pub(crate) T);

/// The parameters of the query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Error))]
pub(crate) struct Query<T>(pub(crate) T);

/// The identifier of a row, in its canonical form.
///
/// `7`, `+7` and `007` are the same number, but three URIs and three tags for a cache. A write to
/// one of them would not invalidate the others, so only the canonical form is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Id(i64);

impl Id {
    pub(crate) fn get(self) -> i64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let number: i64 = text.parse().ok()?;
        (number >= 0 && number.to_string() == text).then_some(Self(number))
    }
}

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not an identifier"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The token of a request: `Authorization: Bearer <user id>`, or `<user id>.<session>` for one of
/// several sessions. A demo has no secrets.
///
/// Nothing is verified here: see [`sessions`](crate::sessions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub(crate) user: Id,
    pub(crate) token: Box<str>,
}

impl Bearer {
    /// Returns the token in these fields, if there is exactly one.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(AUTHORIZATION).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        // RFC 9110 §11.1: the scheme is case-insensitive. §11.4: one or more spaces follow it.
        let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
        let token = token.trim_matches(' ');
        let user = token.split_once('.').map_or(token, |(user, _)| user);
        let user = scheme.eq_ignore_ascii_case("bearer").then(|| Id::parse(user))??;
        Some(Self { user, token: token.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_written_in_one_way_only() {
        for text in ["0", "7", "10000", "9223372036854775807"] {
            assert_eq!(Id::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "+7", "007", "-7", "-0", " 7", "7 ", "7.0", "٧", "9223372036854775808", "seven"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_bearer_is_named_once_and_whole() {
        let of = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (AUTHORIZATION, line.parse().unwrap()));
            Bearer::of(&lines.collect()).map(|bearer| bearer.user.get())
        };
        for line in ["Bearer 7", "bearer 7", "BEARER   7", "Bearer 7.phone", "Bearer 7."] {
            assert_eq!(of(&[line]), Some(7), "{line}");
        }
        for lines in [
            &[][..],
            &["Bearer 7", "Bearer 8"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer7"],
            &["Basic 7"],
            &["Bearer 07"],
            &["Bearer 7 8"],
            &["Bearer .7"],
        ] {
            assert_eq!(of(lines), None, "{lines:?}");
        }
    }
}
