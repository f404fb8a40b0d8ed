//! The requests, by host.

use std::collections::BTreeMap;

use http::header::HOST;

use crate::cli_error::CliError;
use crate::warm::sources::Collected;
use crate::warm::warm_args::WarmArgs;

/// The requests, by host.
#[derive(Debug)]
pub(super) struct WarmPlan {
    /// The targets of each host, in their order. An empty host is that of `--to`.
    pub(super) hosts: BTreeMap<String, Vec<String>>,
    /// The number of requests.
    pub(super) total: u64,
}

impl WarmPlan {
    /// Returns the requests. A page without a host is only accepted with `--to`.
    pub(super) fn new(collected: Collected, args: &WarmArgs) -> Result<Self, CliError> {
        let of_header =
            args.headers.iter().find(|field| field.name == HOST).map(|field| field.value.reveal());
        let of_all = args.host.as_deref().or(of_header);
        let mut plan = Self { hosts: BTreeMap::new(), total: 0 };
        for page in collected.into_pages() {
            let host = match of_all {
                Some(host) => host.to_owned(),
                None => page.host.unwrap_or_default(),
            };
            if host.is_empty() && args.to.is_none() {
                return Err(CliError::usage(
                    "a page has no host, and keys contain the host: `--host shop.example` names the one that \
                     clients use",
                ));
            }
            plan.hosts.entry(host).or_default().push(page.target);
            plan.total += 1;
        }
        Ok(plan)
    }

    /// Returns the other header fields of each request.
    pub(super) fn headers(args: &WarmArgs) -> impl Iterator<Item = (&str, &str)> {
        let others = args.headers.iter().filter(|field| field.name != HOST);
        others.map(|field| (field.name.as_str(), field.value.reveal()))
    }
}
