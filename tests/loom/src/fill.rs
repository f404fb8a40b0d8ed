//! The paths by which the explored sources refer to each other.

pub(crate) use crate::audiences::sound as audience;
pub(crate) use crate::bodies::sound as arriving;
