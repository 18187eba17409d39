//! Requests for tokens and the responses to them.

use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use super::*;

/// A key that was made for these tests, and opens nothing.
const KEY: &str = include_str!("../../../fixtures/credential/service_account.pem");
const TIME: Duration = Duration::from_secs(1_700_000_000);

fn key(change: impl FnOnce(&mut Value)) -> Value {
    let mut key = json!({
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": KEY,
        "client_email": "gw@p.iam.gserviceaccount.com",
        "token_uri": "https://token.example/token",
    });
    change(&mut key);
    key
}

fn account(key: Value, scopes: &[&str]) -> Account {
    let account = ServiceAccount::read(key).unwrap_or_else(|reason| panic!("{reason}"));
    Account::new(Source::ServiceAccount(Box::new(account)), scopes)
}

#[test]
fn an_assertion_is_a_signed_statement_of_who_asks_whom_for_what() {
    let account = account(key(|_| {}), &["a", "b"]);
    let request = account.request(UNIX_EPOCH + TIME).expect("a request");
    assert_eq!(request.url, "https://token.example/token");
    assert_eq!(request.method, "POST");
    let body = std::str::from_utf8(&request.body).expect("text");
    let assertion = body.strip_prefix(GRANT).expect("a grant");
    let (signed, signature) = assertion.rsplit_once('.').expect("a signature");
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let json = |text: &str| serde_json::from_slice::<Value>(&decoded(text)).expect("JSON");
    assert_eq!(
        json(header),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
    );
    assert_eq!(
        json(claims),
        json!({
            "iss": "gw@p.iam.gserviceaccount.com",
            "scope": "a b",
            "aud": "https://token.example/token",
            "iat": TIME.as_secs(),
            "exp": TIME.as_secs() + 3600,
        })
    );
    let Ok(PrivateKeyDer::Pkcs8(der)) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()) else {
        panic!("a key of another kind");
    };
    let pair = ring::signature::RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public());
    let checked = public.verify(signed.as_bytes(), &decoded(signature));
    assert!(checked.is_ok());
}

#[test]
fn the_metadata_server_is_asked_for_the_scopes() {
    let source = Source::MetadataServer(METADATA_HOST.into());
    let account = Account::new(source, &["https://a/b", "c"]);
    let request = account.request(UNIX_EPOCH).expect("a request");
    assert_eq!(
        request.url,
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token\
         ?scopes=https%3A%2F%2Fa%2Fb%2Cc"
    );
    assert!(request.to_metadata_server && request.body.is_empty());
    assert!(request.lines.contains(&("metadata-flavor", "Google")));
}

#[test]
fn a_key_of_another_kind_is_refused_without_its_values() {
    for (change, expected) in [
        (
            (|it| it["type"] = "external_account".into()) as fn(&mut Value),
            "not of the type service_account",
        ),
        (|it| it["private_key"] = Value::Null, "needs type"),
        (|it| it["private_key"] = "SECRET".into(), "no RSA key"),
        (|it| *it = json!([]), "needs type"),
    ] {
        let refused = ServiceAccount::read(key(change)).err().expect("a refusal");
        assert!(refused.contains(expected), "{refused}");
        assert!(!refused.contains("SECRET"));
    }
}

#[test]
fn a_response_is_a_token_with_its_life_or_an_error_without_its_text() {
    let life = |body: &str| read(200, body.as_bytes()).map(|token| token.life().as_secs());
    for (body, expected) in [
        (
            r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#,
            Some(3599),
        ),
        (r#"{"access_token":"t","expires_in":1.5}"#, Some(1)),
        (r#"{"access_token":"t"}"#, Some(300)),
        (
            r#"{"access_token":"t","expires_in":1e300}"#,
            Some(24 * 3600),
        ),
        (r#"{"access_token":"t","expires_in":0}"#, None),
        (r#"{"access_token":"t","expires_in":-5}"#, None),
        (r#"{"access_token":"","expires_in":5}"#, None),
        (r#"{"access_token":"a\nb","expires_in":5}"#, None),
        (r#"{"access_token":"t","token_type":"mac"}"#, None),
        (r#"{"id_token":"t"}"#, None),
        ("<html>", None),
        ("", None),
    ] {
        assert_eq!(life(body).ok(), expected, "{body}");
    }
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_grant"}"#,
            Unusable::Refused(400, "invalid_grant".into()),
        ),
        (
            400,
            r#"{"error":"eyJhbGciOi.SECRET"}"#,
            Unusable::Status(400),
        ),
        (
            401,
            r#"{"error":{"message":"SECRET"}}"#,
            Unusable::Status(401),
        ),
        (500, "SECRET", Unusable::Status(500)),
        (302, "", Unusable::Status(302)),
    ] {
        assert_eq!(
            read(status, body.as_bytes()).err(),
            Some(expected),
            "{body}"
        );
    }
}
