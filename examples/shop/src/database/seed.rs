//! The contents of a new database: the same on every machine, with one statement for each table.

use fastrand::Rng;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

/// The number of products, and of users.
const ROWS: u32 = 10_000;

/// The seed of the random numbers.
const SEED: u64 = 0x5eed;

const ADJECTIVES: &[&str] =
    &["Small", "Large", "Light", "Heavy", "Round", "Folding", "Plain", "Painted", "Polished", "Sturdy"];
const MATERIALS: &[&str] =
    &["Oak", "Pine", "Steel", "Copper", "Linen", "Wool", "Glass", "Stone", "Leather", "Cork"];
const THINGS: &[&str] =
    &["Table", "Chair", "Lamp", "Shelf", "Bowl", "Blanket", "Clock", "Basket", "Mirror", "Kettle"];
const GIVEN: &[&str] = &[
    "Ada",
    "Alan",
    "Barbara",
    "Claude",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "John",
    "Katherine",
    "Leslie",
    "Margaret",
    "Niklaus",
    "Radia",
];
const FAMILY: &[&str] = &[
    "Allen", "Dijkstra", "Hamilton", "Hopper", "Johnson", "Knuth", "Lamport", "Liskov", "Lovelace",
    "McCarthy", "Perlman", "Shannon", "Turing", "Wirth",
];

/// Fills the empty tables of SQLite.
pub(super) async fn fill(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let [products, users, countries] = tables()?;
    for (insert, rows) in [
        ("INSERT INTO products SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)", products),
        (
            "INSERT INTO users SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
            users,
        ),
        ("INSERT INTO countries SELECT value ->> 0, value ->> 1 FROM json_each(?)", countries),
    ] {
        sqlx::query(insert).bind(rows).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Fills the empty tables of Postgres.
pub(super) async fn fill_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let [products, users, countries] = tables()?;
    for (insert, rows) in [
        (
            "INSERT INTO products SELECT (value ->> 0)::bigint, value ->> 1, (value ->> 2)::bigint \
             FROM json_array_elements($1::json)",
            products,
        ),
        (
            "INSERT INTO users SELECT (value ->> 0)::bigint, value ->> 1, value ->> 2, (value ->> 3)::bigint \
             FROM json_array_elements($1::json)",
            users,
        ),
        (
            "INSERT INTO countries SELECT value ->> 0, value ->> 1 FROM json_array_elements($1::json)",
            countries,
        ),
    ] {
        sqlx::query(insert).bind(rows).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Returns the rows of products, users and countries.
fn tables() -> Result<[String; 3], sqlx::Error> {
    let mut rng = Rng::with_seed(SEED);
    Ok([json(products(&mut rng))?, json(users(&mut rng))?, json(countries())?])
}

/// Encodes rows as one JSON array, so that one statement fills a table. A debug build takes a
/// second for 20,000 rows.
fn json<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<String, sqlx::Error> {
    serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Generates identifier, name and price in cents.
fn products(rng: &mut Rng) -> impl Iterator<Item = (u32, String, u32)> {
    (1..=ROWS).map(|id| {
        let words = [pick(rng, ADJECTIVES), pick(rng, MATERIALS), pick(rng, THINGS)];
        (id, words.join(" "), rng.u32(100..50_000))
    })
}

/// Generates identifier, name, email and score.
fn users(rng: &mut Rng) -> impl Iterator<Item = (u32, String, String, u32)> {
    (1..=ROWS).map(|id| {
        let (given, family) = (pick(rng, GIVEN), pick(rng, FAMILY));
        let email = format!("{given}.{family}.{id}@example.com").to_lowercase();
        (id, format!("{given} {family}"), email, rng.u32(0..100_000))
    })
}

/// Reads code and name.
fn countries() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("countries.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

fn pick(rng: &mut Rng, words: &'static [&'static str]) -> &'static str {
    rng.choice(words).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_makes_the_same_rows() {
        let first: Vec<_> = products(&mut Rng::with_seed(SEED)).collect();
        assert_eq!(first, products(&mut Rng::with_seed(SEED)).collect::<Vec<_>>());
        assert_eq!(first.len(), 10_000);
        // The walk in the README relies on these values.
        assert_eq!(first.first(), Some(&(1, "Light Linen Blanket".to_owned(), 35_099)));
    }

    #[test]
    fn no_two_users_have_the_same_email() {
        let emails: std::collections::HashSet<_> =
            users(&mut Rng::with_seed(SEED)).map(|(_, _, email, _)| email).collect();
        assert_eq!(emails.len(), 10_000);
    }

    #[test]
    fn countries_have_two_letter_codes() {
        assert_eq!(countries().count(), 249);
        assert!(countries().all(|(code, name)| code.len() == 2 && !name.is_empty()));
    }
}
