//! Coalescing: requests for the same key share one run of the handler.
//!
//! Requests of this process form a flight: the leader runs the handler, and the followers wait for
//! it. Coalescing across instances is in [`lease`](crate::engine::lease).
//!
//! - `flight.rs`: flights, and the roles of leader and follower
//! - `flight_waits.rs`: the flights that wait for other flights, so that none waits for itself
//! - `client_count.rs`: the count of the clients that a handler run is for
//! - `clients.rs`: whether a handler run goes on after its last client has left
//! - `new_key_budget.rs`: how many new keys of a route may be stored in the shared tier
//! - `handler_time.rs`: how slow the handlers of a layer are
//! - `own_requests.rs`: requests that the handler of a flight may have sent itself, over a socket
//! - `reads.rs`: identical reads of the shared store, which share one exchange
//! - `wait_limits.rs`: how long a request waits for the fills of others
//! - `reruns.rs`: how many requests run the handler again after the run they waited for failed

pub(crate) mod client_count;
pub(crate) mod clients;
pub(crate) mod flight;
pub(crate) mod flight_waits;
pub(crate) mod handler_time;
pub(crate) mod new_key_budget;
pub(crate) mod own_requests;
pub(crate) mod reads;
pub(crate) mod reruns;
pub(crate) mod wait_limits;
