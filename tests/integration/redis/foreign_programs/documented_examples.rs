//! The examples in `docs/OPERATIONS.md`, run as they stand there.

use std::fs;
use std::process::{Command, Output};

use super::shelf::Effect::{Hard, Soft};
use super::shelf::{Effect, PATHS, Shelf};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");
/// The first line of the example in Python that calls the function.
const CALL: &str = "\ninvalidate([";

/// The paths that each documented call reaches.
const SHELL: [(&str, &[(&str, Effect)]); 9] = [
    (
        "h 't:product:42'",
        &[("/products/42", Hard), ("/products/42?full=1", Hard), ("/products/42/reviews", Hard)],
    ),
    ("h 'k:user:7'", &[("/users/7", Hard)]),
    ("h 'u:/products/42?full=1'", &[("/products/42?full=1", Hard)]),
    ("h 'u:https://shop.example/products/42'", &[("/products/42", Hard)]),
    ("h 'x:/search'", &[("/search?q=a", Hard)]),
    (
        "h 'p:/products'",
        &[
            ("/products/42", Hard),
            ("/products/42?full=1", Hard),
            ("/products/42/reviews", Hard),
            ("/products/43", Hard),
        ],
    ),
    ("h 'g:/products/*/reviews'", &[("/products/42/reviews", Hard)]),
    (
        "s 't:products'",
        &[
            ("/products/42", Soft),
            ("/products/42?full=1", Soft),
            ("/products/42/reviews", Soft),
            ("/products/43", Soft),
        ],
    ),
    ("h 't:user:7' h 't:users:top' s 'p:/reports'", &[("/users/7", Hard), ("/reports/1", Soft)]),
];

/// Returns the only block of this language in the section.
fn block(language: &str) -> &'static str {
    let (_, section) = OPERATIONS.split_once("\n## Invalidating from other languages\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let fence = format!("```{language}\n");
    let mut blocks = section.split(&fence).skip(1);
    let block = blocks.next().unwrap();
    assert_eq!(blocks.next(), None);
    block.split_once("```").unwrap().0
}

fn succeeded(what: &str, output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {:?} {errors}", output.status);
}

/// Runs one of the documented calls, behind the documented function.
async fn run_shell(shelf: &Shelf, function: &str, call: &str) {
    let script = format!("set -e\n{function}\nappend {call}");
    let url = shelf.redis.url();
    let run = move || Command::new("sh").args(["-c", &script]).env("REDIS_URL", url).output().unwrap();
    succeeded(call, &tokio::task::spawn_blocking(run).await.unwrap());
}

#[tokio::test]
async fn redis_cli_invalidates_by_every_kind_of_selector() {
    let shelf = Shelf::new().await;
    let (function, calls) = block("sh").split_once("\n}\n").unwrap();
    let function = format!("{function}\n}}");
    let calls: Vec<&str> = calls
        .lines()
        .map(|line| line.strip_prefix("append ").unwrap().split(" #").next().unwrap().trim_end())
        .collect();
    let all = PATHS.map(|path| (path, Hard));
    let expected: Vec<(&str, &[(&str, Effect)])> = SHELL.into_iter().chain([("h 'a:'", &all[..])]).collect();
    assert_eq!(calls, expected.iter().map(|(call, _)| *call).collect::<Vec<_>>());
    for (call, effects) in expected {
        shelf.reaches(call, effects, async || run_shell(&shelf, &function, call).await).await;
    }
}

#[tokio::test]
async fn redis_cli_says_with_its_exit_code_that_nothing_was_appended() {
    let shelf = Shelf::new().await;
    shelf.warm().await;
    shelf.redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let script = format!("{}\nappend h 't:product:42'", block("sh").split_once("\nappend ").unwrap().0);
    let run = Command::new("sh").args(["-c", &script]).env("REDIS_URL", shelf.redis.url()).output().unwrap();
    assert!(!run.status.success(), "{run:?}");
}

/// Runs the documented program with these lines in place of its call.
async fn run_python(shelf: &Shelf, calls: &str) -> Output {
    let (function, _) = block("python").split_once(CALL).unwrap();
    let path = shelf.redis.directory().join("invalidate.py");
    fs::write(&path, format!("{function}\n{calls}\n")).unwrap();
    let run = move || Command::new("python3").arg(path).output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Returns a call of the function with these arguments, at the server of the test.
fn call(shelf: &Shelf, arguments: &str) -> String {
    format!("invalidate({arguments}, port={})", shelf.redis.address().port())
}

#[tokio::test]
async fn python_invalidates_without_a_library() {
    let shelf = Shelf::new().await;
    let (_, documented) = block("python").split_once(CALL).unwrap();
    let documented = format!("[{}", documented.trim_end().strip_suffix(')').unwrap());
    let cases: [(&str, &[(&str, Effect)]); 4] = [
        (
            &documented,
            &[
                ("/products/42", Hard),
                ("/products/42?full=1", Hard),
                ("/products/42/reviews", Hard),
                ("/reports/1", Hard),
            ],
        ),
        ("['u://shop.example/products/43']", &[("/products/43", Hard)]),
        ("['p:/reports/../reports'], soft=True", &[("/reports/1", Soft)]),
        ("['a:']", &PATHS.map(|path| (path, Hard))),
    ];
    for (arguments, effects) in cases {
        let calls = call(&shelf, arguments);
        let append = async || succeeded(arguments, &run_python(&shelf, &calls).await);
        shelf.reaches(arguments, effects, append).await;
    }
}

#[tokio::test]
async fn python_fails_unless_the_log_has_the_entry() {
    let shelf = Shelf::new().await;
    shelf.warm().await;
    let calls = call(&shelf, "['t:product:42']");
    shelf.redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let full = run_python(&shelf, &calls).await;
    assert!(String::from_utf8_lossy(&full.stderr).contains("OOM"), "{full:?}");
    shelf.redis.kill();
    let down = run_python(&shelf, &calls).await;
    assert!(String::from_utf8_lossy(&down.stderr).contains("ConnectionRefused"), "{down:?}");
}
