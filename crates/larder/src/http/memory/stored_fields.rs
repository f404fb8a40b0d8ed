//! The header fields of a stored response.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_core::http::field_lines::FieldLines;
use larder_core::http::storable_fields;

use crate::http::memory::field_shape::FieldShape;

/// The header fields of a stored response.
pub(crate) enum StoredFields {
    /// A table, for a response that is only passed on, or that has unusual fields.
    Table(Box<HeaderMap>),
    /// The form of nearly all responses in memory.
    Packed(PackedFields),
}

/// Header fields in a form that takes little memory.
///
/// A table takes 104 bytes for each field, and more for most values.
#[derive(Clone)]
pub(crate) struct PackedFields {
    shape: Arc<FieldShape>,
    /// The values that the shape does not have, in its order.
    ///
    /// Each has its length before it, twice, plus one if it is sensitive. A length has seven bits
    /// for each byte, the lowest first. The highest bit of a byte means that more bytes follow.
    values: Bytes,
}

impl StoredFields {
    /// Returns the fields of a response that is only passed on.
    #[inline]
    pub(super) fn table(fields: HeaderMap) -> Self {
        Self::Table(Box::new(fields))
    }

    /// Returns the fields in the form for memory.
    pub(super) fn packed(fields: &HeaderMap) -> Self {
        match FieldShape::of(fields) {
            Some(shape) => Self::Packed(PackedFields::new(shape, fields)),
            // The copy has no room for more than its fields.
            None => Self::table(fields.clone()),
        }
    }

    /// Returns the fields in the form for memory.
    pub(super) fn into_packed(self) -> Self {
        match self {
            Self::Table(fields) => Self::packed(&fields),
            packed @ Self::Packed(_) => packed,
        }
    }

    /// Returns the fields as a table.
    #[inline]
    pub(crate) fn to_table(&self) -> HeaderMap {
        match self {
            Self::Packed(packed) => packed.to_table(),
            Self::Table(fields) => HeaderMap::clone(fields),
        }
    }

    /// Returns the fields as a table, and leaves none.
    #[inline]
    pub(crate) fn take_table(&mut self) -> HeaderMap {
        match self {
            Self::Packed(packed) => packed.to_table(),
            Self::Table(fields) => std::mem::take(fields),
        }
    }

    /// Returns the number of bytes of a table. Packed fields have none.
    pub(super) fn table_weight(&self) -> usize {
        match self {
            Self::Packed(_) => 0,
            Self::Table(fields) => storable_fields::weight(fields),
        }
    }

    /// Returns the number of bytes of packed values.
    pub(super) fn values_len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.values.len(),
            Self::Table(_) => 0,
        }
    }

    /// Appends the packed values to a buffer.
    pub(super) fn write_values_to(&self, buffer: &mut Vec<u8>) {
        if let Self::Packed(packed) = self {
            buffer.extend_from_slice(&packed.values);
        }
    }

    /// Moves the packed values to a buffer that has what
    /// [`write_values_to`](Self::write_values_to) wrote, and nothing else.
    pub(super) fn move_values_to(&mut self, buffer: Bytes) {
        if let Self::Packed(packed) = self {
            debug_assert_eq!(packed.values, buffer);
            packed.values = buffer;
        }
    }
}

impl Clone for StoredFields {
    fn clone(&self) -> Self {
        match self {
            Self::Packed(packed) => Self::Packed(packed.clone()),
            Self::Table(fields) => Self::Table(fields.clone()),
        }
    }
}

impl FieldLines for StoredFields {
    #[inline]
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let packed = match self {
            Self::Packed(packed) => Some(packed),
            Self::Table(_) => None,
        };
        let own = packed.and_then(|packed| packed.own_lines(name));
        let table = match self {
            Self::Table(fields) => Some(&**fields),
            Self::Packed(packed) if own.is_none() => Some(packed.shape.fields()),
            Self::Packed(_) => None,
        };
        let lines = table.filter(|fields| fields.contains_key(name)).map(|fields| fields.get_all(name));
        let common = lines.into_iter().flat_map(|lines| lines.into_iter().map(HeaderValue::as_bytes));
        own.into_iter().flatten().chain(common)
    }

    #[inline]
    fn line<'a>(&'a self, name: &HeaderName) -> Option<&'a [u8]> {
        let fields = match self {
            Self::Packed(packed) => match packed.own_line(name) {
                Some(own) => return Some(own),
                None => packed.shape.fields(),
            },
            Self::Table(fields) => fields,
        };
        fields.get(name).map(HeaderValue::as_bytes)
    }
}

impl PackedFields {
    /// Packs fields that have this shape.
    fn new(shape: Arc<FieldShape>, fields: &HeaderMap) -> Self {
        let (mut values, mut places) = (Vec::new(), shape.own());
        for value in fields.values() {
            if places & 1 != 0 {
                push_value(&mut values, value);
            }
            places >>= 1;
        }
        Self { shape, values: values.into() }
    }

    fn to_table(&self) -> HeaderMap {
        let mut fields = self.shape.fields().clone();
        let (mut places, mut at) = (self.shape.own(), 0);
        for value in fields.values_mut() {
            if places & 1 != 0 {
                *value = self.next_value(&mut at);
            }
            places >>= 1;
        }
        fields
    }

    /// Returns the value that begins here, and moves on to the next one.
    fn next_value(&self, at: &mut usize) -> HeaderValue {
        let Some((range, is_sensitive)) = next_range(&self.values, at) else { return EMPTY };
        let mut value = HeaderValue::from_maybe_shared(self.values.slice(range)).unwrap_or(EMPTY);
        value.set_sensitive(is_sensitive);
        value
    }

    /// Returns the first line of a field, if the response has values of its own for it.
    fn own_line(&self, name: &HeaderName) -> Option<&[u8]> {
        let place = self.shape.own_names().iter().position(|own| own == name)?;
        let mut at = 0;
        for _ in 0..place {
            next_range(&self.values, &mut at)?;
        }
        next_range(&self.values, &mut at).and_then(|(range, _)| self.values.get(range))
    }

    /// Returns the lines of a field, if the response has values of its own for it.
    fn own_lines(&self, name: &HeaderName) -> Option<impl Iterator<Item = &[u8]>> {
        let names = self.shape.own_names();
        let first = names.iter().find(|own| *own == name)?;
        let mut at = 0;
        Some(names.iter().filter_map(move |own| {
            let (range, _) = next_range(&self.values, &mut at)?;
            (own == first).then(|| self.values.get(range)).flatten()
        }))
    }
}

const EMPTY: HeaderValue = HeaderValue::from_static("");

fn push_value(values: &mut Vec<u8>, value: &HeaderValue) {
    let mut rest = value.len() << 1 | usize::from(value.is_sensitive());
    while rest >= 0x80 {
        values.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    values.push(rest.to_le_bytes()[0]);
    values.extend_from_slice(value.as_bytes());
}

/// Returns the place of the value that begins here, and whether it is sensitive. Moves on to the
/// next one.
#[inline]
fn next_range(values: &[u8], at: &mut usize) -> Option<(Range<usize>, bool)> {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = *values.get(*at)?;
        *at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    let range = *at..*at + (length >> 1);
    *at = range.end;
    (range.end <= values.len()).then_some((range, length & 1 != 0))
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, ETAG, LINK, SET_COOKIE};

    use super::*;

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).unwrap()
    }

    #[test]
    fn fields_are_what_they_were() {
        let mut fields = HeaderMap::new();
        assert_eq!(StoredFields::packed(&fields).to_table(), fields);
        fields.insert(CONTENT_TYPE, value("text/html"));
        fields.append(LINK, value("<a>"));
        fields.insert(ETAG, value(&"x".repeat(20_000)));
        fields.append(LINK, value(""));
        fields.append(LINK, HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        let mut secret = value("secret");
        secret.set_sensitive(true);
        fields.append(SET_COOKIE, secret);
        for _ in 0..2 {
            let packed = StoredFields::packed(&fields);
            let table = packed.to_table();
            assert!(matches!(packed, StoredFields::Packed(_)));
            assert!(table.iter().eq(&fields), "{table:?}");
            assert!(table[SET_COOKIE].is_sensitive() && !table[ETAG].is_sensitive());
            for name in [CONTENT_TYPE, LINK, ETAG, SET_COOKIE, http::header::VARY] {
                assert!(packed.lines(&name).eq(FieldLines::lines(&fields, &name)), "{name}");
                assert_eq!(packed.line(&name), fields.line(&name));
            }
            fields.insert(CONTENT_TYPE, value("text/css"));
        }
    }

    /// The usual fields take no memory but for their values.
    #[test]
    fn only_values_of_its_own_count_for_a_response() {
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_TYPE, value("text/html"));
        fields.insert(ETAG, value("12345"));
        let stored = StoredFields::packed(&fields);
        assert_eq!((stored.values_len(), stored.table_weight()), (6, 0));
    }

    #[test]
    fn very_many_lines_stay_a_table() {
        let all: HeaderMap = (0..100).map(|line| (LINK, value(&line.to_string()))).collect();
        let stored = StoredFields::packed(&all);
        assert!(matches!(stored, StoredFields::Table(_)));
        assert_eq!(stored.to_table(), all);
        assert!(stored.lines(&LINK).eq(FieldLines::lines(&all, &LINK)));
    }
}
