//! The keys of values.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use larder_core::key::buf::KeyBuf;

/// A key of a collection of values.
///
/// The memory of this process is looked up by the key itself. The shared store needs a text, which
/// [`write`](Self::write) writes.
///
/// Integers, `bool`, `char`, strings, and tuples and arrays of keys are keys.
///
/// # Implementing a key
///
/// Two keys that are not equal must write different texts, in every version of your program that
/// shares a store. Otherwise one of them gets the value of the other. An equal key must write the
/// same text on every instance.
///
/// A key of several parts writes a [separator](KeyText::separator) between them, which no text
/// contains. If the number of parts is not fixed, write that number first.
///
/// # Examples
///
/// ```
/// use larder::values::{KeyText, ValueKey};
///
/// #[derive(Clone, PartialEq, Eq, Hash)]
/// enum Shelf {
///     Category(String),
///     Author(u64),
/// }
///
/// impl ValueKey for Shelf {
///     fn write(&self, text: &mut KeyText<'_>) {
///         match self {
///             Self::Category(name) => text.text("category").separator().text(name),
///             Self::Author(id) => text.text("author").separator().key(id),
///         };
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key of values",
    label = "not a key",
    note = "implement `larder::values::ValueKey` for it, or use a string, an integer or a tuple of them"
)]
pub trait ValueKey: Hash + Eq + Clone + Send + Sync + 'static {
    /// Writes the text of this key.
    fn write(&self, text: &mut KeyText<'_>);
}

/// The text of a key that is being written.
///
/// Bytes with a special meaning are escaped, so any text can be written.
#[derive(Debug)]
pub struct KeyText<'a>(&'a mut KeyBuf);

impl<'a> KeyText<'a> {
    pub(super) const fn new(key: &'a mut KeyBuf) -> Self {
        Self(key)
    }

    /// Adds some text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.value_text(text);
        self
    }

    /// Adds the text of another key.
    pub fn key(&mut self, key: &impl ValueKey) -> &mut Self {
        key.write(self);
        self
    }

    /// Ends a part of the key. The next part follows.
    pub fn separator(&mut self) -> &mut Self {
        self.0.value_separator();
        self
    }
}

/// Adds formatted text, for `write!`. It never fails.
impl fmt::Write for KeyText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        Ok(())
    }
}

macro_rules! shown {
    ($($kind:ty)+) => {$(
        impl ValueKey for $kind {
            fn write(&self, text: &mut KeyText<'_>) {
                // Writing to a key never fails.
                let _ = fmt::Write::write_fmt(text, format_args!("{self}"));
            }
        }
    )+};
}

shown!(bool char);

macro_rules! integers {
    ($($kind:ty)+) => {$(
        impl ValueKey for $kind {
            fn write(&self, text: &mut KeyText<'_>) {
                text.text(itoa::Buffer::new().format(*self));
            }
        }
    )+};
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

macro_rules! texts {
    ($($kind:ty)+) => {$(
        impl ValueKey for $kind {
            fn write(&self, text: &mut KeyText<'_>) {
                text.text(self);
            }
        }
    )+};
}

texts!(String Box<str> Arc<str> &'static str);

macro_rules! tuples {
    ($($first:ident $($name:ident)*;)+) => {$(
        impl<$first: ValueKey, $($name: ValueKey),*> ValueKey for ($first, $($name,)*) {
            #[allow(non_snake_case)] // The parts have the names of their types.
            fn write(&self, text: &mut KeyText<'_>) {
                let ($first, $($name,)*) = self;
                $first.write(text);
                $($name.write(text.separator());)*
            }
        }
    )+};
}

tuples! { A; A B; A B C; A B C D; }

impl<T: ValueKey, const N: usize> ValueKey for [T; N] {
    fn write(&self, text: &mut KeyText<'_>) {
        for (index, part) in self.iter().enumerate() {
            if index > 0 {
                text.separator();
            }
            part.write(text);
        }
    }
}

/// Returns the encoded key of a value, or `None` if it is too long.
pub(super) fn encoded_key(collection: &str, key: &impl ValueKey) -> Option<Box<str>> {
    key_buffer(collection, key).as_str().map(Box::from)
}

/// Returns the encoded key of a value that several parts of a write share.
///
/// Returns `None` if it is too long.
pub(super) fn shared_key(collection: &str, key: &impl ValueKey) -> Option<Arc<str>> {
    key_buffer(collection, key).as_str().map(Arc::from)
}

/// Returns the buffer with the encoded key of a value.
pub(super) fn key_buffer(collection: &str, key: &impl ValueKey) -> KeyBuf {
    let mut buffer = KeyBuf::new();
    buffer.value(collection);
    key.write(&mut KeyText::new(&mut buffer));
    buffer
}

/// Returns the text that names the value with this key in an invalidation.
///
/// A key that is too long names nothing, because nothing is stored under it.
pub(super) fn key_name(collection: &str, key: &impl ValueKey) -> Box<str> {
    encoded_key(collection, key).unwrap_or_else(|| NO_KEY.into())
}

/// A text that no value has as its name.
///
/// In a key, two digits follow the first byte of an escape.
pub(super) const NO_KEY: &str = "v|^";

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(key: &impl ValueKey) -> Box<str> {
        encoded_key("a b", key).unwrap()
    }

    #[test]
    fn keys_are_readable() {
        let cases = [
            (encoded(&42_u64), "v|a^20b|42"),
            (encoded(&-1_i8), "v|a^20b|-1"),
            (encoded(&true), "v|a^20b|true"),
            (encoded(&'|'), "v|a^20b|^7C"),
            (encoded(&"{x}|y".to_owned()), "v|a^20b|^7Bx^7D^7Cy"),
            (encoded(&Arc::<str>::from("")), "v|a^20b|"),
            (encoded(&(7_u32, "EUR")), "v|a^20b|7|EUR"),
            (encoded(&("a".to_owned(), ("b".to_owned(), 'c'), [1_u8, 2])), "v|a^20b|a|b|c|1|2"),
            (encoded(&(1_u8,)), "v|a^20b|1"),
        ];
        for (found, expected) in cases {
            assert_eq!(&*found, expected);
        }
    }

    #[test]
    fn a_key_that_is_too_long_has_no_text_and_names_nothing() {
        let longest = "x".repeat(larder_core::key::buf::LIMIT - "v|a|".len());
        assert!(encoded_key("a", &longest).is_some());
        let too_long = format!("{longest}x");
        assert_eq!(encoded_key("a", &too_long), None);
        assert_eq!(&*key_name("a", &too_long), "v|^");
    }
}
