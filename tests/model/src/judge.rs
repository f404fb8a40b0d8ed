//! The versions that requests may not see.

use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::target::{KEYS, Target};
use crate::world::{Instance, LowestVersions, Progress, Promise, StoredResponse, World};

impl LowestVersions {
    /// Raises the bounds after this invalidation of these versions.
    pub fn raise(&mut self, target: Target, versions: [u8; KEYS]) {
        for (key, version) in (0..).zip(versions).filter(|(key, _)| target.names(*key)) {
            let key = usize::from(key);
            self.as_fresh[key] = self.as_fresh[key].max(version);
            if !target.soft {
                self.at_all[key] = self.at_all[key].max(version);
            }
        }
    }

    /// Returns the lowest version that may be served, as fresh or at all.
    #[must_use]
    pub fn of(&self, key: u8, as_fresh: bool) -> u8 {
        let each = if as_fresh { self.as_fresh } else { self.at_all };
        each[usize::from(key)]
    }
}

impl Protocol {
    /// Returns the lowest versions that a request may see if it begins now, with the promises.
    #[must_use]
    pub fn least(&self, world: &World, at: usize, key: u8, as_fresh: bool) -> [(Promise, u8); 3] {
        // An incorrect 304 gives an old response a new lifetime. A soft invalidation does not
        // prevent that.
        let as_fresh = as_fresh && !self.scope.validates;
        let (mut here, mut everywhere, mut by_token) =
            (world.instances[at].here, world.everywhere, LowestVersions::default());
        for one in &world.invalidations {
            match one.progress {
                Progress::Deferred(_) if usize::from(one.by) == at => here.raise(one.target, one.versions),
                Progress::Applied(then) if self.is_over(then) => everywhere.raise(one.target, one.versions),
                _ => {}
            }
        }
        for token in world.tokens.iter().filter(|token| self.honours(&world.instances[at], token)) {
            by_token.raise(token.target, token.versions);
        }
        [
            (Promise::NothingComesBackHere, here.of(key, as_fresh)),
            (Promise::NothingComesBackAnywhere, everywhere.of(key, as_fresh)),
            (Promise::TokensAreHonoured, by_token.of(key, as_fresh)),
        ]
    }

    /// Whether this version is old, or may become old. Other versions are irrelevant to every
    /// promise.
    #[must_use]
    pub fn may_grow_old(&self, world: &World, version: u8, key: u8) -> bool {
        world.left.of_invalidations() > 0 || version < world.db[usize::from(key)] || self.scope.register
    }

    /// Whether `max_staleness` has passed since then.
    #[must_use]
    pub fn is_over(&self, then: larder_core::time::BootTime) -> bool {
        then.saturating_add(crate::canonical::ticks(self.scope.max_staleness)) < NOW
    }

    /// Returns the promise that a request would find broken if it began now and hit memory.
    #[must_use]
    pub fn broken(&self, world: &World) -> Option<Promise> {
        let in_memory = || {
            world.instances.iter().enumerate().find_map(|(at, instance)| {
                instance.memory.iter().find_map(|kept| self.breaks(world, at, instance, kept))
            })
        };
        world.found.or_else(in_memory)
    }

    fn breaks(
        &self,
        world: &World,
        at: usize,
        instance: &Instance,
        kept: &StoredResponse,
    ) -> Option<Promise> {
        if kept.version >= world.db[usize::from(kept.key)] {
            return None;
        }
        let as_fresh = self.serves(instance, kept)?;
        seen(&self.least(world, at, kept.key, as_fresh), kept.version)
    }
}

/// Returns the promise that is broken if this version is served.
#[must_use]
pub fn seen(least: &[(Promise, u8)], version: u8) -> Option<Promise> {
    least.iter().find(|(_, least)| version < *least).map(|(promise, _)| *promise)
}
