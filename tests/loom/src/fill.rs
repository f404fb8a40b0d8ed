//! Where the explored sources find each other.

pub(crate) use crate::audiences::sound as audience;
pub(crate) use crate::bodies::sound as arriving;
