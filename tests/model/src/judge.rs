//! What no request may see, and whether one would.

use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::what::{KEYS, What};
use crate::world::{Instance, Least, Progress, Promise, StoredResponse, World};

impl Least {
    /// After this invalidation of these versions.
    pub fn raise(&mut self, what: What, versions: [u8; KEYS]) {
        for (key, version) in (0..).zip(versions).filter(|(key, _)| what.names(*key)) {
            let key = usize::from(key);
            self.as_fresh[key] = self.as_fresh[key].max(version);
            if !what.soft {
                self.at_all[key] = self.at_all[key].max(version);
            }
        }
    }

    /// The least version that may be served in this way.
    #[must_use]
    pub fn of(&self, key: u8, as_fresh: bool) -> u8 {
        let each = if as_fresh { self.as_fresh } else { self.at_all };
        each[usize::from(key)]
    }
}

impl Protocol {
    /// What a request that begins now may not see, and by which promise.
    #[must_use]
    pub fn least(&self, world: &World, at: usize, key: u8, as_fresh: bool) -> [(Promise, u8); 3] {
        // A 304 that is not true gives what is old a new life, which is nothing to a soft
        // invalidation.
        let as_fresh = as_fresh && !self.scope.validates;
        let (mut here, mut everywhere, mut by_token) =
            (world.instances[at].here, world.everywhere, Least::default());
        for one in &world.invalidations {
            match one.progress {
                Progress::Deferred(_) if usize::from(one.by) == at => here.raise(one.what, one.versions),
                Progress::Applied(then) if self.is_over(then) => everywhere.raise(one.what, one.versions),
                _ => {}
            }
        }
        for token in world.tokens.iter().filter(|token| self.honours(&world.instances[at], token)) {
            by_token.raise(token.what, token.versions);
        }
        [
            (Promise::NothingComesBackHere, here.of(key, as_fresh)),
            (Promise::NothingComesBackAnywhere, everywhere.of(key, as_fresh)),
            (Promise::TokensAreHonoured, by_token.of(key, as_fresh)),
        ]
    }

    /// Whether this version is old, or may yet become so. What cannot is of no interest to any
    /// promise.
    #[must_use]
    pub fn may_grow_old(&self, world: &World, version: u8, key: u8) -> bool {
        world.left.invalidations + world.left.elsewhere > 0
            || version < world.db[usize::from(key)]
            || self.scope.register
    }

    /// Whether `max_staleness` has gone by since then.
    #[must_use]
    pub fn is_over(&self, then: larder_core::time::Boot) -> bool {
        then.saturating_add(crate::canonical::ticks(self.scope.max_staleness)) < NOW
    }

    /// The promise that a request would find broken which begins now, finds what it wants in memory
    /// and ends.
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

/// The promise that is broken where this version is served.
#[must_use]
pub fn seen(least: &[(Promise, u8)], version: u8) -> Option<Promise> {
    least.iter().find(|(_, least)| version < *least).map(|(promise, _)| *promise)
}
