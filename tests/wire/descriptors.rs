//! The process's limit of open files: raised at start, and what happens to requests when it is used
//! up.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{
    Client, Process, Response, Upstream, eventually,
    gateway::get,
    routing::{base, config_line, json, raw_response},
};

const EAGER: &str = "downstream: { max_connections: 1000 }\nupstream: { keepalive: 1m }\n";

const ACCEPTS_AGAIN: Duration = Duration::from_millis(700);

fn ok() -> Upstream {
    Upstream::responding(json("200 OK", "{}"))
}

/// Responds once and closes.
fn closing() -> Upstream {
    Upstream::responding_once(raw_response("200 OK", "Connection: close\r\n", "ok"))
}

/// Idle connections until the gateway can open nothing more.
fn used_up(gateway: &Process, limit: usize) -> Vec<TcpStream> {
    let connect = || TcpStream::connect(gateway.address).expect("the system's queue has room");
    let mut idle: Vec<TcpStream> = (0..limit).map(|_| connect()).collect();
    let mut full_since = None;
    // After an `accept` in vain the gateway tries again half a second later, and takes what has
    // become free.
    eventually("no descriptor is left", || {
        match gateway.descriptors() >= limit {
            true => full_since.get_or_insert_with(Instant::now).elapsed() > ACCEPTS_AGAIN,
            false => {
                full_since = None;
                idle.push(connect());
                false
            }
        }
    });
    idle
}

fn assert_overloaded(response: &Response) {
    assert_eq!(
        (
            response.status,
            response.error(),
            response.header("retry-after")
        ),
        (503, Some("overloaded"), Some("1")),
        "{}",
        response.text()
    );
}

#[test]
fn the_limit_is_raised_as_far_as_the_system_allows() {
    let gateway = Process::with_descriptors("descriptors-raised", "", 64, 256);
    assert_eq!(gateway.descriptor_limits(), [256, 256]);
}

#[test]
fn without_descriptors_connected_clients_get_a_503_and_service_recovers() {
    let upstream = closing();
    let mut gateway = Process::with_descriptors("descriptors-gone", EAGER, 64, 64);
    let mut client = gateway.client();
    client.send(get(&upstream));
    assert_eq!(client.response().text(), "ok");
    let idle = used_up(&gateway, 64);
    for _ in 0..3 {
        client.send(get(&upstream));
        assert_overloaded(&client.response());
    }
    assert_eq!(upstream.connections(), 1);
    drop(idle);
    eventually("descriptors are free", || gateway.descriptors() < 32);
    client.send(get(&upstream));
    assert_eq!(client.response().text(), "ok");
    assert_eq!(gateway.exchange(get(&upstream)).text(), "ok");
    gateway.signal("TERM");
    assert_eq!(gateway.ended().code(), Some(0));
}

#[test]
fn without_descriptors_idle_upstream_connections_are_closed() {
    let (first, second) = (ok(), ok());
    let gateway = Process::with_descriptors("descriptors-idle", EAGER, 64, 64);
    let mut clients: Vec<Client> = (0..4).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(get(&first));
    }
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    let _idle = used_up(&gateway, 64);
    clients[0].send(get(&second));
    assert_eq!(clients[0].response().status, 200);
    assert_eq!(second.connections(), 1);
}

#[test]
fn a_target_whose_dial_found_no_descriptor_is_not_held_to_be_down() {
    let upstream = closing();
    let gateway = Process::with_descriptors("descriptors-breaker", EAGER, 64, 64);
    let config = config_line(&format!(
        r#"{{"strategy":{{"mode":"single","cb_config":{{"failure_threshold":1,
           "cooldown_interval":60000,"minimum_requests":1}}}},
           "targets":[{{"custom_host":"{}"}}]}}"#,
        base(&upstream)
    ));
    let request = format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{config}\r\n");
    let mut client = gateway.client();
    client.send(&request);
    assert_eq!(client.response().text(), "ok");
    let idle = used_up(&gateway, 64);
    for _ in 0..3 {
        client.send(&request);
        assert_overloaded(&client.response());
    }
    drop(idle);
    eventually("descriptors are free", || gateway.descriptors() < 32);
    client.send(&request);
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn by_default_no_more_clients_are_accepted_than_can_be_served() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.pause(Duration::from_millis(20));
        peer.send(raw_response("200 OK", "Connection: close\r\n", "ok"));
    });
    let gateway = Process::with_descriptors("descriptors-default", "", 96, 96);
    let request = get(&upstream).replace("Host:", "Connection: close\r\nHost:");
    let mut clients: Vec<Client> = (0..100).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    for client in &mut clients {
        assert_eq!(client.response().text(), "ok");
    }
    assert!(gateway.descriptors() < 96);
}
