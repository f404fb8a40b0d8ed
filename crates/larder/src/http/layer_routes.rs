//! The counters of the routes of one layer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::engine::report::route_counters::RouteCounters;
use crate::engine::report::route_table::{OTHER, RouteTable};

/// The number of routes that a layer finds without a lock. Most layers have one route.
const UNLOCKED: usize = 8;
/// The maximum number of routes of one layer that are found by their names.
const MAX_ROUTES: usize = 1000;

/// The counters of the routes of one layer, by the name of the route.
#[derive(Debug)]
pub(crate) struct LayerRoutes {
    /// A number that no other layer has.
    pub(crate) layer: u64,
    /// The lifetime class of the policy.
    class: Box<str>,
    /// The route that the policy names, or the one without a name.
    own: OnceLock<Arc<RouteCounters>>,
    first: [OnceLock<NamedRoute>; UNLOCKED],
    others: RwLock<HashMap<Box<str>, Arc<RouteCounters>>>,
}

#[derive(Debug)]
struct NamedRoute {
    name: Box<str>,
    counters: Arc<RouteCounters>,
}

impl LayerRoutes {
    /// A number that no layer has.
    pub(crate) const NO_LAYER: u64 = 0;

    pub(crate) fn new(class: &str) -> Self {
        static LAYERS: AtomicU64 = AtomicU64::new(LayerRoutes::NO_LAYER + 1);
        let layer = LAYERS.fetch_add(1, Ordering::Relaxed);
        let (own, first, others) = (OnceLock::new(), Default::default(), RwLock::default());
        Self { layer, class: class.into(), own, first, others }
    }

    /// Calls `count` with the counters of the route that is not named by its path.
    #[inline]
    pub(crate) fn with_own<T>(
        &self,
        table: &Arc<RouteTable>,
        name: impl FnOnce() -> Arc<str>,
        count: impl FnOnce(&Arc<RouteCounters>) -> T,
    ) -> T {
        count(self.own.get_or_init(|| table.counters_of(&name(), &self.class)))
    }

    /// Calls `count` with the counters of a route, which is named by its path.
    #[inline]
    pub(crate) fn with<T>(
        &self,
        table: &Arc<RouteTable>,
        name: &str,
        count: impl FnOnce(&Arc<RouteCounters>) -> T,
    ) -> T {
        for slot in &self.first {
            match slot.get() {
                Some(route) if *route.name == *name => return count(&route.counters),
                Some(_) => {}
                None => break,
            }
        }
        count(&self.find(table, name))
    }

    /// Returns the names of the routes that requests came by, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let first = self.first.iter().filter_map(OnceLock::get).map(|route| route.name.to_string());
        let mut names: Vec<_> =
            self.own.get().map(|own| own.route().to_owned()).into_iter().chain(first).collect();
        names.extend(
            self.others.read().unwrap_or_else(PoisonError::into_inner).keys().map(ToString::to_string),
        );
        names.sort();
        names.dedup();
        names
    }

    /// Finds a route that is new, or that is not among the first ones.
    #[cold]
    fn find(&self, table: &Arc<RouteTable>, name: &str) -> Arc<RouteCounters> {
        if let Some(counters) = self.others.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(counters);
        }
        let counters = table.counters_of(name, &self.class);
        let mut named = NamedRoute { name: name.into(), counters: Arc::clone(&counters) };
        for slot in &self.first {
            match slot.set(named) {
                Ok(()) => return counters,
                // Another thread may have been faster with the same route. It then has two places,
                // with the same counters.
                Err(back) => named = back,
            }
        }
        let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
        if others.len() >= MAX_ROUTES {
            return table.counters_of(OTHER, &self.class);
        }
        others.insert(named.name, named.counters);
        counters
    }
}

#[cfg(test)]
mod tests {
    use larder_core::outcome::{MissReason, Outcome};

    use super::*;

    #[test]
    fn each_route_is_found_again_wherever_it_is() {
        let (table, routes) = (Arc::new(RouteTable::default()), LayerRoutes::new("standard"));
        let names: Vec<_> = (0..UNLOCKED + 5).map(|number| format!("/{number}")).collect();
        for _ in 0..3 {
            for name in &names {
                routes.with(&table, name, |route| {
                    route.request(Outcome::Miss(MissReason::NeverStored));
                });
            }
        }
        let all = table.all();
        assert_eq!(all.len(), names.len());
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(routes.names(), sorted);
        assert!(all.iter().all(|route| route.stats().misses.values().sum::<u64>() == 3));
    }

    #[test]
    fn a_layer_remembers_a_bounded_number_of_routes() {
        let (table, routes) = (Arc::new(RouteTable::default()), LayerRoutes::new("standard"));
        for number in 0..MAX_ROUTES + 2 * UNLOCKED {
            routes.with(&table, &number.to_string(), |_| {});
        }
        assert_eq!(routes.others.read().unwrap().len(), MAX_ROUTES);
    }
}
