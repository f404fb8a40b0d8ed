//! Reads answers.

use fred::types::Value;

/// Returns the text of an answer, if it is one.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the number of an answer, also of one that is a text.
pub(crate) fn number(value: &Value) -> Option<u64> {
    text(value)?.parse().ok()
}

/// Returns the elements of an answer, also of one that is a map.
pub(crate) fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Array(parts) => parts,
        _ => &[],
    }
}

/// Returns the value of a name in a flat list of names and values.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let pairs = parts(value).chunks_exact(2);
    pairs.filter(|pair| text(&pair[0]).as_deref() == Some(name)).map(|pair| &pair[1]).next()
}
