//! One fill per key across all instances: lease holders, waiting instances, and failures of
//! holders.

mod fills;
mod lost;
mod outage;
mod outcomes;
mod support;
