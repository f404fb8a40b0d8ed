//! The processor time of a server for each response.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::Place;
use super::client::Client;

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const PLACES: [Place; 4] = [Place::Encode, Place::Size, Place::Outside, Place::Inside];

/// A server in another process. It ends when this is dropped.
struct Server {
    _process: Child,
    clients: Vec<Client>,
    control: Client,
}

impl Server {
    async fn start(place: Place, length: usize, codings: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .args(["--serve", &place.name(), "--length", &length.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a server");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = lines.next_line().await.expect("a line").expect("a port").parse().expect("a number");
        let mut control = Client::connect(port).await;
        // Until what is measured is served: a coded form, or a stored response.
        loop {
            let (head, _) = control.get("/", codings).await;
            let is_coded = head.contains("content-encoding:") || place == Place::Size;
            if head.contains("x-cache: hit") && is_coded {
                break;
            }
        }
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(port).await);
        }
        Self { _process: process, clients, control }
    }

    async fn processor_nanos(&mut self) -> f64 {
        let (_, body) = self.control.get("/processor-time", "identity").await;
        String::from_utf8_lossy(&body).parse().expect("a number")
    }

    /// Returns the processor time for each response, in microseconds, and the length of a body.
    async fn measure(&mut self, requests: usize, codings: &str) -> (f64, usize) {
        let before = self.processor_nanos().await;
        let mut tasks = JoinSet::new();
        for mut client in self.clients.drain(..) {
            let codings = codings.to_owned();
            tasks.spawn(async move {
                let mut length = 0;
                for _ in 0..requests {
                    length = client.get("/", &codings).await.1.len();
                }
                (client, length)
            });
        }
        let mut length = 0;
        while let Some(done) = tasks.join_next().await {
            let (client, of_client) = done.expect("a client");
            self.clients.push(client);
            length = of_client;
        }
        let spent = self.processor_nanos().await - before;
        (spent / 1000.0 / (requests * CONNECTIONS) as f64, length)
    }
}

/// Prints the processor time of the server for each response, for each place and length.
///
/// The clients accept these codings.
///
/// # Panics
///
/// Panics if a server does not answer.
pub async fn print_processor_time(codings: &str) {
    println!("microseconds of processor time of the server for each response, {CONNECTIONS} connections,");
    println!("for clients that accept {codings};");
    println!("median of {ROUNDS} rounds in turn; bytes of the body as sent");
    println!("{:>8}  {:<10}{:>10}{:>12}{:>12}", "KiB", "place", "bytes", "us", "of size");
    for kib in [1, 16, 256] {
        let mut servers = Vec::new();
        for place in PLACES {
            servers.push((place, Server::start(place, kib * 1024, codings).await, Vec::new(), 0));
        }
        let requests = if kib == 256 { 40 } else { 400 };
        for _ in 0..ROUNDS {
            for (place, server, times, length) in &mut servers {
                let is_slow = matches!(place, Place::Outside) && kib > 1;
                let requests = if is_slow { requests / 10 } else { requests };
                let (time, sent) = server.measure(requests, codings).await;
                times.push(time);
                *length = sent;
            }
        }
        let medians: Vec<_> = servers
            .iter_mut()
            .map(|(place, _, times, length)| {
                times.sort_by(f64::total_cmp);
                (*place, times[ROUNDS / 2], *length)
            })
            .collect();
        let size = medians.iter().find(|(place, ..)| *place == Place::Size).map_or(1.0, |(_, time, _)| *time);
        for (place, time, length) in medians {
            println!("{kib:>8}  {:<10}{length:>10}{time:>12.2}{:>12.2}", place.name(), time / size);
        }
    }
}
