//! Joining a fill: lead it, wait for it, or do without.

pub(crate) mod alone;
mod answer_only_if_cached;
pub(crate) mod follow;
pub(crate) mod recheck;
pub(crate) mod settle;
pub(crate) mod store_only;

use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use larder_core::log::names::Names;
use larder_core::log::position::Position;
use larder_core::log::table::Verdict;
use larder_core::outcome::{MissReason, Outcome, StaleReason};
use larder_core::time::Wall;
use tokio::time::{Instant, timeout_at};

use crate::engine::coalesce::clients::Clients;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::CacheBody;
use crate::http::body::service_bounds::{CacheableService, ServiceResult};
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::Fill;
use crate::http::fill::claim_fill::{Claim, claim_fill};
use crate::http::fill::refresh::{is_due, spawn_refresh};
use crate::http::fill::run::run_detached;
use crate::http::flight_event::{FillEvent, Flight, FlightOutcome, Joined, Lead, shared_body};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared};
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::alone::{alone, in_part, pass_to_nested};
use crate::http::miss::answer_only_if_cached::only_stored;
use crate::http::miss::follow::{Follower, hear, may_follow};
use crate::http::miss::recheck::{Again, found, look_again, look_for_parts};
use crate::http::miss::settle::{Joining, Taken, taken};
use crate::http::ready_service::ReadyService;
use crate::http::serve;

/// How often a request that waited in vain waits again. Each time costs one run of a handler that fails, and one after
/// the other would make the last of many wait for all of them.
const MOST_WAITS: usize = 2;

/// Answers a request that memory has no fresh response for.
pub(crate) async fn answer<S, Q>(
    layer: Arc<LayerState>,
    inner: S,
    request: Request<Q>,
    mut context: RequestContext,
    lookup: Lookup,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    spawn_follower(&layer.engine);
    let place = ReadyService::new(inner);
    if is_only_if_cached(&layer, &context.headers) {
        return Ok(only_stored(&layer, &mut context, lookup).await);
    }
    if let Some(reason) = credentials_reason(context.credentials) {
        return alone(&layer, context, place, request, None, Outcome::Bypass(reason)).await;
    }
    answer_from(layer, place, request, context, lookup, 0).await
}

/// Answers a request once more, for the rest of a body that it followed and that broke off: it has waited in vain.
pub(super) async fn answer_again<S, Q>(
    layer: Arc<LayerState>,
    place: ReadyService<S>,
    request: Request<Q>,
    context: RequestContext,
    outcome: Outcome,
    waits: usize,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    if waits == MOST_WAITS {
        return alone(&layer, context, place, request, None, outcome).await;
    }
    let lookup = lookup_memory_for(&layer, context.lookup_key(), layer.engine.clock.boot());
    answer_from(layer, place, request, context, lookup, waits + 1).await
}

/// Answers a request of which so much is known, and that has waited in vain so often.
async fn answer_from<S, Q>(
    layer: Arc<LayerState>,
    mut place: ReadyService<S>,
    request: Request<Q>,
    mut context: RequestContext,
    mut lookup: Lookup,
    mut waits: usize,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    // For a request for parts: what was found in the shared tier.
    let mut looked = None;
    let until = Instant::now() + layer.policy.fill_limits.follower_wait();
    loop {
        let stale = match lookup {
            Lookup::Stale(stale) if stale.while_revalidate => {
                return Ok(serve_and_refresh(&layer, context, place, request, stale));
            }
            Lookup::Fresh(cached, tier) => {
                let response = serve::from_cache(&layer, &context, &cached, Outcome::Hit(tier));
                if is_due(&layer, &cached, layer.engine.clock.boot()) {
                    spawn_refresh(
                        &layer,
                        context,
                        place,
                        request,
                        StaleResponse::for_early_refresh(cached, tier),
                    );
                }
                return Ok(response);
            }
            Lookup::HitForMiss => {
                return alone(&layer, context, place, request, None, Outcome::Miss(MissReason::Pass)).await;
            }
            Lookup::Stale(stale) => Ok(stale),
            Lookup::Partial(_) => Err(MissReason::Partial),
            Lookup::Miss(reason) => Err(reason),
        };
        let reason = stale.as_ref().map_or_else(|reason| *reason, |stale| stale.reason);
        if context.range && stale.is_err() {
            if context.is_provisional {
                return in_part(&layer, context, place, request, None, reason).await;
            }
            if let Some(base) = looked {
                return in_part(&layer, context, place, request, base, reason).await;
            }
            lookup = look_for_parts(&layer, &context, reason).await;
            if matches!(lookup, Lookup::Miss(_)) && context.follow_redirect(&layer) {
                lookup = lookup_memory_for(&layer, context.lookup_key(), layer.engine.clock.boot());
                continue;
            }
            looked = Some(match &lookup {
                Lookup::Partial(base) => Some(Arc::clone(base)),
                _ => None,
            });
            continue;
        }
        let mut in_flight = None;
        let fail = may_follow::<<S::Body as Body>::Error>(&context);
        let (flight, joined, ended, reason) = match join(&layer, &context) {
            Turn::Lead(leader) => match look_again(&layer, &context, stale).await {
                Again::Lead(..) if context.follow_redirect(&layer) => {
                    drop(leader);
                    lookup = lookup_memory_for(&layer, context.lookup_key(), layer.engine.clock.boot());
                    continue;
                }
                Again::Lead(stale, reason, _) if context.head => {
                    drop(leader);
                    return alone(&layer, context, place, request, stale, Outcome::Miss(reason)).await;
                }
                Again::Lead(stale, reason, seen) => {
                    match claim_fill(&layer, &context, &leader, stale, seen, &mut place).await {
                        Claim::Granted(lease, stale) => {
                            let outcome = Outcome::Miss(reason);
                            let clients = Clients::for_flight(leader.flight());
                            let leader = Some(leader);
                            let fill = Fill {
                                layer,
                                context,
                                leader,
                                lease,
                                stale,
                                base: None,
                                outcome,
                                clients,
                                is_late: false,
                            };
                            return run_detached(fill, place, request).await;
                        }
                        Claim::AlreadyStored(next) => {
                            lookup = found(leader, next);
                            continue;
                        }
                        Claim::Redirected => {
                            drop(leader);
                            context.follow_redirect(&layer);
                            lookup =
                                lookup_memory_for(&layer, context.lookup_key(), layer.engine.clock.boot());
                            continue;
                        }
                        Claim::FilledElsewhere(ended) => {
                            let flight = Arc::clone(leader.flight());
                            let (boot, position) = (flight.began, flight.position);
                            // The claim has compared the times already.
                            let joined = Joining { boot, wall: Wall::default(), position };
                            leader.finish(ended.clone());
                            (flight, joined, Some(ended), reason)
                        }
                    }
                }
                Again::Known(next) => {
                    lookup = found(leader, next);
                    continue;
                }
            },
            Turn::Wait(flight, joined) => {
                let seat = flight.clients.guard();
                place.release();
                let heard = timeout_at(until, hear(&flight, &context, fail.is_some())).await;
                let ended = match heard {
                    Err(_) => {
                        drop(seat);
                        return rerun(&layer, context, place, request, (reason, until)).await;
                    }
                    Ok(Some(FillEvent::HeadReady(body))) => {
                        let head = FlightOutcome::Stored(Arc::clone(&body.head));
                        in_flight = Some((body, seat));
                        Some(head)
                    }
                    Ok(Some(FillEvent::Finished(ended))) => Some(ended),
                    Ok(None) => None,
                };
                (flight, joined, ended, reason)
            }
        };
        match taken(&layer, &context, &flight, joined, ended.as_ref()) {
            Taken::Served(cached, outcome) => {
                let response = shared(&layer, &context, &cached, outcome, reason);
                let Some(((body, seat), fail)) = in_flight.zip(fail) else { return Ok(response) };
                let follower = Follower { layer, place, request, context, waits, reason, fail, seat };
                return Ok(response.map(|_| follower.follow(body)));
            }
            Taken::Alone => return alone(&layer, context, place, request, None, Outcome::Miss(reason)).await,
            Taken::Nested => return pass_to_nested(&layer, context, place, request).await,
            Taken::Anew | Taken::Elsewhere if waits == MOST_WAITS => {
                return rerun(&layer, context, place, request, (reason, until)).await;
            }
            taken @ (Taken::Anew | Taken::Elsewhere) => {
                waits += 1;
                match taken {
                    Taken::Elsewhere => context.leave_scope(&layer),
                    _ => {
                        context.follow_redirect(&layer);
                    }
                }
                lookup = lookup_memory_for(&layer, context.lookup_key(), layer.engine.clock.boot());
            }
        }
    }
}

enum Turn {
    Lead(Lead),
    Wait(Arc<Flight>, Joining),
}

/// Rule 13: "A request may join a flight only if `max(flight began, confirmed_at) + max_staleness ≥ now`."
fn join(layer: &LayerState, context: &RequestContext) -> Turn {
    let inner = &layer.engine;
    // In this order. What a look confirms after the position was read may be what the flight has missed; and a position
    // read before the flight is found is never beyond what the flight may have missed.
    let (now, confirmed_at) = (inner.clock.boot(), inner.log.confirmed_at());
    let position = inner.log.position();
    let may_join = |flight: &Flight| {
        inner.log.may_join(flight.began, confirmed_at, now) && !is_in_vain(layer, context, flight, position)
    };
    match layer.http.flights.join(context.flight_key(layer), now, position, may_join) {
        Joined::Leader(leader) => Turn::Lead(leader),
        Joined::Follower(flight) => {
            Turn::Wait(flight, Joining { boot: now, wall: inner.clock.wall(), position })
        }
    }
}

/// Whether something that names the request's own response was invalidated since the flight began: its outcome would be
/// refused in the end, so that waiting for it could only make this request as slow as two. (Names that the handler gives
/// are known when the head of its response is.)
fn is_in_vain(layer: &LayerState, context: &RequestContext, flight: &Flight, joining_at: Position) -> bool {
    let inner = &layer.engine;
    if joining_at == flight.position {
        return false;
    }
    let now = inner.clock.boot();
    let is_refused =
        |names: &Names| inner.log.read(|tail| tail.check(&flight.position, names, now)) != Verdict::Valid;
    match shared_body(flight) {
        Some(body) => {
            is_refused(&body.head.meta.names)
                || context.scope.as_ref().is_some_and(|own| is_refused(own.request_names()))
        }
        None => is_refused(&context.names.clone().build([])),
    }
}

/// Serves what another request's fill brought.
fn shared<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
    reason: MissReason,
) -> Response<CacheBody<B>> {
    if !matches!(outcome, Outcome::Hit(_)) && !context.completes {
        layer.engine.report.collapsed();
    }
    match outcome {
        Outcome::Hit(_) => serve::from_cache(layer, context, cached, outcome),
        Outcome::Stale(tier, _) => {
            serve::stale_on_error(layer, context, cached, tier, ForwardInfo::failed(None, true))
        }
        Outcome::Miss(_) | Outcome::Bypass(_) => {
            let forwarded = ForwardInfo { collapsed: true, ..ForwardInfo::default() };
            serve::collapsed(layer, context, cached, Outcome::Miss(reason), forwarded)
        }
    }
}

/// Serves a stale response now, and has one request refresh it.
fn serve_and_refresh<S, Q>(
    layer: &Arc<LayerState>,
    context: RequestContext,
    place: ReadyService<S>,
    request: Request<Q>,
    stale: StaleResponse,
) -> Response<CacheBody<S::Body>>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
    let response = serve::from_cache(layer, &context, &stale.cached, outcome);
    spawn_refresh(layer, context, place, request, stale);
    response
}

/// Runs the handler for a request that waited for others, and got nothing it could use. Few of them do so at once.
async fn rerun<S, Q>(
    layer: &Arc<LayerState>,
    context: RequestContext,
    place: ReadyService<S>,
    request: Request<Q>,
    (reason, until): (MissReason, Instant),
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let deadline = until + layer.policy.fill_limits.rerun_wait();
    let _permit = layer.engine.reruns.wait_for_permit(context.flight_key(layer), deadline).await;
    // Another one may have filled the key meanwhile.
    let lookup = match lookup_memory_for(layer, context.lookup_key(), layer.engine.clock.boot()) {
        Lookup::Miss(reason) if !layer.http.memory.is_enabled() && !context.is_provisional => {
            lookup_shared(layer, context.lookup_key(), reason).await
        }
        lookup => lookup,
    };
    if let Lookup::Fresh(cached, tier) = lookup {
        return Ok(shared(layer, &context, &cached, Outcome::Hit(tier), reason));
    }
    alone(layer, context, place, request, None, Outcome::Miss(reason)).await
}
