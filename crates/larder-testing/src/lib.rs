//! Tools to test routes behind Larder, without sleeping and without a mocked Redis.
//!
//! * [`ManualClock`] is a clock that moves only when the test moves it.
//! * [`Origin`] is a service with scripted answers. It counts its calls and can be stopped at a
//!   [`Gate`].
//! * [`RedisServer`] is a real `redis-server` for one test, which can be stopped, killed and
//!   restarted; [`RedisCluster`] and [`RedisSentinel`] are groups of servers.
//! * [`Proxy`] is a TCP proxy in front of a server that misbehaves on demand.
//!
//! # Example
//!
//! A race is arranged by order, not by time: the first call waits until the test has seen it
//! arrive.
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
//! The first call is in progress here. Run everything that should overtake it now.
//! gate.open();
//!
//! assert_eq!(slow.await.unwrap().unwrap().status(), 200);
//! assert_eq!(origin.calls(), 1);
//! # }
//! ```

mod clock;
mod gate;
mod lock;
mod origin;
mod proxy;
#[cfg(unix)]
mod redis;

pub use clock::ManualClock;
pub use gate::Gate;
pub use origin::{Answer, AnswerBody, BodyError, Origin, Step};
pub use proxy::{Direction, Proxy};
#[cfg(all(unix, feature = "tls"))]
pub use redis::CertificateAuthority;
#[cfg(unix)]
pub use redis::{RedisBuilder, RedisCluster, RedisSentinel, RedisServer, Reply};
