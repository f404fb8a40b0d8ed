//! The connections of a proxy.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use super::Direction;
use super::faults::Faults;

const CHUNK: usize = 64 * 1024;

/// How many bytes of a connection are transmitted before it is another connection's turn.
///
/// This matters only if the bandwidth is limited.
const PIECE: usize = 16 * 1024;

/// How many bytes before a chunk are remembered, to find patterns that begin there.
const MEMORY: usize = 1024;

/// Accepts connections until the sender of `stopped` is gone.
pub(super) async fn serve(
    listener: StdListener,
    server: SocketAddr,
    faults: Arc<Faults>,
    stopped: oneshot::Receiver<()>,
) {
    tokio::select! {
        _ = stopped => {}
        _ = accept(listener, server, faults) => {}
    }
}

async fn accept(listener: StdListener, server: SocketAddr, faults: Arc<Faults>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Most likely there are no file descriptors left. Other connections may end.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if let Some(cut) = faults.admit() {
            tokio::spawn(connection(client, server, Arc::clone(&faults), cut));
        }
    }
}

async fn connection(
    client: TcpStream,
    server: SocketAddr,
    faults: Arc<Faults>,
    mut cut: watch::Receiver<bool>,
) {
    tokio::select! {
        biased;
        _ = cut.wait_for(|cut| *cut) => {}
        _ = relay(client, server, &faults) => {}
    }
    // The sockets are closed by now. `Faults::cut` waits for this.
    drop(cut);
}

/// Relays both directions, each by itself.
///
/// Data that a client sent before it hung up is still delivered.
async fn relay(client: TcpStream, server: SocketAddr, faults: &Faults) -> io::Result<()> {
    faults.reachable().await;
    let server = faults.edit(|plan| plan.server).unwrap_or(server);
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        carry(Direction::ToServer, from_client, to_server, faults),
        carry(Direction::ToClient, from_server, to_client, faults),
    );
    Ok(())
}

/// Carries chunks until `from` ends, then closes `to`.
async fn carry(direction: Direction, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, faults: &Faults) {
    let mut stream = Vec::with_capacity(MEMORY + CHUNK);
    let mut deaf = false;
    loop {
        let known = stream.len();
        stream.resize(known + CHUNK, 0);
        let fresh = from.read(&mut stream[known..]).await.unwrap_or_default();
        stream.truncate(known + fresh);
        faults.deliverable(direction, &stream, fresh).await;
        if fresh == 0 {
            return;
        }
        let mut chunk = stream[known..].to_vec();
        let cut = faults.apply(direction, &mut chunk);
        // After a failed write, `from` is still read to its end. Otherwise its connection would be
        // reset.
        for piece in chunk.chunks(PIECE) {
            faults.transmitted(direction, piece.len()).await;
            deaf = deaf || to.write_all(piece).await.is_err();
        }
        if cut {
            faults.cut();
            return;
        }
        stream.drain(..stream.len().saturating_sub(MEMORY));
    }
}
