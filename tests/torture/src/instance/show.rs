//! The handler that shows an item.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY};
use http::{HeaderMap, HeaderName, StatusCode};
use larder::Tags;

use super::App;
use crate::item::{Family, Item};
use crate::reference_model::Reported;
use crate::wire;

/// Reads the reference model, waits, and answers with the version that it read.
pub(super) async fn show(app: &App, item: Item, headers: &HeaderMap) -> Result<Response, StatusCode> {
    let reported = app.reference_model.read(item).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    tokio::time::sleep(reported.delay).await;
    let run = [(HeaderName::from_static(wire::RUN), reported.run.to_string())];
    if reported.fails {
        return Ok((StatusCode::SERVICE_UNAVAILABLE, run, "failed").into_response());
    }
    Ok((run, version(item, &reported, headers)).into_response())
}

fn version(item: Item, reported: &Reported, headers: &HeaderMap) -> Response {
    let asked = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let language = wire::field(headers, wire::LANGUAGE).unwrap_or("-");
    let body = format!("{item} {} {} {language}", reported.version, reported.run);
    match item.family {
        Family::Said => (Tags::from([item.name()]), body).into_response(),
        Family::Etag => {
            let etag = format!("\"v{}\"", reported.version);
            validated(asked(IF_NONE_MATCH) == Some(&etag), (ETAG, etag), body)
        }
        Family::Dated => {
            let modified = http_date(UNIX_EPOCH + reported.modified);
            validated(asked(IF_MODIFIED_SINCE) == Some(&modified), (LAST_MODIFIED, modified), body)
        }
        Family::Vary => ([(VARY, wire::LANGUAGE)], body).into_response(),
        Family::Absent if reported.version.is_multiple_of(2) => (StatusCode::NOT_FOUND, body).into_response(),
        _ => body.into_response(),
    }
}

fn validated(unchanged: bool, validator: (HeaderName, String), body: String) -> Response {
    match unchanged {
        true => (StatusCode::NOT_MODIFIED, [validator]).into_response(),
        false => ([validator], body).into_response(),
    }
}

fn http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time)
}
