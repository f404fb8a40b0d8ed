//! The inner service without its type.
//!
//! A user's crate compiles each generic function of this one again, for its own types. So only the
//! hit and the bypass know the type of the inner service. All other requests go through these
//! types, and their code is compiled once, in this crate. They take an allocation more for the
//! service, the body of the request, the future and the body of the response.

use std::future::{Future, pending};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::http::body::erased_body::{ErasedBody, ErasedRequestBody};
use crate::http::body::erased_error::ErasedError;
use crate::http::body::incomplete::incomplete_body_error;
use crate::http::body::service_bounds::{BoxResponseFuture, CacheableService, ServiceResult};

/// A request to an [`ErasedService`].
pub(crate) type ErasedRequest = Request<ErasedRequestBody>;

/// The result of a request that an [`ErasedService`] may have answered.
pub(crate) type ErasedResult = ServiceResult<ErasedBody, ErasedError>;

/// The boxed future of such a result.
pub(crate) type ErasedFuture = BoxResponseFuture<ErasedBody, ErasedError>;

/// The boxed future of the inner service's own response.
pub(crate) type ErasedCall = Pin<Box<dyn Future<Output = Result<Response<ErasedBody>, ErasedError>> + Send>>;

/// The inner service, without its type and that of its requests.
pub(crate) struct ErasedService {
    service: Box<dyn DynService>,
    can_break_off: bool,
}

impl ErasedService {
    pub(crate) fn new<S, Q>(service: S) -> Self
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let can_break_off = incomplete_body_error::<<S::Body as http_body::Body>::Error>().is_some();
        Self { service: Box::new(Typed { service, request: PhantomData }), can_break_off }
    }

    /// Whether an error can tell a client that the body it follows broke off.
    pub(crate) const fn can_break_off(&self) -> bool {
        self.can_break_off
    }
}

impl Clone for ErasedService {
    fn clone(&self) -> Self {
        Self { service: self.service.clone_box(), can_break_off: self.can_break_off }
    }
}

impl Service<ErasedRequest> for ErasedService {
    type Response = Response<ErasedBody>;
    type Error = ErasedError;
    type Future = ErasedCall;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErasedError>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: ErasedRequest) -> ErasedCall {
        self.service.call(request)
    }
}

/// [`CacheableService`] as an object.
trait DynService: Send {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErasedError>>;
    fn call(&mut self, request: ErasedRequest) -> ErasedCall;
    fn clone_box(&self) -> Box<dyn DynService>;
}

/// A service and the type of its requests.
struct Typed<S, Q> {
    service: S,
    request: PhantomData<fn(Q)>,
}

impl<S, Q> DynService for Typed<S, Q>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErasedError>> {
        self.service.poll_ready(cx).map_err(ErasedError::new)
    }

    fn call(&mut self, request: ErasedRequest) -> ErasedCall {
        let (parts, body) = request.into_parts();
        match body.into_inner() {
            Some(body) => erase_call(self.service.call(Request::from_parts(parts, body))),
            // The service that erased the type of the body erased that of the inner service.
            None => Box::pin(pending()),
        }
    }

    fn clone_box(&self) -> Box<dyn DynService> {
        Box::new(Self { service: self.service.clone(), request: PhantomData })
    }
}

/// Erases the types of a response that is on its way.
pub(crate) fn erase_call<B, E>(
    response: impl Future<Output = Result<Response<B>, E>> + Send + 'static,
) -> ErasedCall
where
    B: http_body::Body<Data = bytes::Bytes, Error: Send> + Send + 'static,
    E: Send + 'static,
{
    Box::pin(async move {
        match response.await {
            Ok(response) => Ok(response.map(ErasedBody::new)),
            Err(error) => Err(ErasedError::new(error)),
        }
    })
}
