//! A client that leaves before there is an upstream connection: during the DNS look-up, while
//! connecting.

use std::time::Instant;

use socket2::{Domain, Socket, Type};

use crate::{
    clients_leaving::{Leaving, assert_counted_once, assert_no_error_came, in_flight},
    support::{Gateway, dns::FakeDns, dns::Reply, eventually},
};

#[test]
fn while_the_name_is_looked_up() {
    for leaving in Leaving::ALL {
        let what = format!("DNS, {leaving:?}");
        let dns = FakeDns::start();
        dns.answer("slow.test", Reply::silence());
        let gateway = Gateway::with(&format!("dns: {{ servers: [\"{}\"] }}", dns.address()));
        let mut client = gateway.client();
        client.send(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: \
             http://slow.test/v1\r\n\
             Content-Length: 5\r\n\r\n",
        );
        dns.wait_for_queries("slow.test", 1);
        let left = Instant::now();
        let kept = leaving.leave(client);
        assert_counted_once(&gateway, left, &what);
        if let Some(mut client) = kept {
            assert_no_error_came(&mut client, &what);
        }
    }
}

/// A listener whose queue is full: further connection attempts hang.
fn blackhole() -> (Socket, Vec<Socket>, std::net::SocketAddr) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).expect("a port");
    listener.listen(0).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let full: Vec<Socket> = (0..4)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            // The first fill the queue, the others hang.
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    (listener, full, address.as_socket().expect("IPv4"))
}

#[test]
fn while_the_connection_is_being_made() {
    for leaving in Leaving::ALL {
        let what = format!("connect, {leaving:?}");
        let (_listener, _full, address) = blackhole();
        let gateway = Gateway::start();
        let mut client = gateway.client();
        client.send(format!(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: \
             http://{address}/v1\r\n\
             Content-Length: 5\r\n\r\n",
        ));
        eventually("the request arrives", || in_flight(&gateway) == 1);
        let left = Instant::now();
        let kept = leaving.leave(client);
        assert_counted_once(&gateway, left, &what);
        if let Some(mut client) = kept {
            assert_no_error_came(&mut client, &what);
        }
    }
}

/// The gateway stops reading an upload until there is an upstream. It notices the client's close
/// although unread bytes come before it.
#[test]
fn while_the_name_is_looked_up_and_the_upload_waits() {
    for leaving in Leaving::ALL {
        let dns = FakeDns::start();
        dns.answer("slow.test", Reply::silence());
        let gateway = Gateway::with(&format!("dns: {{ servers: [\"{}\"] }}", dns.address()));
        let mut client = gateway.client();
        client.send(
            "POST /v1/x HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: \
             http://slow.test/v1\r\n\
             Content-Length: 100000000\r\n\r\n",
        );
        client.send(vec![b'x'; 200_000]);
        dns.wait_for_queries("slow.test", 1);
        let left = Instant::now();
        let kept = leaving.leave(client);
        assert_counted_once(&gateway, left, "DNS with an upload waiting");
        drop(kept);
    }
}
