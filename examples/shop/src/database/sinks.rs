//! Tests of the sinks on both databases: a write that comes again, or late, changes nothing.

use larder::values::{Flushed, Operation, Sink, Write};

use super::{Database, Location};
use crate::carts::Cart;
use crate::views::View;

#[cfg(unix)]
#[path = "../../tests/support/postgres.rs"]
mod postgres;

async fn open(location: &str) -> Database {
    let location: Location = location.parse().unwrap();
    Database::open(&location, std::time::Duration::ZERO).await.unwrap()
}

fn cart(quantity: u32) -> Cart {
    serde_json::from_value(serde_json::json!({"items": [{"product": 42, "quantity": quantity}]})).unwrap()
}

#[tokio::test]
async fn late_writes_are_ignored_by_sqlite() {
    let database = open(":memory:").await;
    late_carts_are_ignored(&database).await;
    each_view_is_added_once(&database).await;
}

#[cfg(unix)]
#[tokio::test]
async fn late_writes_are_ignored_by_postgres() {
    let server = postgres::Postgres::start(&["fsync=off"]);
    let database = open(&server.create("sinks")).await;
    late_carts_are_ignored(&database).await;
    each_view_is_added_once(&database).await;
}

async fn late_carts_are_ignored(database: &Database) {
    let write = |sequence, value| Write { key: 7, sequence, value };
    for (write, changed, kept) in [
        (write(5, Some(cart(5))), 1, Some(cart(5))),
        (write(3, Some(cart(3))), 0, Some(cart(5))),
        (write(5, Some(cart(1))), 0, Some(cart(5))),
        (write(6, None), 1, None),
        (write(5, Some(cart(5))), 0, None),
        (write(4, None), 0, None),
        (write(7, Some(cart(7))), 1, Some(cart(7))),
    ] {
        let flushed = database.flush(std::slice::from_ref(&write)).await.unwrap();
        assert_eq!(flushed, Flushed::rows(changed), "{write:?}");
        assert_eq!(database.cart(7).await.unwrap(), kept, "{write:?}");
    }
    // Without a queue, each write counts, even at the same microsecond. It is later than all above.
    let user = "7".to_owned().try_into().unwrap();
    for quantity in 1..=5 {
        database.write_cart(user, Some(&cart(quantity))).await.unwrap();
        assert_eq!(database.cart(7).await.unwrap(), Some(cart(quantity)));
    }
    assert_eq!(database.flush(&[write(8, None)]).await.unwrap(), Flushed::rows(0));
    let other = |key| Write { key, sequence: 1, value: Some(cart(1)) };
    assert_eq!(database.flush(&[other(7), other(8), other(9)]).await.unwrap(), Flushed::rows(2));
}

async fn each_view_is_added_once(database: &Database) {
    let views = |sequences: &[u64]| -> Vec<_> {
        sequences.iter().map(|&sequence| Operation { key: 42, sequence, operation: View }).collect()
    };
    for (batch, added, views) in
        [(views(&[1, 2, 5]), 3, 3), (views(&[2, 5, 6]), 1, 4), (views(&[1, 2, 5, 6]), 0, 4)]
    {
        assert_eq!(database.flush(&batch).await.unwrap(), Flushed::rows(added), "{batch:?}");
        assert_eq!(database.views(42).await.unwrap().unwrap().views, views, "{batch:?}");
    }
    let product = "42".to_owned().try_into().unwrap();
    for views in 5..=7 {
        database.add_view(product).await.unwrap();
        assert_eq!(database.views(42).await.unwrap().unwrap().views, views);
    }
    assert_eq!(database.flush(&views(&[7])).await.unwrap(), Flushed::rows(0));
    assert_eq!(database.views(10_001).await.unwrap(), None);
}
