//! Puts into the settings what their credentials of Google refer to: the JSON of a service
//! account's key in place of the path of its file, and the metadata server that the environment
//! names. So a key file that changed makes other settings, as a variable does.

use std::fs::File;
use std::io::{self, Read as _};

use super::document::{Node, Value};
use super::expand::{ExpandError, ExpandFault};

/// Largest key file in bytes; real ones have some 2 400.
const MAX_FILE: u64 = 64 * 1024;

/// Looks through the whole tree for `credential.google`, wherever targets may stand.
///
/// # Errors
/// The first file that cannot be read.
pub fn insert(root: &mut Node, metadata_host: Option<&str>) -> Result<(), ExpandError> {
    node(root, "", metadata_host)
}

fn node(at: &mut Node, path: &str, metadata_host: Option<&str>) -> Result<(), ExpandError> {
    match &mut at.value {
        Value::Null
        | Value::Bool(_)
        | Value::Whole(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Expanded(_) => Ok(()),
        Value::List(items) => {
            let mut places = items.iter_mut().enumerate();
            places.try_for_each(|(place, item)| {
                node(item, &format!("{path}[{place}]"), metadata_host)
            })
        }
        Value::Map(entries) => entries.iter_mut().try_for_each(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            let here = format!("{path}{dot}{}", key.name);
            match key.name.as_str() {
                "credential" => credential(value, &here, metadata_host),
                // Its values are what a body gets, and the gateway's business no further.
                "override_params" | "overrideParams" => Ok(()),
                _ => node(value, &here, metadata_host),
            }
        }),
    }
}

fn credential(at: &mut Node, path: &str, metadata_host: Option<&str>) -> Result<(), ExpandError> {
    let Some(google) = child(at, &["google"]) else {
        return Ok(());
    };
    if let (Some(host), Some(server)) = (
        metadata_host,
        child(google, &["metadata_server", "metadataServer"]),
    ) && matches!(server.value, Value::Bool(true))
    {
        server.value = Value::Text(host.to_owned());
    }
    let Some(account) = child(google, &["service_account", "serviceAccount"]) else {
        return Ok(());
    };
    let (Value::Text(text) | Value::Expanded(text)) = &account.value else {
        return Ok(());
    };
    if text.is_empty() || text.trim_start().starts_with('{') {
        return Ok(());
    }
    match File::open(text).and_then(read) {
        Ok(json) => {
            account.value = Value::Text(json);
            Ok(())
        }
        Err(error) => Err(ExpandError {
            path: format!("{path}.google.service_account"),
            position: account.position,
            fault: ExpandFault::File(error.kind()),
        }),
    }
}

fn child<'n>(at: &'n mut Node, names: &[&str]) -> Option<&'n mut Node> {
    let Value::Map(entries) = &mut at.value else {
        return None;
    };
    let mut entries = entries.iter_mut();
    let found = entries.find(|(key, _)| names.contains(&key.name.as_str()));
    found.map(|(_, value)| value)
}

fn read(file: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MAX_FILE {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false if !text.trim_start().starts_with('{') => Err(io::ErrorKind::InvalidData.into()),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, Flags, Settings};

    fn settings(google: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
        let text = format!(
            "providers:\n  x:\n    custom_host: 'https://a.example'\n    \
             credential: {{ google: {google} }}\n"
        );
        let variables: Environment = variables.iter().copied().collect();
        let settings = Settings::parse(&text, Path::new("s"), &variables, &Flags::default());
        settings.map_err(|error| error.to_string())
    }

    fn token_url(settings: &Settings) -> String {
        let credential = settings.providers.entries()["x"].credential.as_ref();
        credential
            .and_then(|it| it.token_url())
            .expect("a scheme of tokens")
    }

    #[test]
    fn a_metadata_server_is_that_of_the_environment_unless_it_is_named() {
        let other = ("GCE_METADATA_HOST", "127.0.0.1:9");
        for (google, variables, expected) in [
            (
                "{ metadata_server: true }",
                &[][..],
                "http://169.254.169.254/",
            ),
            ("{ metadata_server: true }", &[other], "http://127.0.0.1:9/"),
            ("{ metadataServer: true }", &[other], "http://127.0.0.1:9/"),
            ("{ metadata_server: 'm:8' }", &[other], "http://m:8/"),
        ] {
            let url = token_url(&settings(google, variables).expect(google));
            assert!(url.starts_with(expected), "{google}: {url}");
        }
        let odd = ("GCE_METADATA_HOST", "h/x?y");
        let refused = settings("{ metadata_server: true }", &[odd]).expect_err("no host");
        assert!(
            refused.contains("metadata_server must be true, or"),
            "{refused}"
        );
    }

    #[test]
    fn a_key_file_that_changed_makes_other_settings() {
        let key = include_str!("../../fixtures/credential/service_account.pem");
        let name = format!("throughway-key-file-{}.json", std::process::id());
        let file = std::env::temp_dir().join(name);
        let google = format!("{{ service_account: '{}' }}", file.display());
        let written = |server: &str| {
            let json = serde_json::json!({
                "type": "service_account",
                "client_email": "a@b",
                "private_key": key,
                "token_uri": server,
            });
            std::fs::write(&file, json.to_string()).expect("a file");
            settings(&google, &[])
        };
        let first = written("https://one.example/t").expect("settings");
        assert_eq!(token_url(&first), "https://one.example/t");
        assert_eq!(Ok(&first), written("https://one.example/t").as_ref());
        assert_ne!(Ok(&first), written("https://two.example/t").as_ref());
        let refused = written("ftp://two.example/t").expect_err("no such scheme");
        assert!(
            refused.contains("credential.google has a token server"),
            "{refused}"
        );
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn a_file_without_end_and_one_of_another_kind_are_refused() {
        let kind = |file: io::Take<io::Repeat>| read(file).map_err(|error| error.kind());
        let endless = kind(io::repeat(b'{').take(u64::MAX));
        assert_eq!(endless, Err(io::ErrorKind::FileTooLarge));
        assert_eq!(
            kind(io::repeat(b'x').take(9)),
            Err(io::ErrorKind::InvalidData)
        );
        assert_eq!(kind(io::repeat(b'{').take(2)), Ok("{{".to_owned()));
    }
}
