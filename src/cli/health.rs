//! `throughway health`: does the gateway on this machine respond? For containers, which have no
//! shell and no curl. Asks for liveness, not readiness: a gateway that drains is healthy.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{
    args::ServeArgs,
    client::{Address, Client, Request},
    start_message::reachable,
    stopped,
};
use crate::{config::Environment, observe::logs};

/// Timeout for connecting, and again for each read of the response.
const PATIENCE: Duration = Duration::from_secs(2);
const LIVE: &str = "/gateway/health/live";

/// Sends the request; returns the exit code.
pub fn run(args: &ServeArgs, environment: &Environment) -> u8 {
    let settings = match stopped::settings(args.config.as_deref(), environment, &args.flags) {
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
    if tls {
        return TcpStream::connect_timeout(&address, PATIENCE).map(drop);
    }
    let address = Address::of_listener(address).map_err(io::Error::other)?;
    let response = Client::new(address, PATIENCE).send(Request::get(LIVE));
    match response.map_err(io::Error::other)?.status {
        200 => Ok(()),
        status => Err(io::Error::other(format!("the response is {status}"))),
    }
}

fn unhealthy(error: &dyn std::fmt::Display) -> u8 {
    logs::say(&format!("error: {error}"));
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::scripted::{Scripted, nowhere};

    #[test]
    fn only_a_200_is_good_health() {
        for (response, well) in [
            ("HTTP/1.0 200 OK\r\n\r\nok\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("SSH-2.0 200 OK\r\n", false),
            ("", false),
        ] {
            let server = Scripted::new(vec![response.to_owned()]);
            assert_eq!(ask(server.address, false).is_ok(), well, "{response}");
            server.requests();
        }
    }

    #[test]
    fn a_port_without_a_listener_is_unhealthy() {
        let address = nowhere();
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
