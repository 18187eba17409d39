//! AWS signatures over requests as the upstream received them.

use std::time::{Duration, UNIX_EPOCH};

use jiff::civil::DateTime;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{
    credential::aws::{Signer, ToSign, is_signed},
    secret::Secret,
    upstream::scripted::Received,
};

fn signer(id: &str, secret: &str, session: Option<&str>, region: &str) -> Signer {
    Signer {
        access_key_id: Secret::new(id),
        secret_access_key: Secret::new(secret),
        session_token: session.map(Secret::new),
        region: region.into(),
        service: "bedrock".into(),
    }
}

fn one() -> Signer {
    signer("AKOP", "op-secret-access", None, "us-east-1")
}

fn two() -> Signer {
    signer("AKTWO", "op-secret-two", Some("op-session"), "eu-central-1")
}

/// The signature that the request should have, by its bytes alone.
fn expected(received: &Received, signer: &Signer) -> String {
    let head = std::str::from_utf8(&received.head).expect("text");
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next().expect("a request line").split(' ');
    let (method, target) = (first.next().expect("it"), first.next().expect("it"));
    let lines: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let only = |name: &str| {
        let mut values = lines.iter().filter(|(it, _)| *it == name);
        let value = values.next().map(|(_, value)| *value);
        assert!(values.next().is_none(), "{name} twice in {head}");
        value
    };
    let date = only("x-amz-date").expect("a date");
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", date).expect("a date");
    let date = date.to_zoned(jiff::tz::TimeZone::UTC).expect("a time");
    let date = Duration::from_secs(date.timestamp().as_second().cast_unsigned());
    let token = signer.session_token.as_ref().map(Secret::expose);
    assert_eq!(only("x-amz-security-token"), token, "{head}");
    assert_eq!(only("x-amz-content-sha256"), None, "{head}");
    let written = ["x-amz-date", "x-amz-security-token"];
    let signed = lines
        .iter()
        .copied()
        .filter(|(name, _)| is_signed(&name.parse().expect("a name")) && !written.contains(name));
    let digest = Sha256::digest(&received.body);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let request = ToSign {
        method,
        authority: only("host").expect("a host"),
        target,
        lines: signed.collect(),
        body_sha256: &digest,
    };
    let signed = signer.sign(&request, UNIX_EPOCH + date).expect("it");
    let authorization = signed.iter().find(|(name, _)| name == "authorization");
    let value = authorization.expect("it").1.to_str().expect("text");
    value.to_owned()
}

#[actix_rt::test]
async fn the_bytes_that_arrive_are_the_bytes_that_were_signed() {
    tokio::time::pause();
    let path =
        "/v1/model/anthropic.claude-v2%3A1/invoke?b=%20+&&a==&key=callers&X-Amz-Date=callers";
    for body in [vec![(ms(0), "")], vec![(ms(0), "{\"a\""), (ms(50), ":1}")]] {
        let harness = Harness::with_settings(SETTINGS, [good()]);
        let ask = Ask { path, ..to("aws") };
        let ask = ask
            .body(&body)
            .header("x-amz-target", " a   b ")
            .header("x-amz-target", "c")
            .header("x-amzn-trace-id", "t");
        let got = harness.ask(ask).await;
        assert_eq!(got.status, 200, "{got:?}");
        let received = &harness.worker.upstream.received()[0];
        let (first, authorization) = line(&received.head, "authorization");
        let sent = "/v1/model/anthropic.claude-v2%3A1/invoke?b=%20+&&a==";
        assert_eq!(first, format!("POST {sent} HTTP/1.1"));
        assert_eq!(authorization, [expected(received, &one())]);
        let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-target,";
        assert!(authorization[0].contains(signed), "{}", authorization[0]);
    }
}

#[actix_rt::test]
async fn every_attempt_is_signed_anew_by_the_key_of_its_target() {
    tokio::time::pause();
    let harness = Harness::with_settings(SETTINGS, [failing(503), failing(503), good()]);
    let got = harness.ask(chat("two-aws")).await;
    assert_eq!(got.status, 200, "{got:?}");
    assert_eq!(harness.ports(), [6, 6, 7]);
    let received = harness.worker.upstream.received();
    for (received, signer) in received.iter().zip([one(), one(), two()]) {
        let (_, authorization) = line(&received.head, "authorization");
        assert_eq!(authorization, [expected(received, &signer)]);
    }
}

#[actix_rt::test]
async fn a_body_that_is_too_long_to_be_signed_is_refused() {
    tokio::time::pause();
    let long = "{\"prompt\":\"0123456789012345678901234567890123456789012345678901234567\"}";
    for body in [
        vec![(ms(0), long)],
        vec![(ms(0), &long[..9]), (ms(9), &long[9..])],
    ] {
        let harness = Harness::with_settings(SETTINGS, []);
        let got = harness.ask(to("aws").body(&body)).await;
        assert_eq!((got.status, got.error()), (413, "body_too_large"));
        assert!(got.body.contains("aws_sigv4"), "{}", got.body);
        assert_eq!(harness.sent(), []);
    }
}
