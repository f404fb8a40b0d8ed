//! Random histories.

use super::*;

/// Random requests, writes and changes of mind: whatever is served answers by its own word, and is not older than the last
/// invalidation of the URI that it is served under.
#[tokio::test]
async fn nothing_wrong_is_ever_served() {
    const FIELDS: [&str; 7] = [
        "",
        UTM,
        r#"params=("id")"#,
        r#"except=("id")"#,
        "key-order",
        r#"key-order, params=("utm")"#,
        "except=()",
    ];
    const QUERIES: [&str; 9] = [
        "",
        "?id=1",
        "?id=2",
        "?utm=1",
        "?id=1&utm=1",
        "?utm=2&id=1",
        "?id=1&utm=2",
        "?utm=1;id=2",
        "?%69d=1",
    ];
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (cache, clock) = cache();
        let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(UTM));
        let origin = Origin::new({
            let field = Arc::clone(&field);
            move |request, call| {
                Answer::ok(format!("{} {call}", request.uri.query().unwrap_or("-")))
                    .header("no-vary-search", *field.lock().unwrap())
            }
        });
        let site = Arc::new(site(&cache, heeding().stale_while_revalidate(secs(60)), &origin).await);
        // How many runs there were when a URI was invalidated last.
        let mut oldest: HashMap<&str, usize> = HashMap::new();
        let mut hits = 0;
        for _ in 0..60 {
            match random.u8(..10) {
                0 => *field.lock().unwrap() = FIELDS[random.usize(..FIELDS.len())],
                1 => {
                    let query = QUERIES[random.usize(..QUERIES.len())];
                    cache.invalidate(UriName::new(&format!("/p{query}")).unwrap()).await;
                    oldest.insert(query, origin.calls());
                }
                2 => clock.advance(secs(random.u64(..1900))),
                _ => {
                    let queries: Vec<_> =
                        (0..random.usize(1..5)).map(|_| QUERIES[random.usize(..QUERIES.len())]).collect();
                    let asked: Vec<_> =
                        queries.iter().flat_map(|query| at_once(&site, &format!("/p{query}"), 1)).collect();
                    for (query, page) in queries.into_iter().zip(all(asked).await) {
                        let path = format!("/p{query}");
                        assert!(answers(&page, &path), "{path} got {page:?}, seed {seed}");
                        let run: usize = page.text().split_once(' ').unwrap().1.parse().unwrap();
                        let last = oldest.get(query).copied().unwrap_or_default();
                        assert!(run > last, "{path} got run {run} after {last}, seed {seed}");
                        hits += usize::from(page.x_cache() == "HIT");
                    }
                }
            }
        }
        assert!(hits > 10, "{hits}, seed {seed}");
    }
}
