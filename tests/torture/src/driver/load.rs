//! Sends requests in an open loop: each when it is due, independent of earlier ones. If the machine
//! cannot keep up, requests are delayed; otherwise ever more of them would be in flight.

use anyhow::Result;
use http::header::{CACHE_STATUS, ETAG, HOST, IF_NONE_MATCH};
use http::{Method, Request as HttpRequest, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Load;
use super::instances::Endpoint;
use crate::clock::Moment;
use crate::history::{Acceptance, Claimed, Observed, QueuedResult, QueuedWrite, Read, Write, WriteResult};
use crate::http_client::Answer;
use crate::item::{Family, Item, Way};
use crate::plan::{Action, Request};
use crate::wire;

/// The maximum number of requests in flight. At usual rates that is one second of requests.
const MAX_IN_FLIGHT: usize = 300;

impl Load {
    /// Sends all requests, and waits for all answers.
    pub(super) async fn send(&self, requests: Vec<Request>, begun: Instant) {
        let mut under_way = JoinSet::new();
        for request in requests {
            sleep_until(begun + request.due).await;
            while under_way.len() >= MAX_IN_FLIGHT {
                under_way.join_next().await;
            }
            let load = self.clone();
            under_way.spawn(async move { load.one(request).await });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Sends one request to the current life of its instance.
    pub(super) async fn one(&self, request: Request) {
        let Some(endpoint) = self.instances.endpoint(request.instance) else {
            return self.recorder.found_instance_down();
        };
        match request.action {
            Action::Read { language, conditional } => {
                self.read(endpoint, request.item, language, conditional).await;
            }
            Action::Write(Way::Queued) => self.write_queued(endpoint, request.item).await,
            Action::Write(way) => self.write(endpoint, request.item, way).await,
        }
    }

    async fn read(&self, endpoint: Endpoint, item: Item, language: &str, conditional: bool) {
        let uri = format!("http://{}{}", endpoint.address, item.path());
        let mut request = HttpRequest::get(uri).header(HOST, wire::HOST).header(wire::LANGUAGE, language);
        if conditional && item.family == Family::Etag {
            request = request.header(IF_NONE_MATCH, format!("\"v{}\"", self.reference_model.version(item)));
        }
        let sent = Moment::now();
        let answer = self.client.send(request).await;
        let done = Moment::now();
        let outcome = answer.as_ref().map(outcome).unwrap_or_default();
        let observed = observed(item, language, answer);
        self.recorder.read(Read { life: endpoint.life, item, sent, done, observed, outcome });
    }

    async fn write(&self, endpoint: Endpoint, item: Item, way: Way) {
        let (method, path) = match way {
            Way::Put => (Method::PUT, item.path()),
            _ => (Method::POST, format!("/write/{item}/{way}")),
        };
        let uri = format!("http://{}{path}", endpoint.address);
        let request = HttpRequest::builder().method(method).uri(uri).header(HOST, wire::HOST);
        let sent = Moment::now();
        let answer = self.client.send(request).await;
        let done = answer.ok().and_then(|answer| written(&answer));
        self.recorder.write(Write { life: endpoint.life, item, way, sent, done });
    }
}

/// Writes of queued values.
impl Load {
    async fn write_queued(&self, endpoint: Endpoint, item: Item) {
        let sent = Moment::now();
        let number = self.recorder.queued(QueuedWrite { life: endpoint.life, item, sent, done: None });
        let uri = format!("http://{}/write/{item}/{}", endpoint.address, Way::Queued);
        let request = HttpRequest::post(uri).header(HOST, wire::HOST).header(wire::VERSION, number);
        if let Some(result) = self.client.send(request).await.ok().and_then(|answer| queued(&answer)) {
            self.recorder.queued_result(number, result);
        }
    }
}

fn queued(answer: &Answer) -> Option<QueuedResult> {
    let acceptance = wire::field(&answer.headers, wire::ACCEPTANCE)?;
    let acceptance = Acceptance::ALL.into_iter().find(|known| known.as_str() == acceptance)?;
    let returned = Moment::from_nanos(wire::number(&answer.headers, wire::RETURNED)?);
    Some(QueuedResult { acceptance, returned })
}

fn written(answer: &Answer) -> Option<WriteResult> {
    let number = |name| wire::number(&answer.headers, name);
    let claimed = match wire::field(&answer.headers, wire::CLAIMED) {
        Some("applied") => Claimed::Applied,
        Some(_) => Claimed::Deferred,
        None => Claimed::Nothing,
    };
    let returned = Moment::from_nanos(number(wire::RETURNED)?);
    let stored = number(wire::STORED).map(|stored| stored != 0);
    (answer.status == StatusCode::NO_CONTENT).then_some(WriteResult {
        version: number(wire::VERSION)?,
        claimed,
        returned,
        stored,
    })
}

fn outcome(answer: &Answer) -> String {
    let status = wire::field(&answer.headers, CACHE_STATUS.as_str()).unwrap_or_default();
    let detail = status.split("detail=").nth(1).unwrap_or_default().trim_matches('"');
    let text = format!("{} {detail}", wire::field(&answer.headers, "x-cache").unwrap_or("-"));
    text.trim_end().to_owned()
}

fn observed(item: Item, language: &str, answer: Result<Answer>) -> Observed {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Observed::Lost(format!("{error:#}")),
    };
    if wire::field(&answer.headers, wire::UNAVAILABLE).is_some() {
        return Observed::QueueUnavailable;
    }
    let run = wire::number(&answer.headers, wire::RUN);
    match (answer.status, run) {
        (StatusCode::SERVICE_UNAVAILABLE, Some(run)) => Observed::Failure { run },
        (StatusCode::NOT_MODIFIED, _) => match validated(&answer) {
            Some(version) => Observed::Version { version, run },
            None => Observed::Nonsense("a 304 that validates nothing".to_owned()),
        },
        (StatusCode::OK | StatusCode::NOT_FOUND, _) => shown(item, language, &answer, run),
        (status, _) => Observed::Nonsense(format!("{status} that no handler made: {:?}", answer.text())),
    }
}

fn validated(answer: &Answer) -> Option<u64> {
    let etag = wire::field(&answer.headers, ETAG.as_str())?;
    etag.strip_prefix("\"v")?.strip_suffix('"')?.parse().ok()
}

/// Parses the body, which names the item and the version that it shows.
fn shown(item: Item, language: &str, answer: &Answer, run: Option<u64>) -> Observed {
    let nonsense = |why: &str| Observed::Nonsense(format!("{why}: {} {:?}", answer.status, answer.text()));
    let words: Vec<_> = answer.text().split(' ').collect();
    let [shown, version, own_run, in_language] = words[..] else { return nonsense("it was no item") };
    let Ok(version) = version.parse::<u64>() else { return nonsense("it was no item") };
    // A value that was written through comes from no run.
    let own_run = match own_run {
        wire::WRITTEN => None,
        number => match number.parse() {
            Ok(number) => Some(number),
            Err(_) => return nonsense("it was no item"),
        },
    };
    let gone = item.family == Family::Absent && version.is_multiple_of(2);
    if shown != item.to_string() {
        nonsense("it was another item")
    } else if item.family == Family::Vary && in_language != language {
        nonsense(&format!("it was not in {language}"))
    } else if gone != (answer.status == StatusCode::NOT_FOUND) {
        nonsense("its status was another's")
    } else {
        Observed::Version { version, run: run.or(own_run) }
    }
}
