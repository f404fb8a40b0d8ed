//! The counters of all routes of a cache.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "metrics")]
use crate::engine::report::metrics::publisher::{Publish, Publisher};
use crate::engine::report::route_counters::RouteCounters;

/// The maximum number of routes with counters of their own.
///
/// The names of routes are those of the code, not of requests. But a program may have any number of
/// them, and each one costs several kilobytes.
const MAX_ROUTES: usize = 500;
/// The name that all further routes share.
pub(crate) const OTHER: &str = "other";

/// The lifetime class and the name of a route.
type RouteKey = (Box<str>, Box<str>);

/// The counters of all routes, by lifetime class and name.
#[derive(Default)]
pub(crate) struct RouteTable {
    routes: Mutex<BTreeMap<RouteKey, Arc<RouteCounters>>>,
    #[cfg(feature = "metrics")]
    publisher: Publisher,
}

impl RouteTable {
    /// Returns the counters of a route. They are the same for all layers.
    pub(crate) fn counters_of(self: &Arc<Self>, route: &str, class: &str) -> Arc<RouteCounters> {
        #[cfg(feature = "metrics")]
        self.publisher.run_for(self);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = routes.get(&(class.into(), route.into())).cloned();
        known.unwrap_or_else(|| {
            let route = if routes.len() < MAX_ROUTES { route } else { OTHER };
            let counters = routes.entry((class.into(), route.into()));
            Arc::clone(counters.or_insert_with(|| Arc::new(RouteCounters::new(route, class))))
        })
    }

    /// Returns the counters of all routes.
    pub(crate) fn all(&self) -> Vec<Arc<RouteCounters>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(feature = "metrics")]
impl Publish for RouteTable {
    fn publish(&self) {
        for route in self.all() {
            route.publish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_one_set_of_counters_for_each_class() {
        let table = Arc::new(RouteTable::default());
        let one = table.counters_of("/a", "standard");
        assert!(Arc::ptr_eq(&one, &table.counters_of("/a", "standard")));
        assert!(!Arc::ptr_eq(&one, &table.counters_of("/a", "static")));
        assert!(!Arc::ptr_eq(&one, &table.counters_of("/b", "standard")));
        assert_eq!(table.all().len(), 3);
    }

    #[test]
    fn routes_over_the_limit_share_their_counters() {
        let table = Arc::new(RouteTable::default());
        for number in 0..MAX_ROUTES + 10 {
            table.counters_of(&number.to_string(), "standard");
        }
        assert_eq!(table.all().len(), MAX_ROUTES + 1);
        let first = table.counters_of("0", "standard");
        let other = table.counters_of("one more", "standard");
        assert_eq!((first.stats().route.as_str(), other.stats().route.as_str()), ("0", OTHER));
    }
}
