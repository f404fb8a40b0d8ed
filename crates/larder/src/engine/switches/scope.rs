//! The scopes of switches.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};

/// The maximum length of the name of a route or a class, in bytes.
const MAX_NAME: usize = 256;

/// The scope of a [switch](crate::Switch): the whole cache, or the requests of one route or class.
///
/// # Examples
///
/// ```
/// use larder::SwitchScope;
///
/// let route = SwitchScope::route("/products/{id}");
/// assert_eq!(route.to_string(), "route /products/{id}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SwitchScope {
    /// All layers and all collections of values of the cache.
    All,
    /// The requests of a route.
    ///
    /// A route is named as in metrics: by [`Policy::name`](crate::Policy::name), or else by the
    /// path that axum matched, such as `/products/{id}`.
    Route(Box<str>),
    /// The requests of all layers whose policies have this [class](crate::Policy::class).
    Class(Box<str>),
}

impl SwitchScope {
    /// Returns the scope of the route with this name.
    #[must_use]
    pub fn route(name: impl Into<Box<str>>) -> Self {
        Self::Route(name.into())
    }

    /// Returns the scope of the lifetime class with this name.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::SwitchScope;
    ///
    /// assert_eq!(SwitchScope::class("static").to_string(), "class static");
    /// ```
    #[must_use]
    pub fn class(name: impl Into<Box<str>>) -> Self {
        Self::Class(name.into())
    }

    /// Whether the scope has this route, whose policy has this class.
    pub(crate) fn covers(&self, route: &str, class: &str) -> bool {
        match self {
            Self::All => true,
            Self::Route(name) => **name == *route,
            Self::Class(name) => **name == *class,
        }
    }

    /// Checks the length of the name.
    pub(crate) fn validate(&self) -> Result<(), SwitchError> {
        let name = match self {
            Self::All => return Ok(()),
            Self::Route(name) | Self::Class(name) => name,
        };
        if name.is_empty() || name.len() > MAX_NAME {
            let what = format!("a name of {} bytes in the scope, the limit is {MAX_NAME}", name.len());
            return Err(SwitchError::new(SwitchErrorKind::Scope, what));
        }
        Ok(())
    }
}

impl fmt::Display for SwitchScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Route(name) => write!(f, "route {name}"),
            Self::Class(name) => write!(f, "class {name}"),
        }
    }
}
