//! Which statuses are stored.

use std::time::Duration;

use http::StatusCode;

/// Which statuses are stored: those of success (2xx) without 206, or all that are final, and those that were added.
///
/// 206 and 304 are parts and confirmations of other responses, and 1xx are not final (RFC 9111 §3): they are never
/// stored, even if they are added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusRules {
    every_final: bool,
    added: Vec<(StatusCode, Option<Duration>)>,
}

impl StatusRules {
    /// Stores every final status. That a response may be stored is then for its fields to say.
    #[must_use]
    pub const fn every_final() -> Self {
        Self { every_final: true, added: Vec::new() }
    }

    /// Stores this status too, with a default lifetime of its own, or with that of all others. The last word on a status
    /// holds.
    #[must_use]
    pub fn with(mut self, status: StatusCode, lifetime: Option<Duration>) -> Self {
        self.added.retain(|(known, _)| *known != status);
        self.added.push((status, lifetime));
        self
    }

    /// The default lifetime of responses with this status, where others have `default`; `None` if they are not stored.
    #[must_use]
    pub fn lifetime_of(&self, status: StatusCode, default: Duration) -> Option<Duration> {
        let never = status.is_informational()
            || matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED)
            // About a range that a request without one cannot have asked for, and that no key has.
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

/// Whether a response with this status is an error that `stale-if-error` is for.
///
/// RFC 5861 §4: "an error is any situation that would result in a 500, 502, 503, or 504 HTTP response status code being
/// returned."
#[must_use]
pub fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Whether all that is specified about caching this status is implemented here (RFC 9111 §3).
///
/// Those of RFC 9110 §15 that say that they may be cached, without 206.
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

    /// RFC 9111 §3: "the response status code is final", and 206 and 304 only where they are understood.
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
