//! Comma-separated lists in field values (RFC 9110 §5.6.1).

/// Returns the members of a list, without the white space around them.
///
/// Empty members are included. A comma inside a quoted string does not separate members. A quote
/// that is never closed is an ordinary byte, so it cannot hide the members after it.
pub(super) fn members(value: &[u8]) -> Members<'_> {
    Members { rest: Some(value), closed: true }
}

pub(super) struct Members<'a> {
    rest: Option<&'a [u8]>,
    /// False after an unclosed quote was found.
    ///
    /// No later quote is examined then. Otherwise, a value made of quotes would take quadratic
    /// time.
    closed: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = self.end_of_member(rest);
        let (member, rest) = rest.split_at(end);
        self.rest = rest.split_first().map(|(_comma, rest)| rest);
        Some(trim(member))
    }
}

impl Members<'_> {
    fn end_of_member(&mut self, value: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&byte) = value.get(at) {
            match byte {
                b',' => return at,
                b'"' if self.closed => match quoted_length(&value[at..]) {
                    Some(length) => at += length,
                    None => self.closed = false,
                },
                _ => at += 1,
            }
        }
        at
    }
}

/// Returns the length of the quoted string (RFC 9110 §5.6.4) at the start of `value`.
///
/// Both quotes are included.
fn quoted_length(value: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match value.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns `value` without the optional white space (RFC 9110 §5.6.3) around it.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    match (value.iter().position(is_text), value.iter().rposition(is_text)) {
        (Some(first), Some(last)) => &value[first..=last],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_split_at_commas_outside_quoted_strings() {
        for (value, expected) in [
            ("", vec![""]),
            ("a", vec!["a"]),
            (" a\t,b , c", vec!["a", "b", "c"]),
            ("a,,b,", vec!["a", "", "b", ""]),
            (r#"x="a, b", c"#, vec![r#"x="a, b""#, "c"]),
            (r#"x="a\", b", c"#, vec![r#"x="a\", b""#, "c"]),
            (r#"x="a, b"#, vec![r#"x="a"#, "b"]),
            (r#"x="a\"#, vec![r#"x="a\"#]),
            (r#"x="a", y="b, c"#, vec![r#"x="a""#, r#"y="b"#, "c"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(members(value.as_bytes()).collect::<Vec<_>>(), expected, "{value}");
        }
    }

    #[test]
    fn a_value_of_escaped_quotes_is_looked_through_once() {
        let value = br#"\""#.repeat(1 << 20);
        assert_eq!(members(&value).count(), 1);
    }
}
