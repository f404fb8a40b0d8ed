//! Detects when an instance has appended its deferred invalidations to the log.
//!
//! An instance uses the shared tier only while it has nothing to append (rule 12): "the outbox is
//! empty, and our own tail has passed everything that was flushed from it". The probe requests a
//! response that was never stored. If the miss reason is *never stored* and not *unconfirmed*,
//! everything that was deferred before the probe has been flushed.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::{CACHE_STATUS, HOST};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::instances::{Endpoint, Instances};
use super::recorder::Recorder;
use crate::clock::Moment;
use crate::history::EmptyOutbox;
use crate::http_client::HttpClient;
use crate::wire;

const PAUSE: Duration = Duration::from_millis(25);

pub(super) fn start(instances: &Arc<Instances>, recorder: &Arc<Recorder>) -> Vec<JoinHandle<()>> {
    (0..instances.count())
        .map(|instance| tokio::spawn(watch(Arc::clone(instances), Arc::clone(recorder), instance)))
        .collect()
}

async fn watch(instances: Arc<Instances>, recorder: Arc<Recorder>, instance: usize) {
    let client = HttpClient::default();
    let mut number = 0_u64;
    loop {
        sleep(PAUSE).await;
        let Some(endpoint) =
            instances.endpoint(instance).filter(|endpoint| recorder.may_have_unflushed(endpoint.life))
        else {
            continue;
        };
        number += 1;
        let sent = Moment::now();
        if has_empty_outbox(&client, endpoint, number).await {
            recorder.empty_outbox(EmptyOutbox { life: endpoint.life, sent, done: Moment::now() });
        }
    }
}

async fn has_empty_outbox(client: &HttpClient, endpoint: Endpoint, number: u64) -> bool {
    let uri = format!("http://{}/probe/{}-{number}", endpoint.address, endpoint.life.0);
    let answer = client.send(Request::get(uri).header(HOST, wire::HOST)).await;
    answer.is_ok_and(|answer| {
        let status = wire::field(&answer.headers, CACHE_STATUS.as_str());
        status.is_some_and(|status| status.contains("detail=never-stored"))
    })
}
