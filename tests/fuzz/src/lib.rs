//! Shared code of the fuzz targets: requests and responses from fuzzed bytes.

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Returns the lines of these bytes that are valid field values.
pub fn values(bytes: &[u8]) -> impl Iterator<Item = HeaderValue> {
    bytes.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok())
}

/// Creates a message with a field of this name that has the lines of these bytes.
#[must_use]
pub fn field(name: &HeaderName, bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values(bytes) {
        headers.append(name.clone(), value);
    }
    headers
}

/// Creates a message with one field line for each line of these bytes. The first byte of a line
/// chooses from `names`.
#[must_use]
pub fn fields(names: &[&'static str], bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some((choice, value)) = line.split_first() else { continue };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            let name = names[usize::from(*choice) % names.len()];
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}

/// Any field name, common or not.
#[derive(Debug, Clone)]
pub struct Name(pub HeaderName);

impl<'a> Arbitrary<'a> for Name {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes: Vec<u8> = u.arbitrary()?;
        HeaderName::from_bytes(&bytes).map(Self).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}

/// Any field value.
#[derive(Debug, Clone)]
pub struct Value(pub HeaderValue);

impl<'a> Arbitrary<'a> for Value {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let bytes: Vec<u8> = u.arbitrary()?;
        HeaderValue::from_bytes(&bytes).map(Self).map_err(|_| arbitrary::Error::IncorrectFormat)
    }
}
