//! A caching reverse proxy: Larder in front of any HTTP service.
//!
//! It is a library and a program, so that tests can start it in their own process.
//!
//! Forwarding follows RFC 9110 §7.6 and RFC 9112 §3.2: connection-specific fields are removed,
//! `Via` and `Forwarded` are appended, `Max-Forwards` is decremented for `TRACE` and `OPTIONS`, and
//! bodies are streamed both ways within time limits. Where the RFCs leave a choice, the proxy
//! decides as follows:
//!
//! * **`Host` is kept.** For clients, the proxy *is* the origin server of every host that leads to
//!   it. Absolute URIs in responses stay correct, and hosts that share a service have separate
//!   responses in the cache. `Forwarded` repeats the host.
//! * **Protocols are not switched.** `Upgrade` is for one connection (RFC 9110 §7.8), so WebSockets
//!   need another route. `CONNECT` is answered with 501.
//! * **`Forwarded` is appended to, not replaced.** Every element before the last comes from the
//!   client.
//! * **`PURGE` is for the proxy**, with the token of `--purge-token` as `Authorization: Bearer`. It
//!   invalidates the responses of its URI, with all variants, or those with the tags that it lists
//!   in a field of `--tags-from`. `Fastly-Soft-Purge: 1` only makes them stale. The answer is 200
//!   if all instances know of it, or 202 if the others will as soon as Redis can be reached.
//!   Without the option, `PURGE` is answered with 403, and never reaches the origin.
//! * **Fields for this proxy alone are not passed on**: `Surrogate-Control`, if it is one of
//!   `--targets`, and the fields of `--tags-from`.
//! * **Only safe requests are sent twice**: a request with a safe method and without a body is sent
//!   once more if the origin closes the connection without an answer (RFC 9110 §9.2.2). A stored
//!   response replaces a 502, 503 or 504 where `stale-if-error` allows that.
//!
//! ```
//! use clap::Parser;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let command = ["reverse-proxy", "--origin", "http://127.0.0.1:8000"];
//! let args = reverse_proxy::Args::try_parse_from(command)?;
//! let proxy = reverse_proxy::Proxy::open(&args)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! proxy.serve(listener, async {}).await;
//! proxy.close().await;
//! # Ok(())
//! # }
//! ```

mod args;
mod check_args;
mod failure;
mod forwarded_header;
mod hop_by_hop;
mod idle_timeout;
mod max_forwards;
mod open_error;
mod origin;
mod origin_client;
mod origin_service;
mod outbound_request;
mod policy;
mod proxy;
mod proxy_error;
mod purge;
mod purge_token;
mod service;
mod surrogate;
mod tags;
mod target;
mod upload_body;
mod via;
mod write_timeout;

pub use args::Args;
pub use open_error::OpenError;
pub use origin::{Origin, ParseOriginError};
pub use proxy::Proxy;
pub use purge_token::PurgeToken;
pub use via::{ParseViaNameError, ViaName};
