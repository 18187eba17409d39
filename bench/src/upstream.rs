//! The instant upstream: responds to any request at once with a small JSON, streams or sends bulk
//! when its query asks.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::arguments::Arguments;
use crate::body::Body;
use crate::failure::Failure;
use crate::head::number;
use crate::payload::{BULK_BUFFER, SMALL_BUFFER, completion, json_response};
use crate::stream_server::serve_stream;
use crate::wire::Wire;

/// What a request asks for, read from its query.
enum Wanted {
    Completion,
    Stream { chunks: u64, interval: Duration },
    Download { bytes: u64 },
    Upload,
}

/// Prints the port as a JSON line, then serves until standard input closes, that is until the
/// parent is gone.
pub async fn serve(arguments: &Arguments) -> Result<(), String> {
    let address: SocketAddr = arguments.get("listen")?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("listen on {address}: {error}"))?;
    let port = listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    println!("{{\"port\":{port}}}");
    std::io::stdout()
        .flush()
        .map_err(|error| error.to_string())?;
    std::thread::spawn(exit_with_parent);
    let instant: Rc<[u8]> = completion().into();
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .map_err(|error| format!("accept: {error}"))?;
        let instant = Rc::clone(&instant);
        // A proxy that closes or resets a connection is no fault here; the client reports what it
        // saw.
        spawn_local(async move { serve_connection(stream, &instant).await.ok() });
    }
}

fn exit_with_parent() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

async fn serve_connection(stream: TcpStream, instant: &[u8]) -> Result<(), Failure> {
    let mut wire = Wire::over(stream, SMALL_BUFFER)?;
    while let Some(head) = wire.head().await? {
        let wanted = wanted(&wire.bytes()[head.first_line.clone()]);
        wire.consume(head.len);
        if matches!(wanted, Wanted::Upload) {
            wire.grow(BULK_BUFFER);
        }
        let received = wire.discard(&mut Body::of_request(head.framing)).await?;
        match wanted {
            Wanted::Completion => wire.send(instant).await?,
            Wanted::Stream { chunks, interval } => {
                serve_stream(&mut wire, chunks, interval).await?
            }
            Wanted::Download { bytes } => send_bulk(&mut wire, bytes).await?,
            Wanted::Upload => {
                wire.send(&json_response(&format!("{received:020}")))
                    .await?
            }
        }
    }
    Ok(())
}

/// Reads `POST /v1/...?chunks=100&interval_ms=20`, `?bytes=N` and `?upload=1`.
fn wanted(request_line: &[u8]) -> Wanted {
    let Some(mark) = request_line.iter().position(|&byte| byte == b'?') else {
        return Wanted::Completion;
    };
    let query = request_line[mark + 1..]
        .split(|&byte| byte == b' ')
        .next()
        .unwrap_or_default();
    let value = |name: &[u8]| {
        query
            .split(|&byte| byte == b'&')
            .find_map(|pair| number(pair.strip_prefix(name)?.strip_prefix(b"=")?))
    };
    match (
        value(b"chunks"),
        value(b"interval_ms"),
        value(b"bytes"),
        value(b"upload"),
    ) {
        (Some(chunks), Some(ms), ..) => Wanted::Stream {
            chunks,
            interval: Duration::from_millis(ms),
        },
        (_, _, Some(bytes), _) => Wanted::Download { bytes },
        (.., Some(_)) => Wanted::Upload,
        _ => Wanted::Completion,
    }
}

async fn send_bulk(wire: &mut Wire, bytes: u64) -> Result<(), Failure> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {bytes}\r\n\r\n"
    );
    wire.send(head.as_bytes()).await?;
    wire.send_zeros(bytes, BULK_BUFFER).await
}
