//! Responses to clients, from stored responses or from the handler's, with the fields of the cache.
//!
//! * `hit` serves fresh responses on the shortest path.
//! * `from_cache` serves stored responses to requests that had to wait.
//! * `from_handler` completes the handler's responses.
//! * `select` selects what a request gets of a stored response. It asks `byte_ranges` for parts,
//!   and that asks `multipart` for several. Both take the bytes from a `representation`.
//! * `extra_fields` adds the fields that only some policies want.
//! * `full_response` is a response with its complete body.
//! * `downstream_fields` states how long caches downstream may use a response.
//! * `report_served` makes the extension that reports the outcome to other layers.
//! * [`record`] counts the outcome of each request and reports it in its span.

mod byte_ranges;
mod downstream_fields;
mod extra_fields;
mod from_cache;
mod from_handler;
pub(crate) mod full_response;
mod hit;
mod multipart;
pub(crate) mod record;
mod report_served;
mod representation;
mod select;

pub(crate) use from_cache::{collapsed, from_cache, stale_on_error};
pub(crate) use from_handler::{bypassed, from_fill, from_handler};
pub(crate) use full_response::gateway_timeout;
pub(crate) use hit::{hit, hit_owned, stale_hit};
pub(crate) use record::{record_hit, record_stale_hit};
pub(crate) use report_served::{attach, report_handled, report_stored};
pub(crate) use select::is_not_modified;
