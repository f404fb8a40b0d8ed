//! The most hits that any cache can have on a trace, even one that knows the future.

use std::collections::{BinaryHeap, HashMap};

use crate::Object;

/// The position of a request that never comes.
const NEVER: usize = usize::MAX;

/// Returns an upper bound on the hits of every cache with this capacity.
///
/// For objects of one size it is exact: [`belady`]. For others, the optimum is NP-hard, and this is
/// the bound of [`by_space_and_time`].
#[must_use]
pub fn max_hits(requests: &[Object], capacity: u64) -> u64 {
    match requests {
        [first, rest @ ..] if rest.iter().all(|object| object.bytes == first.bytes) => {
            belady(requests, usize::try_from(capacity / first.bytes).unwrap_or(usize::MAX))
        }
        _ => by_space_and_time(requests, capacity),
    }
}

/// Returns the hits of the optimal cache of this many objects of one size.
///
/// L. Belady, "A study of replacement algorithms for a virtual-storage computer", 1966: it drops
/// the object whose next request is last. That may be the one that was just requested, because a
/// cache need not admit it.
#[must_use]
pub fn belady(requests: &[Object], objects: usize) -> u64 {
    let next = next_requests(requests);
    let mut cached = HashMap::<u64, usize>::new();
    // Also has objects that were requested or dropped meanwhile. Their next request is in the past,
    // so they are never on top of an object that is cached.
    let mut by_next = BinaryHeap::<(usize, u64)>::new();
    let mut hits = 0;
    for (object, next) in requests.iter().zip(next) {
        hits += u64::from(cached.remove(&object.key).is_some());
        if next == NEVER {
            continue;
        }
        cached.insert(object.key, next);
        by_next.push((next, object.key));
        if cached.len() > objects
            && let Some((_, last)) = by_next.pop()
        {
            cached.remove(&last);
        }
    }
    hits
}

/// Returns an upper bound on the hits of a cache of objects of different sizes.
///
/// A hit needs the bytes of its object from the previous request for it up to this one. All hits
/// together cannot need more than the capacity for the whole trace. The bound is the largest number
/// of hits that fit into that: those that need the least. Every cache stays below it, because the
/// bound forgets only that the capacity also holds at each moment. It is PFOO-L of D. Berger et
/// al., "Practical Bounds on Optimal Caching with Variable Object Sizes", SIGMETRICS 2018.
#[must_use]
pub fn by_space_and_time(requests: &[Object], capacity: u64) -> u64 {
    let mut needs: Vec<u128> = next_requests(requests)
        .into_iter()
        .enumerate()
        .filter(|(request, next)| *next != NEVER && requests[*request].bytes <= capacity)
        .map(|(request, next)| (next - request) as u128 * u128::from(requests[request].bytes))
        .collect();
    needs.sort_unstable();
    let mut remaining = u128::from(capacity) * requests.len() as u128;
    let fits = |need: &u128| {
        let rest = remaining.checked_sub(*need);
        remaining = rest.unwrap_or(0);
        rest.is_some()
    };
    needs.iter().copied().take_while(fits).count() as u64
}

/// Returns the position of the next request for the same object, for each request.
fn next_requests(requests: &[Object]) -> Vec<usize> {
    let mut last = HashMap::new();
    let mut next = vec![NEVER; requests.len()];
    for (request, object) in requests.iter().enumerate() {
        if let Some(previous) = last.insert(object.key, request) {
            next[previous] = request;
        }
    }
    next
}
