//! The host a request is for, in one spelling.

use std::borrow::Cow;

/// The authority in its normal form for this scheme: lower case, without the scheme's default port.
#[must_use]
pub fn normal<'a>(scheme: &str, authority: &'a str) -> Cow<'a, str> {
    let default = match scheme {
        "https" => ":443",
        _ => ":80",
    };
    let host = authority.strip_suffix(default).unwrap_or(authority);
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}
