//! Following a fill: its body, for those who wait for it, while it arrives.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::SizeHint;
use larder_core::http::vary;
use larder_core::outcome::{MissReason, Outcome};
use tracing::Instrument as _;

use crate::engine::coalesce::audience::Seat;
use crate::http::flight_event::Flight;
use crate::http::flight_event::Heard;
use crate::http::body::CacheBody;
use crate::http::body::follower_body::Again;
use crate::http::body::follower_body::FollowBody;
use crate::http::body::incomplete::failure;
use crate::http::body::service_bounds::Inner;
use crate::http::body::shared_body::Arriving;
use crate::http::body::shared_body::Reader;
use crate::http::body::shared_body::Writer;
use crate::http::fill::build::Making;
use crate::http::fill::run::Fill;
use crate::http::layer_state::Route;
use crate::http::lookup::request_context::Ask;
use crate::http::miss::answer_again;
use crate::http::ready_service::Place;

impl Fill {
    /// Publishes a response that is to be stored, and whose body is on its way. `None` if followers have to wait for its end.
    pub(crate) fn publish(
        &self,
        (status, headers): (StatusCode, &HeaderMap),
        length: Option<u64>,
        making: &Making,
        so_far: &[Bytes],
    ) -> Option<Writer> {
        let lead = self.lead.as_ref()?;
        // A failure is published at its end. A body of unknown length may turn out too large to be stored: its followers
        // would have to get the rest from another run of the handler, which may make another body.
        let is_promised = length.is_some() || self.route.policy.fill_limits.follow_unknown_length;
        if making.is_failure || !is_promised {
            return None;
        }
        let head = self.make_head(status, headers.clone(), making);
        self.learn_from(&head);
        let writer = Writer::new(head, length.map(SizeHint::with_exact).unwrap_or_default(), so_far);
        lead.announce(Heard::Arriving(Arc::clone(writer.arriving())));
        Some(writer)
    }
}

/// How a body whose rest does not come is ended, for a request that may be answered by a body that is arriving.
///
/// One that may want less than the whole of it waits for the end, and so does one whose body could not fail.
pub(super) fn may_follow<E: 'static>(ask: &Ask) -> Option<fn() -> E> {
    if ask.head || ask.conditional || ask.range { None } else { failure() }
}

/// What is to be heard of a flight by a request that may follow it, or not.
pub(super) async fn hear(flight: &Flight, ask: &Ask, may_follow: bool) -> Option<Heard> {
    if may_follow {
        match flight.next_event().await? {
            // What it varies on is remembered once it is stored: only then do those wait together who would be given the same.
            Heard::Arriving(arriving) if !vary::matches(&arriving.head.meta.selecting, &ask.headers) => {}
            heard => return Some(heard),
        }
    }
    flight.finished().await
}

/// A request that follows a fill, and all that it takes to ask again where that breaks off.
pub(super) struct Follower<S, Q, E> {
    pub(super) route: Arc<Route>,
    pub(super) place: Place<S>,
    pub(super) request: Request<Q>,
    pub(super) ask: Ask,
    /// How often it has waited in vain.
    pub(super) waits: usize,
    pub(super) reason: MissReason,
    pub(super) fail: fn() -> E,
    pub(super) seat: Seat,
}

impl<S, Q, B> Follower<S, Q, B::Error>
where
    S: Inner<Q, Body = B>,
    B: http_body::Body<Data = Bytes, Error: Send> + Send + 'static,
    Q: Send + 'static,
{
    /// The answer to it, but for its head.
    pub(super) fn follow(self, arriving: Arc<Arriving>) -> CacheBody<B> {
        let Self { route, place, request, mut ask, waits, reason, fail, seat } = self;
        let again: Again<B> = Box::new(move || {
            ask.completes = true;
            let span = ask.span.clone();
            let again = async move {
                let outcome = Outcome::Miss(reason);
                answer_again(route, place, request, ask, outcome, waits).await.ok()
            };
            Box::pin(again.instrument(span))
        });
        CacheBody::following(FollowBody::new(Reader::new(arriving), again, fail).seated(seat))
    }
}

/// Whether the other response is about the representation that was promised: what it begins with is compared, but not what
/// is still to come of it.
pub(crate) fn is_same<B: http_body::Body<Data = Bytes>>(
    promised: &Arriving,
    other: &Response<CacheBody<B>>,
) -> bool {
    use http::header::{
        CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    };
    use http_body::Body as _;

    let head = &promised.head;
    let same = |name: &http::HeaderName| head.headers.get(name) == other.headers().get(name);
    // Those that the cache may have made meanwhile, of what it has whole.
    let kept = |name: &http::HeaderName| !head.headers.contains_key(name) || same(name);
    let lengths = promised.hint.exact().zip(other.body().size_hint().exact());
    head.status == other.status()
        && [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE].iter().all(same)
        && [CONTENT_LENGTH, ETAG, LAST_MODIFIED].iter().all(kept)
        && lengths.is_none_or(|(promised, other)| promised == other)
}
