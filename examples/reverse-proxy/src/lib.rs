//! A caching reverse proxy: Larder in front of any HTTP service.
//!
//! It is a library besides a program, so that tests can start it in their own process.
//!
//! What it forwards, and what it adds, follows RFC 9110 §7.6 and RFC 9112 §3.2: fields that are for one connection stay there,
//! `Via` and `Forwarded` are appended, `TRACE` and `OPTIONS` are counted down, bodies are streamed both ways within time limits.
//! Its decisions where there is a choice:
//!
//! * **`Host` is kept.** To its clients the proxy *is* the origin server of every host that leads to it: absolute URIs in
//!   responses stay right, and hosts that share a service have their own responses in the cache. `Forwarded` tells it again.
//! * **Protocols are not switched.** `Upgrade` is for one connection (RFC 9110 §7.8), so WebSockets need another way in, and
//!   `CONNECT` is answered with 501.
//! * **`Forwarded` is appended to, not replaced.** What stands before the last element is the client's word.
//! * **Only what is safe is sent twice**: a request with a safe method and without a body, once more, if the origin hangs up
//!   on it without a word (RFC 9110 §9.2.2). A 502, 503 or 504 is replaced by a stored response where `stale-if-error` allows that.
//!
//! ```
//! use clap::Parser;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let args = reverse_proxy::Args::try_parse_from(["reverse-proxy", "--origin", "http://127.0.0.1:8000"])?;
//! let proxy = reverse_proxy::Proxy::open(&args)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! proxy.serve(listener, async {}).await;
//! proxy.close().await;
//! # Ok(())
//! # }
//! ```

mod args;
mod failure;
mod forwarded_header;
mod hop_by_hop;
mod idle_timeout;
mod max_forwards;
mod origin;
mod origin_client;
mod origin_service;
mod outbound_request;
mod policy;
mod proxy;
mod proxy_error;
mod service;
mod surrogate;
mod target;
mod upload_body;
mod via;
mod write_timeout;

pub use args::Args;
pub use origin::{Origin, ParseOriginError};
pub use proxy::Proxy;
pub use via::{ParseViaNameError, ViaName};
