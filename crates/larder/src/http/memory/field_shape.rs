//! The header fields that stored responses have in common.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, AGE, ALLOW, CACHE_CONTROL, CACHE_STATUS,
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, REFERRER_POLICY, SERVER, STRICT_TRANSPORT_SECURITY,
    VARY, VIA, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::cache_status::X_CACHE;
use crate::http::memory::constant_text::constant_text;

/// The header fields that stored responses have in common: all names, and some values.
///
/// Most responses of a route have the same fields. So their table is stored once, and a response
/// only has the values that differ. Nothing in it has a reference count that a copy would change.
pub(super) struct FieldShape {
    /// The table. Fields with a value of their own have an empty one here.
    fields: HeaderMap,
    /// The places of the fields with a value of their own, as bits, in the order of the table.
    own: u64,
    /// The names at these places. Either all lines of a field are among them, or none.
    own_names: Box<[HeaderName]>,
}

/// The maximum number of lines. Each has a bit.
const MAX_LINES: usize = u64::BITS as usize;
/// The maximum number of sequences of names.
const MAX_FAMILIES: usize = 256;
/// The maximum number of shapes with the same names.
const MAX_SHAPES: usize = 16;

/// The fields that usually have the same value in all responses of a route.
const COMMON: [HeaderName; 20] = [
    AGE,
    CACHE_STATUS,
    X_CACHE,
    CONTENT_TYPE,
    CACHE_CONTROL,
    VARY,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    SERVER,
    ACCEPT_RANGES,
    ALLOW,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY,
    VIA,
    X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
];

/// The shapes of this process, by the digest of their names.
static SHAPES: LazyLock<RwLock<ShapeTable>> = LazyLock::new(RwLock::default);

#[derive(Default)]
struct ShapeTable {
    families: HashMap<u64, Family>,
    hasher: RandomState,
}

/// The shapes with the same names.
#[derive(Default)]
struct Family {
    shapes: Vec<Arc<FieldShape>>,
    /// The shape without common values, for responses that come when there are enough others.
    plain: Option<Arc<FieldShape>>,
}

impl FieldShape {
    /// Returns the shape of these fields.
    ///
    /// Returns `None` if they have too many lines, or if there is no room for another shape.
    pub(super) fn of(fields: &HeaderMap) -> Option<Arc<Self>> {
        if fields.len() > MAX_LINES {
            return None;
        }
        let known = SHAPES.read().unwrap_or_else(PoisonError::into_inner).find(fields);
        known.or_else(|| SHAPES.write().unwrap_or_else(PoisonError::into_inner).add(fields))
    }

    /// Returns the table. The fields at the places of [`own`](Self::own) are empty.
    #[inline]
    pub(super) const fn fields(&self) -> &HeaderMap {
        &self.fields
    }

    /// Returns the places of the fields with a value of their own, as bits.
    #[inline]
    pub(super) const fn own(&self) -> u64 {
        self.own
    }

    /// Returns the names of the fields with a value of their own.
    #[inline]
    pub(super) const fn own_names(&self) -> &[HeaderName] {
        &self.own_names
    }

    /// Creates the shape. With `has_common`, fields that are usually the same have their value.
    fn new(fields: &HeaderMap, has_common: bool) -> Self {
        let mut shape = HeaderMap::with_capacity(fields.len());
        let (mut own, mut own_names) = (0, Vec::new());
        for (place, (name, value)) in fields.iter().enumerate() {
            let common = common_value(name, value).filter(|_| has_common && is_common(fields, name));
            let name = constant_name(name);
            if common.is_none() {
                own |= 1 << place;
                own_names.push(name.clone());
            }
            shape.append(name, common.unwrap_or(EMPTY));
        }
        // The copy has no room for more than its fields.
        Self { fields: shape.clone(), own, own_names: own_names.into() }
    }

    /// Whether these fields have this shape.
    fn fits(&self, fields: &HeaderMap) -> bool {
        self.fields.len() == fields.len()
            && self.fields.iter().zip(fields).enumerate().all(|(place, ((name, value), (other, given)))| {
                let is_own = self.own & 1 << place != 0;
                name == other && (is_own || value == given && !given.is_sensitive())
            })
    }
}

const EMPTY: HeaderValue = HeaderValue::from_static("");

/// Returns a name without a reference count, if there is room for it.
fn constant_name(name: &HeaderName) -> HeaderName {
    constant_text(name.as_str()).map_or_else(|| name.clone(), HeaderName::from_static)
}

/// Whether all values of a field can be in a shape.
fn is_common(fields: &HeaderMap, name: &HeaderName) -> bool {
    fields.get_all(name).iter().all(|value| common_value(name, value).is_some())
}

/// Returns the value of a field that is usually the same, without a reference count.
fn common_value(name: &HeaderName, value: &HeaderValue) -> Option<HeaderValue> {
    if value.is_sensitive() || !COMMON.contains(name) {
        return None;
    }
    constant_text(value.to_str().ok()?).map(HeaderValue::from_static)
}

impl ShapeTable {
    fn digest(&self, fields: &HeaderMap) -> u64 {
        let mut digest = self.hasher.build_hasher();
        fields.iter().for_each(|(name, _)| name.hash(&mut digest));
        digest.finish()
    }

    fn find(&self, fields: &HeaderMap) -> Option<Arc<FieldShape>> {
        self.families.get(&self.digest(fields))?.find(fields)
    }

    fn add(&mut self, fields: &HeaderMap) -> Option<Arc<FieldShape>> {
        let digest = self.digest(fields);
        if !self.families.contains_key(&digest) {
            if self.families.len() >= MAX_FAMILIES {
                self.families.retain(|_, family| family.is_used());
            }
            if self.families.len() >= MAX_FAMILIES {
                return None;
            }
        }
        self.families.entry(digest).or_default().add(fields)
    }
}

impl Family {
    fn find(&self, fields: &HeaderMap) -> Option<Arc<FieldShape>> {
        let mut all = self.shapes.iter().chain(&self.plain);
        all.find(|shape| shape.fits(fields)).map(Arc::clone)
    }

    fn add(&mut self, fields: &HeaderMap) -> Option<Arc<FieldShape>> {
        if let Some(known) = self.find(fields) {
            return Some(known);
        }
        if self.shapes.len() < MAX_SHAPES {
            let shape = Arc::new(FieldShape::new(fields, true));
            self.shapes.push(Arc::clone(&shape));
            return Some(shape);
        }
        let plain = self.plain.get_or_insert_with(|| Arc::new(FieldShape::new(fields, false)));
        // Other names may have the same digest.
        plain.fits(fields).then(|| Arc::clone(plain))
    }

    /// Whether a stored response has one of these shapes.
    fn is_used(&self) -> bool {
        self.shapes.iter().chain(&self.plain).any(|shape| Arc::strong_count(shape) > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn responses_with_the_same_names_and_common_values_share_a_shape() {
        let of = |kind: &str, tag: &str| fields(&[("content-type", kind), ("etag", tag)]);
        let mut table = ShapeTable::default();
        let one = table.add(&of("text/html", "1")).unwrap();
        assert!(Arc::ptr_eq(&one, &table.find(&of("text/html", "2")).unwrap()));
        assert!(table.find(&of("text/css", "1")).is_none());
        assert!(!Arc::ptr_eq(&one, &table.add(&of("text/css", "1")).unwrap()));
        assert!(table.find(&fields(&[("etag", "1"), ("content-type", "text/html")])).is_none(), "order");
        let mut sensitive = of("text/html", "1");
        sensitive.values_mut().for_each(|value| value.set_sensitive(true));
        assert!(!Arc::ptr_eq(&one, &table.add(&sensitive).unwrap()));
    }

    #[test]
    fn there_are_few_shapes_of_the_same_names_and_the_last_one_fits_all() {
        let mut table = ShapeTable::default();
        let of = |number: usize| fields(&[("cache-control", &format!("max-age={number}")), ("etag", "1")]);
        let shapes: Vec<_> = (0..100).map(|number| table.add(&of(number)).unwrap()).collect();
        assert_eq!(shapes.iter().filter(|shape| shape.own() == 2).count(), MAX_SHAPES);
        assert!(shapes[MAX_SHAPES..].iter().all(|shape| Arc::ptr_eq(shape, &shapes[99])));
        assert_eq!(shapes[99].own(), 3);
    }

    #[test]
    fn unused_families_make_room() {
        let mut table = ShapeTable::default();
        let of = |number: usize| {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            HeaderMap::from_iter([(name, EMPTY)])
        };
        let used: Vec<_> = (0..MAX_FAMILIES).map(|number| table.add(&of(number)).unwrap()).collect();
        assert!(table.add(&of(MAX_FAMILIES)).is_none());
        drop(used);
        assert!(table.add(&of(MAX_FAMILIES)).is_some());
        assert_eq!(table.families.len(), 1);
    }
}
