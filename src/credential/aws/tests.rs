//! Signatures against AWS's published vectors, and the cases that they leave out.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::*;

const VECTORS: &str = include_str!("../../../fixtures/credential/aws_sigv4.json");
/// 2015-08-30T12:36:00Z.
const TIME: Duration = Duration::from_secs(1_440_938_160);
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn text<'v>(case: &'v Value, all: &'v Value, name: &str) -> &'v str {
    let found = case.get(name).or(all.get(name));
    found.and_then(Value::as_str).unwrap_or_default()
}

fn signer(case: &Value, all: &Value) -> Signer {
    let token = text(case, all, "session_token");
    Signer {
        access_key_id: Secret::new(text(case, all, "access_key_id")),
        secret_access_key: Secret::new(text(case, all, "secret_access_key")),
        session_token: (!token.is_empty()).then(|| Secret::new(token)),
        region: text(case, all, "region").into(),
        service: text(case, all, "service").into(),
    }
}

fn line<'l>(lines: &'l [(HeaderName, HeaderValue)], name: &str) -> Option<&'l str> {
    let found = lines.iter().find(|(it, _)| it.as_str() == name);
    found.and_then(|(_, value)| value.to_str().ok())
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn requests_of_the_test_suite_are_signed_as_published() {
    let all: Value = serde_json::from_str(VECTORS).expect("JSON");
    let cases = all["cases"].as_array().expect("cases");
    assert!(cases.len() > 20, "{}", cases.len());
    for case in cases {
        let name = text(case, &all, "name");
        let lines = case["lines"].as_array().expect("lines");
        let lines = lines.iter().map(|line| {
            let part = |place: usize| line[place].as_str().expect("text");
            (part(0), part(1))
        });
        let request = ToSign {
            method: text(case, &all, "method"),
            authority: text(case, &all, "host"),
            target: text(case, &all, "target"),
            lines: lines.collect(),
            body_sha256: &hex(text(case, &all, "body").as_bytes()),
        };
        let signer = signer(case, &all);
        let time = case.get("unix_time").or(all.get("unix_time"));
        let time = Duration::from_secs(time.and_then(Value::as_u64).expect("a time"));
        let signed = signer.sign(&request, UNIX_EPOCH + time).expect(name);
        let expected = text(case, &all, "authorization");
        assert_eq!(line(&signed, "authorization"), Some(expected), "{name}");
        let date = text(case, &all, "date");
        assert_eq!(line(&signed, "x-amz-date"), Some(date), "{name}");
        let token = signer.session_token.as_ref().map(Secret::expose);
        assert_eq!(line(&signed, "x-amz-security-token"), token, "{name}");
        assert!(
            signed
                .iter()
                .all(|(name, value)| { WRITTEN.contains(name) && value.is_sensitive() })
        );
    }
}

fn example(service: &str) -> Signer {
    let all: Value = serde_json::from_str(VECTORS).expect("JSON");
    Signer {
        service: service.into(),
        ..signer(&Value::Null, &all)
    }
}

fn get<'a>(authority: &'a str, target: &'a str) -> ToSign<'a> {
    ToSign {
        method: "GET",
        authority,
        target,
        lines: Vec::new(),
        body_sha256: EMPTY,
    }
}

fn signature(signer: &Signer, request: &ToSign<'_>) -> String {
    let signed = signer
        .sign(request, UNIX_EPOCH + TIME)
        .expect("a signature");
    line(&signed, "authorization").expect("a line").to_owned()
}

#[test]
fn s3_gets_the_digest_and_paths_are_signed_as_they_are() {
    let signer = Signer {
        access_key_id: Secret::new("AKIAIOSFODNN7EXAMPLE"),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ..example("s3")
    };
    // "GET Bucket Lifecycle" of "Examples: Signature Calculations in AWS Signature Version 4", in
    // the documentation of Amazon S3.
    let time = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
    let request = get("examplebucket.s3.amazonaws.com", "/?lifecycle");
    let signed = signer.sign(&request, time).expect("a signature");
    let authorization = line(&signed, "authorization").expect("a line");
    let published = "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    assert!(authorization.ends_with(published), "{authorization}");
    assert_eq!(line(&signed, "x-amz-content-sha256"), Some(EMPTY));
    let as_it_is = |path| signature(&signer, &get("b.example", path));
    assert_ne!(as_it_is("/a//b"), as_it_is("/a/b"));
    let normalized = |path| signature(&example("service"), &get("b.example", path));
    assert_eq!(normalized("/a//b"), normalized("/a/b"));
}

#[test]
fn every_part_of_a_request_changes_its_signature() {
    let signer = example("bedrock");
    let target = "/model/anthropic.claude-v2%3A1/invoke?a=1&a=2";
    let base = || get("bedrock-runtime.us-east-1.amazonaws.com", target);
    let with = |change: fn(&mut ToSign<'static>)| {
        let mut request = base();
        change(&mut request);
        signature(&signer, &request)
    };
    let mut all = vec![
        signature(&signer, &base()),
        with(|it| it.method = "POST"),
        with(|it| it.authority = "bedrock-runtime.us-east-1.amazonaws.com:8443"),
        with(|it| it.target = "/model/anthropic.claude-v2:1/invoke?a=1&a=2"),
        with(|it| it.target = "/model/anthropic.claude-v2%3A1/invoke?a=1&a=3"),
        with(|it| it.lines = vec![("x-amz-target", "T")]),
        with(|it| it.lines = vec![("x-amz-target", "T"), ("x-amz-target", "U")]),
        with(|it| it.body_sha256 = "00"),
        signature(&example("s3"), &base()),
    ];
    let at = UNIX_EPOCH + TIME + Duration::from_secs(1);
    let later = signer.sign(&base(), at).expect("a signature");
    all.push(line(&later, "authorization").expect("a line").to_owned());
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn what_is_no_plain_text_is_refused() {
    let signer = example("service");
    let refused = |request: &ToSign<'_>| signer.sign(request, UNIX_EPOCH + TIME).err();
    assert_eq!(refused(&get("h.example", "/a b")), Some(NotSignable));
    let mut odd = get("h.example", "/");
    odd.lines = vec![("x-amz-meta", "a\nb")];
    assert_eq!(refused(&odd), Some(NotSignable));
}

#[test]
fn what_aws_wants_signed_is_signed() {
    for (name, expected) in [
        ("content-type", true),
        ("x-amz-target", true),
        ("x-amz-content-sha256", true),
        ("x-amzn-trace-id", false),
        ("user-agent", false),
        ("content-length", false),
        ("accept", false),
    ] {
        assert_eq!(
            is_signed(&HeaderName::from_static(name)),
            expected,
            "{name}"
        );
    }
}
