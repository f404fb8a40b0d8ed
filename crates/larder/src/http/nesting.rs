//! Layers within layers: the innermost one handles the request.
//!
//! An outer layer cannot see the structure of its inner service. So each request that it passes on
//! carries an [`OuterRun`]. A layer further in that gets the request first reports itself there.
//! The outer layer then does not store or share the response, adds no field to it, and remembers
//! the route.
//!
//! Until a route has answered once, the outer layer does not know whether there is such a layer.
//! There is none if no other layer exists in this process. A clone of the inner service
//! ([`clones_a_layer`]) reveals every layer that is not behind a shared service such as `Router`.
//! If that does not decide it, the first flight is *provisional*: the request is passed on
//! unaltered, and a response that is already in the shared tier is not served.

use std::any::type_name;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use tokio::sync::Notify;

use crate::engine::switches::layer_flags::{LayerFlag, LayerFlags};
use crate::http::explanation::explain_slot::ExplainSlot;
use crate::http::request::axum_route::MatchedRoute;

/// The maximum number of entries of a table: more routes than most applications have.
const CAPACITY: usize = 4_096;

/// The run of one request through an outer layer, as an extension of the request.
#[derive(Clone)]
pub(crate) struct OuterRun(Arc<Run>);

struct Run {
    is_nested: AtomicBool,
    reported: Notify,
    /// The place in the table where the result is remembered.
    ///
    /// A request with an unsafe method has none: its path may have a layer for `POST` alone.
    place: Option<RunRoute>,
    /// The place for an explanation, if the request is to be explained and not served.
    explained: Option<ExplainSlot>,
}

/// A place in the table where the result of a run is remembered.
struct RunRoute {
    table: Arc<NestingTable>,
    route: MatchedRoute,
    /// The path, if the route alone does not decide.
    path: Option<Box<str>>,
}

impl RunRoute {
    /// Returns the place of this request.
    fn of(table: &Arc<NestingTable>, parts: &Parts) -> Self {
        let place = RoutePath::of(parts);
        let path = place.may_go_on().then(|| place.path.into());
        Self { table: Arc::clone(table), route: MatchedRoute::of(parts), path }
    }

    fn place(&self) -> RoutePath<'_> {
        RoutePath { route: self.route.as_str(), path: self.path.as_deref().unwrap_or_default() }
    }
}

impl OuterRun {
    /// Adds an `OuterRun` to a request whose response this layer might store.
    pub(crate) fn begin(table: &Arc<NestingTable>, parts: &mut Parts) -> Self {
        Self::of(Some(RunRoute::of(table, parts)), parts)
    }

    /// Adds an `OuterRun` to a request with an unsafe method.
    pub(crate) fn of_write(parts: &mut Parts) -> Self {
        Self::of(None, parts)
    }

    /// Returns the run of a request that a disabled layer passes on.
    ///
    /// If the request came through another layer, the layers around and within this one are as if
    /// this one did not exist.
    pub(crate) fn of_disabled(parts: &mut Parts) -> Self {
        if Self::is_within(parts) { Self::new(None, true) } else { Self::of(None, parts) }
    }

    /// Returns the extension of a request that is to be explained and not served.
    pub(crate) fn of_explained(slot: ExplainSlot) -> Self {
        Self::with(None, false, Some(slot))
    }

    /// Marks an explained request that this layer leaves to one further in.
    pub(crate) fn leave_explained(table: &Arc<NestingTable>, parts: &mut Parts, slot: ExplainSlot) {
        let place = RunRoute::of(table, parts);
        parts.extensions.insert(Self::with(Some(place), true, Some(slot)));
    }

    fn of(place: Option<RunRoute>, parts: &mut Parts) -> Self {
        let run = Self::new(place, false);
        parts.extensions.insert(run.clone());
        run
    }

    fn new(place: Option<RunRoute>, is_nested: bool) -> Self {
        Self::with(place, is_nested, None)
    }

    fn with(place: Option<RunRoute>, is_nested: bool, explained: Option<ExplainSlot>) -> Self {
        let (is_nested, reported) = (AtomicBool::new(is_nested), Notify::new());
        Self(Arc::new(Run { is_nested, reported, place, explained }))
    }

    /// Reports to an outer layer, if there is one, that the request is handled here.
    ///
    /// A layer of a disabled cache handles nothing. If the request is to be explained and not
    /// served, nothing is reported, and the place for the explanation is returned.
    #[inline]
    pub(super) fn report(parts: &Parts, table: &NestingTable) -> Option<ExplainSlot> {
        parts.extensions.get::<Self>()?.note_nested(table)
    }

    #[cold]
    fn note_nested(&self, inner: &NestingTable) -> Option<ExplainSlot> {
        if self.0.explained.is_some() {
            return self.0.explained.clone();
        }
        if !inner.flags.has(LayerFlag::Disabled) {
            self.record(Nesting::Nested);
            self.0.is_nested.store(true, Ordering::Release);
            self.0.reported.notify_one();
        }
        None
    }

    /// Notes that the inner service has answered without a layer further in.
    pub(crate) fn note_plain(&self) {
        self.record(Nesting::Plain);
    }

    fn record(&self, nesting: Nesting) {
        if let Some(place) = &self.0.place {
            place.table.record(place.place(), nesting);
        }
    }

    /// Whether the request came through another layer before this one.
    pub(crate) fn is_within(parts: &Parts) -> bool {
        let is_layer = |Self(run): &Self| run.explained.is_none() || run.place.is_some();
        parts.extensions.get::<Self>().is_some_and(is_layer)
    }

    /// Whether the request came through this same layer before, because it was applied twice.
    fn is_of(parts: &Parts, table: &NestingTable) -> bool {
        let place = parts.extensions.get::<Self>().and_then(|Self(run)| run.place.as_ref());
        place.is_some_and(|place| std::ptr::eq(&raw const *place.table, table))
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

/// Whether there is a layer in the inner service of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// No layer further in handles the route's requests.
    Plain,
    /// A layer further in handles them.
    Nested,
}

/// The facts that a layer has learned about its routes.
#[derive(Debug, Default)]
pub(crate) struct NestingTable {
    /// The flags of the layer. One of them is set once any route is [`Nested`](Nesting::Nested).
    flags: Arc<LayerFlags>,
    learned: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    /// The routes, by the path that axum routed a request by.
    ///
    /// All requests without such a path are one route.
    routes: HashMap<Box<str>, Nesting>,
    /// The paths of routes of which some requests are nested, and others may not be.
    paths: HashMap<Box<str>, Nesting>,
}

/// The route and the path of a request, by which it is found in the table.
#[derive(Clone, Copy)]
pub(crate) struct RoutePath<'a> {
    route: &'a str,
    path: &'a str,
}

impl<'a> RoutePath<'a> {
    pub(crate) fn of(parts: &'a Parts) -> Self {
        let route = crate::http::request::axum_route::matched_path(parts).unwrap_or_default();
        Self { route, path: crate::http::request::axum_route::whole_uri(parts).path() }
    }

    /// Whether a router further in may route the request by more than the path of this route.
    fn may_go_on(self) -> bool {
        self.route.is_empty() || self.route.contains("{*")
    }
}

impl NestingTable {
    /// Returns the table of a layer with these flags.
    pub(crate) fn new(flags: Arc<LayerFlags>) -> Self {
        Self { flags, learned: Mutex::default() }
    }

    /// Whether a layer further in is known to handle this request.
    pub(crate) fn is_left_to_inner(&self, parts: &Parts) -> bool {
        self.flags.has(LayerFlag::Nested)
            && self.get(RoutePath::of(parts)) == Some(Nesting::Nested)
            && !OuterRun::is_of(parts, self)
    }

    pub(crate) fn get(&self, place: RoutePath<'_>) -> Option<Nesting> {
        let learned = self.learned();
        match learned.routes.get(place.route).copied() {
            Some(Nesting::Nested) if place.may_go_on() => learned.paths.get(place.path).copied(),
            nesting => nesting,
        }
    }

    pub(crate) fn record(&self, place: RoutePath<'_>, nesting: Nesting) {
        if self.get(place) == Some(nesting) {
            return;
        }
        let learned = &mut *self.learned();
        let is_nested =
            nesting == Nesting::Nested || learned.routes.get(place.route) == Some(&Nesting::Nested);
        if is_nested && place.may_go_on() {
            insert(&mut learned.paths, place.path, nesting);
        }
        insert(&mut learned.routes, place.route, if is_nested { Nesting::Nested } else { Nesting::Plain });
        if is_nested {
            self.flags.set(LayerFlag::Nested);
        }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Inserts an entry. A full table is cleared first and learned again.
fn insert(table: &mut HashMap<Box<str>, Nesting>, name: &str, nesting: Nesting) {
    if table.len() >= CAPACITY && !table.contains_key(name) {
        table.clear();
    }
    table.insert(name.into(), nesting);
}

/// The number of layers in this process.
static LAYERS: AtomicUsize = AtomicUsize::new(0);

/// Counts one layer for as long as it exists.
#[derive(Debug)]
pub(crate) struct Existing(());

impl Existing {
    pub(crate) fn new() -> Self {
        LAYERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Existing {
    fn drop(&mut self) {
        LAYERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether no layer can be in `inner` for this request. `false` if that is not certain.
pub(super) fn is_certainly_plain<S: Clone>(inner: &S, parts: &Parts) -> bool {
    if LAYERS.load(Ordering::Relaxed) == 1 {
        return true;
    }
    let name = type_name::<S>();
    // A clone of these types shares the services in it and does not clone them.
    let shares = ["Router", "Buffer", "Arc<"].iter().any(|word| name.contains(word));
    // axum's type for a route may contain such a service if the path says that more is to be
    // routed.
    let may_route_further = name.contains("routing::route::Route") && RoutePath::of(parts).may_go_on();
    !shares && !may_route_further && !clones_a_layer(inner)
}

/// The number of threads that look for layers. If it is zero, a clone does no more than read it.
static PROBES: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of layers that were cloned on this thread.
    static CLONES: Cell<usize> = const { Cell::new(0) };
}

/// Whether a service contains a layer that is cloned with the service.
fn clones_a_layer<S: Clone>(service: &S) -> bool {
    let _looking = Probe::begin();
    let before = CLONES.get();
    drop(service.clone());
    CLONES.get() != before
}

struct Probe;

impl Probe {
    fn begin() -> Self {
        PROBES.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        PROBES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the clone of a layer's service, if a thread looks for layers.
#[inline]
pub(super) fn note_clone() {
    // A thread always sees its own addition.
    if PROBES.load(Ordering::Relaxed) > 0 {
        CLONES.set(CLONES.get().wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(route: &'a str, path: &'a str) -> RoutePath<'a> {
        RoutePath { route, path }
    }

    #[test]
    fn a_table_that_is_full_learns_again() {
        let table = NestingTable::default();
        for number in 0..=CAPACITY {
            table.record(at(&number.to_string(), "/"), Nesting::Plain);
        }
        assert_eq!(table.get(at("0", "/")), None);
        assert_eq!(table.get(at(&CAPACITY.to_string(), "/")), Some(Nesting::Plain));
    }

    #[test]
    fn a_route_is_known_by_one_answer_and_path_by_path_once_one_of_them_is_nested() {
        let table = NestingTable::default();
        table.record(at("/{id}", "/1"), Nesting::Plain);
        assert_eq!(table.get(at("/{id}", "/2")), Some(Nesting::Plain));
        table.record(at("/{id}", "/2"), Nesting::Nested);
        assert_eq!(table.get(at("/{id}", "/1")), Some(Nesting::Nested));
        for route in ["", "/in/{*rest}"] {
            let table = NestingTable::default();
            table.record(at(route, "/a"), Nesting::Plain);
            assert_eq!(table.get(at(route, "/b")), Some(Nesting::Plain), "one route, as far as is known");
            table.record(at(route, "/b"), Nesting::Nested);
            assert_eq!(table.get(at(route, "/b")), Some(Nesting::Nested));
            assert_eq!(table.get(at(route, "/c")), None);
            table.record(at(route, "/c"), Nesting::Plain);
            assert_eq!(table.get(at(route, "/c")), Some(Nesting::Plain));
            assert_eq!(table.get(at(route, "/b")), Some(Nesting::Nested));
        }
    }
}
