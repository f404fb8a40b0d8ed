//! The host in the key.

use std::borrow::Cow;

use crate::http::policy::Policy;
use crate::http::policy::key::KeySource;
use crate::http::request::target_uri::TargetUri;

/// The method for services with many hosts.
impl Policy {
    /// Shares responses between all hosts under which a service is reached.
    ///
    /// The host is then not in the key. Use this for a service whose responses do not depend on it,
    /// such as one behind a load balancer that sends the addresses of instances as `Host`. All
    /// instances that share a store need it for a route, or none.
    ///
    /// An invalidation of a URI on one host, by a write or by a [`UriName`](crate::UriName),
    /// reaches the responses of that URI on every host. This applies to all routes of the cache.
    ///
    /// Default: off. Each host has its own responses.
    ///
    /// # Security
    ///
    /// A client can send any `Host`, and so can choose what the others get if a response contains
    /// it: in an absolute link, a redirect, or the choice of a tenant. A service that reads the
    /// host needs it in the key.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let internal = Policy::ttl(ttl::STANDARD).ignore_host();
    /// ```
    #[must_use]
    pub fn ignore_host(mut self) -> Self {
        self.ignores_host = true;
        if self.key.is_uri() {
            self.key = KeySource::UriOnAnyHost;
        }
        self
    }
}

impl Policy {
    /// Returns the target of a request, with the host only if responses depend on it.
    ///
    /// The names of a response and of a write follow from it. Both are then names on every host.
    pub(crate) fn target<'a>(&self, target: TargetUri<'a>) -> TargetUri<'a> {
        if self.ignores_host { TargetUri { authority: Cow::Borrowed(""), ..target } } else { target }
    }

    /// Returns the origin to which the groups of a request with this target belong.
    pub(crate) fn group_origin(&self, target: &TargetUri<'_>) -> Box<str> {
        if self.ignores_host { "//".into() } else { target.origin() }
    }
}
