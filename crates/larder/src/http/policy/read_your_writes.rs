//! How a route's clients see their own writes on every instance.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_core::key::cookies;
use larder_core::log::token::{NotAToken, Token};

use crate::http::policy::Policy;
use crate::http::policy::error::ConfigErrorKind;

/// Lets clients see their own writes at once, whichever instance answers them.
///
/// The response to each request with an unsafe method carries a [`Token`](crate::Token): how much of the invalidation log this instance
/// knew then. A request that brings it is answered from what is stored only by an instance that knows at least as much. One
/// that does not yet waits, at most 100 ms unless [`wait`](Self::wait) says otherwise, and then asks the handler (`BYPASS`, with the reason
/// `read-your-writes`). So does one that cannot tell: Redis was restarted since the write, or could not be told of it
/// and another instance is asked.
///
/// The token is not part of the key, is taken out of the request before the handler sees it, and is never stored. Without a shared
/// store, only this process knows what its tokens mean. What was invalidated *softly* may be served stale to its writer too.
///
/// ```
/// use larder::{Cache, Policy, ReadYourWrites, ttl};
///
/// let cache = Cache::default();
/// let policy = Policy::ttl(ttl::STANDARD)
///     .tag("product:{id}")
///     .read_your_writes(ReadYourWrites::cookie("__Host-seen"));
/// let layer = cache.layer(policy); // around both the `GET` and the `PUT`
/// ```
#[derive(Debug, Clone)]
pub struct ReadYourWrites {
    carrier: Carrier,
    secure: bool,
    pub(crate) wait: Duration,
}

#[derive(Debug, Clone)]
enum Carrier {
    Cookie(Box<str>),
    Header(HeaderName),
}

/// A token as a request brought it.
pub(crate) type RequestToken = Result<Token, NotAToken>;

/// Usually the log is a millisecond behind.
const DEFAULT_WAIT: Duration = Duration::from_millis(100);
/// Nobody waits without bound, whatever a token says.
const MAX_TOKEN_WAIT: Duration = Duration::from_secs(10);
/// A cookie's life is in whole seconds, and a response takes its time.
const COOKIE_MARGIN: Duration = Duration::from_secs(1);
/// An invalidation that the log has not been told reaches the other instances when the log is reached again, which nobody
/// knows.
const DEFERRED_COOKIE_AGE: Duration = Duration::from_secs(60);

impl ReadYourWrites {
    /// The token travels in a cookie of this name: browsers need nothing else.
    ///
    /// It is sent with `Path=/; HttpOnly; SameSite=Lax`, and `Secure` if [`secure`](Self::secure) is said or the name
    /// begins with `__Host-` or `__Secure-`, as browsers ask for. It lives a second longer than `max_staleness`, after which every
    /// instance knows of the write anyway, or a minute if Redis could not be told of it.
    ///
    /// The policy declares this cookie, as [`Policy::ignore_cookie`] would. With a name that begins with `__Host-`,
    /// nobody but this host can set it.
    #[must_use]
    pub fn cookie(name: &str) -> Self {
        let secure = ["__Host-", "__Secure-"].iter().any(|prefix| name.starts_with(prefix));
        Self { carrier: Carrier::Cookie(name.into()), secure, wait: DEFAULT_WAIT }
    }

    /// The token travels in a header field of this name, in responses and in requests: for clients that are programs.
    ///
    /// Such a client keeps the last token that it was given, sends it with each request, writes too, and forgets it after
    /// `max_staleness`.
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self { carrier: Carrier::Header(name), secure: false, wait: DEFAULT_WAIT }
    }

    /// For at most so long does a request wait until this instance knows of the write that it brings the token of; 100 ms by
    /// default, at most ten seconds. With zero it asks the handler at once.
    #[must_use]
    pub const fn wait(mut self, at_most: Duration) -> Self {
        self.wait = at_most;
        self
    }

    /// Browsers send the cookie over TLS alone.
    #[must_use]
    pub const fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Takes the token out of a request, so that neither a handler nor `Vary` sees it. Of several, none can be told to be
    /// the right one.
    pub(crate) fn take(&self, request: &mut HeaderMap) -> Option<RequestToken> {
        match &self.carrier {
            Carrier::Cookie(name) => take_cookie(request, name),
            Carrier::Header(name) => {
                let brought = single_value(request.get_all(name).iter().map(HeaderValue::as_bytes));
                request.remove(name);
                brought
            }
        }
    }

    /// Puts the token into a response.
    pub(crate) fn set(&self, token: &Token, response: &mut HeaderMap, max_staleness: Duration) {
        // Nothing that a token or a name of a cookie is made of cannot stand in a field.
        match &self.carrier {
            Carrier::Cookie(name) => {
                let life =
                    if token.is_deferred() { DEFERRED_COOKIE_AGE.max(max_staleness) } else { max_staleness };
                let seconds = life.as_secs() + u64::from(life.subsec_nanos() > 0) + COOKIE_MARGIN.as_secs();
                let secure = if self.secure { "; Secure" } else { "" };
                let cookie =
                    format!("{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
                if let Ok(cookie) = HeaderValue::try_from(cookie) {
                    remove_cookie(response, name);
                    response.append(SET_COOKIE, cookie);
                }
            }
            Carrier::Header(name) => {
                if let Ok(token) = HeaderValue::try_from(token.to_string()) {
                    response.insert(name.clone(), token);
                }
            }
        }
    }
}

/// RFC 6265 §4.1.1: "Servers SHOULD NOT include more than one Set-Cookie header field in the same response with the same
/// cookie-name." A layer further in may have set it.
fn remove_cookie(response: &mut HeaderMap, name: &str) {
    let ours = |value: &HeaderValue| {
        value.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
    };
    if !response.get_all(SET_COOKIE).iter().any(ours) {
        return;
    }
    let others: Vec<_> = response.get_all(SET_COOKIE).iter().filter(|value| !ours(value)).cloned().collect();
    response.remove(SET_COOKIE);
    response.extend(others.into_iter().map(|value| (SET_COOKIE, value)));
}

fn single_value<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<RequestToken> {
    let first = values.next()?;
    let text = match values.next() {
        None => std::str::from_utf8(first).map_err(|_| NotAToken),
        Some(_) => Err(NotAToken),
    };
    Some(text.and_then(str::parse))
}

fn take_cookie(request: &mut HeaderMap, name: &str) -> Option<RequestToken> {
    let ours = |found: &[u8]| found == name.as_bytes();
    let brought = single_value(
        cookies::names_and_values(request).filter(|(found, _)| ours(found)).map(|(_, value)| value),
    )?;
    let others: Vec<_> = cookies::names_and_values(request).filter(|(found, _)| !ours(found)).collect();
    let mut line = Vec::new();
    for (name, value) in others {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        // One without a name is written without `=`, as it came.
        if !name.is_empty() {
            line.extend_from_slice(name);
            line.push(b'=');
        }
        line.extend_from_slice(value);
    }
    request.remove(COOKIE);
    if let Some(line) = HeaderValue::from_bytes(&line).ok().filter(|line| !line.is_empty()) {
        request.insert(COOKIE, line);
    }
    Some(brought)
}

impl Policy {
    /// Lets clients see their own writes at once, whichever instance answers them: see [`ReadYourWrites`]. Not by
    /// default, when they may see the time before a write for up to `max_staleness` on other instances than the one
    /// that wrote.
    #[must_use]
    pub fn read_your_writes(mut self, how: ReadYourWrites) -> Self {
        if let Carrier::Cookie(name) = &how.carrier {
            let name = self.validated_cookie_name(name);
            self.cookies.ignored.push(name);
        }
        if how.wait > MAX_TOKEN_WAIT {
            self.record_error(ConfigErrorKind::Wait, &format!("{:?}", how.wait));
        }
        self.request_rules_mut().own_writes = Some(how);
        self
    }

    /// A token in the key would give every write a response of its own.
    pub(super) fn token_in_key(&self) -> Option<&str> {
        match &self.own_writes()?.carrier {
            Carrier::Cookie(name) => self.cookies.keyed.contains(name).then_some(name),
            Carrier::Header(name) => self.key_headers.contains(name).then(|| name.as_str()),
        }
    }
}
