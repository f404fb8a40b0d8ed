//! Hits in memory.

mod case;
mod hit;
mod values;

pub use self::case::Case;
pub use self::hit::Hit;

#[cfg(test)]
mod tests;
