//! The client of the admin API.
//!
//! | file | what it does |
//! | --- | --- |
//! | `client.rs` | sends a request with the token, and reads the answer |
//! | `answer.rs` | an answer: the API's own JSON, and what the command reads of it |
//! | `answer_error.rs` | the meaning of an answer with an error |
//! | `line_stream.rs` | a body whose lines come one by one |

mod answer;
mod answer_error;
mod client;
mod line_stream;

pub(crate) use crate::admin::answer::Answer;
pub(crate) use crate::admin::client::AdminClient;
