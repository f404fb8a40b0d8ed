//! `pip install` through the proxy, from a real index server.

use std::fs;

use crate::index_server::IndexServer;
use crate::support::Running;

/// The blocking commands leave a thread to the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pip_installs_twice_and_downloads_once() {
    let Some(index) = IndexServer::start() else { return };
    let proxy = Running::at(&index.url, &[]).await;
    let url = format!("http://{}", proxy.addr);
    let before = index.requested().len();
    for name in ["first", "second"] {
        let installed = index.install(&url, name);
        let data: Vec<u8> = (0..=255).cycle().take(256_000).collect();
        assert_eq!(fs::read(installed.join("larder_leaf/data.bin")).unwrap(), data);
        assert_eq!(fs::read(installed.join("larder_root/data.bin")).unwrap(), b"root");
    }
    // The pages of the index say nothing of a lifetime, and are asked for each time.
    let requested = index.requested().split_off(before);
    let (files, pages): (Vec<_>, Vec<_>) = requested.iter().partition(|path| path.contains("/+f/"));
    assert_eq!((files.len(), pages.len()), (2, 4), "{requested:?}");
}
