//! The bounds of a service whose responses can be cached.

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::http::body::CacheBody;

/// A service that a [`CacheService`](crate::CacheService) can wrap: all of its bounds in one name.
pub(crate) trait CacheableService<Q>:
    Service<
        Request<Q>,
        Response = Response<<Self as CacheableService<Q>>::Body>,
        Future: Send + 'static,
        Error: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    type Body: Body<Data = Bytes, Error: Send> + Send + 'static;
}

impl<S, Q, B> CacheableService<Q> for S
where
    S: Service<Request<Q>, Response = Response<B>, Future: Send + 'static, Error: Send + 'static>,
    S: Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Send> + Send + 'static,
{
    type Body = B;
}

/// The result of a request to such a service.
pub(crate) type ServiceResult<B, E> = Result<Response<CacheBody<B>>, E>;

/// The boxed future of a response that takes longer.
pub(crate) type BoxResponseFuture<B, E> = Pin<Box<dyn Future<Output = ServiceResult<B, E>> + Send>>;
