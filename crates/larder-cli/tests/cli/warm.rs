//! `larder warm`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use larder::inspect::{ListPage, StoredFilter};

use serde_json::json;

use crate::support::{Application, Program};

/// A file that is removed at the end of a test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("larder-cli-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

const LOG: &str = r#"1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] "GET /products/1 HTTP/1.1" 200 9 "-" "x"
1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] "GET /products/2 HTTP/1.1" 200 9 "-" "x"
1.2.3.4 - - [10/Oct/2025:13:55:37 +0000] "POST /products/3 HTTP/1.1" 200 9 "-" "x"
1.2.3.4 - - [10/Oct/2025:13:55:38 +0000] "GET /products/2 HTTP/1.1" 304 0 "-" "x"
"#;

const SITEMAP: &str =
    "<?xml version=\"1.0\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">
  <url><loc>https://shop.example/products/4?a=1&amp;b=2</loc></url>
  <url><loc>https://shop.example/products/5</loc></url>
</urlset>";

#[tokio::test]
async fn each_format_is_known_by_its_content() {
    let app = Application::start().await;
    let (log, sitemap) = (TempFile::new("a.txt", LOG), TempFile::new("b.txt", SITEMAP));
    let list = TempFile::new("c.txt", "# pages\n\n/pages/6\n");
    let program = app.program().line("warm --host shop.example");
    let program = program.arg_from(&log).arg_from(&sitemap).arg_from(&list);
    let run = program.run().await.expect(0, "5 pages: 5 filled, 0 stored before, 0 not stored, 0 failed");
    assert!(run.err.contains("1 entries name no page to request"), "{run:?}");
    for key in ["/products/1", "/products/2", "/products/4|?a=1&b=2", "/products/5", "/pages/6"] {
        let key = format!("u|http|shop.example|{key}");
        app.program().args(["inspect", &key]).run().await.expect(0, "fresh");
    }
    let again =
        app.program().line("warm --host shop.example").arg_from(&log).line("--json").run().await.json();
    assert_eq!((&again["sum"]["hits"], &again["jobs"][0]["what"]), (&json!(2), &json!("warm")));
}

impl Program {
    fn arg_from(self, file: &TempFile) -> Self {
        self.args(["--from"]).args([&file.0])
    }
}

#[tokio::test]
async fn the_most_requested_pages_come_first() {
    let app = Application::start().await;
    let log = TempFile::new("top.log", LOG);
    let run = app.program().line("warm --top 1 --host shop.example").arg_from(&log).run().await;
    run.expect(0, "1 pages: 1 filled");
    app.program().line("inspect u|http|shop.example|/products/2").run().await.expect(0, "fresh");
    app.program().line("inspect u|http|shop.example|/products/1").run().await.expect(1, "nothing");
}

#[tokio::test]
async fn the_hot_pages_of_one_cache_warm_another_one() {
    let (app, other) = (Application::start().await, Application::start().await);
    app.fill(&["/products/1", "/pages/2"]).await;
    // Misses are counted, one in 64 hits.
    let run = app.program().line("warm --top 10 --json --to").args([other.url()]).run().await;
    let json = run.json();
    assert_eq!(
        (&json["statuses"], &json["outcomes"]),
        (&json!({ "200": 2 }), &json!({ "MISS": 2 })),
        "{run:?}"
    );
    let stored = other.program().line("inspect u|http|shop.example|/products/1").run().await;
    stored.expect(0, "200 /products/1");
    let again = app.program().line("warm --top 10").run().await;
    again.expect(0, "2 pages: 0 filled, 2 stored before");
}

#[tokio::test]
async fn requests_have_the_fields_and_the_host_of_the_arguments() {
    let app = Application::start().await;
    let direct = Program::new().env("SESSION", "session=hunter2").args([
        "warm",
        "--from",
        "-",
        "--to",
        &app.url(),
        "--host",
        "other.example",
        "-H",
        "Cookie: $SESSION",
    ]);
    direct.input("https://shop.example/carts/1").run().await.expect(0, "X-Cache  MISS");
    let found = app.cache.stored_responses(&StoredFilter::default(), ListPage::default()).await;
    assert!(found.entries[0].key.starts_with("u|http|other.example|/carts/1|c|session="), "{found:?}");
    let without_host = app.program().line("warm --from -").input("/products/1").run().await;
    without_host.expect(2, "--host shop.example");
}

#[tokio::test]
async fn a_file_that_is_no_list_of_pages_is_refused() {
    let app = Application::start().await;
    let index = TempFile::new(
        "index.xml",
        "<sitemapindex><sitemap><loc>https://a/b.xml</loc></sitemap></sitemapindex>",
    );
    app.program().line("warm").arg_from(&index).run().await.expect(2, "an index of sitemaps");
    let zipped = TempFile::new("zipped", "\u{1f}");
    fs::write(&zipped.0, [0x1f, 0x8b, 8, 0]).unwrap();
    app.program().line("warm").arg_from(&zipped).run().await.expect(2, "compressed");
    let none = TempFile::new("none", "no page at all\n");
    app.program().line("warm").arg_from(&none).run().await.expect(1, "0 pages");
    for to in
        ["http://127.0.0.1:1/path", "http://user:hunter2@127.0.0.1:1", "redis://127.0.0.1:1", "nonsense"]
    {
        let run = Program::new().line("warm --from - --to").args([to]).input("/a").run().await;
        assert!(!run.expect(2, "`--to` needs a URL").err.contains("hunter2"));
    }
    let nowhere = Program::new().line("warm --from - --to http://127.0.0.1:1").input("/a\n/b");
    nowhere.run().await.expect(3, "refused");
}

#[tokio::test]
async fn lines_that_are_too_long_are_skipped_and_counted() {
    let app = Application::start().await;
    let text = format!("/pages/1\n/{}\n/pages/2\n", "x".repeat(1024 * 1024));
    let run = app.program().line("warm --from - --host a").input(&text).run().await;
    run.expect(0, "2 pages: 2 filled").expect(0, "1 entries name no page");
    let limited =
        app.program().line("warm --from - --host a --limit 1").input("/pages/1\n/pages/2").run().await;
    limited.expect(0, "1 pages: ").expect(0, "1 pages are over the limit");
}

#[tokio::test]
async fn a_job_that_is_interrupted_is_stopped() {
    let app = Application::start().await;
    let list: String = (0..1000).map(|number| format!("/products/{number}\n")).collect();
    let list = TempFile::new("slow", &list);
    let warm = app.program().line("warm --host a --rate 1").arg_from(&list).start();
    while app.jobs().await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    warm.interrupt().await;
    assert_eq!(warm.end().await.code, Some(130));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(app.jobs().await, 0);
}
