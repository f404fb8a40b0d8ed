//! Advice: the figures of a cache, and what they say about its settings.

use std::time::Duration;

use larder_core::advice::figures::{Figures, InstanceFigures, RouteFigures, StoreFigures};
use larder_core::advice::{Advice, advise};
use larder_core::monitoring::{Instance, StoreStats};

use crate::cache::Cache;
use crate::engine::report::route_stats::RouteStats;
use crate::engine::report::stats::Stats;
use crate::http::policy::description::PolicyDescription;

/// The method for advice.
impl Cache {
    /// Returns what the figures of this cache say about its settings, with the most severe first.
    ///
    /// Each [`Advice`] has the figures that show it, and a remedy. A rule is silent until there is
    /// enough evidence: a hit ratio needs a thousand lookups, for example. The figures are those of
    /// this instance since its start. With a shared store, this asks it for its statistics and for
    /// the list of instances. If it does not answer, the advice about it is missing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    /// use larder::advice::Severity;
    ///
    /// let cache = Cache::default();
    /// for advice in cache.advice().await {
    ///     if advice.severity == Severity::Warning {
    ///         eprintln!("{advice}");
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn advice(&self) -> Vec<Advice> {
        let (store, instances) = match self.engine.store {
            Some(_) => (self.store_stats().await.ok(), self.instances().await.unwrap_or_default()),
            None => (None, Vec::new()),
        };
        advise(&self.figures(store.as_ref(), &instances))
    }

    fn figures(&self, store: Option<&StoreStats>, instances: &[Instance]) -> Figures {
        let (stats, policies) = (self.stats(), self.policies());
        Figures {
            classes: class_figures(&stats, &policies),
            routes: stats.routes.iter().map(|route| route_figures(route, &policies)).collect(),
            max_memory_bytes: self.http.memory.max_bytes(),
            memory_bytes: stats.memory_bytes,
            store: store.map(|store| store_figures(store, self.engine.report.mean_shared_bytes())),
            clock_difference: self.engine.store.as_ref().map(|_| self.engine.store_calendar.difference()),
            instances: instances.iter().map(instance_figures).collect(),
            max_staleness: self.engine.log.max_staleness(),
        }
    }
}

fn class_figures(stats: &Stats, policies: &[PolicyDescription]) -> Vec<RouteFigures> {
    let figures = |(class, sum): (&String, &RouteStats)| {
        let lifetimes = policies.iter().filter(|policy| policy.class == *class).map(|policy| policy.ttl);
        figures_of(format!("class {class}"), sum, only(lifetimes))
    };
    stats.classes().iter().map(figures).collect()
}

fn route_figures(route: &RouteStats, policies: &[PolicyDescription]) -> RouteFigures {
    let is_its = |policy: &&PolicyDescription| {
        policy.class == route.class
            && (policy.routes.contains(&route.route) || policy.name.as_ref() == Some(&route.route))
    };
    let lifetimes = policies.iter().filter(is_its).map(|policy| policy.ttl);
    figures_of(format!("route {}", route.route), route, only(lifetimes))
}

fn figures_of(subject: String, stats: &RouteStats, lifetime: Option<Duration>) -> RouteFigures {
    RouteFigures {
        subject,
        lifetime,
        hits: stats.hits(),
        misses: stats.misses.clone(),
        bypasses: stats.bypasses.clone(),
        stored: stats.stored,
        age_at_hit: stats.age_at_hit.mean(),
        age_at_eviction: stats.age_at_eviction.mean(),
    }
}

/// Returns the only value. Returns `None` if there is none, or if they differ.
fn only(mut values: impl Iterator<Item = Duration>) -> Option<Duration> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

pub(super) fn store_figures(stats: &StoreStats, entry_bytes: Option<u64>) -> StoreFigures {
    StoreFigures {
        eviction: stats.eviction,
        // A server that reports its memory and no limit has none.
        max_memory: stats.memory_used.map(|_| stats.memory_limit.unwrap_or(0)),
        used_memory: stats.memory_used,
        fragmentation: stats.fragmentation(),
        evicted_keys: stats.evicted_keys,
        expiring_keys: stats.expiring_keys,
        entry_bytes,
    }
}

pub(super) fn instance_figures(instance: &Instance) -> InstanceFigures {
    InstanceFigures {
        id: instance.record.id.to_string(),
        seen_before: instance.seen_ago,
        confirmed_before: instance.record.confirmation_age,
    }
}

#[cfg(test)]
mod tests {
    use larder_core::advice::advice_kind::AdviceKind;
    use larder_core::monitoring::EvictionPolicy;

    use super::*;

    #[test]
    fn classes_with_several_lifetimes_have_none() {
        let seconds = |all: &[u64]| only(all.iter().map(|seconds| Duration::from_secs(*seconds)));
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[5, 5]), Some(Duration::from_secs(5)));
        assert_eq!(seconds(&[5, 6]), None);
    }

    /// Each number is another one, so that none stands for another one.
    #[test]
    fn the_figures_of_the_store_are_those_of_its_server() {
        let mut stats = StoreStats::new();
        (stats.memory_used, stats.memory_resident, stats.memory_limit) = (Some(100), Some(250), Some(1_000));
        (stats.evicted_keys, stats.expired_keys, stats.expiring_keys) = (Some(3), Some(4), Some(5));
        let figures = store_figures(&stats, Some(6));
        assert_eq!((figures.used_memory, figures.max_memory), (Some(100), Some(1_000)));
        assert_eq!((figures.fragmentation, figures.evicted_keys), (Some(2.5), Some(3)));
        assert_eq!((figures.expiring_keys, figures.entry_bytes), (Some(5), Some(6)));
    }

    /// Two policies may have one name. The class decides which of them a route has.
    #[test]
    fn the_lifetime_of_a_route_is_that_of_its_class() {
        let cache = Cache::default();
        let policy = |ttl| cache.layer(crate::Policy::ttl(ttl).name("a"));
        let _layers = [policy(crate::ttl::STANDARD), policy(crate::ttl::STATIC)];
        let mut route =
            RouteStats { route: "a".to_owned(), class: "static".to_owned(), ..RouteStats::default() };
        assert_eq!(route_figures(&route, &cache.policies()).lifetime, Some(crate::ttl::STATIC));
        route.class = "realtime".to_owned();
        assert_eq!(route_figures(&route, &cache.policies()).lifetime, None);
    }

    #[test]
    fn a_server_that_tells_its_memory_and_no_limit_has_none() {
        let mut stats = StoreStats::new();
        assert_eq!(store_figures(&stats, None).max_memory, None);
        stats.memory_used = Some(1);
        assert_eq!(store_figures(&stats, None).max_memory, Some(0));
        (stats.memory_limit, stats.eviction) = (Some(1 << 30), Some(EvictionPolicy::AllKeys));
        let figures = Figures { store: Some(store_figures(&stats, None)), ..Figures::default() };
        let kinds: Vec<_> = advise(&figures).into_iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [AdviceKind::EvictsEverything]);
    }
}
