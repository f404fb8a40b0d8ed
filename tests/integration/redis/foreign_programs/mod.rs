//! Programs in other languages append to the log, as `docs/OPERATIONS.md` says. Its examples run
//! here, against a real server and two instances.

mod documented_examples;
mod malformed_entries;
mod shelf;
