//! Coalescing: requests for one key share one run of the handler.

pub(crate) mod client_count;
pub(crate) mod clients;
pub(crate) mod flight;
pub(crate) mod new_key_budget;
pub(crate) mod reruns;
