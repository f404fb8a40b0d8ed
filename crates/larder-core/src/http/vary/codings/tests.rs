use super::*;
use crate::http::testing::fields;

fn of(lines: &[&str]) -> Option<String> {
    let lines: Vec<_> = lines.iter().map(|line| ("accept-encoding", *line)).collect();
    in_normal_form(&fields(&lines)).map(|value| value.to_str().unwrap().to_owned())
}

/// RFC 9111 §4.1, RFC 9110 §12.5.3.
#[test]
fn equivalent_fields_have_one_form() {
    for (lines, expected) in [
        (&["gzip, br"][..], "br,gzip"),
        (&["br, gzip, deflate"], "br,gzip"),
        (&["gzip, deflate, br"], "br,gzip"),
        (&["GZIP;q=1.0", "deflate,, Br;q=1"], "br,gzip"),
        (&["gzip, gzip, br ; q=1.000"], "br,gzip"),
        (&["gzip, deflate, br, zstd"], "br,gzip,zstd"),
        (&["deflate, gzip"], "gzip"),
        (&["gzip, x-gzip, compress, x-compress"], "gzip"),
        // A preference stays.
        (&["gzip;q=0.80, br;q=1.0"], "br,gzip;q=0.8"),
        (&["br;q=1.0, gzip;q=0.8, *;q=0.1"], "br,gzip;q=0.8,*;q=0.1"),
        (&["gzip;q=0.5, deflate"], "deflate,gzip;q=0.5"),
        (&["gzip;q=0.5, deflate;q=0.5"], "gzip;q=0.5"),
        (&["identity, gzip;q=0.5"], "identity,gzip;q=0.5"),
        (&["gzip;q=0.007, br;q=0.070"], "br;q=0.07,gzip;q=0.007"),
        // A coding that is not acceptable is like one that is not listed, unless "*" lists it.
        (&["gzip, br;q=0"], "gzip"),
        (&["*, br;q=0.0"], "*,br;q=0"),
        (&["gzip;q=0, deflate"], "deflate"),
        // Nothing but the bytes themselves.
        (&[""], "identity"),
        (&[", ,"], "identity"),
        (&["gzip;q=0"], "identity"),
        (&["identity;q=0.5"], "identity"),
        (&["identity;q=0.5, br;q=0"], "identity"),
        // Nothing at all, or not the bytes themselves.
        (&["gzip, Identity;Q=0"], "gzip,identity;q=0"),
        (&["gzip, *;q=0.000"], "gzip,*;q=0"),
        (&["identity;q=0, br;q=0"], "identity;q=0"),
    ] {
        assert_eq!(of(lines).as_deref(), Some(expected), "{lines:?}");
        assert_eq!(of(&[expected]), None, "{expected} is the normal form");
    }
}

#[test]
fn a_field_that_is_normal_or_not_understood_is_not_changed() {
    let many: Vec<_> = (0..17).map(|number| format!("a{number}")).collect();
    for lines in [
        &[][..],
        &["br,gzip"],
        &["identity"],
        &["*"],
        &["x-custom"],
        &["x-gzip"],
        &["gzip;q=2, br"],
        &["gzip;q=0.1234, br"],
        &["gzip;level=9, br"],
        &["gzip br"],
        &["\"gzip\", br"],
        &[";q=1, br"],
        &["gzip, gzip;q=0"],
        &["\u{fc}, br"],
        &[&many.join(", ")],
    ] {
        assert_eq!(of(lines), None, "{lines:?}");
    }
}
