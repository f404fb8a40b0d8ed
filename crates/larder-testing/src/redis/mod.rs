//! Real `redis-server` processes that belong to one test.

#[cfg(feature = "tls")]
mod authority;
mod builder;
mod cluster;
mod config;
mod nodes;
mod process;
mod resp;
mod scratch;
mod sentinel;
mod server;
mod wait;

#[cfg(feature = "tls")]
pub use authority::CertificateAuthority;
pub use builder::RedisBuilder;
pub use cluster::RedisCluster;
pub use resp::Reply;
pub use sentinel::RedisSentinel;
pub use server::RedisServer;
