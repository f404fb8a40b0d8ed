//! The encoding that all values in the shared tier have in common.
//!
//! * [`envelope`]: what stands around the content, and the position at fixed offsets;
//! * [`reader`] and [`writer`]: the elements of the content;
//! * [`elements`]: the elements that responses and values share;
//! * [`error`]: why a value is not believed.
//!
//! A value that is read back is untrusted. Every length is checked before it is used, no memory is
//! reserved that the input does not justify, and a value that does not decode is a miss.

pub mod elements;
pub mod envelope;
pub mod error;
pub mod reader;
pub mod writer;
