//! Rules about connections: their settings, and who can make one.

use crate::doctor::facts::{Facts, ServerFacts};
use crate::doctor::finding::{Finding, FindingKind};

/// A shorter timeout closes connections that are only used now and then.
const MIN_IDLE_SECONDS: u64 = 60;
/// The part of `maxclients` from which there are many clients, in per cent.
const MANY_CLIENTS: u64 = 80;
/// No value of less should be refused, in bytes. Large responses are a few megabytes.
const MIN_BULK_BYTES: u64 = 64 << 20;

pub(super) fn connections(facts: &Facts) -> Vec<Finding> {
    facts.servers.iter().flat_map(connections_of).collect()
}

pub(super) fn seen_connections(facts: &Facts) -> Option<String> {
    let server = facts.servers.first()?;
    let connected = server.info.number("connected_clients")?;
    let most = server.info.number("maxclients").or_else(|| server.setting("maxclients"));
    let most = most.map(|most| format!(" of {most}")).unwrap_or_default();
    Some(format!("{connected}{most} clients"))
}

fn connections_of(server: &ServerFacts) -> Vec<Finding> {
    let new = |kind| Finding::new(kind).on(&server.address);
    let mut all = Vec::new();
    if let Some(seconds) = server.setting("timeout").filter(|seconds| (1..MIN_IDLE_SECONDS).contains(seconds))
    {
        all.push(
            new(FindingKind::IdleTimeout).seen("timeout_seconds", seconds).redis("CONFIG SET timeout 0"),
        );
    }
    if server.setting("tcp-keepalive") == Some(0) {
        let finding = new(FindingKind::NoKeepalive).seen("tcp_keepalive_seconds", 0);
        all.push(finding.redis("CONFIG SET tcp-keepalive 300"));
    }
    let bulk = server.setting("proto-max-bulk-len");
    if let Some(bytes) = bulk.filter(|bytes| *bytes < MIN_BULK_BYTES) {
        let finding = new(FindingKind::ShortBulk).seen("proto_max_bulk_len_bytes", bytes);
        all.push(finding.redis("CONFIG SET proto-max-bulk-len 536870912"));
    }
    let most = server.info.number("maxclients").or_else(|| server.setting("maxclients"));
    if let (Some(connected), Some(most)) = (server.info.number("connected_clients"), most)
        && connected * 100 >= most * MANY_CLIENTS
    {
        let finding =
            new(FindingKind::ManyClients).seen("connected_clients", connected).seen("maxclients", most);
        all.push(finding.redis(format!("CONFIG SET maxclients {}", most * 2)));
    }
    all
}

pub(super) fn exposure(facts: &Facts) -> Vec<Finding> {
    let address = &facts.address;
    let mut all: Vec<Finding> = facts.servers.iter().filter_map(exposed).collect();
    if !address.is_local && !address.has_credentials && all.is_empty() {
        let rule = format!(
            "ACL SETUSER larder on '>a password' resetchannels ~larder:{0}:* ~larder:{{{0}:log}}:* -@all {1}",
            facts.namespace,
            crate::doctor::right::rule_of_a_cache()
        );
        all.push(Finding::new(FindingKind::NoPassword).redis(rule));
    }
    if !address.is_local && !address.has_tls {
        all.push(Finding::new(FindingKind::NoTls).shell("export REDIS_URL=rediss://…"));
    }
    all
}

pub(super) fn seen_exposure(facts: &Facts) -> Option<String> {
    let address = &facts.address;
    let place = if address.is_local { "on this machine" } else { "on another machine" };
    let secret = if address.has_credentials { "with credentials" } else { "without credentials" };
    let tls = if address.has_tls { "TLS" } else { "no TLS" };
    Some(format!("{place}, {secret}, {tls}"))
}

/// A server that listens beyond its machine, without a password and without the protected mode.
fn exposed(server: &ServerFacts) -> Option<Finding> {
    let settings = &server.settings;
    let bind = settings.get("bind")?;
    let is_outside = bind.split(' ').any(|address| {
        let address = address.trim_start_matches('-');
        !address.is_empty() && !address.starts_with("127.") && address != "::1" && address != "localhost"
    });
    // An empty setting stands for all addresses.
    let is_reachable = is_outside || bind.is_empty();
    let is_open = settings.get("protected-mode") == Some("no") && settings.get("requirepass") == Some("");
    (is_reachable && is_open).then(|| {
        let finding = Finding::new(FindingKind::Exposed).on(&server.address).seen("bind", bind);
        finding.seen("protected_mode", "no").redis("CONFIG SET protected-mode yes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::AddressFacts;
    use crate::doctor::fields::Fields;
    use crate::doctor::rules::tests::{names, server};

    fn with(settings: &[(&str, &str)]) -> ServerFacts {
        let pairs = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ServerFacts { settings: Fields::from_pairs(pairs), ..server("connected_clients:80\r\nrole:master") }
    }

    #[test]
    fn settings_of_connections_have_bounds() {
        let found = |settings: &[(&str, &str)]| names(&connections_of(&with(settings)));
        assert_eq!(found(&[("timeout", "0"), ("tcp-keepalive", "300")]), [""; 0]);
        assert_eq!(found(&[("timeout", "59")]), ["idle-timeout"]);
        assert_eq!(found(&[("timeout", "60")]), [""; 0]);
        assert_eq!(found(&[("tcp-keepalive", "0")]), ["no-keepalive"]);
        assert_eq!(found(&[("proto-max-bulk-len", "1048576")]), ["bulk-length-low"]);
        assert_eq!(found(&[("maxclients", "100")]), ["many-clients"]);
        assert_eq!(found(&[("maxclients", "101")]), [""; 0]);
    }

    #[test]
    fn a_server_that_anyone_can_reach_is_an_error() {
        let open = [("protected-mode", "no"), ("requirepass", "")];
        let found = |bind, rest: [(&str, &str); 2]| {
            let [one, two] = rest;
            names(&exposure(&Facts {
                servers: vec![with(&[("bind", bind), one, two])],
                address: AddressFacts { is_local: true, ..AddressFacts::default() },
                ..Facts::default()
            }))
        };
        for bind in ["0.0.0.0", "* -::*", "127.0.0.1 10.0.0.7", ""] {
            assert_eq!(found(bind, open), ["exposed"], "{bind}");
        }
        assert_eq!(found("127.0.0.1 -::1", open), [""; 0]);
        assert_eq!(found("0.0.0.0", [("protected-mode", "yes"), ("requirepass", "")]), [""; 0]);
        assert_eq!(found("0.0.0.0", [("protected-mode", "no"), ("requirepass", "secret")]), [""; 0]);
    }

    #[test]
    fn another_machine_needs_a_password_and_better_tls() {
        let found = |has_credentials, has_tls| {
            let address =
                AddressFacts { is_local: false, has_credentials, has_tls, ..AddressFacts::default() };
            names(&exposure(&Facts { address, ..Facts::default() }))
        };
        assert_eq!(found(false, false), ["no-password", "no-tls"]);
        assert_eq!(found(true, false), ["no-tls"]);
        assert_eq!(found(true, true), [""; 0]);
    }
}
