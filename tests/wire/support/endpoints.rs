//! Gateways whose endpoints the tests change through the admin API.

use serde_json::Value;

use super::{Gateway, admin::Admin};

pub const SETTINGS: &str = "admin_token: secret\nstore: { kind: memory }\n\
                            secrets: { KEY: of-the-settings }\n";

/// A gateway with these settings and more.
pub fn started(more: &str) -> (Gateway, Admin) {
    let gateway = Gateway::with(&format!("{SETTINGS}{more}"));
    let admin = Admin::of(gateway.address);
    (gateway, admin)
}

/// The path of an endpoint that was made.
pub fn one(made: &Value) -> String {
    format!("/endpoints/{}", made["id"].as_str().expect("an id"))
}

/// The status of a request without a body.
pub fn status(gateway: &Gateway, method: &str, path: &str) -> u16 {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    gateway.exchange(request).status
}
