//! Requests for a value that is loaded if it has to be.
//!
//! A request looks in both tiers first: a hit needs no flight. If it finds nothing, it is a miss.
//!
//! [`Loading`] is a state machine like that of a miss over HTTP. Each [`LoadStep`] has a method
//! that returns the next one.
//!
//! ```text
//!              ┌──────────── retry / found ───────────────┐
//!              ▼                                          │
//!  Evaluate ──┬─ fresh, stale-while-revalidate ──► Done   │
//!             └─ nothing usable ──► Join ─┬─ leader ──► Lead ─┬─ granted ──► Done(Load)
//!                                         │                   ├─ found ──┘
//!                                         │                   └─ loaded elsewhere ──┐
//!                                         └─ follower ─► Follow ──► Settle ◄────────┘
//!                                                         │          └─► Done or Evaluate
//!                                                         └─ too late ──► Done(Rerun)
//! ```
//!
//! | file | what it does |
//! | --- | --- |
//! | `look_up_value.rs` | looks in memory and in the shared tier, before all steps |
//! | `evaluate_value.rs` | Evaluate: decides what to do with the result of a lookup |
//! | `lead_load.rs` | Join, Lead: joins or leads the flight, looks once more |
//! | `claim_load.rs` | Lead: claims the lease, or waits for the instance that has it |
//! | `follow_load.rs` | Follow: waits for the flight of another request |
//! | `settle_load.rs` | Settle: decides about the flight's outcome (rule 13 of the log) |
//! | `answer_load.rs` | Done: answers the request, with a load of its caller or of the loader |
//! | `load_run.rs` | runs a load, within the limits of time |
//! | `load_result.rs` | decides what the result of a load means: commit, fail, serve stale |
//! | `commit_value.rs` | stores a loaded value |
//! | `load_many.rs`, `claim_many.rs` | a request for many values, with one load |
//! | `refresh_value.rs` | refreshes a value in the background |

mod answer_load;
mod claim_load;
mod claim_many;
mod commit_value;
mod evaluate_value;
mod follow_load;
mod lead_load;
pub(super) mod load_many;
mod load_result;
mod load_run;
mod load_step;
mod look_up_value;
pub(super) mod refresh_value;
mod settle_load;

pub(super) use self::answer_load::{load_borrowed, load_with_loader};

use std::sync::Arc;

use tokio::time::Instant;

use self::load_step::{LoadEnding, LoadStep};
use crate::engine::coalesce::flight::FlightKey;
use crate::engine::coalesce::wait_limits::follower_wait;
use crate::engine::fill_scope::FillScope;
use crate::values::collection_state::Collection;
use crate::values::load_error::SharedError;
use crate::values::shared_value::ValueRequest;
use crate::values::value_address::Fingerprint;
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// Maximum number of retries after a flight that was of no use to the request.
///
/// Each retry may cost one load that fails. Without a limit, the last of many requests would wait
/// for all of them in turn.
const MAX_RETRIES: usize = 2;

/// A request for a value that is not fresh in memory.
struct Loading<'a, K, V> {
    collection: &'a Arc<Collection<K, V>>,
    key: &'a K,
    request: ValueRequest,
    /// The fingerprint that was seen in the shared tier, if that has no value to use.
    seen: Option<Fingerprint>,
    /// The fill that waits for this value.
    scope: Option<FillScope>,
    /// Whether the caller can use this error of another load.
    is_own_error: fn(&SharedError) -> bool,
    /// The number of flights that this request waited for and could not use.
    retries: usize,
    /// The end of the time that this request may wait for other requests.
    deadline: Instant,
}

impl<'a, K: ValueKey, V: Send + Sync + 'static> Loading<'a, K, V> {
    fn new(
        collection: &'a Arc<Collection<K, V>>,
        key: &'a K,
        request: ValueRequest,
        seen: Option<Fingerprint>,
        is_own_error: fn(&SharedError) -> bool,
    ) -> Self {
        let deadline = Instant::now() + follower_wait(collection.options.load_timeout);
        let scope = FillScope::current();
        Self { collection, key, request, seen, scope, is_own_error, retries: 0, deadline }
    }

    /// Runs the steps, from what is known about the value to the ending.
    async fn run(&mut self, lookup: ValueLookup<V>) -> LoadEnding<V> {
        let mut step = LoadStep::Evaluate(lookup);
        loop {
            step = match step {
                LoadStep::Evaluate(lookup) => self.evaluate(lookup),
                LoadStep::Join(fallback) => self.join(fallback),
                LoadStep::Lead(leader, fallback) => self.lead(leader, fallback).await,
                LoadStep::Follow(seat) => self.follow(seat).await,
                LoadStep::Settle(seat, outcome) => self.settle(seat, outcome),
                LoadStep::Done(ending) => return ending,
            };
        }
    }

    fn flight_key(&self) -> FlightKey {
        flight_key(self.text())
    }

    fn text(&self) -> &str {
        self.request.address.text()
    }

    /// Whether a stale value may be served at all.
    ///
    /// The result of a fill must not be made of a stale value: it would be fresh for longer.
    const fn may_be_stale(&self) -> bool {
        self.scope.is_none()
    }
}

/// Returns the key of the flight that loads the value with this encoded key.
fn flight_key(text: &str) -> FlightKey {
    (text.into(), 0)
}
