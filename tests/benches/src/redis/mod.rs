//! Hits in Redis. Many tasks send requests, each for a key of its own, so that no two can be
//! answered by one command.

mod copies;
mod frame;
mod handwritten;
mod larder;
mod load;
pub mod processor;

pub use self::copies::{Allocated, allocated};
pub use self::handwritten::handwritten;
pub use self::larder::{builder, larder, larder_over};
pub use self::load::{Load, Measurement, TASKS, warm};
