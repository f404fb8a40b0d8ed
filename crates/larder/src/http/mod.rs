//! Everything that knows requests and responses.

pub(crate) mod body;
pub(crate) mod cache_status;
pub(crate) mod fill;
pub(crate) mod flight_event;
pub(crate) mod http_state;
pub(crate) mod layer_state;
pub(crate) mod lookup;
pub(crate) mod memory;
pub(crate) mod miss;
pub(crate) mod nesting;
pub(crate) mod policy;
pub(crate) mod ready_service;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod serve;
pub(crate) mod service;
