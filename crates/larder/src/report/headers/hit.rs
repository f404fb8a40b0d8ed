//! The two values that tell of a fresh hit, `Age` and `Cache-Status`.

use std::cell::RefCell;

use http::HeaderValue;
use larder_core::outcome::Tier;

/// A fresh hit, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) age: u64,
    /// For how long it stays fresh.
    pub(super) ttl: u64,
    pub(super) tier: Tier,
}

/// Its values.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) age: HeaderValue,
    pub(super) status: HeaderValue,
}

/// So many are remembered by each thread that answers hits; the next one takes the place of another. They take about
/// 110 bytes each, and as much again for the texts.
const REMEMBERED: u64 = 512;

thread_local! {
    static MEMORY: RefCell<Vec<Option<(Hit, Told)>>> = const { RefCell::new(Vec::new()) };
}

impl Hit {
    /// Its values, written by `write` if this thread has not told of the same lately. All responses that were stored in
    /// one second, with one lifetime, have them in common: a busy server says the same thing over and over.
    #[inline]
    pub(super) fn told(self, write: impl Fn() -> Told) -> Told {
        let remembered = MEMORY.try_with(|memory| {
            let mut memory = memory.try_borrow_mut().ok()?;
            match memory.get(self.place()) {
                Some(Some((hit, told))) if *hit == self => Some(told.clone()),
                _ => Some(self.remember(&mut memory, write())),
            }
        });
        // A thread that is ending remembers nothing.
        remembered.ok().flatten().unwrap_or_else(write)
    }

    #[cold]
    fn remember(self, memory: &mut Vec<Option<(Self, Told)>>, told: Told) -> Told {
        memory.resize(place(REMEMBERED), None);
        if let Some(slot) = memory.get_mut(self.place()) {
            *slot = Some((self, told.clone()));
        }
        told
    }

    fn place(self) -> usize {
        // Lifetimes are round numbers; an odd factor keeps those of one age apart.
        let spread = self.age.wrapping_add(self.ttl.wrapping_mul(7)).wrapping_mul(2);
        place(spread.wrapping_add((self.tier == Tier::Shared).into()) % REMEMBERED)
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Told {
        let value = HeaderValue::from_str(text).unwrap();
        Told { age: value.clone(), status: value }
    }

    /// The same place is taken by many: none may be told another one's words.
    #[test]
    fn each_is_told_its_own() {
        for _twice in 0..2 {
            for age in (0..70).chain([1 << 31, u64::MAX]) {
                for ttl in (0..70).chain([1 << 31, u64::MAX]) {
                    for tier in [Tier::Memory, Tier::Shared] {
                        let own = format!("{age} {ttl} {tier:?}");
                        let told = Hit { age, ttl, tier }.told(|| words(&own));
                        assert_eq!((told.age, told.status), (words(&own).age, words(&own).status));
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_is_written_once() {
        let hit = Hit { age: 1, ttl: 59, tier: Tier::Memory };
        assert_eq!(hit.told(|| words("first")).status, "first");
        assert_eq!(hit.told(|| words("again")).status, "first");
    }
}
