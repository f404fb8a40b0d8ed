//! Making a coded form in the background, once.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::content_coding::ContentCoding;

use crate::engine::keyed_jobs::{Job, JobStart, JobWait};
use crate::engine::shared::Engine;
use crate::http::coding_jobs::CodingJobKey;
use crate::http::encode::body_codec;
use crate::http::encode::shared_form::{read_coded_body, write_coded_body};
use crate::http::http_state::HttpState;
use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::CachedResponse;

/// Makes the form of a response in this coding, unless it is being made already.
pub(crate) fn make_form(layer: &LayerState, cached: &Arc<CachedResponse>, coding: ContentCoding) {
    if cached.note_being_coded(coding) && begin(layer, cached, coding).is_none() {
        // The next request tries again.
        cached.note_not_being_coded(coding);
    }
}

/// Makes the form of a response in this coding, and returns the wait for its body.
///
/// Returns `None` if too many forms are being made.
pub(super) fn begin(
    layer: &LayerState,
    cached: &Arc<CachedResponse>,
    coding: ContentCoding,
) -> Option<JobWait<Bytes>> {
    let key = CodingJobKey::of(cached, coding);
    match layer.http.coding_jobs.begin(key.clone()) {
        JobStart::Running(wait) => Some(wait),
        JobStart::Full => None,
        JobStart::Begun(job) => {
            let wait = job.wait();
            let coding_run = CodingRun {
                engine: Arc::clone(&layer.engine),
                http: Arc::clone(&layer.http),
                cached: Arc::clone(cached),
                key,
                job,
            };
            let closing = layer.engine.background.closing();
            layer.engine.background.spawn(async move {
                // A form that is not made when the cache closes is made by the next process.
                closing.run_until_cancelled(coding_run.run()).await;
            });
            Some(wait)
        }
    }
}

/// One run of a codec, for one response.
struct CodingRun {
    engine: Arc<Engine>,
    http: Arc<HttpState>,
    cached: Arc<CachedResponse>,
    key: CodingJobKey,
    job: Job<CodingJobKey, Bytes>,
}

impl CodingRun {
    /// Reads the coded body from the shared tier, or makes it and stores it in both tiers.
    async fn run(self) {
        let Self { engine, http, cached, key, job } = self;
        let shared = read_coded_body(&engine, &http, &cached, &key).await;
        let is_made = shared.is_none();
        let coded = match shared {
            Some(coded) => coded,
            None => {
                let Some(_permit) = job.permit().await else { return };
                code(key.coding, cached.body.clone()).await
            }
        };
        http.memory.add_coded_body(&cached, key.coding, &coded);
        cached.note_not_being_coded(key.coding);
        job.finish(coded.clone());
        if is_made {
            write_coded_body(&engine, &cached, &key, &coded).await;
        }
    }
}

/// Codes a body in a thread for blocking work. Returns an empty body if that makes it no smaller.
async fn code(coding: ContentCoding, body: Bytes) -> Bytes {
    let length = body.len();
    let coded = tokio::task::spawn_blocking(move || body_codec::code(coding, &body)).await;
    match coded {
        Ok(Ok(coded)) if coded.len() < length => coded.into(),
        Ok(Ok(_)) => Bytes::new(),
        Ok(Err(error)) => {
            tracing::debug!(target: "larder", %coding, %error, "a response could not be coded");
            Bytes::new()
        }
        Err(error) => {
            tracing::warn!(target: "larder", %coding, %error, "the codec failed");
            Bytes::new()
        }
    }
}
