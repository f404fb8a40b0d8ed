//! The client of the admin API.
//!
//! | file | what it does |
//! | --- | --- |
//! | `client.rs` | sends a request with the token, and reads the answer |
//! | `answer_error.rs` | what an answer with an error means |
//! | `line_stream.rs` | a body whose lines come one by one |

mod answer_error;
mod client;
mod line_stream;

pub(crate) use crate::admin::client::AdminClient;
