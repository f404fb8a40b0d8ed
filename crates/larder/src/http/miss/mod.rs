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
use crate::http::body::service_bounds::{Answer, Inner};
use crate::http::cache_status::Forwarded;
use crate::http::fill::Fill;
use crate::http::fill::claim_fill::{Right, right_to_fill};
use crate::http::fill::refresh::{is_due, refresh};
use crate::http::fill::run::run_detached;
use crate::http::flight_event::{Ended, Flight, Heard, Joined, Lead, arriving};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::{lookup_memory_for, lookup_shared};
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::Ask;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;
use crate::http::miss::alone::{alone, in_part, pass_to_nested};
use crate::http::miss::answer_only_if_cached::only_stored;
use crate::http::miss::follow::{Follower, hear, may_follow};
use crate::http::miss::recheck::{Again, found, look_again, look_for_parts};
use crate::http::miss::settle::{Joining, Taken, taken};
use crate::http::ready_service::Place;
use crate::http::serve;

/// How often a request that waited in vain waits again. Each time costs one run of a handler that fails, and one after
/// the other would make the last of many wait for all of them.
const MOST_WAITS: usize = 2;

/// Answers a request that memory has no fresh response for.
pub(crate) async fn answer<S, Q>(
    route: Arc<LayerState>,
    inner: S,
    request: Request<Q>,
    mut ask: Ask,
    known: Known,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    spawn_follower(&route.engine);
    let place = Place::ready(inner);
    if is_only_if_cached(&route, &ask.headers) {
        return Ok(only_stored(&route, &mut ask, known).await);
    }
    if let Some(reason) = credentials_reason(ask.credentials) {
        return alone(&route, ask, place, request, None, Outcome::Bypass(reason)).await;
    }
    answer_from(route, place, request, ask, known, 0).await
}

/// Answers a request once more, for the rest of a body that it followed and that broke off: it has waited in vain.
pub(super) async fn answer_again<S, Q>(
    route: Arc<LayerState>,
    place: Place<S>,
    request: Request<Q>,
    ask: Ask,
    outcome: Outcome,
    waits: usize,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    if waits == MOST_WAITS {
        return alone(&route, ask, place, request, None, outcome).await;
    }
    let known = lookup_memory_for(&route, ask.sought(), route.engine.clock.boot());
    answer_from(route, place, request, ask, known, waits + 1).await
}

/// Answers a request of which so much is known, and that has waited in vain so often.
async fn answer_from<S, Q>(
    route: Arc<LayerState>,
    mut place: Place<S>,
    request: Request<Q>,
    mut ask: Ask,
    mut known: Known,
    mut waits: usize,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    // For a request for parts: what was found in the shared tier.
    let mut looked = None;
    let until = Instant::now() + route.policy.fill_limits.follow();
    loop {
        let stale = match known {
            Known::Stale(stale) if stale.while_revalidate => {
                return Ok(serve_and_refresh(&route, ask, place, request, stale));
            }
            Known::Fresh(held, tier) => {
                let response = serve::asked(&route, &ask, &held, Outcome::Hit(tier));
                if is_due(&route, &held, route.engine.clock.boot()) {
                    refresh(&route, ask, place, request, Stale::early(held, tier));
                }
                return Ok(response);
            }
            Known::Pass => {
                return alone(&route, ask, place, request, None, Outcome::Miss(MissReason::Pass)).await;
            }
            Known::Stale(stale) => Ok(stale),
            Known::Part(_) => Err(MissReason::Partial),
            Known::Missing(reason) => Err(reason),
        };
        let reason = stale.as_ref().map_or_else(|reason| *reason, |stale| stale.reason);
        if ask.range && stale.is_err() {
            if ask.provisional {
                return in_part(&route, ask, place, request, None, reason).await;
            }
            if let Some(base) = looked {
                return in_part(&route, ask, place, request, base, reason).await;
            }
            known = look_for_parts(&route, &ask, reason).await;
            if matches!(known, Known::Missing(_)) && ask.moves_on(&route) {
                known = lookup_memory_for(&route, ask.sought(), route.engine.clock.boot());
                continue;
            }
            looked = Some(match &known {
                Known::Part(base) => Some(Arc::clone(base)),
                _ => None,
            });
            continue;
        }
        let mut arriving = None;
        let fail = may_follow::<<S::Body as Body>::Error>(&ask);
        let (flight, joined, ended, reason) = match join(&route, &ask) {
            Turn::Lead(lead) => match look_again(&route, &ask, stale).await {
                Again::Lead(..) if ask.moves_on(&route) => {
                    drop(lead);
                    known = lookup_memory_for(&route, ask.sought(), route.engine.clock.boot());
                    continue;
                }
                Again::Lead(stale, reason, _) if ask.head => {
                    drop(lead);
                    return alone(&route, ask, place, request, stale, Outcome::Miss(reason)).await;
                }
                Again::Lead(stale, reason, seen) => {
                    match right_to_fill(&route, &ask, &lead, stale, seen, &mut place).await {
                        Right::Fill(lease, stale) => {
                            let outcome = Outcome::Miss(reason);
                            let clients = Clients::for_flight(lead.flight());
                            let lead = Some(lead);
                            let fill = Fill {
                                route,
                                ask,
                                lead,
                                lease,
                                stale,
                                base: None,
                                outcome,
                                clients,
                                late: false,
                            };
                            return run_detached(fill, place, request).await;
                        }
                        Right::Known(next) => {
                            known = found(lead, next);
                            continue;
                        }
                        Right::Elsewhere => {
                            drop(lead);
                            ask.moves_on(&route);
                            known = lookup_memory_for(&route, ask.sought(), route.engine.clock.boot());
                            continue;
                        }
                        Right::Ended(ended) => {
                            let flight = Arc::clone(lead.flight());
                            let (boot, position) = (flight.began, flight.position);
                            // The claim has compared the times already.
                            let joined = Joining { boot, wall: Wall::default(), position };
                            lead.finish(ended.clone());
                            (flight, joined, Some(ended), reason)
                        }
                    }
                }
                Again::Known(next) => {
                    known = found(lead, next);
                    continue;
                }
            },
            Turn::Wait(flight, joined) => {
                let seat = flight.clients.guard();
                place.leave();
                let heard = timeout_at(until, hear(&flight, &ask, fail.is_some())).await;
                let ended = match heard {
                    Err(_) => {
                        drop(seat);
                        return rerun(&route, ask, place, request, (reason, until)).await;
                    }
                    Ok(Some(Heard::Arriving(body))) => {
                        let head = Ended::Stored(Arc::clone(&body.head));
                        arriving = Some((body, seat));
                        Some(head)
                    }
                    Ok(Some(Heard::Ended(ended))) => Some(ended),
                    Ok(None) => None,
                };
                (flight, joined, ended, reason)
            }
        };
        match taken(&route, &ask, &flight, joined, ended.as_ref()) {
            Taken::Served(held, outcome) => {
                let response = shared(&route, &ask, &held, outcome, reason);
                let Some(((arriving, seat), fail)) = arriving.zip(fail) else { return Ok(response) };
                let follower = Follower { route, place, request, ask, waits, reason, fail, seat };
                return Ok(response.map(|_| follower.follow(arriving)));
            }
            Taken::Alone => return alone(&route, ask, place, request, None, Outcome::Miss(reason)).await,
            Taken::Nested => return pass_to_nested(&route, ask, place, request).await,
            Taken::Anew | Taken::Elsewhere if waits == MOST_WAITS => {
                return rerun(&route, ask, place, request, (reason, until)).await;
            }
            taken @ (Taken::Anew | Taken::Elsewhere) => {
                waits += 1;
                match taken {
                    Taken::Elsewhere => ask.is_left(&route),
                    _ => {
                        ask.moves_on(&route);
                    }
                }
                known = lookup_memory_for(&route, ask.sought(), route.engine.clock.boot());
            }
        }
    }
}

enum Turn {
    Lead(Lead),
    Wait(Arc<Flight>, Joining),
}

/// Rule 13: "A request may join a flight only if `max(flight began, confirmed_at) + max_staleness ≥ now`."
fn join(route: &LayerState, ask: &Ask) -> Turn {
    let inner = &route.engine;
    // In this order. What a look confirms after the position was read may be what the flight has missed; and a position
    // read before the flight is found is never beyond what the flight may have missed.
    let (now, confirmed_at) = (inner.clock.boot(), inner.log.confirmed_at());
    let position = inner.log.position();
    let may_join = |flight: &Flight| {
        inner.log.may_join(flight.began, confirmed_at, now) && !is_in_vain(route, ask, flight, position)
    };
    match route.http.flights.join(ask.flight(route), now, position, may_join) {
        Joined::Leader(lead) => Turn::Lead(lead),
        Joined::Follower(flight) => {
            Turn::Wait(flight, Joining { boot: now, wall: inner.clock.wall(), position })
        }
    }
}

/// Whether something that names the request's own response was invalidated since the flight began: its outcome would be
/// refused in the end, so that waiting for it could only make this request as slow as two. (Names that the handler gives
/// are known when the head of its response is.)
fn is_in_vain(route: &LayerState, ask: &Ask, flight: &Flight, joining_at: Position) -> bool {
    let inner = &route.engine;
    if joining_at == flight.position {
        return false;
    }
    let now = inner.clock.boot();
    let is_refused =
        |names: &Names| inner.log.read(|tail| tail.check(&flight.position, names, now)) != Verdict::Valid;
    match arriving(flight) {
        Some(arriving) => {
            is_refused(&arriving.head.meta.names)
                || ask.search.as_ref().is_some_and(|own| is_refused(own.own()))
        }
        None => is_refused(&ask.named.clone().with([])),
    }
}

/// Serves what another request's fill brought.
fn shared<B: Body>(
    route: &LayerState,
    ask: &Ask,
    held: &Arc<Held>,
    outcome: Outcome,
    reason: MissReason,
) -> Response<CacheBody<B>> {
    if !matches!(outcome, Outcome::Hit(_)) && !ask.completes {
        route.engine.report.collapsed();
    }
    match outcome {
        Outcome::Hit(_) => serve::asked(route, ask, held, outcome),
        Outcome::Stale(tier, _) => serve::stands_in(route, ask, held, tier, Forwarded::in_vain(None, true)),
        Outcome::Miss(_) | Outcome::Bypass(_) => {
            let forwarded = Forwarded { collapsed: true, ..Forwarded::default() };
            serve::collapsed(route, ask, held, Outcome::Miss(reason), forwarded)
        }
    }
}

/// Serves a stale response now, and has one request refresh it.
fn serve_and_refresh<S, Q>(
    route: &Arc<LayerState>,
    ask: Ask,
    place: Place<S>,
    request: Request<Q>,
    stale: Stale,
) -> Response<CacheBody<S::Body>>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
    let response = serve::asked(route, &ask, &stale.held, outcome);
    refresh(route, ask, place, request, stale);
    response
}

/// Runs the handler for a request that waited for others, and got nothing it could use. Few of them do so at once.
async fn rerun<S, Q>(
    route: &Arc<LayerState>,
    ask: Ask,
    place: Place<S>,
    request: Request<Q>,
    (reason, until): (MissReason, Instant),
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    let deadline = until + route.policy.fill_limits.turn();
    let _permit = route.engine.reruns.wait_for_permit(ask.flight(route), deadline).await;
    // Another one may have filled the key meanwhile.
    let known = match lookup_memory_for(route, ask.sought(), route.engine.clock.boot()) {
        Known::Missing(reason) if !route.http.memory.keeps() && !ask.provisional => {
            lookup_shared(route, ask.sought(), reason).await
        }
        known => known,
    };
    if let Known::Fresh(held, tier) = known {
        return Ok(shared(route, &ask, &held, Outcome::Hit(tier), reason));
    }
    alone(route, ask, place, request, None, Outcome::Miss(reason)).await
}
