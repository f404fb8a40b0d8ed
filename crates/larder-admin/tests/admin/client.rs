//! The client of a token.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{App, OPERATOR, READER};

#[tokio::test]
async fn a_client_learns_its_name_and_its_role() {
    let app = App::new();
    for (token, name, role) in [(READER, "dashboard", "read"), (OPERATOR, "on-call", "purge")] {
        let answer = app.call(Method::GET, "/ops/cache/api/client", Some(token), None).await;
        let expected = json!({
            "name": name,
            "role": role,
            "version": env!("CARGO_PKG_VERSION"),
            "has_application": true,
            "has_top_keys": true,
        });
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected));
    }
}
