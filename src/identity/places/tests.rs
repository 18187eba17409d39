//! Keys at random in every place and in random surroundings: found, taken out byte by byte, and
//! nothing of them is left. Text that is not a key stays as it is.

use actix_http::header::HeaderValue;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::*;
use crate::identity::{samples::secret, token::GatewayKey};

/// A request of which only header lines and query matter here.
#[derive(Clone, Debug, Default)]
struct Request {
    own: Option<String>,
    lines: Vec<(HeaderName, String)>,
    query: Option<String>,
}

impl Request {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.lines {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(name.clone(), value);
        }
        headers
    }

    fn find(&self) -> Result<Option<Found>, Misplaced> {
        let mut search = Search::default();
        if let Some(own) = &self.own {
            search.see_own(own.as_bytes())?;
        }
        for (name, value) in &self.headers() {
            look_at_line(name, value.as_bytes(), &mut search);
        }
        read_query(self.query.as_deref().unwrap_or_default(), &mut search);
        search.finish()
    }

    /// What would leave: the lines that are left of it, sorted by name, and the query.
    fn stripped(&self) -> Request {
        let mut everywhere = self.headers();
        remove_from_lines(&mut everywhere, None);
        if let Ok(found) = self.find() {
            let mut where_found = self.headers();
            let places = found.map(|it| it.places).unwrap_or_default();
            remove_from_lines(&mut where_found, Some(places));
            assert_eq!(
                Request::of(&where_found).lines,
                Request::of(&everywhere).lines
            );
        }
        let query = self.query.as_deref().and_then(query_without_keys);
        Request {
            query: query.map(Cow::into_owned),
            ..Request::of(&everywhere)
        }
    }

    fn of(headers: &HeaderMap) -> Request {
        let lines = headers.iter().map(|(name, value)| {
            let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
            (name.clone(), value)
        });
        Request {
            lines: sorted(lines.collect()),
            ..Request::default()
        }
    }

    fn shows_key(&self) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|(_, value)| line_contains_key(value.as_bytes()))
            || self
                .query
                .as_deref()
                .is_some_and(|it| contains_key(it.as_bytes()))
    }
}

/// By name; lines of one name stay in their order.
fn sorted(mut lines: Vec<(HeaderName, String)>) -> Vec<(HeaderName, String)> {
    lines.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
    lines
}

/// What is left of one line.
fn left_of(name: &HeaderName, value: &[u8]) -> Option<Vec<u8>> {
    let mut headers = HeaderMap::new();
    headers.append(name.clone(), HeaderValue::from_bytes(value).ok()?);
    remove_from_lines(&mut headers, None);
    headers.get(name).map(|value| value.as_bytes().to_vec())
}

/// The texts around a key in one place.
#[derive(Clone, Debug)]
struct Around {
    before: String,
    after: String,
    encode: bool,
}

fn around() -> impl Strategy<Value = Around> {
    let fields = ("[a-z]{0,8}", "[a-z]{0,8}", any::<bool>());
    fields.prop_map(|(before, after, encode)| Around {
        before,
        after,
        encode,
    })
}

fn line(name: &'static str, value: String) -> Request {
    Request {
        lines: vec![(HeaderName::from_static(name), value)],
        ..Request::default()
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A request with a key in one place, and what must be left of it.
fn request(place: Place, key: &str, around: &Around) -> (Request, Request) {
    let Around {
        before,
        after,
        encode,
    } = around;
    let basic = |credentials: String| {
        let encoded = BASE64_STANDARD.encode(credentials);
        line(
            "authorization",
            format!("Basic {}", encoded.trim_end_matches('=')),
        )
    };
    let gone = Request::default();
    match place {
        Place::Gateway => {
            let own = Some(key.to_owned());
            (
                Request {
                    own,
                    ..Request::default()
                },
                gone,
            )
        }
        Place::Bearer => (line("authorization", format!("bEARER  {key} ")), gone),
        Place::Token => (line("authorization", format!("token {key}")), gone),
        Place::Bare => (line("authorization", format!(" {key}")), gone),
        Place::BasicUser => (basic(format!("{key}:{after}")), gone),
        Place::BasicPassword => (basic(format!("{before}:{key}")), gone),
        Place::AwsCredential => {
            let scope = "20261122/us-east-1/bedrock/aws4_request";
            let value = format!(
                "AWS4-HMAC-SHA256 SignedHeaders={after}, Credential={key}/{scope}, Signature=0"
            );
            (line("authorization", value), gone)
        }
        Place::XApiKey => (line("x-api-key", format!(" {key}")), gone),
        Place::ApiKey => (line("api-key", key.to_owned()), gone),
        Place::XGoogApiKey => (line("x-goog-api-key", key.to_owned()), gone),
        Place::XiApiKey => (line("xi-api-key", key.to_owned()), gone),
        Place::Subprotocol => {
            let value = format!("{before}x, OpenAI-insecure-api-key.{key} ,{after}y;q");
            let left = format!("{before}x,{after}y;q");
            (
                line("sec-websocket-protocol", value),
                line("sec-websocket-protocol", left),
            )
        }
        Place::Query => {
            let (name, value) = match encode {
                true => (percent_encoded("key"), percent_encoded(key)),
                false => ("key".to_owned(), key.to_owned()),
            };
            let with = |query: String| Request {
                query: Some(query),
                ..Request::default()
            };
            let written = format!("{before}=%20+&&{name}={value}&{after}");
            (with(written), with(format!("{before}=%20+&&{after}")))
        }
    }
}

fn place() -> impl Strategy<Value = Place> {
    prop::sample::select(&Place::ALL[..])
}

/// Both requests in one.
fn joined(one: Request, other: Request) -> Request {
    Request {
        own: one.own.or(other.own),
        lines: one.lines.into_iter().chain(other.lines).collect(),
        query: match (one.query, other.query) {
            (Some(one), Some(other)) => Some(format!("{one}&{other}")),
            (one, other) => one.or(other),
        },
    }
}

/// The caller's own credentials and other lines, in the same places.
fn bystanders() -> Request {
    let lines = [
        ("authorization", "Bearer sk-own"),
        ("x-api-key", "sk-ant-own"),
        ("cookie", "tw-session=1"),
        ("sec-websocket-protocol", "openai-insecure-api-key.sk-own"),
        ("x-note", "tw-0123456789abcdefghijklmnopqrstuvwxyzABCDE"),
    ];
    let lines = lines.map(|(name, value)| (HeaderName::from_static(name), value.to_owned()));
    Request {
        own: None,
        lines: lines.into(),
        query: Some("alt=sse&key=AIza-own&api_key=x".to_owned()),
    }
}

proptest! {
    #[test]
    fn a_key_is_found_wherever_it_may_stand_and_nothing_of_it_is_left(
        seed: u64,
        place in place(),
        around in around(),
    ) {
        let key = secret(seed);
        let (written, left) = request(place, key.expose(), &around);
        let written = joined(written, bystanders());
        let left = joined(left, bystanders());
        let found = written.find().unwrap().unwrap();
        prop_assert!(found.key.is_same(&key));
        prop_assert_eq!(found.places.iter().collect::<Vec<_>>(), [place]);
        let stripped = written.stripped();
        prop_assert_eq!(&stripped.lines, &sorted(left.lines));
        prop_assert_eq!(&stripped.query, &left.query);
        prop_assert!(!stripped.shows_key());
        prop_assert!(place == Place::Gateway || written.shows_key());
    }

    #[test]
    fn one_key_may_stand_in_two_places_but_two_keys_are_refused(
        seed: u64,
        places in (place(), place()),
        around in around(),
    ) {
        let (key, other) = (secret(seed), secret(seed.wrapping_add(1)));
        // Two keys in one header are two lines of it; there is only one line of our own.
        prop_assume!(places != (Place::Gateway, Place::Gateway));
        let two = |second: &GatewayKey| joined(
            request(places.0, key.expose(), &around).0,
            request(places.1, second.expose(), &around).0,
        );
        let found = two(&key).find().unwrap().unwrap();
        prop_assert!(found.places.contains(places.0) && found.places.contains(places.1));
        let refused = two(&other).find().unwrap_err();
        let are_several = matches!(refused, Misplaced::Several { .. });
        prop_assert!(are_several);
        prop_assert!(!refused.to_string().contains("tw-"));
        prop_assert!(!two(&other).stripped().shows_key());
    }

    #[test]
    fn text_that_is_not_a_key_stays_byte_by_byte(
        text in "(Basic |AWS4-X Credential=|openai-insecure-api-key.|)[ -~]{0,90}",
        bytes in proptest::collection::vec(0x20_u8..=0xff, 0..90),
        query in "[!-~]{0,90}",
    ) {
        let values = [text.as_bytes(), &bytes];
        for (place, value) in HEADERS.iter().flat_map(|it| values.map(|value| (it, value))) {
            prop_assume!(HeaderValue::from_bytes(value).is_ok());
            let left = left_of(&place.name, value);
            prop_assert_eq!(left.as_deref(), Some(value));
        }
        let left = query_without_keys(&query);
        prop_assert_eq!(left.as_deref(), Some(&*query));
        prop_assert!(!values.into_iter().any(line_contains_key));
    }

    #[test]
    fn a_key_is_seen_in_any_text(
        seed: u64,
        before in "[ -~]{0,60}",
        after in "[ -~]{0,60}",
    ) {
        let key = secret(seed);
        let text = format!("{before}{}{after}", key.expose());
        prop_assert!(contains_key(text.as_bytes()));
        let encoded = format!("{before}{}{after}", percent_encoded(key.expose()));
        prop_assert!(contains_key(encoded.as_bytes()));
        let basic = format!("Basic {}", BASE64_STANDARD.encode(&text));
        prop_assert!(line_contains_key(basic.as_bytes()));
        let (cut, _) = text.split_at(before.len() + key.expose().len() - 1);
        prop_assert!(!contains_key(cut.as_bytes()));
    }
}

#[test]
fn requests_without_a_key_show_none() {
    assert!(bystanders().find().unwrap().is_none());
    assert_eq!(bystanders().stripped().lines, sorted(bystanders().lines));
    assert_eq!(bystanders().stripped().query, bystanders().query);
    assert!(!bystanders().shows_key());
    assert!(Request::default().find().unwrap().is_none());
}

#[test]
fn only_a_key_may_stand_in_our_own_header() {
    let key = secret(1);
    let mistyped = key.expose().replace("tw-", "tv-");
    for text in ["sk-own", "", &key.expose()[..40], &mistyped] {
        let own = Some(text.to_owned());
        let refused = Request {
            own,
            ..bystanders()
        }
        .find();
        assert_eq!(refused.unwrap_err(), Misplaced::NotAKey, "{text}");
    }
}

#[test]
fn a_query_of_a_key_alone_goes_with_its_question_mark() {
    let key = secret(1);
    let key = key.expose();
    for (query, left) in [
        (format!("key={key}"), None),
        (format!("key={key}&key={key}"), None),
        (format!("key={key}&"), Some("")),
        (format!("&key={key}&&a"), Some("&&a")),
        (format!("a&k%65y={}", key.replace('-', "%2D")), Some("a")),
        (format!("a=1&key={key}x"), Some("a=1&key=@x")),
        (format!("Key={key}"), Some("Key=@")),
        (format!("key=={key}"), Some("key==@")),
        ("key".to_owned(), Some("key")),
    ] {
        let left = left.map(|it| it.replace('@', key));
        assert_eq!(
            query_without_keys(&query).as_deref(),
            left.as_deref(),
            "{query}"
        );
    }
}

#[test]
fn a_line_of_one_subprotocol_goes_whole() {
    let key = secret(1);
    let name = header::SEC_WEBSOCKET_PROTOCOL;
    let offered = format!("openai-insecure-api-key.{}", key.expose());
    for (value, left) in [
        (offered.clone(), None),
        (format!(" {offered} , "), None),
        (format!("{offered}, realtime"), Some("realtime")),
        (format!("realtime , {offered},{offered}"), Some("realtime")),
        (format!("{offered}-x"), Some("@-x")),
    ] {
        let left = left.map(|it| it.replace('@', &offered));
        let found = left_of(&name, value.as_bytes());
        assert_eq!(
            found.as_deref(),
            left.as_deref().map(str::as_bytes),
            "{value}"
        );
    }
}

#[test]
fn long_basic_credentials_are_looked_through_too() {
    let key = secret(1);
    for length in [0, 500, 768, 20_000] {
        let credentials = format!("{}:{}", "u".repeat(length), key.expose());
        let request = line(
            "authorization",
            format!("Basic {}", BASE64_STANDARD.encode(credentials)),
        );
        let found = request.find().unwrap().unwrap();
        assert!(found.places.contains(Place::BasicPassword), "{length}");
    }
}
