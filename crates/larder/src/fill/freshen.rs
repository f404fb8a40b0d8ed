//! Freshening: the handler confirmed a stale response (RFC 9111 §4.3.4).

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
use larder_core::http::update;

use super::making::Making;
use super::run::{Began, Client, Fill};
use crate::report::headers::Forwarded;
use crate::said::{CacheFor, Tags};
use crate::serve;

impl Fill {
    /// Makes of the stale response one that has just arrived, and is judged like one.
    pub(super) async fn freshen<B, E>(
        mut self,
        response: Response<B>,
        began: Began,
        cost: Duration,
        client: Client<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let Some(stale) = self.stale.take() else { return };
        let mut headers = stale.held.stored_headers();
        if !update::freshen(&mut headers, response.headers()) {
            // It confirms something that is not stored. There is no second request to send: its body is gone.
            return self.keep(response, began, cost, client).await;
        }
        let (mut parts, _) = response.into_parts();
        self.ask.named.inherit(&mut parts.extensions);
        let mut tags: Vec<_> = stale.held.meta.names.tags().collect();
        tags.extend(parts.extensions.remove::<Tags>().unwrap_or_default().into_vec());
        let said: CacheFor = parts.extensions.remove().unwrap_or_default();
        let arrived = self.route.cache.clock.wall();
        let status = stale.held.status;
        let judged = self.judge(status, &headers, &said, began, arrived);
        let not_stored = judged.as_ref().err().copied();
        // The time it took to make it is that of the run that made it, not of the one that confirmed it.
        let cost = stale.held.meta.cost.max(cost);
        let making = match judged {
            Ok(judged) => Making::of(judged, tags, arrived, began, cost).validated(&stale.held),
            Err(_) => Making::of_failure(arrived, began, cost),
        };
        let held = self.make(status, headers.clone(), stale.held.body.clone(), &making);
        parts.status = status;
        parts.headers = headers;
        let forwarded = Forwarded::by_handler(StatusCode::NOT_MODIFIED, not_stored.map_or(Ok(()), Err));
        let of_use = match not_stored {
            None => self.commit(&held, &making),
            Some(reason) => {
                self.let_go(reason, true);
                false
            }
        };
        self.answer(client, serve::made(parts, &held), forwarded);
        self.share(&held, of_use).await;
    }
}
