//! Endpoints on loopback: whether one is, and whether an emulator answers there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use url::{Host, Url};

use crate::error::{Error, Result};

/// Refuses an endpoint that isn't on this machine's loopback, so that `--local` can never reach AWS.
///
/// # Errors
/// Usage, with what would do.
pub fn check_loopback(url: &str) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::usage(format!(
            "the local emulator is reached over loopback only, and {url:?} {why}"
        ))
        .with_help(
            "give an address like http://127.0.0.1:4566; other endpoints are for commands of AWS, without --local",
        ))
    };
    // What URL parsers disagree on would be checked as one host and called as another.
    if url.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '\\' | '@')) {
        return refuse("is not a plain address");
    }
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(&format!("is not an address ({error})")),
    };
    // No certificate names a loopback address that its owner would trust, so the emulator's client has no TLS.
    if parsed.scheme() != "http" {
        return refuse("is not http://");
    }
    let loopback = match parsed.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if loopback {
        Ok(())
    } else {
        refuse("is another machine's")
    }
}

/// The endpoint of an emulator on a port.
pub(super) fn of_port(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

/// The version of the ministack that answers at an endpoint; nothing when none does.
pub(super) fn version_at(endpoint: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Health {
        version: String,
    }
    let agent = ureq::Agent::config_builder()
        // Not through a proxy named by the environment: it would look on its own loopback.
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(2)))
        .build()
        .new_agent();
    let mut answer = agent.get(format!("{endpoint}/_ministack/health")).call().ok()?;
    let body = answer.body_mut().read_to_string().ok()?;
    serde_json::from_str::<Health>(&body).ok().map(|health| health.version)
}

/// Why a port can't be listened on; nothing when it can.
pub(super) fn obstacle(port: u16) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // Asked first: where a server listens on all addresses, some systems still let another bind loopback alone.
    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
        return Some(match version_at(&of_port(port)) {
            Some(version) => format!("another ministack ({version}), not started by qfleet, listens there"),
            None => "another program listens there".to_owned(),
        });
    }
    TcpListener::bind(address).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::check_loopback;

    #[test]
    fn loopback_is_what_stays_on_this_machine() {
        for url in [
            "http://127.0.0.1:4566",
            "http://127.0.0.1:4566/",
            "http://127.8.9.10",
            "http://localhost:4566",
            "http://LOCALHOST:1",
            "http://[::1]:4566",
        ] {
            check_loopback(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "https://sqs.us-east-1.amazonaws.com",
            "http://10.0.0.1:4566",
            "http://0.0.0.0:4566",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://127.0.0.1\\@example.com",
            "http://example.com#127.0.0.1",
            "http://localhost.example.com",
            "http://[::ffff:10.0.0.1]",
            "http:// 127.0.0.1",
            "http://127.0.0.1\n",
            "ftp://127.0.0.1",
            "https://127.0.0.1:4566",
            "127.0.0.1:4566",
            "localhost",
            "",
        ] {
            assert!(check_loopback(url).is_err(), "{url:?} was taken for loopback");
        }
    }
}
