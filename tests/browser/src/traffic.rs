//! The requests that a browser sends, from chromedriver's performance log.

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

/// A request that a page sent, and the status of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The whole URL.
    pub url: String,
    /// The method.
    pub method: String,
    /// The status, if there was a response by now.
    pub status: Option<u16>,
    id: String,
}

#[derive(Deserialize)]
struct Entry {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    method: String,
    params: Value,
}

/// Returns the requests of these entries, in their order. An entry is an event of the DevTools
/// protocol as JSON.
pub(crate) fn exchanges<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Vec<Exchange>> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for entry in entries {
        let Message { method, params } = serde_json::from_str::<Entry>(entry)?.message;
        let id = text(&params["requestId"]);
        match &*method {
            "Network.requestWillBeSent" => exchanges.push(Exchange {
                url: text(&params["request"]["url"]),
                method: text(&params["request"]["method"]),
                status: None,
                id,
            }),
            "Network.responseReceived" => {
                let status = params["response"]["status"].as_u64().and_then(|status| status.try_into().ok());
                let sent = exchanges.iter_mut().rev().find(|exchange| exchange.id == id);
                sent.into_iter().for_each(|exchange| exchange.status = status);
            }
            _ => {}
        }
    }
    Ok(exchanges)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_status_of_its_response() {
        let sent = r#"{"message":{"method":"Network.requestWillBeSent","params":{"requestId":"7","request":{"url":"http://127.0.0.1/a","method":"GET"}}}}"#;
        let other = r#"{"message":{"method":"Network.dataReceived","params":{"requestId":"7"}}}"#;
        let received = r#"{"message":{"method":"Network.responseReceived","params":{"requestId":"7","response":{"status":401}}}}"#;
        let exchanges = exchanges([sent, other, received].into_iter()).unwrap();
        assert_eq!(exchanges.len(), 1);
        assert_eq!((&*exchanges[0].url, exchanges[0].status), ("http://127.0.0.1/a", Some(401)));
    }
}
