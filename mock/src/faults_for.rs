//! Which faults apply to one request: first the defaults of the mock, then the headers of the
//! request, then its query, then `chaos` and `fail-first`.

use crate::behaviour::Behaviour;
use crate::faults::{self, FaultError};
use crate::request::Request;
use crate::state::Mock;

/// The faults that `chaos` chooses from. None of them takes longer than a second.
const CHAOS: &[(&str, &str)] = &[
    ("status", "429"),
    ("status", "500"),
    ("status", "503"),
    ("status", "529"),
    ("cut", "0"),
    ("cut", "5"),
    ("reset", "0"),
    ("reset", "5"),
    ("malformed", "head"),
    ("malformed", "chunk"),
    ("error-first", "1"),
    ("error-after", "5"),
    ("error-200", "1"),
    ("html-200", "1"),
    ("empty-stream", "1"),
    ("delay", "1000"),
    ("hang-up", "1"),
    ("close", "1"),
];

/// The behaviour for `request`.
///
/// # Errors
/// When the request names an unknown fault, or sets one to an invalid value.
pub(crate) fn faults_for(mock: &Mock, request: &Request) -> Result<Behaviour, FaultError> {
    let mut behaviour = mock.defaults.clone();
    for (name, value) in &request.headers {
        if let Some(name) = fault_name(name, b"x-mock-") {
            faults::set(&mut behaviour, &name, &String::from_utf8_lossy(value))?;
        }
    }
    if request.target.contains("mock_") {
        for (name, value) in request.query() {
            if let Some(name) = fault_name(name.as_bytes(), b"mock_") {
                faults::set(&mut behaviour, &name, &value)?;
            }
        }
    }
    if behaviour.chaos > 0.0
        && mock.random.happens(behaviour.chaos)
        && let Some((name, value)) = mock.random.pick(CHAOS)
    {
        faults::set(&mut behaviour, name, value)?;
    }
    Ok(apply_fail_first(mock, request, behaviour))
}

fn fault_name(name: &[u8], prefix: &[u8]) -> Option<String> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    let is_fault = start.eq_ignore_ascii_case(prefix);
    is_fault.then(|| String::from_utf8_lossy(rest).into_owned())
}

fn apply_fail_first(mock: &Mock, request: &Request, mut behaviour: Behaviour) -> Behaviour {
    let Some(first) = behaviour.fail_first else {
        return behaviour;
    };
    let key = behaviour.key.as_deref().unwrap_or(request.path());
    if mock.requests_before(key) >= first {
        return behaviour.without_failure();
    }
    let failure = &mut behaviour.failure;
    let no_failure_set = !failure.silence
        && failure.stop.is_none()
        && failure.malformed.is_none()
        && failure.substitute.is_none();
    if no_failure_set {
        failure.status.get_or_insert(503);
    }
    behaviour
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::options::MockOptions;
    use crate::request::take_head;

    fn mock() -> Mock {
        let options = MockOptions::default().with_fault("tokens", "3").unwrap();
        Mock::new(&options)
    }

    fn request(target: &str, headers: &str) -> Request {
        let head = format!("POST {target} HTTP/1.1\r\n{headers}\r\n");
        take_head(&mut BytesMut::from(head.as_bytes()))
            .unwrap()
            .unwrap()
    }

    #[test]
    fn the_query_overrides_the_header_and_the_header_the_default() {
        let table = [
            ("/", "", 3),
            ("/", "X-Mock-Tokens: 4\r\n", 4),
            ("/?mock_tokens=5", "x-mock-tokens: 4\r\n", 5),
        ];
        for (target, headers, tokens) in table {
            let behaviour = faults_for(&mock(), &request(target, headers)).unwrap();
            assert_eq!(behaviour.tokens, tokens);
        }
    }

    #[test]
    fn the_first_requests_of_each_key_fail() {
        let mock = mock();
        let ask = |key: &str| {
            let headers = format!("x-mock-fail-first: 2\r\nx-mock-key: {key}\r\n");
            faults_for(&mock, &request("/", &headers))
                .unwrap()
                .failure
                .status
        };
        assert_eq!([ask("a"), ask("a"), ask("a")], [Some(503), Some(503), None]);
        assert_eq!(ask("b"), Some(503));
        mock.reset();
        assert_eq!(ask("a"), Some(503));
    }

    #[test]
    fn the_failure_set_together_with_fail_first_is_the_one_used() {
        let mock = mock();
        let ask = || faults_for(&mock, &request("/?mock_fail-first=1&mock_reset=0", "")).unwrap();
        let (first, second) = (ask(), ask());
        assert!(first.failure.stop.is_some() && first.failure.status.is_none());
        assert_eq!(second.failure, Default::default());
    }

    #[test]
    fn chaos_hits_its_share_and_the_same_requests_for_the_same_seed() {
        let hits = || {
            let mock = mock();
            let ask = |_| {
                faults_for(&mock, &request("/?mock_chaos=0.1", ""))
                    .unwrap()
                    .requested
                    .len()
                    > 2
            };
            (0..2000).map(ask).collect::<Vec<bool>>()
        };
        let first = hits();
        assert_eq!(first, hits());
        let share = first.iter().filter(|hit| **hit).count();
        assert!((120..280).contains(&share), "{share}");
    }
}
