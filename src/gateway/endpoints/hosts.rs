//! Where does an endpoint send its requests, and so its secrets? A change must not send a secret
//! that nobody can read to a host that it was not given for.

use serde_json::Value;

use super::texts::{self, Found, plain};
use crate::{guard::BaseUrl, identity::document::FieldError, store::is_sealed};

/// A value that says where requests go.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    pub path: String,
    pub text: String,
}

/// Where an endpoint sends its requests: every value that says so.
pub fn hosts(document: &Value) -> Vec<Host> {
    let mut found = Vec::new();
    collect(document, "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut Vec<Host>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{name}");
                match (plain(name).as_str(), value.as_str()) {
                    ("target" | "customhost" | "provider", Some(text)) => {
                        let text = text.to_owned();
                        found.push(Host { path, text });
                    }
                    ("overrideparams", _) => {}
                    _ => collect(value, &path, found),
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{place}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Refuses a change that leaves a sealed secret as it is and sends it to another host: nobody may
/// learn a secret by naming a host of theirs beside it.
///
/// # Errors
/// The path of the secret.
pub fn check_same_hosts(before: &Value, after: &Value) -> Result<(), FieldError> {
    let mut moved = None;
    let mut look = |found: &Found<'_>, value: &mut Value| {
        let is_kept = is_sealed(value) && before.pointer(found.pointer) == Some(value);
        if is_kept && origins(before, found.path) != origins(after, found.path) {
            moved.get_or_insert_with(|| found.path.to_owned());
        }
        Ok(())
    };
    texts::each(&mut after.clone(), &[], &mut look)?;
    let Some(path) = moved else { return Ok(()) };
    let reason = "would go to another host than it was given for: give it again together with the \
                  host, or remove it with null";
    Err(FieldError::new(path, reason))
}

/// The hosts to which the secret at `path` may go: that of `target` alone, if there is one and the
/// secret stands beside it.
fn origins(document: &Value, path: &str) -> Vec<(String, String)> {
    let is_of_config = path.starts_with("config.");
    let has_target = document.get("target").is_some_and(Value::is_string);
    let counts = |it: &Host| is_of_config || !has_target || it.path == "target";
    let hosts = hosts(document).into_iter().filter(counts);
    hosts.map(|it| (it.path, origin(&it.text))).collect()
}

/// Scheme, host and port; the text itself, if it is no URL.
fn origin(text: &str) -> String {
    BaseUrl::parse(text).map_or_else(|_| text.to_owned(), |url| url.origin().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sealed_secret_stays_with_the_hosts_it_was_given_for() {
        let sealed = || json!({ "$sealed": "v1.a.b" });
        let beside = |target: &str| {
            json!({
                "target": target, "credential": { "bearer": sealed() },
                "config": { "retry": { "attempts": 1 } },
            })
        };
        let within = |first: &str, second: &str| {
            json!({
                "target": "http://t",
                "config": { "api_key": sealed(),
                            "targets": [{ "custom_host": first }, { "provider": second }] },
            })
        };
        let more = |extra: Value| {
            let mut document = beside("http://a/x");
            document["config"] = extra;
            document
        };
        let other = json!({ "targets": [{}, { "custom_host": "http://b" }] });
        let alone = |host: &str| {
            let mut document = more(json!({ "custom_host": host }));
            let fields = document.as_object_mut().expect("an object");
            fields.shift_remove("target");
            document
        };
        for (before, after, refused) in [
            (beside("http://a/x"), beside("http://a/y?z=1"), None),
            (
                beside("http://a"),
                beside("https://a"),
                Some("credential.bearer"),
            ),
            (
                beside("http://a"),
                beside("http://a:81"),
                Some("credential.bearer"),
            ),
            (beside("http://a/x"), more(other), None),
            (
                beside("http://a/x"),
                alone("http://a"),
                Some("credential.bearer"),
            ),
            (
                alone("http://a"),
                alone("http://b"),
                Some("credential.bearer"),
            ),
            (
                alone("http://a"),
                beside("http://a/x"),
                Some("credential.bearer"),
            ),
            (within("http://a", "@p"), within("http://a/z", "@p"), None),
            (
                within("http://a", "@p"),
                within("http://b", "@p"),
                Some("config.api_key"),
            ),
            (
                within("http://a", "@p"),
                within("http://a", "@q"),
                Some("config.api_key"),
            ),
        ] {
            let found = check_same_hosts(&before, &after).err().map(|it| it.path);
            assert_eq!(found.as_deref(), refused, "{before} {after}");
        }
    }
}
