//! A client that requests made-up keys, beside ordinary traffic.

use crate::contenders::Kind;
use crate::traces::{MADE_UP, Traffic};
use crate::{Object, Scale, Sizes};

/// The size of all made-up responses together, as a multiple of the capacity.
pub const SCAN: u64 = 10;

/// How the made-up requests lie between the ordinary ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attack {
    /// The number of requests with made-up keys after each group of ordinary ones.
    pub made_up: usize,
    /// The number of ordinary requests in a group.
    pub ordinary: usize,
    /// How often each made-up key is requested, one time after the other.
    pub uses: usize,
}

/// The hits of ordinary requests while an attack goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The hits without the attack.
    pub before: u64,
    /// The hits of the same requests, with the attack.
    pub after: u64,
}

impl Loss {
    /// Returns the part of the hits that is lost, in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        100.0 * (self.before as f64 - self.after as f64) / self.before.max(1) as f64
    }
}

/// Warms a cache of this many bytes with ordinary traffic, and attacks it.
///
/// All responses have the same size. Made-up keys are distinct, and their responses are [`SCAN`]
/// times as large as the cache. Hits are counted in the ordinary requests during the attack.
#[must_use]
pub fn attack(kind: Kind, capacity: u64, scale: Scale, attack: Attack) -> Loss {
    let bytes = Sizes::Fixed.bytes(MADE_UP);
    let made_up: Vec<Object> = (MADE_UP..)
        .take(usize::try_from(SCAN * capacity / bytes).unwrap_or(usize::MAX))
        .flat_map(|key| std::iter::repeat_n(Object { key, bytes }, attack.uses))
        .collect();
    let groups = made_up.chunks(attack.made_up);
    let measured = groups.len() * attack.ordinary;
    let scale_of_both = Scale { requests: scale.requests + measured, ..scale };
    let requests = Traffic::Zipf(0.9).requests(scale_of_both, Sizes::Fixed);
    let (warmth, ordinary) = requests.split_at(scale.requests);
    let hits = |attacks: bool| {
        let mut cache = kind.with_capacity(capacity);
        for object in warmth {
            cache.request(*object);
        }
        let mut hits = 0;
        for (group, made_up) in ordinary.chunks(attack.ordinary).zip(made_up.chunks(attack.made_up)) {
            hits += group.iter().map(|object| u64::from(cache.request(*object))).sum::<u64>();
            for object in made_up.iter().filter(|_| attacks) {
                cache.request(*object);
            }
        }
        hits
    };
    Loss { before: hits(false), after: hits(true) }
}
