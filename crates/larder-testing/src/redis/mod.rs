//! A real `redis-server` that belongs to one test.

mod builder;
mod process;
mod resp;
mod scratch;
mod server;

pub use builder::RedisBuilder;
pub use resp::Reply;
pub use server::RedisServer;
