//! Fill: running the handler to make a stored response, once for all who wait for it.

mod await_head;
pub(crate) mod build;
pub(crate) mod claim;
mod commit;
pub(crate) mod fill_result;
mod freshen;
mod partial;
pub(crate) mod refresh;
pub(crate) mod run;
pub(crate) mod store_response;
