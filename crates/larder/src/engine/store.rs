//! The shared store as one object, whatever its type.
//!
//! The boxed futures keep `Cache` free of type parameters. A fresh hit in memory never gets here.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::{Claim, Claimed, Leases, Left, Token};
use larder_core::log::position::{Incarnation, LogId};
use larder_core::log::selector::Event;
use larder_core::store::{Cursor, Log, Look, Reclaim, Reclaimed, SharedTier, StoreError, Sweep};

type CloseFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`SharedTier`], [`Leases`] and [`Log`] in one object.
pub(crate) trait Store: Send + Sync + 'static {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Bytes>>;
    fn set<'a>(&'a self, key: &'a str, value: Bytes, expiry: Duration) -> StoreFuture<'a, ()>;
    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()>;
    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Claimed>;
    fn extend<'a>(&'a self, address: &'a str, token: Token, life: Duration) -> StoreFuture<'a, bool>;
    fn release<'a>(&'a self, address: &'a str, token: Token, left: Left) -> StoreFuture<'a, ()>;
    fn set_and_release<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Duration,
        leased: &'a str,
        token: Token,
    ) -> StoreFuture<'a, ()>;
    fn reclaim<'a>(&'a self, what: &'a Reclaim, from: Option<Sweep>) -> StoreFuture<'a, Reclaimed>;
    fn alarm(&self, cursor: Cursor, at_most: Duration) -> StoreFuture<'_, ()>;
    fn look(&self, cursor: Cursor) -> StoreFuture<'_, Look>;
    fn append<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, (Incarnation, LogId)>;
    fn ready(&self) -> StoreFuture<'_, ()>;
    fn close(&self) -> CloseFuture<'_>;
}

impl<T: Leases + Log> Store for T {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(SharedTier::get(self, key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, expiry: Duration) -> StoreFuture<'a, ()> {
        Box::pin(SharedTier::set(self, key, value, expiry))
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(SharedTier::remove(self, key))
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Claimed> {
        Box::pin(Leases::claim(self, claim))
    }

    fn extend<'a>(&'a self, address: &'a str, token: Token, life: Duration) -> StoreFuture<'a, bool> {
        Box::pin(Leases::extend(self, address, token, life))
    }

    fn release<'a>(&'a self, address: &'a str, token: Token, left: Left) -> StoreFuture<'a, ()> {
        Box::pin(Leases::release(self, address, token, left))
    }

    fn set_and_release<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Duration,
        leased: &'a str,
        token: Token,
    ) -> StoreFuture<'a, ()> {
        Box::pin(Leases::set_and_release(self, key, value, expiry, leased, token))
    }

    fn reclaim<'a>(&'a self, what: &'a Reclaim, from: Option<Sweep>) -> StoreFuture<'a, Reclaimed> {
        Box::pin(SharedTier::reclaim(self, what, from))
    }

    fn alarm(&self, cursor: Cursor, at_most: Duration) -> StoreFuture<'_, ()> {
        Box::pin(Log::alarm(self, cursor, at_most))
    }

    fn look(&self, cursor: Cursor) -> StoreFuture<'_, Look> {
        Box::pin(Log::look(self, cursor))
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, (Incarnation, LogId)> {
        Box::pin(Log::append(self, events))
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        Box::pin(Log::ready(self))
    }

    fn close(&self) -> CloseFuture<'_> {
        Box::pin(SharedTier::close(self))
    }
}
