//! The metrics of this process, in the text format of Prometheus.

use std::convert::Infallible;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::start_error::StartError;

/// The upper bounds of times: microseconds for hits in memory, and seconds for handlers. Each is
/// four times the one before.
const TIMES: [f64; 14] = [
    0.000_001, 0.000_004, 0.000_016, 0.000_064, 0.000_256, 0.001, 0.004, 0.016, 0.064, 0.256, 1.0, 4.0, 16.0,
    64.0,
];
/// The upper bounds of ages, up to the longest lifetime.
const AGES: [f64; 9] = [1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0, 604_800.0];
const AGE_METRICS: [&str; 2] = ["larder_hit_age_seconds", "larder_eviction_age_seconds"];

/// How often observations are added to the buckets. Until then, they are in memory one by one.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder is one of the process. It is there before the cache, which asks for its counters
/// once.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder, unless an earlier shop of this process has done so.
///
/// # Errors
///
/// Fails if the process has another recorder.
pub(crate) fn install() -> Result<(), StartError> {
    // Shops that start at the same moment install one recorder.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if RECORDER.get().is_none() {
        let handle = build().map_err(|error| StartError::new("cannot record metrics", error))?;
        RECORDER.get_or_init(|| handle);
    }
    Ok(())
}

fn build() -> Result<PrometheusHandle, BuildError> {
    let mut builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &TIMES)?;
    for name in AGE_METRICS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.into()), &AGES)?;
    }
    builder.install_recorder()
}

/// Keeps the recorder's memory small between two scrapes.
pub(crate) async fn upkeep() -> Infallible {
    loop {
        tokio::time::sleep(UPKEEP).await;
        if let Some(recorder) = RECORDER.get() {
            recorder.run_upkeep();
        }
    }
}

/// Answers a scrape.
pub(crate) async fn show() -> impl IntoResponse {
    let text = RECORDER.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
