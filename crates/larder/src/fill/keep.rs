//! Judge and store: what becomes of the handler's response.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{DATE, ETAG, SET_COOKIE};
use http::{HeaderMap, Response, StatusCode, response};
use http_body::Body;
use larder_core::http::cache_control::ResponseDirectives;
use larder_core::http::freshness::Lifetime;
use larder_core::http::storable::{Judged, judge};
use larder_core::http::vary::{self, Vary};
use larder_core::http::{date, fields, update, validators};
use larder_core::log::selector::Tag;
use larder_core::outcome::NotStored;
use larder_core::stored::{Flags, Meta, Selecting, StoredResponse, address, wire};
use larder_core::time::Wall;

use super::collect::{AtOnce, Collector, Step};
use super::flight::Ended;
use super::run::{Began, Client, Fill};
use super::tee::tee;
use crate::body::CacheBody;
use crate::memory::held::Held;
use crate::report::Exchange;
use crate::report::headers::Forwarded;
use crate::said::{CacheFor, Tags};
use crate::serve;

/// A response's fields may take this many bytes and still be stored.
const MOST_FIELDS: usize = 64 * 1024;
/// Beyond its windows a response is kept for a tenth of its lifetime and at most for this long, so that a miss can be
/// told as *expired* and a validator still used.
const LONGEST_AFTERLIFE: Duration = Duration::from_secs(600);

impl Fill {
    /// Judges the handler's response; stores it if it may be.
    pub(super) async fn keep<B, E>(
        self,
        response: Response<B>,
        began: Began,
        cost: Duration,
        client: Client<B, E>,
    ) where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        let (mut parts, body) = response.into_parts();
        let tags: Tags = parts.extensions.remove().unwrap_or_default();
        let said: CacheFor = parts.extensions.remove().unwrap_or_default();
        let arrived = self.route.cache.inner.clock.wall();
        let policy = &self.route.policy;
        let judged = judge(
            &policy.store,
            self.ask.credentials,
            &self.ask.directives(),
            parts.status,
            &parts.headers,
            said.as_override(),
            began.wall,
            arrived,
        );
        let judged = judged.and_then(|judged| {
            let small = fields::weight(&parts.headers) <= MOST_FIELDS;
            if small && !self.ask.head {
                Ok(judged)
            } else {
                Err(self.why_not())
            }
        });
        match judged {
            Ok(judged) => {
                let making = Making::of(judged, tags.into_vec(), arrived, began, cost);
                self.collect(parts, body, making, client).await;
            }
            Err(_) if self.may_share_failure(&parts) => {
                let making = Making::of_failure(arrived, began, cost);
                self.collect(parts, body, making, client).await;
            }
            Err(reason) => self.pass_on(parts, body, reason, client),
        }
    }

    const fn why_not(&self) -> NotStored {
        if self.ask.head {
            NotStored::Method
        } else {
            NotStored::HeadersTooLarge
        }
    }

    /// Whether a failure of the handler may be told to those who waited for it: they asked the same thing at the same
    /// time, and asking again for each of them would hit a handler that is in trouble.
    fn may_share_failure(&self, parts: &response::Parts) -> bool {
        let directives = ResponseDirectives::parse(&parts.headers);
        self.lead.is_some()
            && parts.status.is_server_error()
            && !parts.headers.contains_key(SET_COOKIE)
            && !directives.private.is_present()
            && Vary::parse(&parts.headers) == Vary::None
    }

    /// Passes on what is not stored. Who waits goes on at once, and for a short while nobody waits for this key.
    fn pass_on<B: Body<Data = Bytes>, E>(
        self,
        parts: response::Parts,
        body: B,
        reason: NotStored,
        client: Client<B, E>,
    ) {
        let cache = &self.route.cache.inner;
        cache.report.judged(Err(reason));
        if let Some(lead) = self.lead {
            if !parts.status.is_server_error() {
                cache
                    .memory
                    .insert_pass(&self.ask.key, &self.ask.headers, cache.clock.boot());
            }
            lead.end(Ended::Alone);
        }
        let forwarded = Forwarded {
            status: Some(parts.status),
            stored: Some(Err(reason)),
            collapsed: false,
        };
        let response = Response::from_parts(parts, CacheBody::inner(body));
        let _ = client.send(Ok(serve::forwarded(
            &self.route,
            &self.ask,
            response,
            self.outcome,
            forwarded,
        )));
    }

    /// Reads the body while the client does, and stores the response at its clean end.
    async fn collect<B, E>(mut self, parts: response::Parts, body: B, making: Making, client: Client<B, E>)
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        let limit = self.route.policy.max_body;
        let hint = body.size_hint();
        if hint.lower() > limit as u64 {
            return self.pass_on(parts, body, NotStored::TooLarge, client);
        }
        let forwarded = Forwarded {
            status: Some(parts.status),
            stored: Some(making.stored()),
            collapsed: false,
        };
        let (status, headers) = (parts.status, parts.headers.clone());
        let body = match Collector::new(body, limit).at_once().await {
            AtOnce::Whole(body) => {
                let held = self.make(status, headers, body, making.clone());
                let _ = client.send(Ok(serve::made(
                    &self.route,
                    &self.ask,
                    parts,
                    &held,
                    self.outcome,
                    forwarded,
                )));
                return self.commit(held, &making).await;
            }
            AtOnce::Pending(collector, first) => {
                let (writer, reader) = tee(hint);
                for data in collector.so_far() {
                    writer.push(http_body::Frame::data(data.clone()));
                }
                let forwarded = Forwarded {
                    stored: first
                        .as_ref()
                        .and_then(Step::forbids)
                        .map(Err)
                        .or(forwarded.stored),
                    ..forwarded
                };
                let response = Response::from_parts(parts, CacheBody::tee(reader));
                let _ = client.send(Ok(serve::forwarded(
                    &self.route,
                    &self.ask,
                    response,
                    self.outcome,
                    forwarded,
                )));
                collector.rest(first, writer).await
            }
        };
        match body {
            Ok(body) => {
                let held = self.make(status, headers, body, making.clone());
                self.commit(held, &making).await;
            }
            Err(reason) => self.give_up(reason),
        }
    }

    /// The client has its response, but it is not one that can be stored after all.
    fn give_up(&mut self, reason: NotStored) {
        let cache = &self.route.cache.inner;
        cache.report.judged(Err(reason));
        let Some(lead) = self.lead.take() else { return };
        // A body that broke off says nothing about the next one: who waits begins a new flight.
        if reason != NotStored::BodyError {
            cache
                .memory
                .insert_pass(&self.ask.key, &self.ask.headers, cache.clock.boot());
            lead.end(Ended::Alone);
        }
    }

    /// The stored response.
    fn make(&mut self, status: StatusCode, headers: HeaderMap, body: Bytes, making: Making) -> Arc<Held> {
        let cache = &self.route.cache.inner;
        let mut headers = headers;
        fields::remove_unstorable(&mut headers);
        // RFC 9110 §6.6.1: "A recipient with a clock that receives a response message without a Date header field MUST
        // record the time it was received and append a corresponding Date header field to the message's header section if
        // it is cached".
        if !headers.contains_key(DATE) {
            headers.insert(DATE, date::format(making.arrived));
        }
        let mut flags = making.flags;
        if self.route.policy.make_etag && status == StatusCode::OK && !headers.contains_key(ETAG) {
            headers.insert(ETAG, validators::strong_etag(&headers, &body));
            flags.own_etag = true;
        }
        let meta = Meta {
            key: self.ask.key.clone(),
            selecting: self.selecting(&headers),
            names: self.ask.named.clone().with(making.tags),
            position: making.began.position,
            response_time: making.arrived,
            initial_age: making.initial_age,
            lifetime: making.lifetime,
            cost: making.cost,
            flags,
        };
        let stored = StoredResponse {
            status,
            headers,
            body,
            meta,
        };
        Arc::new(Held::filled(stored, making.began.boot, cache.clock.boot()))
    }

    /// What the response varies on, and what others of its key do: so that no two of them replace each other in turns.
    fn selecting(&self, headers: &HeaderMap) -> Selecting {
        match Vary::parse(headers) {
            Vary::Fields(fields) => {
                let fields = self.route.cache.inner.memory.fields_with(&self.ask.key, fields);
                vary::selecting(&fields, &self.ask.headers)
            }
            Vary::None | Vary::Any => Selecting::default(),
        }
    }

    /// Keeps the response in memory, tells those who wait, and only then stores it for other instances.
    async fn commit(&mut self, held: Arc<Held>, making: &Making) {
        let cache = Arc::clone(&self.route.cache.inner);
        cache.report.judged(making.stored());
        if making.is_failure {
            if let Some(lead) = self.lead.take() {
                lead.end(Ended::Failed(held));
            }
            return;
        }
        cache.memory.insert(Arc::clone(&held));
        if let Some(lead) = self.lead.take() {
            lead.end(Ended::Stored(Arc::clone(&held)));
        }
        self.share(&held).await;
    }

    /// Stores the response in the shared tier.
    async fn share(&self, held: &Held) {
        let cache = &self.route.cache.inner;
        let Some(store) = &cache.store else { return };
        let stored = StoredResponse {
            status: held.status,
            headers: held.stored_headers(),
            body: held.body.clone(),
            meta: held.meta.clone(),
        };
        let expiry = expiry(&stored.meta.lifetime, stored.meta.initial_age);
        let (key, selecting) = (&stored.meta.key, &stored.meta.selecting);
        let mut sets = vec![];
        if selecting.is_empty() {
            sets.push((address::primary(key), wire::encode(&stored)));
        } else {
            let fields: Vec<_> = selecting.iter().map(|(name, _)| name.clone()).collect();
            sets.push((
                address::variant(key, vary::digest(selecting)),
                wire::encode(&stored),
            ));
            sets.push((
                address::primary(key),
                wire::encode_variants(&fields, key, &stored.meta.position),
            ));
        }
        for (address, value) in sets {
            match store.set(&address, value, expiry).await {
                Ok(()) => cache.report.store_worked(Exchange::Write, &*cache.clock),
                Err(error) => cache.report.store_failed(Exchange::Write, &error, &*cache.clock),
            }
        }
    }

    /// RFC 9111 §4.3.4: the handler confirmed the stale response, which becomes one that has just arrived.
    pub(super) async fn freshen<B, E>(
        mut self,
        response: Response<B>,
        began: Began,
        cost: Duration,
        client: Client<B, E>,
    ) where
        B: Body<Data = Bytes> + Send,
        B::Error: Send,
    {
        let Some(stale) = self.stale.take() else { return };
        let mut headers = stale.held.stored_headers();
        if !update::freshen(&mut headers, response.headers()) {
            // It confirms something that is not stored. There is no second request to send: its body is gone.
            return self.keep(response, began, cost, client).await;
        }
        let (mut parts, _) = response.into_parts();
        let mut tags: Vec<Tag> = stale.held.meta.names.tags().to_vec();
        tags.extend(parts.extensions.remove::<Tags>().unwrap_or_default().into_vec());
        let said: CacheFor = parts.extensions.remove().unwrap_or_default();
        let arrived = self.route.cache.inner.clock.wall();
        let judged = judge(
            &self.route.policy.store,
            self.ask.credentials,
            &self.ask.directives(),
            stale.held.status,
            &headers,
            said.as_override(),
            began.wall,
            arrived,
        );
        // The time it took to make it is that of the run that made it, not of the one that confirmed it.
        let cost = stale.held.meta.cost.max(cost);
        let (status, body) = (stale.held.status, stale.held.body.clone());
        let not_stored = judged.err();
        let making = match judged {
            Ok(judged) => Making::of(judged, tags, arrived, began, cost),
            Err(_) => Making::of_failure(arrived, began, cost),
        };
        let forwarded = Forwarded {
            status: Some(StatusCode::NOT_MODIFIED),
            stored: Some(not_stored.map_or(Ok(()), Err)),
            collapsed: false,
        };
        let held = self.make(status, headers.clone(), body, making.clone());
        parts.status = status;
        parts.headers = headers;
        let _ = client.send(Ok(serve::made(
            &self.route,
            &self.ask,
            parts,
            &held,
            self.outcome,
            forwarded,
        )));
        match not_stored {
            None => self.commit(held, &making).await,
            Some(reason) => self.give_up(reason),
        }
    }
}

/// How a response came to be, and what it is good for.
#[derive(Clone)]
struct Making {
    tags: Vec<Tag>,
    arrived: Wall,
    began: Began,
    cost: Duration,
    initial_age: Duration,
    lifetime: Lifetime,
    flags: Flags,
    /// For those who wait at this moment, and nobody else.
    is_failure: bool,
}

impl Making {
    const fn of(judged: Judged, tags: Vec<Tag>, arrived: Wall, began: Began, cost: Duration) -> Self {
        let Judged {
            lifetime,
            flags,
            initial_age,
            ..
        } = judged;
        Self {
            tags,
            arrived,
            began,
            cost,
            initial_age,
            lifetime,
            flags,
            is_failure: false,
        }
    }

    fn of_failure(arrived: Wall, began: Began, cost: Duration) -> Self {
        let (lifetime, flags) = (Lifetime::default(), Flags::default());
        Self {
            tags: Vec::new(),
            arrived,
            began,
            cost,
            initial_age: Duration::ZERO,
            lifetime,
            flags,
            is_failure: true,
        }
    }

    const fn stored(&self) -> Result<(), NotStored> {
        if self.is_failure {
            Err(NotStored::Status)
        } else {
            Ok(())
        }
    }
}

fn expiry(lifetime: &Lifetime, age: Duration) -> Duration {
    let afterlife = (lifetime.fresh / 10).min(LONGEST_AFTERLIFE);
    let windows = lifetime.while_revalidate.max(lifetime.if_error).max(afterlife);
    lifetime
        .fresh
        .saturating_sub(age)
        .saturating_add(windows)
        .max(Duration::from_secs(1))
}
