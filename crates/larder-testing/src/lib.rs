//! A test kit for routes behind Larder, without sleeps and without a mocked Redis.
//!
//! * [`ManualClock`] is a clock that moves only when the test moves it.
//! * [`Origin`] is a service with scripted answers. It counts its calls and can be held at a
//!   [`Gate`].
//! * [`RedisServer`] is a real `redis-server` that belongs to one test. It can be hung, killed and
//!   restarted. [`RedisCluster`] and [`RedisSentinel`] are several servers that belong together.
//! * [`MemoryStore`] is a shared store for several caches of one test, without a Redis.
//! * [`CacheStatus`] is the parsed `Cache-Status` field of a response, for assertions.
//! * [`Proxy`] stands in front of a server and injects faults on demand.
//!
//! # Examples
//!
//! This test stages a race by order, not by time. It holds the first call until it has seen that
//! call arrive.
//!
//! ```
//! use larder_testing::{Answer, Gate, Origin};
//! use tower::ServiceExt;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let gate = Gate::new();
//! let origin = Origin::queue([Answer::ok("old").held_at(&gate), Answer::ok("new")]);
//!
//! let slow = tokio::spawn(origin.clone().oneshot(http::Request::new(())));
//! gate.arrived(1).await;
//! // The first call is under way here. This is the moment for everything that has to overtake it.
//! gate.open();
//!
//! assert_eq!(slow.await.unwrap().unwrap().status(), 200);
//! assert_eq!(origin.calls(), 1);
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

mod cache_status;
mod clock;
mod gate;
mod lock;
mod memory_store;
mod origin;
mod proxy;
#[cfg(unix)]
mod redis;

pub use cache_status::CacheStatus;
pub use clock::ManualClock;
pub use gate::Gate;
pub use memory_store::MemoryStore;
pub use origin::{Answer, AnswerBody, BodyError, Origin, Step};
pub use proxy::{Direction, Proxy};
#[cfg(all(unix, feature = "tls"))]
pub use redis::CertificateAuthority;
#[cfg(unix)]
pub use redis::{RedisBuilder, RedisCluster, RedisSentinel, RedisServer, Reply};
