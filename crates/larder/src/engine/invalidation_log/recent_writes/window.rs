//! The writes to each path or directory within the last minute, in bounded memory.

use std::collections::HashMap;

use larder_core::time::Boot;

use crate::engine::invalidation_log::recent_writes::WINDOW;

/// Paths or directories, as hashes.
///
/// Each has the moment at which its minute began, and a record of its writes since then.
pub(super) struct WindowTable<T> {
    places: HashMap<u64, (Boot, T)>,
    most: usize,
}

impl<T: Default> WindowTable<T> {
    /// Creates an empty table that remembers up to `most` places.
    pub(super) fn new(most: usize) -> Self {
        Self { places: HashMap::new(), most }
    }

    /// Returns the record of the writes to this place. It is reset after a minute.
    pub(super) fn at(&mut self, place: u64, now: Boot) -> &mut T {
        if self.places.len() >= self.most && !self.places.contains_key(&place) {
            let oldest = self.places.iter().min_by_key(|(_, (since, _))| *since).map(|(place, _)| *place);
            oldest.and_then(|oldest| self.places.remove(&oldest));
        }
        let (since, seen) = self.places.entry(place).or_insert_with(|| (now, T::default()));
        if now.saturating_since(*since) >= WINDOW {
            (*since, *seen) = (now, T::default());
        }
        seen
    }
}

const BITS: u32 = 8_192;
/// The number of bits that about 4,096 different hashes set: `BITS * (1 - exp(-4096 / BITS))`.
const MAX_SET: u32 = 3_223;

/// The error of a bitmap that has no room for another hash.
pub(super) struct Full;

/// A set of hashes, with one bit for each.
///
/// The number of bits that are set gives the approximate number of hashes.
pub(super) struct Bitmap {
    words: Box<[u64]>,
    set: u32,
}

impl Default for Bitmap {
    fn default() -> Self {
        Self { words: vec![0; (BITS / u64::BITS) as usize].into(), set: 0 }
    }
}

impl Bitmap {
    /// Adds this hash. Returns an error if there is no room.
    ///
    /// By then, many hashes share a bit, so the set no longer shows which hashes were added.
    pub(super) fn add(&mut self, hash: u64) -> Result<(), Full> {
        if self.set >= MAX_SET {
            return Err(Full);
        }
        let bit = 1 << (hash % u64::from(u64::BITS));
        let place = usize::try_from(hash / u64::from(u64::BITS) % self.words.len() as u64);
        let word = place.ok().and_then(|place| self.words.get_mut(place)).ok_or(Full)?;
        self.set += u32::from(*word & bit == 0);
        *word |= bit;
        Ok(())
    }
}
