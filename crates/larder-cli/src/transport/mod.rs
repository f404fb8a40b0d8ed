//! HTTP requests over TCP and TLS.
//!
//! | file | what it does |
//! | --- | --- |
//! | `http_client.rs` | sends a request within a time |
//! | `tls.rs` | the certificates that are trusted |

mod http_client;
pub(crate) mod tls;

pub(crate) use crate::transport::http_client::HttpClient;
