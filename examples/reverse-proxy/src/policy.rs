//! The policy of the cache: the origin's header fields decide.

use larder::Policy;

use crate::args::Args;

const MIB: usize = 1024 * 1024;

/// Returns the policy for everything behind the proxy.
pub(crate) fn policy(args: &Args) -> Policy {
    let mut policy = Policy::rfc9111().max_body(usize::from(args.max_body) * MIB);
    if args.obey_requests {
        policy = policy.honor_request_directives();
    }
    if args.store_set_cookie {
        policy = policy.store_set_cookie();
    }
    if args.store_partial {
        policy = policy.store_partial();
    }
    if args.sort_languages {
        policy = policy.sort_languages();
    }
    if args.no_vary_search {
        policy = policy.no_vary_search();
    }
    if let Some(window) = args.stale_if_error {
        policy = policy.stale_if_error(window);
    }
    let policy = args.targets.iter().cloned().fold(policy, Policy::targeted_cache_control);
    args.tags_from.iter().cloned().fold(policy, Policy::tags_from)
}
