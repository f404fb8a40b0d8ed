//! Hits in memory.

mod case;
mod hit;

pub use self::case::Case;
pub use self::hit::Hit;

#[cfg(test)]
mod tests;
