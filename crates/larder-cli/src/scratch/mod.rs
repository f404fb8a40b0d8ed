//! Keys that a command writes into a namespace of its own, and removes again.
//!
//! | file | what it does |
//! | --- | --- |
//! | `consent.rs` | a server on another machine is only written to if the user says so |
//! | `namespace.rs` | the namespace, and how its keys are removed |
//! | `sample_entry.rs` | stored responses of a given size |
//! | `interrupt.rs` | Ctrl-C, after which there is still something to remove |

mod consent;
mod interrupt;
mod namespace;
mod sample_entry;

pub(crate) use crate::scratch::consent::{check_room, require_consent};
pub(crate) use crate::scratch::interrupt::until_interrupted;
pub(crate) use crate::scratch::namespace::{EXPIRY, Namespace};
pub(crate) use crate::scratch::sample_entry::{Shape, StoredKey, stored_key};
