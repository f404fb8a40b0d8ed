//! Validation of a policy while it is built.

use std::time::Duration;

use larder_core::key::template::Template;

use crate::engine::config_error::{ConfigError, ConfigErrorKind, check_lifetime};
use crate::http::policy::Policy;

/// Validation.
impl Policy {
    /// Returns the policy, or an error if a value in it is invalid.
    ///
    /// # Errors
    ///
    /// Returns an error that names the first invalid value of the chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let error = Policy::ttl(ttl::STANDARD).tag("product:{id").validate().unwrap_err();
    /// assert!(error.to_string().contains("product:{id"));
    /// ```
    pub fn validate(self) -> Result<Self, ConfigError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if self.keys_codings() {
            let name = http::header::ACCEPT_ENCODING.as_str();
            return Err(ConfigError::new(ConfigErrorKind::KeyedCodings, name));
        }
        match self.token_in_key() {
            Some(name) => Err(ConfigError::new(ConfigErrorKind::KeyedToken, name)),
            None => Ok(self),
        }
    }

    /// Returns the lifetime, and records an error if it is out of range. `what` names its role.
    pub(super) fn validated_lifetime(&mut self, what: &str, lifetime: Duration) -> Duration {
        if let Err(error) = check_lifetime(what, lifetime) {
            self.problem.get_or_insert(error);
        }
        lifetime
    }

    /// Returns the parsed template, or records an error and returns `None`.
    pub(super) fn parsed_template(&mut self, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.record_error(ConfigErrorKind::Template, &error.to_string());
                None
            }
        }
    }

    /// Returns the name, and records an error if it is not a token (RFC 6265 §4.1.1).
    pub(super) fn validated_cookie_name(&mut self, name: &str) -> Box<str> {
        let token = |byte: u8| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?={}"#.contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            self.record_error(ConfigErrorKind::Cookie, name);
        }
        name.into()
    }

    /// Records an error, unless there is one already. Later errors may follow from the first one.
    pub(super) fn record_error(&mut self, kind: ConfigErrorKind, what: &str) {
        self.problem.get_or_insert_with(|| ConfigError::new(kind, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ttl;
    use crate::http::policy::downstream::Downstream;
    use crate::http::policy::read_your_writes::ReadYourWrites;
    use http::StatusCode;
    use http::header::FROM;

    #[test]
    fn a_limit_of_zero_is_refused() {
        let policy = || Policy::ttl(ttl::STANDARD);
        for (policy, expected) in
            [(policy().max_body(0), "max_body 0"), (policy().max_reruns(0), "max_reruns 0")]
        {
            let error = policy.validate().unwrap_err();
            assert_eq!(error.to_string(), format!("{expected}: a limit of zero lets nothing through"));
        }
    }

    #[test]
    fn an_invalid_value_is_named() {
        let fine = || Policy::ttl(ttl::STANDARD);
        let second = Duration::from_secs(1);
        let cookie = ReadYourWrites::cookie;
        let cases = [
            (
                Policy::ttl(Duration::ZERO),
                "a freshness lifetime of 0ns is not between a millisecond and a year",
            ),
            (Policy::ttl(Duration::MAX), "is not between a millisecond and a year"),
            (fine().stale_if_error(Duration::MAX), "a stale-if-error window of"),
            (
                fine().stale_while_revalidate(Duration::from_micros(999)),
                "a stale-while-revalidate window of 999µs",
            ),
            (fine().status(StatusCode::NOT_FOUND, Duration::ZERO), "a lifetime of a status of 0ns"),
            (
                fine().status(StatusCode::PARTIAL_CONTENT, second),
                "responses with status 206 cannot be stored",
            ),
            (Policy::rfc9111().heuristic_freshness(Duration::ZERO), "a heuristic lifetime of 0ns"),
            (fine().fill_timeout(Duration::from_millis(99)), "a fill_timeout of 99ms is not between"),
            (fine().fill_timeout(601 * second), "a fill_timeout of 601s is not between"),
            (fine().unknown_length_wait(11 * second), "an unknown_length_wait of 11s is over 10 seconds"),
            (fine().retry_after_error(61 * second), "a retry_after_error of 61s is over a minute"),
            (fine().replica_lag(Duration::ZERO), "a replica_lag of 0ns is not between"),
            (fine().replica_lag(3601 * second), "a replica_lag of 3601s is not between"),
            (fine().downstream(Downstream::new().browser(Duration::MAX)), "a browser lifetime of"),
            (fine().downstream(Downstream::new().cdn(Duration::MAX)), "a CDN lifetime of"),
            (fine().error_status(StatusCode::OK), "200 is not the status code of an error"),
            (fine().serve_stale_after(Duration::ZERO), "a serve_stale_after of 0ns is not between"),
            (fine().tag("a:{b"), "a:{b"),
            (fine().key(""), "is empty"),
            (fine().key("a:{b}{?}"), "a query parameter without a name"),
            (fine().tag("a:{b}{?c}"), "at the end of the template of a key"),
            (fine().invalidates("a:{b"), "a:{b"),
            (fine().jitter(0.6), "a jitter of 0.6 is not between 0 and 0.5"),
            (fine().jitter(f64::NAN), "a jitter of NaN"),
            (fine().early_refresh(-1.0), "a beta of -1 is not between 0 and 1000"),
            (fine().early_refresh(f64::INFINITY), "a beta of inf"),
            (fine().key_cookie("a=b"), "\"a=b\" cannot be the name of a cookie"),
            (fine().ignore_cookie(""), "\"\" cannot be the name of a cookie"),
            (fine().read_your_writes(cookie("a b")), "\"a b\" cannot be the name of a cookie"),
            (fine().read_your_writes(cookie("a").wait(11 * second)), "a wait of 11s is over ten seconds"),
            (fine().read_your_writes(cookie("a")).key_cookie("a"), "\"a\" carries tokens"),
            (
                fine().key_header(FROM).read_your_writes(ReadYourWrites::header(FROM)),
                "\"from\" carries tokens",
            ),
        ];
        for (policy, expected) in cases {
            let error = policy.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} does not contain {expected:?}");
        }
        assert!(Policy::ttl(Duration::from_millis(1)).stale_if_error(second / 2).validate().is_ok());
        assert!(fine().tag("a:{b}").key("c:{d}").status(StatusCode::NOT_FOUND, second).validate().is_ok());
        assert!(fine().downstream(Downstream::new().browser(Duration::ZERO).cdn(second)).validate().is_ok());
        assert!(fine().jitter(0.0).jitter(0.5).early_refresh(0.0).early_refresh(1000.0).validate().is_ok());
    }

    #[test]
    fn the_first_of_several_mistakes_is_reported() {
        let error = Policy::ttl(Duration::ZERO).max_body(0).validate().unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::Lifetime);
    }
}
