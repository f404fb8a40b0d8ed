//! One fill per key over all instances: who has the lease, who waits for it, and what becomes of it when its holder does
//! not end as it should.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Tests fail loudly; the helpers here are not known as tests to the lint.

mod fills;
mod lost;
mod outcomes;
mod support;
