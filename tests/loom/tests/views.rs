//! Explores the view of the log, with its readers and writers.

use larder_loom::views::{self, View};
use larder_loom::{explore, must_be_found};

fn hits<V: View>() -> usize {
    explore(None, || views::hit_against_publication::<V>(false))
        + explore(None, || views::hit_against_publication::<V>(true))
}

fn inserts<V: View>() -> usize {
    explore(None, views::insert_against_invalidate::<V>)
}

fn changes<V: View>() -> usize {
    explore(3, views::two_changes_and_a_hit::<V>)
}

fn waits<V: View>() -> usize {
    explore(None, views::wait_against_publication::<V>)
}

fn report(name: &str, orders: usize) {
    println!("{name}: {orders} orders");
    assert!(orders > 1, "{name}: nothing was explored");
}

#[test]
fn a_hit_against_publication() {
    report("a hit against publication", hits::<views::Sound>());
}

#[test]
fn an_insert_against_an_invalidation() {
    report("an insert against an invalidation", inserts::<views::Sound>());
}

#[test]
fn two_changes_and_a_hit() {
    report("two changes and a hit", changes::<views::Sound>());
}

#[test]
fn a_wait_against_publication() {
    report("a wait against publication", waits::<views::Sound>());
}

/// Every order that differs from rule 11 shows an invalidated response, or lets a waiter hang.
#[test]
fn a_mistake_is_found() {
    use views::*;
    must_be_found(
        "a_mistake_is_found",
        &[
            ("confirmed_at before the generation", "confirmed without", hits::<ConfirmedBeforeGeneration>),
            ("confirmed_at stored relaxed", "confirmed without", hits::<ConfirmedRelaxed>),
            ("confirmed_at loaded relaxed", "confirmed without", hits::<ConfirmedReadRelaxed>),
            ("a hit reads the generation first", "confirmed without", hits::<HitReadsGenerationFirst>),
            ("the generation before the rows", "invalidated before", hits::<GenerationBeforeRows>),
            (
                "a hit remembers a later generation",
                "invalidated before",
                hits::<HitRemembersALaterGeneration>,
            ),
            (
                "an insert remembers a later one",
                "invalidated before",
                inserts::<HitRemembersALaterGeneration>,
            ),
            ("woken before publication", "deadlock", waits::<WokenBeforePublication>),
            ("looked before listening", "deadlock", waits::<LookedBeforeListening>),
        ],
    );
}
