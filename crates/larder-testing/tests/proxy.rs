//! The proxy that injects faults, in front of a server that sends back what it gets.
#![allow(clippy::unwrap_used)] // Clippy does not see that the helpers here are tests too.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use larder_testing::{Direction, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use Direction::{ToClient, ToServer};

/// Starts an echo server.
///
/// The channel gets everything that one connection sent, when that connection has ended.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ended, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, ended.clone()));
        }
    });
    (address, heard)
}

async fn serve(mut stream: TcpStream, ended: mpsc::UnboundedSender<Vec<u8>>) {
    let mut all = Vec::new();
    let mut chunk = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        all.extend_from_slice(&chunk[..count]);
        // A client that has hung up gets no echo, but is read to the end.
        let _ = stream.write_all(&chunk[..count]).await;
    }
    let _ = ended.send(all);
}

async fn proxied() -> (Proxy, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (address, heard) = echo().await;
    (Proxy::start(address).unwrap(), heard)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn read(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn round_trip(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    read(stream, text.len()).await
}

/// Reads everything until the connection ends in any way.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Returns whether nothing arrives for a while. A slow machine cannot make this fail.
async fn silent(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn it_passes_on_and_counts() {
    let (proxy, mut heard) = proxied().await;
    let mut one = connect(&proxy).await;
    let mut two = connect(&proxy).await;
    assert_eq!(round_trip(&mut one, "hello").await, "hello");
    assert_eq!(round_trip(&mut two, "you").await, "you");
    assert_eq!((proxy.connections(), proxy.open_connections()), (2, 2));
    assert_eq!((proxy.bytes(ToServer), proxy.bytes(ToClient)), (8, 8));

    one.shutdown().await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), b"hello");
    assert!(rest(&mut one).await.is_empty());
}

#[tokio::test]
async fn much_goes_through_unchanged() {
    let (proxy, _heard) = proxied().await;
    let (mut from, mut to) = connect(&proxy).await.into_split();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    let writer = tokio::spawn({
        let sent = sent.clone();
        async move { to.write_all(&sent).await.unwrap() }
    });
    let mut got = Vec::new();
    from.read_to_end(&mut got).await.unwrap();
    writer.await.unwrap();
    assert!(got == sent);
}

#[tokio::test]
async fn each_direction_is_delayed_for_itself() {
    let (proxy, _heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    let delay = Duration::from_millis(30);
    for directions in [&[ToServer][..], &[ToClient], &[ToServer, ToClient]] {
        directions.iter().for_each(|direction| proxy.delay(*direction, delay));
        let begun = Instant::now();
        round_trip(&mut stream, "slow").await;
        assert!(begun.elapsed() >= delay * u32::try_from(directions.len()).unwrap());
        proxy.pass();
    }
}

#[tokio::test]
async fn a_black_hole_keeps_everything_and_delivers_it_in_the_end() {
    let (proxy, mut heard) = proxied().await;
    let mut open = connect(&proxy).await;
    round_trip(&mut open, "before").await;
    let mut leaving = connect(&proxy).await;
    round_trip(&mut leaving, "bye").await;

    proxy.blackhole();
    let mut new = connect(&proxy).await;
    open.write_all(b"during").await.unwrap();
    new.write_all(b"new").await.unwrap();
    drop(leaving);
    assert!(silent(&mut open).await && silent(&mut new).await);
    assert!(heard.try_recv().is_err());
    assert_eq!(proxy.bytes(ToServer), 9);

    proxy.pass();
    assert_eq!(read(&mut open, 6).await, "during");
    assert_eq!(read(&mut new, 3).await, "new");
    assert_eq!(heard.recv().await.unwrap(), b"bye");
    assert_eq!(proxy.bytes(ToServer), 18);
}

#[tokio::test]
async fn refusing_closes_new_connections_only() {
    let (proxy, _heard) = proxied().await;
    let mut open = connect(&proxy).await;
    round_trip(&mut open, "before").await;
    proxy.refuse();
    assert!(rest(&mut connect(&proxy).await).await.is_empty());
    assert_eq!(round_trip(&mut open, "still").await, "still");
    assert_eq!((proxy.connections(), proxy.open_connections()), (2, 1));

    proxy.pass();
    round_trip(&mut connect(&proxy).await, "after").await;
}

#[tokio::test]
async fn a_cut_closes_what_is_open_even_in_a_black_hole() {
    let (proxy, mut heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream, "before").await;
    proxy.blackhole();
    stream.write_all(b"lost").await.unwrap();

    proxy.cut().await;
    assert_eq!(proxy.open_connections(), 0);
    assert!(rest(&mut stream).await.is_empty());
    assert_eq!(heard.recv().await.unwrap(), b"before");

    proxy.pass();
    round_trip(&mut connect(&proxy).await, "after").await;
}

#[tokio::test]
async fn a_cut_can_wait_for_a_number_of_bytes() {
    let (proxy, mut heard) = proxied().await;
    let mut bystander = connect(&proxy).await;
    round_trip(&mut bystander, "before").await;

    proxy.cut_after(ToClient, 7);
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream, "abcd").await;
    stream.write_all(b"efgh").await.unwrap();
    assert_eq!(rest(&mut stream).await, b"efg");
    assert!(rest(&mut bystander).await.is_empty());
    heard.recv().await.unwrap();
    heard.recv().await.unwrap();

    proxy.cut_after(ToServer, 0);
    let mut stream = connect(&proxy).await;
    stream.write_all(b"x").await.unwrap();
    assert!(rest(&mut stream).await.is_empty());
    assert_eq!(heard.recv().await.unwrap(), b"");

    round_trip(&mut connect(&proxy).await, "only once").await;
}

#[tokio::test]
async fn bytes_are_corrupted_the_way_that_was_asked() {
    let (proxy, mut heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    proxy.corrupt(ToClient);
    assert_eq!(round_trip(&mut stream, "abcd").await, "`cbe");
    proxy.rewrite(ToClient, |chunk| chunk.make_ascii_uppercase());
    assert_eq!(round_trip(&mut stream, "abcd").await, "ABCD");
    proxy.pass();
    assert_eq!(round_trip(&mut stream, "abcd").await, "abcd");
    stream.shutdown().await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), b"abcdabcdabcd");
}

#[tokio::test]
async fn matching_bytes_are_held_until_released() {
    let (proxy, _heard) = proxied().await;
    let mut holding = connect(&proxy).await;
    let mut passing = connect(&proxy).await;
    let held = proxy.hold(ToServer, "SET");
    assert_eq!(round_trip(&mut holding, "GET").await, "GET");

    holding.write_all(b"a SET b").await.unwrap();
    held.arrived(1).await;
    assert_eq!(round_trip(&mut passing, "GET").await, "GET");
    assert!(silent(&mut holding).await);

    held.open();
    assert_eq!(read(&mut holding, 7).await, "a SET b");
    assert_eq!(round_trip(&mut passing, "SET").await, "SET");

    let held = proxy.hold(ToClient, "");
    passing.write_all(b"back").await.unwrap();
    held.arrived(1).await;
    proxy.pass();
    assert_eq!(read(&mut passing, 4).await, "back");
}

#[tokio::test]
async fn a_pattern_is_found_across_chunks() {
    let (proxy, _heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    let held = proxy.hold(ToServer, "SET");
    assert_eq!(round_trip(&mut stream, "a S").await, "a S");
    stream.write_all(b"ET b").await.unwrap();
    held.arrived(1).await;
    held.open();
    assert_eq!(read(&mut stream, 4).await, "ET b");
}

#[tokio::test]
async fn held_bytes_arrive_after_the_sender_closed() {
    let (proxy, mut heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    let held = proxy.hold(ToServer, "");
    stream.write_all(b"SET").await.unwrap();
    held.arrived(1).await;
    drop(stream);
    held.open();
    assert_eq!(heard.recv().await.unwrap(), b"SET");
}

#[tokio::test]
async fn a_server_that_is_not_there_closes_connections_once_it_can_be_asked() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = Proxy::start(free).unwrap();
    assert!(rest(&mut connect(&proxy).await).await.is_empty());

    proxy.blackhole();
    let mut stream = connect(&proxy).await;
    assert!(silent(&mut stream).await);
    proxy.pass();
    assert!(rest(&mut stream).await.is_empty());
}

#[tokio::test]
async fn dropping_it_closes_everything() {
    let (proxy, mut heard) = proxied().await;
    let mut stream = connect(&proxy).await;
    round_trip(&mut stream, "before").await;
    proxy.blackhole();
    let address = proxy.address();
    drop(proxy);
    assert!(rest(&mut stream).await.is_empty());
    assert_eq!(heard.recv().await.unwrap(), b"before");
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn new_connections_are_led_to_another_server_and_open_ones_stay() {
    let (proxy, mut heard) = proxied().await;
    let mut open = connect(&proxy).await;
    round_trip(&mut open, "old").await;
    let (other, mut heard_there) = echo().await;
    proxy.lead_to(other);
    let mut new = connect(&proxy).await;
    round_trip(&mut new, "new").await;
    round_trip(&mut open, "er").await;
    proxy.cut().await;
    assert_eq!(heard.recv().await.unwrap(), b"older");
    assert_eq!(heard_there.recv().await.unwrap(), b"new");
}

#[tokio::test]
async fn connections_share_a_limited_bandwidth() {
    let (proxy, _heard) = proxied().await;
    let (mut one, mut two) = (connect(&proxy).await, connect(&proxy).await);
    round_trip(&mut one, "before").await;
    round_trip(&mut two, "before").await;
    proxy.limit_bandwidth(ToClient, 1_000_000);
    let begun = Instant::now();
    let text = "x".repeat(50_000);
    tokio::join!(round_trip(&mut one, &text), round_trip(&mut two, &text));
    assert!(begun.elapsed() >= Duration::from_millis(90), "{:?}", begun.elapsed());
    proxy.pass();
    round_trip(&mut one, "after").await;
}
