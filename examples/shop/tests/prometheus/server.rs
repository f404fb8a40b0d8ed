//! A real Prometheus, and its HTTP API.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A Prometheus on a free port of the loopback interface. It ends when dropped.
pub(crate) struct Prometheus {
    process: Child,
    addr: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    /// Starts a server with this configuration file. Its data is in the same folder.
    pub(crate) fn start(config: &Path) -> Self {
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", config.with_file_name("prometheus-data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .expect("this test needs the program `prometheus`: run `cargo xtask alerts`");
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let addr = log.find_map(|line| {
            let address = line.split_once(r#"msg="Listening on" address="#)?.1;
            Some(address.split(' ').next()?.to_owned())
        });
        let server = Self { process, addr: addr.unwrap_or_default() };
        let is_ready = log.any(|line| line.contains("Server is ready"));
        assert!(is_ready, "prometheus does not start with {}", config.display());
        // The server would wait if the pipe of its log were full.
        std::thread::spawn(move || log.for_each(drop));
        server
    }

    /// Returns the samples that the query has now, without those that are not a number.
    pub(crate) fn query(&self, query: &str) -> Vec<Value> {
        let data = self.get(&format!("query?query={}", encode(query)));
        let samples = data["result"].as_array().unwrap().iter();
        samples.filter(|sample| sample["value"][1] != "NaN").cloned().collect()
    }

    /// Returns the values that a label has in these series.
    pub(crate) fn label_values(&self, label: &str, series: &str) -> Vec<String> {
        let data = self.get(&format!("label/{label}/values?match[]={}", encode(series)));
        serde_json::from_value(data).unwrap()
    }

    /// Returns the names of the alerts that fire.
    pub(crate) fn firing(&self) -> BTreeSet<String> {
        let alerts = self.get("alerts");
        let alerts = alerts["alerts"].as_array().unwrap().iter();
        alerts.filter(|alert| alert["state"] == "firing").map(|alert| name(&alert["labels"])).collect()
    }

    /// Returns the labels of the alerts that have fired within this time.
    pub(crate) fn fired_within(&self, time: Duration) -> Vec<Value> {
        let range = time.as_secs().max(1);
        let fired = format!(r#"count_over_time(ALERTS{{alertstate="firing"}}[{range}s])"#);
        self.query(&fired).iter_mut().map(|sample| sample["metric"].take()).collect()
    }

    /// Asks the API, and returns the data of its answer.
    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        // With this version of HTTP, the body ends with the connection.
        write!(stream, "GET /api/v1/{path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.addr).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].take()
    }
}

fn name(labels: &Value) -> String {
    labels["alertname"].as_str().unwrap().to_owned()
}

fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
