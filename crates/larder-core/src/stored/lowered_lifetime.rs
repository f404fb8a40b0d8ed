//! Lifetimes that a policy has lowered since a response was stored.

use std::time::Duration;

use super::StoredResponse;
use crate::http::freshness::Lifetime;
use crate::http::storable::{StoreRules, lifetime_by_rules};
use crate::lifetime::jitter::Jitter;

/// Limits the lifetime of a stored response to the one that the current rules give it.
///
/// The rules may have changed since it was stored, for example with a deploy. What the response
/// states in its fields and what its handler has set is not limited. Nothing becomes longer, since
/// the response was stored with a promise to be fresh for no longer.
///
/// A response that these rules would not store is stale at once.
pub fn limit_lifetime(rules: &StoreRules, jitter: Jitter, stored: &mut StoredResponse) {
    if is_within_defaults(rules, jitter, stored) {
        return;
    }
    let meta = &mut stored.meta;
    let current = lifetime_by_rules(rules, stored.status, &stored.headers, meta.response_time);
    let (lifetime, by_handler) = (&mut meta.lifetime, meta.flags.by_handler);
    if !by_handler.fresh && lifetime.fresh > jitter.longest(current.fresh) {
        lifetime.fresh = current.fresh;
    }
    limit(&mut lifetime.while_revalidate, current.while_revalidate, by_handler.while_revalidate);
    limit(&mut lifetime.if_error, current.if_error, by_handler.if_error);
}

fn limit(window: &mut Duration, most: Duration, by_handler: bool) {
    if !by_handler {
        *window = most.min(*window);
    }
}

/// Whether nothing can be over the limit, by the defaults of the rules alone.
///
/// This is so for most responses, and takes no look at their fields.
fn is_within_defaults(rules: &StoreRules, jitter: Jitter, stored: &StoredResponse) -> bool {
    let Lifetime { fresh, while_revalidate, if_error } = stored.meta.lifetime;
    let default = rules.statuses.lifetime_of(stored.status, rules.lifetime.fresh);
    default.is_some_and(|default| fresh <= jitter.longest(default))
        && while_revalidate <= rules.lifetime.while_revalidate
        && if_error <= rules.lifetime.if_error
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue, StatusCode};

    use super::*;
    use crate::http::heuristic::Heuristic;
    use crate::http::response_flags::{ResponseFlags, SetByHandler};
    use crate::http::storable::StatusRules;
    use crate::invalidation::names::Names;
    use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};
    use crate::stored::Meta;
    use crate::time::WallTime;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const NOVEMBER: WallTime = WallTime::from_unix_millis(784_111_777_000);

    const STORED: Lifetime = lifetime(100, 20, 30);
    const BY_POLICY: SetByHandler = SetByHandler { fresh: false, while_revalidate: false, if_error: false };

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn lifetime(fresh: u64, while_revalidate: u64, if_error: u64) -> Lifetime {
        Lifetime { fresh: secs(fresh), while_revalidate: secs(while_revalidate), if_error: secs(if_error) }
    }

    fn field((name, value): &(&'static str, &str)) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    }

    fn stored(status: u16, lines: &[(&'static str, &str)], by_handler: SetByHandler) -> StoredResponse {
        let watermark = Watermark { log: LogId::ZERO, local: 0 };
        StoredResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: lines.iter().map(field).collect(),
            body: Bytes::new(),
            meta: Meta {
                key: "k".into(),
                selecting: Box::default(),
                names: Names::new("/", &[], &[], &[]),
                position: Position { incarnation: Incarnation::from_bytes([0; 16]), watermark },
                response_time: NOVEMBER,
                initial_age: secs(0),
                lifetime: STORED,
                cost: secs(0),
                flags: ResponseFlags { by_handler, ..ResponseFlags::default() },
                part: None,
            },
        }
    }

    fn limited(rules: &StoreRules, jitter: Jitter, mut stored: StoredResponse) -> Lifetime {
        limit_lifetime(rules, jitter, &mut stored);
        stored.meta.lifetime
    }

    fn rules(lifetime: Lifetime) -> StoreRules {
        StoreRules { lifetime, ..StoreRules::default() }
    }

    #[test]
    fn each_part_is_limited_and_nothing_becomes_longer() {
        for (rules_now, expected) in [
            (lifetime(100, 20, 30), STORED),
            (lifetime(500, 500, 500), STORED),
            (lifetime(60, 20, 30), lifetime(60, 20, 30)),
            (lifetime(100, 0, 500), lifetime(100, 0, 30)),
            (lifetime(500, 20, 3), lifetime(100, 20, 3)),
        ] {
            let found = limited(&rules(rules_now), Jitter::OFF, stored(200, &[], BY_POLICY));
            assert_eq!(found, expected, "{rules_now:?}");
        }
    }

    /// A lifetime that was varied at random is not a lowered one.
    #[test]
    fn a_lifetime_within_the_jitter_stays() {
        let found = |fresh, jitter| {
            let rules = rules(lifetime(fresh, 20, 30));
            limited(&rules, Jitter::new(jitter).unwrap(), stored(200, &[], BY_POLICY)).fresh
        };
        assert_eq!(found(96, 0.05), secs(100));
        assert_eq!(found(95, 0.05), secs(95));
        assert_eq!(found(96, 0.0), secs(96));
    }

    #[test]
    fn fields_and_handlers_are_not_limited() {
        let low = rules(lifetime(1, 1, 1));
        let found = |lines: &[(&'static str, &str)], by_handler| {
            limited(&low, Jitter::OFF, stored(200, lines, by_handler))
        };
        let all = "max-age=100, stale-while-revalidate=20, stale-if-error=30";
        assert_eq!(found(&[("cache-control", all)], BY_POLICY), STORED);
        assert_eq!(found(&[("cache-control", "max-age=100")], BY_POLICY), lifetime(100, 1, 1));
        // The fields of the stored response are the same as when it was stored.
        assert_eq!(found(&[("cache-control", "max-age=50")], BY_POLICY), lifetime(50, 1, 1));
        let fresh = SetByHandler { fresh: true, ..BY_POLICY };
        assert_eq!(found(&[], fresh), lifetime(100, 1, 1));
        let windows = SetByHandler { while_revalidate: true, if_error: true, fresh: false };
        assert_eq!(found(&[], windows), lifetime(1, 20, 30));
    }

    #[test]
    fn a_status_has_its_own_lifetime_and_one_that_is_not_stored_any_more_has_none() {
        let with = |statuses| StoreRules { statuses, ..rules(STORED) };
        let not_found = StatusRules::default().with(StatusCode::NOT_FOUND, Some(secs(10)));
        let found = |rules: &StoreRules, status| limited(rules, Jitter::OFF, stored(status, &[], BY_POLICY));
        assert_eq!(found(&with(not_found.clone()), 404), lifetime(10, 20, 30));
        assert_eq!(found(&with(not_found), 200), STORED);
        assert_eq!(found(&with(StatusRules::default()), 404), Lifetime::default());
    }

    /// RFC 9111 §4.2.2: the heuristic lifetime follows from the fields.
    #[test]
    fn a_heuristic_lifetime_has_the_current_limit() {
        let with = |most| StoreRules {
            heuristic: Some(Heuristic::up_to(secs(most))),
            require_explicit: true,
            ..rules(lifetime(0, 20, 30))
        };
        let modified = &[("last-modified", "Sat, 05 Nov 1994 08:49:37 GMT")];
        for (most, expected) in [(86_400, 100), (40, 40)] {
            let found = limited(&with(most), Jitter::OFF, stored(200, modified, BY_POLICY));
            assert_eq!(found.fresh, secs(expected), "{most}");
        }
    }
}
