//! Where the explored sources find each other.

pub(crate) use crate::bodies::sound as arriving;

#[path = "../../../crates/larder/src/fill/audience.rs"]
pub(crate) mod audience;
