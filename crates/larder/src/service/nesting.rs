//! Layers inside of layers: the innermost one handles the request.
//!
//! An outer layer cannot see what its inner service consists of, so each request that it passes on carries an
//! [`OuterRun`]. A layer further in that gets the request reports itself there, before it does anything else. The outer
//! layer then neither stores nor shares the response, adds no field to it, and remembers the route.
//!
//! Until a route has answered once, the outer layer does not know whether there is such a layer. Cloning the inner service
//! ([`clones_a_layer`]) finds every layer that is not behind a shared service such as `Router`. Where that does not decide
//! it, the first flight is *provisional*: the request is passed on unaltered, and a response that the shared tier holds
//! already is not served.

use std::any::type_name;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use tokio::sync::Notify;

use super::route::Route;

/// More routes than most applications have. Where they are known by their paths, they are learned again.
const CAPACITY: usize = 4_096;

/// One request on its way through an outer layer, as an extension of the request.
#[derive(Clone)]
pub(crate) struct OuterRun(Arc<Run>);

struct Run {
    is_nested: AtomicBool,
    reported: Notify,
    /// Where to remember it: the layer, and the name of the route. A write has none, as the same path may have a layer for
    /// `POST` alone.
    route: Option<(Arc<Route>, Box<str>)>,
}

impl OuterRun {
    /// Gives a request that this layer might store the response to an `OuterRun` of its own.
    pub(crate) fn begin(route: &Arc<Route>, parts: &mut Parts) -> Self {
        let place = place(parts).into();
        Self::of(Some((Arc::clone(route), place)), parts)
    }

    /// The same for a request with an unsafe method.
    pub(crate) fn of_write(parts: &mut Parts) -> Self {
        Self::of(None, parts)
    }

    fn of(route: Option<(Arc<Route>, Box<str>)>, parts: &mut Parts) -> Self {
        let run = Run { is_nested: AtomicBool::new(false), reported: Notify::new(), route };
        let run = Self(Arc::new(run));
        parts.extensions.insert(run.clone());
        run
    }

    /// Reports to the layer around this one, if there is one, that the request is handled here.
    #[inline]
    pub(super) fn report(parts: &Parts) {
        if let Some(run) = parts.extensions.get::<Self>() {
            run.note_nested();
        }
    }

    #[cold]
    fn note_nested(&self) {
        self.learn(Nesting::Nested);
        self.0.is_nested.store(true, Ordering::Release);
        self.0.reported.notify_one();
    }

    /// Notes that the inner service has answered, without a layer further in.
    pub(crate) fn note_plain(&self) {
        self.learn(Nesting::Plain);
    }

    fn learn(&self, nesting: Nesting) {
        if let Some((route, place)) = &self.0.route {
            route.nesting.learn(place, nesting);
        }
    }

    /// Whether the request came through another layer before it came to this one.
    pub(super) fn is_within(parts: &Parts) -> bool {
        parts.extensions.get::<Self>().is_some()
    }

    /// Whether a layer further in handles the request.
    pub(crate) fn is_nested(&self) -> bool {
        self.0.is_nested.load(Ordering::Acquire)
    }

    /// Waits until a layer further in gets the request.
    pub(crate) async fn nested(&self) {
        while !self.is_nested() {
            self.0.reported.notified().await;
        }
    }
}

/// What is known about the inner service of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// No layer further in handles its requests.
    Plain,
    /// A layer further in does.
    Nested,
}

/// What a layer has learned about its routes.
#[derive(Debug, Default)]
pub(crate) struct NestingTable {
    /// Whether any route is [`Nested`](Nesting::Nested).
    any: AtomicBool,
    routes: Mutex<HashMap<Box<str>, Nesting>>,
}

impl NestingTable {
    /// Whether a layer further in is known to handle this request.
    #[inline]
    pub(crate) fn is_nested(&self, parts: &Parts) -> bool {
        // All that most requests look at.
        self.any.load(Ordering::Relaxed) && self.get(place(parts)) == Some(Nesting::Nested)
    }

    pub(crate) fn get(&self, place: &str) -> Option<Nesting> {
        self.routes().get(place).copied()
    }

    pub(crate) fn learn(&self, place: &str, nesting: Nesting) {
        let mut routes = self.routes();
        if routes.get(place) == Some(&nesting) {
            return;
        }
        if routes.len() >= CAPACITY {
            routes.clear();
        }
        routes.insert(place.into(), nesting);
        if nesting == Nesting::Nested {
            self.any.store(true, Ordering::Relaxed);
        }
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<Box<str>, Nesting>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name that a request's route has in the table: the path that axum routed it by, or its own path where that says less
/// than which handler it was for.
pub(crate) fn place(parts: &Parts) -> &str {
    route(parts).unwrap_or_else(|| crate::route::whole_uri(parts).path())
}

fn route(parts: &Parts) -> Option<&str> {
    crate::route::matched_path(parts).filter(|path| !path.contains("{*"))
}

/// Whether no layer can be inside of `inner` for this request. `false` where that is not certain.
pub(super) fn is_certainly_plain<S: Clone>(inner: &S, parts: &Parts) -> bool {
    let name = type_name::<S>();
    // A clone of these shares the services in it, so that it does not clone them.
    let shares = ["Router", "Buffer", "Arc<"].iter().any(|word| name.contains(word));
    // axum's type for a route may hold such a service where the path says that more is to be routed.
    let may_route_further = name.contains("routing::route::Route") && route(parts).is_none();
    !shares && !may_route_further && !clones_a_layer(inner)
}

/// Threads that look for layers. Without one, a clone looks at this alone.
static LOOKING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Layers that were cloned on this thread.
    static CLONED: Cell<usize> = const { Cell::new(0) };
}

/// Whether a service contains a layer, as far as a clone of it clones that layer.
fn clones_a_layer<S: Clone>(service: &S) -> bool {
    let _looking = Looking::begin();
    let before = CLONED.get();
    drop(service.clone());
    CLONED.get() != before
}

struct Looking;

impl Looking {
    fn begin() -> Self {
        LOOKING.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Called by each layer's service that is cloned.
#[inline]
pub(super) fn note_clone() {
    // A thread always sees its own addition.
    if LOOKING.load(Ordering::Relaxed) > 0 {
        CLONED.set(CLONED.get().wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_full_learns_again() {
        let table = NestingTable::default();
        for number in 0..=CAPACITY {
            table.learn(&number.to_string(), Nesting::Plain);
        }
        assert_eq!(table.get("0"), None);
        assert_eq!(table.get(&CAPACITY.to_string()), Some(Nesting::Plain));
        table.learn("a", Nesting::Plain);
        table.learn("a", Nesting::Nested);
        assert_eq!(table.get("a"), Some(Nesting::Nested));
    }
}
