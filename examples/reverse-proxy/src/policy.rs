//! What is stored, and for how long: what the origin's header fields say.

use larder::Policy;

const MIB: usize = 1024 * 1024;

/// The policy for everything behind the proxy.
pub(crate) fn policy(max_body_mib: u16) -> Policy {
    Policy::ttl(std::time::Duration::from_secs(1))
        .jitter(0.0)
        .early_refresh(0.0)
        .without_etag()
        .obey_requests()
        .max_body(usize::from(max_body_mib) * MIB)
}
