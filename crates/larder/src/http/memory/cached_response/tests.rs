use larder_core::http::reuse::{Reuse, reuse};

use super::*;
use crate::testing::after;
use crate::testing::now;
use crate::testing::stored;

/// The short check must agree with the rule.
///
/// This includes requests that read the clock before the response arrived.
#[test]
fn unconditional_freshness_agrees_with_the_rule_of_reuse() {
    let nanos = Duration::from_nanos;
    let minute = Duration::from_secs(60);
    for age in [Duration::ZERO, nanos(1), minute - nanos(1), minute, minute + nanos(1)] {
        let mut stored = stored("k", "");
        stored.meta.initial_age = age;
        let cached = CachedResponse::from_fill(stored, Some(now()), after(minute));
        for at in [Duration::ZERO, minute - nanos(1), minute, minute + nanos(1), minute * 2, minute * 3] {
            let at = after(at);
            let rule = reuse(&cached.candidate(Verdict::Valid, true, at), None);
            let short =
                cached.is_unconditionally_fresh(at).then(|| Reuse::Fresh { left: cached.fresh_for(at) });
            assert_eq!(short.is_some(), matches!(rule, Reuse::Fresh { .. }), "{age:?} {at:?}");
            assert!(short.is_none_or(|short| short == rule), "{age:?} {at:?} {rule:?}");
        }
    }
}
