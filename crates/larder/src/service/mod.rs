//! The middleware: key → lookup → decide → serve, or hand the request to the fill.

mod call;
mod catch_up;
mod future;
pub(crate) mod inner;
pub(crate) mod layer;
pub(crate) mod nesting;
mod only_stored;
pub(crate) mod plan;
pub(crate) mod route;
mod sent;
pub(crate) mod spelling;
pub(crate) mod target;

pub use call::CacheService;
pub use future::ResponseFuture;
pub use layer::CacheLayer;
