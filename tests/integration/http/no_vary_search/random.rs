//! Random histories.

use super::*;

/// The possible values of the handler's `No-Vary-Search`.
const FIELDS: [&str; 7] = [
    "",
    UTM,
    r#"params=("id")"#,
    r#"except=("id")"#,
    "key-order",
    r#"key-order, params=("utm")"#,
    "except=()",
];

const QUERIES: [&str; 9] =
    ["", "?id=1", "?id=2", "?utm=1", "?id=1&utm=1", "?utm=2&id=1", "?id=1&utm=2", "?utm=1;id=2", "?%69d=1"];

/// One random history.
struct History {
    seed: u64,
    random: fastrand::Rng,
    site: Arc<Site>,
    /// The number of handler runs when a query's URI was last invalidated.
    oldest: HashMap<&'static str, usize>,
    hits: usize,
}

impl History {
    fn query(&mut self) -> &'static str {
        QUERIES[self.random.usize(..QUERIES.len())]
    }

    /// Sends up to four requests at once and checks each response.
    async fn request(&mut self) {
        let queries: Vec<_> = (0..self.random.usize(1..5)).map(|_| self.query()).collect();
        let asked: Vec<_> =
            queries.iter().flat_map(|query| at_once(&self.site, &format!("/p{query}"), 1)).collect();
        for (query, page) in queries.into_iter().zip(all(asked).await) {
            let (path, seed) = (format!("/p{query}"), self.seed);
            assert!(answers(&page, &path), "{path} got {page:?}, seed {seed}");
            let run: usize = page.text().split_once(' ').unwrap().1.parse().unwrap();
            let last = self.oldest.get(query).copied().unwrap_or_default();
            assert!(run > last, "{path} got run {run} after {last}, seed {seed}");
            self.hits += usize::from(page.x_cache() == "HIT");
        }
    }
}

/// Requests, invalidations and changes of the field, at random. Each response matches its query by
/// its own `No-Vary-Search`, and is not older than the last invalidation of the requested URI.
#[tokio::test]
async fn nothing_wrong_is_ever_served() {
    for seed in 0..40 {
        let (cache, clock) = cache();
        let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(UTM));
        let origin = Origin::new({
            let field = Arc::clone(&field);
            move |request, call| {
                Answer::ok(format!("{} {call}", request.uri.query().unwrap_or("-")))
                    .header("no-vary-search", *field.lock().unwrap())
            }
        });
        let site = Arc::new(site(&cache, enabled().stale_while_revalidate(secs(60)), &origin).await);
        let random = fastrand::Rng::with_seed(seed);
        let mut history = History { seed, random, site, oldest: HashMap::new(), hits: 0 };
        for _ in 0..60 {
            match history.random.u8(..10) {
                0 => *field.lock().unwrap() = FIELDS[history.random.usize(..FIELDS.len())],
                1 => {
                    let query = history.query();
                    let _ = cache.invalidate(UriName::new(&format!("/p{query}")).unwrap()).await;
                    history.oldest.insert(query, origin.calls());
                }
                2 => clock.advance(secs(history.random.u64(..1900))),
                _ => history.request().await,
            }
        }
        assert!(history.hits > 10, "{}, seed {seed}", history.hits);
    }
}
