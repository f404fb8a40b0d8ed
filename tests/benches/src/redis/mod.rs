//! Hits in Redis. Many tasks send requests, each for a key of its own, so that no two can be
//! answered by one command.

mod compressed;
mod frame;
mod handwritten;
mod larder;
mod load;
pub mod processor;

pub use self::compressed::{print_hits, print_memory};
pub use self::handwritten::handwritten;
pub use self::larder::{builder, larder, larder_over};
pub use self::load::{Load, Measurement, warm};
