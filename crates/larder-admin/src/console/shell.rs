//! The HTML of the console.

use axum::extract::OriginalUri;
use axum::response::Html;

const SHELL: &str = include_str!("assets/index.html");
/// The part of each link in [`SHELL`] that depends on the path of the request.
const BASE: &str = "{base}";

/// Serves the HTML.
///
/// Its links are relative, so that they fit wherever the router is nested, and behind a proxy. A
/// browser resolves them against the path up to the last slash (RFC 3986 §5.2.3). So the links of
/// `/ops/cache` begin with `./cache/`, and those of `/ops/cache/` with `./`.
pub(super) async fn shell(OriginalUri(uri): OriginalUri) -> Html<String> {
    Html(SHELL.replace(BASE, &base(uri.path())))
}

fn base(path: &str) -> String {
    match path.rsplit('/').next() {
        None | Some("") => "./".to_owned(),
        Some(last) => format!("./{}/", escape(last)),
    }
}

/// Escapes a text for an attribute. The last part of the path may come from the client.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_the_last_part_of_the_path() {
        for (path, expected) in [
            ("/", "./"),
            ("", "./"),
            ("/ops/cache", "./cache/"),
            ("/ops/cache/", "./"),
            ("/a:b", "./a:b/"),
            ("/x/\"><b>&'", "./&quot;&gt;&lt;b&gt;&amp;&#39;/"),
        ] {
            assert_eq!(base(path), expected, "{path}");
        }
    }
}
