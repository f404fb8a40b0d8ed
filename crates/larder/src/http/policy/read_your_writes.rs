//! Consistency tokens, with which clients read their own writes on every instance.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_core::invalidation::token::{ConsistencyToken, ParseTokenError};
use larder_core::key::cookies;

use crate::engine::config_error::ConfigErrorKind;
use crate::http::policy::Policy;

/// Lets clients read their own writes at once, on every instance.
///
/// The response to each request with an unsafe method carries a
/// [token](crate::ConsistencyToken). It says how much of the invalidation log this instance knew at
/// that time. A later request sends the token back, and only an instance that knows at least as
/// much answers it with a stored response. Any other instance first waits until it knows as much.
/// After 100 ms, or the limit that [`wait`](Self::wait) sets, it runs the handler instead
/// (`BYPASS`, with the reason `read-your-writes`).
///
/// An instance that cannot compare the token runs the handler too. This happens if Redis was
/// restarted since the write, or if the write was deferred on another instance because Redis could
/// not be reached.
///
/// The token is not part of the key and is never stored. It is removed from the request before the
/// handler gets it. Without a shared store, only the process that issued a token can compare it. A
/// response that was invalidated *softly* may be served stale, even to the client that wrote.
///
/// # Examples
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

/// A token from a request.
pub(crate) type RequestToken = Result<ConsistencyToken, ParseTokenError>;

/// The default of [`ReadYourWrites::wait`]. The log is usually a millisecond behind.
const DEFAULT_WAIT: Duration = Duration::from_millis(100);
/// The maximum of [`ReadYourWrites::wait`], so that no token makes a request wait without limit.
const MAX_TOKEN_WAIT: Duration = Duration::from_secs(10);
/// The time that is added to the lifetime of a cookie.
///
/// A cookie counts whole seconds, and the response takes time to arrive.
const COOKIE_MARGIN: Duration = Duration::from_secs(1);
/// The minimum lifetime of a cookie for a deferred invalidation.
///
/// Such an invalidation reaches the other instances once the log can be reached again. That time is
/// not known in advance.
const DEFERRED_COOKIE_AGE: Duration = Duration::from_secs(60);

impl ReadYourWrites {
    /// Sends the token in a cookie with this name. Browsers need no further code.
    ///
    /// The cookie has the attributes `Path=/; HttpOnly; SameSite=Lax`. It also has `Secure` if
    /// [`secure`](Self::secure) is called, or if the name begins with `__Host-` or `__Secure-`, as
    /// browsers require.
    ///
    /// The cookie expires a second after `max_staleness`, when every instance knows of the write
    /// anyway. If the write was deferred because Redis could not be reached, the cookie lives for a
    /// minute.
    ///
    /// The policy declares this cookie, like [`Policy::ignore_cookie`]. If the name begins with
    /// `__Host-`, only this host can set the cookie.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ReadYourWrites, ttl};
    ///
    /// let cookie = ReadYourWrites::cookie("__Host-seen");
    /// let policy = Policy::ttl(ttl::STANDARD).read_your_writes(cookie);
    /// ```
    #[must_use]
    pub fn cookie(name: &str) -> Self {
        let secure = ["__Host-", "__Secure-"].iter().any(|prefix| name.starts_with(prefix));
        Self { carrier: Carrier::Cookie(name.into()), secure, wait: DEFAULT_WAIT }
    }

    /// Sends the token in a header field with this name, for clients that are not browsers.
    ///
    /// Responses and requests use the same field. A client keeps the last token that it received,
    /// and sends it with each request, including writes. It can drop the token after
    /// `max_staleness`.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::{Policy, ReadYourWrites, ttl};
    ///
    /// let field = ReadYourWrites::header(HeaderName::from_static("larder-token"));
    /// let policy = Policy::ttl(ttl::STANDARD).read_your_writes(field);
    /// ```
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self { carrier: Carrier::Header(name), secure: false, wait: DEFAULT_WAIT }
    }

    /// Sets how long a request waits until this instance knows of the write in its token.
    ///
    /// Default: 100 ms. Minimum: 0 s, with which the handler runs at once. Maximum: 10 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::ReadYourWrites;
    ///
    /// let cookie = ReadYourWrites::cookie("__Host-seen").wait(Duration::from_millis(300));
    /// ```
    #[must_use]
    pub const fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Adds `Secure` to the cookie, so that browsers only send it over TLS.
    ///
    /// Default: only for names that begin with `__Host-` or `__Secure-`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::ReadYourWrites;
    ///
    /// let cookie = ReadYourWrites::cookie("seen").secure();
    /// ```
    #[must_use]
    pub const fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// Removes the token from a request and returns it.
    ///
    /// Handlers and `Vary` then don't see it. Several tokens are an error, because it is unknown
    /// which of them is the right one.
    pub(crate) fn take(&self, request: &mut HeaderMap) -> Option<RequestToken> {
        match &self.carrier {
            Carrier::Cookie(name) => take_cookie(request, name),
            Carrier::Header(name) => {
                let token = single_value(request.get_all(name).iter().map(HeaderValue::as_bytes));
                request.remove(name);
                token
            }
        }
    }

    /// Adds the token to a response.
    pub(crate) fn set(&self, token: &ConsistencyToken, response: &mut HeaderMap, max_staleness: Duration) {
        // Every character of a token and of a cookie's name is valid in a field, so this cannot
        // fail.
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

/// Removes the `Set-Cookie` with this cookie name, which a layer further in may have set.
///
/// RFC 6265 §4.1.1: "Servers SHOULD NOT include more than one Set-Cookie header field in the same
/// response with the same cookie-name."
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

/// Parses the only value. Returns `None` if there is no value, and an error if there are several.
fn single_value<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<RequestToken> {
    let first = values.next()?;
    let text = match values.next() {
        None => std::str::from_utf8(first).map_err(|_| ParseTokenError),
        Some(_) => Err(ParseTokenError),
    };
    Some(text.and_then(str::parse))
}

/// Removes the cookies with this name from a request, and returns their token.
fn take_cookie(request: &mut HeaderMap, name: &str) -> Option<RequestToken> {
    let ours = |found: &[u8]| found == name.as_bytes();
    let token = single_value(
        cookies::names_and_values(request).filter(|(found, _)| ours(found)).map(|(_, value)| value),
    )?;
    let others: Vec<_> = cookies::names_and_values(request).filter(|(found, _)| !ours(found)).collect();
    let mut line = Vec::new();
    for (name, value) in others {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        // A cookie without a name is written without `=`, as it was sent.
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
    Some(token)
}

/// Methods for consistency tokens.
impl Policy {
    /// Lets clients read their own writes at once, on every instance: see [`ReadYourWrites`].
    ///
    /// Default: off. After a write, clients may then see the state before it for up to
    /// `max_staleness`, on all instances but the one that handled the write.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ReadYourWrites, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD)
    ///     .tag("product:{id}")
    ///     .read_your_writes(ReadYourWrites::cookie("__Host-seen"));
    /// ```
    #[must_use]
    pub fn read_your_writes(mut self, options: ReadYourWrites) -> Self {
        if let Carrier::Cookie(name) = &options.carrier {
            let name = self.validated_cookie_name(name);
            self.cookies.ignored.push(name);
        }
        if options.wait > MAX_TOKEN_WAIT {
            self.record_error(ConfigErrorKind::Wait, &format!("{:?}", options.wait));
        }
        self.request_rules_mut().own_writes = Some(options);
        self
    }

    /// Returns the name of the cookie or field with the token, if it is part of the key.
    ///
    /// That is an error: every write would get a response of its own.
    pub(super) fn token_in_key(&self) -> Option<&str> {
        match &self.own_writes()?.carrier {
            Carrier::Cookie(name) => self.cookies.keyed.contains(name).then_some(name),
            Carrier::Header(name) => self.key_headers.contains(name).then(|| name.as_str()),
        }
    }
}
