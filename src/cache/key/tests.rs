//! What changes the key of a request and what does not, by examples.

mod any_request;

use super::*;

/// An owned form of [`Request`].
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    namespace: Namespace,
    /// A digest of the caller's credentials.
    credentials: Option<[u8; 32]>,
    targets: Vec<Place>,
    method: &'static str,
    path: String,
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    base: &'static str,
    named_by: NamedBy,
    gets_credentials: bool,
    credential: Option<[u8; 32]>,
    edits: Vec<(&'static str, Option<String>)>,
    override_params: Vec<BodyEdit>,
    model_prefix: Option<String>,
}

impl Asked {
    fn key(&self) -> CacheKey {
        let named = |name: &str| name.parse::<HeaderName>().unwrap();
        let valued = |value: &str| value.parse::<HeaderValue>().unwrap();
        let made: Vec<(BaseUrl, Vec<HeaderEdit>)> = self
            .targets
            .iter()
            .map(|place| {
                let edits = place.edits.iter();
                let edits = edits.map(|(name, value)| (named(name), value.as_deref().map(valued)));
                (BaseUrl::parse(place.base).unwrap(), edits.collect())
            })
            .collect();
        let targets = self.targets.iter().zip(&made);
        let targets = targets.map(|(place, (base, edits))| Target {
            base,
            named_by: place.named_by,
            gets_credentials: place.gets_credentials,
            edits,
            credential: place.credential.as_ref(),
            override_params: &place.override_params,
            model_prefix: place.model_prefix.as_deref(),
        });
        let lines = self.headers.iter();
        let lines: Vec<_> = lines
            .map(|(name, value)| (named(name), valued(value)))
            .collect();
        let body = BodyDigest::of(&self.body);
        let request = Request {
            namespace: &self.namespace,
            caller: self.credentials.as_ref(),
            targets: &targets.collect::<Vec<_>>(),
            method: self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: lines.iter().map(|(name, value)| (name, value)).collect(),
            noise: &Noise::default(),
            body: &body,
        };
        request.key()
    }
}

/// Edits with texts shorter and longer than a digest.
fn edits(lengths: [usize; 2], last: char) -> Vec<BodyEdit> {
    let text = |length: usize| -> Arc<str> { format!("{}{last}", "v".repeat(length)).into() };
    lengths.map(|length| (text(length), text(length))).into()
}

#[test]
fn shared_and_copied_long_texts_give_the_same_key() {
    for lengths in [[0, 31], [31, 32], [32, 60_000]] {
        let with = |one: &Vec<BodyEdit>, two: &Vec<BodyEdit>| {
            let mut asked = chat();
            let place = asked.targets[0].clone();
            asked.targets = [one, two]
                .map(|it| Place {
                    override_params: it.clone(),
                    ..place.clone()
                })
                .into();
            asked.key()
        };
        let (one, copy, other) = (
            edits(lengths, 'a'),
            edits(lengths, 'a'),
            edits(lengths, 'b'),
        );
        assert_eq!(with(&one, &one), with(&one, &copy));
        assert_ne!(with(&one, &one), with(&one, &other));
        assert_ne!(with(&other, &one), with(&one, &other));
    }
}

#[test]
fn a_text_and_its_digest_give_different_keys() {
    let long = "v".repeat(100);
    let digest: [u8; 32] = Sha256::digest(&long).into();
    let put = |text: &[u8]| {
        let mut fields = Fields::new(FORMAT);
        match std::str::from_utf8(text) {
            Ok(text) => LongTexts::default().put(&text.into(), &mut fields),
            Err(_) => {
                fields.flag(false);
                fields.field(text);
            }
        }
        fields.key()
    };
    assert_ne!(put(long.as_bytes()), put(&digest));
}

fn chat() -> Asked {
    Asked {
        namespace: Namespace::None,
        credentials: Some([1; 32]),
        targets: vec![Place {
            base: "https://api.openai.com/v1",
            named_by: NamedBy::Caller,
            gets_credentials: true,
            credential: None,
            edits: Vec::new(),
            override_params: Vec::new(),
            model_prefix: None,
        }],
        method: "POST",
        path: "/v1/chat/completions".into(),
        query: None,
        headers: vec![
            ("accept", "*/*".into()),
            ("x-tag", "1".into()),
            ("x-tag", "2".into()),
        ],
        body: br#"{"model":"m"}"#.to_vec(),
    }
}

#[test]
fn each_change_of_a_request_changes_its_key() {
    type Change = (&'static str, fn(&mut Asked));
    let changes: [Change; 25] = [
        ("a caller's namespace", |it| {
            it.namespace = Namespace::Caller("a".into())
        }),
        ("the settings' namespace", |it| {
            it.namespace = Namespace::Settings("a".into())
        }),
        ("an empty namespace", |it| {
            it.namespace = Namespace::Caller("".into())
        }),
        ("another credential", |it| it.credentials = Some([2; 32])),
        ("no credential", |it| it.credentials = None),
        ("one more target", |it| {
            it.targets.push(it.targets[0].clone())
        }),
        ("another scheme", |it| {
            it.targets[0].base = "http://api.openai.com:443/v1"
        }),
        ("another host", |it| {
            it.targets[0].base = "https://api.openai.org/v1"
        }),
        ("another port", |it| {
            it.targets[0].base = "https://api.openai.com:8443/v1"
        }),
        ("another base path", |it| {
            it.targets[0].base = "https://api.openai.com/v2"
        }),
        ("a base query", |it| {
            it.targets[0].base = "https://api.openai.com/v1?a=1"
        }),
        ("the same host, named by the settings", |it| {
            it.targets[0].named_by = NamedBy::Settings
        }),
        ("credentials withheld", |it| {
            it.targets[0].gets_credentials = false
        }),
        ("a credential of the operator's", |it| {
            it.targets[0].credential = Some([1; 32])
        }),
        ("another credential of the operator's", |it| {
            it.targets[0].credential = Some([2; 32])
        }),
        ("a line taken out", |it| {
            it.targets[0].edits = vec![("x-tag", None)]
        }),
        ("a line emptied", |it| {
            it.targets[0].edits = vec![("x-tag", Some("".into()))]
        }),
        ("a parameter", |it| {
            it.targets[0].override_params = vec![("a".into(), "1".into())]
        }),
        ("a model's prefix", |it| {
            it.targets[0].model_prefix = Some("@p/".into())
        }),
        ("another method", |it| it.method = "PUT"),
        ("another path", |it| it.path.push('/')),
        ("an empty query", |it| it.query = Some(String::new())),
        ("another order of a name's lines", |it| {
            it.headers.swap(1, 2)
        }),
        ("a line less", |it| it.headers.truncate(2)),
        ("another body", |it| it.body.push(b' ')),
    ];
    let mut keys = vec![("nothing", chat().key())];
    for (what, change) in changes {
        let mut changed = chat();
        change(&mut changed);
        let key = changed.key();
        for (other, other_key) in &keys {
            assert_ne!(key, *other_key, "{what} and {other}");
        }
        keys.push((what, key));
    }
}

#[test]
fn ignored_headers_do_not_change_the_key() {
    let key = chat().key();
    for name in [
        "b3",
        "content-length",
        "date",
        "host",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "user-agent",
        "x-request-id",
        "x-stainless-retry-count",
    ] {
        let mut noisy = chat();
        noisy.headers.insert(0, (name, "noise".into()));
        assert_eq!(noisy.key(), key, "{name}");
    }
    for name in [
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "openai-organization",
        "x-user",
    ] {
        let mut other = chat();
        other.headers.insert(0, (name, "not noise".into()));
        assert_ne!(other.key(), key, "{name}");
    }
    let mut reordered = chat();
    reordered.headers.rotate_left(1);
    assert_eq!(reordered.key(), key);
}

#[test]
fn callers_share_entries_only_in_a_namespace_of_the_settings() {
    let keys = |namespace: &Namespace| {
        let of = |credential: u8| {
            let mut asked = chat();
            asked.namespace = namespace.clone();
            asked.credentials = Some([credential; 32]);
            asked.key()
        };
        (of(1), of(2))
    };
    for (namespace, shared) in [
        (Namespace::None, false),
        (Namespace::Caller("team".into()), false),
        (Namespace::Settings("team".into()), true),
    ] {
        let (one, other) = keys(&namespace);
        assert_eq!(one == other, shared, "{namespace:?}");
    }
}

#[test]
fn a_key_is_parsed_from_its_hexadecimal_digits() {
    let key = chat().key();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert_eq!(key.to_string().to_uppercase().parse(), Ok(key));
    for text in ["", "0", &"g".repeat(64), &"0".repeat(63), &"ä".repeat(32)] {
        assert_eq!(text.parse::<CacheKey>(), Err(NoKey), "{text}");
    }
}
