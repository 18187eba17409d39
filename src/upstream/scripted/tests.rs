//! The stand-in does what its script says, when it says so.

use std::time::Instant;

use super::*;
use crate::{
    guard::{BaseUrl, NamedBy, Policy, Preset},
    memory::Account,
    upstream::{Asked, RequestBody},
};

fn call(body: &'static str) -> Call {
    let url = BaseUrl::parse("http://127.0.0.1:9/v1").expect("a base URL");
    let policy = Policy::new(Preset::Dev, Vec::new());
    let pass = policy.judge_host(&url, NamedBy::Caller).expect("permitted");
    let length = BodyLength::Exact(body.len() as u64);
    let source = Payload::from(Bytes::from_static(body.as_bytes()));
    let body = RequestBody::new(source, length, 0, Account::UNCOUNTED);
    Call {
        connecting: std::cell::Cell::default(),
        target: policy.judge_addresses(pass, &[]).expect("permitted"),
        head: Bytes::from_static(b"POST /v1/x HTTP/1.1\r\n\r\n"),
        asked: Asked::Ordinary,
        body: Rc::new(RefCell::new(body)),
        idempotent: false,
        connect_timeout: Duration::from_secs(1),
    }
}

async fn read(body: &mut ResponseBody) -> (String, Option<Failure>) {
    let mut text = String::new();
    loop {
        match poll_fn(|cx| body.poll_chunk(cx)).await {
            Some(Ok(chunk)) => text += std::str::from_utf8(&chunk).expect("text"),
            Some(Err(failure)) => return (text, Some(failure)),
            None => return (text, None),
        }
    }
}

#[actix_rt::test]
async fn scenes_are_played_in_order_and_requests_recorded() {
    let soon = Duration::from_millis(30);
    let upstream = ScriptedUpstream::new([
        Scene::unreachable(Cause::ConnectTimeout),
        Scene::breaks(Cause::ClosedBeforeHead),
        Scene::responds(200, &[("x", "a"), ("x", "b")])
            .after(soon)
            .chunk(Duration::ZERO, "hel")
            .chunk(soon, "lo"),
        Scene::responds(500, &[])
            .chunk(Duration::ZERO, "hel")
            .cut(soon),
    ]);
    let refused = upstream.send(&call("1")).await.err().expect("a failure");
    assert_eq!(refused, Failure::unsent(Cause::ConnectTimeout));
    let broken = upstream.send(&call("22")).await.err().expect("a failure");
    assert_eq!(broken.cause, Cause::ClosedBeforeHead);
    assert_eq!(broken.sent, "POST /v1/x HTTP/1.1\r\n\r\n22".len() as u64);

    let start = Instant::now();
    let mut response = upstream.send(&call("333")).await.expect("a response");
    assert!(start.elapsed() >= soon);
    assert_eq!(response.head.status, StatusCode::OK);
    assert_eq!(response.head.headers.get_all("x").count(), 2);
    assert!(!response.body.progress().complete);
    assert_eq!(read(&mut response.body).await, ("hello".to_owned(), None));
    assert!(start.elapsed() >= soon * 2 && response.body.progress().complete);

    let mut response = upstream.send(&call("4444")).await.expect("a response");
    let cut = Failure::unsent(Cause::Truncated);
    assert_eq!(
        read(&mut response.body).await,
        ("hel".to_owned(), Some(cut))
    );
    assert!(!response.body.progress().complete);

    assert!(upstream.send(&call("5")).await.is_err(), "no scene is left");
    let bodies: Vec<Bytes> = upstream.received().into_iter().map(|it| it.body).collect();
    assert_eq!(bodies, ["22", "333", "4444"]);
    let first = &upstream.received()[0];
    assert!(first.head.starts_with(b"POST /v1/x ") && first.authority == "127.0.0.1:9");
}
