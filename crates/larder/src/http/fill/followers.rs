//! Ending a flight whose response is not for its followers.

use http::{Response, StatusCode, response};
use http_body::Body;
use larder_core::outcome::{MissReason, NotStored, Outcome};

use crate::engine::lease::Lease;
use crate::engine::lease::fill_result::FillResult;
use crate::http::body::CacheBody;
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::{Fill, ResponseSender};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::lookup::reuse::is_still_fresh;
use crate::http::memory::UncacheableReason;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::serve;

impl Fill {
    /// Passes on a response that is not stored.
    ///
    /// Followers stop waiting at once. Unless the handler failed, new requests for this key do not
    /// wait either for a short time.
    ///
    /// If the response is about the request's own conditions, followers begin a new flight instead.
    ///
    /// `described` is the response to `GET` that a response to `HEAD` describes.
    pub(super) fn forward_uncached<B: Body<Data = bytes::Bytes>, E>(
        mut self,
        parts: response::Parts,
        body: B,
        reason: NotStored,
        described: Option<&CachedResponse>,
        sender: ResponseSender<B, E>,
    ) {
        let status = parts.status;
        if self.is_conditional_answer(status) {
            self.abandon_flight(reason);
        } else {
            self.release_followers(reason, self.release_after(status));
        }
        let response = Response::from_parts(parts, CacheBody::inner(body));
        self.send(sender, response, ForwardInfo::answered(status, Some(Err(reason))), described);
    }

    fn release_after(&self, status: StatusCode) -> Release {
        if self.layer.policy.is_failure(status) { Release::Failed } else { Release::Remembered }
    }

    /// Whether the response is about the conditions or ranges of its own request.
    ///
    /// A provisional fill leaves conditions and ranges in the request.
    fn is_conditional_answer(&self, status: StatusCode) -> bool {
        const CONDITIONAL: [StatusCode; 4] = [
            StatusCode::NOT_MODIFIED,
            StatusCode::PARTIAL_CONTENT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::RANGE_NOT_SATISFIABLE,
        ];
        self.context.is_provisional && CONDITIONAL.contains(&status)
    }

    /// Ends the flight without an outcome, so that its followers begin a new one.
    pub(super) fn abandon_flight(&mut self, reason: NotStored) {
        self.record_store_decision(Err(reason));
        self.leader = None;
    }

    /// Lets followers run the handler for themselves.
    pub(super) fn release_followers(&mut self, reason: NotStored, release: Release) {
        let engine = &self.layer.engine;
        self.record_store_decision(Err(reason));
        let Some(leader) = self.leader.take() else {
            return self.renew_hit_for_miss(reason, release);
        };
        // During an early refresh, the stored response is still fresh. A hit-for-miss record must
        // not replace it.
        let remember = release == Release::Remembered
            && !is_still_fresh(&self.layer, &self.context, self.stale.as_ref());
        let (key, headers, now) = (&self.context.key, &self.context.headers, engine.clock.boot());
        let insert =
            || self.layer.http.memory.insert_hit_for_miss(key, headers, UncacheableReason::of(reason), now);
        let remembered_for = remember.then(insert);
        leader.finish(release.outcome());
        match (self.lease.take(), remembered_for) {
            (Some(lease), Some(time)) => lease.release_as_uncacheable(time),
            (Some(lease), None) => lease.finish_with(release.result().into_bytes()),
            (None, _) => {}
        }
    }

    /// Renews the hit-for-miss record after a run without a flight, which the record has led to.
    ///
    /// Without this, the record would expire while the handler is busy. The next requests would
    /// then wait for one of them in vain. The response to a condition or a range says nothing about
    /// the whole response.
    fn renew_hit_for_miss(&self, reason: NotStored, release: Release) {
        let (context, traits) = (&self.context, self.context.traits);
        if release == Release::Remembered
            && self.outcome == Outcome::Miss(MissReason::HitForMiss)
            && !(traits.head || traits.conditional || traits.range)
        {
            let (why, now) = (UncacheableReason::of(reason), self.layer.engine.clock.boot());
            self.layer.http.memory.renew_hit_for_miss(&context.key, &context.headers, why, now);
        }
    }

    /// Answers the request that started the fill, if its client is still there.
    ///
    /// `stored` is the response as it is stored, if it is.
    pub(super) fn send<B: Body<Data = bytes::Bytes>, E>(
        &self,
        sender: ResponseSender<B, E>,
        response: Response<CacheBody<B>>,
        forwarded: ForwardInfo,
        stored: Option<&CachedResponse>,
    ) {
        let (layer, context) = (&self.layer, &self.context);
        let response = serve::from_handler(layer, context, response, self.outcome, forwarded, stored);
        let _ = sender.send(Ok(response));
    }
}

/// The way in which requests that cannot share a response go on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// Each follower runs the handler at once. So do new requests for some seconds (hit-for-miss).
    Remembered,
    /// Each follower runs the handler at once.
    Once,
    /// Each follower runs the handler, but few do so at once: the handler fails.
    Failed,
}

impl Release {
    const fn outcome(self) -> FlightOutcome {
        match self {
            Self::Remembered | Self::Once => FlightOutcome::NotShared,
            Self::Failed => FlightOutcome::FailureNotShared,
        }
    }

    const fn result(self) -> FillResult {
        match self {
            Self::Remembered | Self::Once => FillResult::NotShared,
            Self::Failed => FillResult::FailureNotShared,
        }
    }
}

/// Releases the requests that wait for a slow body, on this instance and on others.
///
/// The response may still be stored.
pub(super) fn stop_waiting(leader: Option<&Lead>, lease: Option<Lease>, release: Release) {
    if let Some(leader) = leader {
        leader.announce(release.outcome());
    }
    if let Some(lease) = lease {
        lease.finish_with(release.result().into_bytes());
    }
}
