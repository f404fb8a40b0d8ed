//! Generates the explored modules: the sources of `larder` unchanged, and once more for each
//! mistake that the exploration must find.

// If a mistake no longer fits the source, the build has to fail and name it.
#![allow(clippy::panic, clippy::expect_used)]

use std::path::Path;
use std::{env, fs};

mod mistakes;

const SOURCES: &str = "../../crates/larder/src";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=mistakes.rs");
    let sources = [
        ("engine/invalidation_log/view.rs", mistakes::VIEW),
        ("engine/coalesce/flight.rs", mistakes::FLIGHT),
        ("http/body/shared_body.rs", mistakes::ARRIVING),
        ("engine/coalesce/client_count.rs", mistakes::CLIENT_COUNT),
        ("engine/coalesce/flight_waits.rs", mistakes::FLIGHT_WAITS),
        ("engine/fill_scope.rs", mistakes::FILL_SCOPE),
    ];
    for (source, mistakes) in sources {
        let path = Path::new(SOURCES).join(source);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(&path).expect("the source of larder is beside this package");
        let text = included(&text);
        write(source, "sound", &text);
        for (name, edits) in mistakes {
            let broken = edits.iter().fold(text.clone(), |text, (from, to)| {
                let found = text.matches(from).count();
                assert!(
                    found == 1,
                    "{source}, {name}: {found} times {from:?}; mistakes.rs has to follow the source"
                );
                text.replace(from, to)
            });
            write(source, name, &broken);
        }
    }
}

/// Prepares the source for inclusion in another file: removes the module doc and the unit tests.
fn included(text: &str) -> String {
    let text = text.replace("#[cfg(test)]\nmod tests;\n", "");
    // Unit tests within a source are at its end.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.starts_with("//!")).map(|line| format!("{line}\n")).collect()
}

fn write(source: &str, name: &str, text: &str) {
    let out = env::var_os("OUT_DIR").expect("Cargo says where");
    let stem = Path::new(source).file_stem().and_then(|stem| stem.to_str()).expect("a file's name");
    fs::write(Path::new(&out).join(format!("{stem}_{name}.rs")), text).expect("it can be written");
}
