//! Sends the requests to the application itself.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::transport::HttpClient;
use crate::warm::direct_report::{DirectReport, Reply};
use crate::warm::warm_args::WarmArgs;
use crate::warm::warm_plan::WarmPlan;

/// After so many requests in a row that do not reach the application, it is not there.
const MAX_UNREACHABLE: u32 = 5;
/// The longest time for one body.
const MAX_BODY_TIME: Duration = Duration::from_secs(60);

/// Sends the requests, until all are sent, the user ends it, or the application is not there.
pub(super) async fn run(
    to: &str,
    plan: WarmPlan,
    args: &WarmArgs,
    context: &Context,
) -> Result<ExitCode, CliError> {
    let base = base(to)?;
    let client = Arc::new(context.http_client()?);
    let progress = context.output.progress("warm", Some(plan.total));
    let mut pace = interval(Duration::from_secs(1) / args.rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut running, mut report, mut is_interrupted) = (JoinSet::new(), DirectReport::default(), false);
    let mut targets =
        plan.hosts.iter().flat_map(|(host, targets)| targets.iter().map(move |one| (&**host, one)));
    let mut next = targets.next();
    while next.is_some() || !running.is_empty() {
        let may_send = next.is_some() && running.len() < usize::from(args.concurrency);
        tokio::select! {
            _ = pace.tick(), if may_send => {
                if let Some((host, target)) = next.take() {
                    running.spawn(send(Arc::clone(&client), request(&base, host, target, args)?));
                }
                next = targets.next();
            }
            Some(reply) = running.join_next() => report.add(reply.unwrap_or(Ok(Reply::LOST))),
            Ok(()) = tokio::signal::ctrl_c() => {
                is_interrupted = true;
                break;
            }
        }
        progress.set(report.done(), None);
        if report.unreachable_in_a_row() >= MAX_UNREACHABLE {
            break;
        }
    }
    drop(progress);
    report.print(&context.output)?;
    report.finish(is_interrupted)
}

/// Checks the URL of the application. A page has its own path.
fn base(to: &str) -> Result<Uri, CliError> {
    let wrong =
        || CliError::usage("`--to` needs a URL such as http://127.0.0.1:3000, without a path or a user");
    let uri: Uri = to.parse().map_err(|_| wrong())?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_bare = uri.path_and_query().is_none_or(|path| path == "/");
    let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    if is_web && is_bare && !has_user { Ok(uri) } else { Err(wrong()) }
}

fn request(base: &Uri, host: &str, target: &str, args: &WarmArgs) -> Result<Request<Full<Bytes>>, CliError> {
    let wrong =
        |error: &dyn std::fmt::Display| CliError::usage(format!("a page cannot be requested: {error}"));
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(target.parse::<PathAndQuery>().map_err(|error| wrong(&error))?);
    let mut request = Request::new(Full::default());
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| wrong(&error))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("larder/", env!("CARGO_PKG_VERSION"))));
    if !host.is_empty() {
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|error| wrong(&error))?);
    }
    for field in args.headers.iter().filter(|field| field.name != HOST) {
        let value = HeaderValue::from_str(field.value.reveal()).map_err(|error| wrong(&error))?;
        headers.append(field.name.clone(), value);
    }
    Ok(request)
}

/// Sends a request, and reads the whole response: it is stored at the clean end of its body.
async fn send(client: Arc<HttpClient>, request: Request<Full<Bytes>>) -> Result<Reply, CliError> {
    let response = client.send(request).await?;
    let reply = Reply::new(response.status(), response.headers());
    let mut body = response.into_body();
    let read = async {
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok::<_, hyper::Error>(())
    };
    match timeout(MAX_BODY_TIME, read).await {
        Ok(Ok(())) => Ok(reply),
        _ => Ok(Reply::LOST),
    }
}
