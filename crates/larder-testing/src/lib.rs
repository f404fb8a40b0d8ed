//! What it takes to test routes behind Larder, without sleeping and without a mocked Redis.
//!
//! * [`ManualClock`] is time that only moves when the test moves it.
//! * [`Origin`] is a service whose answers are scripted, that counts its calls and can be held at a [`Gate`].
//! * [`RedisServer`] is a real `redis-server` of the test's own, which can be hung, killed and restarted;
//!   [`RedisCluster`] and [`RedisSentinel`] are several that belong together.
//! * [`Proxy`] stands in front of a server and misbehaves on demand.
//!
//! # Example
//!
//! A race is staged by order, not by time: the first call is held until the test has seen it arrive.
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
//! // Here the first call is under way: whatever has to overtake it is done now.
//! gate.open();
//!
//! assert_eq!(slow.await.unwrap().unwrap().status(), 200);
//! assert_eq!(origin.calls(), 1);
//! # }
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

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
