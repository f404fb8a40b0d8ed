//! The status codes that are stored.

use std::time::Duration;

use http::StatusCode;

/// The status codes that are stored: the successful ones (2xx) or all final ones, and added ones.
///
/// Responses with 206 or 304 are parts or confirmations of other responses, and 1xx codes are not
/// final (RFC 9111 §3). None of these is ever stored, even if it is added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRules {
    every_final: bool,
    added: Vec<(StatusCode, Option<Duration>)>,
}

impl StatusRules {
    /// Creates rules that store every final status code.
    ///
    /// The fields of a response then have to say whether it may be stored.
    #[must_use]
    pub const fn every_final() -> Self {
        Self { every_final: true, added: Vec::new() }
    }

    /// Adds a status code. `lifetime` is its default lifetime, `None` means that of all others.
    ///
    /// If a status code is added again, the last call counts.
    #[must_use]
    pub fn with(mut self, status: StatusCode, lifetime: Option<Duration>) -> Self {
        self.added.retain(|(known, _)| *known != status);
        self.added.push((status, lifetime));
        self
    }

    /// Returns the added status codes with their default lifetimes.
    pub fn added(&self) -> impl Iterator<Item = (StatusCode, Option<Duration>)> {
        self.added.iter().copied()
    }

    /// Returns the default lifetime for this status code, or `None` if it is not stored.
    ///
    /// `default` is the lifetime for status codes without a lifetime of their own.
    #[must_use]
    pub fn lifetime_of(&self, status: StatusCode, default: Duration) -> Option<Duration> {
        let never = status.is_informational()
            || matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
            // A 416 is about a range. A request without a range cannot have asked for it, and no
            // key contains the range.
            || self.every_final && status == StatusCode::RANGE_NOT_SATISFIABLE;
        if never {
            return None;
        }
        match self.added.iter().find(|(known, _)| *known == status) {
            Some((_, lifetime)) => Some(lifetime.unwrap_or(default)),
            None => (self.every_final || status.is_success()).then_some(default),
        }
    }
}

/// Whether a response with this status is an error to which `stale-if-error` applies.
///
/// RFC 5861 §4: "an error is any situation that would result in a 500, 502, 503, or 504 HTTP
/// response status code being returned."
#[must_use]
pub fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Whether everything that is specified about caching this status is implemented (RFC 9111 §3).
///
/// These are the status codes that are cacheable according to RFC 9110 §15, without 206.
pub(super) fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 302 | 303 | 307 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Duration = Duration::from_secs(60);

    fn lifetime_of(rules: &StatusRules, status: u16) -> Option<Duration> {
        rules.lifetime_of(StatusCode::from_u16(status).unwrap(), DEFAULT)
    }

    #[test]
    fn success_is_stored_by_default_and_other_statuses_when_they_are_added() {
        let rules = StatusRules::default()
            .with(StatusCode::NOT_FOUND, Some(Duration::from_secs(10)))
            .with(StatusCode::GONE, Some(Duration::ZERO))
            .with(StatusCode::GONE, None)
            .with(StatusCode::OK, Some(Duration::from_secs(5)));
        for (status, expected) in [
            (200, Some(5)),
            (203, Some(60)),
            (204, Some(60)),
            (299, Some(60)),
            (301, None),
            (404, Some(10)),
            (410, Some(60)),
            (500, None),
        ] {
            assert_eq!(lifetime_of(&rules, status), expected.map(Duration::from_secs), "{status}");
        }
    }

    /// RFC 9111 §3: "the response status code is final".
    #[test]
    fn all_final_statuses_are_stored_where_the_fields_decide() {
        let rules = StatusRules::every_final().with(StatusCode::NOT_FOUND, Some(Duration::from_secs(10)));
        let stored = |status: &u16| lifetime_of(&rules, *status).is_some();
        let refused: Vec<_> = (200..=999).filter(|status| !stored(status)).collect();
        assert_eq!(refused, [206, 304, 416]);
        assert!(!(100..200).any(|status| stored(&status)));
        assert_eq!(lifetime_of(&rules, 404), Some(Duration::from_secs(10)));
    }

    /// RFC 9111 §3: "the response status code is final". 206 and 304 must also be understood.
    #[test]
    fn parts_confirmations_and_interim_responses_are_never_stored() {
        for status in [100, 103, 206, 304] {
            let rules = StatusRules::default().with(StatusCode::from_u16(status).unwrap(), None);
            assert_eq!(lifetime_of(&rules, status), None, "{status}");
        }
    }

    /// RFC 5861 §4.
    #[test]
    fn errors_are_the_four_of_the_rfc() {
        let errors: Vec<_> =
            (100..=599).filter(|&code| is_error(StatusCode::from_u16(code).unwrap())).collect();
        assert_eq!(errors, [500, 502, 503, 504]);
    }
}
