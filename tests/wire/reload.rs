//! Settings that change while the gateway runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{Process, Upstream, eventually, message::bare};

/// The reply to a request that names no target.
fn status(gateway: &Process) -> u16 {
    gateway.exchange(bare("GET", "/v1/x", "")).status
}

fn target(upstream: &Upstream) -> String {
    format!("default_target: \"{}\"", upstream.url())
}

#[test]
fn a_changed_file_is_in_force_and_what_began_before_ends_as_it_began() {
    let (old, new) = (Upstream::playing(slow_stream), Upstream::ok());
    let gateway = Process::serving("reload-file", &target(&old));
    let mut streaming = gateway.client();
    streaming.send(bare("GET", "/v1/stream", ""));
    streaming.wait_for(b"first");
    gateway.write_settings(&target(&new));
    eventually("the new target is in force", || {
        status(&gateway) == 200 && new.connections() == 1
    });
    streaming.wait_for(b"last");
    assert_eq!(gateway.metric("throughway_reloads_total"), 1);
    assert_eq!(gateway.metric("throughway_reload_failures_total"), 0);
}

/// A stream whose end comes when the settings have changed; all else gets 404.
fn slow_stream(peer: &mut crate::support::Peer) {
    while let Some(request) = peer.request() {
        if String::from_utf8_lossy(&request).contains("/stream") {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            peer.pause(Duration::from_secs(3));
            peer.send("4\r\nlast\r\n0\r\n\r\n");
        } else {
            peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    }
}

#[test]
fn a_file_with_a_fault_changes_nothing_and_is_told() {
    let upstream = Upstream::ok();
    let gateway = Process::serving("reload-fault", &target(&upstream));
    let faults = [
        (
            "default_targett: \"http://127.0.0.1:1/v1\"",
            "default_targett",
        ),
        ("default_target: [", "reload-fault"),
        (
            "default_target: \"${NOT_SET_ANYWHERE}\"",
            "NOT_SET_ANYWHERE",
        ),
    ];
    for (count, (yaml, told)) in (1..).zip(faults) {
        gateway.write_settings(yaml);
        eventually(told, || {
            gateway.metric("throughway_reload_failures_total") == count
        });
        eventually(told, || {
            let log = gateway.log();
            let line = log
                .lines()
                .rfind(|line| line.contains("settings not reloaded"));
            line.is_some_and(|line| line.contains(told))
        });
        assert_eq!(status(&gateway), 200, "{told}");
    }
    gateway.write_settings(&format!("{}\nhosts: [gw.example]", target(&upstream)));
    eventually("a good file is in force again", || {
        let request = "GET /v1/x HTTP/1.1\r\nHost: gw.example\r\n\r\n";
        gateway.exchange(request).status == 200
    });
    assert_eq!(gateway.metric("throughway_reloads_total"), 1);
}

#[test]
fn a_hangup_reloads_at_once_and_says_so() {
    let upstream = Upstream::ok();
    let gateway = Process::serving("reload-hangup", &target(&upstream));
    gateway.signal("HUP");
    eventually("it is told", || {
        gateway.log().contains("settings are unchanged")
    });
    gateway.write_settings(&format!(
        "{}\nlisten: 127.0.0.1:1\nvia: true",
        target(&upstream)
    ));
    gateway.signal("HUP");
    eventually("it is in force", || {
        assert_eq!(status(&gateway), 200);
        let requests = upstream.requests();
        let last = requests.last().map(|it| String::from_utf8_lossy(it));
        last.is_some_and(|it| it.contains("via: 1.1 throughway"))
    });
    // A flag overrides `listen`, so that nothing waits for a restart.
    assert!(!gateway.log().contains("needs_restart"));
    gateway.write_settings(&format!(
        "{}\nreplay_limit: 1MiB\ncache: {{max_bytes: 1MiB}}",
        target(&upstream)
    ));
    gateway.signal("HUP");
    eventually("what waits for a restart is told", || {
        gateway
            .log()
            .contains("\"needs_restart\":\"cache.max_bytes\"")
    });
}

#[test]
fn under_load_no_request_fails_and_no_upstream_connection_closes() {
    const CLIENTS: usize = 64;
    const RELOADS: usize = 200;
    let upstream = Arc::new(Upstream::ok());
    let settings = |count: usize| {
        let limits = format!(
            "limits: [{{ requests: {}, window: 1s }}]",
            1_000_000 + count
        );
        format!("{}\n{limits}\nworkers: 2", target(&upstream))
    };
    let gateway = Arc::new(Process::serving("reload-load", &settings(0)));
    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (stop, served, mut client) = (stop.clone(), served.clone(), gateway.client());
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.send(bare("GET", "/v1/x", ""));
                    assert_eq!(client.response().status, 200);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    eventually("all have been served", || {
        served.load(Ordering::Relaxed) > 10 * CLIENTS
    });
    let (connections, memory) = (upstream.connections(), gateway.memory());
    for count in 1..=RELOADS {
        gateway.write_settings(&settings(count));
        gateway.signal("HUP");
        let reloads = i64::try_from(count).expect("a small number");
        eventually("the reload", || {
            gateway.metric("throughway_reloads_total") == reloads
        });
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("every request is served");
    }
    // A client's next request may come before its connection is back in the pool. If reloads closed
    // connections, there would be thousands.
    let opened = upstream.connections();
    assert!(
        opened < connections + CLIENTS,
        "{connections}, then {opened}"
    );
    let grown = gateway.memory().saturating_sub(memory);
    assert!(grown < 8 << 20, "{grown} bytes");
}
