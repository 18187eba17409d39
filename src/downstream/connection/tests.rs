//! Timers that run while nothing deals with what they ended, as with a client that does not read.

use super::*;
use crate::memory::{BodyMemory, Counts};

fn head_room() -> HeadRoom {
    HeadRoom::new(BodyMemory::new(1 << 20, Counts::default()), None)
}

/// A connection, and the listener that keeps its other end open.
#[expect(clippy::disallowed_methods, reason = "a connection to itself")]
async fn connection() -> (std::net::TcpListener, Rc<ClientConnection>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    let second = Duration::from_secs(1);
    let timeouts = DownstreamTimeouts {
        head: second,
        body_idle: second,
        write_stall: second * 3,
        keep_alive: second * 5,
    };
    let now = Rc::new(Cell::new(Instant::now()));
    let connection = ClientConnection::new(
        Stream::Tcp(stream),
        head_room(),
        timeouts,
        now,
        Arc::default(),
    );
    (listener, Rc::new(connection))
}

#[actix_rt::test]
async fn a_stalled_client_is_found_out_after_a_deadline_has_passed() {
    for dealt_with in [false, true] {
        stall_after_a_deadline(dealt_with).await;
    }
}

async fn stall_after_a_deadline(dealt_with: bool) {
    let (_listener, connection) = connection().await;
    let start = connection.clocks.now();
    let _guard = connection.begin(Extent::Length(0));
    connection.note_blocked();
    connection.set_deadline(Some(Duration::from_secs(1)));
    connection.check(start + Duration::from_millis(1250));
    assert_eq!(connection.expired(), Some(AbortReason::Deadline));
    assert!(!connection.is_over());
    if dealt_with {
        connection.settle();
    }
    connection.check(start + Duration::from_millis(3250));
    assert_eq!(connection.expired(), Some(AbortReason::WriteStall));
    assert!(connection.is_over());
    connection.settle();
    assert!(
        connection.is_over(),
        "the end of a connection cannot be settled"
    );
}

#[actix_rt::test]
async fn no_timer_is_early_although_its_time_may_be_a_tick_old() {
    let (_listener, connection) = connection().await;
    let start = connection.clocks.now();
    connection.check(start + Duration::from_millis(1249));
    assert_eq!(connection.expired(), None);
    connection.check(start + Duration::from_millis(1250));
    assert_eq!(connection.expired(), Some(AbortReason::Head));
}
