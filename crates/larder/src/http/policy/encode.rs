//! The content codings that the cache applies to stored responses.

use http::header::ACCEPT_ENCODING;
use larder_core::http::content_coding::ContentCoding;

use crate::http::policy::Policy;

/// Methods for content codings.
impl Policy {
    /// Codes stored responses, each once for each of these content codings.
    ///
    /// One response is stored for all spellings of `Accept-Encoding`. The handler is asked for it
    /// without a coding. At the first request that prefers a coding, the response is coded in the
    /// background, and that request gets the response without it. The coded form is then kept
    /// beside the stored response, in memory and in the shared store, and goes with it: it is never
    /// served after an invalidation of the response, or beside a newer one.
    ///
    /// A request gets the coding with the highest weight, and of several the first in this list. A
    /// request that accepts no response without a coding (`identity;q=0`) waits for the coded form.
    ///
    /// Responses get `Vary: Accept-Encoding`, and each coded form has a strong `ETag` of its own.
    /// Conditional requests, ranges and `HEAD` apply to the form that the request gets. A client
    /// that has the response without a coding gets a 304 or the rest of it, and not another form.
    ///
    /// These responses are not coded:
    ///
    /// * what is not stored, such as the response to a request with credentials. Put a
    ///   `CompressionLayer` around the cache for those. It leaves coded responses alone.
    /// * a response with a `Content-Encoding` of the handler, with `no-transform`, or with a digest
    ///   or a signature of its bytes
    /// * statuses other than 200, and parts
    /// * bodies under 1 KiB or over 8 MiB
    /// * images other than SVG, audio, video, archives, web fonts, gRPC, and streams of events
    /// * bodies that would not become smaller
    ///
    /// A layer that compresses inside of the cache has nothing to do any more. Responses that a
    /// handler codes although it was asked not to are stored like any other.
    ///
    /// At most half of the cores code at a time. An empty list turns coding off.
    ///
    /// Default: off. Requires the feature `encode`.
    ///
    /// # Writes with preconditions
    ///
    /// The tag of a coded form is unknown to the handler. If clients send it back in the `If-Match`
    /// of a write, the handler refuses the write with 412. Do not use this for such resources.
    ///
    /// # Security
    ///
    /// Compression reveals secrets of a body that also has text of an attacker, by its length
    /// (BREACH). A stored response has the secrets of no request, unless the policy stores
    /// responses of each user. Do not code responses that contain both.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::ContentCoding::{Br, Gzip, Zstd};
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).encode([Br, Zstd, Gzip]);
    /// ```
    #[cfg(feature = "encode")]
    #[cfg_attr(docsrs, doc(cfg(feature = "encode")))]
    #[must_use]
    pub fn encode(mut self, codings: impl IntoIterator<Item = ContentCoding>) -> Self {
        let mut all: Vec<_> = Vec::new();
        for coding in codings {
            if !all.contains(&coding) {
                all.push(coding);
            }
        }
        self.request_rules_mut().codings = all.into();
        self
    }
}

impl Policy {
    /// Returns the codings that the cache applies to stored responses, the preferred one first.
    #[inline]
    pub(crate) fn codings(&self) -> &[ContentCoding] {
        self.request_rules.as_ref().map_or(&[], |rules| &rules.codings)
    }

    /// Whether the key has each spelling of `Accept-Encoding`, although the cache codes responses.
    pub(super) fn keys_codings(&self) -> bool {
        !self.codings().is_empty() && self.key_headers.contains(&ACCEPT_ENCODING)
    }
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    use super::*;
    use crate::engine::config_error::ConfigErrorKind;
    use crate::engine::ttl;

    #[test]
    fn each_coding_is_named_once_in_the_order_of_the_policy() {
        use ContentCoding::{Br, Gzip};
        let policy = Policy::ttl(ttl::STANDARD).encode([Gzip, Br, Gzip]);
        assert_eq!(policy.codings(), [Gzip, Br]);
        assert!(policy.encode([]).codings().is_empty());
        assert!(Policy::ttl(ttl::STANDARD).codings().is_empty());
    }

    #[test]
    fn a_key_with_the_codings_is_refused() {
        let keyed = || Policy::ttl(ttl::STANDARD).key_header(ACCEPT_ENCODING);
        let error = keyed().encode([ContentCoding::Br]).validate().unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::KeyedCodings);
        assert_eq!(error.to_string(), "a policy that codes responses cannot have accept-encoding in its key");
        assert!(keyed().validate().is_ok());
        assert!(keyed().encode([]).validate().is_ok());
    }
}
