//! A header field.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, HeaderValue};

use crate::secrets::Secret;

/// A header field of a request, such as `Accept-Language: de`.
///
/// A value can be a secret, so it comes from the environment if it is written as `$NAME`.
#[derive(Clone)]
pub(crate) struct HeaderArg {
    pub(crate) name: HeaderName,
    pub(crate) value: Secret,
}

impl FromStr for HeaderArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("a field is `Name: value`")?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| "the name is invalid")?;
        let value = match value.trim().strip_prefix('$') {
            Some(variable) => {
                std::env::var(variable).map_err(|_| format!("the variable `{variable}` is not set"))?
            }
            None => value.trim().to_owned(),
        };
        HeaderValue::try_from(&*value).map_err(|_| "the value has characters that no field has")?;
        Ok(Self { name, value: Secret::new(value) })
    }
}

/// The value can be a secret.
impl fmt::Debug for HeaderArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: (hidden)", self.name)
    }
}
