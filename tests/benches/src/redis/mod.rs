//! Hits in Redis. Many tasks send requests, each for a key of its own, so that no two can be
//! answered by one command.

mod frame;
mod handwritten;
mod larder;
mod load;
pub mod processor;

pub use self::handwritten::handwritten;
pub use self::larder::larder;
pub use self::load::{Load, Measurement, TASKS, warm};
