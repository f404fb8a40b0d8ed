//! The requests that are measured.

use std::time::Duration;

use crate::client::{Answer, Client};
use crate::setup::Setup;

/// A row of the table: a kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    FirstRead,
    Hit,
    FirstReadThere,
    ProductWrite,
    UserWrite,
    CartWrite,
    ReadAfterProductWrite,
    ReadAfterUserWrite,
    ReadAfterCartWrite,
    ReadAfterCartWriteThere,
}

impl Row {
    pub(crate) const ALL: [Self; 10] = [
        Self::FirstRead,
        Self::Hit,
        Self::FirstReadThere,
        Self::ProductWrite,
        Self::UserWrite,
        Self::CartWrite,
        Self::ReadAfterProductWrite,
        Self::ReadAfterUserWrite,
        Self::ReadAfterCartWrite,
        Self::ReadAfterCartWriteThere,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FirstRead => "first read",
            Self::Hit => "read again: a hit of the route",
            Self::FirstReadThere => "first read on another instance",
            Self::ProductWrite => "write of the product: commit and invalidation",
            Self::UserWrite => "write of the user: commit, invalidation and store",
            Self::CartWrite => "write of the cart: queued",
            Self::ReadAfterProductWrite => "first read after the write of the product (cache-aside)",
            Self::ReadAfterUserWrite => "first read after the write of the user (write-through)",
            Self::ReadAfterCartWrite => "first read after the write of the cart (write-behind)",
            Self::ReadAfterCartWriteThere => "the same on another instance",
        }
    }

    /// Sends one request of each row, for the product and the user with this identifier.
    pub(crate) async fn measure_all(setup: &mut Setup, id: u32) -> Vec<(Self, Duration)> {
        let mut times = product(setup, id).await;
        times.extend(user(setup, id).await);
        times.extend(cart(setup, id).await);
        times
    }
}

async fn product(setup: &mut Setup, id: u32) -> Vec<(Row, Duration)> {
    let path = format!("/api/products/{id}");
    let mut times = vec![(Row::FirstRead, setup.here.get(&path).await.time)];
    let again = setup.here.get(&path).await;
    assert_eq!(again.head.contains("x-cache: HIT"), setup.is_cached(), "{}", again.head);
    times.push((Row::Hit, again.time));
    if let Some(there) = &mut setup.there {
        times.push((Row::FirstReadThere, there.get(&path).await.time));
    }
    let body = format!(r#"{{"name":"Lamp","price_cents":{id}}}"#);
    times.push((Row::ProductWrite, setup.here.put(&path, &body).await.time));
    times.push((Row::ReadAfterProductWrite, read(&mut setup.here, &path, r#""Lamp""#).await.time));
    times
}

async fn user(setup: &mut Setup, id: u32) -> Vec<(Row, Duration)> {
    let path = format!("/api/users/{id}");
    setup.here.get(&path).await;
    let body = format!(r#"{{"name":"Ada","email":"ada@example.com","score":{id}}}"#);
    let written = setup.here.put(&path, &body).await.time;
    let read = read(&mut setup.here, &path, r#""Ada""#).await.time;
    vec![(Row::UserWrite, written), (Row::ReadAfterUserWrite, read)]
}

/// Both instances know the user already: the routes of a cart look the user up.
async fn cart(setup: &mut Setup, id: u32) -> Vec<(Row, Duration)> {
    if let Some(there) = &mut setup.there {
        there.get(&format!("/api/users/{id}")).await;
    }
    let path = format!("/api/users/{id}/cart");
    let body = format!(r#"{{"items":[{{"product":{id},"quantity":1}}]}}"#);
    let mut times = vec![(Row::CartWrite, setup.here.put(&path, &body).await.time)];
    times.push((Row::ReadAfterCartWrite, read(&mut setup.here, &path, &body).await.time));
    if let Some(there) = &mut setup.there {
        times.push((Row::ReadAfterCartWriteThere, read(there, &path, &body).await.time));
    }
    times
}

/// Reads, and checks that the response has what was written.
async fn read(client: &mut Client, path: &str, expected: &str) -> Answer {
    let answer = client.get(path).await;
    assert!(answer.body.contains(expected), "{path}: {}", answer.body);
    answer
}
