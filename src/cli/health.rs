//! `throughway health`: does the gateway on this machine respond? For containers, which have no
//! shell and no curl. Asks for liveness, not readiness: a gateway that drains is healthy.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{args::ServeArgs, start_message::reachable};
use crate::{
    config::{Environment, Settings},
    observe::logs,
};

/// Timeout for connecting, and again for each read of the response.
const PATIENCE: Duration = Duration::from_secs(2);
/// HTTP/1.0, so that the response ends with the connection.
const REQUEST: &[u8] =
    b"GET /gateway/health/live HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";
/// Bytes of the response that are read: enough for the status line.
const STATUS_LINE: u64 = 64;

/// Sends the request; returns the exit code.
pub fn run(args: &ServeArgs, environment: &Environment) -> u8 {
    let mut flags = args.flags.clone();
    // `serve` has judged whether a start without keys is allowed; it may have had a flag for it.
    flags.allow_unauthenticated = true;
    let settings = match Settings::load(args.config.as_deref(), environment, &flags) {
        Ok(settings) => settings,
        Err(error) => return unhealthy(&error),
    };
    let address = reachable(settings.listen);
    match ask(address, settings.tls.is_some()) {
        Ok(()) => 0,
        Err(error) => unhealthy(&format_args!("{address}: {error}")),
    }
}

/// With TLS, an accepted connection is enough: clients judge the certificate.
fn ask(address: SocketAddr, tls: bool) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    if tls {
        return Ok(());
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(REQUEST)?;
    let mut response = Vec::new();
    stream.take(STATUS_LINE).read_to_end(&mut response)?;
    match response.split(|byte| *byte == b' ').nth(1) {
        Some(b"200") if response.starts_with(b"HTTP/1.") => Ok(()),
        _ => Err(io::Error::other("the response is not the gateway's")),
    }
}

fn unhealthy(error: &dyn std::fmt::Display) -> u8 {
    logs::say(&format!("error: {error}"));
    1
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_200_is_good_health() {
        for (response, well) in [
            ("HTTP/1.0 200 OK\r\n\r\nok\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("SSH-2.0 200 OK\r\n", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
                stream.write_all(response.as_bytes()).unwrap();
            });
            assert_eq!(ask(address, false).is_ok(), well, "{response}");
            server.join().unwrap();
        }
    }

    #[test]
    fn a_port_without_a_listener_is_unhealthy() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        assert!(ask(address, false).is_err() && ask(address, true).is_err());
    }

    #[test]
    fn a_wildcard_listener_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(
                reachable(listen.parse().unwrap()),
                asked.parse::<SocketAddr>().unwrap()
            );
        }
    }
}
