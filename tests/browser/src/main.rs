//! Takes the screenshots of the console: `cargo xtask screenshots`.

fn main() {}
