//! The encodings of values in the shared store.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An encoding of values for the shared store.
///
/// Values in the memory of this process are not encoded.
///
/// # Examples
///
/// ```
/// use larder::values::{Codec, CodecError};
///
/// /// Prices in cents, as text.
/// struct Cents;
///
/// impl Codec<u64> for Cents {
///     const FORMAT: u8 = 64;
///
///     fn encode(&self, value: &u64) -> Result<Vec<u8>, CodecError> {
///         Ok(value.to_string().into_bytes())
///     }
///
///     fn decode(&self, bytes: &[u8]) -> Result<u64, CodecError> {
///         let text = std::str::from_utf8(bytes).map_err(CodecError::new)?;
///         text.parse().map_err(CodecError::new)
///     }
/// }
/// ```
pub trait Codec<V>: Send + Sync + 'static {
    /// The number of the format, which is stored with each value.
    ///
    /// A value with another number is not decoded. It is a miss. The numbers from 0 to 63 are for
    /// the codecs of this crate.
    const FORMAT: u8;

    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be encoded. It is then not shared.
    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError>;

    /// Decodes a value.
    ///
    /// The bytes come from the shared store, so they may be anything.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are not a value. That is a miss.
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError>;
}

/// The error of a [`Codec`].
#[derive(Debug)]
pub struct CodecError(Box<dyn Error + Send + Sync>);

impl CodecError {
    /// Creates an error with this cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("value cannot be encoded or decoded")
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// JSON, by `serde_json`. This is the default.
///
/// A reader in another language can read it, and a value with an additional optional field needs no
/// new [schema number](crate::values::ValuesBuilder::schema).
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs)] // It has no options.
pub struct Json;

impl<V: Serialize + DeserializeOwned> Codec<V> for Json {
    const FORMAT: u8 = 1;

    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        serde_json::to_vec(value).map_err(CodecError::new)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        serde_json::from_slice(bytes).map_err(CodecError::new)
    }
}

/// MessagePack with the names of fields, by `rmp-serde`. Requires the feature `messagepack`.
///
/// It is smaller and faster than JSON, and tolerates additional optional fields like JSON.
#[cfg(feature = "messagepack")]
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs)] // It has no options.
pub struct MessagePack;

#[cfg(feature = "messagepack")]
impl<V: Serialize + DeserializeOwned> Codec<V> for MessagePack {
    const FORMAT: u8 = 2;

    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        rmp_serde::to_vec_named(value).map_err(CodecError::new)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        rmp_serde::from_slice(bytes).map_err(CodecError::new)
    }
}

/// Postcard, by `postcard`. Requires the feature `postcard`.
///
/// It is the smallest and the fastest of these codecs. It has no names of fields, so every change
/// of the type needs a new [schema number](crate::values::ValuesBuilder::schema).
#[cfg(feature = "postcard")]
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs)] // It has no options.
pub struct Postcard;

#[cfg(feature = "postcard")]
impl<V: Serialize + DeserializeOwned> Codec<V> for Postcard {
    const FORMAT: u8 = 3;

    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        postcard::to_stdvec(value).map_err(CodecError::new)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        // Bytes after the value are the end of a longer value, which another schema wrote.
        match postcard::take_from_bytes(bytes).map_err(CodecError::new)? {
            (value, []) => Ok(value),
            _ => Err(CodecError::new("bytes after the value")),
        }
    }
}

/// A [`Codec`] as one object, whatever its type.
pub(super) trait AnyCodec<V>: Send + Sync {
    fn format(&self) -> u8;
    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError>;
    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError>;
}

impl<V, C: Codec<V>> AnyCodec<V> for C {
    fn format(&self) -> u8 {
        C::FORMAT
    }

    fn encode(&self, value: &V) -> Result<Vec<u8>, CodecError> {
        Codec::encode(self, value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<V, CodecError> {
        Codec::decode(self, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    type Value = (u64, Option<String>, Vec<f32>);

    fn survives<C: Codec<Value>>(codec: &C) {
        let value: Value = (u64::MAX, Some("ü".into()), vec![1.5, -0.0]);
        let bytes = Codec::encode(codec, &value).unwrap();
        assert_eq!(Codec::decode(codec, &bytes).unwrap(), value);
        for wrong in [&bytes[..bytes.len() - 1], &[0xc1; 3], b""] {
            let error = <C as Codec<Value>>::decode(codec, wrong).unwrap_err();
            assert!(error.source().is_some(), "{wrong:?}");
        }
        assert!(Codec::decode(codec, &[bytes.as_slice(), b"x"].concat()).is_err() || C::FORMAT == 2);
    }

    #[test]
    fn values_survive_and_other_bytes_are_errors() {
        survives(&Json);
        #[cfg(feature = "messagepack")]
        survives(&MessagePack);
        #[cfg(feature = "postcard")]
        survives(&Postcard);
    }

    #[test]
    fn a_value_that_json_cannot_express_is_an_error() {
        let value = HashMap::from([((1, 2), 3)]);
        assert!(Codec::encode(&Json, &value).is_err());
    }
}
