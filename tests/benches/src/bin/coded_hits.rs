//! Prints the cost of compressed responses: of `Policy::encode`, and of a `CompressionLayer` around
//! the cache and inside of it.
#![allow(clippy::expect_used, reason = "without a runtime there is nothing to measure")]

use clap::{Parser, ValueEnum};
use larder_bench::coded::{
    BROWSER, Place, print_handler_runs, print_processor_time, print_store_sizes, send_hits, serve,
};
use tokio::runtime::Builder;

#[derive(Parser)]
struct Args {
    /// The table to print. By default, all of them.
    #[arg(long)]
    only: Option<Table>,
    /// The codings that clients accept, for the processor time.
    #[arg(long, default_value = BROWSER)]
    codings: String,
    /// Send this many hits, of a coded response or of one of its `size`, and print nothing, for a
    /// tool that counts instructions.
    #[arg(long, num_args = 2, value_names = ["PLACE", "NUMBER"])]
    hits: Option<Vec<String>>,
    /// Serve a response that is compressed at this place, and print nothing but the port.
    #[arg(long, hide = true)]
    serve: Option<Place>,
    /// The length of that response before it is compressed.
    #[arg(long, hide = true, default_value_t = 16 * 1024)]
    length: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    ProcessorTime,
    HandlerRuns,
    StoreSizes,
}

fn main() {
    let args = Args::parse();
    if let Some([place, number]) = args.hits.as_deref() {
        let place = Place::from_str(place, true).expect("encode or size");
        let number = number.parse().expect("a number");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(send_hits(place, number));
    }
    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        if let Some(place) = args.serve {
            return serve(place, args.length).await;
        }
        let is_wanted = |table| args.only.is_none_or(|only| only == table);
        if is_wanted(Table::ProcessorTime) {
            print_processor_time(&args.codings).await;
        }
        if is_wanted(Table::HandlerRuns) {
            print_handler_runs().await;
        }
        if is_wanted(Table::StoreSizes) {
            print_store_sizes().await;
        }
    });
}
