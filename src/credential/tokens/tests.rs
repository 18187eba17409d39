//! Who fetches a token, and when, by a clock that the test sets.

use super::*;
use crate::credential::{Credential, Scheme, google};

fn account(host: &str) -> Fingerprint {
    let source = google::Source::MetadataServer(host.into());
    let account = google::Account::new(source, &[]);
    *Credential::new(Scheme::Token(account)).fingerprint()
}

fn token(text: &str, seconds: u64) -> Token {
    Token::new(&Secret::new(text), Duration::from_secs(seconds)).expect("a token")
}

/// The answer as a word, and whether a fetch was begun.
fn told(answer: &Answer) -> (String, bool) {
    let now = match &answer.now {
        Now::Token(line) => line.to_str().expect("text").to_owned(),
        Now::Wait(_) => "wait".to_owned(),
        Now::Failed(reason) => format!("failed: {reason}"),
    };
    (now, answer.fetch.is_some())
}

struct Clock(Instant);

impl Clock {
    fn at(&self, seconds: u64) -> Instant {
        self.0 + Duration::from_secs(seconds)
    }
}

#[test]
fn one_request_fetches_and_all_others_wait() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let ask = || tokens.ask(&account("a"), clock.at(0));
    let mut first = ask();
    assert_eq!(told(&first), ("wait".to_owned(), true));
    for _ in 0..200 {
        assert_eq!(told(&ask()), ("wait".to_owned(), false));
    }
    let other = tokens.ask(&account("b"), clock.at(0));
    assert_eq!(told(&other), ("wait".to_owned(), true), "another account");
    let fetch = first.fetch.take().expect("a fetch");
    fetch.end(Ok(token("t", 100)), clock.at(0));
    assert_eq!(told(&ask()), ("Bearer t".to_owned(), false));
}

#[test]
fn a_token_is_renewed_at_four_fifths_of_its_life_while_it_is_used() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let ask = |seconds| tokens.ask(&account("a"), clock.at(seconds));
    let fetch = ask(0).fetch.expect("a fetch");
    fetch.end(Ok(token("one", 1000)), clock.at(0));
    assert_eq!(told(&ask(799)), ("Bearer one".to_owned(), false));
    let renewal = ask(800);
    assert_eq!(told(&renewal), ("Bearer one".to_owned(), true));
    assert_eq!(told(&ask(801)), ("Bearer one".to_owned(), false));
    let fetch = renewal.fetch.expect("a fetch");
    fetch.end(Ok(token("two", 1000)), clock.at(802));
    assert_eq!(told(&ask(803)), ("Bearer two".to_owned(), false));
    // Without a renewal it is not used in its last seconds.
    assert_eq!(told(&ask(1791)).0, "Bearer two");
    assert_eq!(told(&ask(1792)), ("wait".to_owned(), true));
}

#[test]
fn a_failed_renewal_leaves_the_token_and_a_dead_server_in_peace() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let ask = |seconds| tokens.ask(&account("a"), clock.at(seconds));
    let fetch = ask(0).fetch.expect("a fetch");
    fetch.end(Ok(token("one", 1000)), clock.at(0));
    let fetch = ask(900).fetch.expect("a renewal");
    fetch.end(Err("no".to_owned()), clock.at(900));
    assert_eq!(told(&ask(900)), ("Bearer one".to_owned(), false));
    assert_eq!(told(&ask(901)), ("Bearer one".to_owned(), true));
}

#[test]
fn after_a_failure_requests_fail_at_once_and_pauses_grow() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let ask = |seconds| tokens.ask(&account("a"), clock.at(seconds));
    let (mut now, mut pauses) = (0, Vec::new());
    for _ in 0..9 {
        let fetch = ask(now).fetch.expect("a fetch");
        fetch.end(Err("down".to_owned()), clock.at(now));
        let failed_at = now;
        while ask(now).fetch.is_none() {
            assert_eq!(told(&ask(now)), ("failed: down".to_owned(), false));
            now += 1;
        }
        pauses.push(now - failed_at);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    let fetch = ask(now).fetch.expect("a fetch");
    fetch.end(Ok(token("t", 100)), clock.at(now));
    let fetch = ask(now + 100).fetch.expect("a fetch");
    fetch.end(Err("down".to_owned()), clock.at(now + 100));
    let again = ask(now + 101);
    assert!(again.fetch.is_some(), "a success ends the row of failures");
}

#[actix_rt::test]
async fn a_fetch_that_is_dropped_is_begun_by_the_next_who_waits() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let ask = || tokens.ask(&account("a"), clock.at(0));
    let first = ask();
    let Now::Wait(change) = ask().now else {
        panic!("it waits");
    };
    drop(first);
    change.wait().await;
    assert_eq!(told(&ask()), ("wait".to_owned(), true));
}

#[test]
fn accounts_without_a_token_are_forgotten_when_there_are_too_many() {
    let (tokens, clock) = (Tokens::default(), Clock(Instant::now()));
    let fetch = tokens.ask(&account("kept"), clock.at(0)).fetch;
    fetch
        .expect("a fetch")
        .end(Ok(token("t", 100)), clock.at(0));
    for number in 0..2 * MOST_ACCOUNTS {
        tokens.ask(&account(&number.to_string()), clock.at(0));
    }
    assert!(locked(&tokens.slots).len() <= MOST_ACCOUNTS);
    let kept = tokens.ask(&account("kept"), clock.at(1));
    assert_eq!(told(&kept), ("Bearer t".to_owned(), false));
}
