//! The size that the memory tier counts for an entry is what the allocator takes for it.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::convert::Infallible;
use std::time::Duration;

use allocation_counter::measure;
use axum::body::Body;
use axum::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, ETAG, HeaderName, HeaderValue, LINK, VARY};
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use larder::{Cache, Policy};
use tokio::runtime::{Builder, Runtime};
use tower::{Layer, ServiceExt, service_fn};

/// Three quarters of the places of a table that grows by doubling, as on average.
const ENTRIES: u64 = 3 * 1024;
/// The bytes that the allocator of the C library adds to an allocation, on average.
const ALLOCATION: f64 = 16.0;

struct Case {
    name: &'static str,
    body: usize,
    path: fn(u64) -> String,
    policy: fn(Policy) -> Policy,
    fields: fn(u64) -> Vec<(HeaderName, String)>,
}

const PLAIN: Case = Case {
    name: "plain",
    body: 1024,
    path: |number| format!("/products/{number:08}"),
    policy: |policy| policy,
    fields: |number| vec![(ETAG, format!("\"{number:010}\"")), (CACHE_CONTROL, "max-age=3600".to_owned())],
};

/// Returns the size by the cache's own count, as a part of the size that the allocator takes.
fn counted_of_allocated(runtime: &Runtime, case: &Case) -> f64 {
    let cache = Cache::builder().max_memory_bytes(1 << 30).build();
    let policy = (case.policy)(Policy::ttl(Duration::from_secs(3600)));
    let (body, fields) = (case.body, case.fields);
    let service = cache.layer(policy).layer(service_fn(move |request: Request<Body>| async move {
        let number = request.uri().path().bytes().filter(u8::is_ascii_digit);
        let number = number.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        let mut response = Response::new(Body::from(vec![b'x'; body]));
        for (name, value) in fields(number) {
            response.headers_mut().append(name, HeaderValue::try_from(value).unwrap());
        }
        Ok::<_, Infallible>(response)
    }));
    let fill = |numbers: std::ops::Range<u64>| {
        runtime.block_on(async {
            for number in numbers {
                let request =
                    Request::get((case.path)(number)).header(ACCEPT_LANGUAGE, "en").body(Body::empty());
                let response = service.clone().oneshot(request.unwrap()).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
        });
    };
    fill(0..100);
    let before = cache.stats().memory_bytes;
    let allocated = measure(|| fill(100..100 + ENTRIES));
    let counted = cache.stats().memory_bytes - before;
    let taken = allocated.bytes_current as f64 + allocated.count_current as f64 * ALLOCATION;
    println!(
        "{}: counted {}, taken {:.0}, in {:.2} allocations",
        case.name,
        counted / ENTRIES,
        taken / ENTRIES as f64,
        allocated.count_current as f64 / ENTRIES as f64
    );
    counted as f64 / taken
}

#[test]
fn an_entry_counts_what_it_takes() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let cases = [
        PLAIN,
        Case { name: "no body", body: 0, ..PLAIN },
        Case { name: "a small body", body: 100, ..PLAIN },
        Case { name: "a body of 5,000 bytes", body: 5_000, ..PLAIN },
        Case { name: "a body of 64 KiB", body: 64 * 1024, ..PLAIN },
        Case { name: "no fields", fields: |_| Vec::new(), ..PLAIN },
        Case {
            name: "large fields",
            fields: |number| {
                (0..20).map(|line| (LINK, format!("</{number}/{line}>; rel=\"next\""))).collect()
            },
            ..PLAIN
        },
        Case {
            name: "a hundred lines",
            fields: |number| (0..100).map(|line| (LINK, format!("</{number}/{line}>"))).collect(),
            ..PLAIN
        },
        Case { name: "a long path", path: |number| format!("/{}/{number}", "long".repeat(100)), ..PLAIN },
        Case {
            name: "tags",
            policy: |policy| (0..10).fold(policy, |policy, tag| policy.tag(format!("a-tag-{tag}"))),
            ..PLAIN
        },
        Case { name: "varying", fields: |_| vec![(VARY, "accept-language".to_owned())], ..PLAIN },
    ];
    for case in &cases {
        let ratio = counted_of_allocated(&runtime, case);
        assert!((0.95..1.05).contains(&ratio), "{}: {ratio:.3}", case.name);
    }
}
