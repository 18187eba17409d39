//! Opens a connection to a vetted target: staggered TCP (RFC 8305), the peer's address checked,
//! then TLS.

use std::{cell::Cell, io, net::SocketAddr, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::{net::TcpStream, time};
use tokio_rustls::TlsConnector;

use super::{
    Connecting,
    failure::{Cause, Failure},
    socket::Socket,
    tls::TlsClients,
};
use crate::{
    guard::{Host, VettedTarget},
    machine::{clock, descriptors},
};

/// Delay before the next address is tried beside those under way (RFC 8305 §5, "Connection Attempt
/// Delay").
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to a target. `within` bounds TCP and TLS together.
pub async fn dial(
    target: &VettedTarget,
    tls: &TlsClients,
    within: Duration,
    noted: &Cell<Connecting>,
) -> Result<Socket, Failure> {
    time::timeout(within, open(target, tls, noted))
        .await
        .unwrap_or(Err(Cause::ConnectTimeout))
        .map_err(Failure::unsent)
}

async fn open(
    target: &VettedTarget,
    tls: &TlsClients,
    noted: &Cell<Connecting>,
) -> Result<Socket, Cause> {
    noted.set(Connecting::default());
    let stream =
        connect(target.addresses()).await.map_err(|error| {
            match descriptors::are_used_up(&error) {
                true => Cause::NoDescriptors,
                false => Cause::Connect(error.kind()),
            }
        })?;
    note(noted, |it| it.connected = Some(clock::now()));
    let io_cause = |error: io::Error| Cause::Connect(error.kind());
    if !target.admits(stream.peer_addr().map_err(io_cause)?) {
        return Err(Cause::PeerNotVetted);
    }
    stream.set_nodelay(true).map_err(io_cause)?;
    if !target.is_tls() {
        return Ok(Socket::Tcp(stream));
    }
    let tls_cause = |error: &dyn std::fmt::Display| Cause::Tls(error.to_string());
    let name = server_name(target.host()).map_err(|error| tls_cause(&error))?;
    let host = target.host().to_string();
    let config = tls.config_for(&host, target.port(), target.named_by());
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|error| tls_cause(&error))?;
    note(noted, |it| it.tls_done = Some(clock::now()));
    Ok(Socket::Tls(Box::new(stream)))
}

fn note(noted: &Cell<Connecting>, note: impl FnOnce(&mut Connecting)) {
    let mut now = noted.get();
    note(&mut now);
    noted.set(now);
}

fn server_name(host: &Host) -> Result<ServerName<'static>, InvalidDnsNameError> {
    match host {
        Host::Name(name) => ServerName::try_from(name.to_string()),
        Host::Ip(ip) => Ok(ServerName::from(*ip)),
    }
}

/// Connects to the first address that accepts. Families alternate, IPv6 first; the next address is
/// tried when the last one has failed or the stagger has passed.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that dials: its addresses come from a `VettedTarget`"
)]
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = interleaved(addresses).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = waiting.next() {
            trying.push(TcpStream::connect(address));
        } else if trying.is_empty() {
            return Err(last_error);
        }
        let stagger = time::sleep(STAGGER);
        tokio::pin!(stagger);
        tokio::select! {
            biased;
            outcome = trying.next() => match outcome {
                Some(Ok(stream)) => return Ok(stream),
                // Every other address would fail in the same way.
                Some(Err(error)) if descriptors::are_used_up(&error) => return Err(error),
                Some(Err(error)) => last_error = error,
                None => {}
            },
            () = &mut stagger, if waiting.len() > 0 => {}
        }
    }
}

fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut v6 = addresses.iter().filter(|address| address.is_ipv6());
    let mut v4 = addresses.iter().filter(|address| address.is_ipv4());
    let mut order = Vec::with_capacity(addresses.len());
    loop {
        let pair = [v6.next(), v4.next()];
        order.extend(pair.into_iter().flatten().copied());
        if pair == [None, None] {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate_with_ipv6_first() {
        let all: Vec<SocketAddr> = ["1.1.1.1:1", "2.2.2.2:1", "[::1]:1", "3.3.3.3:1"]
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        let order: Vec<String> = interleaved(&all).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
    }

    #[actix_rt::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let open = listener.local_addr().expect("an address");
        let closed = SocketAddr::new("::1".parse().expect("loopback"), open.port());
        let stream = connect(&[closed, open]).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("a peer"), open);
    }
}
