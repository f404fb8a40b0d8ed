//! Prints the bytes that one hit in Redis allocates, by the size of its body.

use larder_bench::redis::{Allocated, allocated};

fn main() {
    println!("bytes that one hit in Redis allocates, on one thread");
    println!("{:<10}{:>14}{:>14}{:>14}{:>14}", "body", "by hand", "passed on", "kept", "too large");
    for body in [64 * 1024, 1024 * 1024, 8 * 1024 * 1024] {
        let Allocated { by_hand, passed_on, kept, too_large } = allocated(body);
        println!("{body:<10}{by_hand:>14}{passed_on:>14}{kept:>14}{too_large:>14}");
    }
}
