//! What the fuzz targets share: requests and responses made of fuzzed bytes.

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The lines of these bytes that can be field values.
pub fn values(bytes: &[u8]) -> impl Iterator<Item = HeaderValue> {
    bytes.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok())
}

/// A message whose field of this name has the lines of these bytes.
#[must_use]
pub fn field(name: &HeaderName, bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values(bytes) {
        headers.append(name.clone(), value);
    }
    headers
}

/// A message with a line of one of `names` for each line of these bytes, whose first byte chooses
/// the name.
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

/// Any field name, usual or not.
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
