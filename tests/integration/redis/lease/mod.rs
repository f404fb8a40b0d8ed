//! One fill per key over all instances: who has the lease, who waits for it, and what becomes of it
//! when its holder does not end as it should.

mod fills;
mod lost;
mod outcomes;
mod support;
