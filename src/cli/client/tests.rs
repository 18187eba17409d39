use super::*;
use crate::cli::client::scripted::{Scripted, nowhere};

const PATIENCE: Duration = Duration::from_secs(5);

fn client(url: &str) -> Client {
    Client::new(Address::parse(url).unwrap(), PATIENCE)
}

#[test]
fn a_request_says_what_the_gateway_needs() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let server = Scripted::new(vec![ok.to_owned()]);
    let token = Secret::new("secret");
    let request = Request {
        method: "POST",
        path: "/x?a=1",
        token: Some(&token),
        body: Some("{\"a\":1}"),
    };
    let response = client(&format!("{}/llm/", server.url()))
        .send(request)
        .unwrap();
    assert_eq!((response.status, response.body), (200, b"{}".to_vec()));
    let host = server.address;
    let expected = format!(
        "POST /llm/x?a=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Accept: application/json\r\nAuthorization: Bearer secret\r\n\
         Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{{\"a\":1}}"
    );
    assert_eq!(server.requests(), [expected]);
}

#[test]
fn a_response_counts_only_when_it_is_complete() {
    for (raw, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "200 abc"),
        ("HTTP/1.1 200 OK\r\n\r\nabc", "200 abc"),
        ("HTTP/1.0 500 Oh\r\n\r\n", "500 "),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
            "204 ",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
            "200 abc",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "lost"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            "lost",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "not HTTP",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 200 OK\r\nConten", "lost"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        ("", "not HTTP"),
    ] {
        let server = Scripted::new(vec![raw.to_owned()]);
        let found = match client(&server.url()).send(Request::get("/")) {
            Ok(it) => format!("{} {}", it.status, String::from_utf8(it.body).unwrap()),
            Err(NoResponse::Lost(_)) => "lost".to_owned(),
            Err(NoResponse::NotHttp) => "not HTTP".to_owned(),
            Err(NoResponse::Unreachable(error)) => panic!("{error}"),
        };
        assert_eq!(found, expected, "{raw}");
        server.requests();
    }
}

#[test]
fn where_nothing_listens_nothing_was_sent() {
    let url = format!("http://{}", nowhere());
    let failed = client(&url).send(Request::get("/"));
    assert!(
        matches!(failed, Err(NoResponse::Unreachable(_))),
        "{failed:?}"
    );
}

#[test]
fn a_server_without_tls_gets_no_token() {
    let server = Scripted::new(vec![String::new()]);
    let url = format!("https://127.0.0.1:{}", server.address.port());
    let token = Secret::new("secret");
    let request = Request {
        token: Some(&token),
        ..Request::get("/")
    };
    // The server waits for a head in vain until this side gives up.
    let impatient = Client::new(Address::parse(&url).unwrap(), Duration::from_millis(100));
    let failed = impatient.send(request);
    assert!(
        matches!(failed, Err(NoResponse::Unreachable(_))),
        "{failed:?}"
    );
}
